"""The estimators' parameters: whether they make sense, and the objects they stand for."""

import copy
import inspect
import itertools
import math
import os
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np

from clearprop._registry import did_you_mean
from clearprop._types import Array, Value
from clearprop.engine import ENGINES
from clearprop.errors import ConfigurationError
from clearprop.files.memory import free_memory
from clearprop.initializers import Initializer
from clearprop.layers import Dense
from clearprop.model import MLP, Sequential
from clearprop.ops import ACTIVATIONS, Op
from clearprop.optim import LBFGS, OPTIMIZERS, SGD, Adam, Optimizer, Schedule
from clearprop.optim.lbfgs import LossAndGrad
from clearprop.train import Checkpoint

_RANGES: dict[str, tuple[type, float, float, str, float]] = {  # kind, bounds, which of them belong, default
    "alpha": (Real, 0, math.inf, "[)", 0.0001),
    "learning_rate_init": (Real, 0, math.inf, "()", 0.001),
    "power_t": (Real, 0, math.inf, "[)", 0.5),
    "max_iter": (Integral, 1, math.inf, "[)", 200),
    "tol": (Real, 0, math.inf, "[)", 0.0001),
    "momentum": (Real, 0, 1, "[]", 0.9),
    "validation_fraction": (Real, 0, 1, "[)", 0.1),
    "beta_1": (Real, 0, 1, "[)", 0.9),
    "beta_2": (Real, 0, 1, "[)", 0.999),
    "epsilon": (Real, 0, math.inf, "()", 1e-8),
    "max_fun": (Integral, 1, math.inf, "[)", 15000),
    "dropout": (Real, 0, 1, "[)", 0.0),
    "weight_decay": (Real, 0, math.inf, "[)", 0.0),
}
_SWITCHES = ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping")
_SCHEDULES = ("constant", "invscaling", "adaptive")
_COPIES = 5  # of the parameters: themselves, gradient, two slots of Adam, the best so far


class RateInside(SGD):
    """v ← μ v - η g, w ← w + v; for Nesterov w ← w + μ v - η g: SGD as scikit-learn has it.

    It equals `SGD` until η changes: here, velocity gathered at the old rate keeps its length.  μ = 1 is allowed.
    """

    def __init__(self, learning_rate: float | Schedule, momentum: float, nesterov: bool) -> None:
        Optimizer.__init__(self, learning_rate)
        self.momentum, self.nesterov = momentum, nesterov
        self.slots = ("velocity",) if momentum else ()

    def rule(self, w: Value, g: Value, *slots_and_scalars: Value) -> tuple[Value, ...]:
        if not self.momentum:
            return super().rule(w, g, *slots_and_scalars)
        v, eta, mu = slots_and_scalars
        v = mu * v - eta * g
        return w + (mu * v - eta * g if self.nesterov else v), v


class ScipyLBFGS(LBFGS):
    """L-BFGS as scikit-learn has it: it ends where SciPy would by default, and the caller may ask why.

    Attributes
    ----------
    result : scipy.optimize.OptimizeResult
        Where and why it ended.
    """

    least_gain = 2.2204460492503131e-09
    result: Any

    def minimise(
        self, loss_and_grad: LossAndGrad, w: Array, max_iterations: int, after: Callable[[Array, float], object]
    ) -> Any:
        self.result = super().minimise(loss_and_grad, w, max_iterations, after)
        return self.result


def check_parameters(estimator: Any) -> None:
    """That each parameter is of its kind and in its range.

    Raises
    ------
    ConfigurationError
        One is not; it names the parameter, the value and what would do.
    """
    given = vars(estimator)
    for name, (kind, low, high, ends, default) in _RANGES.items():
        _in_range(name, given[name], kind, low, high, ends, default)
    for name in _SWITCHES:
        if not isinstance(given[name], bool | np.bool_):
            raise ConfigurationError(f"{name} is True or False, not {given[name]!r}")
    for name, known in (
        ("learning_rate", _SCHEDULES),
        ("normalization", (None, "batch", "layer")),
        ("engine", ("auto", *ENGINES)),
        ("solver", ("lbfgs", "sgd", "adam", *OPTIMIZERS)),
    ):
        value = given[name]
        if isinstance(value, Schedule | Optimizer | LBFGS) and name in ("learning_rate", "solver"):
            continue
        if not (value is None or isinstance(value, str)) or value not in known:
            names = [one for one in dict.fromkeys(known) if one]
            raise ConfigurationError(f"{name} cannot be {value!r}; {did_you_mean(str(value), names)}")
    if given["dtype"] is not None and given["dtype"] not in ("float64", "float32", np.float64, np.float32):
        raise ConfigurationError(f"dtype is 'float64', 'float32' or None, not {given['dtype']!r}")
    if not (isinstance(given["batch_size"], str) and given["batch_size"] == "auto"):
        _in_range("batch_size", given["batch_size"], Integral, 1, math.inf, "[)", "auto")
    if given["n_iter_no_change"] != math.inf:
        _in_range("n_iter_no_change", given["n_iter_no_change"], Integral, 1, math.inf, "[)", 10)
    for name in ("clip_value", "clip_norm"):
        if given[name] is not None:
            _in_range(name, given[name], Real, 0, math.inf, "()", None)
    if not isinstance(given["checkpoint"], str | os.PathLike | Checkpoint | None):
        raise ConfigurationError(f"checkpoint is a folder, a Checkpoint or None, not {given['checkpoint']!r}")
    hidden = hidden_sizes(given["hidden_layer_sizes"])
    activations(given["activation"], hidden)


def _in_range(name: str, value: Any, kind: type, low: float, high: float, ends: str, default: Any) -> None:
    is_kind = isinstance(value, kind) and not isinstance(value, bool | np.bool_)
    above = is_kind and (value >= low if ends[0] == "[" else value > low)
    below = is_kind and (value <= high if ends[1] == "]" else value < high)
    if not (above and below):
        what = "a whole number" if kind is Integral else "a number"
        raise ConfigurationError(
            f"{name} must be {what} in {ends[0]}{low}, {high}{ends[1]}, not {value!r}; the default is {default!r}"
        )


def hidden_sizes(sizes: Any) -> list[int]:
    """Units of each hidden layer.

    >>> hidden_sizes(5), hidden_sizes((3, 2))
    ([5], [3, 2])
    """
    if isinstance(sizes, str):
        hint = f"; did you mean {sizes.strip()}?" if sizes.strip().isdecimal() else ""
        raise ConfigurationError(f"hidden_layer_sizes is a whole number or several, not the text {sizes!r}{hint}")
    found = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
    for i, units in enumerate(found):
        if isinstance(units, bool) or not isinstance(units, Integral) or units < 1:
            raise ConfigurationError(
                f"hidden_layer_sizes must be > 0, got {sizes!r}: [{i}] is {units!r}, not a whole number, 1 or more"
            )
    return [int(units) for units in found]


def activations(activation: Any, hidden: list[int]) -> list[str | Op]:
    """The activation of each hidden layer; "logistic" is scikit-learn's name of the sigmoid."""
    chosen = [activation] * len(hidden) if isinstance(activation, str | Op) else activation
    if not isinstance(chosen, list | tuple):
        raise ConfigurationError(f"activation is a name, an Op, or a list with one for each layer, not {activation!r}")
    if len(chosen) != len(hidden):
        raise ConfigurationError(
            f"{len(chosen)} activations for {len(hidden)} hidden layers; give one, or one for each"
        )
    chosen = ["sigmoid" if isinstance(one, str) and one == "logistic" else one for one in chosen]
    for one in chosen:
        if not isinstance(one, Op) and (not isinstance(one, str) or one not in ACTIVATIONS):
            raise ConfigurationError(f"no activation {one!r}; {did_you_mean(str(one), ['logistic', *ACTIVATIONS])}")
    return chosen


def make_model(estimator: Any, n_in: int, n_out: int, dtype: Any, rng: np.random.RandomState) -> MLP:
    """The network with its initial weights: scikit-learn's own numbers from `rng`, unless `init` says otherwise."""
    hidden = hidden_sizes(estimator.hidden_layer_sizes)
    widths = [n_in, *hidden, n_out]
    needed = _COPIES * np.dtype(dtype).itemsize * sum((n + 1) * m for n, m in itertools.pairwise(widths))
    if needed > (free := free_memory()):
        raise ConfigurationError(
            f"a network of widths {widths} takes {needed / 2**30:,.1f} GiB to train, and {free / 2**30:,.1f} GiB are "
            "free; use smaller hidden_layer_sizes"
        )
    ops = activations(estimator.activation, hidden)
    like_theirs = estimator.init is None
    if not like_theirs and not isinstance(estimator.init, str | Initializer):
        raise ConfigurationError(f"init is None, a name or an Initializer, not {estimator.init!r}")
    model = MLP(
        widths,
        ops,
        init="zeros" if like_theirs else estimator.init,
        dropout=float(estimator.dropout),
        normalization=estimator.normalization,
        seed=0 if like_theirs else int(rng.randint(2**31)),
        dtype=dtype,
    )
    if like_theirs:
        for (weight, bias), op in zip(parameters(model), [*ops, *(ops[-1:] or ["identity"])], strict=True):
            # Glorot and Bengio 2010, with a smaller bound for the sigmoid
            bound = np.sqrt((2.0 if op == "sigmoid" else 6.0) / sum(weight.shape))
            weight[...] = rng.uniform(-bound, bound, weight.shape)
            bias[...] = rng.uniform(-bound, bound, bias.shape)
    return model


def parameters(model: Sequential) -> list[tuple[Array, Array]]:
    """(weight, bias) of each Dense layer, as views into the model's vector."""
    views = model.parameter_views(model.w)
    return [(views[i]["weight"], views[i]["bias"]) for i, layer in enumerate(model.layers) if isinstance(layer, Dense)]


def uses_lbfgs(estimator: Any) -> bool:
    """Whether it minimises instead of taking steps."""
    return isinstance(estimator.solver, LBFGS) or (isinstance(estimator.solver, str) and estimator.solver == "lbfgs")


def make_minimiser(estimator: Any) -> ScipyLBFGS:
    """L-BFGS with the settings that the parameters stand for.

    Raises
    ------
    ConfigurationError
        Others are set that it cannot do.
    """
    e, solver = estimator, estimator.solver
    if e.dropout or e.normalization == "batch":
        raise ConfigurationError("L-BFGS needs the same loss each time; leave dropout and batch normalisation out")
    if e.clip_value is not None or e.clip_norm is not None or e.weight_decay:
        raise ConfigurationError("L-BFGS has no steps to clip or decay; leave clip_value, clip_norm, weight_decay out")
    own = solver.config() if isinstance(solver, LBFGS) else {"tolerance": e.tol, "max_evaluations": e.max_fun}
    return ScipyLBFGS(**own)


def make_optimizer(estimator: Any) -> Optimizer:
    """The optimiser, of those that take steps, that `solver` and its companions stand for."""
    e, solver = estimator, estimator.solver
    optimizer: Any
    scheduled = isinstance(e.learning_rate, Schedule)
    rate = e.learning_rate if scheduled else float(e.learning_rate_init)
    if isinstance(solver, Optimizer):
        optimizer = copy.deepcopy(solver)  # training changes learning rates, never the caller's objects
    elif solver == "sgd":
        optimizer = RateInside(rate, float(e.momentum), bool(e.nesterovs_momentum and e.momentum > 0))
    elif solver == "adam":
        optimizer = Adam(rate, e.beta_1, e.beta_2, e.epsilon, epsilon_hat=True)
    else:
        known = inspect.signature(OPTIMIZERS[solver]).parameters
        if "learning_rate" not in known and scheduled:
            raise ConfigurationError(f"solver {solver!r} has no learning rate; leave the schedule out")
        optimizer = OPTIMIZERS[solver](rate) if "learning_rate" in known else OPTIMIZERS[solver]()
    if e.weight_decay:
        optimizer.weight_decay = float(e.weight_decay)
    return optimizer  # type: ignore[no-any-return]
