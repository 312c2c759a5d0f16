"""Folds, and what a prediction on unseen rows is worth."""

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.tables.catalogue import Task

LARGE = 20_000  # rows; larger tables are divided twice into 80 and 20 %, others into five folds
BINS = 15  # of the calibration error


def folds(X: pd.DataFrame, y: pd.Series, task: Task) -> list[tuple[Any, Any]]:
    """Training and test rows of each fold, the same for all methods."""
    from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold, StratifiedShuffleSplit

    if len(X) > LARGE:
        kind = StratifiedShuffleSplit if task == "classification" else ShuffleSplit
        return list(kind(2, test_size=0.2, random_state=0).split(X, y))
    kind = StratifiedKFold if task == "classification" else KFold
    return list(kind(5, shuffle=True, random_state=0).split(X, y))


def scores(task: Task, y: Any, predicted: Any) -> dict[str, float]:
    """Loss (log-loss or root of the mean squared error), score (accuracy or R2), and calibration error of classes.

    >>> scores("regression", [1.0, 3.0], [1.0, 2.0])
    {'loss': 0.7071067811865476, 'score': 0.5}
    >>> scores("classification", [0, 1], [[0.75, 0.25], [0.25, 0.75]])
    {'loss': 0.2876820724517809, 'score': 1.0, 'calibration': 0.25}
    """
    y, predicted = np.asarray(y), np.asarray(predicted, dtype=np.float64)
    if task == "regression":
        squared = np.mean((y - predicted) ** 2)
        return {"loss": float(np.sqrt(squared)), "score": float(1.0 - squared / np.var(y))}
    p = np.clip(predicted, 1e-7, 1.0)
    p /= p.sum(axis=1, keepdims=True)
    right = p.argmax(axis=1) == y
    loss = -np.log(p[np.arange(len(y)), y]).mean()
    return {"loss": float(loss), "score": float(right.mean()), "calibration": calibration_error(p.max(axis=1), right)}


def calibration_error(confidence: Any, right: Any) -> float:
    """Σ share of the bin · |mean confidence - share that is right|, over bins of equal width (Guo et al. 2017,
    arXiv:1706.04599).

    >>> calibration_error(np.array([0.9, 0.9]), np.array([True, False]))
    0.4
    """
    bins = np.minimum((np.asarray(confidence) * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=BINS)
    return float(np.round(np.abs(gaps).sum() / len(bins), 12))
