"""The column to predict: classes or a quantity."""

import numpy as np

from clearprop._registry import listed
from clearprop._types import Array
from clearprop.data.columns import Number, refuse_missing, shown
from clearprop.data.dataset import Task
from clearprop.data.kinds import Profile
from clearprop.data.table import Table
from clearprop.errors import DataError

FEW_CLASSES = 20
"""Up to this many distinct whole numbers in a target are taken for classes."""

_REMEDY = "fill it in, or leave such rows out"


def classes_of(table: Table, target: str, task: Task | None) -> tuple[str, ...]:
    """The class names in order, numbers by size; none if the target is a quantity.

    Text means classes, and so do a few whole numbers; `task` overrules that.
    """
    refuse_missing(table, target, _REMEDY)
    profile = Profile.of(table, target)
    numeric = profile.numbers == profile.rows
    text = table.cell(target).text
    distinct = table.distinct(text)
    if distinct < 2:
        raise DataError(
            f"{table.path}: the target {target!r} is {shown(table.text_at(0, target))} in every row; "
            "there is nothing to learn, choose another target"
        )
    if task is None:
        few = profile.whole and distinct <= min(FEW_CLASSES, len(table) // 2)
        task = "classification" if few or not numeric else "regression"
    if task == "regression":
        return ()
    if distinct > len(table) / 2:
        raise DataError(
            f"{table.path}: the target {target!r} has {distinct} different values in {len(table)} rows; "
            "a class needs several rows, choose another target" + (" or task regression" if numeric else "")
        )
    labels = sorted(label for label, _ in table.counts(text))
    return tuple(sorted(labels, key=float) if numeric else labels)


def class_numbers(table: Table, target: str, classes: tuple[str, ...]) -> Array:
    """The target as numbers of `classes`."""
    refuse_missing(table, target, _REMEDY)
    text = table.cell(target).text
    numbers = table.values(f"coalesce(list_position(?, {text}), 0)", [list(classes)]).astype(np.int64)
    if not numbers.all():
        row = int(np.argmin(numbers))
        known = listed(classes, 8)
        raise DataError(
            f"{table.place(row, target)}: {shown(table.text_at(row, target))} is not among the classes the model "
            f"knows: {known}; correct it or remove the row"
        )
    return numbers - 1


def quantities(table: Table, target: str) -> Array:
    """The target as float64."""
    refuse_missing(table, target, _REMEDY)
    return Number(target).read(table, fill=False)[:, 0]
