"""An operation: one pure function and, beside it, its vector-Jacobian product.

An operation's derivative is written in this pair and nowhere else (a loss states its gradient beside its value in the
same way).  NumPy arrays give numbers, complex arrays give derivatives by the complex step, tensors record themselves on
a tape, and any other value that answers NumPy's protocols (a compiler's, a printer's) reads the same text.  Elementwise
and row operations keep to a small dialect so that all can:

    + - * /  negation  comparisons (giving masks)  & | ~      ** with a constant multiple of 0.5, from -16 to 16
    np.where maximum minimum square exp expm1 log log1p sqrt sin cos tanh   scipy.special.erf
    np.sum, np.mean and np.max over an axis (row and column operations)      Python float constants

No `if`, `and`, `np.abs` (write `np.maximum(x, -x)`, which a complex step survives) or `np.sign`.  What needs more is of
the kind "array": it runs on NumPy, as a tape or an export reads it, but is not compiled.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from clearprop._registry import Registry, did_you_mean
from clearprop._types import Value
from clearprop.errors import ClearpropError, ConfigurationError, ShapeError


class Op:
    """A function with its derivative: y = f(x, ...) and dx = vjp(dy, y, x, ...) = dyᵀ ∂y/∂x.

    Parameters
    ----------
    forward : callable
        f(*inputs, *, parameters...).  Keyword-only arguments are the operation's parameters (a slope, an axis).
    shapes : str
        Axes of inputs and output, one letter each, as for `np.einsum`: ``"ni,io,o->no"``.
    kind : {"elementwise", "row", "column", "array"}
        How far an output element looks: at its own place, along its row, down its column, anywhere.  The first three
        keep to the dialect.
    kinks : tuple of float
        Inputs where the derivative jumps; the docstring states the value taken there.
    domain : (float, float)
        Open interval on which the result is finite.
    init : str
        The initialiser of the weights before it, if it is an activation: one that keeps the variance of what passes.
    """

    def __init__(
        self,
        forward: Callable[..., Value],
        *,
        shapes: str,
        kind: str,
        kinks: tuple[float, ...] = (),
        domain: tuple[float, float] = (-math.inf, math.inf),
        init: str = "glorot_uniform",
    ) -> None:
        self.name = forward.__name__
        self.shapes, self.kind, self.kinks, self.domain, self.init = shapes, kind, kinks, domain, init
        self.parameters: dict[str, Any] = {
            name: p.default
            for name, p in inspect.signature(forward).parameters.items()
            if p.kind is inspect.Parameter.KEYWORD_ONLY
        }
        self._forward = forward
        self._vjp: Callable[..., Value] | None = None
        self._vjp_inputs = 0
        self.__doc__ = forward.__doc__
        self.__wrapped__ = forward

    def defvjp(self, vjp: Callable[..., Value]) -> Callable[..., Value]:
        """Decorator: state the derivative as `vjp(dy, y)` or `vjp(dy, y, *inputs)`, whichever suffices."""
        positional = [p for p in inspect.signature(vjp).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        self._vjp, self._vjp_inputs = vjp, len(positional) - 2
        return vjp

    @property
    def n_inputs(self) -> int:
        """How many arrays the operation takes."""
        return self.shapes.split("->")[0].count(",") + 1

    @property
    def keeps_input(self) -> bool:
        """Whether the derivative needs the inputs, or the output alone suffices."""
        return self._vjp_inputs > 0

    def bind(self, **parameters: Any) -> "Op":
        """The same operation with other parameters: ``leaky_relu.bind(slope=0.2)``."""
        for name in parameters:
            if name not in self.parameters:
                known = list(self.parameters)
                hint = did_you_mean(name, known) if known else "It takes none"
                raise ConfigurationError(f"{self.name} has no parameter {name!r}; {hint}")
        bound = object.__new__(type(self))
        bound.__dict__ = {**self.__dict__, "parameters": {**self.parameters, **parameters}}
        return bound

    def __call__(self, *inputs: Value, **parameters: Any) -> Value:
        """y = f(*inputs); an input with a method `__op__` (a tensor) takes over and records the call."""
        op = self.bind(**parameters) if parameters else self
        for x in inputs:
            if hasattr(x, "__op__"):
                return x.__op__(op, inputs)
        return op.forward(*inputs)

    def forward(self, *inputs: Value) -> Value:
        """y = f(*inputs), computed here and recorded nowhere.

        Raises
        ------
        ShapeError
            The inputs' shapes do not fit together.
        """
        try:
            return self._forward(*inputs, **self.parameters)
        except ClearpropError:
            raise
        except ValueError:
            shapes = " and ".join(str(getattr(x, "shape", ())) for x in inputs)
            raise ShapeError(f"{self!r} cannot work on shapes {shapes}, axes {self.shapes!r}") from None

    def vjp(self, dy: Value, y: Value, *inputs: Value) -> Value:
        """dyᵀ ∂y/∂x: one array for one input, a tuple for several (None where an input has no derivative)."""
        if self._vjp is None:
            raise ConfigurationError(f"{self.name} has no derivative; add one with @{self.name}.defvjp")
        return self._vjp(dy, y, *inputs[: self._vjp_inputs], **self.parameters)

    def pullback(self, dy: Value, y: Value, *inputs: Value) -> tuple[Value, ...]:
        """As `vjp`, always a tuple."""
        dx = self.vjp(dy, y, *inputs)
        return dx if isinstance(dx, tuple) else (dx,)

    def __reduce__(self) -> Any:
        key = self.name.rstrip("_")
        if key in OPS and OPS[key]._forward is self._forward:
            return _registered, (key, self.parameters)
        return super().__reduce__()

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in self.parameters.items())})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Op)
            and self._forward is other._forward
            and self._vjp is other._vjp
            and self.parameters == other.parameters
        )

    def __hash__(self) -> int:
        return hash((self._forward, self._vjp))


OPS: Registry[Op] = Registry("operation")
ACTIVATIONS: Registry[Op] = Registry("activation")


def _registered(name: str, parameters: dict[str, Any]) -> Op:
    """What a pickled operation becomes again: functions that a decorator replaced cannot be pickled by name."""
    return OPS[name].bind(**parameters)


def op(shapes: str, *, kind: str = "array", **properties: Any) -> Callable[[Callable[..., Value]], Op]:
    """Decorator: make a function an operation and register it under its name."""

    def define(forward: Callable[..., Value]) -> Op:
        operation = Op(forward, shapes=shapes, kind=kind, **properties)
        return OPS.register(operation.name.rstrip("_"), operation)

    return define


def elementwise(inputs: int = 1, **properties: Any) -> Callable[[Callable[..., Value]], Op]:
    """Decorator for operations that work element by element, with NumPy's broadcasting."""
    return op(",".join(["ni"] * inputs) + "->ni", kind="elementwise", **properties)


def activation(*, kind: str = "elementwise", **properties: Any) -> Callable[[Callable[..., Value]], Op]:
    """Decorator for operations that a layer may use as its activation, by name."""

    def define(forward: Callable[..., Value]) -> Op:
        operation = op("ni->ni", kind=kind, **properties)(forward)
        return ACTIVATIONS.register(operation.name, operation)

    return define


def as_activation(activation: "str | Op", parameters: Mapping[str, Any]) -> Op:
    """The activation of that name, or the operation itself, with `parameters` bound."""
    operation = ACTIVATIONS[activation] if isinstance(activation, str) else activation
    return operation.bind(**parameters) if parameters else operation
