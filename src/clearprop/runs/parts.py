"""Which rows a run learns from, watches and is judged by, and the plan that makes numbers of them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearprop._registry import did_you_mean, listed
from clearprop._types import Array
from clearprop.data import DATASETS, Dataset, Preparation, Table, load_dataset, read_table
from clearprop.data.dataset import Task
from clearprop.data.kinds import Said
from clearprop.data.target import known_targets
from clearprop.errors import ConfigurationError, DataError
from clearprop.files.nearest import nearest_file
from clearprop.judge import Leak, leaks
from clearprop.judge.answers import rows_of
from clearprop.judge.division import Division, absences, division_of, far_from_wanted, time_order
from clearprop.runs.options import RunOptions

LEAST_ROWS = 10
_MEANINGS = ("dates", "missing", "drop", "kinds", "decimal", "thousands", "day_first")  # what cells mean
_ORDERED = (
    "{name}: the rows are in the order of {column!r}, and the test rows are drawn from all times; if new rows will be "
    "later ones, judge on the last rows: split='time:{column}' (--split 'time:{column}')"
)


def load_data(name: str, **how: Any) -> Dataset | Table:
    """A built-in data set, or the table in the file `name` (write ``./iris`` for a file called iris).

    What else is given says how a file is read: see `read_table`.

    Raises
    ------
    DataError
        Neither, or the file cannot be used.
    """
    if name in DATASETS:
        for option, value in how.items():
            if value is not None:
                raise ConfigurationError(f"{option} is for files, and {name} is built in; leave it out")
        return load_dataset(name)
    if not os.path.lexists(name) and not os.path.splitext(name)[1] and os.path.basename(name) == name:
        hint = nearest_file(name)
        raise DataError(
            f"{name}: neither a file nor a built-in data set; {hint + ' ' if hint else ''}"
            f"{did_you_mean(name, list(DATASETS))}"
        )
    return read_table(name, **how)


def _meanings(options: RunOptions) -> dict[str, Any]:
    """The options that say how columns are read."""
    return {name: getattr(options, name) for name in _MEANINGS}


def _meanings_of_target(options: RunOptions) -> Said:
    """The same, as far as they concern the target."""
    return Said(fill=options.missing == "median", decimal=options.decimal, thousands=options.thousands)


@dataclass(frozen=True, eq=False)
class Planned:
    """All rows of a run before they are divided.

    Attributes
    ----------
    everything : Dataset
    plan : Preparation
        Without statistics, which are the training rows' own.
    division : Division
        By what the rows are to be divided.
    cautions : tuple of str
        What dividing them so leaves open.
    """

    everything: Dataset
    plan: Preparation
    division: Division
    cautions: tuple[str, ...] = ()


def planned(
    data: Dataset | Table, target: str | None, task: Task | None, options: RunOptions, *, test: Any, test_rows: Any
) -> Planned:
    """What each column is, decided over all rows; a table's rows without a target are left out."""
    if isinstance(data, Table) and target is not None:
        rows = len(data)
        data = known_targets(data, data.name_of(target), _meanings_of_target(options))
        if test_rows is not None and len(data) < rows:
            raise DataError(f"{data.notes[-1]}, so test_rows would count other rows; leave them out beforehand")
    everything, plan, division = _plan(data, target, task, options)
    if len(everything) < LEAST_ROWS:
        raise DataError(f"{everything.name} has {len(everything)} rows; at least {LEAST_ROWS} are needed")
    order = None
    if isinstance(data, Table) and division.keys is None and test is None and test_rows is None:
        order = time_order(data, plan.target, plan, _meanings(options))
    cautions = (_ORDERED.format(name=everything.name, column=order),) if order else ()
    return Planned(everything, plan, division, cautions)


def _plan(
    data: Dataset | Table, target: str | None, task: Task | None, options: RunOptions
) -> tuple[Dataset, Preparation, Division]:
    columns = _meanings(options)
    if isinstance(data, Dataset):
        usual = RunOptions()
        given = [name for name in (*columns, "split") if getattr(options, name) != getattr(usual, name)]
        if target is not None or task is not None:
            raise ConfigurationError(f"{data.name} has its target already; leave target and task out")
        if given:
            raise ConfigurationError(f"{given[0]} is for tables, and {data.name} is numbers already; leave it out")
        return data, Preparation.unmeasured(data), Division()
    if target is None:
        names = listed(data.names)
        raise ConfigurationError(
            f"{data.path}: which column is to be predicted? Pass target (--target), one of: {names}"
        )
    division = division_of(data, target, options.split, columns)
    if not division.left_out:
        plan, everything = Preparation.settle(data, target, task, **columns)
        return everything, plan, division
    columns["kinds"] = {name: kind for name, kind in options.kinds.items() if name != division.column}
    columns["drop"] = tuple(dict.fromkeys((*options.drop, division.column)))
    plan, everything = Preparation.settle(data, target, task, **columns)
    why = {division.column: "the rows are split by it"}
    plan = replace(plan, left_out=tuple((name, why.get(name, reason)) for name, reason in plan.left_out))
    return everything, plan, division


@dataclass(frozen=True, eq=False)
class Parts:
    """The rows of a run, the plan that the training rows are measured for, and what is to be known of them."""

    plan: Preparation
    training: Dataset
    validation: Dataset | None
    test: Dataset
    split: str
    cautions: tuple[str, ...]
    leaks: tuple[Leak, ...]


def divided(rows: Planned, options: RunOptions, own: Mapping[str, Dataset | Table | None], test_rows: Any) -> Parts:
    """Rows to judge on, then rows to say when to stop, then what is left to learn from."""
    everything, division = rows.everything, rows.division
    left = np.arange(len(everything))
    split: dict[str, Array] = {}
    cautions = []
    if own["test"] is None and test_rows is not None:
        split["test"], left = np.asarray(test_rows), np.setdiff1d(left, test_rows)
    for name, fraction in (("test", options.test), ("validation", options.validation)):
        if own[name] is not None or name in split or not fraction:
            continue
        among = len(left)
        left, split[name] = division.split(everything, left, fraction, options.seed)
        cautions.append(far_from_wanted(name, len(split[name]), among, fraction))
    parts = {"training": everything.take(left)}
    plan = rows.plan.fit_statistics(parts["training"])
    for name, given in own.items():
        if given is not None:
            parts[name] = rows_of(plan, given)
        elif name in split:
            parts[name] = everything.take(split[name])
    cautions.append(absences(everything, parts))
    said = (*(one for one in cautions if one), *rows.cautions)
    return Parts(
        plan=plan,
        training=parts["training"],
        validation=parts.get("validation"),
        test=parts["test"],
        split=division.about(split),
        cautions=said,
        leaks=tuple(leaks(parts["training"], plan.groups)),
    )
