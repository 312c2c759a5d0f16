"""Arithmetic with broadcasting, and the elementary functions."""

import numpy as np

from clearprop._types import Value
from clearprop.ops.op import elementwise
from clearprop.ops.shapes import unbroadcast


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
