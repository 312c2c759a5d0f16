"""Is the derivative right?  Two independent witnesses, for operations, layers, losses, models and your own functions.

*Complex step*: for a function made of smooth operations, Im f(x + ih)/h is ∂f/∂x without any subtraction, so h may be
10⁻³⁰ and the result is exact to the last bits (Squire, Trapp 1998).  *Central differences*,
(f(x + h) - f(x - h))/2h, need nothing of f but lose half of the digits to rounding.

With output gradient dy, the exact answer is dx_k = Σ_j dy_j ∂y_j/∂x_k.  Errors are relative to the sum of the absolute
values of these terms plus what a change of x in its last digits would do to dx: no algorithm can be exact beyond that.
Small inputs are checked entry by entry, large ones along random directions.

A witness is heard only where it can know.  A complex step cannot pass np.abs, np.real or np.conjugate, which are not
analytic: there it would call right derivatives wrong and wrong ones right.  Analytic functions, and they alone,
integrate to 0 around a circle (Cauchy); so that is tried first.  Central differences are heard where they settle: near
a kink, or where rounding drowns them, another step gives another answer.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearprop._types import Array, Value
from clearprop.errors import ConfigurationError
from clearprop.layers import Context, Layer
from clearprop.losses import Loss
from clearprop.model import Sequential
from clearprop.ops import Op
from clearprop.randomness import Key
from clearprop.tape import GradientTape

TOLERANCE = {"complex step": 1e-12, "central differences": 1e-6}
ENTRIES = 256  # inputs with more elements are checked along random directions
DIRECTIONS = 16
CIRCLE = 8  # points on it


@dataclass(frozen=True)
class InputComparison:
    """One input, one witness: the largest error and where it is; or why this witness cannot be used."""

    input: str
    method: str
    error: float
    where: str
    derived: float
    numeric: float
    unusable: str = ""

    @property
    def passed(self) -> bool:
        return not self.unusable and self.error <= TOLERANCE[self.method]  # false for NaN

    @property
    def verdict(self) -> str:
        """In a word or two."""
        if self.unusable:
            return "not usable"
        return "ok" if self.passed else f"WRONG, allowed {TOLERANCE[self.method]:.0e}"


@dataclass(frozen=True)
class GradientReport:
    """What `check_gradients` found; prints as a table.

    Attributes
    ----------
    subject : str
    comparisons : list of InputComparison
    passed : bool
        Whether each input has a witness that can be used, and every error is within its method's tolerance.
    worst : InputComparison
    """

    subject: str
    comparisons: list[InputComparison]

    @property
    def usable(self) -> list[InputComparison]:
        """The comparisons that count."""
        return [c for c in self.comparisons if not c.unusable]

    @property
    def unproven(self) -> list[str]:
        """The inputs for which no witness is left."""
        heard = {c.input for c in self.usable}
        return list(dict.fromkeys(c.input for c in self.comparisons if c.input not in heard))

    @property
    def passed(self) -> bool:
        return all(c.passed for c in self.usable) and not self.unproven

    @property
    def verdict(self) -> str:
        """ "right", "WRONG" or "not proven"."""
        if not all(c.passed for c in self.usable):
            return "WRONG"
        return "not proven" if self.unproven else "right"

    @property
    def reasons(self) -> list[str]:
        """Why witnesses were not heard, a sentence for each."""
        found: dict[str, list[str]] = {}
        for c in self.comparisons:
            if c.unusable:
                found.setdefault(f"the {c.method} cannot be used: {c.unusable}", []).append(c.input)
        return [f"for {', '.join(inputs)} {reason}" for reason, inputs in found.items()]

    @property
    def worst(self) -> InputComparison:
        return max(
            self.usable or self.comparisons,
            key=lambda c: np.inf if np.isnan(c.error) else c.error / TOLERANCE[c.method],
        )

    def __str__(self) -> str:
        rows = [("input", "witness", "error", "worst entry", "derived", "numeric", "")]
        rows += [
            (c.input, c.method, f"{c.error:.1e}", c.where, f"{c.derived:.10g}", f"{c.numeric:.10g}", c.verdict)
            if not c.unusable
            else (c.input, c.method, "", "", "", "", c.verdict)
            for c in self.comparisons
        ]
        widths = [max(len(row[i]) for row in rows) for i in range(7)]
        table = "\n".join(
            "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows
        )
        missing = f": no witness is left for {', '.join(self.unproven)}" if self.verdict == "not proven" else ""
        return "\n".join([f"{self.subject}: gradients {self.verdict}{missing}", table, *self.reasons])


@dataclass(frozen=True)
class _Problem:
    """y = value(inputs), and gradient(dy, inputs), which names the inputs that have a derivative."""

    subject: str
    inputs: dict[str, Array]
    value: Callable[[dict[str, Array]], Value]
    gradient: Callable[[Array, dict[str, Array]], dict[str, Array]]


def check_gradients(
    subject: Any,
    *inputs: Any,
    loss: Loss | None = None,
    training: bool = True,
    methods: Sequence[str] = ("complex step", "central differences"),
    seed: int = 0,
) -> GradientReport:
    """Compare derivatives with numbers.

    Parameters
    ----------
    subject : Op, Layer, Loss, Sequential or callable
        A callable takes arrays, tensors or complex arrays and returns one; the tape's gradient is checked.
    *inputs : array_like
        Op and callable: their inputs.  Layer: x of shape (n, n_in).  Loss: y_true and y_pred.  Sequential: X and y,
        with `loss`.  Operations and layers draw random inputs when none are given.
    loss : Loss, optional
        For a model; default: its outputs' weighted sum.
    training : bool
        Whether layers and models run as in training (dropout with a fixed mask, batch statistics).
    methods : sequence of str
        "complex step", "central differences" or both.  The complex step needs a function that takes complex arrays and
        is analytic; where it is not, the report says so and rests on the others.
    seed : int
        Of the random inputs, output gradients and directions.

    Returns
    -------
    GradientReport

    >>> from clearprop import ops
    >>> check_gradients(ops.gelu).passed
    True
    >>> wrong = ops.Op(lambda x: x * x, shapes="ni->ni", kind="elementwise")
    >>> _ = wrong.defvjp(lambda dy, y, x: dy * x)
    >>> check_gradients(wrong).passed
    False

    A complex step cannot pass np.abs, so it is not heard:

    >>> print(check_gradients(lambda x: np.abs(x) * x, [1.5, -2.0]))
    <lambda>: gradients right
    input    witness              error    worst entry  derived  numeric
    input 0  complex step                                              not usable
    input 0  central differences  ...  input 0[...]  ...  ok
    for input 0 the complex step cannot be used: ... for np.abs(x) write np.maximum(x, -x)...
    """
    for method in methods:
        if method not in TOLERANCE:
            raise ConfigurationError(f"methods are {' and '.join(map(repr, TOLERANCE))}, not {method!r}")
    rng = np.random.default_rng(seed)
    problem = _problem(subject, inputs, loss, training, rng)
    y = np.asarray(problem.value(problem.inputs))
    dy = rng.normal(size=y.shape)
    derived = problem.gradient(dy, problem.inputs)
    shaken = problem.gradient(dy, {k: x * (1 + 1e-7 * rng.uniform(-1, 1, x.shape)) for k, x in problem.inputs.items()})
    found: list[tuple[InputComparison, float, float]] = []
    for name, dx in derived.items():
        sensitivity = float(np.max(np.abs(shaken[name] - dx), initial=0.0)) / 1e-7
        for method in methods:
            why_not = _not_analytic(problem, name, dy, seed) if method == "complex step" else ""
            if why_not:
                found.append((InputComparison(name, method, np.inf, "", np.nan, np.nan, why_not), 0.0, 0.0))
            else:
                found.append(_compare(problem, name, np.asarray(dx), dy, method, sensitivity, rng))
    # A gradient that is exactly 0 (a bias before batch normalisation) is measured against the others.
    floor = max(1e-2 * max((scale for _, scale, _ in found), default=0.0), 1e-300)
    return GradientReport(problem.subject, [_judged(c, max(scale, floor), doubt) for c, scale, doubt in found])


def _judged(found: InputComparison, scale: float, doubt: float) -> InputComparison:
    """The comparison with its relative error; not usable if the witness is at fault for what is not ok."""
    found = replace(found, error=found.error / scale)
    if found.passed or found.unusable:
        return found
    if np.isnan(found.numeric) and np.isfinite(found.derived):
        return replace(found, error=np.inf, unusable=f"the function is not a number beside {found.where}")
    if doubt / scale > TOLERANCE[found.method] and found.error < 10.0 * doubt / scale:
        beside = f"another step gives another answer, as beside a kink or where rounding drowns it ({found.where})"
        return replace(found, error=np.inf, unusable=beside)
    return found


def _not_analytic(problem: _Problem, name: str, dy: Array, seed: int) -> str:
    """Why the complex step cannot be used on the function; "" if it can.

    On a circle of n points around x, an analytic function has no part that turns backwards: Σ_k ω^k f(x + r ω^k v) = 0
    with ω = exp(2πi/n).  |z| has, and so have Re z, the conjugate, and whatever is made of them.  Circles that cross a
    kink fail too: so there are several, small ones, and around several points near x.
    """
    x, rng = problem.inputs[name], np.random.default_rng(seed)
    turns = np.exp(2j * np.pi * np.arange(CIRCLE) / CIRCLE)
    size = np.where(x == 0.0, 1.0, np.abs(x))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # a part that is discarded is what is looked for
        for radius in (1e-3, 1e-5, 1e-7) * 2:
            near, v = x + 1e-3 * size * rng.uniform(-1, 1, x.shape), size * rng.normal(size=x.shape)
            try:
                f = [np.asarray(problem.value({**problem.inputs, name: near + radius * t * v}), complex) for t in turns]
            except Exception as error:
                return f"the function does not take complex numbers ({type(error).__name__}: {str(error)[:80]})"
            middle = np.mean(f, axis=0)
            moved = np.sum(np.abs(dy) * np.mean(np.abs(f - middle), axis=0))
            backwards = np.sum(np.abs(dy) * np.abs(np.mean([t * y for t, y in zip(turns, f, strict=True)], axis=0)))
            if backwards <= 1e-8 * moved + 1e-14 * np.sum(np.abs(dy * middle)):
                return ""
    return (
        "the function is not analytic (or rounds to few digits), so a complex step cannot pass it; for np.abs(x) write "
        "np.maximum(x, -x), for np.linalg.norm(x) np.sqrt(np.sum(x * x)), and leave out np.sign, np.real, "
        "np.conjugate and astype(float)"
    )


def _compare(
    problem: _Problem, name: str, dx: Array, dy: Array, method: str, sensitivity: float, rng: np.random.Generator
) -> tuple[InputComparison, float, float]:
    """The comparison with its absolute error, the scale that makes it relative, and what the witness doubts itself."""
    x = problem.inputs[name]
    if x.size <= ENTRIES:
        directions = np.eye(x.size)
        wheres = [f"{name}[{', '.join(map(str, np.unravel_index(k, x.shape)))}]" for k in range(x.size)]
    else:
        directions = rng.choice([-1.0, 1.0], (DIRECTIONS, x.size))
        wheres = [f"along direction {k}" for k in range(DIRECTIONS)]
    derived = directions @ dx.ravel()
    numeric, scales = np.empty(len(directions)), np.empty(len(directions))
    for k, v in enumerate(directions):
        terms = dy * _directional(problem, name, v.reshape(x.shape), method)
        numeric[k], scales[k] = np.sum(terms), np.sum(np.abs(terms))
    errors = np.abs(derived - numeric)
    k = int(np.argmax(np.where(np.isnan(errors), np.inf, errors)))
    found = InputComparison(name, method, float(errors[k]), wheres[k], float(derived[k]), float(numeric[k]))
    doubt = 0.0
    if method == "central differences" and len(directions):
        closer = np.sum(dy * _directional(problem, name, directions[k].reshape(x.shape), method, closer=8.0))
        doubt = float(abs(closer - numeric[k]))
    return found, float(np.max(scales, initial=0.0)) + sensitivity, doubt


def _directional(problem: _Problem, name: str, v: Array, method: str, closer: float = 1.0) -> Array:
    """∂y/∂x · v, of the shape of y."""
    x = problem.inputs[name]

    def f(moved: Array) -> Array:
        return np.asarray(problem.value({**problem.inputs, name: moved}))

    if method == "complex step":
        return np.imag(f(x + 1e-30j * v)) / 1e-30
    h = 6e-6 * max(1.0, float(np.max(np.abs(x), initial=0.0)) / 10.0) / closer
    return (f(x + h * v) - f(x - h * v)) / (2.0 * h)


# --- what is checked --------------------------------------------------------------------------------------------------


def _problem(
    subject: Any, inputs: tuple[Any, ...], loss: Loss | None, training: bool, rng: np.random.Generator
) -> _Problem:
    if isinstance(subject, Op):
        return _op_problem(subject, inputs or tuple(sample_inputs(subject, rng)))
    if isinstance(subject, Layer):
        return _layer_problem(subject, _array(inputs[0]) if inputs else rng.normal(size=(5, 3)), training, rng)
    if isinstance(subject, Loss):
        if len(inputs) not in (2, 3):
            raise ConfigurationError("check_gradients(loss, y_true, y_pred) needs both")
        return _loss_problem(subject, *inputs)
    if isinstance(subject, Sequential):
        if not inputs or (loss is not None and len(inputs) < 2):
            raise ConfigurationError("check_gradients(model, X, y, loss=...) needs data; without a loss, X alone")
        return _model_problem(subject, _array(inputs[0]), inputs[1] if loss else None, loss, training)
    if callable(subject):
        if not inputs:
            raise ConfigurationError("check_gradients(function, *inputs) needs the function's inputs")
        return _function_problem(subject, [_array(x) for x in inputs])
    raise ConfigurationError(f"cannot check {subject!r}: not an operation, layer, loss, model or function")


def _array(x: Any) -> Array:
    return np.array(x, dtype=np.float64)


def sample_inputs(op: Op, rng: np.random.Generator, sizes: dict[str, int] | None = None) -> list[Array]:
    """Random inputs for an operation: inside its domain, away from its kinks, not near 0."""
    lengths = {"n": 4, "i": 3, "o": 2, "f": 5} | (sizes or {})
    low, high = op.domain
    drawn = []
    for number, axes in enumerate(op.shapes.split("->")[0].split(",")):
        shape = tuple(lengths[a] for a in axes)
        if op.name == "where" and number == 0:
            drawn.append(rng.random(shape) < 0.5)
            continue
        x = 0.1 + np.abs(rng.normal(0.0, 1.5, shape))
        x = low + x if np.isfinite(low) else x * rng.choice([-1.0, 1.0], shape)
        for kink in op.kinks:
            x = np.where(np.abs(x - kink) < 0.05, kink + 0.05 + np.abs(x - kink), x)
        drawn.append(np.minimum(x, high))
    return drawn


def _op_problem(op: Op, inputs: Sequence[Any]) -> _Problem:
    arrays = [np.asarray(x) if np.asarray(x).dtype == bool else _array(x) for x in inputs]
    named = dict(zip("abcde" if len(arrays) > 1 else "x", arrays, strict=False))
    fixed = {name: x for name, x in named.items() if x.dtype == bool}
    free = {name: x for name, x in named.items() if name not in fixed}

    def order(values: dict[str, Array]) -> list[Array]:
        return [(fixed | values)[name] for name in named]

    def gradient(dy: Array, values: dict[str, Array]) -> dict[str, Array]:
        given = order(values)
        pulled = op.pullback(dy, op.forward(*given), *given)
        return {name: dx for name, dx in zip(named, pulled, strict=True) if dx is not None}

    return _Problem(repr(op), free, lambda values: op.forward(*order(values)), gradient)


def _layer_problem(layer: Layer, x: Array, training: bool, rng: np.random.Generator) -> _Problem:
    n_in = x.shape[1]
    parameters = {k: p + 0.3 * rng.normal(size=p.shape) for k, p in layer.initial_parameters(n_in, rng).items()}
    buffers = layer.initial_buffers(n_in)
    key = Key(0, 1, 0)

    def forward(values: dict[str, Array]) -> Any:
        inner = {name: values[name] for name in parameters}
        return layer.forward(values["x"], inner, Context(training, key, buffers))

    def gradient(dy: Array, values: dict[str, Array]) -> dict[str, Array]:
        grads = {name: np.empty_like(p) for name, p in parameters.items()}
        dx = layer.backward(dy, forward(values)[1], grads)
        return {"x": dx, **grads}

    return _Problem(repr(layer), {"x": x, **parameters}, lambda values: forward(values)[0], gradient)


def _loss_problem(loss: Loss, y_true: Any, y_pred: Any, sample_weight: Any = None) -> _Problem:
    def gradient(dy: Array, values: dict[str, Array]) -> dict[str, Array]:
        return {"y_pred": loss.backward(loss.forward(y_true, values["y_pred"], sample_weight)[1]) * dy}

    return _Problem(
        repr(loss), {"y_pred": _array(y_pred)}, lambda v: loss.forward(y_true, v["y_pred"], sample_weight)[0], gradient
    )


def _model_problem(model: Sequential, X: Array, y: Any, loss: Loss | None, training: bool) -> _Problem:
    names = list(model.parameters())

    def forward(values: dict[str, Array]) -> Any:
        parameters = model.by_layer({name: values[name] for name in names})
        return model.forward(values["X"], parameters, training=training, key=Key(0, 1, 0))

    def value(values: dict[str, Array]) -> Value:
        outputs = forward(values)[0]
        return outputs if loss is None else loss.forward(y, outputs)[0]

    def gradient(dy: Array, values: dict[str, Array]) -> dict[str, Array]:
        outputs, caches, _ = forward(values)
        d_outputs = dy if loss is None else loss.backward(loss.forward(y, outputs)[1]) * dy
        g = np.empty(model.n_parameters)
        dX = model.backward(d_outputs, caches, g)
        return {**model.parameters(g), "X": dX}

    inputs = {name: _array(view) for name, view in model.parameters().items()} | {"X": X}
    return _Problem(repr(model), inputs, value, gradient)


def _function_problem(function: Callable[..., Value], arrays: Sequence[Array]) -> _Problem:
    names = [f"input {i}" for i in range(len(arrays))]

    def gradient(dy: Array, values: dict[str, Array]) -> dict[str, Array]:
        with GradientTape() as tape:
            tensors = [tape.watch(values[name]) for name in names]
            y = function(*tensors)
        found = tape.gradient(y, tensors, output_gradient=dy, unconnected="zero")
        return {name: dx.value for name, dx in zip(names, found, strict=True)}

    subject = getattr(function, "__name__", repr(function))
    inputs = dict(zip(names, arrays, strict=True))
    return _Problem(subject, inputs, lambda values: function(*(values[name] for name in names)), gradient)
