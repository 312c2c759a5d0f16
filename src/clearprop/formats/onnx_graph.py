"""An ONNX graph in the making: values that write down, as ONNX operations, what is done with them."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from clearprop import ops
from clearprop._types import Array, Value
from clearprop.errors import ConfigurationError
from clearprop.ops import Op

OPSET, TEXT_OPSET = 19, 20
"""The version of ONNX's operations; that of a graph that reads text, the first with regular expressions."""

_SAME: dict[Any, str] = {
    np.add: "Add",
    np.subtract: "Sub",
    np.multiply: "Mul",
    np.divide: "Div",
    np.negative: "Neg",
    np.maximum: "Max",
    np.minimum: "Min",
    np.matmul: "MatMul",
    np.absolute: "Abs",
    np.exp: "Exp",
    np.log: "Log",
    np.sqrt: "Sqrt",
    np.tanh: "Tanh",
    np.sin: "Sin",
    np.cos: "Cos",
    np.floor: "Floor",
    np.power: "Pow",
    np.greater: "Greater",
    np.greater_equal: "GreaterOrEqual",
    np.less: "Less",
    np.less_equal: "LessOrEqual",
    np.bitwise_and: "And",
    np.bitwise_or: "Or",
    np.invert: "Not",
}
_TRUTHS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Not")
_REDUCTIONS = {np.sum: "ReduceSum", np.mean: "ReduceMean", np.max: "ReduceMax"}
_OPS: dict[str, tuple[str, dict[str, Any]]] = {
    "affine": ("Gemm", {}),
    "matmul": ("MatMul", {}),
    "relu": ("Relu", {}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "softmax": ("Softmax", {"axis": -1}),
    "log_softmax": ("LogSoftmax", {"axis": -1}),
}
"""Operations of ours that are one of ONNX's."""


class Graph:
    """ONNX nodes and constants, as they are written down.

    Attributes
    ----------
    nodes : list of (operation, inputs, output, attributes)
    constants : dict of str to array
    """

    def __init__(self, name: Callable[[], str]) -> None:
        self.nodes: list[tuple[str, list[str], str, dict[str, Any]]] = []
        self.constants: dict[str, Array] = {}
        self._name = name
        self._known: dict[Any, str] = {}

    def node(self, operation: str, *inputs: "Node | Array", dtype: Any, **options: Any) -> "Node":
        """The result of an operation."""
        names = [x.name if isinstance(x, Node) else self.constant(x) for x in inputs]
        output = self._name()
        self.nodes.append((operation, names, output, options))
        precision = next((x.precision for x in inputs if isinstance(x, Node)), None)
        return Node(self, output, dtype, precision)

    def constant(self, array: Array) -> str:
        """The name of a constant; equal ones share it."""
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = self._name()
            self.constants[self._known[key]] = array
        return self._known[key]


class Node(NDArrayOperatorsMixin):
    """A value of a graph that writes down, as ONNX operations, what is done with it."""

    ndim = 2

    def __init__(self, graph: Graph, name: str, dtype: Any, precision: Any = None) -> None:
        self.graph, self.name, self.dtype = graph, name, np.dtype(dtype)
        self.shape: tuple[Any, ...] = (None, None)
        # Of the constants that it meets: where it is no number itself, that of what it was made of.
        self.precision = self.dtype if self.dtype.kind == "f" else precision or np.dtype(np.float64)

    def __bool__(self) -> bool:
        raise TypeError("the value is not known yet: write np.where instead of `if`")

    def __op__(self, op: Op, inputs: Sequence[Value]) -> Value:
        if op == ops.erf:
            return _erf(inputs[0])
        known = _OPS.get(op.name)
        if known is None or op != ops.OPS.get(op.name):
            return op.forward(*inputs)
        operation, options = known
        return self._node(operation, inputs, **options)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Value, **options: Any) -> Value:
        if method != "__call__" or options:
            return NotImplemented
        if ufunc is np.square:
            return self._node("Mul", [inputs[0], inputs[0]])
        if ufunc is np.expm1:
            return _expm1(inputs[0])
        if ufunc is np.log1p:
            return _log1p(inputs[0])
        if ufunc.__name__ == "erf":
            return _erf(inputs[0])
        operation = _SAME.get(ufunc)
        return NotImplemented if operation is None else self._node(operation, inputs)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Value:
        if function is np.where:
            return self._node("Where", inputs)
        if function is np.einsum:
            subscripts, *operands = inputs
            return self._node("Einsum", operands, equation=subscripts)
        if function is np.reshape:
            return self.graph.node("Reshape", self, np.array(inputs[1]), dtype=self.dtype)
        if function is np.concatenate:
            return self._node("Concat", inputs[0], **options)
        if function not in _REDUCTIONS or not isinstance(options.get("axis"), int):
            return NotImplemented
        axes, keepdims = np.array([options["axis"]]), int(options.get("keepdims", False))
        return self.graph.node(_REDUCTIONS[function], self, axes, dtype=self.dtype, keepdims=keepdims)

    def __getitem__(self, index: Any) -> "Node":
        """Columns, by their numbers."""
        rows, columns = index
        if rows != slice(None) or not isinstance(columns, list):
            raise TypeError("columns are picked as x[:, [0, 2]]")
        return self.graph.node("Gather", self, np.array(columns), dtype=self.dtype, axis=1)

    def _node(self, operation: str, inputs: Sequence[Value], **options: Any) -> "Node":
        given = [x if isinstance(x, Node) else np.asarray(x, dtype=self.precision) for x in inputs]
        return self.graph.node(operation, *given, dtype=bool if operation in _TRUTHS else self.precision, **options)

    def cast(self, dtype: Any) -> "Node":
        """The values in another type."""
        if self.dtype == np.dtype(dtype):
            return self
        return self.graph.node("Cast", self, dtype=dtype, to=element(dtype))


def _erf(x: Value) -> Value:
    """The error function in float32, the only precision that runtimes have it in."""
    return x.graph.node("Erf", x.cast(np.float32), dtype=np.float32).cast(x.dtype)


def _expm1(x: Value) -> Value:
    """eˣ - 1 = 2t / (1 - t) with t = tanh(x/2), which is exact for x ≤ 0; eˣ (1 - e⁻ˣ) for x > 0."""
    t = np.tanh(np.minimum(x, -x) * 0.5)
    below = 2.0 * t / (1.0 - t)
    return np.where(x > 0.0, -below * np.exp(x), below)


def _log1p(x: Value) -> Value:
    """log(1 + x) = log(w) x / (w - 1), w being 1 + x as rounded: both errors cancel (Kahan)."""
    w = x + 1.0
    return np.where((w > 1.0) | (w < 1.0), np.log(w) * (x / (w - 1.0)), x)


def installed(name: str) -> Any:
    """The module, or a refusal that says how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ConfigurationError(
            f'this needs {name.split(".")[0]}, which is not installed; pip install "clearprop[onnx]"'
        ) from None


def element(dtype: Any) -> int:
    """ONNX's number for a type."""
    if np.dtype(dtype).kind == "U":
        dtype = object  # ONNX's word for text
    return int(installed("onnx.helper").np_dtype_to_tensor_dtype(np.dtype(dtype)))


def tensor(array: Array) -> tuple[int, tuple[int, ...], Any]:
    """Type, shape and values."""
    values = [text.encode() for text in array.ravel().tolist()] if array.dtype.kind == "U" else array.ravel()
    return element(array.dtype), array.shape, values
