"""How cells become numbers, in nothing but NumPy: the text that `to_numpy` copies into what it writes.

It says once more, for lists, what `clearprop.data.columns` says in SQL for tables of any size; a test compares them.
"""

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clearprop._types import Array

Rows = Mapping[str, Sequence[Any]]

MISSING_WORDS = ("na", "n/a", "#n/a", "nan", "null", "none", "?", "-")


def column(rows: Rows, name: str) -> list[str]:
    """The cells of a column as text; a missing one, which may be None, NaN, NaT or NA, is ''."""
    arrow = hasattr(type(rows), "column_names")  # a table of which `in` looks for no names
    if name not in (rows.column_names if arrow else rows):  # type: ignore[attr-defined]
        raise ValueError(f"there is no column {name!r}")
    cells = rows[name].to_pylist() if arrow else rows[name]  # type: ignore[attr-defined]
    missing = [cell is None or (not isinstance(cell, str) and str(cell) in ("nan", "NaT", "<NA>")) for cell in cells]
    return ["" if gap else str(cell).strip(" \t") for cell, gap in zip(cells, missing, strict=True)]


def filled(name: str, values: list[Any], cells: list[str], fill: Any, noted: bool) -> Array:
    """The numbers, `fill` where there is none; a number more says where, if `noted`."""
    numbers = np.array(values, dtype=float).reshape(len(cells), -1)
    gaps = np.isnan(numbers[:, 0])
    for row in np.flatnonzero(gaps):
        if fill is None and cells[row] == "":
            raise ValueError(f"column {name!r}, row {row + 1}: the value is missing")
        if cells[row] != "" and (fill is None or cells[row].lower() not in MISSING_WORDS):
            raise ValueError(f"column {name!r}, row {row + 1}: {cells[row]!r} cannot be used")
    if fill is not None:
        numbers[gaps] = fill
    return np.column_stack([numbers, gaps]) if noted else numbers


def number(rows: Rows, name: str, fill: Any = None, noted: bool = False) -> Array:
    """A column of numbers."""

    def read(cell: str) -> float:
        try:
            value = float(cell)
        except ValueError:
            return math.nan
        return value if math.isfinite(value) and "_" not in cell else math.nan

    cells = column(rows, name)
    return filled(name, [read(cell) for cell in cells], cells, fill, noted)


def yes_no(rows: Rows, name: str, no: str, yes: str, fill: Any = None, noted: bool = False) -> Array:
    """0 for no, 1 for yes, in small or capital letters."""
    cells = column(rows, name)
    values = [{no: 0.0, yes: 1.0}.get(cell.lower(), math.nan) for cell in cells]
    return filled(name, values, cells, fill, noted)


def category(
    rows: Rows, name: str, values: list[str], other: bool = False, missing: bool = False, gaps: bool = True
) -> Array:
    """A 1 in the place of the cell's word: of `values`, then of any other word, then of a missing one."""
    cells = column(rows, name)
    if not gaps and "" in cells:
        raise ValueError(f"column {name!r}, row {cells.index('') + 1}: the value is missing")
    places = {word: place for place, word in enumerate(values)}
    matrix = np.zeros((len(cells), len(values) + other + missing))
    for row, cell in enumerate(cells):
        if cell in places:
            matrix[row, places[cell]] = 1.0
        elif cell == "" and missing:
            matrix[row, -1] = 1.0
        elif cell != "" and other:
            matrix[row, len(values)] = 1.0
    return matrix


def date(rows: Rows, name: str, fill: Any = None, noted: bool = False) -> Array:
    """Year, month, weekday, sine and cosine of the position in the year, days since 1970; for dates as 2024-01-31."""

    def read(cell: str) -> list[float]:
        try:
            when = datetime.datetime.fromisoformat(cell)
        except ValueError:
            return [math.nan] * 6
        if when.tzinfo is not None:  # readers of tables do not agree on what day that is
            return [math.nan] * 6
        angle = 2.0 * math.pi * (when.timetuple().tm_yday - 1.0) / 365.25
        days = (when - datetime.datetime(1970, 1, 1)) / datetime.timedelta(days=1)
        return [when.year, when.month, when.isoweekday(), math.sin(angle), math.cos(angle), days]

    cells = column(rows, name)
    return filled(name, [read(cell) for cell in cells], cells, fill, noted)


def time_of_day(rows: Rows, name: str, fill: Any = None, noted: bool = False) -> Array:
    """Sine and cosine of the angle of a clock's hand that goes round once a day, for times as 14:55."""

    def read(cell: str) -> list[float]:
        try:
            when = datetime.time.fromisoformat(cell.rjust(5, "0") if len(cell) < 5 else cell)
        except ValueError:
            return [math.nan] * 2
        angle = 2.0 * math.pi * (when.hour * 3600 + when.minute * 60 + when.second) / 86400.0
        return [math.sin(angle), math.cos(angle)]

    cells = column(rows, name)
    return filled(name, [read(cell) for cell in cells], cells, fill, noted)
