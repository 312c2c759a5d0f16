"""A value that knows the dialect of `clearprop.ops.op` and nothing else.

`Symbol`s record what is done to them as an expression.  Whatever else a definition tries (an `if`, an integer constant,
a power that is not constant, another NumPy function, a shape) raises `OutsideDialect` or `AttributeError`.  Evaluated
with arrays, an expression does what the definition said, operation by operation, every constant in the arrays' own
precision: so it must equal the definition called with these arrays bit for bit.
"""

from typing import Any

import numpy as np
from scipy.special import erf

UNARY = {np.negative, np.square, np.exp, np.expm1, np.log, np.log1p, np.sqrt, np.sin, np.cos, np.tanh, erf}
BINARY = {np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum}
COMPARISONS = {np.greater, np.greater_equal, np.less, np.less_equal}
REDUCTIONS = {np.sum, np.mean, np.max}


class OutsideDialect(TypeError):
    """A definition uses something that its readers other than NumPy do not know."""


class Node:
    """A step of an expression: a function of other nodes and constants."""

    def __init__(self, function: Any, *arguments: Any, **options: Any) -> None:
        self.function, self.arguments, self.options = function, arguments, options

    def __bool__(self) -> bool:
        raise OutsideDialect("the value is not known yet: write np.where instead of `if`, `and` or `or`")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> "Node":
        if method != "__call__" or options:
            raise OutsideDialect(f"np.{ufunc.__name__}.{method} with {options}")
        if ufunc in UNARY | BINARY:
            return Symbol(ufunc, *map(number, inputs))
        if ufunc is np.power:
            return inputs[0] ** inputs[1]
        if ufunc in COMPARISONS:
            return Mask(ufunc, *map(number, inputs))
        raise OutsideDialect(f"np.{ufunc.__name__}")

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> "Symbol":
        if function is np.where and len(inputs) == 3 and isinstance(inputs[0], Mask):
            return Symbol(np.where, inputs[0], *map(number, inputs[1:]))
        if function in REDUCTIONS and isinstance(options.get("axis"), int) and options.keys() <= {"axis", "keepdims"}:
            (x,) = inputs
            return Symbol(function, number(x), **options)
        raise OutsideDialect(f"np.{function.__name__} of {inputs} with {options}")

    def evaluate(self, dtype: type, known: dict[int, Any] | None = None) -> Any:
        """The value, with constants in `dtype`; `known` holds what has been computed, by identity."""
        known = {} if known is None else known
        if id(self) not in known:
            values = [a.evaluate(dtype, known) if isinstance(a, Node) else dtype(a) for a in self.arguments]
            known[id(self)] = self.function(*values, **self.options)
        return known[id(self)]


def number(x: Any) -> Any:
    """x if it is a symbol or a Python float."""
    if isinstance(x, Symbol) or type(x) is float:
        return x
    raise OutsideDialect(f"{x!r}: neither a value nor a Python float")


def operator(ufunc: Any, *, reflected: bool = False) -> Any:
    """The operator method that records `ufunc`."""

    def method(self: Node, *other: Any) -> Node:
        return self.__array_ufunc__(ufunc, "__call__", *((*other, self) if reflected else (self, *other)))

    return method


class Symbol(Node):
    """A number, or array of numbers, to come."""

    __add__, __radd__ = operator(np.add), operator(np.add, reflected=True)
    __sub__, __rsub__ = operator(np.subtract), operator(np.subtract, reflected=True)
    __mul__, __rmul__ = operator(np.multiply), operator(np.multiply, reflected=True)
    __truediv__, __rtruediv__ = operator(np.divide), operator(np.divide, reflected=True)
    __neg__ = operator(np.negative)

    def __pow__(self, exponent: Any) -> "Symbol":
        if type(exponent) not in (int, float) or abs(exponent) > 16 or 2 * exponent % 1:
            raise OutsideDialect(f"an exponent of {exponent!r}")
        return Symbol(lambda x: x**exponent, self)  # NumPy computes some otherwise than np.power of two arrays

    __gt__, __ge__ = operator(np.greater), operator(np.greater_equal)
    __lt__, __le__ = operator(np.less), operator(np.less_equal)


class Mask(Node):
    """A truth value, or array of them, to come."""

    def __and__(self, other: "Mask") -> "Mask":
        return Mask(np.logical_and, _mask(self), _mask(other))

    def __or__(self, other: "Mask") -> "Mask":
        return Mask(np.logical_or, _mask(self), _mask(other))

    def __invert__(self) -> "Mask":
        return Mask(np.logical_not, self)


def _mask(x: Any) -> Mask:
    if isinstance(x, Mask):
        return x
    raise OutsideDialect(f"{x!r} is not a mask")


def symbol(array: Any) -> Symbol | Mask:
    """A node that evaluates to `array`: a mask if it holds truth values."""
    kind = Mask if np.asarray(array).dtype == bool else Symbol
    return kind(lambda: array)
