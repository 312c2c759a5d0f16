"""Sums, means and maxima over an axis."""

import numpy as np

from clearprop._types import Value
from clearprop.ops.arithmetic import broadcast_to, reshape
from clearprop.ops.op import op


def _spread(dy: Value, x: Value, axis: int | None, keepdims: bool) -> Value:
    """The gradient of a reduction's result, repeated along the axis that was summed."""
    kept = tuple(1 if axis is None or i == axis % x.ndim else n for i, n in enumerate(x.shape))
    return broadcast_to(dy if keepdims else reshape(dy, shape=kept), shape=x.shape)


@op("ni->")
def sum_(x: Value, *, axis: int | None = None, keepdims: bool = False) -> Value:
    """Σ x over all elements, or along one axis"""
    return np.sum(x, axis=axis, keepdims=keepdims)


@sum_.defvjp
def _(dy: Value, y: Value, x: Value, *, axis: int | None, keepdims: bool) -> Value:
    return _spread(dy, x, axis, keepdims)


@op("ni->")
def mean(x: Value, *, axis: int | None = None, keepdims: bool = False) -> Value:
    """Σ x / n over all elements, or along one axis"""
    return np.mean(x, axis=axis, keepdims=keepdims)


@mean.defvjp
def _(dy: Value, y: Value, x: Value, *, axis: int | None, keepdims: bool) -> Value:
    n = x.size if axis is None else x.shape[axis]
    return _spread(dy * (1.0 / n), x, axis, keepdims)


@op("ni->")
def max_(x: Value, *, axis: int | None = None, keepdims: bool = False) -> Value:
    """The largest element, of all or along one axis; several largest share the gradient equally."""
    return np.max(x, axis=axis, keepdims=keepdims)


@max_.defvjp
def _(dy: Value, y: Value, x: Value, *, axis: int | None, keepdims: bool) -> Value:
    largest = np.where(x >= _spread(y, x, axis, keepdims), 1.0, 0.0)
    return _spread(dy, x, axis, keepdims) * (largest / np.sum(largest, axis=axis, keepdims=True))


@op("ni->n", kind="row")
def logsumexp(x: Value, *, axis: int = -1, keepdims: bool = False) -> Value:
    """log Σ eˣ along an axis, shifted by the maximum so that nothing overflows"""
    largest = np.max(x, axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(x - largest), axis=axis, keepdims=True)) + largest
    return total if keepdims else np.sum(total, axis=axis)


@logsumexp.defvjp
def _(dy: Value, y: Value, x: Value, *, axis: int, keepdims: bool) -> Value:
    return _spread(dy, x, axis, keepdims) * np.exp(x - _spread(y, x, axis, keepdims))
