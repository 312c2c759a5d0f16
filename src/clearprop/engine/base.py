"""What an engine is: something that trains a model on batches, and the complete state of a training run.

Engines can be swapped and compared between any two runs, because everything the future depends on is in `State`.
"""

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from clearprop._registry import Registry
from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.errors import ConfigurationError, DivergenceError, EngineWarning
from clearprop.losses import Loss, penalty
from clearprop.model import Sequential
from clearprop.optim import LBFGS, Optimizer


class Batches(NamedTuple):
    """The batches of one epoch: batch b is the rows ``indices[offsets[b]:offsets[b + 1]]``."""

    indices: Array
    offsets: Array

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def rows(self, batch: int) -> Array:
        """The row numbers of one batch."""
        return self.indices[self.offsets[batch] : self.offsets[batch + 1]]


@dataclass(frozen=True)
class GradientOptions:
    """What happens to the gradient between the backward pass and the optimiser's rule.

    Parameters
    ----------
    l1, l2 : float
        Adds l1 Σ|w| + ½ l2 Σw² to the loss, over the weights that decay (not biases).
    penalty_in_sum : bool
        Adds it to the sum over a batch instead, before that is divided by the batch's weight: scikit-learn's `alpha`.
        What it adds is noted in the state's totals.
    clip_value : float, optional
        Each component is limited to ±clip_value.
    clip_norm : float, optional
        A gradient longer than clip_norm is scaled to that length (Pascanu et al. 2012, arXiv:1211.5063).
    """

    l1: float = 0.0
    l2: float = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None
    penalty_in_sum: bool = False

    def penalty_share(self, weight: Array | float) -> Any:
        """What the penalty is multiplied by, for batches whose sample weights have the sum `weight`."""
        return 1.0 / np.where(weight > 0.0, weight, 1.0) if self.penalty_in_sum else 1.0

    def __post_init__(self) -> None:
        for name in ("l1", "l2"):
            if not getattr(self, name) >= 0:
                raise ConfigurationError(f"{name} must be 0 or more, not {getattr(self, name)!r}")
        for name in ("clip_value", "clip_norm"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigurationError(f"{name} must be above 0, not {value!r}")


@dataclass(frozen=True)
class State:
    """Everything the rest of a training run depends on, besides the data and the configuration.

    Attributes
    ----------
    w, buffers : array
        Laid out like the model's.
    slots : array of shape (len(optimizer.slots), trainable parameters)
        The optimiser's vectors; frozen segments have none.
    step : int
        Steps done so far, in all epochs.
    epoch : int
        The epoch under way, from 1.
    position : int
        Batches of this epoch done so far.
    totals : array of 3 float64
        Of this epoch: sum of losses times weights, sum of weights, and sum of the penalties that `penalty_in_sum` adds.
    carry : tuple of float
        What the optimiser's `scalars` passes on, as at the start of this epoch.
    seed : int
    """

    w: Array
    slots: Array
    buffers: Array
    step: int
    epoch: int
    position: int
    totals: Array
    carry: tuple[float, ...]
    seed: int


class Program(Protocol):
    """A model, a loss and an optimiser, ready to run on one engine."""

    def run(
        self,
        state: State,
        data: Dataset,
        batches: Batches,
        scalars: Array,
        stop: Array,
        sums: Array | None = None,
    ) -> State:
        """Train from `state.position`; return at the epoch's end, after 100 ms, or when `stop[0]` is not 0.

        At least one batch is done.  `state` is not changed.  `scalars` is the optimiser's `table` for the epoch.
        ``sums[:, b]`` receives, for each batch b that is done, what it adds to the three totals.

        Raises
        ------
        DivergenceError
            Loss or weights left the finite numbers.
        """
        ...

    def loss_and_grad(self, X: Array, y: Any, sample_weight: Any = None) -> tuple[float, Array]:
        """The loss, penalties included, at the model's weights, and its gradient for all parameters."""
        ...

    def objective(self, X: Array, y: Any, sample_weight: Any = None) -> Callable[[], tuple[float, Array]]:
        """`loss_and_grad` of these rows, to be called again and again: they are checked once."""
        ...

    def predict(self, X: Array, out: Array | None = None) -> Array:
        """The network's outputs, of shape (n, n_out)."""
        ...


class Engine(Protocol):
    """Makes programs."""

    name: str

    def unsupported(self, model: Sequential, loss: Loss, optimizer: "Optimizer | LBFGS") -> str | None:
        """Why this engine cannot run these, in words; None if it can."""
        ...

    def compile(
        self, model: Sequential, loss: Loss, optimizer: "Optimizer | LBFGS", options: GradientOptions
    ) -> Program:
        """A program for these."""
        ...


ENGINES: Registry[Callable[[], Engine]] = Registry("engine")


def choose_engine(name: str, model: Sequential, loss: Loss, optimizer: "Optimizer | LBFGS") -> tuple[Engine, str]:
    """The engine of that name, or for "auto" the best that can run these, and the reason in words.

    Where "auto" has to take another than the first, an `EngineWarning` says why, once in a process.

    Raises
    ------
    ConfigurationError
        The engine asked for cannot run these.
    """
    refused: list[str] = []
    for candidate in ENGINES if name == "auto" else [name]:
        engine = ENGINES[candidate]()
        why_not = engine.unsupported(model, loss, optimizer)
        if why_not is None and refused:
            reason = "; ".join(refused)
            _say_once(f"the {candidate} engine runs this, more slowly: {reason}; engine={candidate!r} asks for it")
            return engine, reason
        if why_not is None:
            return engine, "asked for" if name != "auto" else "the best installed"
        refused.append(f"{candidate} cannot: {why_not}")
    raise ConfigurationError(f"no engine can run this: {'; '.join(refused)}")


@functools.lru_cache(maxsize=1024)
def _say_once(text: str) -> None:
    warnings.warn(text, EngineWarning, stacklevel=5)  # of who called `train`, `predict` or an estimator


def penalties(model: Sequential, options: GradientOptions, weight: float = 1.0) -> float:
    """l1 Σ|w| + ½ l2 Σw² over the weights that decay, at the model's weights; its share in a batch of this weight."""
    decaying = [model.w[s.slice] for s in model.segments if s.decays]
    return float(sum(penalty(w, options.l1, options.l2) for w in decaying) * options.penalty_share(weight))


def added_up(totals: Array, sums: Array) -> Array:
    """`totals` and the columns of `sums`, one after the other: the result does not depend on where slices end."""
    return np.add.accumulate(np.concatenate([totals[:, None], sums], axis=1), axis=1)[:, -1]


def divergence(model: Sequential, state: State, position: int, what: str, w: Array, X: Array) -> DivergenceError:
    """The error that names the place where training left the finite numbers.

    Parameters
    ----------
    state : State
        As at the start of the call.
    position : int
        The batch of this epoch in which it was noticed.
    what : str
    w : array
        The parameters then.
    X : array
        The batch's rows.
    """
    y: Any = X
    with np.errstate(all="ignore"):
        steps = model.walk(model.parameter_views(w), buffers=model.buffer_views(state.buffers))
        for i, (layer, parameters, run) in enumerate(steps):
            y = layer.forward(y, parameters, run)[0]
            if not np.isfinite(y).all() or not all(np.isfinite(p).all() for p in parameters.values()):
                where = f"layer {i} ({layer!r})"
                break
        else:
            where = f"the loss, of outputs up to {np.abs(y).max():.2g}"
    return DivergenceError(
        f"training diverged in epoch {state.epoch}, step {state.step + position - state.position + 1}: {what}, "
        f"first at {where}; lower the learning rate, scale the data, or clip gradients with clip_norm=1. "
        "The last finite weights are kept"
    )


def initial_state(model: Sequential, optimizer: Optimizer, seed: int) -> State:
    """The state before the first step; w and buffers are the model's own arrays."""
    trainable = [s for s in model.segments if s.trainable]
    slots = [optimizer.initial_slots(len(s), model.dtype, s.learning_rate_factor) for s in trainable]
    return State(
        w=model.w,
        slots=np.concatenate([optimizer.initial_slots(0, model.dtype), *slots], axis=1),
        buffers=model.buffers,
        step=0,
        epoch=1,
        position=0,
        totals=np.zeros(3),
        carry=optimizer.initial_carry,
        seed=seed,
    )
