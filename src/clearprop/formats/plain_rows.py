"""How cells become numbers, in nothing but NumPy: the text that `to_numpy` copies into what it writes.

It says once more, for lists, what `clearprop.data.columns` says in SQL for tables of any size; tests compare them.
"""

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data.cells import MISSING_WORDS
from clearprop.data.dates import read_date, read_time
from clearprop.data.numbers import PLAIN_NUMBER, read_number

Rows = Mapping[str, Sequence[Any]]


def cells_of(rows: Rows, name: str) -> Sequence[Any]:
    """The cells of a column as they are."""
    arrow = hasattr(type(rows), "column_names")  # a table of which `in` looks for no names
    if name not in (rows.column_names if arrow else rows):  # type: ignore[attr-defined]
        raise ValueError(f"there is no column {name!r}")
    return rows[name].to_pylist() if arrow else rows[name]  # type: ignore[attr-defined]


def column(rows: Rows, name: str) -> list[str]:
    """The cells of a column as text; a missing one, which may be None, NaN, NaT or NA, is ''."""
    cells = cells_of(rows, name)
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


def number(
    rows: Rows,
    name: str,
    fill: Any = None,
    noted: bool = False,
    pattern: str = PLAIN_NUMBER,
    decimal: str = ".",
    thousands: str = "",
) -> Array:
    """A column of numbers: of text in the style that the pattern is made of; other cells are numbers already."""
    cells = column(rows, name)
    values = [
        read_number(text, pattern, decimal, thousands)
        if isinstance(cell, str)
        else read_number(text, PLAIN_NUMBER, ".", "")
        for cell, text in zip(cells_of(rows, name), cells, strict=True)
    ]
    return filled(name, values, cells, fill, noted)


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


def date(
    rows: Rows, name: str, fill: Any = None, noted: bool = False, order: str = "ymd", clock: bool = False
) -> Array:
    """Year, month, weekday, sine and cosine of the position in the year, days since 1970; and of the time of day."""

    def read(cell: str) -> list[float]:
        when = read_date(cell, order)
        if when is None:
            return [math.nan] * (8 if clock else 6)
        angle = 2.0 * math.pi * (when.timetuple().tm_yday - 1.0) / 365.25
        days = (when - datetime.datetime(1970, 1, 1)) / datetime.timedelta(days=1)
        parts = [when.year, when.month, when.isoweekday(), math.sin(angle), math.cos(angle), days]
        return parts + on_the_clock(days) if clock else parts

    cells = column(rows, name)
    return filled(name, [read(cell) for cell in cells], cells, fill, noted)


def time_of_day(rows: Rows, name: str, fill: Any = None, noted: bool = False) -> Array:
    """Sine and cosine of the angle of a clock's hand that goes round once a day."""
    cells = column(rows, name)
    return filled(name, [on_the_clock(read_time(cell) / 86400.0) for cell in cells], cells, fill, noted)


def on_the_clock(days: float) -> list[float]:
    """Sine and cosine of the time of day."""
    if math.isnan(days):
        return [days, days]
    angle = 2.0 * math.pi * (days - math.floor(days))
    return [math.sin(angle), math.cos(angle)]
