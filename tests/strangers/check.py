"""Whether a file is read as what it means: every name, every cell, every class, or a question that can be answered."""

import ast
import inspect
import json
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from clearprop.data import Preparation, read_table
from clearprop.errors import ClearpropError, DataWarning
from strangers.columns import Column, angle
from strangers.generator import Export
from strangers.programs import NARROW, NO_BREAK

MOST_QUESTIONS = 4
NEW_ROWS = 4
"""Of every so many files, one is given new rows."""

_READING = {"encoding", "separator", "header", "sheet"} | set(inspect.signature(read_table).parameters) - {"source"}
_MEANING = {"decimal", "thousands", "day_first", "kinds", "drop", "task"}
_COMMAND = {"day_first": "--(day-first|month-first)", "kinds": "--kind ", "first_row": "--first-row"}
_KINDS = {
    "number": ("number",),
    "classes": ("number", "category"),
    "date": ("date",),
    "time": ("time",),
    "yes/no": ("yes/no", "category", "number"),
    "words": ("category",),
}
_PROPOSAL = re.compile(r"""\b([a-z_]+)=('[^']*'|"[^"]*"|True|False|-?\d+|\{[^}]*\}|\[[^\]]*\])""")


class Misread(Exception):
    """Another table than the file means, or a remedy that does not lead to it."""


@dataclass(frozen=True)
class Outcome:
    """How a file was read.

    Attributes
    ----------
    questions : tuple of str
        The refusals on the way, without names and numbers; none if it was read at sight.
    problem : str
        What went wrong; empty if the table is the one that the file means.
    """

    questions: tuple[str, ...]
    problem: str = ""

    @property
    def how(self) -> str:
        """In two words."""
        return "failed" if self.problem else "read with options" if self.questions else "read at sight"


def check(export: Export, folder: Path) -> Outcome:
    """Read the file, answering what is asked, and compare."""
    path = folder / f"table{export.suffix}"
    path.write_bytes(export.content)
    given: dict[str, Any] = {}
    questions: list[str] = []
    while True:
        try:
            table, plan, warned = _read(path, export.target, given)
        except ClearpropError as refusal:
            text = str(refusal)
            questions.append(_in_general(text, export))
            try:
                if len(questions) > MOST_QUESTIONS:
                    raise Misread("too many questions")
                answers = answers_to(text, export, given)
            except Misread as problem:
                return Outcome(tuple(questions), f"{problem}: {text}")
            given |= answers
            continue
        try:
            compare(export, table, plan, warned)
            if export.number % NEW_ROWS == 0:
                compare_new_rows(export, path, plan, given)
            said = set(given) | ({"thousands"} if "decimal" in given else set())
            if missing := set(export.undecidable) - said:
                raise Misread(f"nobody can know {missing}, and nothing was asked")
        except Misread as problem:
            return Outcome(tuple(questions), f"{problem}" + (f" (given {given})" if given else ""))
        return Outcome(tuple(questions))


def _read(path: Path, target: str, given: Mapping[str, Any]) -> tuple[Any, Preparation, list[str]]:
    reading = {name: value for name, value in given.items() if name in _READING}
    meaning = {name: value for name, value in given.items() if name in _MEANING}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        table = read_table(path, **reading)
        plan = Preparation.fit(table, target, dates="expand", missing="median", **meaning)
    return table, plan, [str(warning.message) for warning in caught]


# -------------------------------------------------------------------------------------------------- the questions


def answers_to(message: str, export: Export, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the person who made the file answers to a refusal: options that it names, with values that it proposes.

    Raises
    ------
    Misread
        It names no option (for Python and for the command), none that was not given already, or only values that
        read the file as something else.
    """
    proposed: dict[str, list[Any]] = defaultdict(list)
    for name, value in _PROPOSAL.findall(message):
        if name in _READING | _MEANING:
            proposed[name].append(ast.literal_eval(value))
    if not proposed:
        raise Misread("refused, and no option is named")
    answers: dict[str, Any] = {}
    for name, values in proposed.items():
        if not re.search(_COMMAND.get(name, f"--{name}"), message):
            raise Misread(f"the command's form of {name} is not named")
        right = [value for value in values if _is_right(name, value, export)]
        if right and name == "kinds":
            answers[name] = dict(given.get(name, {})) | right[0]
        elif right and name == "drop":
            answers[name] = [*given.get(name, []), *right[0]]
        elif right:
            answers[name] = right[0]
    if not answers:
        raise Misread(f"the remedies lead to something else ({dict(proposed)})")
    if all(given.get(name) == value for name, value in answers.items()):
        raise Misread(f"what was answered already is asked again ({answers})")
    return answers


def _is_right(name: str, value: Any, export: Export) -> bool:
    """Whether the person who made the file would give this value."""
    if name == "encoding":
        return _decodes_alike(value, export)
    if name == "kinds":
        kinds = {column.name: column.kind for column in export.columns}
        return all(value[column] in _KINDS.get(kinds.get(column, ""), ()) for column in value)
    if name == "drop":
        return all(column.kind == "row name" for column in export.columns if column.name in value)
    return name in export.answers and bool(_one_name(export.answers[name]) == _one_name(value))


_NAMES = {NARROW: " ", NO_BREAK: " ", "blank": " ", "tab": "\t", "\N{RIGHT SINGLE QUOTATION MARK}": "'"}


def _one_name(value: Any) -> Any:
    """One name for all blanks, for tabs, and for all apostrophes."""
    return _NAMES.get(value, value) if isinstance(value, str) else value


def _decodes_alike(encoding: str, export: Export) -> bool:
    content = export.text.encode(export.encoding)
    try:
        return content.decode(encoding).removeprefix("\ufeff") == export.text
    except (UnicodeError, LookupError):
        return False


def _in_general(message: str, export: Export) -> str:
    """A refusal without what belongs to this file alone, so that equal reasons can be counted."""
    message = re.sub(r"^.*?table\.\S+?:( column '[^']*':)?", "", message)
    message = re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", message)
    return re.sub(r"\d+", "#", message).strip()[:110]


# ------------------------------------------------------------------------------------------------- the comparison


def compare(export: Export, table: Any, plan: Preparation, warned: list[str]) -> None:
    """Raise `Misread` if the table or the plan is not what the file means."""
    _compare_names(export, table)
    rows = len(export.columns[0].values)
    if len(table) != rows:
        raise Misread(f"{len(table)} rows instead of {rows}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        data = plan.dataset(table)
    parts = {name: part for name, part in plan.groups}
    kinds = {column.name: column for column in plan.columns}
    left_out = dict(plan.left_out)
    named = {column.name: column for column in export.columns if column.name}
    if strangers := set(kinds) - set(named):
        raise Misread(f"columns {strangers} are learned from, which only name the rows or are not there")
    for name, column in named.items():
        if name == export.target:
            _compare_target(column, plan, data.y, column)
        elif column.kind == "row name":
            _compare_text(column, table)
            if name in kinds:
                raise Misread(f"{name!r} only names the rows, but is learned from as a {kinds[name].kind}")
            if not any(repr(name) in warning for warning in warned):
                raise Misread(f"that {name!r} is left out is not said")
        elif column.constant:
            if name not in left_out:
                raise Misread(f"{name!r} is constant, and is learned from")
        elif name not in kinds:
            raise Misread(f"{name!r} ({column.kind}) is left out: {left_out.get(name, 'without a word')}")
        else:
            found = dict(zip(kinds[name].features, data.X[:, parts[name]].T, strict=True))
            _compare_column(column, kinds[name], found)


def compare_new_rows(export: Export, path: Path, plan: Preparation, given: Mapping[str, Any]) -> None:
    """Raise `Misread` if a saved plan reads new rows otherwise: here three of the old ones, in a file of their own."""
    rows = [0, len(export.columns[0].values) // 2, len(export.columns[0].values) - 1]
    part = export.part(rows)
    path.write_bytes(part.content)
    reading = {name: value for name, value in given.items() if name in _READING - {"footer"}}  # they have none
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        try:
            table = read_table(path, **reading)
        except ClearpropError as refusal:
            reading |= answers_to(str(refusal), replace(part, answers=part.answers | {"footer": 0}), reading)
            table = read_table(path, **reading)
        if len(table) != len(rows):
            raise Misread(f"of {len(rows)} new rows, {len(table)} are read")
        found = Preparation.from_config(json.loads(json.dumps(plan.config()))).dataset(table)
    parts = dict(plan.groups)
    columns = {column.name: column for column in plan.columns}
    for column in part.columns:
        if column.name in columns:
            features = columns[column.name].features
            values = found.X[:, parts[column.name]].T
            _compare_column(column, columns[column.name], dict(zip(features, values, strict=True)))
    _compare_target(_named(part, export.target), plan, found.y, _named(export, export.target))


def _compare_names(export: Export, table: Any) -> None:
    names = tuple(column.name for column in export.columns)
    found = table.names
    if names[0] == "":
        names = names[1:]
        found = found[1:] if len(found) == len(names) + 1 else found
    if found != names:
        raise Misread(f"the columns are called {found} instead of {names}")


def _compare_text(column: Column, table: Any) -> None:
    for row, (found, cell) in enumerate(zip(table.text(column.name), column.cells, strict=True)):
        if found != cell.strip(" \t"):
            raise Misread(f"{column.name!r}, row {row}: {found!r} instead of {cell!r}")


def _compare_column(column: Column, found: Any, features: Mapping[str, np.ndarray]) -> None:
    """Compare what goes into the network with what the cells mean."""
    compare = {"number": _compare_number, "date": _compare_date, "time": _compare_time}.get(column.kind, _compare_words)
    if found.kind not in _KINDS[column.kind]:
        raise Misread(f"{column.name!r} is taken for a {found.kind}, not for a {column.kind}: {found}")
    known = np.array([value is not None for value in column.values])
    missing = features.get(f"{column.name} (missing)")
    if missing is not None:
        _same(column, "is a gap", missing, [float(not here) for here in known], np.ones(len(known), dtype=bool))
    elif found.kind != "category" and not known.all():
        raise Misread(f"{column.name!r}: its gaps are not noted")
    compare(column, found, features, known)


def _same(column: Column, what: str, found: np.ndarray, meant: list[Any], known: np.ndarray, far: float = 0.0) -> None:
    for row, (is_there, value) in enumerate(zip(found, meant, strict=True)):
        if known[row] and not abs(is_there - value) <= far:
            raise Misread(
                f"{column.name!r} {what}, row {row}: {column.cells[row]!r} is {is_there!r} instead of {value!r}"
            )


def _compare_number(column: Column, found: Any, features: Mapping[str, np.ndarray], known: np.ndarray) -> None:
    _same(column, "number", features[column.name], list(column.values), known)


def _compare_date(column: Column, found: Any, features: Mapping[str, np.ndarray], known: np.ndarray) -> None:
    start = datetime(1970, 1, 1)
    moments = [value or start for value in column.values]
    microseconds = np.round(features[f"{column.name} days"] * 86400e6)
    _same(column, "date", microseconds, [(at - start) // timedelta(microseconds=1) for at in moments], known)
    for part, meant in {
        "year": [at.year for at in moments],
        "month": [at.month for at in moments],
        "weekday": [at.isoweekday() for at in moments],
    }.items():
        _same(column, part, features[f"{column.name} {part}"], meant, known)
    seconds = [(at - at.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds() for at in moments]
    if any(seconds):
        _compare_clock(column, features, seconds, known)


def _compare_time(column: Column, found: Any, features: Mapping[str, np.ndarray], known: np.ndarray) -> None:
    _compare_clock(column, features, [value or 0.0 for value in column.values], known)


def _compare_clock(column: Column, features: Mapping[str, np.ndarray], seconds: list[float], known: np.ndarray) -> None:
    for number, name in enumerate(("sine of day", "cosine of day")):
        if f"{column.name} {name}" not in features:
            raise Misread(f"{column.name!r}: the time of day is lost")
        _same(column, name, features[f"{column.name} {name}"], [angle(s)[number] for s in seconds], known, 1e-9)


def _compare_words(column: Column, found: Any, features: Mapping[str, np.ndarray], known: np.ndarray) -> None:
    if found.kind == "category":
        _compare_category(column, features)
    elif column.kind == "yes/no":
        _same(column, "yes/no", features[column.name], [float(bool(value)) for value in column.values], known)
    else:
        raise Misread(f"{column.name!r} is taken for a {found.kind}")


def _compare_category(column: Column, features: Mapping[str, np.ndarray]) -> None:
    """Each row has its word, and different meanings have different words."""
    names = [name.removeprefix(f"{column.name}=") for name in features]
    matrix = np.column_stack(list(features.values()))
    if not (matrix.sum(axis=1) == 1).all():
        raise Misread(f"{column.name!r}: some rows have no word")
    read = [names[place] for place in matrix.argmax(axis=1)]
    _one_to_one(column, read)
    if column.kind == "words":
        for row, (word, value) in enumerate(zip(read, column.values, strict=True)):
            if value is not None and word != value:
                raise Misread(f"{column.name!r}, row {row}: {word!r} instead of {value!r}")


def _one_to_one(column: Column, read: list[str]) -> None:
    """A meaning is one word and a word one meaning; but several words may stand for a gap."""
    spelled: dict[Any, set[str]] = defaultdict(set)
    for value, word in zip(column.values, read, strict=True):
        spelled[value].add(word)
    words = [word for several in spelled.values() for word in several]
    if any(len(several) > 1 for value, several in spelled.items() if value is not None):
        raise Misread(f"{column.name!r}: one meaning has become several words: {dict(spelled)}")
    if len(set(words)) < len(words):
        raise Misread(f"{column.name!r}: several meanings have become one word: {dict(spelled)}")


def _named(export: Export, name: str) -> Column:
    return next(column for column in export.columns if column.name == name)


def _compare_target(column: Column, plan: Preparation, y: np.ndarray, trained: Column) -> None:
    """Compare quantities, or classes, whose labels are spelled as most often in the column that was `trained` on."""
    known = np.ones(len(column.values), dtype=bool)
    if column.kind == "number":
        if plan.task != "regression":
            raise Misread(f"the quantity {column.name!r} has become {len(plan.class_names)} classes")
        _same(column, "quantity", y.reshape(len(known), -1)[:, 0], list(column.values), known)
        return
    if plan.task != "classification":
        raise Misread(f"the classes {column.name!r} have become a quantity")
    read = [plan.class_names[number] for number in y]
    _one_to_one(column, read)
    spellings: dict[Any, Counter[str]] = defaultdict(Counter)
    for value, cell in zip(trained.values, trained.cells, strict=True):
        spellings[value][cell.strip(" \t")] += 1
    for value, word in zip(column.values, read, strict=True):
        counted = spellings[value]
        if counted[word] < max(counted.values()):
            raise Misread(f"the class {word!r} is mostly written {counted.most_common(1)[0][0]!r} in the file")
