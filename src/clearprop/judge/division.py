"""Which rows a run learns from, which say when to stop, and which judge.

By default they are drawn at random. Where rows of one person, or one shop, are alike, a network can know the test rows'
owner, and whole groups belong on one side (`group:COLUMN`). Where new rows will be later ones, the past has to predict
what came after it (`time:COLUMN`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from clearprop._registry import did_you_mean
from clearprop._types import Array
from clearprop.data import Dataset, Preparation, Table
from clearprop.data.columns import Date
from clearprop.data.splits import at_random, check_split, latest, part_of, whole_groups
from clearprop.errors import ConfigurationError, DataError

LEAST_TIMES = 10
"""So many different times in the order of the rows are no accident."""
_TIME_WORDS = re.compile(
    r"(^|[\W_])(date|time|datetime|timestamp|year|month|week|day)s?($|[\W_])|年|月|日期|时间", re.I
)
_MOST_NAMES = 5  # of columns looked at, of classes named


@dataclass(frozen=True, eq=False)
class Division:
    """How rows are divided.

    Attributes
    ----------
    kind : {"random", "time", "group"}
    column : str
        Which says when a row was, or to which group it belongs.
    keys : array or None
        What it says, for each row.
    dates : bool
        Whether the keys are days since 1970.
    left_out : bool
        Whether the column is left out of the features.
    """

    kind: Literal["random", "time", "group"] = "random"
    column: str = ""
    keys: Array | None = None
    dates: bool = False
    left_out: bool = False

    def split(self, data: Dataset, rows: Array, fraction: float, seed: int) -> tuple[Array, Array]:
        """Of the `rows` of `data` those that stay, and a part with about that fraction of them."""
        part = part_of(len(rows), fraction, data.name)
        try:
            if self.keys is None:
                classes = data.y[rows] if data.task == "classification" else None
                rest, chosen = at_random(len(rows), part, seed, classes)
            elif self.kind == "time":
                rest, chosen = latest(self.keys[rows], part)
            else:
                rest, chosen = whole_groups(self.keys[rows], part, seed)
        except DataError as error:
            left = "" if len(rows) == len(data) else f" of the {len(rows)} that are not for testing"
            raise DataError(
                f"{data.name}: column {self.column!r}: {error}{left}, so none can be put aside; split by another "
                "column, or give rows of their own (--test FILE, --validation FILE)"
            ) from None
        return rows[rest], rows[chosen]

    def about(self, parts: Mapping[str, Array]) -> str:
        """How the rows were divided, in a sentence; `parts` are the rows of each part that was split off."""
        if self.keys is None:
            return "at random"
        fate = "is left out of the features" if self.left_out else "stays a feature"
        if self.kind == "time":
            begins = [f"{name} from {self._shown(self.keys[rows].min())} on" for name, rows in parts.items()]
            return f"in time, by {self.column!r}: {', '.join(begins)}; {self.column!r} {fate}"
        counts = [f"{len(np.unique(self.keys[rows]))} for {name}" for name, rows in parts.items()]
        groups = len(np.unique(self.keys))
        return f"by whole groups of {self.column!r}, {groups} in all: {', '.join(counts)}; {self.column!r} {fate}"

    def _shown(self, key: float) -> str:
        if not self.dates:
            return f"{key:.12g}"
        moment = str(np.datetime64(round(key * 86400), "s"))
        return moment.removesuffix("T00:00:00").replace("T", " ")


def division_of(table: Table, target: str, split: str | None, options: Mapping[str, Any]) -> Division:
    """What `split` asks for; `options` say how columns are read (see `Preparation.fit`).

    The column itself is left out of the features: new rows are of groups, and of times, that training never saw. A time
    stays if its kind is given.

    Raises
    ------
    DataError
        No such column, an empty cell, times that are neither numbers nor dates, or only one time or group.
    """
    kind, column = check_split(split)
    if kind == "random":
        return Division()
    target, column = table.name_of(target), table.name_of(column)
    if column not in table.names:
        known = did_you_mean(column, list(table.names))
        raise DataError(f"{table.path}: there is no column {column!r} to split by; {known}")
    if column == target:
        raise ConfigurationError(f"split: {column!r} is the column to predict; split by another one")
    _refuse_gaps(table, column)
    if kind == "group":
        return Division("group", column, _groups(table, column), left_out=True)
    keys, dates = _times(table, target, column, options)
    return Division("time", column, keys, dates, left_out=column in options["drop"] or column not in options["kinds"])


def _refuse_gaps(table: Table, column: str) -> None:
    empty = table.first(column, f"{table.cell(column).text} IS NULL")
    if empty:
        row, _, count = empty
        more = f" ({count} cells of this column are empty)" if count > 1 else ""
        raise DataError(
            f"{table.place(row, column)}: the value is missing{more}, so it is not known where the row belongs; fill "
            f"it in, or leave the row out: --sql 'SELECT * FROM data WHERE \"{column}\" IS NOT NULL'"
        )


def _groups(table: Table, column: str) -> Array:
    """Group numbers. 1 and 1.0 are one group, and so are Anna and anna: who are the same must not be on both sides."""
    numbers = np.asarray(table.values(f"coalesce({table.cell(column).number}, 'nan'::DOUBLE)"), dtype=np.float64)
    if np.isnan(numbers).any():
        words = [" ".join(text.split()).casefold() for text in table.text(column)]
        return np.unique(words, return_inverse=True)[1]
    return np.unique(numbers, return_inverse=True)[1]


def _times(table: Table, target: str, column: str, options: Mapping[str, Any]) -> tuple[Array, bool]:
    """A number for each row, which grows with time, and whether it is days."""
    others = tuple(name for name in table.names if name not in (target, column))
    errors = []
    for kind in ("number", "date"):
        alone = {**options, "drop": others, "kinds": {column: kind}, "dates": "expand", "missing": "refuse"}
        try:
            plan, rows = Preparation.settle(table, target, **alone)
        except DataError as error:
            errors.append(str(error))
            continue
        (found,) = plan.columns
        number = found.features.index(f"{column} days") if isinstance(found, Date) else 0
        return rows.X[:, number], isinstance(found, Date)
    if errors[0] == errors[1]:  # it is the target's
        raise DataError(errors[0])
    numbers = table.first(column, f"({table.cell(column).number}) IS NOT NULL")
    reason = errors[0 if numbers else 1].rpartition("; ")[0]
    raise DataError(f"{reason}; a column to split by in time must be all numbers or all dates")


def time_order(table: Table, target: str, plan: Preparation, options: Mapping[str, Any]) -> str | None:
    """The column of times that the rows are in the order of, if there is one."""
    dates: list[str] = [column.name for column in plan.columns if isinstance(column, Date)]
    named = [name for name in table.names if _TIME_WORDS.search(name)]
    dropped: tuple[str, ...] = options["drop"]
    candidates = dict.fromkeys(name for name in (*dates, *named, *dropped) if name != target)
    for name in list(candidates)[:_MOST_NAMES]:
        try:
            _refuse_gaps(table, name)
            times, are_dates = _times(table, target, name, options)
        except DataError:
            continue
        steps = np.diff(times)
        ordered = len(np.unique(times)) >= LEAST_TIMES and (np.all(steps >= 0) or np.all(steps <= 0))
        if ordered and (are_dates or name in named):
            return name
    return None


def absences(data: Dataset, parts: Mapping[str, Dataset]) -> str | None:
    """Which classes have too few rows to be in every part."""
    if data.task == "regression":
        return None
    there = np.bincount(data.y, minlength=data.n_classes)
    lacking = {name: np.bincount(part.y, minlength=data.n_classes) == 0 for name, part in parts.items()}
    short = np.flatnonzero((there > 0) & np.any(list(lacking.values()), axis=0))
    if not len(short):
        return None
    about = []
    for c in short[:_MOST_NAMES]:
        places = " and ".join(name for name, absent in lacking.items() if absent[c])
        about.append(f"{data.target_names[c]!r} ({there[c]} {'row' if there[c] == 1 else 'rows'}): none for {places}")
    more = f"; and {len(short) - _MOST_NAMES} more classes" if len(short) > _MOST_NAMES else ""
    return (
        f"{data.name}: classes without rows in some part: {'; '.join(about)}{more}; what is said of these classes "
        "means little, so collect more rows of them, or leave them out"
    )


def far_from_wanted(name: str, rows: int, of: int, fraction: float) -> str | None:
    """That a part is much larger or smaller than asked for, because rows that belong together are."""
    wanted = max(round(fraction * of), 1)
    if wanted / 1.5 <= rows <= 1.5 * wanted:
        return None
    return (
        f"{rows} of {of} rows are for {name}, where {wanted} were asked for: rows that belong together are not parted"
    )
