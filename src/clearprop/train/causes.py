"""Why training goes wrong, as far as network, loss and data show it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.data.arrays import dense_rows, is_sparse
from clearprop.errors import ClearpropWarning, SaturationWarning
from clearprop.layers import Activation, Dropout
from clearprop.losses import Loss
from clearprop.model import Sequential
from clearprop.ops import ACTIVATIONS
from clearprop.ops.activations import FLAT, relative_slope
from clearprop.train.rows import TrainingRows

LOOKED_AT = 64  # rows, spread over the data, that the network of the start answers,
TARGETS = 4096  # and that a network would answer 0 to
LARGE = 100.0  # features beyond it are named where training went wrong,
VERY_LARGE = 1000.0  # and beyond this also where it only came to nothing
BEYOND_SENSE = 1e8  # times the loss of the start: training has diverged
NOT_BETTER = 3.0  # times the loss of answering 0: nothing is learnt
SINGLE_THREADED = 2**18  # multiplications that OpenBLAS, in NumPy, does without its other threads
TRIED = 5  # epochs before that may be said


@dataclass(frozen=True)
class Causes:
    """What a training's losses are measured by, and what is wrong if they are too large.

    Parameters
    ----------
    model : Sequential
        With the weights of the start.
    loss : Loss
    training : TrainingRows
    rows : int
        How many of them to look at, at most.
    """

    model: Sequential
    loss: Loss
    training: TrainingRows
    rows: int = LOOKED_AT

    @classmethod
    def of(cls, model: Sequential, loss: Loss, training: TrainingRows) -> "Causes":
        """Those of a training that is about to begin."""
        return cls(model, loss, training, min(_few_rows(model), len(training)))

    def __post_init__(self) -> None:
        _ = self.losses_at_start  # before training changes the weights

    def at_start(self, *, fresh: bool) -> Iterator[tuple[str, type[ClearpropWarning]]]:
        """What is to be warned of before the first epoch: saturated layers, if the weights are `fresh`; two links."""
        if fresh:
            first = dense_rows(self.training.take(np.arange(self.rows)).X, slice(None))
            for sentence in saturated_layers(self.model, first):
                large = self.column().partition(":")[0]
                scale = f"scale the inputs ({large})" if large else "scale the inputs"
                yield f"{sentence}; {scale}, or choose another init", SaturationWarning
        if sentence := twice_linked(self.model, self.loss):
            yield sentence, ClearpropWarning

    @cached_property
    def losses_at_start(self) -> tuple[float, float]:
        """The losses of a network that answers 0, and of this one; infinite where there is no number for it."""
        with np.errstate(all="ignore"):
            some = self._spread(TARGETS)
            nothing = self._loss(some, np.zeros((len(some), self.model.n_out), self.model.dtype))
            some = self._spread(min(self.rows, LOOKED_AT))
            return nothing, self._loss(some, self.model.forward(dense_rows(some.X, slice(None)))[0])

    def _spread(self, most: int) -> Dataset:
        """At most so many rows, spread over all."""
        return self.training.take(np.unique(np.linspace(0, len(self.training) - 1, most).astype(int)))

    def _loss(self, some: Dataset, outputs: Array) -> float:
        value = float(self.loss(some.y, outputs, some.sample_weight))
        if self.loss.reduction == "sum":
            value *= len(self.training) / len(some)
        return value if value > 0.0 else math.inf

    @property
    def start(self) -> float:
        """The larger of the two that is a number."""
        return max((value for value in self.losses_at_start if math.isfinite(value)), default=math.inf)

    def beyond_sense(self, loss: float) -> bool:
        """Whether training that has such a loss has diverged, though it is a finite number still."""
        return loss > BEYOND_SENSE * self.start

    def column(self, beyond: float = LARGE) -> str:
        """A clause on the feature of the largest values, if they are beyond this; else ""."""
        sizes = _sizes(self.training.data)
        worst = int(np.argmax(sizes))
        if sizes[worst] < beyond:
            return ""
        return (
            f"the feature {self.training.data.feature_names[worst]!r} reaches {sizes[worst]:.2g}: scale the features, "
            "for example X = (X - X.mean(axis=0)) / X.std(axis=0)"
        )

    def came_to_nothing(self, loss: float, epochs: int) -> str:
        """A sentence if training ended with such a loss for a reason that can be named; else ""."""
        nothing = self.losses_at_start[0]
        why = self.column(VERY_LARGE) if loss > 0.9 * nothing else ""
        if loss > NOT_BETTER * nothing:
            why = why or "lower the learning rate, or scale the data"
        if epochs < TRIED or not why:
            return ""
        return f"after {epochs} epochs the loss is {loss:.3g}, and a network that answers 0 has {nothing:.3g}; {why}"


def _few_rows(model: Sequential) -> int:
    """How many rows to look at before training: 16 to 256, if possible so few that NumPy uses one thread.

    OpenBLAS's threads, once woken, wait busily for a tenth of a second, on processors that training is about to use.
    """
    sizes = (p.size for values in model.parameter_views(model.w) for p in values.values())
    return min(max(SINGLE_THREADED // max(sizes, default=1), 16), 256)


def _sizes(data: Dataset) -> Array:
    """The largest absolute value of each feature."""
    highest, lowest = data.X.max(axis=0), data.X.min(axis=0)  # where |X| would be a copy
    found = abs(highest).maximum(abs(lowest)).toarray() if is_sparse(data.X) else np.maximum(highest, -lowest)
    return np.asarray(found).ravel()


def twice_linked(model: Sequential, loss: Loss) -> str:
    """A sentence if the network ends in what the loss applies itself; else ""."""
    layers = [layer for layer in model.layers if not isinstance(layer, Dropout)]
    last = layers[-1] if layers else None
    if not isinstance(last, Activation) or last.name not in ("softmax", "sigmoid"):
        return ""
    if loss.link not in ("softmax", "sigmoid") or not hasattr(loss, "from_logits"):
        return ""
    name = type(loss).__name__
    return (
        f"the network ends in {last!r}, and {name} applies {loss.link} to its outputs once more, so it learns slowly "
        f"and its probabilities are wrong; leave that layer out, or pass {name}(from_logits=False)"
    )


def saturated_layers(model: Sequential, X: Array) -> list[str]:
    """A sentence for each activation layer whose mean slope over the rows of X is under `FLAT` times its steepest.

    Such a layer passes almost no gradient back: its units sit where a sigmoid is flat, or a ReLU is dead.
    """
    found = []
    y = X
    for i, (layer, parameters, run) in enumerate(model.walk()):
        x, y = y, layer.forward(y, parameters, run)[0]
        if not isinstance(layer, Activation):
            continue
        if layer.name not in ACTIVATIONS or layer.op.kind != "elementwise" or layer.op.domain != (-math.inf, math.inf):
            continue
        slope = relative_slope(layer.op, x).mean()
        if slope < FLAT:
            found.append(
                f"layer {i} ({layer!r}) starts saturated: its inputs average {x.mean():.3g}, where its slope is "
                f"{slope:.1%} of the steepest, so almost no gradient passes"
            )
    return found
