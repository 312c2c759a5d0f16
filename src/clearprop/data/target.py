"""The column to predict: classes or a quantity, read by the same rules as the features."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from clearprop._registry import listed
from clearprop._types import Array
from clearprop.data.columns import Number, Unseen, refuse_missing, shown
from clearprop.data.dataset import Task
from clearprop.data.kinds import FEW_VALUES, Profile, Said, profiles_of, yes_no_columns
from clearprop.data.numbers import PLAIN, NumberStyle
from clearprop.data.table import Table
from clearprop.data.words import Value, Vocabulary, exactly, is_gap, meaning, number_in, said_of, values_of
from clearprop.errors import DataError

_REMEDY = "fill it in, or have such rows left out: missing='median' (--missing median)"


@dataclass(frozen=True)
class Target:
    """What the column to predict is.

    Attributes
    ----------
    classes : tuple of str
        In order, as the table writes them most frequently; none for a quantity.
    style : NumberStyle
        How its numbers are written.
    note : str
        Which spellings are one class; nothing if each class is written in one way.
    """

    classes: tuple[str, ...]
    style: NumberStyle = PLAIN
    note: str = ""


def with_targets(table: Table, name: str, classes: Sequence[str] | None = None) -> Table:
    """The rows that have a target; how many have none is added to the notes.

    An empty cell is none, and nor is a word such as n/a, unless it is one of the `classes` (None: any word may be).

    Raises
    ------
    DataError
        No row has one.
    """
    cell = table.cell(name)
    words = classes is not None and not any(map(is_gap, classes))
    gap = f"({cell.text} IS NULL" + (f" OR {cell.missing_word})" if words else ")")
    found = table.first(name, gap)
    if found is None:
        return table
    row, _, count = found
    if count == len(table):
        raise DataError(f"{table.path}: the target {name!r} is missing in every row; choose another target")
    rows = f"{count} of {len(table)} rows have" if count > 1 else f"1 of {len(table)} rows has"
    first = f", the first at {table.place(row, name)}" if count > 1 else f": {table.place(row, name)}"
    note = f"{rows} no target and {'are' if count > 1 else 'is'} left out{first}"
    return replace(table.where(f"NOT {gap}"), notes=(*table.notes, note))


def known_targets(table: Table, name: str, said: Said) -> Table:
    """`with_targets` of a table to learn from, unless gaps are refused; among numbers, or yes and no, n/a is a gap."""
    if not said.fill:
        return table
    profile = profiles_of(table, [name], said)[name]
    if isinstance(profile, DataError):  # which `target_of` raises
        return table
    plain = profile.numeric or name in yes_no_columns(table, {name: profile}, said)
    return with_targets(table, name, () if plain else None)


def target_of(table: Table, name: str, task: Task | None, said: Said) -> Target:
    """Text means classes, and so do a few whole numbers without a unit; `task` overrules that.

    Raises
    ------
    DataError
        A cell is missing or no number among numbers, or the target has one value, or too many for classes.
    """
    refuse_missing(table, name, _REMEDY)
    profile = profiles_of(table, [name], said)[name]
    if isinstance(profile, DataError):
        raise profile
    if profile.constant:
        raise _nothing_to_learn(table, name)
    yes_no = name in yes_no_columns(table, {name: profile}, said)
    numeric = profile.numeric and not yes_no
    if numeric or yes_no:
        _refuse_gap_words(table, name, profile.style)
    if numeric and task is None:
        task = _task_of(table, name, profile)
    if task == "regression":
        return Target((), profile.style)
    style = profile.style if numeric else PLAIN
    ((_, counted),) = (found for block in table.blocks([name]) for found in block.counts().items())
    values = values_of(counted, style)
    if len(values) == 1:
        raise _nothing_to_learn(table, name)
    if len(values) > len(table) / 2:
        raise DataError(
            f"{table.path}: the target {name!r} has {len(values)} different values in {len(table)} rows; "
            "a class needs several rows, choose another target" + (" or task regression" if numeric else "")
        )
    return Target(_in_order(values, style, yes_no=yes_no), style, said_of(values))


def _nothing_to_learn(table: Table, name: str) -> DataError:
    return DataError(
        f"{table.path}: the target {name!r} is {shown(table.text_at(0, name))} in every row; "
        "there is nothing to learn, choose another target"
    )


def _refuse_gap_words(table: Table, name: str, style: NumberStyle) -> None:
    """Among numbers, or yes and no, n/a is a missing value and no class."""
    cell = table.cell(name)
    found = table.first(name, f"{cell.missing_word} AND ({style.of(cell)}) IS NULL")
    if found:
        row, text, count = found
        more = f" ({count} such cells)" if count > 1 else ""
        raise DataError(f"{table.place(row, name)}: {shown(text)} stands for a missing value{more}; {_REMEDY}")


def _task_of(table: Table, name: str, profile: Profile) -> Task:
    """Classes or a quantity, of a column of numbers."""
    number = profile.style.of(table.cell(name))
    if profile.numbers < profile.rows:
        row, text, count = table.first(name, f"({number}) IS NULL") or (0, "", 0)
        more = f" ({count} of {profile.rows} cells are not)" if count > 1 else ""
        raise DataError(
            f"{table.place(row, name)}: {shown(text)} is not a number, as most cells of the target are{more}; correct "
            "it, or say that these are classes: task='classification' (--task classification)"
        )
    few = profile.whole and not profile.style.unit
    return "classification" if few and table.distinct(number) <= min(FEW_VALUES, profile.rows // 2) else "regression"


def _in_order(values: Sequence[Value], style: NumberStyle, *, yes_no: bool) -> tuple[str, ...]:
    """Numbers by size, no before yes, other words by the alphabet."""
    names = sorted(value.name for value in values)
    numbers = {name: number_in(name, style) for name in names}
    if all(number is not None for number in numbers.values()):
        names.sort(key=lambda name: numbers[name] or 0.0)
    elif yes_no:
        names.sort(key=lambda name: bool(meaning(name)))
    return tuple(names)


def class_numbers(table: Table, target: str, classes: tuple[str, ...], style: NumberStyle) -> Array:
    """The target as numbers of `classes`, however they are spelled here."""
    refuse_missing(table, target, _REMEDY)
    (block,) = table.blocks([target])
    words = exactly(classes)
    numbers = block.positions([words])[:, 0]
    if not numbers.all():
        vocabulary = Vocabulary(classes, style)
        ((*others,),) = block.others([words])
        words |= {word: index + 1 for word in others if (index := vocabulary.index(word)) is not None}
        numbers = block.positions([words])[:, 0]
    if not numbers.all():
        row = int(np.argmin(numbers))
        known = listed(classes, 8)
        raise DataError(
            f"{table.place(row, target)}: {shown(table.text_at(row, target))} is not among the classes the model "
            f"knows: {known}; correct it or remove the row"
        )
    return numbers - 1


def quantities(table: Table, target: str, style: NumberStyle) -> Array:
    """The target as float64."""
    refuse_missing(table, target, _REMEDY)
    ((_, values),) = Number.read(table, [Number.of(target, style)], fill=False, unseen=Unseen())
    if isinstance(values, DataError):
        raise values
    return np.asarray(values[:, 0])
