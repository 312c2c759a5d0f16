"""How long a fit takes, and the prediction of one row: our estimators against scikit-learn's, same settings.

Everything a caller waits for is in the time: validation of the input, training, the fitted attributes. Both fit the
same data from the same start weights with the same batches, one after the other in each round, so that a busy minute
hurts both. A first fit of each, not timed, compiles ours and warms both.

    python -m benchmarks.estimators                     # a Markdown table; some minutes
    python -m benchmarks.estimators --rounds 3 --only iris digits
"""

import argparse
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
import sklearn
import sklearn.datasets
import sklearn.neural_network

import clearprop
from benchmarks.measure import PAUSE
from clearprop import estimators


class Task(NamedTuple):
    """Data, the class's name and its settings."""

    name: str
    estimator: str
    data: Callable[[], tuple[Any, Any]]
    settings: dict[str, Any]


def synthetic(dtype: str) -> tuple[Any, Any]:
    """100,000 rows of 50 numbers in two classes."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100_000, 50)).astype(dtype)
    return X, (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(int)


def sparse(rows: int, columns: int) -> tuple[Any, Any]:
    """Rows with 20 numbers each, on average, that are not 0."""
    rng = np.random.default_rng(0)
    X = scipy.sparse.random_array((rows, columns), density=20 / columns, format="csr", rng=rng)
    return X, (X.sum(axis=1) > 10.0).astype(int)


def bundled(name: str) -> Callable[[], tuple[Any, Any]]:
    """One of the sets that come with scikit-learn."""
    return lambda: getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)


FEW = {"max_iter": 2, "random_state": 0}
TASKS = [
    Task("iris", "MLPClassifier", bundled("iris"), {"random_state": 0}),
    Task("breast_cancer", "MLPClassifier", bundled("breast_cancer"), {"random_state": 0}),
    Task("digits", "MLPClassifier", bundled("digits"), {"random_state": 0}),
    Task("diabetes", "MLPRegressor", bundled("diabetes"), {"random_state": 0}),
    Task("iris, L-BFGS", "MLPClassifier", bundled("iris"), {"random_state": 0, "solver": "lbfgs"}),
    Task("100,000 x 50, float64, 2 epochs", "MLPClassifier", lambda: synthetic("float64"), FEW),
    Task("100,000 x 50, float32, 2 epochs", "MLPClassifier", lambda: synthetic("float32"), FEW),
    Task("sparse 20,000 x 2,000, 2 epochs", "MLPClassifier", lambda: sparse(20_000, 2_000), FEW),
    Task("sparse 5,000 x 20,000, 2 epochs", "MLPClassifier", lambda: sparse(5_000, 20_000), FEW),
]


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes, once the threads of the work before have stopped spinning."""
    time.sleep(PAUSE)
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def fits(task: Task, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of fits, ours and theirs, by round."""
    X, y = task.data()
    make = [getattr(library, task.estimator) for library in (estimators, sklearn.neural_network)]
    ours, theirs = (lambda: make[0](**task.settings).fit(X, y)), (lambda: make[1](**task.settings).fit(X, y))
    warm = {"max_iter": 1} if task.settings.get("solver") != "lbfgs" else {}
    for estimator in make:
        estimator(**task.settings | warm).fit(X, y)
    times = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    return [mine for mine, _ in times], [other for _, other in times]


def one_row(rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of one `predict_proba` of one row of iris, ours and theirs, by round."""
    X, y = bundled("iris")()
    row = X[:1].copy()
    fitted = [library.MLPClassifier(max_iter=20).fit(X, y) for library in (estimators, sklearn.neural_network)]

    def repeated(estimator: Any) -> float:
        return seconds(lambda: [estimator.predict_proba(row) for _ in range(500)]) / 500

    times = [(repeated(fitted[0]), repeated(fitted[1])) for _ in range(rounds + 1)][1:]
    return [mine for mine, _ in times], [other for _, other in times]


def line(name: str, ours: list[float], theirs: list[float]) -> str:
    """A row of the table."""
    ratio = statistics.median(other / mine for mine, other in zip(ours, theirs, strict=True))
    mine, other = (f"{1e3 * statistics.median(times):,.3g} ms" for times in (ours, theirs))
    return f"| {name} | {mine} | {other} | {ratio:.3g} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=[""], metavar="NAME", help="tasks whose names begin so")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| fit | clearprop | scikit-learn | theirs / ours, median of rounds |\n| --- | --- | --- | --- |")
    for task in TASKS:
        if task.name.startswith(tuple(arguments.only)):
            print(line(task.name, *fits(task, arguments.rounds)), flush=True)
    if "predict_proba".startswith(tuple(arguments.only)):
        print(line("predict_proba of one row of iris", *one_row(arguments.rounds)))
    print(
        f"\n{arguments.rounds} rounds; clearprop {clearprop.__version__}, scikit-learn {sklearn.__version__}, "
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors"
    )


if __name__ == "__main__":
    main()
