"""Automatic differentiation by a tape: run any formula on tensors, then ask for gradients.

While a `GradientTape` is open it writes down each operation on tensors: the operation, its inputs, its output.
`gradient` reads the tape backwards and applies each operation's vector-Jacobian product.

A gradient is complete or refused.  All that is done to tensors inside the `with` block is recorded, whether they were
watched or not; and if the target needs something that was computed from the source before the tape was open, the tape
knows (see `_Origin`) and says so.

Why backwards through the whole list, and not from each tensor to its parents?  A tensor's gradient must be complete
before it is passed on.  In ::

    b = a + a
    c = b + b

c's gradient reaches b twice; whoever passes b's first half on to a, and later its second, works twice (2ⁿ times after
n such lines), and whoever passes on only the first is wrong.  The order of recording is a topological order already:
what uses b was recorded after b, so when the tape has been read back to b, b's gradient is complete.  The list needs no
recursion either, however deep the graph.
"""

import itertools
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    np.positive: ops.identity,
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
# What to write instead of a function without a derivative.  Tests evaluate each and compare it with the function.
_INSTEAD = {
    "add.reduce": "np.sum(x)",
    "cbrt": "np.where(x > 0, 1.0, -1.0) * np.abs(x) ** (1 / 3)",
    "clip": "np.minimum(np.maximum(x, low), high)",
    "cosh": "(np.exp(x) + np.exp(-x)) / 2",
    "exp2": "2.0**x",
    "expand_dims": "x[None]",
    "fabs": "np.abs(x)",
    "float_power": "x**p",
    "floor_divide": "x.numpy() // y (a plain array: constant, as its derivative is 0)",
    "hypot": "np.sqrt(x * x + y * y)",
    "inner": "np.sum(x * y)",
    "linalg.norm": "np.sqrt(np.sum(np.square(x)))",
    "log10": "np.log(x) / np.log(10.0)",
    "log2": "np.log(x) / np.log(2.0)",
    "logaddexp": "np.maximum(x, y) + np.log1p(np.exp(-np.abs(x - y)))",
    "maximum.reduce": "np.max(x)",
    "min": "-np.max(-x)",
    "minimum.reduce": "-np.max(-x)",
    "outer": "x[:, None] * y",
    "ravel": "x.reshape(-1)",
    "reciprocal": "1.0 / x",
    "remainder": "x - y * np.floor(x.numpy() / y)",
    "sign": "np.sign(x.numpy()) (a plain array: constant, as its derivative is 0)",
    "sinh": "(np.exp(x) - np.exp(-x)) / 2",
    "squeeze": "x.reshape(shape)",
    "std": "np.sqrt(np.mean(np.square(x - np.mean(x))))",
    "tan": "np.sin(x) / np.cos(x)",
    "var": "np.mean(np.square(x - np.mean(x)))",
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

    __slots__ = ("__weakref__", "_origin", "value")
    value: Array
    _origin: "_Origin"

    def __init__(self, value: Any) -> None:
        if isinstance(value, Tensor):  # the same value, and the same place in what is being recorded
            self._hold(value.value, (value,))
            _record_on_open_tapes(ops.identity, (value,), self)
        elif _of_another_reader(value):
            self._hold(value)
        else:
            array = np.array(value)  # a copy: what its owner does to the array later must not change the past
            if array.dtype == object or array.dtype.kind not in "fciub":
                raise ConfigurationError(f"a Tensor holds numbers, not {type(value).__name__}")
            self._hold(array)

    def _hold(self, value: Any, computed_from: Iterable[Value] = ()) -> None:
        array = value if _of_another_reader(value) else np.asarray(value)
        whole = isinstance(array, np.ndarray) and array.dtype.kind in "iub"
        self.value = array.astype(float) if whole else array
        self._origin = _Origin(self, [x._origin for x in computed_from if isinstance(x, Tensor)])

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.value.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self.value.dtype

    @property
    def T(self) -> "Tensor":
        """With the axes in reverse order."""
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
        if isinstance(exponent, Tensor) or np.ndim(exponent):
            raise UnsupportedOperationError(
                "x ** p needs a constant number p; for a tensor p write np.exp(p * np.log(x))"
            )
        return ops.power(self, exponent=exponent)  # type: ignore[no-any-return]

    def __rpow__(self, base: Any) -> "Tensor":
        return np.exp(self * np.log(base))  # type: ignore[no-any-return]

    def __getitem__(self, index: Any) -> "Tensor":
        return ops.getitem(self, index=index)  # type: ignore[no-any-return]

    # x += 1 makes a new tensor and names it x, as it does with Python's numbers; whoever else holds the old one, the
    # tape among them, keeps it unchanged.
    __iadd__ = NDArrayOperatorsMixin.__add__
    __isub__ = NDArrayOperatorsMixin.__sub__
    __imul__ = NDArrayOperatorsMixin.__mul__
    __itruediv__ = NDArrayOperatorsMixin.__truediv__
    __ifloordiv__ = NDArrayOperatorsMixin.__floordiv__
    __imod__ = NDArrayOperatorsMixin.__mod__
    __imatmul__ = NDArrayOperatorsMixin.__matmul__
    __ipow__ = __pow__

    def __setitem__(self, index: Any, value: Any) -> None:
        raise UnsupportedOperationError(
            "a Tensor cannot be changed in place, the tape would miss it; compute a new one, for example with np.where"
        )

    def __len__(self) -> int:
        return len(self.value)

    def __float__(self) -> float:
        _stay_on_tape("float(x), and with it math.exp(x),", "np.exp(x)", "x.item()")
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __format__(self, specification: str) -> str:
        return format(self.item(), specification) if specification else str(self)

    def __copy__(self) -> "Tensor":
        return Tensor(self)

    def __deepcopy__(self, memo: Any) -> "Tensor":
        return Tensor(self)

    def __reduce__(self) -> Any:
        return Tensor, (self.value,)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        _stay_on_tape("making an array of a tensor", "x itself", "x.numpy()")
        return np.asarray(self.value, dtype=dtype) if not copy else np.array(self.value, dtype=dtype)

    def __repr__(self) -> str:
        return f"Tensor{repr(self.value).removeprefix('array')}" if self.ndim else f"Tensor({self.value})"

    # --- NumPy's protocols, and the operations' own -------------------------------------------------------------------

    @staticmethod
    def __op__(op: Op, inputs: tuple[Value, ...]) -> "Tensor":
        output = object.__new__(Tensor)
        output._hold(op.forward(*map(_plain, inputs)), inputs)
        _record_on_open_tapes(op, inputs, output)
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
        raise _unsupported(name, options)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        if function in _FROM_NUMPY:
            op = _FROM_NUMPY[function]
            arrays, more = inputs[: op.n_inputs], inputs[op.n_inputs :]
            # np.sum(x, 0), np.reshape(x, shape): the operation's first parameter by position
            if len(more) <= 1 and op.parameters.keys() >= options.keys():
                return op(*arrays, **dict(zip(op.parameters, more, strict=False)), **options)
            options = {name: value for name, value in options.items() if name not in op.parameters}
        elif function in _WITHOUT_DERIVATIVE:
            return function(*map(_plain, inputs), **options)
        place = function.__module__.removeprefix("numpy").lstrip(".")
        raise _unsupported(f"{place}.{function.__name__}".lstrip("."), options)


def _unsupported(name: str, options: Mapping[str, Any]) -> UnsupportedOperationError:
    """One sentence: what cannot be, and what to write instead."""
    ufunc, _, method = name.partition(".")
    known = {f.__name__ for f in _FROM_NUMPY}
    if "out" in options:
        why = f"np.{name} with out= (or a += x for an array a) writes into an array, which the tape would miss"
        instead = f"write z = np.{name}(...), or a = a + x"
    elif method == "at":
        why, instead = f"np.{name} changes an array in place, which the tape would miss", "add up new tensors"
    elif method == "outer":
        why, instead = f"np.{name} has no derivative here", f"write np.{ufunc}(x[:, None], y)"
    elif options and name in known:
        why = f"np.{name} with {', '.join(options)} has no derivative here"
        masked = name in {f.__name__ for f in _FROM_NUMPY if isinstance(f, np.ufunc)} and "where" in options
        instead = f"write np.where(mask, np.{name}(x, y), 0.0)" if masked else f"write np.{name}(x) without"
    else:
        why = f"np.{name} has no derivative here"
        instead = f"write {_INSTEAD[name]}" if name in _INSTEAD else "list(clearprop.ops.OPS) names what has one"
    return UnsupportedOperationError(f"{why}; {instead}")


def _stay_on_tape(what: str, instead: str, number: str) -> None:
    """Refuse a silent way off the tape: what is computed with the plain number would be missing in gradients."""
    if any(tape._state == "recording" for tape in _open_tapes()):
        raise UnsupportedOperationError(
            f"{what} would leave the tape that is recording; compute with {instead}, or take {number} for its value"
        )


_numbers = itertools.count()
_GENERATIONS = 100


class _Origin:
    """What a tensor was computed from, whether a tape was open or not; it keeps none of these tensors alive.

    Every `_GENERATIONS` operations, ancestors that nobody holds any more are taken out of between, so that a loop like
    ``w = w - 0.1 * g`` does not gather its whole past.
    """

    __slots__ = ("generation", "number", "parents", "tensor")
    generation: int
    parents: Sequence["_Origin"]

    def __init__(self, tensor: Tensor, parents: Sequence["_Origin"]) -> None:
        for parent in parents:
            if parent.generation >= _GENERATIONS:
                parent.parents, parent.generation = _living(parent.parents), 0
        self.tensor = weakref.ref(tensor)
        self.number = next(_numbers)  # greater than those of its parents
        self.parents = parents
        self.generation = 1 + max((parent.generation for parent in parents), default=0)


def _living(origins: Sequence[_Origin]) -> list[_Origin]:
    """Those whose tensors are still there, and in place of others the nearest of their ancestors that are."""
    found: dict[int, _Origin] = {}
    seen, waiting = set(), list(origins)
    while waiting:
        origin = waiting.pop()
        if origin.number in seen:
            continue
        seen.add(origin.number)
        if origin.tensor() is not None:
            found[origin.number] = origin
        else:
            waiting.extend(origin.parents)
    return list(found.values())


def _ancestors(tensors: Iterable[Tensor], oldest: int) -> set[int]:
    """The numbers of all that these were computed from, as far back as `oldest`."""
    seen: set[int] = set()
    waiting = [parent for tensor in tensors for parent in tensor._origin.parents]
    while waiting:
        origin = waiting.pop()
        if origin.number >= oldest and origin.number not in seen:
            seen.add(origin.number)
            waiting.extend(origin.parents)
    return seen


class _Record(NamedTuple):
    op: Op
    inputs: tuple[Value, ...]
    output: Tensor


_thread = threading.local()


def _open_tapes() -> list["GradientTape"]:
    if not hasattr(_thread, "tapes"):
        _thread.tapes = []
    return _thread.tapes  # type: ignore[no-any-return]


def _record_on_open_tapes(op: Op, inputs: tuple[Value, ...], output: Tensor) -> None:
    recording = [tape for tape in _open_tapes() if tape._state == "recording"]
    if recording:
        # An array that its owner may change later is copied, as gradients are computed later.
        kept = tuple(x.copy() if isinstance(x, np.ndarray) and x.flags.writeable else x for x in inputs)
        for tape in recording:
            tape._record(_Record(op, kept, output))


Sources = TypeVar("Sources")


class GradientTape:
    """Records operations on tensors inside its `with` block and returns gradients: ∂target/∂source.

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
        self._met: dict[int, Tensor] = {}  # by id; holding the tensor keeps its id from being reused
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
        """Make tensors of numbers and arrays, so that what is done to them is recorded; they may then be sources.

        A tensor is returned as it is: whatever is done to tensors inside the block is recorded anyway.  Returns the
        tensor, or a tuple of tensors for several.
        """
        if self._state != "recording":
            raise TapeError("watch() works inside `with GradientTape() as tape:` only; this tape is not recording")
        tensors = tuple(v if isinstance(v, Tensor) else Tensor(v) for v in values)
        for tensor in tensors:
            self._met[id(tensor)] = tensor
        return tensors if len(tensors) != 1 else tensors[0]

    def _record(self, record: _Record) -> None:
        for x in (*record.inputs, record.output):
            if isinstance(x, Tensor):
                self._met[id(x)] = x
        self._records.append(record)

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
            Watched tensors, or any other that the target was computed from inside the block.
        unconnected : {"raise", "zero"}
            What to do about a source that the target does not depend on.

        Raises
        ------
        NotConnectedError
            The target, or a source, is not on this tape, or the target does not depend on the source, or it depends on
            it also by what was computed before this tape was open, so that the gradient would be incomplete.
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
        if id(target) not in self._met and unconnected == "raise":
            raise NotConnectedError(
                f"the target (shape {target.shape}) was not computed from a tensor while this tape was recording; "
                "call tape.watch(x) and compute with x inside the `with` block"
            )
        dy: Value = np.ones_like(target.value) if output_gradient is None else output_gradient
        shape = dy.shape if hasattr(dy, "shape") else np.shape(dy)
        if shape != target.shape:
            raise ShapeError(f"output_gradient has shape {shape}, the target {target.shape}; they must be equal")
        records = self._records
        if not self.persistent:
            self._records, self._state = [], "released"
        asked = [source for source in _each(sources) if isinstance(source, Tensor)]
        incomplete = _used_before(records, target, asked)
        gradients = _backward(records, target, dy if isinstance(dy, Tensor) else Tensor(dy), asked)

        def one(source: Any, name: str) -> Tensor:
            if id(source) in incomplete:
                raise NotConnectedError(
                    f"{name} (shape {source.shape}) was not watched before it was used: the target depends on it also "
                    "by a tensor computed before this tape was open.  Call x = tape.watch(x) first and compute that "
                    "tensor z inside the `with` block; or use Tensor(z.numpy()), if z is meant as a constant"
                )
            if id(source) in gradients:
                return gradients[id(source)]
            if unconnected == "zero" and isinstance(source, Tensor):
                return Tensor(np.zeros_like(source.value))
            raise NotConnectedError(_why_unconnected(source, name, id(source) in self._met))

        return cast(Sources, _map(one, sources))


def _backward(records: Sequence[_Record], target: Tensor, dy: Tensor, sources: Sequence[Tensor]) -> dict[int, Tensor]:
    """The gradients, by id, of the sources and of all between them and the target."""
    leads = {id(source) for source in sources}  # to a source; nothing else needs a gradient
    for _, inputs, output in records:
        if any(id(x) in leads for x in inputs):
            leads.add(id(output))
    gradients = {id(target): dy}
    for op, inputs, output in reversed(records):
        if id(output) not in gradients or not any(id(x) in leads for x in inputs):
            continue
        contributions = op.pullback(gradients[id(output)], output, *inputs)
        for x, dx in zip(inputs, contributions, strict=False):  # vjp(dy, y) of one input gives one
            if id(x) in leads and dx is not None:
                dx = dx if isinstance(dx, Tensor) else Tensor(dx)
                gradients[id(x)] = gradients[id(x)] + dx if id(x) in gradients else dx
    return gradients


def _used_before(records: Sequence[_Record], target: Tensor, sources: Sequence[Tensor]) -> set[int]:
    """The ids of sources from which something that the target needs was computed where no record tells."""
    needed = {id(target): target}
    for _, inputs, output in reversed(records):
        if id(output) in needed:
            needed |= {id(x): x for x in inputs if isinstance(x, Tensor)}
    recorded = {id(record.output) for record in records}
    unrecorded = [tensor for key, tensor in needed.items() if key not in recorded]
    before = _ancestors(unrecorded, min((source._origin.number for source in sources), default=0))
    return {id(source) for source in sources if source._origin.number in before}


def _why_unconnected(source: Any, name: str, on_tape: bool) -> str:
    if not isinstance(source, Tensor):
        return f"{name} is {type(source).__name__}, not a Tensor: use what tape.watch(...) returned"
    what = f"{name} (shape {source.shape})"
    if not on_tape:
        return f"{what} is not on this tape; call tape.watch(...) before it is used"
    return f"the target does not depend on {what}; pass unconnected='zero' if a zero gradient is meant"


def _each(sources: Any) -> Iterable[Any]:
    if isinstance(sources, Mapping):
        return sources.values()
    return sources if isinstance(sources, list | tuple) else [sources]


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
