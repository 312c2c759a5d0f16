"""Example configurations and data for every registered layer, loss and optimiser.

The registries say what exists; this says with which arguments and on which data it is tried.  `test_every_registry.py`
checks that nothing registered is missing here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from clearprop import ops
from clearprop.estimators.parameters import RateInside
from clearprop.initializers import Normal, Orthogonal
from clearprop.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm, NumericEmbedding, Scale
from clearprop.losses import (
    MAE,
    MSE,
    BinaryCrossEntropy,
    CrossEntropy,
    HalfSquaredError,
    Hinge,
    Huber,
    LogCosh,
    Loss,
    Poisson,
    PoissonDeviance,
    Quantile,
    SquaredHinge,
)
from clearprop.ops import ACTIVATIONS
from clearprop.optim import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Lion,
    NAdam,
    RMSprop,
    Rprop,
)

LAYER_EXAMPLES = [
    Dense(3),
    Dense(1, use_bias=False),
    Dense(4, init=Normal(0.0, 0.5), bias_init="ones", trainable=("weight",), learning_rate_factor=0.5),
    Dense(2, init=Orthogonal(2.0), trainable=()),
    *(Activation(name) for name, op in ACTIVATIONS.items() if op.domain[0] == -np.inf),
    Activation("leaky_relu", slope=0.2),
    Activation(ops.elu.bind(alpha=2.0)),
    Scale(),
    Scale(trainable=(), learning_rate_factor=1.0),
    NumericEmbedding(),
    NumericEmbedding(2, columns=[0], frequencies=3, sigma=1.0, trainable=("weight",), learning_rate_factor=1.0),
    NumericEmbedding(1, keep_input=False, frequencies=17),
    NumericEmbedding(3, columns=[0], edges=[[-0.7, 0.1, 0.4, 1.0, 1.5]]),
    NumericEmbedding(2, columns=[0], edges=[[-1.0, 1.0]], keep_input=False, trainable=("start", "slope", "weight")),
    Dropout(0.0),
    Dropout(0.4),
    LayerNorm(),
    LayerNorm(epsilon=0.1, trainable=("beta",)),
    BatchNorm(),
    BatchNorm(momentum=0.5, epsilon=0.1, learning_rate_factor=2.0),
]

LOSS_EXAMPLES: list[Loss] = [
    loss
    for reduction in ("mean", "rows", "sum")
    for loss in (
        MSE(reduction),
        MAE(reduction),
        HalfSquaredError(reduction),
        Huber(reduction=reduction),
        Huber(0.3, reduction),
        LogCosh(reduction),
        Quantile(reduction=reduction),
        Quantile(0.9, reduction),
        Poisson(reduction),
        PoissonDeviance(reduction),
        BinaryCrossEntropy(reduction=reduction),
        BinaryCrossEntropy(False, reduction),
        CrossEntropy(reduction=reduction),
        CrossEntropy(False, reduction),
        Hinge(reduction),
        SquaredHinge(reduction),
    )
]

NUMPY_LOSSES: list[Loss] = [Quantile((0.1, 0.5, 0.9), reduction) for reduction in ("mean", "rows", "sum")]
"""Examples that need more than the dialect has: a number for each output."""

Draw = Callable[[Any, np.random.Generator, int, int], tuple[Any, ...]]  # (loss, rng, n, k) -> y_true, y_pred


def quantities(loss: Loss, rng: np.random.Generator, n: int, k: int) -> tuple[Any, ...]:
    """Any numbers, the differences away from 0, 0.3 and 1, where derivatives jump."""
    k = len(loss.q) if isinstance(loss, Quantile) and isinstance(loss.q, tuple) else k  # one output for each
    y_true = rng.normal(size=(n, k))
    return y_true, y_true + rng.choice([-1.0, 1.0], (n, k)) * rng.choice([0.1, 0.6, 1.5], (n, k)) * rng.uniform(
        0.7, 1.1
    )


def counts(loss: Loss, rng: np.random.Generator, n: int, k: int) -> tuple[Any, ...]:
    """Counts, and logarithms of rates."""
    return rng.poisson(2.0, (n, k)).astype(float), rng.normal(size=(n, k))


def yes_or_no(loss: Loss, rng: np.random.Generator, n: int, k: int) -> tuple[Any, ...]:
    """Truths of 0 and 1, and logits, or probabilities where the loss wants them."""
    y_true = rng.integers(0, 2, (n, k)).astype(float)
    logits = getattr(loss, "from_logits", True)
    return y_true, rng.normal(0.0, 2.0, (n, k)) if logits else rng.uniform(0.02, 0.98, (n, k))


def one_of_many(loss: Any, rng: np.random.Generator, n: int, k: int) -> tuple[Any, ...]:
    """One-hot rows, and logits, or rows of probabilities where the loss wants them."""
    k = max(k, 2)  # CrossEntropy refuses a single class
    y_true = np.eye(k)[rng.integers(0, k, n)]
    y_pred = rng.normal(0.0, 2.0, (n, k))
    return y_true, y_pred if loss.from_logits else ops.softmax.forward(0.3 * y_pred)


DATA_OF_LOSS: dict[type[Loss], Draw] = {
    MSE: quantities,
    MAE: quantities,
    HalfSquaredError: quantities,
    Huber: quantities,
    LogCosh: quantities,
    Quantile: quantities,
    Poisson: counts,
    PoissonDeviance: counts,
    BinaryCrossEntropy: yes_or_no,
    CrossEntropy: one_of_many,
    Hinge: yes_or_no,
    SquaredHinge: yes_or_no,
}

OPTIMIZER_EXAMPLES = [
    SGD(0.05),
    SGD(0.02, momentum=0.9),
    SGD(0.02, momentum=0.9, nesterov=True),
    Adagrad(0.5),
    Adadelta(1.0),
    RMSprop(0.05),
    Adam(0.05),
    Adam(0.05, epsilon_hat=True),
    AdamW(0.05, weight_decay=0.1),
    NAdam(0.05),
    Lion(0.01),
    Lion(0.01, weight_decay=0.1),
    Rprop(0.02),
]
UNNAMED_OPTIMIZERS = [RateInside(0.02, 0.9, False), RateInside(0.02, 0.9, True)]
"""Those that no registry has: what the estimators make of scikit-learn's settings."""
