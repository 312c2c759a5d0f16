"""Do our estimators score as scikit-learn's do? Five data sets, 20 splits, default settings, both on the same splits.

Each seed splits the rows anew (three quarters train) and is the random state of both. Inputs are standardised.

    python -m benchmarks.estimator_scores               # a Markdown table; some minutes
    python -m benchmarks.estimator_scores --seeds 5 --sets iris wine
"""

import argparse
import warnings
from collections.abc import Iterable

import numpy as np
import sklearn.datasets
import sklearn.neural_network
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from clearprop import estimators

SETS = {
    "iris": "MLPClassifier",
    "wine": "MLPClassifier",
    "breast_cancer": "MLPClassifier",
    "digits": "MLPClassifier",
    "diabetes": "MLPRegressor",
}


def scores(name: str, seeds: Iterable[int]) -> tuple[list[float], list[float]]:
    """Accuracy or R² on the held-out quarter, ours and theirs, by seed."""
    X, y = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
    found: tuple[list[float], list[float]] = [], []
    for seed in seeds:
        training, test = train_test_split(np.arange(len(y)), random_state=seed)
        for library, into in zip((estimators, sklearn.neural_network), found, strict=True):
            model = make_pipeline(StandardScaler(), getattr(library, SETS[name])(random_state=seed))
            into.append(model.fit(X[training], y[training]).score(X[test], y[test]))
    return found


def line(name: str, ours: list[float], theirs: list[float]) -> str:
    """A row of the table: means with their standard errors, and whether ours is within one of them or better."""
    errors = [np.std(one, ddof=1) / np.sqrt(len(one)) for one in (ours, theirs)]
    mine, other = (f"{np.mean(one):.4f} ± {error:.4f}" for one, error in zip((ours, theirs), errors, strict=True))
    difference = float(np.mean(ours) - np.mean(theirs))
    same = sum(a == b for a, b in zip(ours, theirs, strict=True))
    return f"| {name} | {mine} | {other} | {difference:+.5f} | {same}/{len(ours)} | {difference >= -errors[1]} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20, help="how many (default: 20)")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), metavar="SET", help=", ".join(SETS))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| data | clearprop | scikit-learn | difference | equal scores | within one standard error, or better |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in arguments.sets:
        print(line(name, *scores(name, range(arguments.seeds))), flush=True)


if __name__ == "__main__":
    main()
