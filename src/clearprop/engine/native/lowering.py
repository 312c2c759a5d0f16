"""Model, loss and optimiser become functions: train, gradient, predict.  They read like the loops they are."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from clearprop.engine.native import kernels as k
from clearprop.engine.native import sparse
from clearprop.engine.native.kernels import Update
from clearprop.engine.native.layout import Layout, mask_width
from clearprop.engine.native.module import Module
from clearprop.engine.native.network import IDENTITY, Network, Stage
from clearprop.engine.native.scheduler import scheduler_ir
from clearprop.engine.native.values import Function, Int, Pointer, padded
from clearprop.ops import Op

ROWS = 64  # predicted at once, so that their activations stay in the cache
TOGETHER = 512  # predicted by one thread before it draws its next ticket
CHUNK = 144  # rows that one ticket has at most, for the same reason
MANY = 8  # blocks of weights in a layer, from which on a ticket has as many as can be summed at once
TICKETS = 12  # of a layer, which have to remain where a ticket has more blocks than that:
BLOCKS = {64: 6, 32: 4}  # at most so many; they meet the same columns of delta while the first-level cache has these
ROUNDS = 4  # tickets of rows for each thread at least,
HEAVY = 2**20  # but just one from so many bytes of weights on, as each ticket reads them all


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


# --- training on batches ----------------------------------------------------------------------------------------------


def each(f: Function, count: int) -> contextlib.AbstractContextManager[Any]:
    """0 .. count - 1; a loop only if there is more than one."""
    return f.loop(0, count) if count > 1 else contextlib.nullcontext(0)


@contextlib.contextmanager
def shared(
    f: Function, board: Pointer, rank: Int, phase: Int, tickets: Any, *, ends_step: bool = False
) -> Iterator[Int]:
    """Work that the threads share: each draws tickets until none are left; nobody leaves before all are done."""
    head, body, end = f.labels("draw", "work", "drawn")
    f.effect(f"br label %{head}")
    f.label(head)
    about = f"i64 {rank}, i64 {phase}, i64 {tickets}, i1 {str(ends_step).lower()}"
    ticket = Int(f, f.emit(f"call i64 @draw(ptr {board}, {about})", pure=False))
    f.effect(f"br i1 {ticket < tickets}, label %{body}, label %{end}")
    f.label(body)
    yield ticket
    f.effect(f"br label %{head}")
    f.label(end)


@dataclass
class Step:
    """What the functions that write one training step have in common."""

    f: Function
    net: Network
    layout: Layout
    fields: Fields
    group: int  # rows that small stages work on together

    def __post_init__(self) -> None:
        fields = self.fields
        self.w, self.transposed = fields.w, fields.transposed
        self.act, self.delta, self.beside, self.shares = fields.act, fields.delta, fields.beside, fields.shares
        self.copies = fields.copies

    # Activations go forward, from the rows of a batch to their loss.

    def gather(self, order: Pointer, first: Any, rows: Any) -> None:
        n, ld, X = self.net.stages[0].n, self.layout.ld[0], self.fields.X
        with self.f.loop(first, first + rows) as i:
            row, target = order.integer(i), self.act[0] + i * ld
            if self.net.sparse:
                start, stop = self.fields.starts.integer(row), self.fields.starts.integer(row + 1)
                k.copy_sparse_row(self.f.m)(X, self.fields.columns, start, stop, target, n)
            else:
                k.copy_row(self.f.m, True)(X + row * n, n, target)

    def forward(self, s: int, first: Any, rows: Any, position: Any, count: Int) -> None:
        stage = self.net.stages[s]
        if stage.batch:
            self._batch_apply(s, None, first, rows, count)
            return
        if s == 0 and self.net.skips_zeros:
            X, at = (self.fields.X, self.fields.columns, self.fields.starts), first * self.layout.ld[1]
            order = self.fields.order.offset(position + first, "i64")
            write_sparse(self.f, stage, self.layout, self.w, X, order, self.act[1] + at, self.delta[1] + at, rows)
            return
        if stage.dense:
            write_dense(self.f, stage, self.layout, s, self.w, self.act, self.delta, first, rows, self.f.m.target.rows)
            return
        if stage.drops:
            key = (self.fields.seed_low, self.fields.seed_high, self.fields.epoch, stage.layer, position + first)
            k.dropout_mask(self.f.m, stage.m, self.net.numbers[s])(*self._beside(s, first), *key, rows)
        beside, ldb = self._beside(s, first)
        at, out = first * self.layout.ld[s], first * self.layout.ld[s + 1]
        k.apply_forward(self.f.m, stage.op, stage.m, self.group, stage.beside)(
            self.act[s] + at, self.layout.ld[s], beside, ldb, self.act[s + 1] + out, self.layout.ld[s + 1], rows
        )

    def _beside(self, s: int, first: Any) -> tuple[Pointer, int]:
        """What an operation takes besides its input: dropout its mask, others their parameters."""
        stage, lanes = self.net.stages[s], self.layout.lanes
        if stage.drops:
            return self.beside[s] + first * mask_width(stage.m, lanes), mask_width(stage.m, lanes)
        return self.w + self.layout.starts[s].get("gamma", 0), padded(stage.m, lanes)

    def _batch_apply(self, s: int, below: Op | None, first: Any, rows: Any, count: Int) -> None:
        layout, stage = self.layout, self.net.stages[s]
        ld, ldy, wide = layout.ld[s], layout.ld[s + 1], padded(stage.m, layout.lanes)
        target = self.act[s + 1] + first * ldy if below is None else self.delta[s] + first * ld
        with each(self.f, wide // layout.lanes) as register:
            c = register * layout.lanes
            k.batch_apply(self.f.m, stage.op, below)(
                self.delta[s + 1] + (first * ldy + c), ldy, self.act[s] + (first * ld + c), ld,
                self.w + (layout.starts[s]["gamma"] + c), wide, self.shares[s] + c, target + c, rows, stage.m - c,
                count,
            )  # fmt: skip

    def batch_sums(self, s: int, ticket: Int, count: Int, *, back: bool) -> None:
        """What batch normalisation sums over the rows, for one register of columns."""
        layout, stage, m = self.layout, self.net.stages[s], self.f.m
        wide, c = padded(stage.m, layout.lanes), ticket * layout.lanes
        x = (self.act[s] + c, layout.ld[s])
        parameters = (self.w + layout.starts[s]["gamma"] + c, wide, self.shares[s] + c)
        if back:
            dy = (self.delta[s + 1] + c, layout.ld[s + 1])
            k.batch_sums_back(m, stage.op)(*dy, *x, *parameters, count)
        else:
            averages = self.fields.averages + layout.averages[s] + c
            k.batch_sums(m, stage.op, self.net.numbers[s])(*x, *parameters, averages, count)

    def loss(self, order: Pointer, divisor: Pointer, first: Any, rows: Any) -> None:
        net, last = self.net, len(self.net.stages)
        at = first * self.layout.ld[last]
        key = (net.loss, net.stages[-1].activation, net.widths[-1], self.group, net.labels, net.weighted)
        k.loss_gradient(self.f.m, *key)(
            self.act[last] + at, self.delta[last] + at, self.layout.ld[last], self.fields.targets,
            order.offset(first, "i64"), self.fields.weights, divisor, self.fields.values + first, rows,
        )  # fmt: skip

    # Gradients go backward.

    def backward(self, s: int, first: Any, rows: Any, count: Int) -> None:
        """delta[s] from delta[s + 1]; the rows' shares of a small stage's own gradients."""
        net, layout, m = self.net, self.layout, self.f.m
        stage, ld, ldy = net.stages[s], layout.ld[s], layout.ld[s + 1]
        below = net.stages[s - 1].activation if s else IDENTITY
        if stage.batch:
            self._batch_apply(s, below, first, rows, count)
            return
        if not stage.dense:
            beside, ldb = self._beside(s, first)
            at, out = first * ld, first * ldy
            k.apply_backward(m, stage.op, below, stage.m, self.group, stage.beside)(
                self.delta[s + 1] + out, ldy, self.act[s + 1] + out, self.act[s] + at, ld, beside, ldb,
                self.shares[s] + at, self.fields.rows * ld, self.delta[s] + at, rows,
            )  # fmt: skip
            return
        for group in layout.panels_transposed[s]:
            wide = group.vectors * layout.lanes
            with each(self.f, group.count) as p:
                column = p * wide + group.column
                at = first * ld + column
                wt = self.transposed + (column * padded(stage.m, layout.lanes) + layout.transposed[s])
                k.backward(m, group.vectors, below)(
                    self.delta[s + 1] + first * ldy, ldy, wt, stage.m,
                    self.act[s] + at, self.delta[s] + at, ld, rows, stage.n - column,
                )  # fmt: skip

    def copy(self, s: int, first: Any, rows: Any) -> None:
        """delta[s + 1] in panels like those of the weights, which read it many times, and like this in sequence."""
        layout = self.layout
        if not (layout.copied[s] and any(self.net.updates[s])):
            return
        ldd = layout.ld[s + 1]
        for group in layout.panels[s]:
            wide = group.vectors * layout.lanes
            with each(self.f, group.count) as p:
                column = p * wide + group.column
                d, copy = self.delta[s + 1] + first * ldd + column, self.copies[s] + column * self.fields.rows
                k.copy_columns(self.f.m, group.vectors)(d, ldd, copy + first * wide, rows)

    # Weights: a ticket is one block of `lanes` inputs of a layer, or several.

    def update(self, s: int, block: Int, blocks: Int, count: Int, row: Pointer) -> None:
        """Rows block · lanes .. of a dense stage's weights: gradient over the whole batch, rule, transposed copy."""
        net, layout, m, lanes = self.net, self.layout, self.f.m, self.layout.lanes
        stage, ld, ldd = net.stages[s], layout.ld[s], layout.ld[s + 1]
        how, how_bias = (*net.updates[s], None)[:2]
        stride, hyper = layout.size, net.limits(row)
        first = block * lanes
        for group in layout.panels[s]:
            wide = group.vectors * lanes
            with each(self.f, group.count) as p:
                column = p * wide + group.column
                d = self.delta[s + 1] + column
                if layout.copied[s]:
                    d, ldd = self.copies[s] + column * self.fields.rows, wide
                mine = self.w + (column * padded(stage.n, lanes) + layout.starts[s]["weight"]) + first * wide
                if how:
                    scalars = row + net.columns[s][0]
                    with self.pieces(s, blocks) as (b, some):
                        k.update(m, group.vectors, how)(
                            self.act[s] + (first + b * lanes), ld, d, ldd, count, mine + b * (lanes * wide), stride,
                            scalars, hyper, some * lanes,
                        )  # fmt: skip
                    if s and not how.stored:
                        self.refresh(s, group.vectors, block, blocks, column, mine)
                if how_bias:
                    with self.f.when(block.equals(0)):
                        bias = self.w + layout.starts[s]["bias"] + column
                        k.update_vector(m, group.vectors, how_bias)(
                            d, ldd, count, bias, stride, row + net.columns[s][1], hyper
                        )

    @contextlib.contextmanager
    def pieces(self, s: int, blocks: Int) -> Iterator[tuple[Any, Any]]:
        """A ticket's blocks in portions that are summed at once: each portion's first and their number."""
        at_once = k.at_once(self.f.m)
        if self.together(s) <= at_once:
            yield 0, blocks
        else:
            with self.f.loop(0, blocks, at_once) as b:
                yield b, (blocks - b).minimum(at_once)

    def by_columns(self, order: Pointer, count: Int) -> None:
        """Sorts a sparse batch for `update_sparse`."""
        fields = self.fields
        turned = (fields.turned_values, fields.turned_rows, fields.turned_starts)
        width = padded(self.net.stages[0].n, self.layout.lanes)
        sparse.by_columns(self.f.m)(fields.X, fields.columns, fields.starts, order, count, width, *turned)

    def update_sparse(self, block: Int, count: Int, row: Pointer) -> None:
        """`update` of the first stage, from a sparse batch."""
        net, layout, fields, lanes = self.net, self.layout, self.fields, self.layout.lanes
        stage, ldd, starts = net.stages[0], layout.ld[1], layout.starts[0]
        how, how_bias = (*net.updates[0], None)[:2]
        stride, hyper = layout.size, net.limits(row)
        registers, first = padded(stage.m, lanes) // lanes, block * lanes
        if how:
            turned = (fields.turned_values, fields.turned_rows, fields.turned_starts.offset(first, "i64"))
            w, scalars = self.w + starts["weight"] + first * (registers * lanes), row + net.columns[0][0]
            sparse.update_sparse(self.f.m, registers, how)(
                *turned, self.delta[1], ldd, w, stride, scalars, hyper, lanes
            )
        if how_bias:
            with self.f.when(block.equals(0)), each(self.f, registers) as register:
                c = register * lanes
                k.update_vector(self.f.m, 1, how_bias)(
                    self.delta[1] + c, ldd, count, self.w + starts["bias"] + c, stride, row + net.columns[0][1], hyper
                )

    def refresh(self, s: int, vectors: int, block: Int, blocks: Int, column: Any, mine: Pointer) -> None:
        """The transposed copy of some blocks of one panel."""
        layout, f, lanes, stage = self.layout, self.f, self.layout.lanes, self.net.stages[s]
        with f.loop(block * lanes, (block + blocks) * lanes, lanes) as first:
            source = mine + (first - block * lanes) * (vectors * lanes)
            for group in layout.panels_transposed[s]:
                wide = group.vectors * lanes
                inside = first - group.column
                with f.when(f.emit(f"icmp ult i64 {inside}, {group.count * wide}")):
                    panel = inside // wide
                    start = (panel * wide + group.column) * padded(stage.m, lanes) + (inside - panel * wide)
                    target = self.transposed + layout.transposed[s] + start
                    with f.loop(0, vectors) as v:
                        k.transpose(f.m)(
                            source + v * lanes, vectors * lanes, target + (v * lanes + column) * wide, wide
                        )

    def update_vectors(self, s: int, count: Int, row: Pointer) -> None:
        """The parameters of a stage that is not dense, whose gradients are sums over the rows' shares."""
        layout, stage, m, lanes = self.layout, self.net.stages[s], self.f.m, self.layout.lanes
        for v, (name, how) in enumerate(zip(stage.parameters, self.net.updates[s], strict=True)):
            if how:
                with each(self.f, padded(stage.m, lanes) // lanes) as register:
                    start = self.fields.rows * (layout.ld[s] * v)
                    if stage.batch:  # its sums are known already
                        start, count = k.GRADIENTS[v] * padded(stage.m, lanes), Int(self.f, "1")
                    share = self.shares[s] + start + register * lanes
                    w = self.w + layout.starts[s][name] + register * lanes
                    scalars = row + self.net.columns[s][v]
                    k.update_vector(m, 1, how)(
                        share, layout.ld[s], count, w, layout.size, scalars, self.net.limits(row)
                    )

    def blocks(self, s: int) -> int:
        """How many blocks the update of a stage consists of."""
        if not any(self.net.updates[s]):
            return 0
        return padded(self.net.stages[s].n, self.layout.lanes) // self.layout.lanes if self.net.stages[s].dense else 1

    def together(self, s: int) -> int:
        """How many blocks are one ticket: of dense data several, if there are enough tickets for all threads then."""
        if (s == 0 and self.net.skips_zeros) or self.blocks(s) < MANY:
            return 1
        at_once, most = k.AT_ONCE[self.f.m.bits], BLOCKS[self.f.m.bits]
        return max(min(self.blocks(s) // TICKETS, most) // at_once, 1) * at_once

    def tickets(self, s: int) -> int:
        """How many tickets the update of a stage is divided into."""
        return -(-self.blocks(s) // self.together(s))

    def in_blocks(self, ticket: Int, body: Callable[[int, Int, Int], None]) -> None:
        """Finds the stage and the blocks, first and number, that a ticket stands for; the first ticket is the loss."""
        base = 1
        for s in range(len(self.net.stages)):
            if count := self.tickets(s):
                with self.f.when(self.f.emit(f"icmp ult i64 {ticket - base}, {count}")):
                    block = (ticket - base) * self.together(s)
                    body(s, block, (self.blocks(s) - block).minimum(self.together(s)))
            base += count

    @property
    def all_tickets(self) -> int:
        return 1 + sum(self.tickets(s) for s in range(len(self.net.stages)))

    # The gradient's norm, for which gradients are stored first.

    def stored(self, s: int, block: Int, blocks: Int) -> Iterator[tuple[Pointer, int, Any, Any, Update, int]]:
        """Pieces of blocks: (parameters, distance between rows, rows, columns, update, number of the parameter)."""
        layout, lanes, stage = self.layout, self.layout.lanes, self.net.stages[s]
        for v, (name, how) in enumerate(zip(stage.parameters, self.net.updates[s], strict=True)):
            start = self.w + layout.starts[s][name]
            if how and name == "weight":
                first = block * lanes
                for group in layout.panels[s]:
                    wide = group.vectors * lanes
                    with each(self.f, group.count) as p:
                        column = p * wide + group.column
                        mine = start + column * padded(stage.n, lanes) + first * wide
                        yield mine, wide, (stage.n - first).minimum(blocks * lanes), stage.m - column, how, v
            elif how:
                with self.f.when(block.equals(0)):
                    yield start, padded(stage.m, lanes), 1, stage.m, how, v

    def note_penalty(self, s: int, block: Int, blocks: Int, ticket: Int, t: Int, row: Pointer) -> None:
        """What the blocks' weights add to the loss of step t."""
        with self.penalty(ticket, t) as sums:
            for w, ld, rows, columns, how, _ in self.stored(s, block, blocks):
                if how.penalised:
                    k.add_penalties(self.f.m)(w, ld, rows, columns, self.net.limits(row), sums)

    @contextlib.contextmanager
    def penalty(self, ticket: Any, t: Int) -> Iterator[Pointer]:
        """Room for a ticket's sums of penalties, a float64 number in each lane, which end as one number of step t."""
        f, lanes = self.f, self.layout.lanes
        sums = f.scratch(64 // f.m.bits * lanes)
        f.effect(f"store <{lanes} x double> zeroinitializer, ptr {sums}, align 8")
        yield sums
        k.add_lanes(f.m)(sums, self.fields.penalties.offset(t * self.layout.tickets + ticket, "double"))

    def square(self, s: int, block: Int, blocks: Int, ticket: Int) -> None:
        """The squares of the blocks' gradients, added up in the ticket's place."""
        f, lanes = self.f, self.layout.lanes
        total = self.fields.norms.offset(ticket * lanes, "double")
        f.effect(f"store <{lanes} x double> zeroinitializer, ptr {total}, align 8")
        for w, ld, rows, columns, how, _ in self.stored(s, block, blocks):
            g = w + self.layout.size * (1 + how.slots)
            with f.loop(0, ld, lanes) as c:
                k.add_squares(f.m)(g + c, ld, rows, columns - c, total)

    def norm_scale(self, row: Pointer) -> Pointer:
        """What gradients are multiplied by: 1, or what brings their norm down to the limit."""
        f, m, lanes = self.f, self.f.m, self.layout.lanes
        scale = f.scratch(1)
        k.norm_scale(m)(self.fields.norms, self.all_tickets * lanes, self.net.limits(row), scale)
        return scale

    def apply(self, s: int, block: Int, blocks: Int, row: Pointer, factor: Pointer) -> None:
        """The rule, with the blocks' stored gradients."""
        net, layout, lanes = self.net, self.layout, self.layout.lanes
        for w, ld, _, columns, how, v in self.stored(s, block, blocks):
            how = replace(how, stored=False, penalised=False, clipped=False)
            weight = net.stages[s].parameters[v] == "weight"
            scalars = row + net.columns[s][v]
            count = blocks * (ld * lanes) if weight else ld
            k.apply_stored(self.f.m, how)(w, layout.size, scalars, net.limits(row), factor, count)
            if weight and s:
                self.refresh(s, ld // lanes, block, blocks, net.stages[s].m - columns, w)


def write_dense(
    f: Function, stage: Stage, layout: Layout, s: int, w: Pointer, act: Sequence[Any], kept: Sequence[Any] | None,
    first: Any, rows: Any, tile_rows: int, lda: int | None = None,
) -> None:  # fmt: skip
    """act[s + 1] = op(act[s] W + b) for rows [first, first + rows)."""
    ld, out = lda or layout.ld[s], layout.ld[s + 1]
    for group in layout.panels[s]:
        wide = group.vectors * layout.lanes
        with each(f, group.count) as p:
            column = p * wide + group.column
            at = first * out + column
            bias = w + layout.starts[s].get("bias", 0) + column
            panel = w + (column * padded(stage.n, layout.lanes) + layout.starts[s]["weight"])
            k.forward(f.m, tile_rows, group.vectors, stage.op, True, True, stage.biased, kept is not None)(
                act[s] + first * ld, ld, panel, wide, stage.n, bias, act[s + 1] + at, out,
                (kept or act)[s + 1] + at, rows, stage.m - column,
            )  # fmt: skip


def write_sparse(
    f: Function, stage: Stage, layout: Layout, w: Pointer, X: Sequence[Pointer], order: Pointer | None, y: Pointer,
    kept: Pointer | None, rows: Any,
) -> None:  # fmt: skip
    """y = op(X W + b) by the first stage, for sparse rows: values, columns, starts.  All of them, or those in order."""
    starts, (_, _, places) = layout.starts[0], X
    key = (stage.op, stage.m, order is not None, stage.biased, kept is not None)
    bias = w + starts.get("bias", 0)
    sparse.forward_sparse(f.m, *key)(*X, order or places, w + starts["weight"], bias, y, layout.ld[1], kept or y, rows)


def write_train(m: Module, net: Network, layout: Layout) -> str:
    """Steps of training: one phase divides the rows of a batch among threads, the next the weights.

    No sum crosses threads, so their number leaves no trace in the result.  An optimiser's average of a gradient that
    has vanished decays for ever; it is taken as 0 when it leaves the normal numbers.
    """
    phases = phases_of(net)

    def body(f: Function, record: Pointer, rank: Int) -> None:
        fields = Fields(record, len(net.stages) + 1)
        step = Step(f, net, layout, fields, m.target.group)
        board, threads, tile = fields.board, fields.threads, m.target.rows
        with f.repeat() as t:
            batch = fields.first + t
            start = fields.offsets.integer(batch)
            count = fields.offsets.integer(batch + 1) - start
            order, row = fields.order.offset(start, "i64"), fields.scalars + t * net.width
            tiles = (count + (tile - 1)) // tile
            # as many tickets for each thread, small enough for the cache, and several in case a thread is kept waiting
            heavy = (layout.size + layout.transposed_size) * m.bits // 8 >= HEAVY
            at_once = threads * (CHUNK // tile)
            rounds = (tiles + (at_once - 1)) // at_once
            several = rounds if heavy else f.choose(rounds < ROUNDS, ROUNDS, rounds)
            tickets = threads * f.choose(threads.equals(1), rounds, several)

            def on_rows(parts: Sequence[tuple[str, int]], c: Int) -> None:
                top, bottom = side_by_side(tiles, c, tickets, threads)
                first, rows = top * tile, (bottom - top) * tile
                for what, s in parts:
                    if what == "gather":
                        step.gather(order, first, rows)
                    elif what == "forward":
                        step.forward(s, first, rows, start, count)
                    elif what == "copy":
                        step.copy(s, first, rows)
                    elif what == "loss":
                        step.loss(order, fields.divisors + t, first, rows)
                    else:
                        step.backward(s, first, rows, count)

            def on_weights(s: int, block: Int, blocks: Int, c: Int) -> None:
                if net.notes_penalty:
                    step.note_penalty(s, block, blocks, c, t, row)
                if s == 0 and net.skips_zeros:
                    step.update_sparse(block, count, row)
                elif net.stages[s].dense:
                    step.update(s, block, blocks, count, row)
                else:
                    step.update_vectors(s, count, row)
                if net.clips_norm:
                    step.square(s, block, blocks, c)

            for number, (kind, parts) in enumerate(phases):
                phase, ends = t * len(phases) + number, number == len(phases) - 1
                if kind == "rows":
                    turns = int(number == 0 and net.turns)  # the first ticket
                    with shared(f, board, rank, phase, tickets + turns) as c:
                        if turns:
                            with f.when(c.equals(0)):
                                step.by_columns(order, count)
                            with f.when(Int(f, "0") < c):
                                on_rows(parts, c - 1)
                        else:
                            on_rows(parts, c)
                elif kind == "columns":
                    ((what, s),) = parts
                    registers = padded(net.stages[s].m, layout.lanes) // layout.lanes
                    with shared(f, board, rank, phase, registers) as c:
                        step.batch_sums(s, c, count, back=what == "backward")
                elif kind == "weights":
                    with shared(f, board, rank, phase, step.all_tickets, ends_step=ends) as c:
                        prefetch_next(f, net, fields, batch, t, c, step.all_tickets, threads)
                        with f.when(c.equals(0)):
                            k.sum_values(m)(fields.values, count, fields.losses.offset(t, "double"))
                        step.in_blocks(c, functools.partial(on_weights, c=c))
                else:
                    factor = step.norm_scale(row)
                    with shared(f, board, rank, phase, step.all_tickets, ends_step=ends) as c:
                        step.in_blocks(c, functools.partial(step.apply, row=row, factor=factor))
            f.until = f.emit(f"call i1 @stopped(ptr {board}, i64 {rank})", pure=False)

    prelude = scheduler_ir(m.target.name == "neon")
    return m.write("train", "record* rank", body, prelude=prelude, flush=net.rule is not None)


def phases_of(net: Network) -> list[tuple[str, list[tuple[str, int]]]]:
    """A step's phases: what is done row by row, or column by column, or weight by weight, before all threads go on."""
    parts = [] if net.skips_zeros else [("gather", 0)]
    parts += [("forward", s) for s in range(len(net.stages))]
    parts += [("loss", 0)]
    # the lowest trained stage needs no dx, but one that is not dense computes its gradients' shares on the way
    for s in reversed(range(net.lowest, len(net.stages))):
        parts += [("copy", s)] if net.stages[s].dense else []
        parts += [("backward", s)] if s > net.lowest or not net.stages[s].dense else []
    phases: list[tuple[str, list[tuple[str, int]]]] = []
    for what, s in parts:
        if what in ("forward", "backward") and net.stages[s].batch:
            phases.append(("columns", [(what, s)]))
            phases.append(("rows", []))
        if not phases:
            phases.append(("rows", []))
        phases[-1][1].append((what, s))
    return [*phases, ("weights", []), *([("norm", [])] if net.clips_norm else [])]


def side_by_side(count: Any, ticket: Int, tickets: Any, threads: Int) -> tuple[Int, Int]:
    """The ticket's part of 0 .. count - 1: its start and end.  A thread's parts lie side by side.

    Tickets are dealt like cards, so a thread's first is the threads' number before its second.
    """
    each = (tickets + (threads - 1)) // threads
    place = (ticket % threads) * each + ticket // threads
    return count * place // (each * threads), count * (place + 1) // (each * threads)


def prefetch_next(
    f: Function, net: Network, fields: Fields, batch: Int, t: Int, ticket: Int, tickets: int, threads: Int
) -> None:
    """While the weights are updated, the next batch's rows come into the cache; sparse ones are left alone."""
    if net.sparse:
        return
    n = net.stages[0].n
    with f.when((t + 1) < fields.steps):
        start = fields.offsets.integer(batch + 1)
        count = fields.offsets.integer(batch + 2) - start
        order = fields.order.offset(start, "i64")
        with f.loop(*side_by_side(count, ticket, tickets, threads)) as i:
            k.prefetch(f.m)(fields.X + order.integer(i) * n, n)


# --- training on single samples ---------------------------------------------------------------------------------------


def write_samples(m: Module, net: Network, layout: Layout) -> str:
    """Steps of training on one sample each: forward, backward and update, layer by layer."""
    stages = range(len(net.stages))

    def body(f: Function, record: Pointer, rank: Int) -> None:
        fields = Fields(record, len(net.stages) + 1)
        step = Step(f, net, layout, fields, group=1)
        w, act, delta, one = fields.w, fields.act, fields.delta, Int(f, "1")
        with f.repeat() as t:
            start = fields.offsets.integer(fields.first + t)
            order, row = fields.order.offset(start, "i64"), fields.scalars + t * net.width
            step.gather(order, 0, 1)
            for s in stages:
                stage, starts = net.stages[s], layout.starts[s]
                if stage.dense:
                    bias = w + starts.get("bias", 0)
                    kernel = k.sample_forward(m, stage.op, stage.n, stage.m, layout.by_input[s], stage.biased)
                    kernel(act[s], w + starts["weight"], bias, act[s + 1], delta[s + 1])
                else:
                    step.forward(s, 0, 1, start, one)
            step.loss(order, fields.divisors + t, 0, 1)
            value = f.emit(f"load {m.real}, ptr {fields.values}", pure=False)
            value = value if m.bits == 64 else f.emit(f"fpext float {value} to double")
            f.effect(f"store double {value}, ptr {fields.losses.offset(t, 'double')}, align 8")
            for s in reversed(stages[net.lowest :]):
                stage, starts = net.stages[s], layout.starts[s]
                if stage.dense:
                    below = net.stages[s - 1].activation if s else IDENTITY
                    how = (*net.updates[s], None)[:2]
                    scalars = [row + column for column in (*net.columns[s], 0)[:2]]
                    bias = w + starts.get("bias", 0)
                    if net.notes_penalty and how[0] and how[0].penalised:
                        rows, columns = (stage.n, stage.m) if layout.by_input[s] else (stage.m, stage.n)
                        matrix = (w + starts["weight"], padded(columns, m.lanes), rows, columns)
                        with step.penalty(s, t) as sums:
                            k.add_penalties(m)(*matrix, net.limits(row), sums)
                    key = (below, stage.n, stage.m, layout.by_input[s], s > net.lowest)
                    k.sample_backward(m, *key, *how)(
                        act[s],
                        w + starts["weight"],
                        bias,
                        delta[s + 1],
                        delta[s],
                        layout.size,
                        *scalars,
                        net.limits(row),
                    )
                else:
                    step.backward(s, 0, 1, one)
                    step.update_vectors(s, one, row)
            f.effect(f"store i64 {t + 1}, ptr {fields.done}, align 8")
            stop = f.emit(f"load atomic i8, ptr {fields.stop} monotonic, align 1", pure=False)
            asked = f.emit(f"icmp ne i8 {stop}, 0")
            over = f.emit(f"icmp sge i64 {t + 1}, {fields.steps}")
            f.until = f.emit(f"or i1 {asked}, {over}")

    return m.write("train", "record* rank", body, flush=True)


# --- prediction -------------------------------------------------------------------------------------------------------


PREDICT_FIELDS = ["w", "X", "columns", "starts", "out", "count", "scratch", "stride", "board"]
"""What Python hands over to `predict`, by name; each thread has `stride` reals of the scratch memory."""


def write_predict(m: Module, stages: Sequence[Stage], layout: Layout, *, skips_zeros: bool) -> str:
    """Rows in, outputs out; blocks of rows are shared among threads.

    A row meets the same operations in the same order alone and in company: its result does not depend on the others.
    If it `skips_zeros`, X is a sparse matrix.
    """
    ld, last, wide = layout.ld, len(stages), stages[-1].m

    def body(f: Function, record: Pointer, rank: Int) -> None:
        places = {name: i for i, name in enumerate(PREDICT_FIELDS)}
        names = ("w", "X", "columns", "starts", "out", "scratch", "board")
        w, X, columns, starts, out, scratch, board = (record.pointer(places[name]) for name in names)
        count, stride = record.integer(places["count"]), record.integer(places["stride"])
        own = scratch + rank * stride
        act = [X, *(own + sum(ld[1 : s + 1]) * ROWS for s in range(last))]
        gathered = own + sum(ld[1:]) * ROWS  # only dense layers read rows that have no padding
        with shared(f, board, rank, Int(f, "0"), (count + (TOGETHER - 1)) // TOGETHER, ends_step=True) as c:
            done: Any = c * TOGETHER
            stop = (c * TOGETHER + TOGETHER).minimum(count)
            for rows in (ROWS // m.target.rows * m.target.rows, m.target.rows, 1):
                with f.loop(done, stop - (rows - 1), rows) as i:
                    act[0] = X + i * stages[0].n
                    if not stages[0].dense:
                        with f.loop(0, rows) as r:
                            k.copy_row(m, True)(act[0] + r * stages[0].n, stages[0].n, gathered + r * ld[0])
                        act[0] = gathered
                    for s, stage in enumerate(stages):
                        lda = ld[s] if s or not stage.dense else stage.n
                        if s == 0 and skips_zeros:
                            those = (X, columns, starts.offset(i, "i64"))
                            write_sparse(f, stage, layout, w, those, None, act[1], None, rows)
                        elif stage.dense:
                            write_dense(f, stage, layout, s, w, act, None, 0, rows, min(rows, m.target.rows), lda)
                        else:
                            beside, ldb = w + layout.starts[s].get("gamma", 0), padded(stage.m, layout.lanes)
                            key = (stage.op, stage.m, min(rows, m.target.group), stage.beside)
                            k.apply_forward(m, *key)(act[s], lda, beside, ldb, act[s + 1], ld[s + 1], rows)
                    with f.loop(0, rows) as r:
                        k.copy_row(m, False)(act[last] + r * ld[last], wide, out + (i + r) * wide)
                done = f.last

    return m.write("predict", "record* rank", body, prelude=scheduler_ir(m.target.name == "neon"))


ROW_FIELDS = ["w", "X", "out", "count", "scratch"]
"""What Python hands over to `predict_rows`, by name."""


def write_predict_rows(m: Module, stages: Sequence[Stage], starts: Sequence[dict[str, int]], ld: Sequence[int]) -> str:
    """The same for few rows, with the model's own vector of parameters, which is not worth packing for them.

    `starts` says where each parameter lies in it.
    """
    lanes, last = m.lanes, len(stages)
    widest = m.target.sums  # vectors of a row under way at once, which hide each other's latency

    def body(f: Function, record: Pointer) -> None:
        w, X, out, count, scratch = (
            record.integer(i) if name == "count" else record.pointer(i) for i, name in enumerate(ROW_FIELDS)
        )
        with f.loop(0, count) as i:
            act = [X + i * stages[0].n, *(scratch + sum(ld[1 : s + 1]) for s in range(last))]
            if not stages[0].dense:
                k.copy_row(m, True)(act[0], stages[0].n, scratch + sum(ld[1:]))
                act[0] = scratch + sum(ld[1:])
            for s, stage in enumerate(stages):
                if not stage.dense:
                    k.apply_forward(m, stage.op, stage.m, 1, stage.beside)(act[s], 0, w, 0, act[s + 1], 0, 1)
                    continue
                registers = padded(stage.m, lanes) // lanes
                for first in range(0, registers, widest):
                    nv, column = min(widest, registers - first), first * lanes
                    whole = column + nv * lanes <= stage.m
                    weight, bias = w + (starts[s]["weight"] + column), w + (starts[s].get("bias", 0) + column)
                    k.forward(m, 1, nv, stage.op, False, whole, stage.biased, False)(
                        act[s], 0, weight, stage.m, stage.n, bias, act[s + 1] + column, 0, act[s + 1] + column, 1,
                        stage.m - column,
                    )  # fmt: skip
            k.copy_row(m, False)(act[last], stages[-1].m, out + i * stages[-1].m)

    return m.write("predict_rows", "record*", body)
