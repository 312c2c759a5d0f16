"""Does one column alone tell the answer?  Then it was most likely written down after the answer was known.

All columns are looked at coarsely at once, and the few that stand out again with care: how well does the column alone
predict rows that were left out? Where the other columns do nearly as well, the question is an easy one, as some flowers
are told apart by any of their leaves, and nothing is said.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data.dataset import Dataset

LEAST_CLASSES, LEAST_QUANTITIES = 0.99, 0.999
"""Balanced accuracy and R² from which on a column alone is too good: honest measurements hardly reach them."""
EASY_CLASSES, EASY_QUANTITIES = 0.97, 0.99
"""What the other columns must reach together for the question to be an easy one."""
FEW = 5
"""Classes with fewer rows say nothing; they are left aside."""
CHANCE = 1e-3
"""That some column of pure noise should tell the classes of so few rows apart: where it is likelier, none is named."""
_ROWS, _NUMBERS = 2000, 2_000_000  # at most so many rows, and numbers, are looked at
_BINS, _ROWS_OF_BIN = 64, 5
_STANDS_OUT = 0.85  # at the first look, of 1
_CANDIDATES = 10
_OTHERS = 20  # of the other columns, the best at the first look
_FOLDS = 5
_LEAST = 15  # rows; fewer lie in one line by chance


@dataclass(frozen=True)
class Leak:
    """A column that alone tells the answer.

    Attributes
    ----------
    column : str
    metric : {"balanced accuracy", "R²"}
    score : float
        Of what the column alone predicts for rows that were left out.
    """

    column: str
    metric: str
    score: float

    def about(self, target: str) -> str:
        """In a sentence.

        >>> Leak("payout", "R²", 1.0).about("damage")
        "column 'payout' alone predicts 'damage' with R² 1.000; is it known before the answer is? If not, leave it out"
        """
        return (
            f"column {self.column!r} alone predicts {target!r} with {self.metric} {self.score:.3f}; is it known before "
            "the answer is? If not, leave it out"
        )


def leaks(data: Dataset, groups: Sequence[tuple[str, slice]]) -> list[Leak]:
    """The columns that alone predict the target (nearly) perfectly, the best first.

    Parameters
    ----------
    data : Dataset
        The training rows.
    groups : sequence of (str, slice)
        For each column of the table, the columns of `data.X` made of it. Of an only column nothing is said: it is all
        there is to learn from.

    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 50)
    >>> data = Dataset(np.column_stack([rng.normal(size=100), y + 3.0]), y, target_names=("no", "yes"))
    >>> leaks(data, [("age", slice(0, 1)), ("payout", slice(1, 2))])
    [Leak(column='payout', metric='balanced accuracy', score=1.0)]
    """
    rows = _some_rows(data, len(groups))
    if len(groups) < 2 or len(rows) == 0 or (data.y.ndim == 2 and data.y.shape[1] > 1):
        return []
    X, y = np.asarray(data.X[rows], dtype=np.float64), data.y[rows].reshape(-1)
    if data.task == "classification":
        y = np.unique(y, return_inverse=True)[1]
        if _chance(np.bincount(y), len(groups)) > CHANCE:
            return []
    elif len(y) < _LEAST or np.ptp(y) == 0.0:
        return []
    coarse = _coarse(X, y, data.task)
    best = np.array([coarse[part].max(initial=0.0) for _, part in groups])
    # Several features of one column can tell together what none of them does alone.
    together = np.array([part.stop - part.start > 1 for _, part in groups])
    best[together] = [_of_patterns(X[:, part], y, data.task) for _, part in np.array(groups, dtype=object)[together]]
    order = np.argsort(-best, kind="stable")
    named, least = ("balanced accuracy", LEAST_CLASSES) if data.task == "classification" else ("R²", LEAST_QUANTITIES)
    found = {}
    for number in order[:_CANDIDATES]:
        if best[number] < _STANDS_OUT:
            break
        value = _careful(X[:, groups[number][1]], y, data.task)
        if value >= least:
            found[number] = Leak(groups[number][0], named, value)
    if not found:
        return []
    others = [groups[number][1] for number in order[: _OTHERS + len(found)] if number not in found][:_OTHERS]
    if others and _easy(np.hstack([X[:, part] for part in others]), y, data.task):
        return []
    return sorted(found.values(), key=lambda leak: -leak.score)


def _some_rows(data: Dataset, columns: int) -> Array:
    """The rows that are looked at, spread evenly; of classes, equally many of each that has enough."""
    most = min(_ROWS, max(200, _NUMBERS // max(data.n_features, columns)))
    if data.task == "regression":
        return _spread(np.arange(len(data)), most)
    counts = np.bincount(data.y)
    enough = np.flatnonzero(counts >= FEW)
    if len(enough) < 2:
        return enough[:0]
    of_each = max(most // len(enough), FEW)
    return np.sort(np.concatenate([_spread(np.flatnonzero(data.y == c), of_each) for c in enough]))


def _spread(rows: Array, most: int) -> Array:
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(int)]


def _chance(counts: Array, columns: int) -> float:
    """How many columns of noise, of so many, would order the rows so that each class is in one piece."""
    ways = math.lgamma(counts.sum() + 1) - sum(math.lgamma(count + 1) for count in counts)
    return math.exp(min(math.log(columns) + math.lgamma(len(counts) + 1) - ways, 0.0))


def _coarse(X: Array, y: Array, task: str) -> Array:
    """For each feature, how well the mean or the most frequent class of a few bins of its values does, up to 1; of
    quantities also how straight the line through the ranks is."""
    n, features = X.shape
    bins = max(4, min(_BINS, n // _ROWS_OF_BIN))
    kinds = int(y.max()) + 1 if task == "classification" else 1
    at_once = max(1, 4_000_000 // max(n, bins * kinds))
    return np.concatenate(
        [_binned(X[:, start : start + at_once], y, bins, task) for start in range(0, features, at_once)]
    )


def _binned(X: Array, y: Array, bins: int, task: str) -> Array:
    n, features = X.shape
    order = np.argsort(X, axis=0, kind="stable")
    value = np.take_along_axis(X, order, axis=0)
    first = np.arange(n)[:, None] * np.ones((1, features), dtype=int)
    first[1:][value[1:] == value[:-1]] = 0
    place = np.maximum.accumulate(first, axis=0)  # equal values share one
    bin_ = place * bins // n + bins * np.arange(features)
    found = _purity(bin_.ravel(), y[order].ravel(), bins, features, task)
    if task == "classification":
        return found
    rank = place - place.mean(axis=0)
    other = np.argsort(np.argsort(y, kind="stable"), kind="stable")[order] - (n - 1) / 2.0
    scale = np.sqrt(np.square(rank).sum(axis=0) * np.square(other).sum(axis=0))
    along: Array = np.square((rank * other).sum(axis=0) / np.where(scale == 0.0, 1.0, scale))
    return np.maximum(found, along)


def _purity(place: Array, y: Array, bins: int, features: int, task: str) -> Array:
    """For each feature the balanced accuracy of each bin's heaviest class, or the R² of the bins' means."""
    if task == "classification":
        kinds = int(y.max()) + 1
        count = np.bincount(place * kinds + y, minlength=bins * features * kinds).reshape(features, bins, kinds)
        shares: Array = (count / np.maximum(count.sum(axis=1, keepdims=True), 1)).max(axis=2).sum(axis=1) / kinds
        return shares
    centred = y - y.mean()
    count = np.bincount(place, minlength=bins * features)
    total = np.bincount(place, weights=centred, minlength=bins * features)
    explained = (np.square(total) / np.maximum(count, 1)).reshape(features, bins).sum(axis=1)
    of_all: Array = explained / (np.square(centred).sum() / features)
    return of_all


def _of_patterns(X: Array, y: Array, task: str) -> float:
    """How pure the bins are if rows that are alike in all these features make one; 1 if hardly any are alike."""
    pattern = np.unique(X, axis=0, return_inverse=True)[1].ravel()
    bins = int(pattern.max()) + 1
    if bins > len(y) // _ROWS_OF_BIN:  # then they vary as numbers do, and are looked at with care
        return 1.0
    return float(_purity(pattern, y, bins, 1, task)[0])


def _careful(X: Array, y: Array, task: str) -> float:
    """How well the column predicts rows that were left out."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if task == "classification":
        return _left_out(
            DecisionTreeClassifier(class_weight="balanced", min_samples_leaf=2, random_state=0), X, y, task
        )
    return max(_left_out(DecisionTreeRegressor(random_state=0), X, y, task), *(_along(x, y) for x in X.T))


def _easy(X: Array, y: Array, task: str) -> bool:
    """Whether a tree or a linear model of these columns predicts nearly perfectly too."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if task == "classification":
        linear = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
        least = EASY_CLASSES
    else:
        linear, least = make_pipeline(StandardScaler(), Ridge()), EASY_QUANTITIES
    return max(_left_out(linear, X, y, task), _careful(X, y, task)) >= least


def _left_out(model: Any, X: Array, y: Array, task: str) -> float:
    """The score of the model's answers for rows that it was not fitted on, each row once."""
    from sklearn.metrics import balanced_accuracy_score, r2_score
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict

    kind, of = (StratifiedKFold, balanced_accuracy_score) if task == "classification" else (KFold, r2_score)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an unfinished fit is good enough here
        answers = cross_val_predict(model, X, y, cv=kind(_FOLDS, shuffle=True, random_state=0))
    return float(of(y, answers))


def _along(x: Array, y: Array) -> float:
    """R² of a straight line, or of the line through the ranks if that is better."""
    from scipy.stats import rankdata

    if np.ptp(x) == 0.0:
        return 0.0
    return max(float(np.corrcoef(a, b)[0, 1]) ** 2 for a, b in ((x, y), (rankdata(x), rankdata(y))))
