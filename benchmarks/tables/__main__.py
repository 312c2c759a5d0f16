"""The command: `python -m benchmarks.tables`."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.machine import describe
from benchmarks.measure import ROOT
from benchmarks.tables.catalogue import GROUPS, Table
from benchmarks.tables.files import NotInstalled
from benchmarks.tables.methods import METHODS
from benchmarks.tables.report import markdown, pictures, summary

FOLDS = 5
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
Fold = dict[str, Any]


def main(arguments: list[str] | None = None) -> None:
    """Fit what is not in results.jsonl yet, then write results.json, results.md and two pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("--group", default="report", choices=list(GROUPS), help="of tables")
    parser.add_argument("--tables", default="", metavar="NAMES", help="of the group, separated by commas; default all")
    parser.add_argument("--methods", default="", metavar="NAMES", help=f"default all installed: {', '.join(METHODS)}")
    parser.add_argument("--folds", type=int, default=FOLDS, help="the first so many of each table's")
    parser.add_argument("--most-rows", type=int, default=10**9, help="leave larger tables out")
    parser.add_argument("--minutes", type=float, default=1e9, help="start no fit after so long; run again to go on")
    parser.add_argument("--patience", type=float, default=1800.0, help="seconds for the folds of a method on a table")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "tables")
    options = parser.parse_args(arguments)
    names = _known(parser, "table", options.tables, [table.name for table in GROUPS[options.group]])
    methods = _known(parser, "method", options.methods, list(METHODS))
    absent = [name for name in methods if not METHODS[name].installed]

    options.out.mkdir(parents=True, exist_ok=True)
    console, end = Console(stderr=True), time.monotonic() + 60 * options.minutes
    path = options.out / f"{options.group}.jsonl"
    tables, missing = _present([table for table in GROUPS[options.group] if table.name in names], options.most_rows)
    failed: dict[str, str] = {}
    for table in tables:
        for method in (name for name in methods if name not in absent):
            done = {fold["fold"] for fold in _read(path) if (fold["table"], fold["method"]) == (table.name, method)}
            rest = [fold for fold in range(options.folds) if fold not in done]
            if not rest or time.monotonic() > end:
                continue
            console.print(f"{time.strftime('%H:%M:%S')} {table.name}: {METHODS[method].title}", style="dim")
            if why := _fit(table.name, method, rest, path, options.patience):
                failed[f"{table.name}, {METHODS[method].title}"] = why
    results = summary([fold for fold in _read(path) if fold["table"] in names and fold["method"] in methods])
    results |= {
        "group": options.group,
        "machine": describe(),
        "not installed": [METHODS[name].title for name in absent],
        "tables left out": missing,
        "failed": failed,
    }
    (options.out / f"{options.group}.json").write_text(json.dumps(results, indent=1) + "\n")
    text = markdown(results)
    (options.out / f"{options.group}.md").write_text(text, encoding="utf-8")
    pictures(results, options.out / options.group)
    print(text)


def _known(parser: argparse.ArgumentParser, what: str, asked: str, known: list[str]) -> list[str]:
    names = [name for name in asked.split(",") if name] or known
    for name in names:
        if name not in known:
            parser.error(f"no {what} {name!r}; there are {', '.join(known)}")
    return names


def _present(tables: Iterable[Table], most_rows: int) -> tuple[list[Table], dict[str, str]]:
    """The tables whose packages are installed, and why the others are left out."""
    found, missing = [], {}
    for table in tables:
        try:
            rows = len(table.load()[1])
        except NotInstalled as error:
            missing[table.name] = f"{error} is not installed"
            continue
        if rows > most_rows:
            missing[table.name] = f"{rows:,} rows are more than asked for"
        else:
            found.append(table)
    return found, missing


def _read(path: Path) -> list[Fold]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _fit(table: str, method: str, folds: list[int], path: Path, patience: float) -> str | None:
    """Append a line for each fold to the results; what went wrong, if anything did."""
    command = [sys.executable, "-m", "benchmarks.tables.worker", table, method, *map(str, folds)]
    with path.open("a", encoding="utf-8") as file:
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=os.environ | ONE_THREAD, stdout=file, stderr=subprocess.PIPE, text=True,
                timeout=patience,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"took more than {patience:g} s"
    return (done.stderr.strip().splitlines() or ["ended by itself"])[-1][:300] if done.returncode else None


if __name__ == "__main__":
    main()
