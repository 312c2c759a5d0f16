"""Sums, means and maxima over an axis."""

import math

import numpy as np

from clearprop._types import Value
from clearprop.ops.op import op
from clearprop.ops.shapes import broadcast_to, reshape

Axis = int | tuple[int, ...] | None


def _axes(x: Value, axis: Axis) -> set[int]:
    """The numbers of the axes that are summed."""
    if axis is None:
        return set(range(x.ndim))
    return {a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))}


def _spread(dy: Value, x: Value, axis: Axis, keepdims: bool) -> Value:
    """The gradient of a reduction's result, repeated along the axes that were summed."""
    summed = _axes(x, axis)
    kept = tuple(1 if i in summed else n for i, n in enumerate(x.shape))
    return broadcast_to(dy if keepdims else reshape(dy, shape=kept), shape=x.shape)


@op("ni->")
def sum_(x: Value, *, axis: Axis = None, keepdims: bool = False) -> Value:
    """Σ x over all elements, or along some axes"""
    return np.sum(x, axis=axis, keepdims=keepdims)


@sum_.defvjp
def _(dy: Value, y: Value, x: Value, *, axis: Axis, keepdims: bool) -> Value:
    return _spread(dy, x, axis, keepdims)


@op("ni->")
def mean(x: Value, *, axis: Axis = None, keepdims: bool = False) -> Value:
    """Σ x / n over all elements, or along some axes"""
    return np.mean(x, axis=axis, keepdims=keepdims)


@mean.defvjp
def _(dy: Value, y: Value, x: Value, *, axis: Axis, keepdims: bool) -> Value:
    n = math.prod(x.shape[i] for i in _axes(x, axis))
    return _spread(dy * (1.0 / n), x, axis, keepdims)


@op("ni->")
def max_(x: Value, *, axis: Axis = None, keepdims: bool = False) -> Value:
    """The largest element, of all or along some axes; several largest share the gradient equally."""
    return np.max(x, axis=axis, keepdims=keepdims)


@max_.defvjp
def _(dy: Value, y: Value, x: Value, *, axis: Axis, keepdims: bool) -> Value:
    largest = (x >= _spread(y, x, axis, keepdims)).astype(x.dtype)
    return _spread(dy, x, axis, keepdims) * (largest / np.sum(largest, axis=axis, keepdims=True))


@op("ni->n")
def logsumexp(x: Value, *, axis: int = -1, keepdims: bool = False) -> Value:
    """log Σ eˣ along an axis, shifted by the maximum so that nothing overflows"""
    largest = np.max(x, axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(x - largest), axis=axis, keepdims=True)) + largest
    return total if keepdims else np.sum(total, axis=axis)


@logsumexp.defvjp
def _(dy: Value, y: Value, x: Value, *, axis: int, keepdims: bool) -> Value:
    return _spread(dy, x, axis, keepdims) * np.exp(x - _spread(y, x, axis, keepdims))
