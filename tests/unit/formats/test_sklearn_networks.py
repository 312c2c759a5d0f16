"""Networks as scikit-learn's own, and back: the same predictions, and training goes on there."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier, MLPRegressor

from clearprop.data import read_table
from clearprop.errors import ConfigurationError
from clearprop.formats.sklearn import from_sklearn, to_sklearn
from clearprop.judge.answers import answer_table, predictions_for
from clearprop.layers import Activation, Dense, Dropout
from clearprop.model import MLP, Sequential
from clearprop.train import predict
from exports import expected, iris, mixed_rows, new_rows, trained, write_rows

OUTPUTS = {
    "softmax": (3, {"link": "softmax", "classes": ["a", "b", "c"]}),
    "softmax of two": (2, {"link": "softmax", "classes": ["no", "yes"]}),
    "one sigmoid": (1, {"link": "sigmoid", "classes": [3, 7]}),
    "multilabel": (3, {"link": "sigmoid", "classes": [0, 1, 2], "multilabel": True}),
    "quantity": (1, {}),
    "quantities": (2, {}),
    "poisson": (1, {"link": "exp"}),
}
NAMES = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic", "identity": "identity"}


def random_network(widths, activation, dtype, rng):
    model = MLP(widths, activation, dtype=dtype)
    model.w[:] = rng.normal(size=len(model.w)) * 0.5
    return model


def answers(mlp, X):
    return mlp.predict_proba(X) if hasattr(mlp, "predict_proba") else mlp.predict(X).reshape(len(X), -1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("hidden", [(), (5,), (6, 4)])
@pytest.mark.parametrize("activation", NAMES)
@pytest.mark.parametrize("outputs", OUTPUTS)
def test_scikit_learn_predicts_the_same(outputs, activation, hidden, dtype, rng):
    n_out, arguments = OUTPUTS[outputs]
    model = random_network([4, *hidden, n_out], activation, dtype, rng)
    X = rng.normal(size=(30, 4)).astype(dtype)
    mlp = to_sklearn(model, **arguments)
    assert type(mlp) is (MLPClassifier if "classes" in arguments else MLPRegressor)
    assert mlp.n_features_in_ == 4 and mlp.n_layers_ == len(hidden) + 2 and mlp.n_iter_ == mlp.t_ == 0
    wanted = predict(model, X, link=arguments.get("link", "identity"))
    if outputs == "one sigmoid":
        wanted = np.column_stack([1 - wanted, wanted])
    found = answers(mlp, X)
    assert found.dtype == wanted.dtype == dtype
    tolerance = 1e-12 if dtype == "float64" else 3e-6
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
    if outputs == "multilabel":
        assert mlp.predict(X).tolist() == (wanted > 0.5).astype(int).tolist()
    elif "classes" in arguments:
        assert mlp.classes_.tolist() == arguments["classes"]
        assert mlp.predict(X).tolist() == np.array(arguments["classes"])[wanted.argmax(axis=1)].tolist()

    network, link, classes = from_sklearn(mlp)
    found = predict(network, X, link=link)
    wanted = answers(mlp, X)[:, 1:] if network.n_out == 1 and classes is not None else answers(mlp, X)
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
    assert network.dtype == dtype
    if hidden:
        assert (
            mlp.activation == NAMES[activation] and f"activation='{activation}'" in repr(network)
        ) or activation == "relu"


def test_training_goes_on_there(rng):
    X, y = load_iris(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    model = random_network([4, 10, 3], "tanh", "float64", rng)
    mlp = to_sklearn(model, link="softmax", classes=[0, 1, 2])
    before = mlp.score(X, y)
    mlp.set_params(learning_rate_init=0.02)
    for _ in range(60):
        mlp.partial_fit(X, y)
    assert mlp.t_ == 60 * 150 and len(mlp.loss_curve_) == 60 and mlp.score(X, y) > max(before, 0.95)
    assert np.array_equal(model.w, random_network([4, 10, 3], "tanh", "float64", np.random.default_rng(20240917)).w)
    assert mlp.random_state is None
    again = clone(mlp).fit(X, y)
    assert again.hidden_layer_sizes == (10,) and again.n_iter_ > 1
    assert np.array_equal(pickle.loads(pickle.dumps(mlp)).predict_proba(X), mlp.predict_proba(X))


def test_the_first_step_there_is_scikit_learns_own(rng):
    """Nothing is left of the rows that it was set up with."""
    X, y = rng.normal(size=(50, 4)), rng.normal(size=50)
    reference = MLPRegressor(hidden_layer_sizes=(6,), activation="tanh", shuffle=False, random_state=0)
    reference.partial_fit(X, y)
    fresh = clone(reference).partial_fit(X, y)
    model, link, _ = from_sklearn(fresh)
    copy = to_sklearn(model, link=link).set_params(shuffle=False, random_state=0)
    del fresh._optimizer
    fresh.partial_fit(X, y)
    copy.partial_fit(X, y)
    for mine, theirs in zip(copy.coefs_ + copy.intercepts_, fresh.coefs_ + fresh.intercepts_, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)


def test_labels_out_of_order_get_the_right_outputs(rng):
    X = rng.normal(size=(30, 4))
    for n_out, link, labels in [(3, "softmax", [9, 10, 1]), (2, "softmax", ["b", "a"]), (1, "sigmoid", [5, 2])]:
        model = random_network([4, 5, n_out], "relu", "float64", rng)
        p = predict(model, X, link=link)
        p = np.column_stack([1 - p, p]) if n_out == 1 else p
        mlp = to_sklearn(model, link=link, classes=labels)
        assert mlp.classes_.tolist() == sorted(labels)
        np.testing.assert_allclose(mlp.predict_proba(X), p[:, np.argsort(labels)], rtol=1e-12, atol=1e-12)
        assert mlp.predict(X).tolist() == np.array(labels)[p.argmax(axis=1)].tolist()


def test_scikit_learns_own_networks_come_here(rng):
    X, y = load_iris(return_X_y=True)
    for mlp in (
        MLPClassifier(hidden_layer_sizes=(7, 5), activation="logistic", max_iter=20),
        MLPRegressor(hidden_layer_sizes=(6,), max_iter=20),
        MLPRegressor("poisson", hidden_layer_sizes=3, max_iter=20),
    ):
        with pytest.warns(match="Maximum iterations"):
            mlp.fit(X, y + 1)
        model, link, classes = from_sklearn(mlp)
        found = predict(model, X, link=link)
        wanted = answers(mlp, X)
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
        assert classes is None or classes.tolist() == [1, 2, 3]
        assert np.array_equal(answers(to_sklearn(model, link=link, classes=classes), X), wanted)


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (MLP([2, 3, 1], "gelu"), {}, "this network has gelu"),
        (MLP([2, 3, 3, 1], ["relu", "tanh"]), {}, "this network has relu and tanh"),
        (MLP([2, 3, 1], normalization="layer"), {}, "LayerNorm"),
        (MLP([2, 3, 1], output_activation="relu"), {}, "ends with Activation"),
        (Sequential([Dense(2), Dense(1)], n_in=2), {}, "where it has an activation"),
        (Sequential([Activation("relu"), Dense(1)], n_in=2), {}, "where it has a Dense layer"),
        (MLP([2, 1]), {"link": "sigmoid"}, "no link 'sigmoid'; name the classes"),
        (MLP([2, 3]), {"link": "sigmoid", "classes": [1, 2, 3]}, "in proportion"),
        (MLP([2, 3], output_activation="softmax"), {"classes": [1, 2, 3]}, "ends with|in proportion"),
    ],
)
def test_what_scikit_learn_lacks_is_said(model, arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        to_sklearn(model, **arguments)


def test_numpys_global_generator_is_left_alone():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    to_sklearn(MLP([2, 3, 2]), link="softmax", classes=[0, 1])
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_layers_that_do_nothing_in_prediction_are_no_obstacle(rng):
    model = Sequential(
        [Dense(3, use_bias=False), Activation("relu"), Dropout(0.2), Dense(1), Activation("identity")], n_in=2
    )
    X = rng.normal(size=(5, 2))
    np.testing.assert_allclose(to_sklearn(model).predict(X), predict(model, X)[:, 0], rtol=1e-12)


def test_only_fitted_networks_come_here():
    with pytest.raises(ConfigurationError, match="fit it first"):
        from_sklearn(MLPRegressor())


# --- tables -----------------------------------------------------------------------------------------------------------


def frame(saved, rows):
    """The table's columns as pandas has them."""
    columns = {}
    for column in saved.preparation.columns:
        cells = [np.nan if cell in ("", "NA") or cell != cell else cell for cell in rows[column.name]]
        columns[column.name] = np.array(cells, dtype=float) if column.kind == "number" else cells
    return pd.DataFrame(columns)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_iris_from_its_columns(dtype):
    saved, data = iris(dtype)
    pipeline = to_sklearn(saved)
    wanted = predictions_for(saved, data)
    tolerance = 1e-12 if dtype == "float64" else 1e-6
    np.testing.assert_allclose(pipeline.predict_proba(data.X), wanted, rtol=tolerance, atol=tolerance)
    assert pipeline.predict(data.X).tolist() == answer_table(saved, wanted)["target"].tolist()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("target", ["label", "cost"])
def test_a_table_with_categories_gaps_and_unseen_words(target, tmp_path):
    rows = mixed_rows()
    write_rows(tmp_path / "t.csv", rows)
    saved = trained(read_table(tmp_path / "t.csv"), target, drop=[{"label": "cost", "cost": "label"}[target]])
    pipeline = pickle.loads(pickle.dumps(to_sklearn(saved)))
    new = new_rows(tmp_path / "new.csv")
    for file, cells in (("t.csv", rows), ("new.csv", new)):
        wanted = expected(saved, tmp_path / file)
        for X in (frame(saved, cells), frame(saved, cells).to_numpy(dtype=object)):
            np.testing.assert_allclose(answers(pipeline, X), wanted, rtol=1e-12, atol=1e-12)
        if target == "label":
            assert pipeline.predict(X).tolist() == answer_table(saved, wanted)["label"].tolist()


def test_categories_without_gaps_or_rare_words(tmp_path):
    rows = {"word": ["a", "b", "c", ""] * 10, "other": ["x", "y"] * 20, "y": [str(i * 1.5) for i in range(40)]}
    write_rows(tmp_path / "t.csv", rows)
    saved = trained(read_table(tmp_path / "t.csv"), "y")
    np.testing.assert_allclose(
        answers(to_sklearn(saved), frame(saved, rows)), expected(saved, tmp_path / "t.csv"), rtol=1e-12
    )
