"""A first stage that reads sparse rows and meets only the numbers in them.

Zeros add nothing to a sum, so the bits are those of the dense rows.  A batch is read twice: row by row, each number
times its row of weights, and for the weights' gradient column by column, for which `by_columns` sorts it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from clearprop.engine.native.kernels import Trained, Update, activate, column_blocks, update_vector
from clearprop.engine.native.module import kernel
from clearprop.engine.native.rows import BLOCK
from clearprop.engine.native.stages.base import ByColumns, ByRows, Prediction
from clearprop.engine.native.stages.dense import DenseStage, Panels
from clearprop.engine.native.tuning import Tuning
from clearprop.engine.native.values import Function, Int, Pointer, Vector, View, padded
from clearprop.ops import Op

if TYPE_CHECKING:
    from clearprop.engine.native.layout import Layout
    from clearprop.engine.native.step import Batch, Step


class SparseRows(NamedTuple):
    """Rows of numbers that are not zero: row i has values[k] in columns[k], k from starts[i] to starts[i + 1]."""

    values: Pointer
    columns: Pointer
    starts: Pointer


class Turned(NamedTuple):
    """The same by columns."""

    turned_values: Pointer
    turned_rows: Pointer
    turned_starts: Pointer


@kernel
def by_columns(f: Function, X: SparseRows, order: Pointer, rows: Int, width: Int, turned: Turned) -> None:
    """Sorts a batch's numbers by column, and in each by row: counts them, adds up where columns start, fills in.

    Column c of `width` then has ``turned_values[k]`` in row ``turned_rows[k]``, k from turned_starts[c] to
    turned_starts[c + 1].
    """
    (values, columns, starts), (turned_values, turned_rows, turned_starts) = X, turned
    ends = turned_starts.offset(1, "i64")  # of columns: where each starts, until it is filled in
    with f.loop(0, width + 2) as c:
        turned_starts.put(0, c)
    with f.loop(0, rows) as i:
        row = order.integer(i)
        with f.loop(starts.integer(row), starts.integer(row + 1)) as k:
            after = columns.integer(k) + 1
            ends.put(ends.integer(after) + 1, after)
    with f.loop(0, width) as c:
        after = c + 1
        ends.put(ends.integer(c) + ends.integer(after), after)
    with f.loop(0, rows) as i:
        row = order.integer(i)
        with f.loop(starts.integer(row), starts.integer(row + 1)) as k:
            c = columns.integer(k)
            place = ends.integer(c)
            ends.put(place + 1, c)
            turned_rows.put(i, place)
            (turned_values + place).store_first((values + k).splat())


@kernel
def forward_sparse(
    f: Function,
    op: Op,
    m: int,
    ordered: bool,
    biased: bool,
    keep: bool,
    X: SparseRows,
    order: Pointer,
    w: Pointer,
    bias: Pointer,
    y: View,
    x: Pointer,
    rows: Int,
) -> None:
    """y = op(X w + bias) for the rows of `order`, or one after the other."""
    values, columns, starts = X
    width = padded(m, f.m.lanes)
    with f.loop(0, rows) as i:
        row = order.integer(i) if ordered else i
        start, stop = starts.integer(row), starts.integer(row + 1)
        for c, nv, _ in column_blocks(f, width // f.m.lanes, [], f.m.tuning.sums):
            with f.loop(start, stop, 1, [f.full(0.0, nv)]) as (k, state):
                weights = (w + (columns.integer(k) * width + c)).load(nv)
                state[:] = [(values + k).splat().fma(weights, state[0])]
            z = state[0].plain_add((bias + c).load(nv)) if biased else state[0]
            at = i * y.ld + c
            activate(op, z, f.below(m - c, nv), y.p + at, x + at if keep else None)


@kernel
def update_sparse(f: Function, registers: int, how: Update, turned: Turned, d: View, to: Trained, count: Int) -> None:
    """The gradients Xᵀ d of `count` rows of weights, summed as `in_blocks` does, and what becomes of them."""
    values, rows, starts = turned
    with f.loop(0, count) as c:
        start, stop = starts.integer(c), starts.integer(c + 1)
        for j, nv, _ in column_blocks(f, registers, [], f.m.tuning.columns):
            zeros = f.full(0.0, nv)
            with f.loop(start, stop, 1, [zeros, zeros]) as (k, state):
                row = rows.integer(k)
                before = rows.integer(f.choose(start < k, k - 1, k))
                same = (row // BLOCK).equals(before // BLOCK)
                total, part = state
                total = _either(same, total, total.plain_add(part))
                part = _either(same, part, zeros)
                state[:] = [total, (values + k).splat().fma(d.at(row, j).load(nv), part)]
            total, part = state
            how(to + (c * (registers * f.m.lanes) + j), total.plain_add(part))


def _either(condition: str, x: Vector, y: Vector) -> Vector:
    """x if the condition holds, else y."""
    vector = x.f.m.vector
    return x.each(lambda a, b: f"select i1 {condition}, {vector} {a}, {vector} {b}", y)


@dataclass(frozen=True)
class SparseStage(DenseStage):
    """A dense stage, the first, of sparse rows.  Its weights are one panel, whatever its width: rows, which the numbers
    pick.
    """

    gathers: ClassVar[bool] = False

    def panels(self, layout: "Layout") -> list[Panels]:
        return [Panels(padded(self.m, layout.lanes) // layout.lanes, 1, 0)]

    def backward_work(self, goes_on: bool) -> list[ByRows | ByColumns]:
        return []  # it is the first

    def write_forward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        order = step.fields.order.offset(batch.start + first, "i64")
        X, y, kept = self._rows(step), step.y(self, first), step.dy(self, first)
        self._write_rows(step.layout, step.w, X, order, y, kept.p, rows)

    def _rows(self, step: "Step") -> SparseRows:
        return SparseRows(step.fields.X, step.fields.columns, step.fields.starts)

    def _write_rows(
        self,
        layout: "Layout",
        w: Pointer,
        X: SparseRows,
        order: Pointer | None,
        y: View,
        kept: Pointer | None,
        rows: Any,
    ) -> None:
        """y = op(X W + b) for all of the rows, or those in order."""
        starts = layout.starts[0]
        key = (self.op, self.m, order is not None, self.biased, kept is not None)
        weight, bias = w + starts["weight"], w + starts.get("bias", 0)
        forward_sparse(w.f.m, *key)(X, order or X.starts, weight, bias, y, kept or y.p, rows)

    def write_turn(self, step: "Step", batch: "Batch") -> None:
        """Sorts a batch by columns, for the update."""
        width = padded(self.n, step.lanes)
        by_columns(step.m)(self._rows(step), batch.order, batch.count, width, self._turned(step, 0))

    def _turned(self, step: "Step", first: Any) -> Turned:
        """The batch by columns, from the first on."""
        fields = step.fields
        return Turned(fields.turned_values, fields.turned_rows, fields.turned_starts.offset(first, "i64"))

    def together(self, blocks: int, tuning: Tuning) -> int:
        return 1

    def write_update(self, step: "Step", batch: "Batch", block: Int, blocks: Int) -> None:
        lanes, (how, how_bias) = step.lanes, (*step.net.updates[0], None)[:2]
        registers, first = padded(self.m, lanes) // lanes, block * lanes
        if how:
            to = step.trained(self, 0, batch) + first * (registers * lanes)
            update_sparse(step.m, registers, how)(self._turned(step, first), step.dy(self), to, lanes)
        if how_bias:
            with step.f.when(block.equals(0)), step.f.each(registers) as register:
                c = register * lanes
                update_vector(step.m, 1, how_bias)(step.dy(self) + c, batch.count, step.trained(self, 1, batch) + c)

    def write_predict(self, p: Prediction) -> None:
        values, columns, starts = p.X
        X = SparseRows(values, columns, starts.offset(p.first, "i64"))
        self._write_rows(p.layout, p.w, X, None, View(p.act[1], p.layout.ld[1]), None, p.rows)
