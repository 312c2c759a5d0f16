"""Losses, activations, optimisers and penalties that scikit-learn's perceptrons do not have."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, make_regression
from sklearn.metrics import mean_absolute_error
from sklearn.preprocessing import scale

import clearprop.ops as ops
from clearprop import SGD, AdamW, Cosine, CrossEntropy, Huber
from clearprop.errors import ConfigurationError
from clearprop.estimators import MLPClassifier, MLPRegressor
from clearprop.losses import BinaryCrossEntropy
from clearprop.ops.op import Op
from clearprop.optim import LBFGS

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
