"""How a table's columns become the numbers a network trains on, and how its answers become words again.

The plan says what each column is (see `columns`), which columns are left out and why, and what the target is: a
class name or a quantity. Numbers are standardised as ``(x - mean) / scale``. The plan is saved with the model, so
that a prediction treats new rows exactly as training treated the old ones. Mean, scale and the medians that fill
gaps must come from the training rows alone (a test row that has shaped its own scale is no longer unseen), hence
the two steps: `Preparation.settle` looks at all rows to settle what the columns are, and reads them, once;
`fit_statistics` measures the training part of what was read. `fit` does both, for a table of training rows alone.
"""

import shlex
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from clearprop._registry import did_you_mean, listed
from clearprop._types import Array
from clearprop.data.arrays import refuse_sparse
from clearprop.data.columns import MISSING, Category, Column, Number, Read, Unseen
from clearprop.data.database import too_large
from clearprop.data.dataset import Dataset, Task
from clearprop.data.kinds import Kind, Said, judge
from clearprop.data.numbers import PLAIN, NumberStyle, check_marks
from clearprop.data.plan_config import plan_config, plan_from_config
from clearprop.data.table import Table
from clearprop.data.target import Target, class_numbers, known_targets, quantities, target_of, with_targets
from clearprop.errors import ConfigurationError, DataError, DataWarning, SeveralDataErrors, ShapeError
from clearprop.files.memory import free_memory

_KINDS = ("number", "yes/no", "category", "date", "time")
_COPIES_TRAINING, _COPIES_READING = 5, 2  # of the prepared matrix: its parts, standardised and not
_MOST_NOTES = 20  # columns that are spoken of one by one


@dataclass(frozen=True)
class Preparation:
    """The plan for each column.

    Attributes
    ----------
    columns : tuple of Column
        The columns that go into the network, in this order.
    target : str
        The column to predict.
    class_names : tuple of str
        What the class numbers mean, in order; empty for regression.
    missing : {"refuse", "median"}
        What becomes of gaps: they are refused, or filled (see `settle`).
    fill : tuple of float
        For each feature, what stands in a gap: the median. Empty if gaps are refused.
    mean, scale : tuple of float
        Of each feature; 0 and 1 for a feature that stays as it is. Empty before the training rows are measured.
    target_mean, target_scale : tuple of float
        Of each quantity to predict; empty for classification.
    constant : tuple of str
        Columns that had the same value in every training row, so cannot help.
    left_out : tuple of (str, str)
        Columns of the table that are not used, and why.
    target_style : NumberStyle
        How the target's numbers are written.
    notes : tuple of str
        What should be known of how the table was read.
    gaps : tuple of (str, int)
        Columns that had gaps to fill, and how many.

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

    columns: tuple[Column, ...]
    target: str
    class_names: tuple[str, ...] = ()
    missing: Literal["refuse", "median"] = "refuse"
    fill: tuple[float, ...] = ()
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    target_mean: tuple[float, ...] = ()
    target_scale: tuple[float, ...] = ()
    constant: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    target_style: NumberStyle = PLAIN
    notes: tuple[str, ...] = ()
    gaps: tuple[tuple[str, int], ...] = ()

    # ------------------------------------------------------------------------------------------ fitting

    @classmethod
    def fit(cls, table: Table, target: str, task: Task | None = None, **how: Any) -> "Preparation":
        """The plan for a table of training rows: `settle` (which see for what `how` may hold), and all rows measured.

        If some of the rows are to judge on, settle all and measure the others with `fit_statistics`.
        """
        plan, rows = cls.settle(table, target, task, **how)
        return plan.fit_statistics(rows)

    @classmethod
    def settle(
        cls,
        table: Table,
        target: str,
        task: Task | None = None,
        *,
        dates: Literal["refuse", "expand"] = "refuse",
        missing: Literal["refuse", "median"] = "refuse",
        drop: Sequence[str] = (),
        kinds: Mapping[str, Kind] | None = None,
        decimal: Literal[".", ","] | None = None,
        thousands: str | None = None,
        day_first: bool | None = None,
    ) -> tuple["Preparation", Dataset]:
        """Settle what each column of `table` is, and read it: a plan without statistics, and the rows as raw numbers.

        Where a gap will be filled in, the median of all rows stands for now; `transform` puts the plan's there.

        Text in the target means classes, and so do at most 20 distinct whole numbers; other numbers are
        quantities. Of the other columns, those that are constant, empty or identifiers are left out, the last
        with a warning. All columns that cannot be used as they are are refused together.

        Parameters
        ----------
        table : Table
            All rows.
        target : str
            The column to predict.
        task : {"classification", "regression"}, optional
            Overrules what the target's values suggest.
        dates : {"refuse", "expand"}
            Dates are refused, or become year, month, weekday, season and days.
        missing : {"refuse", "median"}
            Gaps are refused, or filled: with the column's median, a feature telling that it was filled; in a
            category a gap is a value of its own. In columns of numbers, words such as ``NA`` are gaps too. Rows without
            a target are left out.
        drop : sequence of str
            Columns to leave out.
        kinds : mapping, optional
            Column -> ``"number"``, ``"yes/no"``, ``"category"``, ``"date"`` or ``"time"``, where the cells mislead.
        decimal, thousands : str, optional
            What stands before the decimals of numbers, ``"."`` or ``","``, and between groups of three digits, where
            the cells can be read in two ways.
        day_first : bool, optional
            Whether 03/04/2005 is the third of April, where the cells can be read in two ways.

        Raises
        ------
        DataError
            No such column, no usable column but the target, a missing or unreadable cell, a date, a target
            with one value, or more numbers than memory holds.
        ConfigurationError
            An option that does not exist.
        """
        target = table.name_of(target)
        drop = drop if isinstance(drop, str) else [table.name_of(name) for name in drop]
        kinds = {table.name_of(name): kind for name, kind in (kinds or {}).items()}
        _check_options(
            table, target, dates=dates, missing=missing, drop=drop, kinds=kinds, decimal=decimal, thousands=thousands
        )
        said = Said(kinds, dates == "expand", missing == "median", decimal, thousands, day_first)
        table = known_targets(table, target, said)
        names = [name for name in table.names if name != target]
        found = judge(table, [name for name in names if name not in drop], said, alone=len(names) == 1)
        refused = found.refused
        aim = Target(())
        try:
            aim = target_of(table, target, task, said)
        except DataError as error:
            refused[target] = error
        left_out = found.left_out | dict.fromkeys(drop, "as asked")
        plan = cls(
            tuple(found.columns[name] for name in names if name in found.columns),
            target,
            aim.classes,
            missing,
            left_out=tuple((name, left_out[name]) for name in names if name in left_out),
            target_style=aim.style,
            notes=(
                *table.notes,
                *_notes(table, found.notes | ({target: aim.note} if aim.note else {})),
            ),
            gaps=tuple((name, found.gaps[name]) for name in names if found.gaps.get(name)),
        )
        if refused:
            for column, values in plan._read(table, Unseen()):  # what is wrong with the other columns is said as well
                if isinstance(values, DataError):
                    refused[column.name] = values
            raise _refusal(table, refused)
        if not plan.columns:
            reasons = "".join(f"; {name!r} is left out ({reason})" for name, reason in plan.left_out)
            raise DataError(
                f"{table.path}: there is no column but the target {target!r} to learn from{reasons}; add one"
            )
        _warn_of_identifiers(plan.left_out)
        return plan, plan.dataset(table)

    @classmethod
    def of(cls, dataset: Dataset) -> "Preparation":
        """The plan for training rows that are numbers already."""
        return cls.unmeasured(dataset).fit_statistics(dataset)

    @classmethod
    def unmeasured(cls, dataset: Dataset) -> "Preparation":
        """The plan for a data set that is numbers already, without statistics."""
        return cls(tuple(map(Number, dataset.feature_names)), "target", dataset.target_names)

    def fit_statistics(self, dataset: Dataset) -> "Preparation":
        """The same plan with medians, mean and scale of `dataset`, which holds raw values."""
        refuse_sparse(dataset.X, "standardisation")  # less its mean, hardly any feature stays zero
        X = dataset.X
        fill = self._medians(X) if self.fills else ()
        measured = replace(self, fill=fill)
        mean, scale, same = _moments(measured._filled(X), self.feature_names)
        scaled = np.concatenate([column.scaled for column in self.columns])
        constant = tuple(name for name, part in self.groups if all(same[part]))
        measured = replace(
            measured,
            mean=tuple(np.where(scaled, mean, 0.0).tolist()),
            scale=tuple(np.where(scaled, scale, 1.0).tolist()),
            constant=constant,
        )
        if self.task == "classification":
            return measured
        columns = dataset.y.reshape(len(dataset), -1)
        target_mean, target_scale, _ = _moments(columns, (self.target,) * columns.shape[1])
        return replace(measured, target_mean=tuple(target_mean.tolist()), target_scale=tuple(target_scale.tolist()))

    def _medians(self, X: Array) -> tuple[float, ...]:
        """Of each feature, over the rows where it was not filled in."""
        fill = []
        for column, (_, part) in zip(self.columns, self.groups, strict=True):
            if isinstance(column, Category):  # its gaps are a value
                fill += [0.0] * len(column.features)
                continue
            known = X[:, part][X[:, part.stop - 1] == 0] if column.indicator else X[:, part]
            fill += np.median(known, axis=0).tolist() if len(known) else [0.0] * (part.stop - part.start)
        return tuple(fill)

    # ------------------------------------------------------------------------------------------- reading

    @property
    def task(self) -> Task:
        """``"classification"`` or ``"regression"``."""
        return "classification" if self.class_names else "regression"

    @property
    def fills(self) -> bool:
        """Whether gaps are filled."""
        return self.missing == "median"

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns of `X`."""
        return tuple(name for column in self.columns for name in column.features)

    @property
    def groups(self) -> list[tuple[str, slice]]:
        """For each column of the table, the columns of `X` made of it.

        >>> Preparation.of(Dataset([[1.0, 2.0]], [3.0])).groups
        [('x1', slice(0, 1, None)), ('x2', slice(1, 2, None))]
        """
        groups, start = [], 0
        for column in self.columns:
            stop = start + len(column.features)
            groups.append((column.name, slice(start, stop)))
            start = stop
        return groups

    def apply(self, table: Table) -> Array:
        """The features of `table` as raw numbers, shape (rows, features); other columns are ignored.

        Gaps are filled in, if the plan fills them. Words, and gaps, that the training rows did not have are warned of.

        Raises
        ------
        DataError
            A column is missing, some cells do not fit, or there are more numbers than memory holds.
        """
        (X,) = self.batches(table, len(table))
        return X

    def batches(self, table: Table, rows: int) -> Iterator[Array]:
        """`apply` for at most so many rows at a time; what is new in them is warned of once, at the end."""
        unseen = Unseen()
        for part in table.batches(rows):
            yield self._features(part, unseen)
        for sentence in unseen.sentences(table.path):
            warnings.warn(sentence, DataWarning, stacklevel=2)

    def _features(self, table: Table, unseen: Unseen) -> Array:
        self._check_size(table, _COPIES_READING)
        X = np.empty((len(table), len(self.feature_names)))
        fill = np.array(self.fill)
        parts = dict(self.groups)
        refused = {}
        for column, values in self._read(table, unseen):
            if isinstance(values, DataError):
                refused[column.name] = values
                continue
            part = parts[column.name]
            gaps = np.isnan(values)
            if gaps.any():
                # While the plan is being made, its medians are not known: those of the table stand in.
                median = fill[part] if self.fill else np.nan_to_num(_nan_median(values))
                values = np.where(gaps, median, values)
                if self.fill and not column.indicator:
                    unseen.gap(column, int(gaps[:, 0].sum()))
            X[:, part] = values
        if refused:
            raise _refusal(table, refused)
        return X

    def _read(self, table: Table, unseen: Unseen) -> Iterator[Read]:
        """The columns of each kind together, with their features or why they cannot be read."""
        kinds: dict[type[Any], list[Column]] = {}
        missing = 0
        for column in self.columns:
            if column.name in table.cells:
                kinds.setdefault(type(column), []).append(column)
                continue
            missing += 1
            try:  # with the nearest name, if it is worth the search
                table.cell(column.name if missing <= SeveralDataErrors.SHOWN else "")
            except DataError as error:
                yield column, error
        for kind, columns in kinds.items():
            yield from kind.read(table, columns, fill=self.fills, unseen=unseen)

    def dataset(self, table: Table) -> Dataset:
        """Features and target of `table` as raw numbers; if the plan fills gaps, of the rows that have a target."""
        if self.fills:
            found = with_targets(table, self.target, self.class_names)
            for note in found.notes[len(table.notes) :]:
                warnings.warn(f"{table.path}: {note}", DataWarning, stacklevel=2)
            table = found
        self._check_size(table, _COPIES_TRAINING)
        refused: list[DataError] = []
        X = y = np.empty(0)
        try:
            X = self.apply(table)
        except DataError as error:
            refused += error.errors if isinstance(error, SeveralDataErrors) else [error]
        try:
            y = self._target(table)
        except DataError as error:
            refused.append(error)
        if refused:
            raise refused[0] if len(refused) == 1 else SeveralDataErrors(table.path, refused)
        return Dataset(X, y, None, self.feature_names, self.class_names, table.path)

    def _target(self, table: Table) -> Array:
        if self.class_names:
            return class_numbers(table, self.target, self.class_names, self.target_style)
        return quantities(table, self.target, self.target_style)

    def _check_size(self, table: Table, copies: int) -> None:
        """Refuse what cannot fit, before the system notices."""
        needed = 8 * len(table) * len(self.feature_names) * copies
        if needed > free_memory():
            what = f"{table.path}: {len(table)} rows of {len(self.feature_names)} numbers"
            raise too_large(what, needed)

    # -------------------------------------------------------------------------------------- transforming

    def _filled(self, X: Array) -> Array:
        """`X` with the plan's own medians where gaps were filled in with another's."""
        if not self._indicated:
            return X
        X = X.copy()
        for values in self._indicated:
            X[X[:, values.stop] == 1, values] = self.fill[values]
        return X

    @cached_property
    def _indicated(self) -> list[slice]:
        """The features that may have been filled in, each group before the feature that says so."""
        parts = [part for column, (_, part) in zip(self.columns, self.groups, strict=True) if column.indicator]
        return [slice(part.start, part.stop - 1) for part in parts] if self.fill else []

    def standardise(self, X: Array) -> Array:
        """``(X - mean) / scale`` for each column."""
        self._check_measured()
        refuse_sparse(X, "standardisation")
        if X.shape[1] != len(self.mean):
            raise ShapeError(f"X has {X.shape[1]} columns but the plan has {len(self.mean)} features")
        standardised: Array = self._filled(X) - np.array(self.mean)
        standardised /= np.array(self.scale)
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
        self._check_measured()
        columns: Array = y.reshape(len(y), -1) * np.array(self.target_scale) + np.array(self.target_mean)
        return columns.reshape(y.shape)

    def _check_measured(self) -> None:
        if not self.mean:
            raise ConfigurationError(
                "the plan has no means and scales yet; measure the rows to learn from: plan.fit_statistics(training)"
            )

    # ------------------------------------------------------------------------------------ saving, showing

    def config(self) -> dict[str, Any]:
        """Everything, as JSON can hold it.

        >>> plan = Preparation.of(Dataset([[1.0], [3.0]], [10.0, 30.0]))
        >>> Preparation.from_config(plan.config()) == plan
        True
        """
        self._check_measured()
        return plan_config(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Preparation":
        """The plan that `config` describes.

        Raises
        ------
        ConfigurationError
            An entry is missing, unknown, of the wrong type, or has the wrong length.
        """
        return plan_from_config(cls, config)

    def describe(self) -> list[tuple[str, str, str]]:
        """For each column of the table: name, kind, and what is done with it; the target comes last.

        >>> Preparation.of(Dataset([[1.0], [3.0]], [10.0, 30.0])).describe()
        [('x1', 'number', 'mean 2, scale 1'), ('target', 'target', 'mean 20, scale 10')]
        """
        self._check_measured()
        rows = [
            (column.name, column.kind, self._treatment(column, part))
            for column, (_, part) in zip(self.columns, self.groups, strict=True)
        ]
        rows += [(name, "left out", reason) for name, reason in self.left_out]
        if self.class_names:
            shown = listed(self.class_names, 8)
            return [*rows, (self.target, "target", f"{len(self.class_names)} classes: {shown}")]
        moments = zip(self.target_mean, self.target_scale, strict=True)
        style = f"; {self.target_style.describe()}" if self.target_style != PLAIN else ""
        return rows + [(self.target, "target", f"mean {m:.4g}, scale {s:.4g}{style}") for m, s in moments]

    def _treatment(self, column: Column, part: slice) -> str:
        if column.name in self.constant:
            return "constant in the training rows"
        text = column.summary()
        if isinstance(column, Number):
            style = column.style.describe()
            text = f"mean {self.mean[part][0]:.4g}, scale {self.scale[part][0]:.4g}" + (f"; {style}" if style else "")
        count = dict(self.gaps).get(column.name)
        gaps = "gaps" if count is None else f"{count} gap{'s' if count > 1 else ''}"  # older plans have no counts
        if column.indicator:
            text += f"; {gaps} filled with {', '.join(f'{value:.4g}' for value in self.fill[part][:-1])}, and noted"
        elif isinstance(column, Category) and column.missing:
            text += f"; {gaps} as {MISSING}"
        return text


def _check_options(
    table: Table,
    target: str,
    *,
    dates: object,
    missing: object,
    drop: Sequence[str],
    kinds: Mapping[str, object],
    decimal: str | None,
    thousands: str | None,
) -> None:
    if dates not in ("refuse", "expand"):
        raise ConfigurationError(f"dates={dates!r} must be 'refuse' or 'expand'")
    if missing not in ("refuse", "median"):
        raise ConfigurationError(f"missing={missing!r} must be 'refuse' or 'median'")
    check_marks(decimal, thousands)
    if isinstance(drop, str):
        raise ConfigurationError(f"drop={drop!r} must be a list of column names: [{drop!r}]")
    table.cell(target)
    for name in (*drop, *kinds):
        table.cell(name)
        if name == target:
            raise ConfigurationError(f"{name!r} is the target; it can neither be dropped nor given a kind")
    for name, kind in kinds.items():
        if kind not in _KINDS:
            raise ConfigurationError(f"column {name!r} cannot be {kind!r}; {did_you_mean(str(kind), list(_KINDS))}")


def _refusal(table: Table, refused: Mapping[str, DataError]) -> DataError:
    """One error for all columns that cannot be used, in the table's order, after those that it lacks."""
    places = {name: place for place, name in enumerate(table.names)}
    errors = [refused[name] for name in sorted(refused, key=lambda name: places.get(name, -1))]
    return errors[0] if len(errors) == 1 else SeveralDataErrors(table.path, errors)


def _notes(table: Table, notes: Mapping[str, str]) -> Iterator[str]:
    """What should be known of the columns, in the table's order."""
    found = [f"column {listed([name])!r}: {notes[name]}" for name in table.names if name in notes]
    yield from found[:_MOST_NOTES]
    if len(found) > _MOST_NOTES:
        yield f"{len(found) - _MOST_NOTES} more columns have values that are written in several ways"


def _warn_of_identifiers(left_out: Sequence[tuple[str, str]]) -> None:
    """Say which columns seem to name the rows, and how to keep them."""
    found = [(name, reason) for name, reason in left_out if reason.startswith("identifier")]
    for name, reason in found[:_MOST_NOTES]:
        warnings.warn(
            f"column {name!r} is left out ({reason}); if it means something, say what it is: "
            f"kinds={{{name!r}: 'number'}} (--kind {shlex.quote(f'{name}=number')}) or category",
            DataWarning,
            stacklevel=3,
        )
    if len(found) > _MOST_NOTES:
        more = listed([name for name, _ in found[_MOST_NOTES:]], 8)
        warnings.warn(
            f"{len(found) - _MOST_NOTES} more columns are left out as identifiers: {more}; if they mean something, say "
            "what they are (--kind COLUMN=number or category)",
            DataWarning,
            stacklevel=3,
        )


def _nan_median(values: Array) -> Array:
    """The median of each column over what is not NaN; NaN if nothing is."""
    return np.array([np.median(known) if (known := v[~np.isnan(v)]).size else np.nan for v in values.T])


def _moments(columns: Array, names: tuple[str, ...]) -> tuple[Array, Array, Array]:
    """Mean, scale, and whether constant, of each column."""
    values = columns.astype(np.float64, copy=False)
    constant = values.min(axis=0) == values.max(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):  # reported below, by name
        mean, scale = values.mean(axis=0), values.std(axis=0)
    scale = np.where(constant | (scale == 0), 1.0, scale)
    for column in np.flatnonzero(~np.isfinite(mean) | ~np.isfinite(scale)):
        largest = float(np.abs(values[:, column]).max())
        raise DataError(
            f"column {names[column]!r} has values up to {largest:.3g}, too large to standardise; rescale it"
        )
    return mean, scale, constant
