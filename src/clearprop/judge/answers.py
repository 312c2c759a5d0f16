"""A saved model's answers for new rows, in the words and units of its training table."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from clearprop._registry import listed
from clearprop._types import Array
from clearprop.data import Dataset, Preparation, Table
from clearprop.data.arrays import dense_rows
from clearprop.errors import ConfigurationError, DataError
from clearprop.formats.modelfile import load
from clearprop.formats.saved import SavedModel, check_features, labels, predictions, predictions_for, preparation_of
from clearprop.judge.calibration import calibration
from clearprop.judge.scores import classification_scores, regression_scores

__all__ = [
    "answer_table",
    "evaluate",
    "joined",
    "load_model",
    "predictions",
    "predictions_for",
    "preparation_of",
    "rows_for",
    "rows_of",
]


def load_model(path: str | os.PathLike[str]) -> SavedModel:
    """The model in a file, or in a run folder, with the preparation that new rows need.

    Raises
    ------
    ModelFileError
        It cannot be read.
    ConfigurationError
        It was saved without a preparation.
    """
    saved = load(path)
    if saved.preparation is None:
        raise ConfigurationError(
            f"{os.fspath(path)}: this model was saved without a preparation, so it does not know what columns mean; "
            "use it from Python, or save it with preparation="
        )
    return saved


def evaluate(saved: SavedModel, data: Dataset) -> dict[str, Any]:
    """scikit-learn's scores of the model's predictions on raw `data`; for classes also their calibration."""
    answers = predictions(saved, data.X)
    if data.task == "regression":
        return regression_scores(data, answers)
    found = calibration(data.y, answers)
    names = ("from", "to", "rows", "confidence", "accuracy")
    reliability = [dict(zip(names, row, strict=True)) for row in found.bins]
    return classification_scores(data, answers) | {"calibration_error": found.error, "reliability": reliability}


def rows_for(saved: SavedModel, data: Dataset | Table) -> Dataset:
    """`data`, target included, as raw numbers in the model's own columns and classes."""
    return rows_of(preparation_of(saved), data)


def rows_of(plan: Preparation, data: Dataset | Table) -> Dataset:
    """`data`, target included, as raw numbers in the plan's own columns and classes."""
    if isinstance(data, Table):
        return plan.dataset(data)
    check_features(plan, data)
    if data.target_names != plan.class_names:
        raise DataError(f"{data.name} has other classes than the model: {listed(plan.class_names)}")
    return data


def answer_table(saved: SavedModel, answers: Array, threshold: float | None = None) -> dict[str, Array]:
    """`predictions` as a table: the target's name -> class or quantity, then the probability of each class.

    `threshold` is that of `SavedModel.predict`.
    """
    target, answer = preparation_of(saved).target, labels(saved, answers, threshold)
    if saved.classes:
        return {target: answer} | {f"P({name})": answers[:, c] for c, name in enumerate(saved.classes)}
    return {target: answer} if answer.ndim == 1 else {f"{target} {i + 1}": column for i, column in enumerate(answer.T)}


def joined(data: Dataset | Table, answers: Mapping[str, Array]) -> dict[str, Array]:
    """The columns of `data` with the cells that it holds, and behind them the `answers`.

    An answer by the name of one of the columns, as the target's if `data` has it, is called "... (predicted)". A
    missing cell is masked.

    >>> data = Dataset([[1.0], [3.0]], [10.0, 30.0], feature_names=("width",))
    >>> {name: column.tolist() for name, column in joined(data, {"target": np.array([11.0, 29.0])}).items()}
    {'width': [1.0, 3.0], 'target': [10.0, 30.0], 'target (predicted)': [11.0, 29.0]}
    """
    columns = _cells(data) if isinstance(data, Table) else _numbers(data)
    for name, answer in answers.items():
        suffixes = ("", " (predicted)", *(f" (predicted {i})" for i in range(2, len(columns) + 2)))
        columns[next(name + suffix for suffix in suffixes if name + suffix not in columns)] = answer
    return columns


def _cells(table: Table) -> dict[str, Array]:
    columns: dict[str, Array] = {}
    for name, cell in table.cells.items():
        columns[name] = np.ma.masked_array(table.values(cell.sql), table.values(f"{cell.sql} IS NULL").astype(bool))
    return columns


def _numbers(data: Dataset) -> dict[str, Array]:
    X = dense_rows(data.X, slice(None))
    columns = {name: X[:, i] for i, name in enumerate(data.feature_names)}
    if data.target_names and data.y.ndim == 1:
        return columns | {"target": np.array(data.target_names, dtype=object)[data.y]}
    return columns | ({"target": data.y} if data.y.ndim == 1 else {})
