"""A saved model's answers for new rows, in the words and units of its training table."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data import Dataset, Preparation, Table
from clearprop.data.scores import classification_scores, regression_scores
from clearprop.errors import ConfigurationError, DataError
from clearprop.formats.modelfile import SavedModel, load
from clearprop.train import predict

MODEL = "model.safetensors"
"""The name of the model file in a run's folder."""


def load_model(path: str | os.PathLike[str]) -> SavedModel:
    """The model in a file, or in a run folder, with the preparation that new rows need.

    Raises
    ------
    ModelFileError
        It cannot be read.
    ConfigurationError
        It was saved without a preparation.
    """
    name = os.fspath(path)
    saved = load(os.path.join(name, MODEL) if os.path.isdir(name) else name)
    if saved.preparation is None:
        raise ConfigurationError(
            f"{name}: this model was saved without a preparation, so it does not know what columns mean; "
            "use it from Python, or save it with preparation="
        )
    return saved


def preparation_of(saved: SavedModel) -> Preparation:
    """The model's preparation, which it must have."""
    if saved.preparation is None:
        raise ConfigurationError("this model has no preparation; save it with preparation=")
    return saved.preparation


def predictions(saved: SavedModel, X: Array) -> Array:
    """Probabilities of the classes, or quantities in the target's own unit, for raw features; shape (n, k)."""
    plan = preparation_of(saved)
    return plan.inverse_target(predict(saved.model, plan.standardise(X), link=saved.link))


def evaluate(saved: SavedModel, data: Dataset) -> dict[str, Any]:
    """scikit-learn's scores of the model's predictions on raw `data`."""
    answers = predictions(saved, data.X)
    if data.task == "classification":
        return classification_scores(data, answers)
    return regression_scores(data, answers)


def rows_for(saved: SavedModel, data: Dataset | Table) -> Dataset:
    """`data`, target included, as raw numbers in the model's own columns and classes."""
    plan = preparation_of(saved)
    if isinstance(data, Table):
        return plan.dataset(data)
    _check_features(plan, data)
    if data.target_names != plan.class_names:
        raise DataError(f"{data.name} has other classes than the model: {', '.join(plan.class_names)}")
    return data


def features_for(saved: SavedModel, data: Dataset | Table) -> Array:
    """The features of `data` as raw numbers in the model's own columns; a target is not needed."""
    plan = preparation_of(saved)
    if isinstance(data, Table):
        return plan.apply(data)
    _check_features(plan, data)
    return data.X


def _check_features(plan: Preparation, data: Dataset) -> None:
    if data.feature_names != plan.feature_names:
        raise DataError(f"{data.name} has other features than the model, which needs: {', '.join(plan.feature_names)}")


def column_names(saved: SavedModel) -> list[str]:
    """Names for a table of predictions: the target, then the probability of each class."""
    plan = preparation_of(saved)
    if plan.class_names:
        return [plan.target, *(f"P({name})" for name in plan.class_names)]
    several = len(plan.target_mean) > 1
    return [f"{plan.target} {i + 1}" if several else plan.target for i in range(len(plan.target_mean))]


def prediction_rows(saved: SavedModel, answers: Array) -> Iterator[list[str]]:
    """For each row of `predictions`, the cells of `column_names`."""
    names = np.array(preparation_of(saved).class_names, dtype=object)
    for row in answers:
        numbers = [repr(float(value)) for value in row]
        yield [str(names[row.argmax()]), *numbers] if len(names) else numbers
