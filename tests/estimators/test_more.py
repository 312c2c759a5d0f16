"""What scikit-learn's multi-layer perceptrons were asked for and do not have."""

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
from sklearn.datasets import load_diabetes, load_iris, make_multilabel_classification, make_regression
from sklearn.metrics import make_scorer, mean_absolute_error, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

import clearprop.ops as ops
from clearprop import SGD, AdamW, Cosine, CrossEntropy, Dense, Huber
from clearprop.errors import ConfigurationError, DataError, DivergenceError
from clearprop.estimators import MLPClassifier, MLPRegressor
from clearprop.losses import BinaryCrossEntropy, Loss
from clearprop.ops.op import Op
from clearprop.optim import LBFGS
from clearprop.train.ahead import Ahead

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
IRIS = scale(load_iris().data), load_iris().target
DIABETES = scale(load_diabetes().data), scale(load_diabetes().target)
QUICK = {"hidden_layer_sizes": (12, 6), "max_iter": 40, "random_state": 0, "learning_rate_init": 0.01, "batch_size": 32}


def cubed(x):
    """x³/10"""
    return 0.1 * x * x * x


CUBED = Op(cubed, shapes="ni->ni", kind="elementwise")


@CUBED.defvjp
def _(dy, y, x):
    return dy * (0.3 * x * x)


class Focal(BinaryCrossEntropy):
    """(1 - p_t)² times the cross-entropy, p_t the probability of the true class"""

    def value(self, t, y):
        p = t * ops.sigmoid(y) + (1.0 - t) * ops.sigmoid(-y)
        return np.square(1.0 - p) * super().value(t, y)

    def gradient(self, t, y):
        p = t * ops.sigmoid(y) + (1.0 - t) * ops.sigmoid(-y)
        sign = 2.0 * t - 1.0
        return -sign * np.square(1.0 - p) * ((1.0 - p) - 2.0 * p * np.log(p))


# --- what may be chosen -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    "settings",
    [
        {"activation": ["gelu", "tanh"]},
        {"activation": "mish"},
        {"activation": [CUBED, ops.leaky_relu.bind(slope=0.2)]},
        {"dropout": 0.2},
        {"normalization": "batch"},
        {"normalization": "layer", "solver": "lbfgs"},
        {"solver": "adamw", "weight_decay": 0.1},
        {"solver": "rmsprop"},
        {"solver": AdamW(Cosine(0.02, 200), weight_decay=0.01)},
        {"solver": SGD(0.05, momentum=0.9), "clip_norm": 1.0},
        {"solver": LBFGS(history=5)},
        {"solver": "sgd", "learning_rate": Cosine(0.05, 200)},
        {"init": "orthogonal"},
        {"clip_value": 0.01},
        {"dtype": "float32"},
        {"engine": "reference"},
        {"engine": "native"},
    ],
    ids=str,
)
def test_settings_take_part_in_a_fit_that_succeeds(Estimator, settings):
    X, y = IRIS if Estimator is MLPClassifier else DIABETES
    estimator = Estimator(**QUICK | settings)
    start = clone(estimator)
    score = estimator.fit(X, y).score(X, y)
    assert score > (0.9 if Estimator is MLPClassifier else 0.45)
    assert repr(start.get_params()) == repr(estimator.get_params())  # fitting changes no parameter
    again = clone(estimator).fit(X, y)
    np.testing.assert_array_equal(again.coefs_[0], estimator.coefs_[0])
    plain = Estimator(**QUICK).fit(X, y)
    same = np.array_equal(plain.coefs_[0], estimator.coefs_[0])
    assert same == (settings == {"engine": "native"})


def test_a_loss_of_ones_own_and_probabilities():
    X, y = IRIS[0], IRIS[1] == 2
    for loss in (Focal("rows"), "hinge", "squared_hinge", CrossEntropy(), "crossentropy", "binary_crossentropy"):
        estimator = MLPClassifier(loss=loss, **QUICK).fit(X, y)
        p = estimator.predict_proba(X)
        assert estimator.score(X, y) > 0.9 and p.shape == (150, 2)
        np.testing.assert_allclose(p.sum(axis=1), 1.0)
        np.testing.assert_array_equal(p.argmax(axis=1) == 1, estimator.predict(X))
    one_for_each = MLPClassifier(loss=Focal("rows"), **QUICK).fit(*IRIS)
    np.testing.assert_allclose(one_for_each.predict_proba(X).sum(axis=1), 1.0)
    assert one_for_each.score(*IRIS) > 0.9
    with pytest.raises(ConfigurationError, match="does not give probabilities"):
        MLPClassifier(loss="mse").fit(X, y)
    with pytest.raises(ConfigurationError, match="did you mean 'huber'"):
        MLPRegressor("hubr").fit(*DIABETES)


def test_robust_losses_resist_outliers():
    X, y = make_regression(n_samples=200, n_features=3, noise=1.0, random_state=0)
    y = scale(y)
    spoilt = y.copy()
    spoilt[::20] += 50.0
    errors = {
        name: mean_absolute_error(y, MLPRegressor(loss, **QUICK | {"max_iter": 150}).fit(X, spoilt).predict(X))
        for name, loss in (("squared", "squared_error"), ("mae", "mae"), ("huber", Huber(0.5)), ("log", "log_cosh"))
    }
    assert all(errors[name] < 0.5 * errors["squared"] for name in ("mae", "huber", "log")), errors


def test_several_quantiles_at_once():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (3000, 1))
    y = X[:, 0] + (0.2 + 0.2 * np.abs(X[:, 0])) * rng.normal(size=3000)
    estimator = MLPRegressor(
        "quantile", quantiles=[0.1, 0.5, 0.9], learning_rate=Cosine(0.01, 1200), **QUICK | {"batch_size": 100}
    )
    estimator.fit(X, y)
    found = estimator.predict(X)
    assert found.shape == (3000, 3) and estimator.n_outputs_ == 3
    np.testing.assert_allclose(np.mean(y[:, None] <= found, axis=0), [0.1, 0.5, 0.9], atol=0.05)
    assert estimator.score(X, y) > 0.3
    assert MLPRegressor("quantile", max_iter=5).fit(X, y).predict(X).shape == (3000,)
    early = MLPRegressor("quantile", quantiles=[0.2, 0.8], early_stopping=True, max_iter=5).fit(X, y)
    assert len(early.validation_scores_) == 5
    for wrong in ([], [0.0], [1.5]):
        with pytest.raises(ConfigurationError, match="quantiles are numbers between 0 and 1"):
            MLPRegressor("quantile", quantiles=wrong).fit(X, y)
    with pytest.raises(ConfigurationError, match="goes with loss='quantile'"):
        MLPRegressor("huber", quantiles=[0.5]).fit(X, y)


def test_decay_clipping_and_class_weights_change_what_they_should():
    X, y = IRIS
    plain = MLPClassifier(**QUICK).fit(X, y)
    decayed = MLPClassifier(weight_decay=0.5, **QUICK).fit(X, y)
    assert np.linalg.norm(decayed.coefs_[0]) < 0.9 * np.linalg.norm(plain.coefs_[0])
    slow = MLPClassifier(clip_norm=1e-6, **QUICK | {"solver": "sgd"}).fit(X, y)
    start = MLPClassifier(clip_norm=1e-6, **QUICK | {"solver": "sgd", "max_iter": 1}).fit(X, y)
    assert np.abs(slow.coefs_[0] - start.coefs_[0]).max() < 1e-3


# --- validation and early stopping ------------------------------------------------------------------------------------


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


# --- what goes on inside ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [IRIS[1], IRIS[1] == 1], ids=["three classes", "two"])
def test_activations_and_transform(y):
    X = IRIS[0]
    estimator = MLPClassifier(activation=["tanh", "relu"], dropout=0.1, normalization="layer", **QUICK).fit(X, y)
    first, second, last = estimator.activations(X)
    assert first.shape == (150, 12) and second.shape == (150, 6) and np.abs(first).max() <= 1.0 and second.min() >= 0.0
    np.testing.assert_allclose(last[:, -1], estimator.predict_proba(X)[:, -1], rtol=1e-12)
    np.testing.assert_array_equal(estimator.transform(X), second)
    np.testing.assert_array_equal(estimator.transform(X, layer=0), first)
    with pytest.raises(ConfigurationError, match="2 hidden layers"):
        estimator.transform(X, layer=2)
    plain = MLPClassifier(activation="tanh", **QUICK).fit(X, y)
    np.testing.assert_allclose(plain.activations(X)[0], np.tanh(X @ plain.coefs_[0] + plain.intercepts_[0]), rtol=1e-12)


def test_set_output_and_names():
    X = pd.DataFrame(IRIS[0], columns=list("abcd"))
    estimator = MLPClassifier(**QUICK).set_output(transform="pandas")
    hidden = estimator.fit(X, IRIS[1]).transform(X)
    assert (
        hidden.columns.tolist() == [f"mlpclassifier{i}" for i in range(6)] == estimator.get_feature_names_out().tolist()
    )
    assert isinstance(estimator.set_output(transform="polars").transform(X), pl.DataFrame)
    stacked = make_pipeline(StandardScaler(), MLPClassifier(**QUICK), MLPClassifier(**QUICK)).fit(X, IRIS[1])
    assert stacked.score(X, IRIS[1]) > 0.9  # one network on another's hidden layer


@pytest.mark.parametrize("case", ["regression", "two targets", "three classes", "two classes", "poisson"])
def test_input_gradient_is_the_slope_of_the_prediction(case):
    X, y = DIABETES if case in ("regression", "two targets", "poisson") else IRIS
    y = {"two targets": np.stack([y, y**2], axis=1), "two classes": y == 1, "poisson": np.round(y + 3)}.get(case, y)
    Estimator = MLPClassifier if "classes" in case else MLPRegressor
    loss = {"loss": "poisson"} if case == "poisson" else {}
    estimator = Estimator(activation="tanh", **loss, **QUICK).fit(X, y)
    rows = X[:5]
    g = estimator.input_gradient(rows)

    def outputs(rows):
        p = estimator.predict_proba(rows) if Estimator is MLPClassifier else estimator.predict(rows)
        return p[:, 1:] if case == "two classes" else p.reshape(len(rows), -1)

    h = 1e-5
    for j in range(X.shape[1]):
        step = np.zeros(X.shape[1])
        step[j] = h
        slope = (outputs(rows + step) - outputs(rows - step)) / (2 * h)
        np.testing.assert_allclose(g.reshape(5, -1, X.shape[1])[:, :, j], slope, atol=1e-7)


# --- weights set by hand ----------------------------------------------------------------------------------------------


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


# --- input, copies, routing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [pd.DataFrame, pl.DataFrame, lambda d: pa.table(d)], ids=["pandas", "polars", "pyarrow"]
)
def test_frames(make):
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
