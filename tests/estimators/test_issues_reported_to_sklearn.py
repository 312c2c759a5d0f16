"""What users of scikit-learn's multi-layer perceptrons reported, issue by issue, holds here."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris, make_classification, make_multilabel_classification, make_regression
from sklearn.metrics import precision_score
from sklearn.preprocessing import scale

from clearprop.estimators import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
IRIS = scale(load_iris().data), load_iris().target
BOTH = pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])


@pytest.mark.parametrize("kind", [object, str])
def test_33760_text_labels_and_early_stopping(kind):
    y = np.array(["setosa", "versicolor", "virginica"], dtype=kind)[IRIS[1]]
    estimator = MLPClassifier(early_stopping=True, max_iter=30, random_state=0).fit(IRIS[0], y)
    assert np.isfinite(estimator.validation_scores_).all() and max(estimator.validation_scores_) > 0.5
    assert set(estimator.predict(IRIS[0])) <= set(y)


@BOTH
@pytest.mark.parametrize("scoring", [None, "neg_mean_squared_error"])
def test_24846_feature_names_and_early_stopping(Estimator, scoring):
    X = pd.DataFrame(IRIS[0], columns=["a", "b", "c", "d"])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        estimator = Estimator(early_stopping=True, scoring=scoring, max_iter=5, n_iter_no_change=99)
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        estimator.fit(X, IRIS[1]).predict(X)
    assert estimator.feature_names_in_.tolist() == ["a", "b", "c", "d"]


@BOTH
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_24764_a_warm_start_counts_its_own_iterations(Estimator, solver):
    estimator = Estimator(
        hidden_layer_sizes=6,
        solver=solver,
        warm_start=True,
        max_iter=10,
        n_iter_no_change=np.inf,
        random_state=0,
        tol=0.0,
    )
    for iterations in (10, 20, 7):
        estimator.set_params(max_iter=iterations).fit(*IRIS)
        assert estimator.n_iter_ == iterations or (solver == "lbfgs" and estimator.n_iter_ < iterations)


@BOTH
def test_24683_with_early_stopping_there_are_scores_and_no_best_loss(Estimator):
    estimator = Estimator(early_stopping=True, max_iter=12, random_state=0).fit(*IRIS)
    assert estimator.best_loss_ is None
    assert estimator.best_validation_score_ == max(estimator.validation_scores_)
    assert len(estimator.validation_scores_) == estimator.n_iter_
    estimator = Estimator(max_iter=12, random_state=0).fit(*IRIS)
    assert estimator.best_loss_ == min(estimator.loss_curve_)
    assert estimator.validation_scores_ is None and estimator.best_validation_score_ is None


@BOTH
def test_25693_partial_fit_with_early_stopping(Estimator):
    X, y = IRIS
    rows = np.random.default_rng(0).permutation(150)
    train, held = rows[:100], rows[100:]
    estimator = Estimator(
        hidden_layer_sizes=8, early_stopping=True, learning_rate_init=0.01, n_iter_no_change=5, random_state=0
    )
    estimator.fit(X[train], y[train])
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True without X_val"):
        estimator.partial_fit(X[train], y[train])
    estimator = Estimator(**estimator.get_params())
    classes = {"classes": [0, 1, 2]} if Estimator is MLPClassifier else {}
    scores, calls = [], 0
    while calls < 500:
        estimator.partial_fit(X[train], y[train], X_val=X[held], y_val=y[held], **classes)
        scores.append(estimator.score(X[held], y[held]))
        calls += 1
        if estimator.converged_:
            break
    assert estimator.converged_ and 10 < calls < 500
    assert estimator.score(X[held], y[held]) == pytest.approx(max(scores), abs=1e-12)  # the best weights are back
    assert len(estimator.validation_scores_) == calls
    estimator.partial_fit(X[train], y[train], X_val=X[held], y_val=y[held])
    assert not estimator.converged_  # a further call goes on


@pytest.mark.parametrize("classes", [None, list(range(6)), ["a", "b", "c", "d", "e", "f"]])
def test_12505_partial_fit_for_several_labels(classes):
    X, Y = make_multilabel_classification(n_samples=300, n_classes=6, random_state=3)
    X = scale(X)
    settings = {"hidden_layer_sizes": 30, "random_state": 1, "learning_rate_init": 0.01}
    whole = MLPClassifier(max_iter=60, **settings).fit(X, Y)
    parts = MLPClassifier(**settings)
    for _ in range(60):
        parts.partial_fit(X, Y, classes=classes)
    assert parts.out_activation_ == "logistic" and parts.predict(X).shape == Y.shape
    precision = [precision_score(Y, one.predict(X), average="weighted") for one in (whole, parts)]
    assert precision[1] > precision[0] - 0.02 > 0.8
    first = Y[:20].copy()
    first[:, 2] = 0  # a label that none of the first rows has
    late = MLPClassifier(**settings).partial_fit(X[:20], first)
    assert late.partial_fit(X[20:], Y[20:]).predict_proba(X).shape == Y.shape


@BOTH
@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "sgd"},
        {"solver": "adam", "batch_size": 32},
        {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 1},
        {"solver": "nadam", "dropout": 0.2, "normalization": "batch"},
    ],
    ids=str,
)
def test_13656_a_warm_start_goes_on_to_the_bit(Estimator, settings):
    settings = {"hidden_layer_sizes": (9, 5), "random_state": 7, "n_iter_no_change": np.inf} | settings
    whole = Estimator(max_iter=12, **settings).fit(*IRIS)
    parts = Estimator(max_iter=5, warm_start=True, **settings).fit(*IRIS)
    assert not np.array_equal(parts.coefs_[0], whole.coefs_[0])
    parts.set_params(max_iter=7).fit(*IRIS)
    for a, b in zip(whole.coefs_ + whole.intercepts_, parts.coefs_ + parts.intercepts_, strict=True):
        assert a.tobytes() == b.tobytes()
    assert parts.loss_curve_ == whole.loss_curve_ and parts.t_ == whole.t_
    assert parts.predict(IRIS[0]).tobytes() == whole.predict(IRIS[0]).tobytes()


def test_13656_lbfgs_one_iteration_at_a_time_still_goes_down():
    X, y = make_regression(n_samples=60, n_features=3, random_state=0)
    estimator = MLPRegressor(
        solver="lbfgs",
        activation="logistic",
        max_iter=1,
        hidden_layer_sizes=20,
        alpha=0.0,
        warm_start=True,
        random_state=0,
    )
    losses = [estimator.fit(scale(X), scale(y)).loss_ for _ in range(60)]
    assert (np.diff(losses) <= 0.0).all() and losses[-1] < 0.1 * losses[0]


@BOTH
def test_18507_the_validation_loss_of_each_epoch(Estimator):
    X, y = IRIS
    estimator = Estimator(hidden_layer_sizes=8, max_iter=9, random_state=0, learning_rate_init=0.01, alpha=0.0)
    estimator.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert len(estimator.validation_loss_curve_) == 9
    p = estimator.predict_proba(X[1::2]) if Estimator is MLPClassifier else estimator.predict(X[1::2])
    if Estimator is MLPClassifier:
        expected = -np.log(p[np.arange(75), y[1::2]]).mean()
    else:
        expected = 0.5 * np.mean((p - y[1::2]) ** 2)
    assert estimator.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-12)
    assert estimator.history_["validation_loss"].tolist() == estimator.validation_loss_curve_
    early = Estimator(hidden_layer_sizes=8, max_iter=9, early_stopping=True).fit(X, y)
    assert len(early.validation_loss_curve_) == early.n_iter_


def test_9113_class_weight():
    X, y = make_classification(n_samples=600, weights=[0.95], n_informative=4, random_state=0)
    plain, dictionary, balanced, by_hand = (
        MLPClassifier(16, random_state=0, class_weight=weight, max_iter=60)
        for weight in (None, {0: 1.0, 1: 10.0}, "balanced", None)
    )
    for estimator in (plain, dictionary, balanced):
        estimator.fit(X, y)
    by_hand.fit(X, y, sample_weight=np.where(y == 1, 10.0, 1.0))
    np.testing.assert_array_equal(dictionary.coefs_[0], by_hand.coefs_[0])
    recall = [np.mean(one.predict(X)[y == 1]) for one in (plain, dictionary, balanced)]
    assert recall[1] > recall[0] + 0.05 and recall[2] > recall[0] + 0.05
    parts = MLPClassifier(16, random_state=0, class_weight={0: 1.0, 1: 10.0})
    assert parts.partial_fit(X, y, classes=[0, 1]).loss_ > 0.0
    with pytest.raises(ValueError, match="balanced' needs all classes"):
        MLPClassifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"class_weight has key 'spam', classes are \[0, 1\]"):
        MLPClassifier(class_weight={"spam": 2.0}).fit(X, y)
