"""A network as Python functions that need NumPy alone.

The text restates nothing: the layers are asked to compute with `Formula`s, which write down what is done with
them, and each activation's own source is copied.  So a layer or an activation of your own is written as well.
"""

import ast
import inspect
import math
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from clearprop import ops
from clearprop._types import Array, Value
from clearprop.ensemble import Ensemble, Model
from clearprop.errors import ConfigurationError
from clearprop.formats.column_exports import column_exports
from clearprop.formats.exported import Exported, exported
from clearprop.formats.python_source import function_text, head_text, listed_text, numbers_text
from clearprop.formats.saved import SavedModel
from clearprop.layers import Context, Parameters
from clearprop.model import Sequential
from clearprop.ops import ACTIVATIONS, Op

_BINARY: dict[Any, ast.operator] = {
    np.add: ast.Add(),
    np.subtract: ast.Sub(),
    np.multiply: ast.Mult(),
    np.divide: ast.Div(),
    np.matmul: ast.MatMult(),
    np.power: ast.Pow(),
    np.bitwise_and: ast.BitAnd(),
    np.bitwise_or: ast.BitOr(),
}
_COMPARISONS: dict[Any, ast.cmpop] = {
    np.greater: ast.Gt(),
    np.greater_equal: ast.GtE(),
    np.less: ast.Lt(),
    np.less_equal: ast.LtE(),
}

_OWN = ("network", "inputs", "predict", "predict_proba", "MEAN", "SCALE", "TARGET_MEAN", "TARGET_SCALE", "CLASSES")
"""Names that the text itself defines."""


def erf(x: Array) -> Array:
    """The error function, element by element"""
    return np.vectorize(math.erf, otypes=[x.dtype])(x)  # type: ignore[no-any-return]


# --- reading the definitions ------------------------------------------------------------------------------------------


class Formula(NDArrayOperatorsMixin):
    """A value that writes down, as a Python expression, what is done with it."""

    ndim = 2

    def __init__(self, node: ast.expr, definitions: "Definitions", shape: tuple[Any, ...] = (None, None)) -> None:
        self.node, self.definitions, self.shape = node, definitions, shape

    def __str__(self) -> str:
        return ast.unparse(self.node)

    def __bool__(self) -> bool:
        raise TypeError("the value is not known yet: write np.where instead of `if`")

    def __op__(self, op: Op, inputs: Sequence[Value]) -> Value:
        if op.kind == "array" or getattr(np, op.name, None) in _BINARY:  # affine, multiply: the formula itself
            return op.forward(*inputs)
        default = {name: p.default for name, p in inspect.signature(op.__wrapped__).parameters.items()}
        changed = {name: value for name, value in op.parameters.items() if value != default[name]}
        return self._call(self.definitions.name_of(op), inputs, changed)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Value, **options: Any) -> Value:
        nodes = [_node(x) for x in inputs]
        if method != "__call__" or options:
            return NotImplemented
        if ufunc in _BINARY:
            return self._formula(ast.BinOp(nodes[0], _BINARY[ufunc], nodes[1]))
        if ufunc in _COMPARISONS:
            return self._formula(ast.Compare(nodes[0], [_COMPARISONS[ufunc]], [nodes[1]]))
        if ufunc is np.negative:
            return self._formula(ast.UnaryOp(ast.USub(), nodes[0]))
        if not hasattr(np, ufunc.__name__):  # scipy.special.erf
            return self._call(self.definitions.name_of(ops.erf), inputs, {})
        return self._call(f"np.{ufunc.__name__}", inputs, {})

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> "Formula":
        return self._call(f"np.{function.__name__}", inputs, options)

    def __getitem__(self, index: Any) -> "Formula":
        return self._formula(ast.Subscript(self.node, _node(index), ast.Load()))

    def _call(self, name: str, inputs: Sequence[Value], options: dict[str, Any]) -> "Formula":
        function = ast.parse(name, mode="eval").body
        keywords = [ast.keyword(option, _node(value)) for option, value in options.items()]
        return self._formula(ast.Call(function, [_node(x) for x in inputs], keywords))

    def _formula(self, node: ast.expr) -> "Formula":
        return Formula(ast.fix_missing_locations(node), self.definitions, self.shape)


def _node(x: Value) -> ast.expr:
    if isinstance(x, Formula):
        return x.node
    if isinstance(x, list):
        return ast.List([_node(one) for one in x], ast.Load())
    if isinstance(x, tuple):
        return ast.Tuple([_node(one) for one in x], ast.Load())
    if isinstance(x, slice):
        return ast.Slice(*(None if part is None else _node(part) for part in (x.start, x.stop, x.step)))
    if isinstance(x, bool | int | float | str | np.number) or x is None:
        return ast.parse(_constant(x), mode="eval").body
    raise TypeError(f"{type(x).__name__} cannot be written as a number")


def _constant(x: Any) -> str:
    x = x.item() if isinstance(x, np.number) else x
    return f"float('{x}')" if isinstance(x, float) and not math.isfinite(x) else repr(x)


class Definitions:
    """Functions and constants copied from their source, each once, with all they use."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.imports: set[str] = {"import numpy as np"}
        self._found: dict[str, Any] = dict.fromkeys(_OWN, _OWN)

    def name_of(self, function: "Op | Callable[..., Any]") -> str:
        """The name under which the text defines `function`."""
        if function == ops.erf:
            function = erf
        function = getattr(function, "__wrapped__", function)
        name = function.__name__
        if self._found.setdefault(name, function) is not function:
            raise ConfigurationError(f"{name!r} would be two functions in the text; rename yours")
        if name not in self.texts:
            self._define(name, function)
        return name

    def _define(self, name: str, function: Callable[..., Any]) -> None:
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        except (OSError, SyntaxError, TypeError):
            tree = None
        if not isinstance(tree, ast.FunctionDef) or function.__code__.co_freevars:
            raise ConfigurationError(
                f"the source of {name!r} cannot be copied; define it with `def` in a file, outside other functions"
            )
        tree.decorator_list = []
        for part in ast.walk(tree):
            if isinstance(part, ast.arg):
                part.annotation = None
            elif isinstance(part, ast.FunctionDef):
                part.returns = None
        self.texts[name] = ""  # so that a function may call itself
        for part in ast.walk(tree):
            used = part.id if isinstance(part, ast.Name) else ""
            if used in function.__globals__ and used not in function.__code__.co_varnames:
                self._use(name, used, function.__globals__[used])
        del self.texts[name]  # what it uses comes first
        self.texts[name] = ast.unparse(tree)

    def _use(self, user: str, name: str, value: Any) -> None:
        if inspect.ismodule(value) and value.__name__ in ("numpy", "math", "datetime", "re", "unicodedata"):
            self.imports.add(f"import {value.__name__}" + (f" as {name}" if name != value.__name__ else ""))
        elif isinstance(value, Op) or inspect.isfunction(value):
            if self.name_of(value) != name:
                raise ConfigurationError(f"{user!r} calls a function by another name, {name!r}; use its own name")
        elif isinstance(value, int | float | tuple | str):
            if self._found.setdefault(name, value) != value:
                raise ConfigurationError(f"{name!r} would be two constants in the text; rename yours")
            self.texts[name] = f"{name} = {_constant(value)}"
        else:
            raise ConfigurationError(f"{user!r} uses {name!r}, which cannot be written as text")


# --- NumPy ------------------------------------------------------------------------------------------------------------


def to_numpy(
    model: Model | SavedModel,
    *,
    link: str | None = None,
    classes: Sequence[Any] | None = None,
    multilabel: bool = False,
) -> str:
    """The text of a Python module that needs NumPy alone and has the function ``predict(X)``.

    For a network, X is an array of shape (n, n_in). For a saved model with a preparation it is a mapping from column
    names to lists of cells, or a pandas, polars or Arrow table, so that ``predict`` takes what a table holds and gives
    class names or quantities. Columns may come in any order, others are ignored, a missing one is refused; cells are
    read as `clearprop predict` reads text. Where there are classes, ``predict_proba(X)`` gives their probabilities,
    shape (n, k).

    Parameters
    ----------
    model : Sequential, Ensemble or SavedModel
    link : str, optional
        What turns a network's outputs into predictions: "identity" (default), "softmax", "sigmoid" or "exp". A
        saved model has its own.
    classes : sequence, optional
        The labels of a network's outputs, texts or whole numbers; two for one output with the link "sigmoid".
    multilabel : bool
        Whether a row may belong to several classes; ``predict`` then gives 0 and 1 for each.

    Raises
    ------
    ConfigurationError
        The classes do not fit the outputs, or the source of a layer or activation of your own cannot be copied.

    >>> from clearprop import MLP
    >>> namespace = {}
    >>> exec(to_numpy(MLP([2, 4, 3], activation="tanh"), link="softmax"), namespace)
    >>> namespace["predict"]([[0.0, 0.0]])
    array([[0.33333333, 0.33333333, 0.33333333]])
    """
    what = exported(model, link, classes, multilabel)
    definitions = Definitions()
    network, constants = _networks(what, definitions)
    given = _inputs(what, definitions, constants)
    answers = _answers(what, constants)
    head = head_text(what)[:-4] + ', in NumPy."""'
    texts = list(definitions.texts.values())
    functions = [text for text in texts if text.startswith("def ")]
    settings = [text for text in texts if not text.startswith("def ")]
    body = ["\n".join(settings), *functions, network, given, *answers, "\n".join(constants)]
    return "\n\n\n".join([f"{head}\n\n" + "\n".join(sorted(definitions.imports)), *filter(None, body)]) + "\n"


def _networks(what: Exported, definitions: Definitions) -> tuple[str, list[str]]:
    """The function that computes the prediction, of several networks the mean, and the weights as assignments."""
    if not isinstance(what.model, Ensemble):
        return _network(what.model, what.link, definitions)
    texts, constants = [], []
    for number, network in enumerate(what.model, 1):
        text, own = _network(network, what.link, definitions, str(number))
        texts.append(text)
        constants += own
    names = ", ".join(f"network{number + 1}" for number in range(len(texts)))
    total = function_text(
        "network(x)",
        "The mean of what the networks predict.",
        f"found = [one(x) for one in ({names},)]",
        "return np.mean(found, axis=0, dtype=np.float64).astype(x.dtype)",
    )
    return "\n\n\n".join([*texts, total]), constants


def _network(model: Sequential, link: str, definitions: Definitions, number: str = "") -> tuple[str, list[str]]:
    """The function that computes one network's layers and the link, and the weights as assignments."""
    constants: list[str] = []
    lines: list[str] = []
    for i, (layer, parameters, run) in enumerate(model.walk()):

        def named(arrays: Parameters, i: int = i) -> dict[str, Formula]:
            formulas = {}
            for key, array in arrays.items():
                name = f"{ {'weight': 'W', 'bias': 'b'}.get(key, key) }{number + '_' if number else ''}{i}"
                constants.append(_assignment(name, array))
                formulas[key] = Formula(ast.Name(name), definitions, array.shape)
            return formulas

        x = Formula(ast.Name("x"), definitions, (None, model.widths[i]))
        try:
            y = str(layer.forward(x, named(parameters), Context(buffers=named(run.buffers)))[0])
        except (TypeError, AttributeError, ValueError) as error:
            if isinstance(error, ConfigurationError):
                raise
            raise ConfigurationError(
                f"layer {i} ({layer!r}) cannot be written as NumPy text: it does more in prediction than arithmetic "
                "and NumPy's functions"
            ) from None
        if y != "x":
            lines.append(f"x = {y}")
    if link != "identity":
        lines.append(f"x = {definitions.name_of(ACTIVATIONS[link])}(x)")
    return function_text(f"network{number}(x)", "The layers, one after the other.", *lines, "return x"), constants


def _inputs(what: Exported, definitions: Definitions, constants: list[str]) -> str:
    """The function that makes the network's inputs of what `predict` is given."""
    dtype, plan = f"np.{what.model.dtype.name}", what.preparation
    if plan is None:
        n_in = what.model.n_in
        return function_text(
            "inputs(X)",
            f"X as an array of shape (n, {n_in}).",
            f"X = np.asarray(X, dtype={dtype})",
            f"if X.ndim != 2 or X.shape[1] != {n_in}:",
            f'    raise ValueError(f"X must have shape (n, {n_in}), not {{X.shape}}")',
            "return X",
        )
    constants += [f"MEAN = {listed_text(plan.mean)}", f"SCALE = {listed_text(plan.scale)}"]
    return function_text(
        "inputs(rows)",
        "The standardised features of rows: a mapping from column names to lists of cells.",
        "x = np.column_stack(",
        "    [",
        *(f"        {export.numpy(definitions.name_of)}," for export in column_exports(plan)),
        "    ]",
        ")",
        f"return ((x - np.array(MEAN)) / np.array(SCALE)).astype({dtype})",
    )


def _answers(what: Exported, constants: list[str]) -> list[str]:
    """The functions `predict` and, for classes, `predict_proba`."""
    X, k = "X" if what.preparation is None else "rows", what.model.n_out
    if what.classes is None:
        scaled = ""
        if what.preparation is not None:
            constants += [
                f"TARGET_MEAN = {listed_text(what.preparation.target_mean)}",
                f"TARGET_SCALE = {listed_text(what.preparation.target_scale)}",
            ]
            scaled = " * np.array(TARGET_SCALE) + np.array(TARGET_MEAN)"
        return [
            function_text(f"predict({X})", f"The predictions, shape (n, {k}).", f"return network(inputs({X})){scaled}")
        ]
    constants.append(f"CLASSES = {listed_text(what.classes)}")
    lines = [f"return network(inputs({X}))"]
    if what.one_output:
        lines = [f"p = network(inputs({X}))", "return np.column_stack([1.0 - p, p])"]
    elif what.proportional:
        total = "np.maximum(p.sum(axis=1, keepdims=True), np.finfo(p.dtype).tiny)"
        lines = [f"p = network(inputs({X}))", f"return p / {total}"]
    label, meaning = f"np.array(CLASSES)[predict_proba({X}).argmax(axis=1)]", "The class of each row."
    if what.multilabel:
        label, meaning = f"(predict_proba({X}) > 0.5).astype(int)", "1 for each class that a row belongs to, else 0."
    probabilities = f"The probability of each of CLASSES, shape (n, {len(what.classes)})."
    return [
        function_text(f"predict_proba({X})", probabilities, *lines),
        function_text(f"predict({X})", meaning, f"return {label}"),
    ]


def _assignment(name: str, array: Array) -> str:
    dtype = "" if array.dtype == np.float64 else f", dtype=np.{array.dtype.name}"
    return f"{name} = np.array({numbers_text(array)}{dtype})"
