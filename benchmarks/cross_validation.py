"""How good are the defaults of `clearprop train`? A 5-fold cross-validation against scikit-learn's linear models.

Five data sets are written as files, with column names and text labels, and each fold goes through the command's
own code: `read_table`, then `train_run(table, test_rows=fold)` with default options. The rival learns the same
folds: StandardScaler and LogisticRegression, or Ridge, on the whole training part, of which `clearprop` uses a
fifth to decide when to stop.

The defaults were chosen by looking at these five sets and at seeds 0 to 4, so the numbers for these seeds flatter them;
`--first-seed 100` deals the rows into folds that had no part in the choice. The sets themselves had.

    python benchmarks/cross_validation.py            # prints a Markdown table; about ten minutes
    python benchmarks/cross_validation.py --seeds 1 --sets iris wine
"""

import argparse
import csv
import os
import platform
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import clearprop
from clearprop.data import Dataset, load_dataset, read_table
from clearprop.runs.options import RunOptions
from clearprop.runs.training import train_run

SETS = ("iris", "wine", "breast_cancer", "digits", "diabetes")
TARGET = "answer"
WORSE_AT_MOST = {"accuracy": 0.01, "r2": 0.03}
"""By how much the mean score may be below the linear model's."""


class Comparison(NamedTuple):
    """One data set: the scores of each fold."""

    name: str
    ending: str
    metric: str
    network: list[float]
    linear: list[float]

    @property
    def difference(self) -> float:
        """Mean score of the network less that of the linear model."""
        return float(np.mean(self.network) - np.mean(self.linear))

    @property
    def good(self) -> bool:
        """Whether the difference is within what is promised."""
        return self.difference >= -WORSE_AT_MOST[self.metric]


def write_file(data: Dataset, folder: Path, ending: str) -> Path:
    """The data set as a CSV or Parquet file with names and text labels; all digits are kept."""
    path = folder / f"{data.name}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*data.feature_names, TARGET])
        for x, y in zip(data.X.tolist(), data.y.tolist(), strict=True):
            writer.writerow([*x, f"class {data.target_names[y]}" if data.target_names else y])
    if ending == ".csv":
        return path
    import duckdb

    parquet = path.with_suffix(".parquet")
    duckdb.connect().execute(f"COPY (SELECT * FROM read_csv(?)) TO '{parquet}' (FORMAT parquet)", [str(path)])
    return parquet


def folds(data: Dataset, seed: int) -> Iterator[tuple[Any, Any]]:
    """Training and test rows of five folds."""
    kind = StratifiedKFold if data.task == "classification" else KFold
    yield from kind(5, shuffle=True, random_state=seed).split(data.X, data.y)


def compare(name: str, folder: Path, *, ending: str = ".csv", seeds: Iterable[int] = range(5)) -> Comparison:
    """Both models on all folds of one data set."""
    data = load_dataset(name)
    table = read_table(write_file(data, folder, ending))
    classes = data.task == "classification"
    network, linear = [], []
    for seed in seeds:
        for training, test in folds(data, seed):
            run = train_run(table, RunOptions(seed=seed), target=TARGET, test_rows=test)
            network.append(run.score)
            rival = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000) if classes else Ridge())
            linear.append(rival.fit(data.X[training], data.y[training]).score(data.X[test], data.y[test]))
    return Comparison(name, ending, "accuracy" if classes else "r2", network, linear)


def markdown(found: Iterable[Comparison]) -> str:
    """The comparisons as a table: mean and standard deviation over the folds."""
    lines = [
        "| data | file | metric | clearprop train | linear model | difference | promised |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in found:
        mine, theirs = (f"{np.mean(s):.4f} ± {np.std(s):.4f}" for s in (one.network, one.linear))
        promise = f"≥ −{WORSE_AT_MOST[one.metric]} {'kept' if one.good else 'BROKEN'}"
        lines.append(
            f"| {one.name} | {one.ending} | {one.metric} | {mine} | {theirs} | {one.difference:+.4f} | {promise} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="how many (default: 5)")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of them (default: 0)")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS, metavar="SET", help=", ".join(SETS))
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    with tempfile.TemporaryDirectory() as folder:
        found = [
            compare(name, Path(folder), ending=ending, seeds=seeds)
            for ending in (".csv", ".parquet")
            for name in arguments.sets
        ]
    print(markdown(found))
    machine = f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors"
    print(f"\n5 folds, seeds {seeds.start} to {seeds.stop - 1}; clearprop {clearprop.__version__}, {machine}")


if __name__ == "__main__":
    main()
