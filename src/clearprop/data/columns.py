"""What a column of a table can be, and the numbers each kind makes of its cells.

A number stays a number; yes and no become 1 and 0; a category becomes one number, 0 or 1, for each of its
values; a date becomes six numbers. Missing cells come out as NaN, which `Preparation` fills in, or are
refused with their place. A new kind is a class below with ``@_kind``.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import numpy as np

from clearprop._registry import listed
from clearprop._types import Array
from clearprop.data.cells import Cell
from clearprop.data.database import literal
from clearprop.data.dates import DateStyle, time_of_day
from clearprop.data.mistakes import FILLED, not_a_date, not_a_number, not_a_time
from clearprop.data.numbers import PLAIN, NumberStyle
from clearprop.data.table import Block, Table
from clearprop.data.words import YES_NO, Vocabulary, exactly, is_gap, meaning
from clearprop.errors import DataError

OTHER, MISSING = "(other)", "(missing)"
"""What the features of a category's rare and missing values are called."""

Read = tuple["Column", "Array | DataError"]
"""A column, and its features, shape (rows, features); or why it cannot be read."""


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

    @classmethod
    def read(cls, table: Table, columns: Sequence[Any], *, fill: bool, unseen: "Unseen") -> Iterator[Read]:
        """Columns of this kind, in any order: NaN where a cell is missing, which `fill` says it may be."""
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

    @classmethod
    def read(cls, table: Table, columns: Sequence["Number"], *, fill: bool, unseen: "Unseen") -> Iterator[Read]:
        """The cells as float64."""
        styles: dict[NumberStyle, list[Number]] = {}
        for column in columns:
            styles.setdefault(column.style, []).append(column)
        for style, alike in styles.items():
            what = functools.partial(not_a_number, style=style)
            yield from _numbers(table, alike, _number_in(style), what, fill=fill)

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

    @classmethod
    def read(cls, table: Table, columns: Sequence["YesNo"], *, fill: bool, unseen: "Unseen") -> Iterator[Read]:
        """0 for no, 1 for yes, in whichever words."""
        pairs: dict[tuple[str, ...], list[YesNo]] = {}
        for column in columns:
            pairs.setdefault(column.words, []).append(column)
        for words, alike in pairs.items():
            yield from _numbers(table, alike, _zero_or_one, _neither_of(words), fill=fill)

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
    spellings : tuple of (str, str)
        Other spellings in the training table, each with the word among `values` or `rare` that it means.
    """

    name: str
    values: tuple[str, ...]
    rare: tuple[str, ...] = ()
    other: bool = False
    missing: bool = False
    spellings: tuple[tuple[str, str], ...] = ()
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

    @classmethod
    def read(cls, table: Table, columns: Sequence["Category"], *, fill: bool, unseen: "Unseen") -> Iterator[Read]:
        """One 1 in each row; none for a word (or a gap) that training never saw, which `unseen` is told."""
        named = {column.name: column for column in columns}
        for block in table.blocks(named):
            positions = _positions(block, [named[name] for name in block.names])
            gaps = {} if fill else _missing(block, block.names)
            for i, name in enumerate(block.names):
                yield named[name], gaps.get(name) or named[name]._features(table, positions[:, i], unseen)

    def _features(self, table: Table, positions: Array, unseen: "Unseen") -> Array:
        """The matrix, from the number of each cell's word (1 is the first of `values`), 0 or -1 (see `_positions`)."""
        matrix = np.zeros((len(positions), len(self.features)))
        kept = np.flatnonzero((positions > 0) & (positions <= len(self.values)))
        matrix[kept, positions[kept] - 1] = 1.0
        if self.other:
            matrix[(positions == 0) | (positions > len(self.values)), len(self.values)] = 1.0
        if self.missing:
            matrix[positions == -1, -1] = 1.0
        else:
            unseen.gap(self, int(np.count_nonzero(positions == -1)))
        if self.rare or not self.other:
            unseen.word(table, self, positions == 0)
        return matrix

    def summary(self) -> str:
        """The values, and what becomes of others."""
        shown_values = listed(self.values, 6)
        rare = f"; {len(self.rare) or 'many'} less frequent ones as {OTHER}" if self.other else ""
        return f"{len(self.values)} values: {shown_values}{rare}"


def _positions(block: Block, columns: Sequence[Category]) -> Array:
    """The number of each cell's word among its column's values and rare ones, from 1; 0 for others, -1 for gaps."""
    words = [exactly((*column.values, *column.rare)) for column in columns]
    for known, column in zip(words, columns, strict=True):
        known |= {spelling: known[word] for spelling, word in column.spellings}
    positions = block.positions(words)
    if (positions == 0).any():  # words that are written otherwise, or new
        more = False
        for known, column, others in zip(words, columns, block.others(words), strict=True):
            vocabulary = Vocabulary((*column.values, *column.rare)) if others else None
            found = {word: vocabulary.index(word) for word in others} if vocabulary else {}
            known |= {word: index + 1 for word, index in found.items() if index is not None}
            more = more or any(index is not None for index in found.values())
        if more:
            positions = block.positions(words)
    return positions


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
    short : bool
        Whether years have two digits.

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
    short: bool = False
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

    @classmethod
    def read(cls, table: Table, columns: Sequence["Date"], *, fill: bool, unseen: "Unseen") -> Iterator[Read]:
        """Days count from 1970-01-01, weekdays from Monday = 1."""
        yield from _one_by_one(table, columns, cls._features, fill=fill)

    def _features(self, table: Table, *, fill: bool) -> Array:
        what = functools.partial(not_a_date, style=self.style)
        since = _cells(table, self.name, lambda cell: f"epoch_us({self.style.of(cell)})::DOUBLE", fill=fill, what=what)
        gaps, days = np.isnan(since), since / 86400e6
        moment = np.where(gaps, 0, since).astype("datetime64[us]")
        years, months, dates = (moment.astype(f"datetime64[{unit}]") for unit in "YMD")
        counts = [
            years.astype(int) + 1970,
            (months - years).astype(int) + 1,
            (dates.astype(int) + 3) % 7 + 1,
            (dates - years).astype(int) + 1,
        ]
        year, month, weekday, day = (np.where(gaps, np.nan, count) for count in counts)
        angle = 2.0 * np.pi * (day - 1.0) / 365.25
        parts = [year, month, weekday, np.sin(angle), np.cos(angle), days]
        if self.clock:
            parts += _on_the_clock(np.mod(since, 86400e6) / 86400e6)  # of whole microseconds, so exact
        return _with_indicator(np.column_stack(parts), self.indicator)

    @classmethod
    def of(cls, name: str, style: DateStyle, *, indicator: bool = False) -> "Date":
        """A column whose dates are written in this style."""
        return cls(name, indicator, style.order, style.clock, style.short)

    @property
    def style(self) -> DateStyle:
        """How the dates are written."""
        return DateStyle(self.order, self.clock, self.short)

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

    @classmethod
    def read(cls, table: Table, columns: Sequence["TimeOfDay"], *, fill: bool, unseen: "Unseen") -> Iterator[Read]:
        """The angle of a clock's hand that goes round once a day."""
        yield from _one_by_one(table, columns, cls._features, fill=fill)

    def _features(self, table: Table, *, fill: bool) -> Array:
        seconds = _cells(table, self.name, time_of_day, fill=fill, what=not_a_time)
        return _with_indicator(np.column_stack(_on_the_clock(seconds / 86400.0)), self.indicator)

    def summary(self) -> str:
        """The parts."""
        return "time of day (sine, cosine)"


def _on_the_clock(days: Array) -> list[Array]:
    """Sine and cosine of the time of day."""
    angle = 2.0 * np.pi * (days - np.floor(days))
    return [np.sin(angle), np.cos(angle)]


# ------------------------------------------------------------------------------------------------- cells and words


class Unseen:
    """What new rows have and the training rows had not, in the columns of one reading (of several batches, perhaps)."""

    def __init__(self) -> None:
        self._filled: dict[str, int] = {}
        self._none: dict[str, int] = {}
        self._words: dict[str, tuple[str, str, int]] = {}

    def gap(self, column: "Column", count: int) -> None:
        """Cells are missing; those of a category count as none of its values, others are filled in."""
        if count:
            counts = self._none if isinstance(column, Category) else self._filled
            counts[column.name] = counts.get(column.name, 0) + count

    def word(self, table: Table, column: "Category", where: Array) -> None:
        """Cells hold words that are not known."""
        count = int(np.count_nonzero(where))
        if not count:
            return
        if column.name in self._words:
            first, use, before = self._words[column.name]
            self._words[column.name] = first, use, before + count
            return
        row = int(np.argmax(where))
        text = shown(table.text_at(row, column.name))
        use = f"it counts as {OTHER}" if column.other else "it counts as none of the known values"
        self._words[column.name] = f"{table.place(row, column.name)}: {text} was not seen in training", use, count

    def sentences(self, path: str) -> Iterator[str]:
        """What should be known of it."""
        columns = list(self._words.values())
        for sentence, use, count in columns[:_LISTED]:
            cells = f" (and so in {count} cells of this column)" if count > 1 else ""
            yield f"{sentence}{cells}; {use}"
        if len(columns) > _LISTED:
            yield f"{path}: {len(columns) - _LISTED} more columns have words that were not seen in training"
        for counts, use in (
            (self._filled, "the median of the training rows is filled in"),
            (self._none, "they count as none of the known values"),
        ):
            if counts:
                total = sum(counts.values())
                where = [f"{name!r} ({count})" for name, count in list(counts.items())[:_LISTED]]
                more = f" and {len(counts) - _LISTED} more columns" if len(counts) > _LISTED else ""
                yield (
                    f"{path}: {total} {'value is' if total == 1 else 'values are'} missing in columns that had no gaps "
                    f"in training: {', '.join(where)}{more}; {use}"
                )


_LISTED = 8  # columns named in one message


def refuse_missing(table: Table, name: str, remedy: str = "") -> None:
    """Refuse an empty cell, with its place."""
    (block,) = table.blocks([name])
    for error in _missing(block, [name], remedy).values():
        raise error


def _missing(block: Block, names: Sequence[str], remedy: str = "") -> dict[str, DataError]:
    """The refusal of the first empty cell of each column that has one."""
    refused = {}
    for name, (row, _, count) in replace(block, names=tuple(names)).first(f"{block.cell.text} IS NULL").items():
        more = f" ({count} cells of this column are empty)" if count > 1 else ""
        fix = (
            remedy or "fill it in, remove the row, or have gaps filled in training: missing='median' (--missing median)"
        )
        refused[name] = DataError(f"{block.table.place(row, name)}: the value is missing{more}; {fix}")
    return refused


def _number_in(style: NumberStyle) -> Callable[[Block], str]:
    """How the cells of columns of numbers are read, as SQL."""
    return lambda block: style.of(block.cell)


def _zero_or_one(block: Block) -> str:
    """SQL: 1 for a cell that means yes, 0 for one that means no, in whichever words, else NULL."""
    different = {word for counted in block.counts().values() for word, _ in counted}
    words = [""], [""]  # an empty list is no SQL, and no cell is empty
    for word in sorted(different):
        if meaning(word) is not None:
            words[bool(meaning(word))].append(word)
    no, yes = (", ".join(map(literal, given)) for given in words)
    return f"CASE WHEN {block.cell.text} IN ({yes}) THEN 1.0 WHEN {block.cell.text} IN ({no}) THEN 0.0 END::DOUBLE"


def _numbers(
    table: Table,
    columns: Sequence[Any],
    number: Callable[[Block], str],
    what: Callable[[str], str],
    *,
    fill: bool,
) -> Iterator[Read]:
    """Columns as float64, NaN where a cell is missing; a column with a cell that is something else is refused."""
    named = {column.name: column for column in columns}
    for block in table.blocks(named):
        read = number(block)
        values = np.asarray(block.values(f"coalesce({read}, 'nan'::DOUBLE)"), dtype=np.float64)
        gaps = [block.names[i] for i in np.flatnonzero(np.isnan(values).any(axis=0))]
        refused = _wrong(block, gaps, read, what, fill)
        for i, name in enumerate(block.names):
            yield named[name], refused.get(name) or _with_indicator(values[:, i : i + 1], named[name].indicator)


def _wrong(
    block: Block, names: Sequence[str], number: str, what: Callable[[str], str], fill: bool
) -> dict[str, DataError]:
    """Of these columns, which have cells without a number, those whose cells are not just missing."""
    if not names:
        return {}
    block = replace(block, names=tuple(names))
    refused = {} if fill else _missing(block, names)
    word = block.cell.missing_word if fill else "false"
    for name, found in block.first(f"{block.cell.text} IS NOT NULL AND ({number}) IS NULL AND NOT {word}").items():
        row, text, count = found
        more = f" ({count} of {len(block.table)} cells are not)" if count > 1 else ""
        reason, remedy = what(text).split("; ", 1)
        error = DataError(f"{block.table.place(row, name)}: {shown(text)} {reason}{more}; {remedy}")
        refused.setdefault(name, error)
    return refused


def _one_by_one(table: Table, columns: Sequence[Any], read: Callable[..., Array], *, fill: bool) -> Iterator[Read]:
    """Columns whose features take several questions each."""
    for column in columns:
        try:
            yield column, read(column, table, fill=fill)
        except DataError as error:
            yield column, error


def _cells(table: Table, name: str, number: Callable[[Cell], str], *, fill: bool, what: Callable[[str], str]) -> Array:
    """A column as float64, NaN where a cell is missing; a cell that is something else is refused."""
    ((_, values),) = _numbers(table, [Number(name)], lambda block: number(block.cell), what, fill=fill)
    if isinstance(values, DataError):
        raise values
    return values[:, 0]


def shown(text: str) -> str:
    """A cell's text for a message, shortened."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _neither_of(words: tuple[str, ...]) -> Callable[[str], str]:
    """What is wrong with a cell of a yes/no column, and a remedy."""
    neither = f"is neither {words[0]!r} nor {words[1]!r}"
    return lambda text: f"{neither}; {FILLED if is_gap(text) else 'correct it'}"
