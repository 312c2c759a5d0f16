"""A first stage that reads sparse rows and meets only the numbers in them.

Zeros add nothing to a sum, so the bits are those of the dense rows.  A batch is read twice: row by row, each number
times its row of weights, and for the weights' gradient column by column, for which `by_columns` sorts it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from clearprop.engine.native.kernels import Update, activate, column_blocks, update_vector
from clearprop.engine.native.module import kernel
from clearprop.engine.native.rows import BLOCK
from clearprop.engine.native.stages.base import ByColumns, ByRows, Prediction
from clearprop.engine.native.stages.dense import DenseStage, Panels
from clearprop.engine.native.tuning import Tuning
from clearprop.engine.native.values import Function, Int, Pointer, Vector, padded
from clearprop.ops import Op

if TYPE_CHECKING:
    from clearprop.engine.native.layout import Layout
    from clearprop.engine.native.step import Batch, Step


@kernel
def by_columns(
    f: Function,
    values: Pointer,
    columns: Pointer,
    starts: Pointer,
    order: Pointer,
    rows: Int,
    width: Int,
    turned_values: Pointer,
    turned_rows: Pointer,
    turned_starts: Pointer,
) -> None:
    """Sorts a batch's numbers by column, and in each by row: counts them, adds up where columns start, fills in.

    Column c of `width` then has ``turned_values[k]`` in row ``turned_rows[k]``, k from turned_starts[c] to
    turned_starts[c + 1].
    """
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
    values: Pointer,
    columns: Pointer,
    starts: Pointer,
    order: Pointer,
    w: Pointer,
    bias: Pointer,
    y: Pointer,
    ldy: Int,
    x: Pointer,
    rows: Int,
) -> None:
    """y = op(a w + bias) for the rows of `order`, or one after the other."""
    width = padded(m, f.m.lanes)
    with f.loop(0, rows) as i:
        row = order.integer(i) if ordered else i
        start, stop = starts.integer(row), starts.integer(row + 1)
        for c, nv, _ in column_blocks(f, width // f.m.lanes, [], f.m.tuning.sums):
            with f.loop(start, stop, 1, [f.full(0.0, nv)]) as (k, state):
                weights = (w + (columns.integer(k) * width + c)).load(nv)
                state[:] = [(values + k).splat().fma(weights, state[0])]
            z = state[0].plain_add((bias + c).load(nv)) if biased else state[0]
            at = i * ldy + c
            activate(op, z, f.below(m - c, nv), y + at, x + at if keep else None)


@kernel
def update_sparse(
    f: Function,
    registers: int,
    how: Update,
    values: Pointer,
    rows: Pointer,
    starts: Pointer,
    d: Pointer,
    ldd: Int,
    w: Pointer,
    stride: Int,
    scalars: Pointer,
    hyper: Pointer,
    count: Int,
) -> None:
    """The gradients aᵀ d of `count` rows of weights, summed as `in_blocks` does, and what becomes of them."""
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
                state[:] = [total, (values + k).splat().fma((d + (row * ldd + j)).load(nv), part)]
            total, part = state
            how(w + (c * (registers * f.m.lanes) + j), stride, total.plain_add(part), scalars, hyper)


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
        X, at = (step.fields.X, step.fields.columns, step.fields.starts), first * step.layout.ld[1]
        order = step.fields.order.offset(batch.start + first, "i64")
        self._write_product(step.f, step.layout, step.w, X, order, step.act[1] + at, step.delta[1] + at, rows)

    def _write_product(
        self, f: Function, layout: "Layout", w: Pointer, X: Any, order: Pointer | None, y: Pointer,
        kept: Pointer | None, rows: Any,
    ) -> None:  # fmt: skip
        """y = op(X W + b) for sparse rows: values, columns, starts.  All of them, or those in order."""
        starts, (_, _, places) = layout.starts[0], X
        key = (self.op, self.m, order is not None, self.biased, kept is not None)
        bias = w + starts.get("bias", 0)
        forward_sparse(f.m, *key)(*X, order or places, w + starts["weight"], bias, y, layout.ld[1], kept or y, rows)

    def write_turn(self, step: "Step", batch: "Batch") -> None:
        """Sorts a batch by columns, for the update."""
        fields = step.fields
        turned = (fields.turned_values, fields.turned_rows, fields.turned_starts)
        width = padded(self.n, step.lanes)
        by_columns(step.m)(fields.X, fields.columns, fields.starts, batch.order, batch.count, width, *turned)

    def together(self, blocks: int, tuning: Tuning) -> int:
        return 1

    def write_update(self, step: "Step", batch: "Batch", block: Int, blocks: Int) -> None:
        net, layout, fields, lanes = step.net, step.layout, step.fields, step.lanes
        ldd, starts = layout.ld[1], layout.starts[0]
        how, how_bias = (*net.updates[0], None)[:2]
        stride, hyper = layout.size, net.limits(batch.row)
        registers, first = padded(self.m, lanes) // lanes, block * lanes
        if how:
            turned = (fields.turned_values, fields.turned_rows, fields.turned_starts.offset(first, "i64"))
            w, scalars = step.w + starts["weight"] + first * (registers * lanes), batch.row + net.columns[0][0]
            update_sparse(step.m, registers, how)(*turned, step.delta[1], ldd, w, stride, scalars, hyper, lanes)
        if how_bias:
            with step.f.when(block.equals(0)), step.f.each(registers) as register:
                c = register * lanes
                update_vector(step.m, 1, how_bias)(
                    step.delta[1] + c, ldd, batch.count, step.w + starts["bias"] + c, stride,
                    batch.row + net.columns[0][1], hyper,
                )  # fmt: skip

    def write_predict(self, p: Prediction) -> None:
        values, columns, starts = p.X
        X = (values, columns, starts.offset(p.first, "i64"))
        self._write_product(p.f, p.layout, p.w, X, None, p.act[1], None, p.rows)
