"""A training step in the making: the record that Python hands over, and what the stages' functions have in common."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from clearprop.engine.native import kernels as k
from clearprop.engine.native.layout import Layout
from clearprop.engine.native.stages.base import IDENTITY, Piece, Stage
from clearprop.engine.native.values import Doubles, Function, Int, Pointer, Sparse, View
from clearprop.ops import Op

if TYPE_CHECKING:
    from clearprop.engine.native.network import Network

FIELDS = [
    *("w", "transposed", "averages"),  # what is trained
    *("X", "columns", "starts", "targets", "weights", "order", "offsets"),  # data and batches
    *("turned_values", "turned_rows", "turned_starts"),  # a sparse batch by columns
    *("first", "steps", "scalars", "divisors", "seed_low", "seed_high", "epoch"),  # of the steps
    *("losses", "values", "penalties", "norms", "done"),  # results
    *("board", "threads", "stop", "rows"),
]
"""What Python hands over to `train`, by name; then act, delta, beside, shares and copies of every stage."""
WHOLE = {"first", "steps", "threads", "rows", "seed_low", "seed_high", "epoch"}


class Fields:
    """The record of addresses and numbers, read by name, all at the function's start."""

    def __init__(self, record: Pointer, boundaries: int) -> None:
        for i, name in enumerate(FIELDS):
            setattr(self, name, record.integer(i) if name in WHOLE else record.pointer(i))
        starts = [len(FIELDS) + kind * boundaries for kind in range(5)]
        self.act, self.delta, self.beside, self.shares, self.copies = (
            [record.pointer(start + s) for s in range(boundaries)] for start in starts
        )

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


@dataclass(frozen=True)
class Batch:
    """The batch of one step."""

    t: Int  # the step's number
    order: Pointer  # the numbers of its rows
    row: Pointer  # of the table of scalars
    start: Int  # its place in the epoch's order
    count: Int  # its rows


@dataclass
class Step:
    """What the functions that write one training step have in common."""

    f: Function
    net: "Network"
    layout: Layout
    fields: Fields
    group: int  # rows that small stages work on together

    def __post_init__(self) -> None:
        fields, ld = self.fields, self.layout.ld
        self.m, self.lanes = self.f.m, self.layout.lanes
        self.w, self.transposed = fields.w, fields.transposed
        self.act, self.delta, self.shares = (
            [View(p, n) for p, n in zip(places, ld, strict=True)]
            for places in (fields.act, fields.delta, fields.shares)
        )
        self.beside, self.copies = fields.beside, fields.copies
        self.sparse = Sparse(fields.X, fields.columns, fields.starts)
        self.turned = Sparse(fields.turned_values, fields.turned_rows, fields.turned_starts)

    def below(self, stage: Stage) -> Op:
        """The activation whose vjp falls to this stage."""
        return self.net.stages[stage.number - 1].activation if stage.number else IDENTITY

    # Rows come in, and their loss goes out.

    def gather(self, batch: Batch, first: Any, rows: Any) -> None:
        n = self.net.stages[0].n
        with self.f.loop(first, first + rows) as i:
            row, target = batch.order.integer(i), self.act[0].row(i)
            if self.net.sparse:
                values, columns, starts = self.sparse
                k.copy_sparse_row(self.m)(values, columns, starts.integer(row), starts.integer(row + 1), target, n)
            else:
                k.copy_row(self.m, True)(self.fields.X + row * n, n, target)

    def loss(self, batch: Batch, first: Any, rows: Any) -> None:
        net, fields, last = self.net, self.fields, len(self.net.stages)
        form = k.LossForm(net.loss, net.stages[-1].activation, net.widths[-1], self.group, net.labels, net.weighted)
        given = k.Truth(fields.targets, fields.weights, batch.order.offset(first, "i64"))
        k.loss_gradient(self.m, form)(
            self.act[last].rows(first),
            self.delta[last].row(first),
            given,
            fields.divisors + batch.t,
            fields.values + first,
            rows,
        )

    def trained(self, stage: Stage, v: int, batch: Batch, w: Pointer | None = None) -> k.Trained:
        """Parameter v of a stage, or the part of it at w, with all that its update needs."""
        start = self.layout.starts[stage.number][stage.parameters[v]]
        scalars = batch.row + self.net.columns[stage.number][v]
        return k.Trained(w or self.w + start, self.layout.size, scalars, self.net.limits(batch.row))

    # Weights: a ticket is one block of a stage's update, or several.

    def blocks(self, stage: Stage) -> int:
        """How many blocks the update of a stage consists of."""
        return stage.blocks(self.lanes) if any(self.net.updates[stage.number]) else 0

    def together(self, stage: Stage) -> int:
        """How many blocks are one ticket."""
        return stage.together(self.blocks(stage), self.m.tuning)

    def tickets(self, stage: Stage) -> int:
        """How many tickets the update of a stage is divided into."""
        return -(-self.blocks(stage) // self.together(stage))

    def in_blocks(self, ticket: Int, body: Callable[[Stage, Int, Int], None]) -> None:
        """Finds the stage and the blocks, first and number, that a ticket stands for; the first ticket is the loss."""
        base = 1
        for stage in self.net.stages:
            if count := self.tickets(stage):
                with self.f.when(self.f.emit(f"icmp ult i64 {ticket - base}, {count}")):
                    block = (ticket - base) * self.together(stage)
                    body(stage, block, (self.blocks(stage) - block).minimum(self.together(stage)))
            base += count

    @property
    def all_tickets(self) -> int:
        return 1 + sum(self.tickets(stage) for stage in self.net.stages)

    def note_penalty(self, stage: Stage, block: Int, blocks: Int, ticket: Int, batch: Batch) -> None:
        """What the blocks' weights add to the loss of the step."""
        with self.penalty(ticket, batch.t) as sums:
            for piece in stage.pieces(self, block, blocks):
                if piece.how.penalised:
                    k.add_penalties(self.m)(piece.w, piece.rows, piece.columns, self.net.limits(batch.row), sums)

    @contextlib.contextmanager
    def penalty(self, ticket: Any, t: Int) -> Iterator[Pointer]:
        """Room for a ticket's sums of penalties, a float64 number in each lane, which end as one number of step t."""
        f, lanes = self.f, self.layout.lanes
        sums = f.scratch_doubles(lanes)
        yield sums
        k.add_lanes(f.m)(sums, self.fields.penalties.offset(t * self.layout.tickets + ticket, "double"))

    # The gradient's norm, for which gradients are stored first.

    def square(self, stage: Stage, block: Int, blocks: Int, ticket: Int) -> None:
        """The squares of the blocks' gradients, added up in the ticket's place."""
        f, lanes = self.f, self.layout.lanes
        total = self.fields.norms.offset(ticket * lanes, "double")
        total.put_doubles(Doubles.zeros(f, lanes))
        for piece in stage.pieces(self, block, blocks):
            g = piece.w + self.layout.size * (1 + piece.how.slots)
            with f.loop(0, g.ld, lanes) as c:
                k.add_squares(f.m)(g + c, piece.rows, piece.columns - c, total)

    def norm_scale(self, batch: Batch) -> Pointer:
        """What gradients are multiplied by: 1, or what brings their norm down to the limit."""
        f, m, lanes = self.f, self.f.m, self.layout.lanes
        scale = f.scratch(1)
        k.norm_scale(m)(self.fields.norms, self.all_tickets * lanes, self.net.limits(batch.row), scale)
        return scale

    def apply(self, stage: Stage, piece: Piece, batch: Batch, factor: Pointer) -> None:
        """The rule, with a piece's stored gradients."""
        how = replace(piece.how, stored=False, penalised=False, clipped=False)
        count = piece.w.ld if piece.blocks is None else piece.blocks * (piece.w.ld * self.lanes)
        k.apply_stored(self.m, how)(self.trained(stage, piece.v, batch, piece.w.p), factor, count)
