"""Weights set by hand count, and a warm start goes on from them."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from clearprop.errors import ConfigurationError
from clearprop.estimators import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
IRIS = scale(load_iris().data), load_iris().target
QUICK = {"hidden_layer_sizes": (12, 6), "max_iter": 40, "random_state": 0, "learning_rate_init": 0.01, "batch_size": 32}


def test_weights_set_by_hand_count():
    X, y = IRIS
    estimator, other = MLPClassifier(**QUICK).fit(X, y), MLPClassifier(**QUICK | {"random_state": 9}).fit(X, y)
    before = estimator.predict_proba(X)
    estimator.coefs_ = [weight.copy() for weight in other.coefs_]
    estimator.intercepts_ = [bias.copy() for bias in other.intercepts_]
    np.testing.assert_array_equal(estimator.predict_proba(X), other.predict_proba(X))
    estimator.coefs_[0][...] = 0.0  # in place, in the arrays that were given
    estimator.coefs_[1] = np.zeros_like(estimator.coefs_[1])  # and an element of the list
    assert np.ptp(estimator.predict_proba(X), axis=0).max() == 0.0
    for twin in (copy.deepcopy(estimator), pickle.loads(pickle.dumps(estimator))):
        np.testing.assert_array_equal(twin.predict_proba(X), estimator.predict_proba(X))
    other.coefs_[0] *= 2.0
    assert not np.array_equal(other.predict_proba(X), before)
    estimator.coefs_ = given = [weight.copy() for weight in other.coefs_]
    estimator.partial_fit(X, y)  # goes on from them, and what it learns is seen
    step = np.abs(estimator.coefs_[0] - other.coefs_[0]).max()
    assert 0.0 < step < 0.1 and estimator.coefs_[0] is not given[0]
    learnt = estimator.predict_proba(X)
    assert not np.array_equal(learnt, other.predict_proba(X))
    np.testing.assert_array_equal(estimator.predict_proba(X), learnt)
    estimator.coefs_[0] = np.zeros((3, 3))
    with pytest.raises(ValueError, match="coefs_ and intercepts_ have shapes"):
        estimator.predict(X)


def test_a_subclass_with_a_constructor_of_its_own():
    class Small(MLPClassifier):
        def __init__(self, alpha=0.1):
            super().__init__(hidden_layer_sizes=(4,), alpha=alpha, max_iter=5)

    estimator = clone(Small(0.2)).fit(*IRIS)
    assert estimator.get_params() == {"alpha": 0.2} and estimator.coefs_[0].shape == (4, 4)


def test_a_warm_start_by_another_rule():
    X, y = IRIS
    estimator = MLPClassifier(warm_start=True, **QUICK | {"max_iter": 5, "solver": "lbfgs"}).fit(X, y)
    for settings in ({"solver": "adam"}, {"early_stopping": True}, {"early_stopping": False}, {"solver": "lbfgs"}):
        assert estimator.set_params(**settings).fit(X, y).n_iter_ == 5
    assert estimator.score(X, y) > 0.9


def test_a_warm_start_after_early_stopping_never_ends_worse():
    X, y = IRIS
    settings = QUICK | {"early_stopping": True, "scoring": "loss", "n_iter_no_change": 3, "learning_rate_init": 0.2}
    estimator = MLPClassifier(warm_start=True, **settings)
    best = []
    for _ in range(4):
        estimator.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
        p = estimator.predict_proba(X[1::2])
        best.append(-np.log(p[np.arange(75), y[1::2]]).mean())
        assert best[-1] == pytest.approx(-estimator.best_validation_score_, rel=1e-12)
    assert best == sorted(best, reverse=True)


def test_other_sizes_cannot_go_on_warm():
    estimator = MLPClassifier(5, warm_start=True, max_iter=2).fit(*IRIS)
    with pytest.raises(ConfigurationError, match="hidden_layer_sizes is now"):
        estimator.set_params(hidden_layer_sizes=6).fit(*IRIS)
