"""A preparation as a JSON document, and back: what a model file keeps. The reader believes nothing.

What came after the first format is left out where it says nothing, so that older readers can do without it, and is
taken to say nothing where it is missing, so that older documents can be read.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

from clearprop.data.columns import KINDS, Category, Column, Number, YesNo
from clearprop.data.numbers import PLAIN, NumberStyle
from clearprop.data.words import YES_NO
from clearprop.errors import ConfigurationError

if TYPE_CHECKING:
    from clearprop.data.preparation import Preparation

_NUMBERS = ("fill", "mean", "scale", "target_mean", "target_scale")
_WORDS = ("class_names", "constant")
_FIRST = (*_NUMBERS, *_WORDS, "columns", "target", "missing", "left_out")  # every document has these
_LATER = ("target_style", "notes", "gaps")
_FIRST_FIELDS = ("name", "indicator", "words", "values", "rare", "other", "missing")  # of columns, likewise


def plan_config(plan: "Preparation") -> dict[str, Any]:
    """The document."""
    config: dict[str, Any] = {name: list(getattr(plan, name)) for name in (*_NUMBERS, *_WORDS)}
    config |= {
        "columns": [_column_config(column) for column in plan.columns],
        "target": plan.target,
        "missing": plan.missing if plan.fills else None,
        "left_out": [list(pair) for pair in plan.left_out],
    }
    if plan.target_style != PLAIN:
        config["target_style"] = {name: getattr(plan.target_style, name) for name in _types(NumberStyle)}
    if plan.notes:
        config["notes"] = list(plan.notes)
    if plan.gaps:
        config["gaps"] = [list(pair) for pair in plan.gaps]
    return config


def plan_from_config(cls: "type[Preparation]", config: Any) -> "Preparation":
    """The plan, or a refusal."""
    if not isinstance(config, dict) or not set(_FIRST) <= set(config) <= {*_FIRST, *_LATER}:
        raise ConfigurationError("the preparation must have exactly the entries that config() gives")
    given: dict[str, Any] = {name: _list_of(name, config[name], float) for name in _NUMBERS}
    given |= {name: _list_of(name, config[name], str) for name in _WORDS}
    if not all(math.isfinite(value) for name in _NUMBERS for value in given[name]):
        raise ConfigurationError("the preparation holds a number that is not finite")
    if not isinstance(config["target"], str) or config["missing"] not in (None, "median"):
        raise ConfigurationError("the preparation's target must be text, its missing null or 'median'")
    columns = tuple(_column(entry) for entry in _list_of("columns", config["columns"], dict))
    pairs = tuple(_list_of("left_out", entry, str) for entry in _list_of("left_out", config["left_out"], list))
    plan = cls(
        columns=columns,
        target=config["target"],
        missing=config["missing"] or "refuse",
        left_out=pairs,
        gaps=_counts("gaps", config.get("gaps", [])),
        target_style=_style(config.get("target_style", {})),
        notes=_list_of("notes", config.get("notes", []), str),
        **given,
    )
    n_features = len(plan.feature_names)
    fits = n_features == len(plan.mean) == len(plan.scale) and len(plan.fill) == (n_features if plan.fills else 0)
    fits_target = len(plan.target_mean) == len(plan.target_scale) and (bool(plan.target_mean) != bool(plan.class_names))
    if not n_features or not fits or not fits_target or any(len(pair) != 2 for pair in pairs):
        raise ConfigurationError("the preparation's columns, means and scales do not fit together")
    if not all(scale > 0 for scale in (*plan.scale, *plan.target_scale)):
        raise ConfigurationError("the preparation has a scale that is not above zero")
    names = [column.name for column in plan.columns]
    _refuse_repeats("columns", [*names, *(name for name, _ in pairs)])
    _refuse_repeats("classes", plan.class_names)
    for what, some in (("constant column", plan.constant), ("column with gaps", [name for name, _ in plan.gaps])):
        if not set(some) <= set(names):
            raise ConfigurationError(f"the preparation has a {what} that is not among its columns")
    return plan


def _counts(name: str, entries: Any) -> tuple[tuple[str, int], ...]:
    pairs = _list_of(name, entries, list)
    if not all(list(map(type, pair)) == [str, int] for pair in pairs):
        raise ConfigurationError(f"the preparation's {name} must hold pairs of a column and a count")
    return tuple((column, count) for column, count in pairs)


def _style(entry: Any) -> NumberStyle:
    if not isinstance(entry, dict) or not (entry.keys() <= _types(NumberStyle).keys()):
        raise ConfigurationError("the preparation has a target_style of unknown entries")
    if not all(isinstance(value, str) for value in entry.values()):
        raise ConfigurationError("the preparation's target_style must hold text")
    style = NumberStyle(**entry)
    _check_style(style)
    return style


def _check_style(style: NumberStyle) -> None:
    if style.decimal not in (".", ",") or style.thousands == style.decimal:
        raise ConfigurationError("the preparation has numbers of no known style")


def _column_config(column: Column) -> dict[str, Any]:
    cls: Any = type(column)
    config: dict[str, Any] = {"kind": column.kind}
    for name in _types(cls):
        value = getattr(column, name)
        if name in _FIRST_FIELDS or value != _defaults(cls)[name]:
            config[name] = _listed(value)
    return config


def _listed(value: Any) -> Any:
    """Tuples as lists."""
    return [_listed(item) for item in value] if isinstance(value, tuple) else value


def _column(entry: dict[str, Any]) -> Column:
    cls: Any = KINDS.get(str(entry.get("kind")))
    types = {} if cls is None else _types(cls)
    first = types.keys() & set(_FIRST_FIELDS)
    if cls is None or not (first | {"kind"}) <= entry.keys() <= (types.keys() | {"kind"}):
        raise ConfigurationError("the preparation has a column of no known kind")
    given: dict[str, Any] = {}
    for name in entry.keys() - {"kind"}:
        value, wanted = entry[name], types[name]
        if type(value) is wanted:
            given[name] = value
        elif wanted == tuple[str, ...]:
            given[name] = _list_of(name, value, str)
        elif wanted == tuple[tuple[str, str], ...]:
            given[name] = tuple(_list_of(name, pair, str) for pair in _list_of(name, value, list))
        else:
            raise ConfigurationError(f"the preparation's column has a {name} of the wrong type")
    column: Column = cls(**given)
    if isinstance(column, YesNo) and column.words not in YES_NO:
        raise ConfigurationError("the preparation has a yes/no column of other words")
    if isinstance(column, Number):
        _check_style(column.style)
    if isinstance(column, Category):
        known = (*column.values, *column.rare)
        _refuse_repeats("values of a category", known)
        if not all(len(pair) == 2 and pair[1] in known and pair[0] not in known for pair in column.spellings):
            raise ConfigurationError("the preparation has a category with spellings of words that it does not have")
    return column


@functools.cache
def _defaults(cls: type[Any]) -> dict[str, Any]:
    """What a column of this kind holds if nothing is said."""
    return {field.name: None if field.default is MISSING else field.default for field in fields(cls)}


@functools.cache
def _types(cls: type[Any]) -> dict[str, Any]:
    """What a column of this kind holds."""
    return {field.name: field.type for field in fields(cls)}


def _refuse_repeats(what: str, words: Sequence[str]) -> None:
    if len(set(words)) < len(words):
        raise ConfigurationError(f"the preparation has the same word twice among its {what}")


def _list_of(name: str, value: Any, kind: type[Any]) -> tuple[Any, ...]:
    if not isinstance(value, list) or not all(type(item) is kind for item in value):
        raise ConfigurationError(f"the preparation's {name} must hold values of type {kind.__name__}")
    return tuple(value)
