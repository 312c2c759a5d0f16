"""Operations that change an array's shape and no number in it; the gradient of what was repeated is summed."""

from typing import Any

import numpy as np

from clearprop._types import Value
from clearprop.ops.op import op


def shape_of(x: Value) -> tuple[int, ...]:
    """Shape of an array or tensor; () for a Python number."""
    return tuple(getattr(x, "shape", ()))


# --- broadcasting: what was repeated on the way forward is summed on the way back -------------------------------------


@op("ni->i")
def sum_to(x: Value, *, shape: Any = None) -> Value:
    """Sum over the axes along which an array of `shape` was repeated to give x (default: over the rows)."""
    shape = x.shape[1:] if shape is None else shape
    extra = x.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(i + extra for i, n in enumerate(shape) if n == 1 != x.shape[i + extra])
    return np.reshape(np.sum(x, axis=axes), shape)


@sum_to.defvjp
def _(dy: Value, y: Value, x: Value, *, shape: Any = None) -> Value:
    return broadcast_to(dy, shape=x.shape)


@op("i->ni")
def broadcast_to(x: Value, *, shape: Any = None) -> Value:
    """Repeat x to `shape` (default: two rows)."""
    return np.broadcast_to(x, (2, *x.shape) if shape is None else shape)


@broadcast_to.defvjp
def _(dy: Value, y: Value, x: Value, *, shape: Any = None) -> Value:
    return sum_to(dy, shape=x.shape)


def unbroadcast(dx: Value, x: Value) -> Value:
    """The gradient `dx` brought back to the shape of `x`."""
    return dx if shape_of(dx) == shape_of(x) else sum_to(dx, shape=shape_of(x))


# --- the same elements, elsewhere ------------------------------------------------------------------------------------


@op("ni->k")
def reshape(x: Value, *, shape: Any = (-1,)) -> Value:
    """The same elements in another shape (default: one axis)."""
    return np.reshape(x, shape)


@reshape.defvjp
def _(dy: Value, y: Value, x: Value, *, shape: Any = (-1,)) -> Value:
    return reshape(dy, shape=x.shape)


@op("ni->in")
def transpose(x: Value) -> Value:
    """xᵀ"""
    return np.transpose(x)


@transpose.defvjp
def _(dy: Value, y: Value) -> Value:
    return transpose(dy)


@op("ni->i")
def getitem(x: Value, *, index: Any = 0) -> Value:
    """x[index]"""
    return x[index]


@getitem.defvjp
def _(dy: Value, y: Value, x: Value, *, index: Any = 0) -> Value:
    return putitem(dy, index=index, shape=x.shape)


@op("i->ni")
def putitem(x: Value, *, index: Any = 0, shape: Any = None) -> Value:
    """Zeros of `shape` (default: two rows) with x added at `index`: the reverse of `getitem`."""
    out = np.zeros((2, *x.shape) if shape is None else shape, np.result_type(x))
    np.add.at(out, index, x)
    return out


@putitem.defvjp
def _(dy: Value, y: Value, *, index: Any = 0, shape: Any = None) -> Value:
    return getitem(dy, index=index)
