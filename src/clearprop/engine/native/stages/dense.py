"""Stages with a matrix of weights: a dense layer and the elementwise activation after it."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from clearprop._types import Array
from clearprop.engine.native import kernels as k
from clearprop.engine.native.stages.base import (
    IDENTITY,
    STAGES,
    At,
    Buffers,
    ByColumns,
    ByRows,
    Piece,
    Prediction,
    Stage,
)
from clearprop.engine.native.text import check_op
from clearprop.engine.native.tuning import Tuning
from clearprop.engine.native.values import Function, Int, Pointer, padded
from clearprop.layers import Activation, Dense, Layer
from clearprop.ops import Op

if TYPE_CHECKING:
    from clearprop.engine.native.layout import Layout
    from clearprop.engine.native.step import Batch, Step

WIDEST = 1 << 24  # blocks of weights must not outnumber the scheduler's tickets


@dataclass(frozen=True)
class Panels:
    """`count` panels side by side, each `vectors` wide."""

    vectors: int
    count: int
    column: int  # the first


@dataclass(frozen=True)
class Place:
    """Where a stage's weights lie: for batches in panels ``[panel][input][columns of the panel]``, and once more
    transposed; for single samples in rows, either by input or by output.  All is padded to whole vectors.
    """

    panels: list[Panels]
    panels_transposed: list[Panels]
    transposed: int  # where the transposed copy starts
    by_input: bool
    copied: bool  # whether the update reads a copy of delta


@dataclass(frozen=True)
class DenseStage(Stage):
    """act[s + 1] = op(act[s] W + b)."""

    padded_input: ClassVar[bool] = False

    @property
    def biased(self) -> bool:
        return "bias" in self.parameters

    @property
    def activation(self) -> Op:
        return self.op

    @property
    def products(self) -> int:
        return self.n * self.m

    @property
    def in_place(self) -> bool:
        return True

    def fused(self, layer: Layer) -> "Stage | None":
        if self.op != IDENTITY or type(layer) is not Activation or layer.op.kind != "elementwise":
            return None
        check_op(layer.op)
        return DenseStage(self.number, self.layer, self.n, self.m, layer.op, self.parameters)

    def skipping_zeros(self) -> "Stage | None":
        from clearprop.engine.native.stages.sparse import SparseStage

        return SparseStage(self.number, self.layer, self.n, self.m, self.op, self.parameters)

    # --- memory -------------------------------------------------------------------------------------------------------

    def size(self, parameter: str, lanes: int) -> int:
        return padded(self.m, lanes) * (padded(self.n, lanes) if parameter == "weight" else 1)

    def place(self, layout: "Layout") -> Place:
        lanes, tuning, panels = layout.lanes, layout.tuning, self.panels(layout)
        transposed = layout.transposed_size
        if self.number:
            layout.transposed_size += self.size("weight", lanes)
        blocks = 1 if layout.samples else self.blocks(lanes)
        return Place(
            panels=panels,
            panels_transposed=_panels(self.n, layout) if self.number else [],
            transposed=transposed,
            by_input=self.number == 0 or self._cost_by_input(lanes) <= self._cost_by_output(lanes),
            copied=blocks >= tuning.copied_blocks and sum(p.count for p in panels) >= tuning.copied_panels,
        )

    def panels(self, layout: "Layout") -> list[Panels]:
        return _panels(self.m, layout)

    def _cost_by_input(self, lanes: int) -> float:
        registers = padded(self.m, lanes) // lanes
        return self.n * max(registers, 1 if self.n < 8 else 2) * 3 + 20 * padded(self.n, lanes) / lanes

    def _cost_by_output(self, lanes: int) -> float:
        return self.m * (padded(self.n, lanes) // lanes) * 3 + 20 * padded(self.m, lanes) / lanes

    def parts(self, layout: "Layout", name: str, flat: Array, packed: Array) -> list[tuple[Array, Array]]:
        if name != "weight":
            return super().parts(layout, name, flat, packed)
        lanes, place = layout.lanes, layout.places[self.number]
        area = packed[layout.starts[self.number][name] :][: self.size(name, lanes)]
        if not layout.samples:
            return _panel_parts(place.panels, lanes, flat, area)
        if place.by_input:
            return [(flat, area.reshape(-1, padded(self.m, lanes))[: self.n, : self.m])]
        return [(flat.T, area.reshape(-1, padded(self.n, lanes))[: self.m, : self.n])]

    def transposed_parts(self, layout: "Layout", name: str, flat: Array, area: Array) -> list[tuple[Array, Array]]:
        if name != "weight" or not self.number or layout.samples:
            return []
        place = layout.places[self.number]
        area = area[place.transposed :][: self.size(name, layout.lanes)]
        return _panel_parts(place.panels_transposed, layout.lanes, flat.T, area)

    def buffers(self, layout: "Layout", rows: int) -> Buffers:
        copies = (rows, padded(self.m, layout.lanes)) if layout.places[self.number].copied else (1, 1)
        return Buffers(shares=(0, layout.ld[self.number]), copies=copies)

    # --- a step of training on a batch --------------------------------------------------------------------------------

    def backward_work(self, goes_on: bool) -> list[ByRows | ByColumns]:
        return [ByRows(self.write_copy), *([ByRows(self.write_backward)] if goes_on else [])]

    def write_forward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        f, ld = step.f, step.layout.ld[self.number]
        self.write_product(f, step.layout, step.w, step.act, step.delta, first, rows, f.m.tuning.rows, ld)

    def write_product(
        self, f: Function, layout: "Layout", w: Pointer, act: Sequence[Any], kept: Sequence[Any] | None, first: Any,
        rows: Any, tile_rows: int, ld: int,
    ) -> None:  # fmt: skip
        """act[s + 1] = op(act[s] W + b) for rows [first, first + rows)."""
        s, out = self.number, layout.ld[self.number + 1]
        for group in layout.places[s].panels:
            wide = group.vectors * layout.lanes
            with f.each(group.count) as p:
                column = p * wide + group.column
                at = first * out + column
                bias = w + layout.starts[s].get("bias", 0) + column
                panel = w + (column * padded(self.n, layout.lanes) + layout.starts[s]["weight"])
                k.forward(f.m, tile_rows, group.vectors, self.op, True, True, self.biased, kept is not None)(
                    act[s] + first * ld, ld, panel, wide, self.n, bias, act[s + 1] + at, out,
                    (kept or act)[s + 1] + at, rows, self.m - column,
                )  # fmt: skip

    def write_backward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        layout, s, below = step.layout, self.number, step.below(self)
        ld, ldy = layout.ld[s], layout.ld[s + 1]
        for group in layout.places[s].panels_transposed:
            wide = group.vectors * layout.lanes
            with step.f.each(group.count) as p:
                column = p * wide + group.column
                at = first * ld + column
                wt = step.transposed + (column * padded(self.m, layout.lanes) + layout.places[s].transposed)
                k.backward(step.m, group.vectors, below)(
                    step.delta[s + 1] + first * ldy, ldy, wt, self.m,
                    step.act[s] + at, step.delta[s] + at, ld, rows, self.n - column,
                )  # fmt: skip

    def write_copy(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        """delta[s + 1] in panels like those of the weights, which read it many times, and like this in sequence."""
        layout, s = step.layout, self.number
        if not (layout.places[s].copied and any(step.net.updates[s])):
            return
        ldd = layout.ld[s + 1]
        for group in layout.places[s].panels:
            wide = group.vectors * layout.lanes
            with step.f.each(group.count) as p:
                column = p * wide + group.column
                d, copy = step.delta[s + 1] + first * ldd + column, step.copies[s] + column * step.fields.rows
                k.copy_columns(step.m, group.vectors)(d, ldd, copy + first * wide, rows)

    def blocks(self, lanes: int) -> int:
        """A block is `lanes` inputs."""
        return padded(self.n, lanes) // lanes

    def together(self, blocks: int, tuning: Tuning) -> int:
        """Several, if there are enough tickets for all threads then."""
        if blocks < tuning.fewest_blocks:
            return 1
        several = min(blocks // tuning.tickets, tuning.most_blocks)
        return max(several // tuning.in_ticket, 1) * tuning.in_ticket

    def write_update(self, step: "Step", batch: "Batch", block: Int, blocks: Int) -> None:
        """Rows block · lanes .. of the weights: gradient over the whole batch, rule, transposed copy."""
        net, layout, lanes, s = step.net, step.layout, step.lanes, self.number
        ld, ldd = layout.ld[s], layout.ld[s + 1]
        how, how_bias = (*net.updates[s], None)[:2]
        stride, hyper = layout.size, net.limits(batch.row)
        first = block * lanes
        for group in layout.places[s].panels:
            wide = group.vectors * lanes
            with step.f.each(group.count) as p:
                column = p * wide + group.column
                d = step.delta[s + 1] + column
                if layout.places[s].copied:
                    d, ldd = step.copies[s] + column * step.fields.rows, wide
                mine = step.w + (column * padded(self.n, lanes) + layout.starts[s]["weight"]) + first * wide
                if how:
                    scalars = batch.row + net.columns[s][0]
                    with self._portions(step, blocks) as (b, some):
                        k.update(step.m, group.vectors, how)(
                            step.act[s] + (first + b * lanes), ld, d, ldd, batch.count, mine + b * (lanes * wide),
                            stride, scalars, hyper, some * lanes,
                        )  # fmt: skip
                    if s and not how.stored:
                        self._refresh(step, group.vectors, block, blocks, column, mine)
                if how_bias:
                    with step.f.when(block.equals(0)):
                        bias = step.w + layout.starts[s]["bias"] + column
                        k.update_vector(step.m, group.vectors, how_bias)(
                            d, ldd, batch.count, bias, stride, batch.row + net.columns[s][1], hyper
                        )

    @contextlib.contextmanager
    def _portions(self, step: "Step", blocks: Int) -> Iterator[tuple[Any, Any]]:
        """A ticket's blocks in portions that are summed at once: each portion's first and their number."""
        at_once = step.m.tuning.at_once
        if step.together(self) <= at_once:
            yield 0, blocks
        else:
            with step.f.loop(0, blocks, at_once) as b:
                yield b, (blocks - b).minimum(at_once)

    def _refresh(self, step: "Step", vectors: int, block: Int, blocks: Int, column: Any, mine: Pointer) -> None:
        """The transposed copy of some blocks of one panel."""
        f, lanes, place = step.f, step.lanes, step.layout.places[self.number]
        with f.loop(block * lanes, (block + blocks) * lanes, lanes) as first:
            source = mine + (first - block * lanes) * (vectors * lanes)
            for group in place.panels_transposed:
                wide = group.vectors * lanes
                inside = first - group.column
                with f.when(f.emit(f"icmp ult i64 {inside}, {group.count * wide}")):
                    panel = inside // wide
                    start = (panel * wide + group.column) * padded(self.m, lanes) + (inside - panel * wide)
                    target = step.transposed + place.transposed + start
                    with f.loop(0, vectors) as v:
                        k.transpose(f.m)(
                            source + v * lanes, vectors * lanes, target + (v * lanes + column) * wide, wide
                        )

    def pieces(self, step: "Step", block: Int, blocks: Int) -> Iterator[Piece]:
        layout, lanes, s = step.layout, step.lanes, self.number
        start, how = step.w + layout.starts[s]["weight"], step.net.updates[s][0]
        if how:
            first = block * lanes
            for group in layout.places[s].panels:
                wide = group.vectors * lanes
                with step.f.each(group.count) as p:
                    column = p * wide + group.column
                    mine = start + column * padded(self.n, lanes) + first * wide
                    rows = (self.n - first).minimum(blocks * lanes)
                    yield Piece(mine, wide, rows, self.m - column, how, 0, blocks)
        if self.biased:
            yield from self.vector_piece(step, block, 1)

    def write_apply(self, step: "Step", batch: "Batch", block: Int, blocks: Int, factor: Pointer) -> None:
        for piece in self.pieces(step, block, blocks):
            step.apply(self, piece, batch, factor)
            if piece.v == 0 and self.number:
                self._refresh(step, piece.ld // step.lanes, block, blocks, self.m - piece.columns, piece.w)

    # --- a step on one sample -----------------------------------------------------------------------------------------

    def write_sample_forward(self, step: "Step", batch: "Batch") -> None:
        s, starts, w = self.number, step.layout.starts[self.number], step.w
        bias = w + starts.get("bias", 0)
        kernel = k.sample_forward(step.m, self.op, self.n, self.m, step.layout.places[s].by_input, self.biased)
        kernel(step.act[s], w + starts["weight"], bias, step.act[s + 1], step.delta[s + 1])

    def write_sample_backward(self, step: "Step", batch: "Batch") -> None:
        s, net, layout, w, starts = self.number, step.net, step.layout, step.w, step.layout.starts[self.number]
        by_input = layout.places[s].by_input
        how = (*net.updates[s], None)[:2]
        scalars = [batch.row + column for column in (*net.columns[s], 0)[:2]]
        bias = w + starts.get("bias", 0)
        if net.notes_penalty and how[0] and how[0].penalised:
            rows, columns = (self.n, self.m) if by_input else (self.m, self.n)
            matrix = (w + starts["weight"], padded(columns, step.lanes), rows, columns)
            with step.penalty(s, batch.t) as sums:
                k.add_penalties(step.m)(*matrix, net.limits(batch.row), sums)
        key = (step.below(self), self.n, self.m, by_input, s > net.lowest)
        k.sample_backward(step.m, *key, *how)(
            step.act[s], w + starts["weight"], bias, step.delta[s + 1], step.delta[s], layout.size, *scalars,
            net.limits(batch.row),
        )  # fmt: skip

    # --- prediction ---------------------------------------------------------------------------------------------------

    def write_predict(self, p: Prediction) -> None:
        lda = p.layout.ld[self.number] if self.number else self.n
        self.write_product(p.f, p.layout, p.w, p.act, None, 0, p.rows, min(p.rows, p.f.m.tuning.rows), lda)

    def write_predict_row(self, f: Function, w: Pointer, starts: dict[str, int], act: Sequence[Pointer]) -> None:
        s, lanes = self.number, f.m.lanes
        widest = f.m.tuning.sums  # vectors of a row under way at once, which hide each other's latency
        registers = padded(self.m, lanes) // lanes
        for first in range(0, registers, widest):
            nv, column = min(widest, registers - first), first * lanes
            whole = column + nv * lanes <= self.m
            weight, bias = w + (starts["weight"] + column), w + (starts.get("bias", 0) + column)
            k.forward(f.m, 1, nv, self.op, False, whole, self.biased, False)(
                act[s], 0, weight, self.m, self.n, bias, act[s + 1] + column, 0, act[s + 1] + column, 1,
                self.m - column,
            )  # fmt: skip


def _panels(n: int, layout: "Layout") -> list[Panels]:
    """As few as fit the registers, and as equally wide as can be: a narrow one would be slow."""
    width = padded(n, layout.lanes) // layout.lanes
    count = -(-width // layout.tuning.vectors)
    narrow, more = divmod(width, count)
    both = [Panels(narrow + 1, more, 0), Panels(narrow, count - more, (narrow + 1) * more * layout.lanes)]
    return [p for p in both if p.count]


def _panel_parts(panels: Sequence[Panels], lanes: int, flat: Array, area: Array) -> list[tuple[Array, Array]]:
    """Pairs of views of a matrix and of its panels in `area`."""
    parts = []
    rows, columns = flat.shape
    for group in panels:
        wide = group.vectors * lanes
        start = group.column * padded(rows, lanes)
        places = area[start : start + group.count * wide * padded(rows, lanes)].reshape(group.count, -1, wide)
        whole = min(group.count, (columns - group.column) // wide)  # panels without padding, all at once
        if whole:
            inside = flat[:, group.column : group.column + whole * wide].reshape(rows, whole, wide)
            parts.append((inside.transpose(1, 0, 2), places[:whole, :rows]))
        for panel in range(whole, group.count):
            first = group.column + panel * wide
            parts.append((flat[:, first:], places[panel, :rows, : columns - first]))
    return parts


def _dense(layer: Dense, at: At) -> Stage:
    stage = DenseStage(*at, IDENTITY, ("weight", "bias") if layer.use_bias else ("weight",))
    if stage.n > WIDEST:
        raise NotImplementedError(f"it divides the weights of at most {WIDEST:,} inputs among its threads")
    return stage


STAGES[Dense] = _dense
