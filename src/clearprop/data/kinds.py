"""What each column of a table is, judged by its cells; a column that would mislead is left out, or refused.

The rules, in order: a chosen kind; no or only one value; a number, if at least half of the cells are (the
others are then mistakes, not words); an identifier; a date; yes/no; a category.
"""

import re
from dataclasses import dataclass
from typing import Literal

from clearprop.data.cells import AMBIGUOUS_DATE, CODE, WRITTEN_NUMBER
from clearprop.data.columns import YES_NO, Category, Column, Date, Number, YesNo, shown
from clearprop.data.table import Table
from clearprop.errors import DataError

Kind = Literal["number", "yes/no", "category", "date"]

MOST_VALUES = 50
"""A category keeps at most so many values; the others share a feature."""

RARE = 10
"""A value in fewer rows than this (and than 1 % of the rows) is rare: it shares a feature with the others."""

LEAST_TO_JUDGE = 10
"""In fewer rows, all values being different means nothing."""

_SHARE = 0.5  # of the cells that must be numbers (or dates) for the others to be mistakes
_DISTINCT = 0.95  # of the cells that must differ for words to be an identifier
_MOST_RARE = 1000  # remembered, so that rare values can be told from new ones
_IDENTIFIER = re.compile(
    r"(^|[\W_])(id|ids|uid|uuid|guid|index|idx|key|no|nr|number|code)$|[a-z]I[dD]$|(编号|序号|學號|学号|工号|单号|代码|标识)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Profile:
    """Counts of one column's cells.

    Attributes
    ----------
    rows, present : int
        All cells, and those that are not empty.
    numbers, words : int
        Cells that are numbers, and those that say in words that a value is missing.
    least, most : float or None
        Of the numbers.
    whole : bool
        Whether all numbers are whole.
    codes : int
        Numbers that are names, such as 00123.
    dates, ambiguous : int
        Cells that are dates, and those whose day and month cannot be told apart.
    written : int
        Cells that are numbers to a person only: 1,5 or 1,234 or 5 %.
    """

    rows: int
    present: int
    numbers: int
    words: int
    least: float | None
    most: float | None
    whole: bool
    codes: int
    dates: int
    ambiguous: int
    written: int

    @classmethod
    def of(cls, table: Table, name: str) -> "Profile":
        """Count."""
        cell = table.cell(name)
        number = cell.number
        rows, present, numbers, words, least, most, whole = table.one(
            f"count(*), count({cell.sql}), count({number}), "
            f"count(*) FILTER ({cell.missing_word} AND ({number}) IS NULL), "
            f"min({number}), max({number}), coalesce(bool_and(({number}) = floor({number})), false)"
        )
        codes = dates = ambiguous = written = 0
        if numbers:
            (codes,) = table.one(f"count(*) FILTER ({cell.matches(CODE)} AND ({number}) IS NOT NULL)")
        if numbers < present:
            dates, ambiguous, written = table.one(
                f"count({cell.date}), count(*) FILTER ({cell.matches(AMBIGUOUS_DATE)}), "
                f"count(*) FILTER (({number}) IS NULL AND {cell.matches(WRITTEN_NUMBER)})"
            )
        return cls(rows, present, numbers, words, least, most, whole, codes, dates, ambiguous, written)

    @property
    def numeric(self) -> bool:
        """Whether the column is one of numbers, its other cells being mistakes or gaps."""
        return (
            not self.codes and self.numbers > 0 and self.numbers + self.written >= _SHARE * (self.present - self.words)
        )


def column_of(
    table: Table, name: str, *, kind: Kind | None, dates: bool, fill: bool, alone: bool = False
) -> Column | str:
    """What the column is, or why it is left out; the only one (`alone`) is never taken for an identifier.

    Raises
    ------
    DataError
        It cannot be used as it is: the message says where and why.
    """
    profile = Profile.of(table, name)
    gaps = fill and profile.present - profile.words < profile.rows
    if kind is not None:
        return _chosen(table, name, kind, profile, gaps)
    if not profile.present:
        return "empty"
    if profile.present == profile.rows and _constant(table, name, profile):
        return f"constant: {shown(table.text_at(0, name))} in every row"
    if profile.numeric:
        reason = None if alone else _identifying_number(table, name, profile)
        return reason or Number(name, indicator=gaps)
    if profile.written >= _SHARE * profile.present:
        return Number(name)  # whose reader names the first such cell, with a remedy
    if profile.ambiguous >= _SHARE * profile.present:
        row, text, _ = table.first(name, table.cell(name).matches(AMBIGUOUS_DATE)) or (0, "", 0)
        raise DataError(
            f"{table.place(row, name)}: {shown(text)} may be day and month or month and day; write dates as "
            "2024-01-31, or leave the column out"
        )
    if profile.dates >= _SHARE * (profile.present - profile.words) and profile.dates:
        return _date(table, name, dates=dates, gaps=gaps)
    return _words(table, name, profile, fill=fill)


def _chosen(table: Table, name: str, kind: Kind, profile: Profile, gaps: bool) -> Column:
    if kind == "number":
        return Number(name, indicator=gaps)
    if kind == "date":
        return Date(name, indicator=gaps)
    if kind == "category":
        return _category(table, name, fill=gaps)
    words = _yes_no(table, name)
    if words is None:
        raise DataError(
            f"{table.path}: column {name!r} is not yes/no; its words must be yes and no, true and false, or 是 and 否"
        )
    return YesNo(name, words, indicator=gaps)


def _constant(table: Table, name: str, profile: Profile) -> bool:
    if profile.numbers == profile.rows and not profile.codes:
        return profile.least == profile.most
    return len(table.counts(table.cell(name).text, 2)) == 1


def _identifying_number(table: Table, name: str, profile: Profile) -> str | None:
    """Why a column of numbers is an identifier: it counts the rows, or is called one and never repeats."""
    if not profile.whole or profile.numbers < max(profile.rows, LEAST_TO_JUDGE):
        return None
    least, most = profile.least or 0.0, profile.most or 0.0
    counts_rows = least in (0.0, 1.0) and most - least == profile.rows - 1
    if not counts_rows and not _IDENTIFIER.search(name):
        return None
    if table.distinct(table.cell(name).number) < profile.rows:
        return None
    return (
        f"identifier: it counts the rows from {least:.0f}"
        if counts_rows
        else "identifier: every row has its own number"
    )


def _date(table: Table, name: str, *, dates: bool, gaps: bool) -> Column:
    if not dates:
        row, text, _ = table.first(name, f"({table.cell(name).date}) IS NOT NULL") or (0, "", 0)
        raise DataError(
            f"{table.place(row, name)}: {shown(text)} is a date, which is no number; leave the column out, or turn it "
            "into year, month, weekday, season and days with dates='expand' (--dates expand)"
        )
    return Date(name, indicator=gaps)


def _words(table: Table, name: str, profile: Profile, *, fill: bool) -> Column | str:
    words = _yes_no(table, name)
    if words is not None:
        return YesNo(name, words, indicator=fill and profile.present < profile.rows)
    distinct = table.distinct(table.cell(name).text)
    if profile.present >= LEAST_TO_JUDGE and distinct >= _DISTINCT * profile.present:
        many = (
            "every row has its own"
            if distinct == profile.rows
            else f"{distinct} different values in {profile.present} rows"
        )
        return f"identifier: {many}"
    category = _category(table, name, fill=fill and profile.present < profile.rows)
    return category if category.values else f"all its {distinct} values are rare"


def _yes_no(table: Table, name: str) -> tuple[str, str] | None:
    """The pair that the column's words are, in small letters."""
    counted = table.counts(f"lower({table.cell(name).text})", 4)
    words = {word for word, _ in counted if word is not None}
    return next((pair for pair in YES_NO if words == set(pair)), None)


def _category(table: Table, name: str, *, fill: bool) -> Category:
    counted = [(word, count) for word, count in table.counts(table.cell(name).text) if word is not None]
    least = min(RARE, max(1, len(table) // 100))
    kept = [word for word, count in counted if count >= least][:MOST_VALUES]
    if len(counted) == len(kept) + 1:  # a single other value is a value
        kept = [word for word, _ in counted]
    rare = sorted(word for word, _ in counted[len(kept) :])
    return Category(
        name,
        tuple(sorted(kept)),
        rare=tuple(rare) if len(rare) <= _MOST_RARE else (),
        other=bool(rare),
        missing=fill,
    )
