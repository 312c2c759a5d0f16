"""The losses behind scikit-learn's names, and every other loss by its name."""

import math
from typing import Any

import numpy as np

from clearprop.errors import ConfigurationError
from clearprop.losses import (
    LOSSES,
    BinaryCrossEntropy,
    CrossEntropy,
    HalfSquaredError,
    Loss,
    PoissonDeviance,
    Quantile,
)


def classification_loss(loss: Any, *, softmax: bool) -> Loss:
    """The loss that `loss` stands for; "log_loss" is cross-entropy of a softmax, or of a sigmoid for each output.

    >>> classification_loss("log_loss", softmax=True)
    CrossEntropy(reduction='rows')
    """
    if loss == "log_loss":
        return (CrossEntropy if softmax else BinaryCrossEntropy)(reduction="rows")
    found = _named(loss)
    if "classification" not in found.tasks:
        raise ConfigurationError(
            f"loss {loss!r} does not give probabilities of classes; use 'log_loss', or a loss whose link is 'softmax' "
            "or 'sigmoid'"
        )
    return found


def regression_loss(loss: Any, quantiles: Any = None) -> Loss:
    """The loss that `loss` stands for.

    >>> regression_loss("squared_error")
    HalfSquaredError(reduction='rows')
    >>> regression_loss("quantile", [0.1, 0.9])
    Quantile(q=(0.1, 0.9), reduction='rows')
    """
    if quantiles is not None:
        if loss != "quantile":
            raise ConfigurationError(f"quantiles={quantiles!r} goes with loss='quantile', not with loss={loss!r}")
        chosen = tuple(float(q) for q in np.atleast_1d(quantiles))
        if not chosen or not all(0.0 < q < 1.0 for q in chosen):
            raise ConfigurationError(f"quantiles are numbers between 0 and 1, not {quantiles!r}")
        return Quantile(chosen, "rows")
    if loss == "squared_error":
        return HalfSquaredError("rows")
    return PoissonDeviance("rows") if loss == "poisson" else _named(loss)


def _named(loss: Any) -> Loss:
    if isinstance(loss, Loss):
        return loss
    if not isinstance(loss, str):
        raise ConfigurationError(f"loss is a name or a Loss, not {loss!r}; write Huber(delta=2.0), not Huber")
    try:
        return LOSSES[loss](reduction="rows")
    except KeyError as error:
        raise ConfigurationError(f"{error}, and scikit-learn's own names") from None


def shown_loss(loss: Loss, value: float, penalty: float, outputs: int) -> float:
    """The number that scikit-learn calls the loss: its squared error is a mean over outputs, the others are sums."""
    shown = value / outputs if isinstance(loss, HalfSquaredError) else value
    return shown + penalty if math.isfinite(value) else value
