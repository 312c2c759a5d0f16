"""A preparation as a JSON document, and back: what a model file keeps. The reader believes nothing."""

import functools
import math
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from clearprop.data.columns import KINDS, YES_NO, Category, Column, YesNo
from clearprop.errors import ConfigurationError

if TYPE_CHECKING:
    from clearprop.data.preparation import Preparation

_NUMBERS = ("fill", "mean", "scale", "target_mean", "target_scale")
_WORDS = ("class_names", "constant")


def plan_config(plan: "Preparation") -> dict[str, Any]:
    """The document."""
    config = {name: list(getattr(plan, name)) for name in (*_NUMBERS, *_WORDS)}
    return {
        **config,
        "columns": [_column_config(column) for column in plan.columns],
        "target": plan.target,
        "missing": plan.missing,
        "left_out": [list(pair) for pair in plan.left_out],
    }


def plan_from_config(cls: "type[Preparation]", config: Any) -> "Preparation":
    """The plan, or a refusal."""
    if not isinstance(config, dict) or set(config) != {field.name for field in fields(cls)}:
        raise ConfigurationError("the preparation must have exactly the entries that config() gives")
    given: dict[str, Any] = {name: _list_of(name, config[name], float) for name in _NUMBERS}
    given |= {name: _list_of(name, config[name], str) for name in _WORDS}
    if not all(math.isfinite(value) for name in _NUMBERS for value in given[name]):
        raise ConfigurationError("the preparation holds a number that is not finite")
    if not isinstance(config["target"], str) or config["missing"] not in (None, "median"):
        raise ConfigurationError("the preparation's target must be text, its missing null or 'median'")
    columns = tuple(_column(entry) for entry in _list_of("columns", config["columns"], dict))
    pairs = tuple(_list_of("left_out", entry, str) for entry in _list_of("left_out", config["left_out"], list))
    plan = cls(columns=columns, target=config["target"], missing=config["missing"], left_out=pairs, **given)
    n_features = len(plan.feature_names)
    fits = n_features == len(plan.mean) == len(plan.scale) and len(plan.fill) == (n_features if plan.missing else 0)
    fits_target = len(plan.target_mean) == len(plan.target_scale) and (bool(plan.target_mean) != bool(plan.class_names))
    if not n_features or not fits or not fits_target or any(len(pair) != 2 for pair in pairs):
        raise ConfigurationError("the preparation's columns, means and scales do not fit together")
    if not all(scale > 0 for scale in (*plan.scale, *plan.target_scale)):
        raise ConfigurationError("the preparation has a scale that is not above zero")
    names = [column.name for column in plan.columns]
    _refuse_repeats("columns", [*names, *(name for name, _ in pairs)])
    _refuse_repeats("classes", plan.class_names)
    if not set(plan.constant) <= set(names):
        raise ConfigurationError("the preparation has a constant column that is not among its columns")
    return plan


def _column_config(column: Column) -> dict[str, Any]:
    cls: Any = type(column)
    values = {name: getattr(column, name) for name in _types(cls)}
    return {"kind": column.kind} | {n: list(v) if isinstance(v, tuple) else v for n, v in values.items()}


def _column(entry: dict[str, Any]) -> Column:
    cls: Any = KINDS.get(str(entry.get("kind")))
    types = {} if cls is None else _types(cls)
    if cls is None or entry.keys() != types.keys() | {"kind"}:
        raise ConfigurationError("the preparation has a column of no known kind")
    given: dict[str, Any] = {}
    for name, wanted in types.items():
        value = entry[name]
        if type(value) is wanted:
            given[name] = value
        elif wanted == tuple[str, ...]:
            given[name] = _list_of(name, value, str)
        else:
            raise ConfigurationError(f"the preparation's column has a {name} of the wrong type")
    column: Column = cls(**given)
    if isinstance(column, YesNo) and column.words not in YES_NO:
        raise ConfigurationError("the preparation has a yes/no column of other words")
    if isinstance(column, Category):
        _refuse_repeats("values of a category", (*column.values, *column.rare))
    return column


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
