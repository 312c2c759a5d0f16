"""What goes on inside: hidden activations, gradients with respect to inputs, output frames."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from clearprop.errors import ConfigurationError
from clearprop.estimators import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
IRIS = scale(load_iris().data), load_iris().target
DIABETES = scale(load_diabetes().data), scale(load_diabetes().target)
QUICK = {"hidden_layer_sizes": (12, 6), "max_iter": 40, "random_state": 0, "learning_rate_init": 0.01, "batch_size": 32}


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
