"""What each column of a table is, judged by its cells; a column that would mislead is left out, or refused.

The rules, in order: a chosen kind; no or only one value; yes/no; a number, if at least half of the cells are (the
others are then mistakes, not words, unless they are few words that stand in many rows each: 2, 3, 4 and 5more are a
category), unless it only numbers the rows; a date or a time of day; an identifier; a category. The column to predict is
read by the same rules (see `target`).

Each question is put to many columns at once, see `Table.blocks`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from clearprop._types import Array
from clearprop.data.cells import CODE, Cell
from clearprop.data.columns import Category, Column, Date, Number, TimeOfDay, YesNo, shown
from clearprop.data.dates import date_style, time_of_day
from clearprop.data.mistakes import INEXACT, is_a_word, is_inexact, not_a_number
from clearprop.data.numbers import PLAIN, NumberStyle, number_style, plainly
from clearprop.data.table import Table
from clearprop.data.words import Value, is_gap, number_in, said_of, values_of, yes_no_pair
from clearprop.errors import DataError

Kind = Literal["number", "yes/no", "category", "date", "time"]

MOST_VALUES = 50
"""A category keeps at most so many values; the others share a feature."""

RARE = 10
"""A value in fewer rows than this (and than 1 % of the rows) is rare: it shares a feature with the others."""

FEW_VALUES = 20
"""Up to this many distinct values are taken for classes in a target, and may be words where most are numbers."""

LEAST_TO_JUDGE = 10
"""In fewer rows, all values being different, or rising, means nothing."""

_SHARE = 0.5  # of the cells that must be numbers (or dates) for the others to be mistakes
_DISTINCT = 0.95  # of the cells that must differ for words to be an identifier
_MOST_RARE = 1000  # remembered, so that rare values can be told from new ones
_FEW = 100  # different words: only so many can be yes, no and gaps, however they are spelled
_NAMES_ROWS = re.compile(
    r"^(Unnamed: \d+(\.\d+)*|index|level_\d+|__index_level_\d+__|)$"  # as pandas names an index
    r"|(^|[\W_])(id|ids|uid|uuid|guid|index|idx|key|no|nr|number|code)$|[a-z]I[dD]$"
    r"|(编号|序号|學號|学号|工号|单号|代码|标识)$",
    re.IGNORECASE,
)
_RISES, _FALLS = "its whole numbers rise", "its whole numbers fall"
_DIGIT = "[0-9０-９]"


@dataclass(frozen=True)
class Said:
    """What the user says about the cells of a table.

    Attributes
    ----------
    kinds : mapping
        Column -> its kind.
    dates, fill : bool
        Whether dates are expanded, and gaps filled in.
    decimal, thousands, day_first
        How numbers and dates are written, see `number_style` and `date_style`.
    """

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    dates: bool = False
    fill: bool = False
    decimal: str | None = None
    thousands: str | None = None
    day_first: bool | None = None


@dataclass(frozen=True)
class Profile:
    """Counts of one column's cells.

    Attributes
    ----------
    rows, present : int
        All cells, and those that are not empty.
    same : bool
        Whether all cells that are not empty have the same text.
    style : NumberStyle
        How numbers are written here.
    words : int
        Cells that say in words that a value is missing.
    numbers : int
        Cells that are numbers.
    least, most : float or None
        Of the numbers.
    whole : bool
        Whether all numbers are whole.
    codes : int
        Numbers that are names, such as 00123.
    digits : int
        Cells with digits.
    unplain : bool
        Whether the numbers may be written in another style.
    worded : bool
        Whether the cells that are no numbers are words, not mistakes.
    """

    rows: int
    present: int
    same: bool
    style: NumberStyle
    words: int
    numbers: int
    least: float | None
    most: float | None
    whole: bool
    codes: int
    digits: int
    unplain: bool = False
    worded: bool = False

    @property
    def valued(self) -> int:
        """Cells that hold a value, if words such as n/a are gaps."""
        return self.present - self.words

    @property
    def numeric(self) -> bool:
        """Whether the column is one of numbers, its other cells being mistakes or gaps."""
        return not self.codes and not self.worded and self.numbers >= max(1, _SHARE * self.valued)

    @property
    def constant(self) -> bool:
        """Whether every row has the same value."""
        if self.numbers == self.rows and not self.codes:
            return self.least == self.most
        return self.present == self.rows and self.same


@dataclass
class Judged:
    """What the columns of a table are.

    Attributes
    ----------
    columns : dict of str to Column
        Those that are used.
    left_out : dict of str to str
        Those that are not, and why.
    refused : dict of str to DataError
        Those that cannot be used as they are.
    notes : dict of str to str
        What should be known of a column.
    gaps : dict of str to int
        How many cells of each column are to be filled in.
    """

    columns: dict[str, Column] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    refused: dict[str, DataError] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    gaps: dict[str, int] = field(default_factory=dict)


# ------------------------------------------------------------------------------------------------------- counting


def profiles_of(table: Table, names: Iterable[str], said: Said) -> dict[str, Profile | DataError]:
    """The profile of each column, or why its numbers cannot be read."""
    profiles: dict[str, Profile | DataError] = {}
    for block in table.blocks(names):
        cell = block.cell
        text = cell.kind == "VARCHAR"
        counted = block.each(
            f"count(*), count(v), min({cell.text}) = max({cell.text}), {_numbers_counted(cell)}, "
            f"{f'NOT ({plainly(cell)})' if text else 'false'}",
            PLAIN.of(cell),
        )
        plain = {
            name: Profile(rows, present, bool(same), PLAIN, *more)
            for name, (rows, present, same, *more) in counted.items()
        }
        for name in block.names:
            profile = _in_its_style(table, name, plain[name], said)
            if isinstance(profile, Profile) and profile.numeric and _has_words(table, name, profile):
                profile = replace(profile, worded=True)
            profiles[name] = profile
    return profiles


def _has_words(table: Table, name: str, profile: Profile) -> bool:
    """Whether a column of numbers has few values, and its other cells are words that stand in many rows each.

    Beside a single number, as in -50000 and 50000+, ranges and bounds are words too: it is no quantity anyway.
    """
    if profile.numbers >= profile.valued:
        return False
    counted = [pair for pair in table.counts(table.cell(name).text, FEW_VALUES + 2) if pair[0] is not None]
    others = [pair for pair in counted if not is_gap(pair[0]) and number_in(pair[0], profile.style) is None]
    single = profile.least == profile.most
    words = (is_a_word(word) or (single and is_inexact(word)) for word, _ in others)
    return len(counted) <= FEW_VALUES and min(count for _, count in others) >= RARE and all(words)


def _numbers_counted(cell: Cell) -> str:
    """SQL for what a profile counts of numbers x: `words`, `numbers`, `least`, `most`, `whole`, `codes`, `digits`."""
    return (
        f"count(*) FILTER ({cell.missing_word} AND x IS NULL), count(x), min(x), max(x), "
        f"coalesce(bool_and(x = floor(x)), false), count(*) FILTER ({cell.matches(CODE)} AND x IS NOT NULL), "
        f"count(*) FILTER ({cell.matches(_DIGIT)})"
    )


def _in_its_style(table: Table, name: str, profile: Profile, said: Said) -> Profile | DataError:
    """The profile of a column whose numbers may be written in another style than the plain one."""
    chosen = said.kinds.get(name)
    if not profile.unplain or chosen not in (None, "number") or profile.digits < _SHARE * profile.valued:
        return profile
    try:
        style = number_style(table, name, decimal=said.decimal, thousands=said.thousands, chosen=chosen == "number")
    except DataError as error:
        return error
    if style == PLAIN:
        return profile
    (block,) = table.blocks([name])
    ((*counted,),) = block.each(_numbers_counted(block.cell), style.of(block.cell)).values()
    return Profile(profile.rows, profile.present, profile.same, style, *counted)


# -------------------------------------------------------------------------------------------------------- judging


def judge(table: Table, names: Sequence[str], said: Said, *, alone: bool) -> Judged:
    """What each of the columns is; the only one (`alone`) is never taken for the numbers of the rows."""
    found = Judged()
    profiles: dict[str, Profile] = {}
    for name, profile in profiles_of(table, names, said).items():
        if isinstance(profile, DataError):
            found.refused[name] = profile
        else:
            profiles[name] = profile
    open_ = {name: profile for name, profile in profiles.items() if name not in said.kinds}
    for name in list(open_):
        if not open_[name].present:
            found.left_out[name] = "empty"
        elif open_[name].constant:
            found.left_out[name] = f"constant: {shown(table.text_at(0, name))} in every row"
    open_ = {name: profile for name, profile in open_.items() if name not in found.left_out}
    spoken = yes_no_columns(table, open_, said)
    chosen = {name: profiles[name] for name, kind in said.kinds.items() if name in profiles and kind == "yes/no"}
    spoken |= yes_no_columns(table, chosen, said)
    found.columns |= {name: column for name, (column, _) in spoken.items()}
    found.notes |= {name: note for name, (_, note) in spoken.items() if note}
    open_ = {name: profile for name, profile in open_.items() if name not in spoken}

    numbers = {name: profile for name, profile in open_.items() if profile.numeric}
    if not alone:
        found.left_out |= _numberings(table, numbers)
    words = {}
    for name, profile in open_.items():
        if name in numbers:
            if name not in found.left_out:
                found.columns[name] = Number.of(name, profile.style, indicator=_gaps(profile, said))
            continue
        try:
            column = _time(table, name, profile, said)
        except DataError as error:
            found.refused[name] = error
            continue
        if column is None:
            words[name] = profile
        else:
            found.columns[name] = column
    for name, kind in said.kinds.items():
        if name in profiles and kind != "yes/no":
            try:
                column = _chosen(table, name, kind, profiles[name], said)
            except DataError as error:
                found.refused[name] = error
                continue
            if column is None:
                words[name] = profiles[name]
            else:
                found.columns[name] = column
        elif name in chosen and name not in spoken:
            found.refused[name] = DataError(
                f"{table.path}: column {name!r} is not yes/no; its words must be yes and no, true and false, or 是 "
                "and 否"
            )
    _judge_words(table, words, said, found)
    if not found.columns:  # then numbers in order are all there is to learn from
        for name, reason in list(found.left_out.items()):
            if reason.startswith((f"identifier: {_RISES}", f"identifier: {_FALLS}")):
                found.columns[name] = Number.of(name, numbers[name].style, indicator=_gaps(numbers[name], said))
                del found.left_out[name]
    if said.fill:
        present = {  # a category has words for what is missing
            name: profiles[name].present if isinstance(column, Category) else profiles[name].valued
            for name, column in found.columns.items()
        }
        found.gaps = {name: profiles[name].rows - count for name, count in present.items()}
    return found


def _gaps(profile: Profile, said: Said) -> bool:
    """Whether the column needs a feature that says where it was filled in."""
    return said.fill and profile.valued < profile.rows


def _chosen(table: Table, name: str, kind: Kind, profile: Profile, said: Said) -> Column | None:
    """The column of a kind that the user names; a category is found with the other words."""
    if kind == "number":
        return Number.of(name, profile.style, indicator=_gaps(profile, said))
    if kind == "date":
        return Date.of(name, date_style(table, name, day_first=said.day_first), indicator=_gaps(profile, said))
    if kind == "time":
        return TimeOfDay(name, indicator=_gaps(profile, said))
    return None


def yes_no_columns(table: Table, profiles: Mapping[str, Profile], said: Said) -> dict[str, tuple[YesNo, str]]:
    """The columns whose values all mean yes or no, with what was read as one; 0 and 1 alone are numbers."""
    few = []
    for block in table.blocks(name for name, profile in profiles.items() if profile.numbers < profile.valued):
        few += [
            name for name, (count,) in block.each(f"approx_count_distinct({block.cell.text})").items() if count <= _FEW
        ]
    found = {}
    for block in table.blocks(few):
        for name, counted in block.counts().items():
            values = [(word, count) for word, count in counted if not is_gap(word)]
            pair = yes_no_pair(word for word, _ in values)
            if pair is not None:
                column = YesNo(name, pair, indicator=_gaps(profiles[name], said))
                found[name] = column, said_of(values_of(values))
    return found


def _numberings(table: Table, profiles: Mapping[str, Profile]) -> dict[str, str]:
    """The columns of numbers that only number or name the rows, and why.

    Whole numbers that rise (or fall) from each row to the next, or differ in all rows under a name of an index or key.
    """
    whole = [
        name
        for name, profile in profiles.items()
        if profile.whole and not profile.style.unit and profile.numbers >= max(LEAST_TO_JUDGE, _DISTINCT * profile.rows)
    ]
    found = {}
    for block in table.blocks(whole):
        values = np.asarray(block.values(f"coalesce({block.cell.number}, 'nan'::DOUBLE)"))
        for i, name in enumerate(block.names):
            reason = _numbering(name, values[:, i])
            if reason:
                found[name] = f"identifier: {reason}"
    return found


def _numbering(name: str, values: Array) -> str:
    """Why whole numbers only number or name the rows; nothing if they may mean something."""
    known = values[~np.isnan(values)]
    if len(known) == len(values):
        steps = np.diff(known)
        different = bool((steps > 0).all() or (steps < 0).all())
        if known.min() in (0.0, 1.0) and np.ptp(known) == len(known) - 1 and (different or _different(known)):
            return f"it counts the rows from {known.min():.0f}"
        if different and not _NAMES_ROWS.search(name):
            return f"{_RISES if steps[0] > 0 else _FALLS} from each row to the next"
    return "every row has its own number" if _NAMES_ROWS.search(name) and _different(known) else ""


def _different(numbers: Array) -> bool:
    return len(np.unique(numbers)) == len(numbers)


def _time(table: Table, name: str, profile: Profile, said: Said) -> Column | None:
    """A column of dates or times of day; None if it is neither."""
    cell = table.cell(name)
    if cell.kind != "TIMESTAMP" and profile.digits < _SHARE * profile.valued:
        return None
    style = date_style(table, name, day_first=said.day_first)
    dates, times = table.one(f"count({style.of(cell)}), count({time_of_day(cell)})")
    if max(dates, times) < _SHARE * profile.valued or not max(dates, times):
        return None
    if times > dates:
        return TimeOfDay(name, indicator=_gaps(profile, said))
    if not said.dates:
        row, text, _ = table.first(name, f"({style.of(cell)}) IS NOT NULL") or (0, "", 0)
        raise DataError(
            f"{table.place(row, name)}: {shown(text)} is a date, which is no number; leave the column out, or turn it "
            "into year, month, weekday, season and days with dates='expand' (--dates expand)"
        )
    return Date.of(name, style, indicator=_gaps(profile, said))


def _judge_words(table: Table, profiles: Mapping[str, Profile], said: Said, found: Judged) -> None:
    """Columns of words: identifiers, categories, or words that are all rare."""
    different: dict[str, int] = {}
    for block in table.blocks(profiles):
        different |= {name: count for name, (count,) in block.each(f"count(DISTINCT {block.cell.text})").items()}
    categories = []
    for name, profile in profiles.items():
        distinct = different[name]
        if (
            said.kinds.get(name) == "category"
            or profile.present < LEAST_TO_JUDGE
            or distinct < _DISTINCT * profile.present
        ):
            categories.append(name)
            continue
        cell = table.cell(name)
        (inexact,) = table.one(f"count(*) FILTER ({cell.matches(INEXACT)})")
        if inexact >= _SHARE * profile.valued:
            row, text, _ = table.first(name, cell.matches(INEXACT)) or (0, "", 0)
            reason, remedy = not_a_number(text).split("; ", 1)
            found.refused[name] = DataError(f"{table.place(row, name)}: {shown(text)} {reason}; {remedy}")
            continue
        every = distinct == profile.rows
        many = "every row has its own" if every else f"{distinct} different values in {profile.present} rows"
        found.left_out[name] = f"identifier: {many}"
    for block in table.blocks(categories):
        for name, counted in block.counts().items():
            profile = profiles[name]
            values = values_of(counted)
            missing = said.fill and profile.present < profile.rows
            category = _category(name, values, len(table), missing=missing)
            if not category.values and name not in said.kinds:
                found.left_out[name] = f"all its {different[name]} values are rare"
                continue
            found.columns[name] = category
            note = said_of(values)
            if note:
                found.notes[name] = note


def _category(name: str, values: Sequence[Value], rows: int, *, missing: bool) -> Category:
    least = min(RARE, max(1, rows // 100))
    kept = [value for value in values if value.count >= least][:MOST_VALUES]
    if len(values) == len(kept) + 1:  # a single other value is a value
        kept = list(values)
    rare = sorted(value.name for value in values[len(kept) :])
    remembered = tuple(rare) if len(rare) <= _MOST_RARE else ()
    named = {value.name for value in kept} | set(remembered)
    return Category(
        name,
        tuple(sorted(value.name for value in kept)),
        rare=remembered,
        other=bool(rare),
        missing=missing,
        spellings=tuple(
            (spelling, value.name)
            for value in values
            if value.name in named
            for spelling, _ in value.spellings
            if spelling != value.name
        ),
    )
