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
from clearprop.engine.native.values import Function, Int, Pointer, View, padded
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
        s = self.number
        a, y, kept = step.act[s].rows(first), step.act[s + 1].rows(first), step.delta[s + 1].row(first)
        self.write_product(step.f, step.layout, step.w, a, y, kept, rows, step.m.tuning.rows)

    def write_product(
        self,
        f: Function,
        layout: "Layout",
        w: Pointer,
        a: View,
        y: View,
        kept: Pointer | None,
        rows: Any,
        tile_rows: int,
    ) -> None:
        """y = op(a W + b) for these rows."""
        starts = layout.starts[self.number]
        for vectors, wide, column in each_panel(f, layout.places[self.number].panels):
            form = k.Product(self.op, (tile_rows, vectors), self.biased, kept is not None)
            panel = View(w + (column * padded(self.n, layout.lanes) + starts["weight"]), wide)
            bias, size = w + starts.get("bias", 0) + column, k.Size(self.n, rows, self.m - column)
            k.forward(f.m, form)(a, panel, bias, y + column, (kept or y.p) + column, size)

    def write_backward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        layout, s, below = step.layout, self.number, step.below(self)
        d, y, dx = step.delta[s + 1].rows(first), step.act[s].rows(first), step.delta[s].row(first)
        for vectors, _, column in each_panel(step.f, layout.places[s].panels_transposed):
            wt = step.transposed + (column * padded(self.m, layout.lanes) + layout.places[s].transposed)
            size = k.Size(self.m, rows, self.n - column)
            k.backward(step.m, vectors, below)(d, wt, y + column, dx + column, size)

    def write_copy(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        """delta[s + 1] in panels like those of the weights, which read it many times, and like this in sequence."""
        s, place = self.number, step.layout.places[self.number]
        if not (place.copied and any(step.net.updates[s])):
            return
        d = step.delta[s + 1].rows(first)
        for vectors, wide, column in each_panel(step.f, place.panels):
            copy = step.copies[s] + column * step.fields.rows
            k.copy_columns(step.m, vectors)(d + column, copy + first * wide, rows)

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
        lanes, s, place = step.lanes, self.number, step.layout.places[self.number]
        how, how_bias = (*step.net.updates[s], None)[:2]
        first = block * lanes
        for vectors, wide, column in each_panel(step.f, place.panels):
            d = step.delta[s + 1] + column
            if place.copied:
                d = View(step.copies[s] + column * step.fields.rows, wide)
            if how:
                w = step.trained(self, 0, batch) + column * padded(self.n, lanes) + first * wide
                with self._portions(step, blocks) as (b, some):
                    a, part = step.act[s] + (first + b * lanes), w + b * (lanes * wide)
                    k.update(step.m, vectors, how)(a, d, batch.count, part, some * lanes)
                if s and not how.stored:
                    self._refresh(step, block, blocks, column, View(w.w, wide))
            if how_bias:
                with step.f.when(block.equals(0)):
                    bias = step.trained(self, 1, batch) + column
                    k.update_vector(step.m, vectors, how_bias)(d, batch.count, bias)

    @contextlib.contextmanager
    def _portions(self, step: "Step", blocks: Int) -> Iterator[tuple[Any, Any]]:
        """A ticket's blocks in portions that are summed at once: each portion's first and their number."""
        at_once = step.m.tuning.at_once
        if step.together(self) <= at_once:
            yield 0, blocks
        else:
            with step.f.loop(0, blocks, at_once) as b:
                yield b, (blocks - b).minimum(at_once)

    def _refresh(self, step: "Step", block: Int, blocks: Int, column: Any, mine: View) -> None:
        """The transposed copy of some blocks of one panel."""
        f, lanes, place = step.f, step.lanes, step.layout.places[self.number]
        with f.loop(block * lanes, (block + blocks) * lanes, lanes) as first:
            source = mine.rows(first - block * lanes)
            for group in place.panels_transposed:
                wide = group.vectors * lanes
                inside = first - group.column
                with f.when(f.emit(f"icmp ult i64 {inside}, {group.count * wide}")):
                    panel = inside // wide
                    start = (panel * wide + group.column) * padded(self.m, lanes) + (inside - panel * wide)
                    target = View(step.transposed + place.transposed + start, wide)
                    with f.loop(0, mine.ld // lanes) as v:
                        k.transpose(f.m)(source + v * lanes, target.rows(v * lanes + column))

    def pieces(self, step: "Step", block: Int, blocks: Int) -> Iterator[Piece]:
        layout, lanes, s = step.layout, step.lanes, self.number
        start, how = step.w + layout.starts[s]["weight"], step.net.updates[s][0]
        if how:
            first = block * lanes
            for _, wide, column in each_panel(step.f, layout.places[s].panels):
                mine = View(start + column * padded(self.n, lanes) + first * wide, wide)
                rows = (self.n - first).minimum(blocks * lanes)
                yield Piece(mine, rows, self.m - column, how, 0, blocks)
        if self.biased:
            yield from self.vector_piece(step, block, 1)

    def write_apply(self, step: "Step", batch: "Batch", block: Int, blocks: Int, factor: Pointer) -> None:
        for piece in self.pieces(step, block, blocks):
            step.apply(self, piece, batch, factor)
            if piece.v == 0 and self.number:
                self._refresh(step, block, blocks, self.m - piece.columns, piece.w)

    # --- a step on one sample -----------------------------------------------------------------------------------------

    def write_sample_forward(self, step: "Step", batch: "Batch") -> None:
        s, starts, w = self.number, step.layout.starts[self.number], step.w
        bias = w + starts.get("bias", 0)
        kernel = k.sample_forward(step.m, self._weights(step), self.op, self.biased)
        kernel(step.act[s].p, w + starts["weight"], bias, step.act[s + 1].p, step.delta[s + 1].p)

    def write_sample_backward(self, step: "Step", batch: "Batch") -> None:
        s, net, form = self.number, step.net, self._weights(step)
        how, how_bias = (*net.updates[s], None)[:2]
        weight = step.trained(self, 0, batch)
        bias = step.trained(self, 1, batch) if self.biased else weight
        if net.notes_penalty and how and how.penalised:
            rows, columns = (self.n, self.m) if form.by_input else (self.m, self.n)
            with step.penalty(s, batch.t) as sums:
                k.add_penalties(step.m)(form.rows(weight.w), rows, columns, weight.hyper, sums)
        below = step.below(self) if s > net.lowest else None
        kernel = k.sample_backward(step.m, form, below, how, how_bias)
        kernel(step.act[s].p, step.delta[s + 1].p, step.delta[s].p, weight, bias)

    def _weights(self, step: "Step") -> k.Weights:
        return k.Weights(self.n, self.m, step.layout.places[self.number].by_input)

    # --- prediction ---------------------------------------------------------------------------------------------------

    def write_predict(self, p: Prediction) -> None:
        a, y = p.act[self.number], p.act[self.number + 1]
        self.write_product(p.f, p.layout, p.w, a, y, None, p.rows, min(p.rows, p.f.m.tuning.rows))

    def write_predict_row(self, f: Function, w: Pointer, starts: dict[str, int], act: Sequence[View]) -> None:
        s, lanes = self.number, f.m.lanes
        widest = f.m.tuning.sums  # vectors of a row under way at once, which hide each other's latency
        registers = padded(self.m, lanes) // lanes
        for first in range(0, registers, widest):
            nv, column = min(widest, registers - first), first * lanes
            form = k.Product(self.op, (1, nv), self.biased, False, packed=False, whole=column + nv * lanes <= self.m)
            weight, bias = View(w + (starts["weight"] + column), self.m), w + (starts.get("bias", 0) + column)
            y, size = act[s + 1] + column, k.Size(self.n, 1, self.m - column)
            k.forward(f.m, form)(act[s], weight, bias, y, y.p, size)


def each_panel(f: Function, panels: Sequence[Panels]) -> Iterator[tuple[int, int, Any]]:
    """Of each panel its vectors, its columns, and the first of them."""
    for group in panels:
        wide = group.vectors * f.m.lanes
        with f.each(group.count) as p:
            yield group.vectors, wide, p * wide + group.column


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
