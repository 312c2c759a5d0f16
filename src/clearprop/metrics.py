"""What the training loop reports each epoch; for everything else use scikit-learn's metrics.

A metric takes the truth and the predictions (outputs after the loss's link) of shape (n, k).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from clearprop._registry import Registry
from clearprop._types import Array

Metric = Callable[[Array, Array], float]
METRICS: Registry[Metric] = Registry("metric")
HIGHER_IS_BETTER: set[str] = set()


def metric(*, higher_is_better: bool = False) -> Callable[[Metric], Metric]:
    """Decorator: register a metric under its name."""

    def define(function: Metric) -> Metric:
        if higher_is_better:
            HIGHER_IS_BETTER.add(function.__name__)
        return METRICS.register(function.__name__, function)

    return define


def classes(y: Any) -> Any:
    """Class numbers of class numbers, one-hot rows, or predictions (one column: above 1/2 is class 1)."""
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] > 1:
        return y.argmax(axis=1)
    return y.ravel() if y.dtype.kind in "iub" else (y.ravel() > 0.5).astype(int)


def _columns(y_true: Array, y_pred: Array) -> tuple[Array, Array]:
    """Truth and predictions as float columns; class numbers become one-hot for several outputs."""
    t = np.asarray(y_true)
    if t.ndim == 1 and y_pred.shape[1] > 1:
        t = np.eye(y_pred.shape[1])[t]
    return t.reshape(y_pred.shape).astype(float), np.asarray(y_pred, dtype=float)


@metric(higher_is_better=True)
def accuracy(y_true: Array, y_pred: Array) -> float:
    """Share of rows whose most probable class is the true one"""
    return float(np.mean(classes(y_true) == classes(y_pred)))


@metric()
def mse(y_true: Array, y_pred: Array) -> float:
    """Σ (y - t)² / n, averaged over columns"""
    t, y = _columns(y_true, y_pred)
    return float(np.mean(np.square(y - t)))


@metric()
def rmse(y_true: Array, y_pred: Array) -> float:
    """√mse"""
    return float(np.sqrt(mse(y_true, y_pred)))


@metric()
def mae(y_true: Array, y_pred: Array) -> float:
    """Σ |y - t| / n, averaged over columns"""
    t, y = _columns(y_true, y_pred)
    return float(np.mean(np.abs(y - t)))


@metric(higher_is_better=True)
def r2(y_true: Array, y_pred: Array) -> float:
    """1 - Σ (y - t)² / Σ (t - mean t)², averaged over columns; 0 is as good as a constant"""
    t, y = _columns(y_true, y_pred)
    residual, total = np.square(y - t).sum(axis=0), np.square(t - t.mean(axis=0)).sum(axis=0)
    constant = total == 0
    score = 1.0 - residual / np.where(constant, 1.0, total)
    return float(np.mean(np.where(constant, np.where(residual == 0, 1.0, 0.0), score)))
