"""What a column of a table can be, and the numbers each kind makes of its cells.

A number stays a number; yes and no become 1 and 0; a category becomes one number, 0 or 1, for each of its
values; a date becomes six numbers. Missing cells come out as NaN, which `Preparation` fills in, or are
refused with their place. A new kind is a class below with ``@_kind``.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from clearprop._registry import listed
from clearprop._types import Array
from clearprop.data.cells import MISSING_WORDS
from clearprop.data.database import literal
from clearprop.data.dates import DateStyle, time_of_day
from clearprop.data.numbers import PLAIN, NumberStyle
from clearprop.data.table import Table
from clearprop.errors import DataError, DataWarning

OTHER, MISSING = "(other)", "(missing)"
"""What the features of a category's rare and missing values are called."""

YES_NO = (("no", "yes"), ("false", "true"), ("n", "y"), ("否", "是"))
"""Pairs of words, in small letters, that mean 0 and 1."""


class Column(Protocol):
    """A column of a table that becomes one or more features.

    Attributes
    ----------
    kind : str
        Its name.
    name : str
        The column's.
    features : tuple of str
        Names of the numbers made of it.
    scaled : tuple of bool
        For each feature, whether to standardise it; 0/1 features stay as they are.
    indicator : bool
        Whether the last feature says, with 1, that the cell is missing.
    """

    kind: ClassVar[str]

    @property
    def name(self) -> str: ...
    @property
    def features(self) -> tuple[str, ...]: ...
    @property
    def scaled(self) -> tuple[bool, ...]: ...
    @property
    def indicator(self) -> bool: ...

    def read(self, table: Table, *, fill: bool) -> Array:
        """The features, shape (rows, features), NaN where a cell is missing; `fill` says that these may be."""
        ...

    def summary(self) -> str:
        """What is done with it, in few words."""
        ...


KINDS: dict[str, type[Any]] = {}
"""Kind -> class."""


def _kind(cls: type[Any]) -> type[Any]:
    KINDS[cls.kind] = cls
    return cls


def _with_indicator(values: Array, indicator: bool) -> Array:
    """The columns, and one more that says where they are NaN, if asked for."""
    return np.column_stack([values, np.isnan(values[:, 0])]) if indicator else values


@_kind
@dataclass(frozen=True, slots=True)
class Number:
    """A column of numbers.

    Attributes
    ----------
    decimal, thousands, unit : str
        How they are written, see `NumberStyle`.

    Examples
    --------
    >>> Number("age", indicator=True).features
    ('age', 'age (missing)')
    """

    name: str
    indicator: bool = False
    decimal: str = PLAIN.decimal
    thousands: str = PLAIN.thousands
    unit: str = PLAIN.unit
    kind: ClassVar[str] = "number"

    @property
    def features(self) -> tuple[str, ...]:
        """The column itself."""
        return (self.name, *((f"{self.name} {MISSING}",) if self.indicator else ()))

    @property
    def scaled(self) -> tuple[bool, ...]:
        """Standardised."""
        return (True, False)[: 1 + self.indicator]

    def read(self, table: Table, *, fill: bool) -> Array:
        """The cells as float64."""
        number = self.style.of(table.cell(self.name))
        values = _cells(table, self.name, number, fill=fill, what=_not_a_number)
        return _with_indicator(values[:, None], self.indicator)

    @classmethod
    def of(cls, name: str, style: NumberStyle, *, indicator: bool = False) -> "Number":
        """A column whose numbers are written in this style."""
        return cls(name, indicator, style.decimal, style.thousands, style.unit)

    @property
    def style(self) -> NumberStyle:
        """How the numbers are written."""
        return NumberStyle(self.decimal, self.thousands, self.unit)

    def summary(self) -> str:
        """The style, if it is not the plain one."""
        style = self.style.describe()
        return f"standardised; {style}" if style else "standardised"


@_kind
@dataclass(frozen=True, slots=True)
class YesNo:
    """A column of two words that mean no and yes: 0 and 1.

    Attributes
    ----------
    words : tuple of str
        For no and for yes, in small letters.
    """

    name: str
    words: tuple[str, ...] = YES_NO[0]
    indicator: bool = False
    kind: ClassVar[str] = "yes/no"

    @property
    def features(self) -> tuple[str, ...]:
        """The column itself."""
        return Number(self.name, self.indicator).features

    @property
    def scaled(self) -> tuple[bool, ...]:
        """0 and 1 stay as they are."""
        return (False,) * len(self.features)

    def read(self, table: Table, *, fill: bool) -> Array:
        """0 for no, 1 for yes."""
        no, yes = self.words
        word = f"lower({table.cell(self.name).text})"
        number = f"CASE {word} WHEN {literal(no)} THEN 0.0 WHEN {literal(yes)} THEN 1.0 END::DOUBLE"
        values = _cells(
            table, self.name, number, fill=fill, what=lambda _: f"is neither {no!r} nor {yes!r}; correct it"
        )
        return _with_indicator(values[:, None], self.indicator)

    def summary(self) -> str:
        """The words."""
        return f"{self.words[0]} 0, {self.words[1]} 1"


@_kind
@dataclass(frozen=True, slots=True)
class Category:
    """A column of words, each of which becomes a feature that is 1 where the word stands and 0 elsewhere.

    Attributes
    ----------
    values : tuple of str
        The words that have a feature.
    rare : tuple of str
        Other words of the training table; empty if there were very many.
    other : bool
        Whether all words but `values` share a feature.
    missing : bool
        Whether missing cells have a feature.
    """

    name: str
    values: tuple[str, ...]
    rare: tuple[str, ...] = ()
    other: bool = False
    missing: bool = False
    indicator: ClassVar[bool] = False
    kind: ClassVar[str] = "category"

    @property
    def features(self) -> tuple[str, ...]:
        """One for each value."""
        values = (*self.values, *((OTHER,) if self.other else ()), *((MISSING,) if self.missing else ()))
        return tuple(f"{self.name}={value}" for value in values)

    @property
    def scaled(self) -> tuple[bool, ...]:
        """0 and 1 stay as they are."""
        return (False,) * len(self.features)

    def read(self, table: Table, *, fill: bool) -> Array:
        """One 1 in each row; none for a word (or a gap) that training never saw, which is said in a warning."""
        text = table.cell(self.name).text
        if not fill:
            refuse_missing(table, self.name)
        code = f"CASE WHEN {text} IS NULL THEN -1 ELSE coalesce(list_position(?, {text}), 0) END"
        codes = table.values(code, [[*self.values, *self.rare]])
        matrix = np.zeros((len(codes), len(self.features)))
        kept = np.flatnonzero((codes > 0) & (codes <= len(self.values)))
        matrix[kept, codes[kept] - 1] = 1.0
        if self.other:
            matrix[(codes == 0) | (codes > len(self.values)), len(self.values)] = 1.0
        if self.missing:
            matrix[codes == -1, -1] = 1.0
        self._report(table, (codes == 0) if self.rare or not self.other else np.zeros(len(codes), dtype=bool))
        self._report(table, (codes == -1) if not self.missing else np.zeros(len(codes), dtype=bool))
        return matrix

    def summary(self) -> str:
        """The values, and what becomes of others."""
        shown_values = listed(self.values, 6)
        rare = f"; {len(self.rare) or 'many'} less frequent ones as {OTHER}" if self.other else ""
        return f"{len(self.values)} values: {shown_values}{rare}{'; gaps are a value' if self.missing else ''}"

    def _report(self, table: Table, unseen: Array) -> None:
        """Warn of cells that training had nothing like."""
        count = int(np.count_nonzero(unseen))
        if count:
            row = int(np.argmax(unseen))
            text = table.text_at(row, self.name)
            what = f"{shown(text)} was" if text else "a missing value was"
            cells = f" (and so in {count} cells of this column)" if count > 1 else ""
            use = f"it counts as {OTHER}" if self.other and text else "it counts as none of the known values"
            warnings.warn(
                f"{table.place(row, self.name)}: {what} not seen in training{cells}; {use}", DataWarning, stacklevel=2
            )


@_kind
@dataclass(frozen=True, slots=True)
class Date:
    """A column of dates: year, month, weekday, the position in the year as a point on a circle, days elapsed.

    Attributes
    ----------
    order : str
        How they are written, see `DateStyle`.
    clock : bool
        Whether the time of day, as a point on a circle, is given as well.

    Examples
    --------
    >>> Date("sold").features
    ('sold year', 'sold month', 'sold weekday', 'sold sine of year', 'sold cosine of year', 'sold days')
    >>> Date("sold", clock=True).features[6:]
    ('sold sine of day', 'sold cosine of day')
    """

    name: str
    indicator: bool = False
    order: str = DateStyle().order
    clock: bool = False
    kind: ClassVar[str] = "date"

    @property
    def features(self) -> tuple[str, ...]:
        """The six numbers, or eight."""
        names = ["year", "month", "weekday", "sine of year", "cosine of year", "days"]
        names += ["sine of day", "cosine of day"] if self.clock else []
        return (*(f"{self.name} {name}" for name in names), *((f"{self.name} {MISSING}",) if self.indicator else ()))

    @property
    def scaled(self) -> tuple[bool, ...]:
        """Standardised."""
        return (True,) * (len(self.features) - self.indicator) + (False,) * self.indicator

    def read(self, table: Table, *, fill: bool) -> Array:
        """Days count from 1970-01-01, weekdays from Monday = 1."""
        date = self.style.of(table.cell(self.name))
        days = _cells(table, self.name, f"epoch_us({date}) / 86400e6", fill=fill, what=_not_a_date)
        year, month, weekday, day = (
            np.asarray(table.values(f"coalesce({part}({date})::DOUBLE, 'nan'::DOUBLE)"))
            for part in ("year", "month", "isodow", "dayofyear")
        )
        angle = 2.0 * np.pi * (day - 1.0) / 365.25
        parts = [year, month, weekday, np.sin(angle), np.cos(angle), days]
        if self.clock:
            parts += _on_the_clock(days * 86400.0)
        return _with_indicator(np.column_stack(parts), self.indicator)

    @classmethod
    def of(cls, name: str, style: DateStyle, *, indicator: bool = False) -> "Date":
        """A column whose dates are written in this style."""
        return cls(name, indicator, style.order, style.clock)

    @property
    def style(self) -> DateStyle:
        """How the dates are written."""
        return DateStyle(self.order, self.clock)

    def summary(self) -> str:
        """The parts, and the style."""
        time = ", time of day (sine, cosine)" if self.clock else ""
        style = self.style.describe()
        return f"year, month, weekday, season (sine, cosine), days{time}" + (f"; {style}" if style else "")


@_kind
@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A column of times of day: a point on a circle, so that 23:59 is next to 0:00.

    >>> TimeOfDay("opened").features
    ('opened sine of day', 'opened cosine of day')
    """

    name: str
    indicator: bool = False
    kind: ClassVar[str] = "time"

    @property
    def features(self) -> tuple[str, ...]:
        """Sine and cosine."""
        names = ("sine of day", "cosine of day")
        return (*(f"{self.name} {name}" for name in names), *((f"{self.name} {MISSING}",) if self.indicator else ()))

    @property
    def scaled(self) -> tuple[bool, ...]:
        """Standardised."""
        return (True,) * 2 + (False,) * self.indicator

    def read(self, table: Table, *, fill: bool) -> Array:
        """The angle of a clock's hand that goes round once a day."""
        seconds = _cells(table, self.name, time_of_day(table.cell(self.name)), fill=fill, what=_not_a_time)
        return _with_indicator(np.column_stack(_on_the_clock(seconds)), self.indicator)

    def summary(self) -> str:
        """The parts."""
        return "time of day (sine, cosine)"


def _on_the_clock(seconds: Array) -> list[Array]:
    """Sine and cosine of the time of day."""
    angle = 2.0 * np.pi * np.mod(seconds, 86400.0) / 86400.0
    return [np.sin(angle), np.cos(angle)]


# ------------------------------------------------------------------------------------------------- cells and words


def refuse_missing(table: Table, name: str, remedy: str = "") -> None:
    """Refuse an empty cell, with its place."""
    found = table.first(name, f"{table.cell(name).text} IS NULL")
    if found:
        row, _, count = found
        more = f" ({count} cells of this column are empty)" if count > 1 else ""
        fix = (
            remedy or "fill it in, remove the row, or have gaps filled in training: missing='median' (--missing median)"
        )
        raise DataError(f"{table.place(row, name)}: the value is missing{more}; {fix}")


def _cells(table: Table, name: str, number: str, *, fill: bool, what: Callable[[str], str]) -> Array:
    """A column as float64, NaN where a cell is missing; a cell that is something else is refused."""
    values = np.asarray(table.values(f"coalesce({number}, 'nan'::DOUBLE)"), dtype=np.float64)
    if not np.isnan(values).any():
        return values
    cell = table.cell(name)
    if not fill:
        refuse_missing(table, name)
    word = cell.missing_word if fill else "false"
    wrong = table.first(name, f"{cell.text} IS NOT NULL AND ({number}) IS NULL AND NOT {word}")
    if wrong:
        row, text, count = wrong
        more = f" ({count} of {len(table)} cells are not)" if count > 1 else ""
        reason, remedy = what(text).split("; ", 1)
        raise DataError(f"{table.place(row, name)}: {shown(text)} {reason}{more}; {remedy}")
    return values


def shown(text: str) -> str:
    """A cell's text for a message, shortened."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _not_a_number(text: str) -> str:
    """What is wrong with a cell of a number column, and a remedy."""
    bare = text.strip("$€£¥￥元% ")
    if text.lower() in MISSING_WORDS:
        return (
            "is not a number; if it stands for a missing value, have gaps filled: missing='median' (--missing median)"
        )
    if bare != text and _reads(bare.replace(",", "")):
        return "is not a number; write numbers without currency or percent signs"
    if _reads(text.replace(",", ".", 1)) and len(text.rsplit(",", 1)[-1]) != 3:
        return "is not a number; write decimals with a point, as in 1.5"
    if _reads(text.replace(",", "").replace("'", "").replace(" ", "").replace("_", "")):
        return "is not a number; write thousands without separators, as in 1234"
    if _reads(text, infinite=True):
        return "is not a number; infinite values cannot be learned from, correct it"
    return "is not a number; correct it, leave the column out, or treat it as a category (--kind COLUMN=category)"


def _not_a_date(text: str) -> str:
    return "is not a date; write it as 2024-01-31, or leave the column out"


def _not_a_time(text: str) -> str:
    return "is not a time of day; write it as 14:55, or leave the column out"


def _reads(text: str, *, infinite: bool = False) -> bool:
    try:
        return "_" not in text and math.isinf(float(text)) == infinite and not math.isnan(float(text))
    except ValueError:
        return False
