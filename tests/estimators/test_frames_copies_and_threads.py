"""Frames, copies, routed metadata, sparse targets; and predictions in many threads, to the same bits."""

import copy
import os
import pickle
import subprocess
import sys
import threading

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from clearprop import Dense
from clearprop.errors import DataError
from clearprop.estimators import MLPClassifier, MLPRegressor
from clearprop.losses import Loss
from clearprop.train.ahead import Ahead

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
IRIS = scale(load_iris().data), load_iris().target
QUICK = {"hidden_layer_sizes": (12, 6), "max_iter": 40, "random_state": 0, "learning_rate_init": 0.01, "batch_size": 32}


@pytest.mark.parametrize(
    "make", [pd.DataFrame, pl.DataFrame, lambda d: pa.table(d)], ids=["pandas", "polars", "pyarrow"]
)
def test_frames_are_fitted_as_arrays_and_other_columns_are_refused(make):
    X, y = IRIS
    columns = {name: X[:, i] for i, name in enumerate("abcd")}
    frame = make(columns)
    estimator = MLPClassifier(**QUICK).fit(frame, y)
    assert estimator.feature_names_in_.tolist() == list("abcd")
    np.testing.assert_array_equal(estimator.predict_proba(frame), MLPClassifier(**QUICK).fit(X, y).predict_proba(X))
    with pytest.raises(ValueError, match="feature names"):
        estimator.predict(make(dict(reversed(columns.items()))))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        estimator.predict(X)


@pytest.mark.parametrize(
    "settings", [{}, {"solver": "lbfgs"}, {"early_stopping": True}, {"normalization": "batch"}], ids=str
)
def test_copies_go_on_as_the_original(settings, tmp_path):
    X, y = IRIS
    original = MLPClassifier(warm_start=True, **QUICK | {"max_iter": 5} | settings).fit(X, y)
    joblib.dump(original, tmp_path / "model.joblib")
    copies = [copy.deepcopy(original), pickle.loads(pickle.dumps(original)), joblib.load(tmp_path / "model.joblib")]
    expected = original.predict_proba(X)
    after = original.fit(X, y).predict_proba(X)
    for twin in copies:
        np.testing.assert_array_equal(twin.predict_proba(X), expected)
        np.testing.assert_array_equal(twin.fit(X, y).predict_proba(X), after)
    assert len(pickle.dumps(original)) < 20_000 + 8 * original.model_.w.size * 8
    unfitted = clone(original)
    assert not hasattr(unfitted, "coefs_") and unfitted.get_params() == original.get_params()


def test_a_shallow_copy_shares_its_weights():
    original = MLPClassifier(**QUICK).fit(*IRIS)
    twin = copy.copy(original)
    original.coefs_[0][...] = 0.0
    np.testing.assert_array_equal(twin.predict_proba(IRIS[0]), original.predict_proba(IRIS[0]))


def test_validation_data_and_weights_are_routed_through_a_pipeline():
    X, y = IRIS
    with sklearn.config_context(enable_metadata_routing=True):
        mlp = MLPClassifier(**QUICK).set_fit_request(sample_weight=True, X_val=True, y_val=True)
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(scaler, mlp).fit(X, y, sample_weight=np.ones(150), X_val=X[:9], y_val=y[:9])
    assert len(pipeline[-1].validation_loss_curve_) == 40
    for method in ("fit", "partial_fit", "score"):
        assert "sample_weight" in mlp.get_metadata_routing()._serialize()[method]


def test_a_row_alone_is_predicted_as_among_others():
    X, y = IRIS
    estimator = MLPClassifier(**QUICK).fit(X, y)
    together = estimator.predict_proba(X)
    alone = np.concatenate([estimator.predict_proba(X[i : i + 1]) for i in range(150)])
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_array_equal(estimator.predict_proba(X.tolist()), together)
    np.testing.assert_array_equal(estimator.predict_proba(np.asfortranarray(X)), together)
    for wrong, message in ((np.nan, "NaN"), (np.inf, "infinity")):
        with pytest.raises(ValueError, match=message):
            estimator.predict_proba(np.full((1, 4), wrong))
    huge = np.full((1, 4), 1e308)  # whose sum overflows, though each number is finite
    assert estimator.predict_proba(huge).shape == (1, 3)
    with pytest.raises(ValueError, match="X has 3 features, but MLPClassifier is expecting 4 features as input"):
        estimator.predict(X[:, :3])


@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
def test_what_is_wrong_with_the_data_is_said_with_its_place(Estimator):
    X, y = IRIS
    spoilt = pd.DataFrame(X, columns=["age", "b", "c", "d"])
    spoilt.loc[3, "age"] = np.nan
    with pytest.raises(ValueError, match=r"Input X contains NaN\. X contains NaN at row 3, column 0 \('age'\)"):
        Estimator().fit(spoilt, y)
    with pytest.raises(ValueError, match=r"Input y contains NaN\. y contains NaN at row 7"):
        Estimator().fit(X, np.where(np.arange(150) == 7, np.nan, y))
    with pytest.raises(ValueError, match="masked values; fill them in"):
        Estimator().fit(np.ma.masked_greater(X, 2.0), y)
    with pytest.raises(ValueError, match="dates or times"):
        Estimator().fit((X * 1e6).astype("datetime64[s]"), y)
    with pytest.raises(ValueError, match="sample_weight is -1 at row 0"):
        Estimator().fit(X, y, sample_weight=-np.ones(150))


def test_predicting_in_many_threads():
    estimator = MLPClassifier(**QUICK).fit(*IRIS)
    expected, wrong = estimator.predict_proba(IRIS[0]), []

    def work():
        for _ in range(200):
            if not np.array_equal(estimator.predict_proba(IRIS[0]), expected):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_number_of_threads_changes_no_bit():
    code = """
import hashlib, numpy as np
from clearprop.estimators import MLPRegressor
rng = np.random.default_rng(0)
X = rng.normal(size=(2000, 40)); y = X[:, 0] * X[:, 1]
m = MLPRegressor(hidden_layer_sizes=(200, 100), max_iter=3, random_state=0, batch_size=500).fit(X, y)
print(hashlib.sha256(m.model_.w.tobytes() + m.predict(X).tobytes()).hexdigest())
"""
    digests = set()
    for threads in ("1", "2", "4"):
        environment = os.environ | {"OMP_NUM_THREADS": threads, "PYTHONWARNINGS": "ignore"}
        digests.add(
            subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout
        )
    assert len(digests) == 1 and len(digests.pop()) == 65


def test_sparse_targets_of_several_labels():
    X, Y = make_multilabel_classification(n_samples=100, random_state=0)
    estimator = MLPClassifier(class_weight="balanced", **QUICK).fit(X, Y)
    assert estimator.predict(X).shape == Y.shape and estimator.score(X, Y) > 0.2


def test_the_network_is_an_ordinary_model():
    estimator = MLPClassifier(**QUICK).fit(*IRIS)
    assert [layer.units for layer in estimator.model_.layers if isinstance(layer, Dense)] == [12, 6, 3]
    assert isinstance(estimator._loss, Loss) and len(estimator.history_) == 40


@pytest.mark.parametrize(
    "settings",
    [
        {"tol": 0.02, "n_iter_no_change": 3},
        {"tol": 0.02, "n_iter_no_change": 4, "batch_size": 20},
        {"max_iter": 7, "batch_size": 1},
        {"n_iter_no_change": np.inf, "max_iter": 25},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 1},
        {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1, "max_iter": 20},
    ],
    ids=str,
)
def test_epochs_that_nobody_looks_at_leave_no_trace(settings, monkeypatch):
    calls, original = [], Ahead._trained
    monkeypatch.setattr(
        Ahead, "_trained", lambda self, plans, *_: calls.append(len(plans)) or original(self, plans, *_)
    )
    X, y = IRIS
    unseen = MLPClassifier(9, random_state=4, **settings).fit(X, y)
    assert bool(calls) == (settings.get("learning_rate") != "invscaling")
    calls.clear()
    seen = MLPClassifier(9, random_state=4, **settings).fit(X, y, X_val=X, y_val=y)
    assert not calls
    assert unseen.loss_curve_ == seen.loss_curve_ and unseen.t_ == seen.t_ and unseen.converged_ == seen.converged_
    for one, other in zip(unseen.coefs_ + unseen.intercepts_, seen.coefs_ + seen.intercepts_, strict=True):
        assert one.tobytes() == other.tobytes()
    assert unseen._random_state.randint(2**31) == seen._random_state.randint(2**31)


def test_a_class_of_one_row_and_early_stopping():
    X, y = IRIS[0][:60], np.array(["often"] * 59 + ["once"])
    with pytest.raises(DataError, match=r"only 1 member.* class 'once' with 1 row; add more such rows, or set"):
        MLPClassifier(early_stopping=True, max_iter=2).fit(X, y)
    MLPClassifier(early_stopping=True, max_iter=2, n_iter_no_change=1, tol=9.0).fit(X, [*y[:58], "once", "once"])
