"""Whether the data fits the model and the loss, said before the first epoch."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data import Dataset, as_dataset
from clearprop.data.arrays import in_precision
from clearprop.errors import DataError, DataWarning, ShapeError
from clearprop.losses import Loss
from clearprop.model import Sequential
from clearprop.train.rows import TrainingRows, row_numbers

_MANY_CLASSES = 20


def split(data: Dataset, rows: Any, validation: Any, seed: int) -> tuple[Dataset, Array | None, Dataset | None]:
    """The data, the numbers of its rows to train on (None for all), and the data to report on, if any."""
    numbers = None if rows is None else row_numbers(rows, data, "rows")
    if validation is None:
        return data, numbers, None
    if isinstance(validation, int | float) and not isinstance(validation, bool):
        if numbers is not None:
            data, numbers = data.take(numbers), None
        training, held_out = data.split(validation, seed=seed)
        return training, None, held_out
    if isinstance(validation, np.ndarray) and validation.ndim == 1:
        return data, numbers, data.take(row_numbers(validation, data, "validation"))
    held_out = as_dataset(validation, "validation")
    if held_out.n_features != data.n_features:
        raise ShapeError(f"the validation data has {held_out.n_features} columns, the training data {data.n_features}")
    if held_out.target_names != data.target_names:
        held_out = _with_classes_of(data, held_out)
    return data, numbers, held_out


def _with_classes_of(data: Dataset, held_out: Dataset) -> Dataset:
    """Class numbers as in `data`: a validation set may lack some of the classes."""
    unknown = [name for name in held_out.target_names if name not in data.target_names]
    if unknown or not (data.target_names and held_out.target_names):
        what = f"the class {unknown[0]!r}" if unknown else f"a {held_out.task} target"
        raise DataError(f"the validation data has {what}, which the training data does not have")
    numbers = np.array([data.target_names.index(name) for name in held_out.target_names])
    return replace(held_out, y=numbers[held_out.y], target_names=data.target_names)


def check_labels(data: Dataset) -> None:
    """Refuse a single class, and warn of numbers that hardly can be classes."""
    if len(data.target_names) == 1:
        raise DataError(f"y has one class ({data.target_names[0]!r}); a classifier needs at least 2")
    if _MANY_CLASSES < data.n_classes > len(data) / 2:
        warnings.warn(
            f"{data.n_classes} classes in {len(data)} rows: is y an identifier, or a quantity (pass floats)?",
            DataWarning,
            stacklevel=3,
        )


def check_rows(rows: TrainingRows, model: Sequential) -> None:
    """Refuse fewer rows than a layer needs at once."""
    if len(rows) < model.least_rows:
        needy = max(model.layers, key=lambda layer: layer.least_rows)
        raise DataError(
            f"{rows.data.name} has {len(rows)} row{'' if len(rows) == 1 else 's'} to train on, and {needy!r} needs "
            f"{needy.least_rows} at once; give it more rows, or take LayerNorm"
        )


def for_model(data: Dataset, model: Sequential, loss: Loss) -> Dataset:
    """The data in the model's precision, its shapes checked against the model and the loss."""
    if data.n_features != model.n_in:
        raise ShapeError(f"{data.name} has {data.n_features} columns, but the model takes {model.n_in} inputs")
    _check_classes(data, model, loss)
    X = in_precision(data.X, model.dtype, "X", data.feature_names)
    loss.fitting(data.y, (len(data), model.n_out))
    return data.unchecked(X=X)


def _is_text(name: str) -> bool:
    """Whether this class name is no number."""
    try:
        float(name)
    except ValueError:
        return True
    return False


def _check_classes(data: Dataset, model: Sequential, loss: Loss) -> None:
    """Refuse class numbers where quantities are meant, and the other way round: both would train, on nonsense."""
    names = data.target_names
    yes_or_no = len(names) == 2 and (loss.link == "sigmoid" or names in (("0", "1"), ("False", "True")))
    if names and model.n_out == 1 and not yes_or_no:
        quantities = "" if any(_is_text(name) for name in names) else "for quantities pass floats, as y.astype(float); "
        raise DataError(
            f"y holds {len(names)} classes (whole numbers or text), but the network has 1 output; {quantities}"
            "for classes give the network one output for each"
        )
    if not names and data.y.ndim == 1 and model.n_out > 1:
        raise DataError(
            f"y holds quantities (floats), one for each row, but the network has {model.n_out} outputs; for "
            "classes pass whole numbers, as y.astype(int); for quantities give the network one output"
        )
