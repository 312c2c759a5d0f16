"""The verdict: one decision from the rows' own differences, by any metric, honest with few rows."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from sklearn import metrics

from clearprop.data import Dataset
from clearprop.data.class_weights import balanced_weights, weighted
from clearprop.errors import ConfigurationError, DataError, DivergenceError
from clearprop.judge import Difference, Verdict, judge
from clearprop.judge.baselines import baselines, rivals
from clearprop.judge.scores import (
    LOWER_IS_BETTER,
    METRICS_OF_TASK,
    classification_scores,
    regression_scores,
    score,
)
from clearprop.judge.verdict import _PARTS

ALL = [name for names in METRICS_OF_TASK.values() for name in names]


def answered(rng, metric, rows, classes=3, skills=(1.5, 1.0)):
    """The truth, and what two models make of it."""
    if metric in METRICS_OF_TASK["regression"]:
        y = rng.normal(size=rows)
        return y, *(y + rng.normal(size=rows) / skill for skill in skills)
    y = np.concatenate([np.arange(classes), rng.integers(classes, size=rows - classes)])
    noise = [rng.normal(size=(rows, classes)) + skill * np.eye(classes)[y] for skill in skills]
    return y, *(special.softmax(one, axis=1) for one in noise)


def value(metric, y, answers, weight=None):
    """scikit-learn's, positive for better."""
    decided = answers.argmax(axis=1) if answers.ndim == 2 else None
    several = "raise" if answers.ndim == 2 and answers.shape[1] == 2 else "ovr"
    ranks = answers[:, 1] if several == "raise" else answers
    found = {
        "accuracy": lambda: metrics.accuracy_score(y, decided, sample_weight=weight),
        "balanced_accuracy": lambda: metrics.balanced_accuracy_score(y, decided, sample_weight=weight),
        "f1_macro": lambda: metrics.f1_score(y, decided, average="macro", sample_weight=weight),
        "log_loss": lambda: -metrics.log_loss(y, answers, sample_weight=weight),
        "roc_auc": lambda: metrics.roc_auc_score(y, ranks, multi_class=several, sample_weight=weight),
        "r2": lambda: metrics.r2_score(y, answers, sample_weight=weight),
        "rmse": lambda: -metrics.root_mean_squared_error(y, answers, sample_weight=weight),
        "mae": lambda: -metrics.mean_absolute_error(y, answers, sample_weight=weight),
    }
    return found[metric]()


@settings(max_examples=200, deadline=None)
@given(
    metric=st.sampled_from(ALL),
    seed=st.integers(0, 10**6),
    rows=st.integers(4, 80),
    classes=st.integers(2, 4),
    weigh=st.booleans(),
)
def test_scores_are_scikit_learns_and_the_rows_parts_add_up_to_the_difference(metric, seed, rows, classes, weigh):
    rng = np.random.default_rng(seed)
    y, a, b = answered(rng, metric, rows, classes)
    weight = rng.uniform(0.2, 3.0, rows) if weigh else None
    verdict = judge(metric, y, a, {"constant": b}, weight)
    (one,) = verdict.differences
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    assert sign * verdict.score == pytest.approx(value(metric, y, a, weight), abs=1e-9)
    assert sign * one.score == pytest.approx(value(metric, y, b, weight), abs=1e-9)
    ones = np.ones(rows) if weight is None else weight
    parts, strata = _PARTS[metric](y, a, b, ones)
    total = sum(np.average(parts[strata == k], weights=ones[strata == k]) for k in np.unique(strata))
    assert total == pytest.approx(one.difference, abs=1e-9)
    assert one.low <= one.difference + 1e-9 and one.difference - 1e-9 <= one.high
    assert (one.decision == "better") == (one.low > 0.0)
    mirrored = judge(metric, y, b, {"constant": a}, weight).differences[0]
    assert (mirrored.low, mirrored.high) == pytest.approx((-one.high, -one.low), abs=1e-9)
    json.dumps(verdict.to_dict(), allow_nan=False)


@pytest.mark.parametrize("metric", ALL)
def test_the_interval_is_the_one_that_drawing_the_rows_again_gives(metric):
    """A paired bootstrap, within the strata: the interval is as wide as its standard deviation says."""
    rng = np.random.default_rng(1)
    y, a, b = answered(rng, metric, 800, skills=(1.3, 1.0))
    (one,) = judge(metric, y, a, {"constant": b}).differences
    strata = _PARTS[metric](y, a, b, np.ones(800))[1]
    again = []
    for _ in range(300):
        rows = np.concatenate([rng.choice(np.flatnonzero(strata == k), np.sum(strata == k)) for k in np.unique(strata)])
        again.append(value(metric, y[rows], a[rows]) - value(metric, y[rows], b[rows]))
    spread = (one.high - one.low) / 2.0 / 1.96
    # R² takes the spread of the truth as given, which the bootstrap draws again.
    assert spread == pytest.approx(np.std(again), rel=0.25 if metric == "r2" else 0.15)


@pytest.mark.parametrize("rows", [6, 20, 60, 200])
@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy"])
def test_equally_good_models_are_rarely_called_better(metric, rows):
    """A 95 % interval errs on the upper side once in forty times."""
    rng = np.random.default_rng(rows)
    wrong = 0
    for _ in range(400):
        y = (np.arange(rows) < max(3, rows // 8)).astype(int)
        a, b = (np.eye(2)[np.where(rng.random(rows) < 0.7, y, 1 - y)] for _ in range(2))
        wrong += judge(metric, y, a, {"constant": b}).decision == "better"
    assert wrong <= 0.045 * 400


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_few_rows_prove_nothing(rows):
    y = np.zeros(rows, dtype=int)
    verdict = judge("accuracy", y, np.eye(2)[y], {"constant": np.eye(2)[1 - y]})
    assert verdict.decision == "not clearly better" and verdict.differences[0].difference == 1.0


def test_the_first_rival_that_is_not_beaten_decides():
    constant, linear = Difference("constant", 0.5, 0.3, 0.1, 0.5), Difference("linear", 0.7, 0.1, -0.1, 0.3)
    verdict = Verdict("accuracy", 0.8, 50, (constant, linear))
    assert verdict.decisive is linear and verdict.decision == "not clearly better"
    assert str(verdict) == (
        "not clearly better than a linear model: accuracy 0.800 against 0.700 on 50 rows, "
        "a difference of 0.100 (95% interval -0.100 to 0.300)"
    )
    low = Verdict("rmse", 2.0, 50, (Difference("constant", 3.0, 1.0, 0.5, 1.5),))
    assert str(low).endswith(
        "rmse 2.000 against 3.000 on 50 rows, a difference of -1.000 (95% interval -1.500 to -0.500)"
    )
    assert low.decision == "better"
    same = judge("accuracy", np.array([0, 1]), np.eye(2), {"constant": np.eye(2)})
    assert "NOT better" in str(same) and "(no row tells them apart)" in str(same)


def test_what_is_beyond_all_numbers_is_not_better():
    y = np.arange(20.0)
    for answers in (np.full(20, 1e200), np.full(20, 1e60)):
        verdict = judge("r2", y, answers, {"constant": np.full(20, 10.0), "linear": y})
        assert verdict.decision == "NOT better" and len(str(verdict)) < 200
    data = Dataset(y[:, None], y)
    with pytest.raises(DivergenceError, match="beyond what numbers can hold; train it with a lower learning rate"):
        regression_scores(data, np.full(20, 1e200))
    classes = Dataset(y[:, None], y > 9, target_names=("a", "b"))
    with pytest.raises(DivergenceError, match="beyond what numbers can hold"):
        classification_scores(classes, np.full((20, 2), np.nan))


def test_classes_without_rows_count_in_no_average():
    y = np.array([0, 0, 1, 1])
    data = Dataset(np.zeros((4, 1)), y, target_names=("a", "b", "c"))
    answers = np.array([[0.8, 0.1, 0.1], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1], [0.3, 0.6, 0.1]])
    scores = classification_scores(data, answers)
    assert scores["balanced_accuracy"] == 0.75 and scores["roc_auc"] == pytest.approx((0.75 + 1.0) / 2)
    assert scores["classes"]["c"]["rows"] == 0
    alone = classification_scores(data.take([0, 1]), answers[:2])
    assert "roc_auc" not in alone and alone["balanced_accuracy"] == 0.5
    with pytest.raises(DataError, match="roc_auc of rows of one class is undefined; judge on more rows"):
        score("roc_auc", y[:2], answers[:2])


def test_binary_reports_have_average_precision():
    rng = np.random.default_rng(0)
    y, a, _ = answered(rng, "roc_auc", 50, classes=2)
    scores = classification_scores(Dataset(np.zeros((50, 1)), y, target_names=("a", "b")), a)
    assert scores["average_precision"] == pytest.approx(metrics.average_precision_score(y, a[:, 1]))
    assert scores["roc_auc"] == pytest.approx(metrics.roc_auc_score(y, a[:, 1]))


def test_rivals_are_weighted_as_the_training_was():
    rng = np.random.default_rng(0)
    rare = (rng.random(800) < 0.08).astype(int)
    data = Dataset(rng.normal(size=(800, 2)) + rare[:, None], rare, target_names=("well", "ill"))
    plain = baselines(data, data, "balanced_accuracy")
    balanced = baselines(weighted(data, balanced_weights(data)), data, "balanced_accuracy")
    assert plain["constant"] == balanced["constant"] == 0.5
    assert balanced["linear"] > plain["linear"] + 0.1


def test_a_rival_that_never_met_a_class_gives_it_no_chance():
    data = Dataset(np.arange(6.0)[:, None], [0, 0, 0, 2, 2, 2], target_names=("a", "b", "c"))
    for answers in rivals(data, data.X, "accuracy").values():
        assert answers.shape == (6, 3) and np.all(answers[:, 1] == 0.0)
        np.testing.assert_allclose(answers.sum(axis=1), 1.0)


def test_the_best_constant_for_absolute_errors_is_the_median():
    data = Dataset(np.arange(5.0)[:, None], [0.0, 0.0, 0.0, 0.0, 100.0])
    assert rivals(data, data.X, "mae")["constant"].tolist() == [0.0] * 5
    assert rivals(data, data.X, "rmse")["constant"].tolist() == [20.0] * 5


def test_metrics_that_do_not_exist():
    with pytest.raises(ConfigurationError, match="metric cannot be 'acuracy'; did you mean 'accuracy'"):
        score("acuracy", np.zeros(2), np.zeros(2))
    with pytest.raises(DataError, match="log_loss needs probabilities"):
        score("log_loss", np.array([0, 1]), np.array([[1.0, -1.0], [-1.0, 1.0]]))
