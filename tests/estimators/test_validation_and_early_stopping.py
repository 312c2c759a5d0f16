"""Validation data, stopping on any score, and fits that diverge or are interrupted."""

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_diabetes, load_iris
from sklearn.metrics import make_scorer, roc_auc_score
from sklearn.preprocessing import scale

from clearprop.errors import ConfigurationError, DivergenceError
from clearprop.estimators import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
IRIS = scale(load_iris().data), load_iris().target
DIABETES = scale(load_diabetes().data), scale(load_diabetes().target)
QUICK = {"hidden_layer_sizes": (12, 6), "max_iter": 40, "random_state": 0, "learning_rate_init": 0.01, "batch_size": 32}


@pytest.mark.parametrize(
    "scoring",
    [
        "roc_auc_ovr",
        "neg_log_loss",
        "loss",
        make_scorer(roc_auc_score, multi_class="ovr", response_method="predict_proba"),
    ],
)
def test_early_stopping_on_any_score_restores_the_best_weights(scoring):
    X, y = IRIS
    settings = {"hidden_layer_sizes": 20, "learning_rate_init": 0.1, "early_stopping": True, "random_state": 0}
    estimator = MLPClassifier(scoring=scoring, n_iter_no_change=4, **settings)
    estimator.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert estimator.converged_ and estimator.n_iter_ < 200
    best = estimator.best_validation_score_
    assert best == max(estimator.validation_scores_)
    if scoring == "loss":
        p = estimator.predict_proba(X[1::2])
        assert -np.log(p[np.arange(75), y[1::2]]).mean() == pytest.approx(-best, rel=1e-12)
    else:
        scorer = sklearn.metrics.check_scoring(estimator, scoring)
        assert scorer(estimator, X[1::2], y[1::2]) == best
    assert estimator.history_["validation_score"].tolist() == estimator.validation_scores_


def test_all_rows_are_trained_on_where_validation_data_are_given():
    X, y = IRIS
    own = MLPClassifier(early_stopping=True, **QUICK | {"n_iter_no_change": np.inf}).fit(X, y, X_val=X, y_val=y)
    assert own.t_ == 40 * 150
    split = MLPClassifier(early_stopping=True, **QUICK | {"n_iter_no_change": np.inf}).fit(X, y)
    assert split.t_ == 40 * 135
    with pytest.raises(ConfigurationError, match="X_val and y_val go together"):
        own.fit(X, y, X_val=X)
    with pytest.raises(ValueError, match=r"y_val has the class .*7.*, which is not in classes_"):
        own.fit(X, y, X_val=X[:2], y_val=[0, 7])


def test_divergence_is_told_with_a_remedy_and_leaves_finite_weights():
    estimator = MLPRegressor(solver="sgd", activation="identity", learning_rate_init=1e6, random_state=0)
    with pytest.raises(DivergenceError, match="lower the learning rate"):
        estimator.fit(*DIABETES)
    assert np.isfinite(estimator.coefs_[0]).all()


def test_an_interrupted_fit_keeps_its_last_weights_and_goes_on():
    class Interrupts:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context):
            if context.task_id == 4 and context.task_name == "epoch":
                raise KeyboardInterrupt

    whole = MLPClassifier(**QUICK).fit(*IRIS)
    estimator = MLPClassifier(warm_start=True, **QUICK).set_callbacks(Interrupts())
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        estimator.fit(*IRIS)
    assert estimator.n_iter_ == 5 and estimator.predict(IRIS[0]).shape == (150,)
    estimator.set_callbacks().set_params(max_iter=35).fit(*IRIS)
    np.testing.assert_array_equal(estimator.coefs_[0], whole.coefs_[0])
