"""The gradient of every definition in the registries, checked: what `clearprop gradcheck` runs.

Nothing is listed here, so nothing can be forgotten: a new operation, layer or loss is checked because it is
registered.
"""

import inspect
from collections.abc import Callable
from functools import partial

import numpy as np

from clearprop._registry import Registry
from clearprop._types import Array
from clearprop.gradients.check import GradientReport, check_gradients
from clearprop.layers import LAYERS, Layer
from clearprop.losses import LOSSES, Loss
from clearprop.ops import OPS

_ARGUMENTS = {"units": 4, "rate": 0.3, "activation": "tanh"}  # for what a layer's constructor insists on


def checks() -> Registry[Callable[[], GradientReport]]:
    """Name -> function that checks the operation, layer or loss of that name.

    >>> checks()["tanh"]().passed
    True
    """
    found: Registry[Callable[[], GradientReport]] = Registry("operation, layer or loss")
    for name, op in OPS.items():
        found.register(name, partial(check_gradients, op))
    for name, layer in LAYERS.items():
        found.register(name, partial(check_gradients, _example(layer)))
    for name, loss in LOSSES.items():
        found.register(name, partial(_check_loss, loss()))
    return found


def _example(layer: type[Layer]) -> Layer:
    needed = [
        p.name
        for p in inspect.signature(layer).parameters.values()
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    return layer(**{name: _ARGUMENTS[name] for name in needed})


def _check_loss(loss: Loss) -> GradientReport:
    """With targets of the kind the loss is for: classes, yes or no, counts, or numbers."""
    rng = np.random.default_rng(0)
    y_pred = rng.normal(size=(6, 3))
    y_true: Array
    if loss.kind == "row":
        y_true = rng.integers(0, 3, 6)
    elif loss.target_range == (0.0, 1.0):
        y_true = rng.integers(0, 2, (6, 3))
    elif loss.target_range[0] == 0.0:
        y_true = rng.poisson(2.0, (6, 3))
    else:
        y_true = rng.normal(size=(6, 3))
    return check_gradients(loss, y_true, y_pred, rng.uniform(0.5, 2.0, 6))
