"""A saved model's answers for new rows, in the words and units of its training table."""

import os
from typing import Any

import numpy as np

from clearprop._registry import listed
from clearprop._types import Array
from clearprop.calibration import calibration
from clearprop.data import Dataset, Preparation, Table
from clearprop.data.scores import classification_scores, regression_scores
from clearprop.errors import ConfigurationError, DataError
from clearprop.formats.modelfile import SavedModel, load
from clearprop.train import predict

MODEL = "model.safetensors"
"""The name of the model file in a run's folder."""
_ROWS_AT_ONCE = 100_000


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
    prepared = plan.standardise(X).astype(saved.model.dtype, copy=False)
    answers = plan.inverse_target(predict(saved.model, prepared, link=saved.link))
    if plan.class_names and saved.link != "softmax":  # a yes or no for each class: in proportion
        answers = answers / np.maximum(answers.sum(axis=1, keepdims=True), np.finfo(answers.dtype).tiny)
    return answers


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
    _check_features(plan, data)
    if data.target_names != plan.class_names:
        raise DataError(f"{data.name} has other classes than the model: {listed(plan.class_names)}")
    return data


def predictions_for(saved: SavedModel, data: Dataset | Table) -> Array:
    """`predictions` for the rows of `data`, in order; a target is not needed."""
    plan = preparation_of(saved)
    if isinstance(data, Table):  # in pieces, so that a long table needs little memory
        return np.concatenate([predictions(saved, X) for X in plan.batches(data, _ROWS_AT_ONCE)])
    _check_features(plan, data)
    return predictions(saved, data.X)


def _check_features(plan: Preparation, data: Dataset) -> None:
    if data.feature_names != plan.feature_names:
        raise DataError(f"{data.name} has other features than the model, which needs: {listed(plan.feature_names)}")


def answer_table(saved: SavedModel, answers: Array) -> dict[str, Array]:
    """`predictions` as a table: the target's name -> class or quantity, then the probability of each class."""
    plan = preparation_of(saved)
    if plan.class_names:
        names = np.array(plan.class_names, dtype=object)
        columns = {plan.target: names[answers.argmax(axis=1)]}
        return columns | {f"P({name})": answers[:, c] for c, name in enumerate(plan.class_names)}
    several = answers.shape[1] > 1
    return {f"{plan.target} {i + 1}" if several else plan.target: answers[:, i] for i in range(answers.shape[1])}
