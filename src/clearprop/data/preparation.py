"""How a table's columns become the numbers a network trains on, and how its answers become words again.

The plan says what each column is: a feature, standardised as ``(x - mean) / scale``, or the target, which is
a class name or a quantity. It is saved with the model, so that a prediction treats new rows exactly as
training treated the old ones. Mean and scale must come from the training rows alone (a test row that has
shaped its own scale is no longer unseen), hence the two steps: `Preparation.fit` looks at all rows to settle
what the columns are, `fit_statistics` measures the training part.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearprop._registry import did_you_mean
from clearprop._types import Array
from clearprop.data.dataset import Dataset, Task
from clearprop.data.tables import Table
from clearprop.errors import ConfigurationError, DataError, ShapeError

FEW_CLASSES = 20
"""Up to this many distinct whole numbers in a target are taken for classes."""


@dataclass(frozen=True)
class Preparation:
    """The plan for each column.

    Attributes
    ----------
    feature_names : tuple of str
        The columns that go into the network, in this order.
    target : str
        The column to predict.
    class_names : tuple of str
        What the class numbers mean, in order; empty for regression.
    mean, scale : tuple of float
        Of each feature; the scale of a constant column is 1.
    target_mean, target_scale : tuple of float
        Of each quantity to predict; empty for classification.
    constant : tuple of str
        Features that had the same value in every training row, so cannot help.

    Examples
    --------
    >>> data = Dataset([[1.0], [3.0]], [10.0, 30.0], feature_names=("width",))
    >>> preparation = Preparation.of(data)
    >>> preparation.mean, preparation.scale
    ((2.0,), (1.0,))
    >>> preparation.transform(data).X.ravel()
    array([-1.,  1.])
    >>> preparation.inverse_target(np.array([0.0, 1.0]))
    array([20., 30.])
    """

    feature_names: tuple[str, ...]
    target: str
    class_names: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    target_mean: tuple[float, ...] = ()
    target_scale: tuple[float, ...] = ()
    constant: tuple[str, ...] = ()

    # ------------------------------------------------------------------------------------------ fitting

    @classmethod
    def fit(cls, table: Table, target: str, task: Task | None = None) -> "Preparation":
        """Settle what each column of `table` is, and measure all rows.

        Every column but `target` is a feature and must hold numbers. Text in the target means classes, and
        so do at most 20 distinct whole numbers; other numbers are quantities. `task` overrules that.

        Raises
        ------
        DataError
            No such column, nothing but the target, a missing or unreadable cell, a target with one value.
        """
        _column(table, target)
        features = tuple(name for name in table.names if name != target)
        if not features:
            raise DataError(f"{table.path}: there is no column but the target {target!r}; add features")
        _refuse_missing(table, target)
        plan = cls(features, target, _classes(table, target, task))
        return plan.fit_statistics(plan.dataset(table))

    @classmethod
    def of(cls, dataset: Dataset) -> "Preparation":
        """The plan for a data set that is numbers already."""
        plan = cls(dataset.feature_names, "target", dataset.target_names)
        return plan.fit_statistics(dataset)

    def fit_statistics(self, dataset: Dataset) -> "Preparation":
        """The same plan with mean and scale of `dataset`, which holds raw values."""
        mean, scale, constant = _moments(dataset.X, self.feature_names)
        names = tuple(name for name, same in zip(self.feature_names, constant, strict=True) if same)
        measured = replace(self, mean=mean, scale=scale, constant=names)
        if self.task == "classification":
            return measured
        columns = dataset.y.reshape(len(dataset), -1)
        target_mean, target_scale, _ = _moments(columns, (self.target,) * columns.shape[1])
        return replace(measured, target_mean=target_mean, target_scale=target_scale)

    # ------------------------------------------------------------------------------------------- reading

    @property
    def task(self) -> Task:
        """``"classification"`` or ``"regression"``."""
        return "classification" if self.class_names else "regression"

    def apply(self, table: Table) -> Array:
        """The features of `table` as raw numbers, shape (rows, features); other columns are ignored.

        Raises
        ------
        DataError
            A feature is missing, or one of its cells is no number.
        """
        return np.stack([_numbers(table, name) for name in self.feature_names], axis=1)

    def dataset(self, table: Table) -> Dataset:
        """Features and target of `table` as raw numbers."""
        X = self.apply(table)
        _refuse_missing(table, self.target)
        y = self._class_numbers(table) if self.class_names else _numbers(table, self.target)
        return Dataset(X, y, None, self.feature_names, self.class_names, table.path)

    def _class_numbers(self, table: Table) -> Array:
        number = {name: c for c, name in enumerate(self.class_names)}
        try:
            return np.array([number[label] for label in _column(table, self.target)])
        except KeyError as unknown:
            label = unknown.args[0]
            row = int(np.argmax(table.columns[self.target] == label))
            raise DataError(
                f"{table.place(row, self.target)}: {label!r} is not among the classes the model knows: "
                f"{', '.join(self.class_names)}; correct it or remove the row"
            ) from None

    # -------------------------------------------------------------------------------------- transforming

    def standardise(self, X: Array) -> Array:
        """``(X - mean) / scale`` for each column."""
        if X.shape[1] != len(self.mean):
            raise ShapeError(f"X has {X.shape[1]} columns but the plan has {len(self.mean)} features")
        standardised: Array = (X - np.array(self.mean)) / np.array(self.scale)
        return standardised.astype(X.dtype, copy=False)

    def transform(self, dataset: Dataset) -> Dataset:
        """`dataset` with standardised features and, for regression, standardised target."""
        y = dataset.y
        if self.task == "regression":
            columns = y.reshape(len(dataset), -1)
            columns = (columns - np.array(self.target_mean)) / np.array(self.target_scale)
            y = columns.reshape(y.shape).astype(y.dtype, copy=False)
        return replace(dataset, X=self.standardise(dataset.X), y=y)

    def inverse_target(self, y: Array) -> Array:
        """Quantities in the target's own unit from standardised ones; class numbers as they are."""
        if self.task == "classification":
            return y
        columns: Array = y.reshape(len(y), -1) * np.array(self.target_scale) + np.array(self.target_mean)
        return columns.reshape(y.shape)

    # ------------------------------------------------------------------------------------ saving, showing

    def config(self) -> dict[str, Any]:
        """Everything, as JSON can hold it.

        >>> plan = Preparation.of(Dataset([[1.0], [3.0]], [10.0, 30.0]))
        >>> Preparation.from_config(plan.config()) == plan
        True
        """
        return {key: value if isinstance(value, str) else list(value) for key, value in vars(self).items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Preparation":
        """The plan that `config` describes.

        Raises
        ------
        ConfigurationError
            An entry is missing, unknown, of the wrong type, or has the wrong length.
        """
        if not isinstance(config, dict) or set(config) != set(cls.__dataclass_fields__):
            raise ConfigurationError("the preparation must have exactly the entries that config() gives")
        for key, value in config.items():
            kind = float if key in ("mean", "scale", "target_mean", "target_scale") else str
            items = [value] if key == "target" else value
            if not isinstance(items, list) or not all(type(item) is kind for item in items):
                raise ConfigurationError(f"the preparation's {key} must hold values of type {kind.__name__}")
            if kind is float and not all(map(math.isfinite, items)):
                raise ConfigurationError(f"the preparation's {key} holds a number that is not finite")
        given: dict[str, Any] = {k: v if isinstance(v, str) else tuple(v) for k, v in config.items()}
        plan = cls(**given)
        fits = len(plan.feature_names) == len(plan.mean) == len(plan.scale)
        fits_target = len(plan.target_mean) == len(plan.target_scale) and (
            bool(plan.target_mean) != bool(plan.class_names)
        )
        if not plan.feature_names or not fits or not fits_target:
            raise ConfigurationError("the preparation's names, means and scales do not fit together")
        return plan

    def describe(self) -> list[tuple[str, str, str]]:
        """For each column: name, role, and what is done with it.

        >>> Preparation.of(Dataset([[1.0], [3.0]], [10.0, 30.0])).describe()
        [('x1', 'feature', 'mean 2, scale 1'), ('target', 'target', 'mean 20, scale 10')]
        """
        rows = [
            (name, "feature", "constant" if name in self.constant else f"mean {m:.4g}, scale {s:.4g}")
            for name, m, s in zip(self.feature_names, self.mean, self.scale, strict=True)
        ]
        if self.class_names:
            shown = ", ".join(self.class_names[:8]) + (", ..." if len(self.class_names) > 8 else "")
            return [*rows, (self.target, "target", f"{len(self.class_names)} classes: {shown}")]
        quantities = [
            (self.target, "target", f"mean {m:.4g}, scale {s:.4g}")
            for m, s in zip(self.target_mean, self.target_scale, strict=True)
        ]
        return rows + quantities


def _column(table: Table, name: str) -> Array:
    if name not in table.columns:
        raise DataError(f"{table.path}: there is no column {name!r}; {did_you_mean(name, list(table.names))}")
    return table.columns[name]


def _refuse_missing(table: Table, name: str) -> None:
    missing = _column(table, name) == ""
    if missing.any():
        row, count = int(np.argmax(missing)), int(np.count_nonzero(missing))
        more = f" ({count} cells of this column are empty)" if count > 1 else ""
        raise DataError(f"{table.place(row, name)}: the value is missing{more}; fill it in or remove the row")


def _numbers(table: Table, name: str) -> Array:
    """A column as finite numbers."""
    cells = _column(table, name)
    _refuse_missing(table, name)
    try:
        values = cells.astype(np.float64)
        wrong = ~np.isfinite(values) | np.array(["_" in cell for cell in cells])  # Python reads 1_000
    except ValueError:
        wrong = np.array([_not_a_number(cell) for cell in cells])
    if wrong.any():
        row, count = int(np.argmax(wrong)), int(np.count_nonzero(wrong))
        more = f" ({count} of {len(cells)} cells are not)" if count > 1 else ""
        raise DataError(f"{table.place(row, name)}: {_shown(cells[row])} is not a number{more}; {_remedy(cells[row])}")
    return values


def _not_a_number(cell: str) -> bool:
    try:
        return "_" in cell or not math.isfinite(float(cell))
    except ValueError:
        return True


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")


def _remedy(cell: str) -> str:
    if not _not_a_number(cell.replace(",", ".", 1)):
        return "write decimals with a point, as in 1.5"
    return "correct it, or remove the column"


def _is_whole(cells: Array) -> bool:
    return all(not _not_a_number(cell) and float(cell).is_integer() for cell in cells)


def _classes(table: Table, target: str, task: Task | None) -> tuple[str, ...]:
    """The class names in order, numbers by size; none if the target is a quantity."""
    cells = table.columns[target]
    labels = sorted(set(cells))
    numeric = not any(_not_a_number(label) for label in labels)
    if task is None:
        few = len(labels) <= min(FEW_CLASSES, len(cells) // 2) and _is_whole(np.array(labels, dtype=object))
        task = "classification" if few or not numeric else "regression"
    if len(labels) < 2:
        raise DataError(
            f"{table.path}: the target {target!r} is {_shown(labels[0])} in every row; "
            "there is nothing to learn, choose another target"
        )
    if task == "regression":
        return ()
    if len(labels) > len(cells) / 2:
        raise DataError(
            f"{table.path}: the target {target!r} has {len(labels)} different values in {len(cells)} rows; "
            "a class needs several rows, choose another target" + (" or task regression" if numeric else "")
        )
    return tuple(sorted(labels, key=float) if numeric else labels)


def _moments(columns: Array, names: tuple[str, ...]) -> tuple[tuple[float, ...], tuple[float, ...], list[bool]]:
    """Mean, scale, and whether constant, of each column."""
    values = columns.astype(np.float64)
    constant = values.min(axis=0) == values.max(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):  # reported below, by name
        mean, scale = values.mean(axis=0), values.std(axis=0)
    scale = np.where(constant | (scale == 0), 1.0, scale)
    for column in np.flatnonzero(~np.isfinite(mean) | ~np.isfinite(scale)):
        largest = float(np.abs(values[:, column]).max())
        raise DataError(
            f"column {names[column]!r} has values up to {largest:.3g}, too large to standardise; rescale it"
        )
    return tuple(mean.tolist()), tuple(scale.tolist()), constant.tolist()
