"""Automatic differentiation by a tape: run any formula on tensors, then ask for gradients.

While a `GradientTape` is open it writes down each operation whose inputs lead back to a watched tensor: the operation,
its inputs, its output.  `gradient` reads the tape backwards and applies each operation's vector-Jacobian product.

Why backwards through the whole list, and not from each tensor to its parents?  A tensor's gradient must be complete
before it is passed on.  In ::

    b = a + a
    c = b + b

c's gradient reaches b twice; whoever passes b's first half on to a, and later its second, works twice (2ⁿ times after
n such lines), and whoever passes on only the first is wrong.  The order of recording is a topological order already:
what uses b was recorded after b, so when the tape has been read back to b, b's gradient is complete.  The list needs no
recursion either, however deep the graph.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, cast, overload

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from clearprop import ops
from clearprop._types import Array, Value
from clearprop.errors import (
    ConfigurationError,
    NotConnectedError,
    ShapeError,
    TapeError,
    UnsupportedOperationError,
)
from clearprop.ops import Op

_FROM_NUMPY: dict[Any, Op] = {
    np.add: ops.add,
    np.subtract: ops.subtract,
    np.multiply: ops.multiply,
    np.divide: ops.divide,
    np.negative: ops.negative,
    np.maximum: ops.maximum,
    np.minimum: ops.minimum,
    np.absolute: ops.absolute,
    np.square: ops.square,
    np.sqrt: ops.sqrt,
    np.sin: ops.sin,
    np.cos: ops.cos,
    np.exp: ops.exp,
    np.expm1: ops.expm1,
    np.log: ops.log,
    np.log1p: ops.log1p,
    np.tanh: ops.tanh,
    np.matmul: ops.matmul,
    np.where: ops.where,
    np.sum: ops.sum_,
    np.mean: ops.mean,
    np.max: ops.max_,
    np.transpose: ops.transpose,
    np.dot: ops.matmul,
    np.reshape: ops.reshape,
    np.broadcast_to: ops.broadcast_to,
}
_WITHOUT_DERIVATIVE = {
    np.greater,
    np.greater_equal,
    np.less,
    np.less_equal,
    np.equal,
    np.not_equal,
    np.isfinite,
    np.isnan,
    np.argmax,
    np.array_equal,
    np.allclose,
    np.shape,
}


def _plain(x: Value) -> Value:
    return x.value if isinstance(x, Tensor) else x


def _of_another_reader(x: Value) -> bool:
    """Whether x is neither number nor array but computes as one: a compiler's value, say."""
    return hasattr(x, "__array_ufunc__") and not isinstance(x, np.ndarray | np.generic)


class Tensor(NDArrayOperatorsMixin):
    """An array that tells open tapes what is done to it; NumPy's functions and operators work on it.

    >>> x = Tensor([1.0, 2.0])
    >>> np.exp(x) * 2
    Tensor([ 5.43656366, 14.7781122 ])
    >>> np.asarray(x)
    array([1., 2.])
    """

    __slots__ = ("value",)
    value: Array

    def __init__(self, value: Any) -> None:
        if _of_another_reader(_plain(value)):
            self.value = _plain(value)
            return
        array = np.asarray(_plain(value))
        if array.dtype == object or array.dtype.kind not in "fciub":
            raise ConfigurationError(f"a Tensor holds numbers, not {type(value).__name__}")
        self.value = array.astype(float) if array.dtype.kind in "iub" else array

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def size(self) -> int:
        return self.value.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.value.dtype

    @property
    def T(self) -> "Tensor":
        return self if self.ndim < 2 else ops.transpose(self)

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> "Tensor":
        """Σ over all elements, or along some axes."""
        return ops.sum_(self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> "Tensor":
        """Mean over all elements, or along some axes."""
        return ops.mean(self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def reshape(self, *shape: Any) -> "Tensor":
        """The same elements in another shape."""
        return ops.reshape(self, shape=shape[0] if len(shape) == 1 else shape)  # type: ignore[no-any-return]

    def numpy(self) -> Array:
        """The array itself."""
        return self.value

    def item(self) -> Any:
        """The value of a tensor of one element, as a Python number."""
        return self.value.item()

    def __pow__(self, exponent: Any) -> "Tensor":
        if isinstance(exponent, Tensor | np.ndarray):
            raise UnsupportedOperationError(
                "x ** p needs a constant number p; for a tensor p write np.exp(p * np.log(x))"
            )
        return ops.power(self, exponent=exponent)  # type: ignore[no-any-return]

    def __rpow__(self, base: Any) -> "Tensor":
        return np.exp(self * np.log(base))  # type: ignore[no-any-return]

    def __getitem__(self, index: Any) -> "Tensor":
        return ops.getitem(self, index=index)  # type: ignore[no-any-return]

    def __setitem__(self, index: Any, value: Any) -> None:
        raise UnsupportedOperationError(
            "a Tensor cannot be changed in place, the tape would miss it; compute a new one, for example with np.where"
        )

    def __len__(self) -> int:
        return len(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self.value, dtype=dtype) if not copy else np.array(self.value, dtype=dtype)

    def __repr__(self) -> str:
        return f"Tensor{repr(self.value).removeprefix('array')}" if self.ndim else f"Tensor({self.value})"

    # --- NumPy's protocols, and the operations' own -------------------------------------------------------------------

    @staticmethod
    def __op__(op: Op, inputs: tuple[Value, ...]) -> "Tensor":
        output = Tensor(op.forward(*map(_plain, inputs)))
        for tape in _open_tapes():
            tape._record(op, inputs, output)
        return output

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method == "__call__" and not options:
            if ufunc in _FROM_NUMPY:
                return _FROM_NUMPY[ufunc](*inputs)
            if ufunc in _WITHOUT_DERIVATIVE:
                return ufunc(*map(_plain, inputs))
            if ufunc.__name__ == "erf":
                return ops.erf(*inputs)
            if ufunc is np.power:
                base, exponent = inputs
                return base.__pow__(exponent) if isinstance(base, Tensor) else exponent.__rpow__(base)
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        with_options = f" with {', '.join(options)}" if options else ""
        raise _unsupported(f"np.{name}{with_options}")

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        if function in _FROM_NUMPY:
            op = _FROM_NUMPY[function]
            arrays, more = inputs[: op.n_inputs], inputs[op.n_inputs :]
            if len(more) <= 1:  # np.sum(x, 0), np.reshape(x, shape): the operation's first parameter by position
                return op(*arrays, **dict(zip(op.parameters, more, strict=False)), **options)
        if function in _WITHOUT_DERIVATIVE:
            return function(*map(_plain, inputs), **options)
        raise _unsupported(f"np.{function.__name__}")


def _unsupported(name: str) -> UnsupportedOperationError:
    known = ", ".join(sorted({f"np.{f.__name__}" for f in _FROM_NUMPY}))
    return UnsupportedOperationError(
        f"{name} has no derivative here; use one of {known}, or an operation of clearprop.ops"
    )


class _Record(NamedTuple):
    op: Op
    inputs: tuple[Value, ...]
    output: Tensor


_thread = threading.local()


def _open_tapes() -> list["GradientTape"]:
    if not hasattr(_thread, "tapes"):
        _thread.tapes = []
    return _thread.tapes  # type: ignore[no-any-return]


Sources = TypeVar("Sources")


class GradientTape:
    """Records operations on watched tensors and returns gradients: ∂target/∂source.

    Parameters
    ----------
    persistent : bool
        Keep the records after `gradient`, so that it can be called again.

    >>> with GradientTape() as tape:
    ...     x = tape.watch(3.0)
    ...     y = x * x + 1.0
    >>> tape.gradient(y, x)
    Tensor(6.0)

    Second order: the inner tape's gradient is itself made of operations, which the outer tape records.

    >>> with GradientTape() as outer:
    ...     x = outer.watch(3.0)
    ...     with GradientTape() as inner:
    ...         _ = inner.watch(x)
    ...         y = x * x * x
    ...     dy_dx = inner.gradient(y, x)
    >>> outer.gradient(dy_dx, x)
    Tensor(18.0)
    """

    def __init__(self, persistent: bool = False) -> None:
        self.persistent = persistent
        self._records: list[_Record] = []
        self._connected: dict[int, Tensor] = {}  # by id; holding the tensor keeps its id from being reused
        self._state = "new"

    def __enter__(self) -> "GradientTape":
        if self._state != "new":
            raise TapeError("this tape has been used; open a new GradientTape() for each recording")
        self._state = "recording"
        _open_tapes().append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        _open_tapes().remove(self)
        if self._state == "recording":
            self._state = "recorded"

    @overload
    def watch(self, tensor: Any, /) -> Tensor: ...
    @overload
    def watch(self, first: Any, second: Any, /, *more: Any) -> tuple[Tensor, ...]: ...
    def watch(self, *values: Any) -> Tensor | tuple[Tensor, ...]:
        """Record what is done to these tensors from now on; numbers and arrays are made tensors first.

        Returns the tensor, or a tuple of tensors for several.
        """
        if self._state != "recording":
            raise TapeError("watch() works inside `with GradientTape() as tape:` only; this tape is not recording")
        tensors = tuple(v if isinstance(v, Tensor) else Tensor(v) for v in values)
        for tensor in tensors:
            self._connected[id(tensor)] = tensor
        return tensors if len(tensors) != 1 else tensors[0]

    def _record(self, op: Op, inputs: tuple[Value, ...], output: Tensor) -> None:
        if self._state == "recording" and any(id(x) in self._connected for x in inputs):
            self._connected[id(output)] = output
            self._records.append(_Record(op, inputs, output))

    def gradient(
        self,
        target: Tensor,
        sources: Sources,
        *,
        output_gradient: Any = None,
        unconnected: str = "raise",
    ) -> Sources:
        """∂target/∂source for each source, in the structure (tensor, list, tuple, dict) that `sources` has.

        Parameters
        ----------
        target : Tensor
            Its elements are summed, unless `output_gradient` (same shape) weights them.
        sources : Tensor, or a sequence or mapping of tensors
            Watched tensors, or any tensor computed from them on the way to the target.
        unconnected : {"raise", "zero"}
            What to do about a source that the target does not depend on.

        Raises
        ------
        NotConnectedError
            The target, or a source, is not on this tape, or the target does not depend on the source.
        TapeError
            The records were released by an earlier call.
        """
        if unconnected not in ("raise", "zero"):
            raise ConfigurationError(f"unconnected is 'raise' or 'zero', not {unconnected!r}")
        if self._state == "released":
            raise TapeError(
                "gradient() was called on this tape before and its records are released; "
                "use GradientTape(persistent=True) to call it again"
            )
        if self._state == "new":
            raise TapeError("nothing is recorded yet; compute the target inside `with GradientTape() as tape:`")
        if not isinstance(target, Tensor):
            raise TapeError(
                f"the target is {type(target).__name__}, not a Tensor: compute it from tensors the tape watches"
            )
        if id(target) not in self._connected and unconnected == "raise":
            raise NotConnectedError(
                f"the target (shape {target.shape}) was not computed from a tensor this tape watches; "
                "call tape.watch(x) before computing with x, inside the `with` block"
            )
        dy: Value = np.ones_like(target.value) if output_gradient is None else output_gradient
        shape = dy.shape if hasattr(dy, "shape") else np.shape(dy)
        if shape != target.shape:
            raise ShapeError(f"output_gradient has shape {shape}, the target {target.shape}; they must be equal")
        records = self._records
        if not self.persistent:
            self._records, self._state = [], "released"
        gradients = self._backward(records, target, dy if isinstance(dy, Tensor) else Tensor(dy))

        def one(source: Any, name: str) -> Tensor:
            if id(source) in gradients:
                return gradients[id(source)]
            if unconnected == "zero":
                return Tensor(np.zeros_like(source.value))
            raise NotConnectedError(_why_unconnected(source, name, id(source) in self._connected))

        return cast(Sources, _map(one, sources))

    @staticmethod
    def _backward(records: Sequence[_Record], target: Tensor, dy: Tensor) -> dict[int, Tensor]:
        gradients = {id(target): dy}
        for op, inputs, output in reversed(records):
            if id(output) not in gradients:
                continue
            contributions = op.pullback(gradients[id(output)], output, *inputs)
            for x, dx in zip(inputs, contributions, strict=False):  # vjp(dy, y) of one input gives one
                if isinstance(x, Tensor) and dx is not None:
                    dx = dx if isinstance(dx, Tensor) else Tensor(dx)
                    gradients[id(x)] = gradients[id(x)] + dx if id(x) in gradients else dx
        return gradients


def _why_unconnected(source: Any, name: str, on_tape: bool) -> str:
    if not isinstance(source, Tensor):
        return f"{name} is {type(source).__name__}, not a Tensor: use what tape.watch(...) returned"
    what = f"{name} (shape {source.shape})"
    if not on_tape:
        return f"{what} is not on this tape; call tape.watch(...) before it is used"
    return f"the target does not depend on {what}; pass unconnected='zero' if a zero gradient is meant"


def _map(function: Callable[[Any, str], Tensor], sources: Any) -> Any:
    if isinstance(sources, Mapping):
        return {key: function(source, f"source {key!r}") for key, source in sources.items()}
    if isinstance(sources, list | tuple):
        mapped = [function(source, f"source {i}") for i, source in enumerate(sources)]
        return tuple(mapped) if isinstance(sources, tuple) else mapped
    return function(sources, "the source")


def differentiable(function: Callable[[Value], Value]) -> Op:
    """A plain NumPy function of one array, elementwise, as an operation whose derivative the tape finds.

    >>> cube = differentiable(lambda x: x * x * x)
    >>> cube.vjp(1.0, None, np.array([2.0]))
    array([12.])
    """

    def forward(x: Value) -> Value:
        return function(x)

    forward.__name__ = getattr(function, "__name__", "function")
    op = Op(forward, shapes="ni->ni", kind="elementwise")

    @op.defvjp
    def _(dy: Value, y: Value, x: Value) -> Value:
        with GradientTape() as tape:
            tensor = tape.watch(x)
            output = function(tensor)
        if getattr(dy, "shape", None) != output.shape:
            dy = np.broadcast_to(dy, output.shape)
        dx = tape.gradient(output, tensor, output_gradient=dy)
        return dx if isinstance(x, Tensor) else dx.value

    return op
