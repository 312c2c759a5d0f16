"""How cells become numbers, in nothing but NumPy: the text that `to_numpy` copies into what it writes.

It says once more, for lists, what `clearprop.data.columns` says in SQL for tables of any size, and what
`clearprop.data.words` says of words; a test compares them.
"""

import datetime
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data.cells import CODE, MISSING_WORDS
from clearprop.data.dates import read_date, read_time
from clearprop.data.numbers import PLAIN_NUMBER, read_number
from clearprop.data.words import NO_WORDS, YES_WORDS

Rows = Mapping[str, Sequence[Any]]


def cells_of(rows: Rows, name: str) -> list[Any]:
    """The cells of a column, text without blanks around it; a missing one, which may be None, NaN, NaT or NA, is ''."""
    arrow = hasattr(type(rows), "column_names")  # a table of which `in` looks for no names
    if name not in (rows.column_names if arrow else rows):  # type: ignore[attr-defined]
        raise ValueError(f"there is no column {name!r}")
    cells = rows[name].to_pylist() if arrow else rows[name]  # type: ignore[attr-defined]
    trimmed = [cell.strip(" \t") if isinstance(cell, str) else cell for cell in cells]
    words = [cell if isinstance(cell, str) else str(cell) for cell in trimmed]
    gaps = [
        word in ("None", "nan", "NaT", "<NA>") and word is not cell for word, cell in zip(words, trimmed, strict=True)
    ]
    return ["" if gap else cell for gap, cell in zip(gaps, trimmed, strict=True)]


def filled(name: str, values: list[Any], cells: list[Any], fill: Any, noted: bool) -> Array:
    """The numbers, `fill` where there is none; a number more says where, if `noted`."""
    numbers = np.array(values, dtype=float).reshape(len(cells), -1)
    gaps = np.isnan(numbers[:, 0])
    for row in np.flatnonzero(gaps):
        if fill is None and cells[row] == "":
            raise ValueError(f"column {name!r}, row {row + 1}: the value is missing")
        if cells[row] != "" and (fill is None or str(cells[row]).lower() not in MISSING_WORDS):
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
    """A column of numbers; what is no text is a number already, however the text of others is written."""

    def read(cell: Any) -> float:
        if isinstance(cell, str):
            return read_number(cell, pattern, decimal, thousands)
        return float(cell) if not isinstance(cell, bool) and math.isfinite(cell) else math.nan

    cells = cells_of(rows, name)
    return filled(name, [read(cell) for cell in cells], cells, fill, noted)


def simple_word(word: str) -> str:
    """The word in small letters, with single blanks, without letters of full width or in parts."""
    wide = ["\uff00" <= letter <= "\uffef" or letter == "\u3000" for letter in word]
    letters = [unicodedata.normalize("NFKC", c) if is_wide else c for c, is_wide in zip(word, wide, strict=True)]
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", "".join(letters)).casefold()).split())


def number_of(word: str) -> "float | None":
    """The number that the word is; None if it is none, or a name made of digits."""
    value = read_number(word, PLAIN_NUMBER, ".", "")
    return None if math.isnan(value) or re.search(CODE, word) else value + 0.0


def truth_of(word: str) -> "bool | None":
    """Whether the word, in any language that is known, or 0 or 1, means yes."""
    small = simple_word(word)
    if small in YES_WORDS or small in NO_WORDS:
        return small in YES_WORDS
    value = number_of(word)
    return value == 1.0 if value in (0.0, 1.0) else None


def yes_no(rows: Rows, name: str, fill: Any = None, noted: bool = False) -> Array:
    """0 for no, 1 for yes."""
    cells = [str(cell) for cell in cells_of(rows, name)]
    truths = [truth_of(cell) for cell in cells]
    values = [math.nan if truth is None else float(truth) for truth in truths]
    return filled(name, values, cells, fill, noted)


def category(
    rows: Rows,
    name: str,
    values: list[str],
    rare: Any = (),
    spellings: Any = (),
    truths: bool = False,
    other: bool = False,
    missing: bool = False,
    gaps: bool = True,
) -> Array:
    """A 1 in the place of the cell's word: of `values`, then of any other word, then of a missing one.

    A word that is written otherwise than the known ones is the one that is the same number, means the same (if these
    are `truths`), or differs in capitals and blanks only.
    """
    cells = [str(cell) for cell in cells_of(rows, name)]
    if not gaps and "" in cells:
        raise ValueError(f"column {name!r}, row {cells.index('') + 1}: the value is missing")
    known = [*values, *rare]
    places = {word: place for place, word in enumerate(known)}
    places |= {spelling: places[word] for spelling, word in spellings}
    for key in [*([truth_of] if truths else []), number_of, simple_word]:
        meanings = [key(word) for word in known]
        only = {m: place for place, m in enumerate(meanings) if m is not None and meanings.count(m) == 1}
        for cell in set(cells) - places.keys() - {""}:
            same = key(cell)
            if same is not None and same in only:
                places[cell] = only[same]
    matrix = np.zeros((len(cells), len(values) + other + missing))
    for row, cell in enumerate(cells):
        place = places.get(cell, len(values))
        if cell == "" and missing:
            matrix[row, -1] = 1.0
        elif cell != "" and (place < len(values) or other):
            matrix[row, min(place, len(values))] = 1.0
    return matrix


def on_the_clock(days: float) -> list[float]:
    """The place of a hand that goes round once a day."""
    angle = 2.0 * math.pi * (days - math.floor(days))
    return [math.sin(angle), math.cos(angle)]


def date(
    rows: Rows, name: str, fill: Any = None, noted: bool = False, order: str = "ymd", clock: bool = False
) -> Array:
    """Year, month, weekday, sine and cosine of the position in the year, days since 1970; and of the time of day."""

    def read(cell: str) -> list[float]:
        when = read_date(cell, order)
        if when is None:
            return [math.nan] * (8 if clock else 6)
        angle = 2.0 * math.pi * (when.timetuple().tm_yday - 1.0) / 365.25
        since = (when - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)
        place = [when.year, when.month, when.isoweekday(), math.sin(angle), math.cos(angle), since / 86400e6]
        return [*place, *(on_the_clock(since % 86_400_000_000 / 86400e6) if clock else [])]

    cells = [str(cell) for cell in cells_of(rows, name)]
    return filled(name, [read(cell) for cell in cells], cells, fill, noted)


def time_of_day(rows: Rows, name: str, fill: Any = None, noted: bool = False) -> Array:
    """Sine and cosine of the time of day."""
    cells = [str(cell) for cell in cells_of(rows, name)]
    seconds = [read_time(cell) for cell in cells]
    values = [[math.nan] * 2 if math.isnan(second) else on_the_clock(second / 86400.0) for second in seconds]
    return filled(name, values, cells, fill, noted)
