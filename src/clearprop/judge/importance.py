"""Which columns matter: how much worse the model gets when a column's values are dealt to other rows.

Permutation importance (Breiman 2001), as scikit-learn defines it: the score on the rows as they are, less the
score after one column has been shuffled, the mean of several shuffles. The column keeps its values and loses
its connection with the rest. A column that another one can stand in for counts for little here.

Each column costs several predictions of all rows, so of very many columns only those with the largest weights in the
network's first layer are shuffled one by one; the others are shuffled together, and counted as one.
"""

from dataclasses import dataclass

import numpy as np

from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.ensemble import networks
from clearprop.formats.modelfile import SavedModel
from clearprop.judge.answers import predictions, preparation_of
from clearprop.judge.scores import METRIC_OF_TASK, score

REPEATS = 5
MOST_ROWS = 10_000
MOST_COLUMNS = 100


@dataclass(frozen=True)
class Importance:
    """What a column is worth.

    Attributes
    ----------
    column : str
        Its name in the table, or how many ``other columns`` there are.
    mean, spread : float
        The loss of score when the column is shuffled: mean and standard deviation.
    """

    column: str
    mean: float
    spread: float


def importances(saved: SavedModel, data: Dataset, *, seed: int = 0, metric: str | None = None) -> list[Importance]:
    """The importance of each column of the table for predicting `data`, the greatest first; of more than 100 columns
    that of the 100 with the largest weights, and of all others together.

    Parameters
    ----------
    saved : SavedModel
        A model with its preparation.
    data : Dataset
        Raw rows with their target, best such as the model has not seen; 10,000 of them at most are used.
    seed : int
        Of the shuffles.
    metric : str, optional
        What a column's worth is measured in: one that is 1 for the best; by default accuracy or r2.
    """
    rng = np.random.default_rng(seed)
    if len(data) > MOST_ROWS:
        data = data.take(np.sort(rng.choice(len(data), MOST_ROWS, replace=False)))
    metric = metric or METRIC_OF_TASK[data.task]
    intact = _score(saved, data, data.X, metric)
    found = []
    for column, features in _groups(saved):
        drops = []
        for _ in range(REPEATS):
            X = data.X.copy()
            X[:, features] = X[rng.permutation(len(X))][:, features]
            drops.append(intact - _score(saved, data, X, metric))
        found.append(Importance(column, float(np.mean(drops)), float(np.std(drops))))
    return sorted(found, key=lambda one: -one.mean)


def _groups(saved: SavedModel) -> list[tuple[str, slice | Array]]:
    """What is shuffled together: a column's name, and its features."""
    groups: list[tuple[str, slice | Array]] = [*preparation_of(saved).groups]
    if len(groups) <= MOST_COLUMNS:
        return groups
    sizes = np.zeros(len(preparation_of(saved).feature_names))
    for network in networks(saved.model):
        for parameter in network.parameters().values():
            if parameter.ndim == 2 and len(parameter) == len(sizes):
                sizes += np.square(parameter.astype(np.float64)).sum(axis=1)  # features come with one scale
                break
    order = np.argsort([-sizes[features].sum() for _, features in groups], kind="stable")
    others = np.concatenate([np.arange(len(sizes))[groups[i][1]] for i in order[MOST_COLUMNS:]])
    return [*(groups[i] for i in sorted(order[:MOST_COLUMNS])), (f"{len(groups) - MOST_COLUMNS} other columns", others)]


def _score(saved: SavedModel, data: Dataset, X: Array, metric: str) -> float:
    return score(metric, data.y, predictions(saved, X), data.sample_weight)
