"""Arithmetic with broadcasting, and the elementary functions."""

from typing import Any

import numpy as np

from clearprop._types import Value
from clearprop.errors import ShapeError
from clearprop.ops.op import elementwise, op


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


@elementwise(2)
def add(a: Value, b: Value) -> Value:
    """a + b"""
    return a + b


@add.defvjp
def _(dy: Value, y: Value, a: Value, b: Value) -> Value:
    return unbroadcast(dy, a), unbroadcast(dy, b)


@elementwise(2)
def subtract(a: Value, b: Value) -> Value:
    """a - b"""
    return a - b


@subtract.defvjp
def _(dy: Value, y: Value, a: Value, b: Value) -> Value:
    return unbroadcast(dy, a), unbroadcast(-dy, b)


@elementwise(2)
def multiply(a: Value, b: Value) -> Value:
    """a b"""
    return a * b


@multiply.defvjp
def _(dy: Value, y: Value, a: Value, b: Value) -> Value:
    return unbroadcast(dy * b, a), unbroadcast(dy * a, b)


@elementwise(2)
def divide(a: Value, b: Value) -> Value:
    """a / b"""
    return a / b


@divide.defvjp
def _(dy: Value, y: Value, a: Value, b: Value) -> Value:
    da = dy / b
    return unbroadcast(da, a), unbroadcast(-da * y, b)


@elementwise()
def negative(x: Value) -> Value:
    """-x"""
    return -x


@negative.defvjp
def _(dy: Value, y: Value) -> Value:
    return -dy


@elementwise(2)
def maximum(a: Value, b: Value) -> Value:
    """max(a, b); where a = b, each gets half of the gradient."""
    return np.maximum(a, b)


@maximum.defvjp
def _(dy: Value, y: Value, a: Value, b: Value) -> Value:
    half = 0.5 * dy
    da = np.where(a > b, dy, np.where(a < b, 0.0, half))
    db = np.where(b > a, dy, np.where(b < a, 0.0, half))
    return unbroadcast(da, a), unbroadcast(db, b)


@elementwise(2)
def minimum(a: Value, b: Value) -> Value:
    """min(a, b); where a = b, each gets half of the gradient."""
    return np.minimum(a, b)


@minimum.defvjp
def _(dy: Value, y: Value, a: Value, b: Value) -> Value:
    half = 0.5 * dy
    da = np.where(a < b, dy, np.where(a > b, 0.0, half))
    db = np.where(b < a, dy, np.where(b > a, 0.0, half))
    return unbroadcast(da, a), unbroadcast(db, b)


@elementwise(3)
def where(mask: Value, a: Value, b: Value) -> Value:
    """a where the mask is true, else b."""
    return np.where(mask, a, b)


@where.defvjp
def _(dy: Value, y: Value, mask: Value, a: Value, b: Value) -> Value:
    return None, unbroadcast(np.where(mask, dy, 0.0), a), unbroadcast(np.where(mask, 0.0, dy), b)


@elementwise(kinks=(0.0,))
def absolute(x: Value) -> Value:
    """|x|; the derivative at 0 is 0."""
    return np.maximum(x, -x)


@absolute.defvjp
def _(dy: Value, y: Value, x: Value) -> Value:
    return np.where(x > 0.0, dy, np.where(x < 0.0, -dy, 0.0))


@elementwise()
def square(x: Value) -> Value:
    """x²"""
    return np.square(x)


@square.defvjp
def _(dy: Value, y: Value, x: Value) -> Value:
    return 2.0 * dy * x


@elementwise(domain=(0.0, np.inf))
def sqrt(x: Value) -> Value:
    """√x"""
    return np.sqrt(x)


@sqrt.defvjp
def _(dy: Value, y: Value) -> Value:
    return 0.5 * dy / y


@elementwise(domain=(0.0, np.inf))
def power(x: Value, *, exponent: float = 1.5) -> Value:
    """xᵖ for a constant p; any x when p is a whole number, else x > 0."""
    return x**exponent


@power.defvjp
def _(dy: Value, y: Value, x: Value, *, exponent: float) -> Value:
    if exponent == 0:
        return 0.0 * dy
    return dy * (exponent * power(x, exponent=exponent - 1))


@elementwise()
def sin(x: Value) -> Value:
    """sin x"""
    return np.sin(x)


@sin.defvjp
def _(dy: Value, y: Value, x: Value) -> Value:
    return dy * cos(x)


@elementwise()
def cos(x: Value) -> Value:
    """cos x"""
    return np.cos(x)


@cos.defvjp
def _(dy: Value, y: Value, x: Value) -> Value:
    return -dy * sin(x)


@elementwise(domain=(-np.inf, 88.0))
def expm1(x: Value) -> Value:
    """eˣ - 1, exact also for small x"""
    return np.expm1(x)


@expm1.defvjp
def _(dy: Value, y: Value) -> Value:
    return dy * (y + 1.0)


@elementwise(domain=(-1.0, np.inf))
def log1p(x: Value) -> Value:
    """log(1 + x), exact also for small x"""
    return np.log1p(x)


@log1p.defvjp
def _(dy: Value, y: Value, x: Value) -> Value:
    return dy / (1.0 + x)


@elementwise()
def erf(x: Value) -> Value:
    """The error function, 2/√π ∫₀ˣ exp(-t²) dt"""
    from scipy.special import erf as scipy_erf  # here, so that importing clearprop does not import SciPy

    return scipy_erf(x)


@erf.defvjp
def _(dy: Value, y: Value, x: Value) -> Value:
    far = np.minimum(np.maximum(x, -x), 30.0)  # exp(-900) is 0 already; x² of a huge x would overflow
    return dy * (1.1283791670955126 * np.exp(-far * far))


# --- shape -----------------------------------------------------------------------------------------------------------


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


# --- matrices --------------------------------------------------------------------------------------------------------


@op("ni,io->no")
def matmul(a: Value, b: Value) -> Value:
    """The matrix product A B of matrices or vectors."""
    if not (0 < len(shape_of(a)) <= 2 and 0 < len(shape_of(b)) <= 2):
        raise ShapeError(
            f"matmul multiplies matrices and vectors, not shapes {shape_of(a)} and {shape_of(b)}; "
            "multiply a number with *"
        )
    return a @ b


@matmul.defvjp
def _(dy: Value, y: Value, a: Value, b: Value) -> Value:
    if a.ndim == b.ndim == 2:
        return dy @ b.T, a.T @ dy
    rows = a if a.ndim == 2 else reshape(a, shape=(1, -1))
    columns = b if b.ndim == 2 else reshape(b, shape=(-1, 1))
    dy = reshape(dy, shape=(rows.shape[0], columns.shape[1]))
    return reshape(dy @ columns.T, shape=a.shape), reshape(rows.T @ dy, shape=b.shape)


@op("ni,io->no")
def einsum(a: Value, b: Value, *, subscripts: str = "ni,io->no") -> Value:
    """Σ a b over the axes that `subscripts` leaves out of the result, as in `np.einsum`; each axis of a is one of b or
    of the result too, and the other way round."""
    return np.einsum(subscripts, a, b)


@einsum.defvjp
def _(dy: Value, y: Value, a: Value, b: Value, *, subscripts: str) -> Value:
    inputs, _, output = subscripts.partition("->")
    of_a, _, of_b = inputs.partition(",")
    da = einsum(dy, b, subscripts=f"{output},{of_b}->{of_a}")
    return da, einsum(a, dy, subscripts=f"{of_a},{output}->{of_b}")
