"""How good predictions are, in numbers that need no knowledge of the model (scikit-learn computes them).

Everywhere `answers` are what a model says: probabilities of the classes, shape (n, k), or quantities.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from clearprop._registry import did_you_mean
from clearprop._types import Array
from clearprop.errors import ConfigurationError, DataError, DivergenceError

if TYPE_CHECKING:
    from clearprop.data.dataset import Dataset, Task

METRIC_OF_TASK = {"classification": "accuracy", "regression": "r2"}
"""The one number that a task is judged by, unless another is chosen."""

METRICS_OF_TASK: dict["Task", tuple[str, ...]] = {
    "classification": ("accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc"),
    "regression": ("r2", "rmse", "mae"),
}
"""What can be chosen to judge by."""

LOWER_IS_BETTER = ("log_loss", "rmse", "mae")
UP_TO_ONE = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "r2")
"""Metrics that are 1 for the best there can be."""


def check_metric(metric: str, task: "Task | None" = None) -> str:
    """`metric`, if there is such a one (for the task).

    Raises
    ------
    ConfigurationError
        There is not.
    """
    known = [name for names in METRICS_OF_TASK.values() for name in names]
    if metric not in known:
        raise ConfigurationError(f"metric cannot be {metric!r}; {did_you_mean(metric, known)}")
    if task is not None and metric not in METRICS_OF_TASK[task]:
        suitable = ", ".join(METRICS_OF_TASK[task])
        raise ConfigurationError(f"metric {metric!r} does not suit {task}; use one of {suitable}")
    return metric


def score(metric: str, y_true: Array, answers: Array, sample_weight: Array | None = None) -> float:
    """One of `METRICS_OF_TASK`; for those that need no probabilities, `answers` may be class numbers.

    >>> score("accuracy", np.array([0, 1, 1, 0]), np.array([0, 1, 1, 1]))
    0.75
    >>> score("roc_auc", np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]))
    1.0

    Raises
    ------
    DataError
        The rows are too few for the metric, or all of one class.
    """
    from sklearn import metrics

    check_metric(metric)
    if metric in ("accuracy", "balanced_accuracy", "f1_macro"):
        decided = answers if answers.ndim == 1 else answers.argmax(axis=1)
        if metric == "accuracy":
            return float(metrics.accuracy_score(y_true, decided, sample_weight=sample_weight))
        _, recall, f1, _ = metrics.precision_recall_fscore_support(
            y_true,
            decided,
            labels=classes_with_rows(y_true, sample_weight),
            sample_weight=sample_weight,
            zero_division=0.0,
        )
        return float((recall if metric == "balanced_accuracy" else f1).mean())
    if metric == "log_loss":
        labels = np.arange(answers.shape[1])
        if (answers < 0.0).any():
            raise DataError("log_loss needs probabilities, and some answers are below 0; judge by another metric")
        return float(metrics.log_loss(y_true, normalised(answers), labels=labels, sample_weight=sample_weight))
    if metric == "roc_auc":
        return _roc_auc(y_true, answers, sample_weight)
    answers = answers.reshape(y_true.shape)
    if metric == "r2":
        if len(y_true) < 2:
            raise DataError("r2 of a single row is undefined; at least 2 rows are needed")
        return float(metrics.r2_score(y_true, answers, sample_weight=sample_weight))
    of = metrics.root_mean_squared_error if metric == "rmse" else metrics.mean_absolute_error
    return float(of(y_true, answers, sample_weight=sample_weight))


def normalised(probabilities: Array) -> Array:
    """In float64, with sum 1: a float32 softmax sums to 1 within 1e-7, which scikit-learn takes for a mistake."""
    exact = probabilities.astype(np.float64)
    exact /= np.maximum(exact.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return exact


def classes_with_rows(y_true: Array, sample_weight: Array | None = None) -> Array:
    """The classes that can be averaged over: those with a row that counts."""
    return np.unique(y_true if sample_weight is None else y_true[sample_weight > 0])


def _roc_auc(y_true: Array, answers: Array, sample_weight: Array | None) -> float:
    """The area for each class against the rest, averaged over the classes that have rows (two classes: the same)."""
    from sklearn.metrics import roc_auc_score

    present = classes_with_rows(y_true, sample_weight)
    if len(present) < 2:
        raise DataError("roc_auc of rows of one class is undefined; judge on more rows, or by another metric")
    areas = [roc_auc_score(y_true == c, answers[:, c], sample_weight=sample_weight) for c in present]
    return float(areas[-1] if answers.shape[1] == 2 else np.mean(areas))


def classification_scores(data: "Dataset", probabilities: Array) -> dict[str, Any]:
    """Accuracy, balanced accuracy, macro F1, log loss and ROC AUC; precision, recall and F1 of each class.

    Parameters
    ----------
    data : Dataset
        The rows and their true classes.
    probabilities : array, shape (n, k)
        One column for each class name.

    Returns
    -------
    dict
        The scores; of two classes also ``"average_precision"`` of the second; ``"classes"``: for each class name its
        precision, recall, f1 and rows; and ``"confusion"``: rows are true classes, columns predicted ones. A class
        without rows counts in no average, and rows of one class alone have no ROC AUC.

    Raises
    ------
    DivergenceError
        Probabilities that are no finite numbers.
    """
    from sklearn.metrics import average_precision_score, confusion_matrix, precision_recall_fscore_support

    _check_finite(probabilities, data)
    labels = np.arange(data.n_classes)
    predicted = probabilities.argmax(axis=1)
    y, weight = data.y, data.sample_weight
    precision, recall, f1, _ = precision_recall_fscore_support(
        y, predicted, labels=labels, sample_weight=weight, zero_division=0.0
    )
    several = len(classes_with_rows(y, weight)) > 1
    names = [name for name in METRICS_OF_TASK["classification"] if name != "roc_auc" or several]
    scores = {name: score(name, y, probabilities, weight) for name in names}
    if several and data.n_classes == 2:
        scores["average_precision"] = float(average_precision_score(y, probabilities[:, 1], sample_weight=weight))
    return scores | {
        "classes": {
            name: {
                "precision": float(precision[c]),
                "recall": float(recall[c]),
                "f1": float(f1[c]),
                "rows": int(np.count_nonzero(y == c)),
            }
            for c, name in enumerate(data.target_names)
        },
        "confusion": confusion_matrix(y, predicted, labels=labels).tolist(),
    }


def regression_scores(data: "Dataset", predicted: Array) -> dict[str, float]:
    """r2, root mean squared error, mean absolute error and the largest error, in the target's unit.

    Raises
    ------
    DivergenceError
        Predictions whose errors are no finite numbers.
    """
    y, weight = data.y, data.sample_weight
    predicted = predicted.reshape(y.shape)
    _check_finite(predicted, data)
    names = METRICS_OF_TASK["regression"] if len(data) > 1 else ("rmse", "mae")
    with np.errstate(over="ignore", invalid="ignore"):
        scores = {name: score(name, y, predicted, weight) for name in names}
    _check_finite(np.array([*scores.values()]), data)
    return scores | {"max_error": float(np.max(np.abs(y - predicted)))}


def _check_finite(answers: Array, data: "Dataset") -> None:
    if not np.isfinite(answers).all():
        raise DivergenceError(
            f"{data.name}: the model's answers for these rows, or their errors, are beyond what numbers can hold; "
            "train it with a lower learning rate"
        )
