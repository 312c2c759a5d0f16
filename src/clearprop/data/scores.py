"""How good predictions are, in numbers that need no knowledge of the model (scikit-learn computes them)."""

from typing import TYPE_CHECKING, Any

import numpy as np

from clearprop._types import Array
from clearprop.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from clearprop.data.dataset import Dataset

METRIC_OF_TASK = {"classification": "accuracy", "regression": "r2"}
"""The one number that a task is judged by."""


def score(metric: str, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> float:
    """``"accuracy"`` of class numbers or ``"r2"`` of quantities.

    >>> score("accuracy", np.array([0, 1, 1, 0]), np.array([0, 1, 1, 1]))
    0.75
    """
    from sklearn.metrics import accuracy_score, r2_score

    if metric == "accuracy":
        return float(accuracy_score(y_true, y_pred, sample_weight=sample_weight))
    if metric == "r2":
        if len(y_true) < 2:
            raise DataError("r2 of a single row is undefined; at least 2 rows are needed")
        return float(r2_score(y_true, y_pred, sample_weight=sample_weight))
    raise ConfigurationError(f"metric={metric!r}; choose 'accuracy' or 'r2'")


def classification_scores(data: "Dataset", probabilities: Array) -> dict[str, Any]:
    """Accuracy, balanced accuracy, macro F1 and log loss; precision, recall and F1 of each class.

    Parameters
    ----------
    data : Dataset
        The rows and their true classes.
    probabilities : array, shape (n, k)
        One column for each class name.

    Returns
    -------
    dict
        The four scores, and ``"classes"``: for each class name its precision, recall, f1 and rows, and
        ``"confusion"``: rows are true classes, columns predicted ones.
    """
    from sklearn.metrics import (
        accuracy_score,
        confusion_matrix,
        log_loss,
        precision_recall_fscore_support,
    )

    labels = np.arange(data.n_classes)
    predicted = probabilities.argmax(axis=1)
    weight = data.sample_weight
    precision, recall, f1, _ = precision_recall_fscore_support(
        data.y, predicted, labels=labels, sample_weight=weight, zero_division=0.0
    )
    present = np.isin(labels, data.y)
    # A float32 softmax sums to 1 within 1e-7, which log_loss takes for a mistake.
    normalised = probabilities.astype(np.float64)
    normalised /= normalised.sum(axis=1, keepdims=True)
    return {
        "accuracy": float(accuracy_score(data.y, predicted, sample_weight=weight)),
        "balanced_accuracy": float(recall[present].mean()),
        "f1_macro": float(f1[present].mean()),
        "log_loss": float(log_loss(data.y, normalised, labels=labels, sample_weight=weight)),
        "classes": {
            name: {
                "precision": float(precision[c]),
                "recall": float(recall[c]),
                "f1": float(f1[c]),
                "rows": int(np.count_nonzero(data.y == c)),
            }
            for c, name in enumerate(data.target_names)
        },
        "confusion": confusion_matrix(data.y, predicted, labels=labels).tolist(),
    }


def regression_scores(data: "Dataset", predicted: Array) -> dict[str, float]:
    """r2, root mean squared error, mean absolute error and the largest error, in the target's unit."""
    from sklearn.metrics import mean_absolute_error, root_mean_squared_error

    y, weight = data.y, data.sample_weight
    predicted = predicted.reshape(y.shape)
    scores = {} if len(data) < 2 else {"r2": score("r2", y, predicted, weight)}
    return scores | {
        "rmse": float(root_mean_squared_error(y, predicted, sample_weight=weight)),
        "mae": float(mean_absolute_error(y, predicted, sample_weight=weight)),
        "max_error": float(np.max(np.abs(y - predicted))),
    }
