"""Sparse rows as kernels read them, and the kernels that meet only the numbers in them.

Zeros add nothing to a sum, so the bits are those of the dense rows.  A batch is read twice: row by row, each number
times its row of weights, and for the weights' gradient column by column, for which `by_columns` sorts it.
"""

from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data.arrays import canonical_csr, check_csr, dense_rows
from clearprop.engine.native.kernels import Update, activate, column_blocks
from clearprop.engine.native.module import kernel
from clearprop.engine.native.rows import BLOCK
from clearprop.engine.native.values import Function, Pointer, Vector, padded
from clearprop.ops import Op

THIN = 0.25  # of a matrix's numbers are not 0: with more, tiles of dense rows take less time


class SparseRows:
    """A sparse matrix in the model's precision: row i has ``values[k]`` in ``columns[k]``, k from starts[i] to
    starts[i + 1].

    A kernel writes wherever these numbers point, so they are copies of our own, which nobody changes once checked.
    """

    def __init__(self, X: Any, dtype: Any) -> None:
        self._matrix = canonical_csr(X, "X").astype(dtype, copy=False)
        self.shape: tuple[int, int] = self._matrix.shape
        self.values = np.ascontiguousarray(self._matrix.data)
        self.columns = np.array(self._matrix.indices, np.int64)
        self.starts = np.array(self._matrix.indptr, np.int64)
        check_csr(self.columns[: len(self.values)], self.starts, self.shape, "X")
        self.thin = len(self.values) <= THIN * self.shape[0] * self.shape[1]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Array:
        """These rows as an array."""
        return np.ascontiguousarray(dense_rows(self._matrix, rows))

    def most_values(self, rows: Array, offsets: Array) -> int:
        """How many numbers the fullest batch ``rows[offsets[b] : offsets[b + 1]]`` has."""
        before = np.concatenate([[0], np.cumsum(np.diff(self.starts)[rows])])
        return int(np.diff(before[offsets]).max())


def _put(p: Pointer, k: Any, n: Any) -> None:
    """The k-th of the 64-bit integers there becomes n."""
    p.f.effect(f"store i64 {n}, ptr {p.offset(k, 'i64')}, align 8")


@kernel("values* columns* starts* order* rows width turned_values* turned_rows* turned_starts*")
def by_columns(
    f: Function, values: Any, columns: Any, starts: Any, order: Any, rows: Any, width: Any, turned_values: Any,
    turned_rows: Any, turned_starts: Any,
) -> None:  # fmt: skip
    """Sorts a batch's numbers by column, and in each by row: counts them, adds up where columns start, fills in.

    Column c of `width` then has ``turned_values[k]`` in row ``turned_rows[k]``, k from turned_starts[c] to
    turned_starts[c + 1].
    """
    ends = turned_starts.offset(1, "i64")  # of columns: where each starts, until it is filled in
    with f.loop(0, width + 2) as c:
        _put(turned_starts, c, 0)
    with f.loop(0, rows) as i:
        row = order.integer(i)
        with f.loop(starts.integer(row), starts.integer(row + 1)) as k:
            after = columns.integer(k) + 1
            _put(ends, after, ends.integer(after) + 1)
    with f.loop(0, width) as c:
        _put(ends, c + 1, ends.integer(c) + ends.integer(c + 1))
    with f.loop(0, rows) as i:
        row = order.integer(i)
        with f.loop(starts.integer(row), starts.integer(row + 1)) as k:
            c = columns.integer(k)
            place = ends.integer(c)
            _put(ends, c, place + 1)
            _put(turned_rows, place, i)
            (turned_values + place).store_first((values + k).splat())


@kernel("values* columns* starts* order* w* bias* y* ldy x* rows")
def forward_sparse(
    f: Function, op: Op, m: int, ordered: bool, biased: bool, keep: bool, values: Any, columns: Any, starts: Any,
    order: Any, w: Any, bias: Any, y: Any, ldy: Any, x: Any, rows: Any,
) -> None:  # fmt: skip
    """y = op(a w + bias) for the rows of `order`, or one after the other."""
    width = padded(m, f.m.lanes)
    with f.loop(0, rows) as i:
        row = order.integer(i) if ordered else i
        start, stop = starts.integer(row), starts.integer(row + 1)
        for c, nv, _ in column_blocks(f, width // f.m.lanes, [], f.m.target.sums):
            with f.loop(start, stop, 1, [f.full(0.0, nv)]) as (k, state):
                weights = (w + (columns.integer(k) * width + c)).load(nv)
                state[:] = [(values + k).splat().fma(weights, state[0])]
            z = state[0].plain_add((bias + c).load(nv)) if biased else state[0]
            at = i * ldy + c
            activate(op, z, f.below(m - c, nv), y + at, x + at if keep else None)


@kernel("values* rows* starts* d* ldd w* stride scalars* hyper* count")
def update_sparse(
    f: Function, registers: int, how: Update, values: Any, rows: Any, starts: Any, d: Any, ldd: Any, w: Any,
    stride: Any, scalars: Any, hyper: Any, count: Any,
) -> None:  # fmt: skip
    """The gradients aᵀ d of `count` rows of weights, summed as `in_blocks` does, and what becomes of them."""
    with f.loop(0, count) as c:
        start, stop = starts.integer(c), starts.integer(c + 1)
        for j, nv, _ in column_blocks(f, registers, [], f.m.target.columns):
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
