"""A first stage that reads sparse rows and meets only the numbers in them.

Zeros add nothing to a sum, so the bits are those of the dense rows.  A batch is read twice: row by row, each number
times its row of weights, and for the weights' gradient column by column, for which `by_columns` sorts it.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from clearprop.engine.native.kernels import Activate, Strided, Trained, Update, column_blocks, contract, update_vector
from clearprop.engine.native.module import kernel
from clearprop.engine.native.rows import BLOCK
from clearprop.engine.native.stages.base import ByColumns, ByRows, Prediction
from clearprop.engine.native.stages.dense import DenseStage, Panels
from clearprop.engine.native.tuning import Tuning
from clearprop.engine.native.values import Function, Int, Pointer, Sparse, Vector, View, padded
from clearprop.ops import Op

if TYPE_CHECKING:
    from clearprop.engine.native.layout import Layout
    from clearprop.engine.native.step import Batch, Step


@kernel
def by_columns(f: Function, X: Sparse, order: Pointer, rows: Int, width: Int, turned: Sparse) -> None:
    """Sorts a batch's numbers by column, and in each by row: counts them, adds up where columns start, fills in.

    Column c of `width` then is row c of `turned`, where the batch's rows are columns.
    """
    ends = turned.starts.offset(1, "i64")  # of columns: where each starts, until it is filled in
    with f.loop(0, width + 2) as c:
        turned.starts.put(0, c)
    with f.loop(0, rows) as i:
        row = order.integer(i)
        with f.loop(X.starts.integer(row), X.starts.integer(row + 1)) as k:
            after = X.columns.integer(k) + 1
            ends.put(ends.integer(after) + 1, after)
    with f.loop(0, width) as c:
        after = c + 1
        ends.put(ends.integer(c) + ends.integer(after), after)
    with f.loop(0, rows) as i:
        row = order.integer(i)
        with f.loop(X.starts.integer(row), X.starts.integer(row + 1)) as k:
            c = X.columns.integer(k)
            place = ends.integer(c)
            ends.put(place + 1, c)
            turned.columns.put(i, place)
            (turned.values + place).store_first((X.values + k).splat())


@dataclass(frozen=True)
class SparseProduct:
    """What the text of a product with sparse rows depends on."""

    op: Op
    m: int
    ordered: bool  # whether it is for the rows of `order`, or for one after the other
    biased: bool
    keeps: bool  # whether the operation's input is kept for its derivative


@kernel
def forward_sparse(
    f: Function,
    form: SparseProduct,
    X: Sparse,
    order: Pointer,
    w: Pointer,
    bias: Pointer,
    y: View,
    x: Pointer,
    rows: Int,
) -> None:
    """y = op(X w + bias)."""
    weights = View(w, padded(form.m, f.m.lanes))
    with f.loop(0, rows) as i:
        row = order.integer(i) if form.ordered else i
        span = X.starts.integer(row), X.starts.integer(row + 1)
        for c, nv, _ in column_blocks(f, weights.ld // f.m.lanes, [], f.m.tuning.sums):

            def load(k: Any, c: Any = c, nv: int = nv) -> Vector:
                row: Vector = weights.at(X.columns.integer(k), c).load(nv)
                return row

            def load_bias(c: Any = c, nv: int = nv) -> Vector:
                numbers: Vector = (bias + c).load(nv)
                return numbers

            finish = Activate(form.op, y, y.like(x) if form.keeps else None, load_bias if form.biased else None)
            masks = f.below(form.m - c, nv)
            contract(f, (1, nv), Strided(X.values, 0, 1), load, span, partial(finish, i, c, masks))


@kernel
def update_sparse(f: Function, registers: int, how: Update, X: Sparse, d: View, w: Trained, count: Int) -> None:
    """The gradients Xᵀ d of `count` rows of weights, summed as `in_blocks` does, and what becomes of them.

    X is the batch by columns.
    """
    with f.loop(0, count) as c:
        start, stop = X.starts.integer(c), X.starts.integer(c + 1)
        for j, nv, _ in column_blocks(f, registers, [], f.m.tuning.columns):
            zeros = f.full(0.0, nv)
            with f.loop(start, stop, 1, [zeros, zeros]) as (k, state):
                row = X.columns.integer(k)
                before = X.columns.integer(f.choose(start < k, k - 1, k))
                same = (row // BLOCK).equals(before // BLOCK)
                total, part = state
                total = _either(same, total, total.plain_add(part))
                part = _either(same, part, zeros)
                state[:] = [total, (X.values + k).splat().fma(d.at(row, j).load(nv), part)]
            total, part = state
            how(w + (c * (registers * f.m.lanes) + j), total.plain_add(part))


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
        y, kept = step.act[1].rows(first), step.delta[1].row(first)
        self._write_product(step.f, step.layout, step.w, step.sparse, order, y, kept, rows)

    def _write_product(
        self,
        f: Function,
        layout: "Layout",
        w: Pointer,
        X: Sparse,
        order: Pointer | None,
        y: View,
        kept: Pointer | None,
        rows: Any,
    ) -> None:
        """y = op(X W + b) for all rows, or those in order."""
        starts = layout.starts[0]
        form = SparseProduct(self.op, self.m, order is not None, self.biased, kept is not None)
        weight, bias = w + starts["weight"], w + starts.get("bias", 0)
        forward_sparse(f.m, form)(X, order or X.starts, weight, bias, y, kept or y.p, rows)

    def write_turn(self, step: "Step", batch: "Batch") -> None:
        """Sorts a batch by columns, for the update."""
        by_columns(step.m)(step.sparse, batch.order, batch.count, padded(self.n, step.lanes), step.turned)

    def together(self, blocks: int, tuning: Tuning) -> int:
        return 1

    def write_update(self, step: "Step", batch: "Batch", block: Int, blocks: Int) -> None:
        how, how_bias = (*step.net.updates[0], None)[:2]
        registers, first = padded(self.m, step.lanes) // step.lanes, block * step.lanes
        if how:
            X = replace(step.turned, starts=step.turned.starts.offset(first, "i64"))
            w = step.trained(self, 0, batch) + first * (registers * step.lanes)
            update_sparse(step.m, registers, how)(X, step.delta[1], w, step.lanes)
        if how_bias:
            with step.f.when(block.equals(0)), step.f.each(registers) as register:
                c = register * step.lanes
                d, bias = step.delta[1] + c, step.trained(self, 1, batch) + c
                update_vector(step.m, 1, how_bias)(d, batch.count, bias)

    def write_predict(self, p: Prediction) -> None:
        X = replace(p.X, starts=p.X.starts.offset(p.first, "i64"))
        self._write_product(p.f, p.layout, p.w, X, None, p.act[1], None, p.rows)
