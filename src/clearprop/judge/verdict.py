"""Better than a constant, than a linear model?  Decided once, by one metric, from the same rows for all.

Two models that answer the same rows are compared row by row: a row that is hard for one is hard for the other too, so
the differences vary less than the scores do. Each row is given its part of the difference, and the spread of these
parts says how far the difference could have come out otherwise on other rows like these.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.judge.scores import LOWER_IS_BETTER, classes_with_rows, normalised, score

LEVEL = 0.95
"""Of a hundred intervals, so many hold the difference that endlessly many rows would show."""
BETTER, UNCLEAR, NOT_BETTER = "better", "not clearly better", "NOT better"
_RIVALS = {"constant": "a constant", "linear": "a linear model"}


@dataclass(frozen=True)
class Difference:
    """How much better the network is than a rival, on the same rows.

    Attributes
    ----------
    rival : {"constant", "linear"}
    score : float
        The rival's.
    difference : float
        The network's score less the rival's, or the other way round where lower is better: positive is better.
    low, high : float
        Where the difference lies, with the probability `LEVEL`.
    """

    rival: str
    score: float
    difference: float
    low: float
    high: float

    @property
    def decision(self) -> str:
        """``"better"``: the whole interval is; ``"not clearly better"``: the rows are too few or too unlike to say so;
        ``"NOT better"``: the score itself is not."""
        if self.low > 0.0:
            return BETTER
        return UNCLEAR if self.difference > 0.0 else NOT_BETTER


@dataclass(frozen=True)
class Verdict:
    """The network beside its rivals.

    Attributes
    ----------
    metric : str
        What was judged by.
    score : float
        The network's.
    rows : int
        On which all were judged.
    differences : tuple of Difference
        From each rival, the constant first.
    """

    metric: str
    score: float
    rows: int
    differences: tuple[Difference, ...]

    @property
    def decisive(self) -> Difference:
        """The first rival that is not clearly beaten, or the last."""
        return next((one for one in self.differences if one.decision != BETTER), self.differences[-1])

    @property
    def decision(self) -> str:
        """In words: see `Difference.decision`."""
        return self.decisive.decision

    @property
    def baselines(self) -> dict[str, float]:
        """The rivals' scores."""
        return {one.rival: one.score for one in self.differences}

    def __str__(self) -> str:
        one = self.decisive
        sign = -1.0 if self.metric in LOWER_IS_BETTER else 1.0
        low, high = sorted((sign * one.low, sign * one.high))
        interval = f"{LEVEL:.0%} interval {shown(low)} to {shown(high)}"
        return (
            f"{one.decision} than {_RIVALS[one.rival]}: {self.metric} {shown(self.score)} against {shown(one.score)} "
            f"on {self.rows} rows, a difference of {shown(sign * one.difference)} "
            f"({interval if low < high else 'no row tells them apart'})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON can hold them."""
        differences = [asdict(one) | {"decision": one.decision} for one in self.differences]
        own = {"metric": self.metric, "score": self.score, "rows": self.rows, "level": LEVEL}
        return own | {"decision": self.decision, "rival": self.decisive.rival, "differences": differences}


def shown(value: float) -> str:
    """A score in few characters, however absurd.

    >>> shown(0.12345), shown(1234.5), shown(-1e200)
    ('0.123', '1.23e+03', '-1e+200')
    """
    return f"{value:.3f}" if abs(value) < 1000.0 else f"{value:.3g}"


def judge(
    metric: str, y_true: Array, network: Array, rivals: Mapping[str, Array], sample_weight: Array | None = None
) -> Verdict:
    """The verdict on the `network`'s answers for rows whose truth is known, beside those of its rivals.

    Parameters
    ----------
    metric : str
        One of `clearprop.judge.scores.METRICS_OF_TASK`.
    y_true : array
        Class numbers or quantities.
    network : array
        Its probabilities, shape (n, k), or quantities.
    rivals : mapping
        ``"constant"`` and ``"linear"``: their answers, of the same shape.
    sample_weight : array, optional

    >>> y, sure, unsure = np.array([0, 1] * 20), np.eye(2)[[0, 1] * 20], np.full((40, 2), 0.5)
    >>> print(judge("accuracy", y, sure, {"constant": unsure}))
    better than a constant: accuracy 1.000 against 0.500 on 40 rows, a difference of 0.500 (95% interval 0.330 to 0.670)
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what is beyond all numbers is not better than anything
        own = score(metric, y_true, network, sample_weight)
        differences = [
            _difference(metric, y_true, (network, own), (name, answers), sample_weight)
            for name, answers in rivals.items()
        ]
    return Verdict(metric, own, len(y_true), tuple(differences))


def _difference(
    metric: str, y: Array, network: tuple[Array, float], rival: tuple[str, Array], sample_weight: Array | None
) -> Difference:
    weight = np.ones(len(y)) if sample_weight is None else sample_weight
    (answers, own), (name, others) = network, rival
    theirs = score(metric, y, others, sample_weight)
    low, high = _interval(*_PARTS[metric](y, answers, others, weight), weight)
    return Difference(name, theirs, theirs - own if metric in LOWER_IS_BETTER else own - theirs, low, high)


def _interval(parts: Array, strata: Array, weight: Array) -> tuple[float, float]:
    """Of the sum over the strata of the mean part: Student's, its spread with two more rows in each stratum.

    The two rows are not there: one speaks for either side, as loudly as the others do (after Agresti and Min 2005).
    Without them three rows of three would prove everything, their spread being 0.
    """
    from scipy.stats import t

    scale = float(np.max(np.abs(parts))) or 1.0  # so that the squares of great errors are numbers too
    parts = parts / scale
    centre = variance = freedom = 0.0
    for number in np.unique(strata):
        here = (strata == number) & (weight > 0)
        if not here.any():
            continue
        w, part = weight[here], parts[here]
        w = w * (w.sum() / np.square(w).sum())  # now they sum to the number of equal rows that would tell as much
        n, loud = w.sum(), part != 0.0
        square = float(np.average(np.square(part[loud]), weights=w[loud])) if loud.any() else 0.0
        mean = float(w @ part) / (n + 2.0)
        spread = ((float(w @ np.square(part)) + 2.0 * square) / (n + 2.0) - mean**2) / (n + 2.0)
        centre += float(w @ part) / n
        variance += spread
        freedom += spread**2 / max(n - 1.0, 1.0)
    half = float(t.ppf((1.0 + LEVEL) / 2.0, variance**2 / freedom)) * variance**0.5 if variance else 0.0
    return scale * (centre - half), scale * (centre + half)


# --- each row's part of a difference ----------------------------------------------------------------------------------
#
# Each function gives a part for each row and the stratum it is in: the difference, positive where the network (a) is
# better than its rival (b), is the sum over the strata of the parts' weighted means.


def _accuracy(y: Array, a: Array, b: Array, weight: Array) -> tuple[Array, Array]:
    return _right(y, a) - _right(y, b), np.zeros(len(y), dtype=int)


def _balanced_accuracy(y: Array, a: Array, b: Array, weight: Array) -> tuple[Array, Array]:
    return (_right(y, a) - _right(y, b)) / len(classes_with_rows(y, weight)), y


def _right(y: Array, answers: Array) -> Array:
    right: Array = (answers.argmax(axis=1) == y).astype(float)
    return right


def _log_loss(y: Array, a: Array, b: Array, weight: Array) -> tuple[Array, Array]:
    least = np.finfo(np.float64).eps  # as scikit-learn does, so that no row costs infinitely much
    of_truth = [np.clip(normalised(one)[np.arange(len(y)), y], least, 1.0 - least) for one in (a, b)]
    return np.log(of_truth[0]) - np.log(of_truth[1]), np.zeros(len(y), dtype=int)


def _f1_macro(y: Array, a: Array, b: Array, weight: Array) -> tuple[Array, Array]:
    """F1 is a ratio of counts, of which a row's part is its share in the first order."""
    present = classes_with_rows(y, weight)
    parts = np.zeros(len(y))
    for answers, sign in ((a, 1.0), (b, -1.0)):
        decided = answers.argmax(axis=1)
        shares = np.zeros(len(y))
        for c in present:
            true, said = y == c, decided == c
            both = weight[true].sum() + weight[said].sum()
            f1 = 2.0 * weight[true & said].sum() / both
            shares += (2.0 * (true & said) - f1 * (true.astype(float) + said)) / both
            parts[true] += sign * f1 / len(present)
        for c in present:
            here = y == c
            w = weight[here]
            parts[here] += sign * w.sum() * (shares[here] - np.average(shares[here], weights=w)) / len(present)
    return parts, y


def _roc_auc(y: Array, a: Array, b: Array, weight: Array) -> tuple[Array, Array]:
    """A row's part is the share of the other side's rows that it is rightly ranked with (DeLong et al. 1988)."""
    present = classes_with_rows(y, weight)
    judged = present[-1:] if a.shape[1] == 2 else present
    parts = np.zeros(len(y))
    for c in judged:
        inside = y == c
        areas, ranked = [], []
        for answers in (a, b):
            value = answers[:, c]
            above = np.zeros(len(y))
            above[inside] = _share_below(value[inside], value[~inside], weight[~inside])
            above[~inside] = 1.0 - _share_below(value[~inside], value[inside], weight[inside])
            areas.append(float(np.average(above[inside], weights=weight[inside])))
            ranked.append(above)
        own = ranked[0] - ranked[1] - (areas[0] - areas[1]) / 2.0
        parts[inside] += own[inside]
        rest = weight[~inside].sum()
        for other in np.unique(y[~inside]):  # which are strata of their own, as large as they are
            here = y == other
            parts[here] += own[here] * weight[here].sum() / rest
    return parts / len(judged), y


def _share_below(value: Array, others: Array, weight: Array) -> Array:
    """The share of the others' weight that is below each value; equal ones count half."""
    order = np.argsort(others, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(weight[order])])
    low, high = (total[np.searchsorted(others[order], value, side)] for side in ("left", "right"))
    share: Array = (low + high) / (2.0 * total[-1])
    return share


def _mae(y: Array, a: Array, b: Array, weight: Array) -> tuple[Array, Array]:
    errors = [np.abs(_error(y, answers)).mean(axis=1) for answers in (a, b)]
    return errors[1] - errors[0], np.zeros(len(y), dtype=int)


def _rmse(y: Array, a: Array, b: Array, weight: Array) -> tuple[Array, Array]:
    """√A - √B = (A - B)/(√A + √B), column by column."""
    squares = [np.square(_error(y, answers)) for answers in (a, b)]
    both = sum(np.sqrt(np.average(square, axis=0, weights=weight)) for square in squares)
    parts = (squares[1] - squares[0]) / np.where(both == 0.0, 1.0, both)
    return parts.mean(axis=1), np.zeros(len(y), dtype=int)


def _r2(y: Array, a: Array, b: Array, weight: Array) -> tuple[Array, Array]:
    """The spread of the truth is taken as it is in these rows."""
    squares = [np.square(_error(y, answers)) for answers in (a, b)]
    truth = y.reshape(len(y), -1)
    spread = np.average(np.square(truth - np.average(truth, axis=0, weights=weight)), axis=0, weights=weight)
    parts = (squares[1] - squares[0]) / np.where(spread == 0.0, 1.0, spread)
    # A column that does not vary has by definition an R² of 1 if it is met exactly, and else of 0.
    exact = [1.0 * (np.average(square, axis=0, weights=weight) == 0.0) for square in squares]
    parts = np.where(spread == 0.0, exact[0] - exact[1], parts)
    return parts.mean(axis=1), np.zeros(len(y), dtype=int)


def _error(y: Array, answers: Array) -> Array:
    error: Array = answers.reshape(len(y), -1).astype(np.float64) - y.reshape(len(y), -1)
    return error


_PARTS = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1_macro": _f1_macro,
    "log_loss": _log_loss,
    "roc_auc": _roc_auc,
    "r2": _r2,
    "rmse": _rmse,
    "mae": _mae,
}
