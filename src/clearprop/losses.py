"""Losses: how wrong predictions are, and the gradient that says how to be less so.

A loss states the value at one element (or row) and, beside it, that value's derivative with respect to the prediction,
in the dialect of `clearprop.ops`.  Weights and reduction are the base class's.  With t the truth, y the network's
output, s the sample weights and m the number of values per row (the outputs; 1 for cross-entropy),

    reduction "mean":  L = Σ_i s_i Σ_j value_ij / (m Σ_i s_i)
              "rows":  L = Σ_i s_i Σ_j value_ij / Σ_i s_i
              "sum":   L = Σ_i s_i Σ_j value_ij

Losses work on logits: the `link` turns outputs into predictions (softmax, sigmoid, exp), and the loss of link and
logits together is stable where each alone is not.  `from_logits=False` takes probabilities instead.
"""

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from clearprop._configured import Configured
from clearprop._registry import Registry
from clearprop._types import Array, Value
from clearprop.errors import ConfigurationError, DataError, ShapeError
from clearprop.ops import log_softmax, sigmoid, softmax, softplus, tanh

SMALLEST = 1.2e-38  # the least probability taken a logarithm of: the least normal float32


class Loss(Configured, ABC):
    """Base of losses.

    Attributes
    ----------
    tasks : tuple of {"classification", "regression"}
        What a table's target may be; for none of them, the loss needs another kind of target or of network than
        `clearprop train` makes.
    link : str
        The activation that turns the network's outputs into predictions.
    kind : {"elementwise", "row"}
        Whether `value` is one number per element or per row.
    target_range : (float, float)
        The least and the greatest target that makes sense.
    """

    tasks: tuple[str, ...] = ("regression",)
    link = "identity"
    kind = "elementwise"
    target_range = (-math.inf, math.inf)
    reduction: str

    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in ("mean", "rows", "sum"):
            raise ConfigurationError(f"reduction is 'mean', 'rows' or 'sum', not {reduction!r}")
        self.reduction = reduction

    @abstractmethod
    def value(self, t: Value, y: Value) -> Value:
        """The loss of each element (kind "elementwise") or row (kind "row", last axis kept with length 1)."""

    @abstractmethod
    def gradient(self, t: Value, y: Value) -> Value:
        """∂value/∂y, of the shape of y."""

    def fitting(self, y_true: Any, shape: tuple[int, ...]) -> Array:
        """`y_true` as an array that fits predictions of this shape: of the same shape, or class numbers.

        Raises
        ------
        ShapeError, DataError
            Shapes that do not fit; a class number that the network has no output for.
        """
        t = np.asarray(y_true)
        n, outputs = shape
        if len(t) != n:
            raise ShapeError(f"y_true has {len(t)} rows, y_pred {n}; they must be equal")
        if t.ndim == 1 and outputs > 1 and t.dtype.kind in "iub":
            if t.min() < 0 or t.max() >= outputs:
                row = int(np.argmax((t < 0) | (t >= outputs)))
                raise DataError(
                    f"y_true row {row} is class {t[row]}, but the network has outputs 0 to {outputs - 1}; "
                    f"give it {int(t.max()) + 1} outputs, or number the classes from 0"
                )
            return t
        t = t.reshape(n, -1)
        if t.shape != shape:
            raise ShapeError(
                f"y_true has shape {np.shape(y_true)}, the predictions {tuple(shape)}; "
                "a network needs one output per target column, or one per class for class numbers"
            )
        low, high = self.target_range
        if t.min() < low or t.max() > high:
            row, column = map(int, np.argwhere((t < low) | (t > high))[0])
            raise DataError(
                f"y_true is {t[row, column]:g} at row {row}, column {column}, but {type(self).__name__} is for targets "
                f"from {low:g} to {high:g}; encode them so, or choose another loss"
            )
        return t

    def targets(self, y_true: Any, y_pred: Value) -> Array:
        """`y_true` as an array of the shape and type of `y_pred`; see `fitting` for what is refused.

        Class numbers (a vector of integers) become one-hot rows when the network has several outputs.
        """
        t = self.fitting(y_true, y_pred.shape)
        dtype = np.zeros(0, y_pred.dtype).real.dtype  # the complex step's predictions have real targets
        if t.shape == y_pred.shape:
            return t.astype(dtype)
        one_hot = np.zeros(y_pred.shape, dtype)
        one_hot[np.arange(len(t)), t] = 1.0
        return one_hot

    def forward(self, y_true: Any, y_pred: Value, sample_weight: Any = None) -> tuple[Any, Any]:
        """L, and the cache for `backward`.

        Parameters
        ----------
        y_true : array of shape (n,), (n, k), or n class numbers
        y_pred : array of shape (n, k), the network's outputs
        sample_weight : array of shape (n,), not negative; default all 1
        """
        t = self.targets(y_true, y_pred)
        weight = self._weight(t, sample_weight)
        return np.sum(weight * self.value(t, y_pred)), (t, y_pred, weight)

    def backward(self, cache: Any) -> Value:
        """dy = ∂L/∂y_pred, of shape (n, k)."""
        t, y_pred, weight = cache
        return self.gradient(t, y_pred) * weight

    def values_per_row(self, outputs: int) -> int:
        """m: how many values of a row the mean is over."""
        return outputs if self.kind == "elementwise" and self.reduction == "mean" else 1

    def weight_of(self, rows: int, sample_weight: Any = None) -> float:
        """Σ_i s_i of a batch, by which its L counts in a mean over batches; 1 for the reduction "sum"."""
        if self.reduction == "sum":
            return 1.0
        return float(rows if sample_weight is None else np.sum(sample_weight))

    def __call__(self, y_true: Any, y_pred: Value, sample_weight: Any = None) -> Any:
        """L; on a tensor it is recorded."""
        return self.forward(y_true, y_pred, sample_weight)[0]

    def _weight(self, t: Array, sample_weight: Any) -> Any:
        """The factor of each row's values: a number, or an array of shape (n, 1)."""
        values = self.values_per_row(t.shape[1])
        if sample_weight is None:
            return 1.0 if self.reduction == "sum" else 1.0 / (len(t) * values)
        s = np.asarray(sample_weight, dtype=t.dtype).reshape(-1, 1)
        if len(s) != len(t):
            raise ShapeError(f"sample_weight has {len(s)} rows, y_true {len(t)}; they must be equal")
        if self.reduction == "sum":
            return s
        total = float(s.sum())
        return s / (total * values) if total > 0.0 else s  # all weights 0: loss and gradient are 0


LOSSES: Registry[type[Loss]] = Registry("loss")


class MSE(Loss):
    """(y - t)²; post 000's ½ Σ_j (y_j - t_j)² is its mean for two outputs, post 001's is its sum."""

    def value(self, t: Value, y: Value) -> Value:
        return np.square(y - t)

    def gradient(self, t: Value, y: Value) -> Value:
        return 2.0 * (y - t)


class MAE(Loss):
    """|y - t|; the derivative at y = t is 0"""

    def value(self, t: Value, y: Value) -> Value:
        return np.maximum(y - t, t - y)

    def gradient(self, t: Value, y: Value) -> Value:
        return np.where(y > t, 1.0, np.where(y < t, -1.0, 0.0 * y))


class HalfSquaredError(Loss):
    """½(y - t)², scikit-learn's squared error"""

    def value(self, t: Value, y: Value) -> Value:
        return 0.5 * np.square(y - t)

    def gradient(self, t: Value, y: Value) -> Value:
        return y - t


class Huber(Loss):
    """½d² for |d| = |y - t| <= δ, else δ(|d| - ½δ) (Huber 1964)"""

    def __init__(self, delta: float = 1.0, reduction: str = "mean") -> None:
        if not delta > 0:
            raise ConfigurationError(f"Huber needs delta > 0, not {delta!r}")
        super().__init__(reduction)
        self.delta = delta

    def value(self, t: Value, y: Value) -> Value:
        a = np.maximum(y - t, t - y)
        near = np.minimum(a, self.delta)
        return near * (a - 0.5 * near)

    def gradient(self, t: Value, y: Value) -> Value:
        return np.minimum(np.maximum(y - t, -self.delta), self.delta)


class LogCosh(Loss):
    """log cosh(y - t) = |d| + log(1 + e^(-2|d|)) - log 2"""

    def value(self, t: Value, y: Value) -> Value:
        a = np.maximum(y - t, t - y)
        return a + np.log1p(np.exp(-2.0 * a)) - 0.6931471805599453

    def gradient(self, t: Value, y: Value) -> Value:
        return tanh(y - t)


class Quantile(Loss):
    """q·(t - y) for t > y, else (1 - q)·(y - t), least at the q-quantile (Koenker, Bassett 1978); derivative 0 at t

    Of several q, each is that of one output.
    """

    def __init__(self, q: float | tuple[float, ...] = 0.5, reduction: str = "mean") -> None:
        if not np.all((np.array(q) > 0.0) & (np.array(q) < 1.0)):
            raise ConfigurationError(f"Quantile needs q between 0 and 1, not {q!r}")
        super().__init__(reduction)
        self.q = q

    def value(self, t: Value, y: Value) -> Value:
        q = self._q(y)
        return np.maximum(q * (t - y), (1.0 - q) * (y - t))

    def gradient(self, t: Value, y: Value) -> Value:
        q = self._q(y)
        return np.where(y > t, 1.0 - q, np.where(y < t, -q, 0.0 * y))

    def _q(self, y: Value) -> Any:
        return np.array(self.q, y.dtype) if isinstance(self.q, tuple) else self.q


class Poisson(Loss):
    """e^z - t z, the Poisson likelihood of the count t at rate e^z, up to a constant"""

    tasks = ()  # it needs counts, and a table's quantities are standardised
    link = "exp"
    target_range = (0.0, math.inf)

    def value(self, t: Value, y: Value) -> Value:
        return np.exp(y) - t * y

    def gradient(self, t: Value, y: Value) -> Value:
        return np.exp(y) - t


class PoissonDeviance(Poisson):
    """e^z - t z + t log t - t, half the Poisson deviance: `Poisson` with the constant that makes the least value 0"""

    def value(self, t: Value, y: Value) -> Value:
        return super().value(t, y) + np.where(t > 0.0, t * np.log(np.maximum(t, SMALLEST)) - t, 0.0 * t)


class BinaryCrossEntropy(Loss):
    """-t log p - (1 - t) log(1 - p) with p = sigmoid(z)

    Parameters
    ----------
    from_logits : bool
        True: outputs are logits z, and the loss is max(z, 0) - t z + log(1 + e^(-|z|)), with derivative p - t.
        False: outputs are probabilities p, with derivative (1 - t)/(1 - p) - t/p; a probability of exactly 0 or 1 is
        taken as 1.2e-38 away from it.
    reduction : {"mean", "rows", "sum"}
    """

    tasks: tuple[str, ...] = ("classification",)
    link = "sigmoid"
    target_range = (0.0, 1.0)

    def __init__(self, from_logits: bool = True, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.from_logits = from_logits
        if not from_logits:
            self.tasks, self.link = (), "identity"

    def value(self, t: Value, y: Value) -> Value:
        if self.from_logits:
            return softplus(y) - t * y
        return -t * np.log(np.maximum(y, SMALLEST)) - (1.0 - t) * np.log(np.maximum(1.0 - y, SMALLEST))

    def gradient(self, t: Value, y: Value) -> Value:
        if self.from_logits:
            return sigmoid(y) - t
        return (1.0 - t) / np.maximum(1.0 - y, SMALLEST) - t / np.maximum(y, SMALLEST)


class CrossEntropy(Loss):
    """-Σ_j t_j log p_j with p = softmax(z); t a class number or probabilities that sum to 1

    Parameters
    ----------
    from_logits : bool
        True: outputs are logits z, with derivative p - t.  False: outputs are probabilities, with derivative -t/p; a
        probability of exactly 0 is taken as 1.2e-38.
    reduction : {"mean", "rows", "sum"}
    """

    tasks: tuple[str, ...] = ("classification",)
    link = "softmax"
    kind = "row"
    target_range = (0.0, 1.0)

    def __init__(self, from_logits: bool = True, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.from_logits = from_logits
        if not from_logits:
            self.tasks, self.link = (), "identity"

    def fitting(self, y_true: Any, shape: tuple[int, ...]) -> Array:
        if shape[1] < 2:
            raise ShapeError(
                "CrossEntropy needs an output for each class, but the network has 1; "
                "give it 2, or use BinaryCrossEntropy"
            )
        return super().fitting(y_true, shape)

    def value(self, t: Value, y: Value) -> Value:
        log_p = log_softmax(y) if self.from_logits else np.log(np.maximum(y, SMALLEST))
        return -np.sum(t * log_p, axis=-1, keepdims=True)

    def gradient(self, t: Value, y: Value) -> Value:
        if self.from_logits:
            return softmax(y) * np.sum(t, axis=-1, keepdims=True) - t
        return -t / np.maximum(y, SMALLEST)


class Hinge(Loss):
    """max(0, 1 - (2t - 1) y) for t in {0, 1}; the derivative at the corner is 0.

    The sign of y decides; the link, a sigmoid, only maps it to (0, 1) and is not a calibrated probability.
    """

    tasks = ("classification",)
    link = "sigmoid"
    target_range = (0.0, 1.0)

    def value(self, t: Value, y: Value) -> Value:
        return np.maximum(1.0 - (2.0 * t - 1.0) * y, 0.0)

    def gradient(self, t: Value, y: Value) -> Value:
        sign = 2.0 * t - 1.0
        return np.where(1.0 - sign * y > 0.0, -sign, 0.0)


class SquaredHinge(Loss):
    """max(0, 1 - (2t - 1) y)² for t in {0, 1}; decides as `Hinge` does"""

    tasks = ("classification",)
    link = "sigmoid"
    target_range = (0.0, 1.0)

    def value(self, t: Value, y: Value) -> Value:
        return np.square(np.maximum(1.0 - (2.0 * t - 1.0) * y, 0.0))

    def gradient(self, t: Value, y: Value) -> Value:
        sign = 2.0 * t - 1.0
        return -2.0 * sign * np.maximum(1.0 - sign * y, 0.0)


_LOSSES: dict[str, type[Loss]] = {  # of those that suit a task, the first is its default
    "mse": MSE,
    "mae": MAE,
    "half_squared_error": HalfSquaredError,
    "huber": Huber,
    "log_cosh": LogCosh,
    "quantile": Quantile,
    "crossentropy": CrossEntropy,
    "binary_crossentropy": BinaryCrossEntropy,
    "hinge": Hinge,
    "squared_hinge": SquaredHinge,
    "poisson": Poisson,
    "poisson_deviance": PoissonDeviance,
}
for _name, _loss in _LOSSES.items():
    LOSSES.register(_name, _loss)


def links() -> tuple[str, ...]:
    """What may turn a network's outputs into predictions: the links of the registered losses.

    >>> links()
    ('identity', 'softmax', 'sigmoid', 'exp')
    """
    return tuple(dict.fromkeys(loss.link for loss in LOSSES.values()))


def check_link(link: str) -> None:
    """Refuse a link that no registered loss has."""
    if link not in links():
        raise ConfigurationError(f"link={link!r}; choose one of {', '.join(links())}")


def penalty_values(w: Value, l1: Value, l2: Value) -> Value:
    """l1 |w| + ½ l2 w², of each weight"""
    return l1 * np.maximum(w, -w) + 0.5 * l2 * w * w


def penalty(w: Value, l1: float, l2: float) -> Value:
    """l1 Σ|w| + ½ l2 Σ w², added to the loss for the weights that decay"""
    return np.sum(penalty_values(w, l1, l2))


def penalty_gradient(w: Value, l1: Value, l2: Value) -> Value:
    """∂penalty/∂w = l1 sign(w) + l2 w; the sign of 0 is 0"""
    return l1 * np.where(w > 0.0, 1.0, np.where(w < 0.0, -1.0, 0.0 * w)) + l2 * w
