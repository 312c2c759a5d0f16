"""A factor for each feature: what it computes, how fast it learns, and that everything else knows it."""

from typing import ClassVar

import numpy as np
import pytest

from clearprop import explain, load, predict, save
from clearprop.engine import choose_engine
from clearprop.errors import ConfigurationError
from clearprop.formats.json_format import from_json, to_json
from clearprop.formats.numpy_source import to_numpy
from clearprop.formats.python_source import to_python
from clearprop.formats.sklearn import to_sklearn
from clearprop.layers import Activation, Dense, Layer, OpLayer, Scale
from clearprop.losses import MSE
from clearprop.model import Sequential
from clearprop.ops import multiply
from clearprop.optim import SGD
from clearprop.train import train


@pytest.fixture
def model(rng):
    model = Sequential([Scale(), Dense(5), Activation("tanh"), Scale(), Dense(2)], 3)
    model.w += 0.1 * rng.normal(size=len(model.w))
    return model


def test_each_feature_is_multiplied_by_its_own_factor():
    x, s = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 0.5])
    y, _, _ = Scale().forward(x, {"scale": s})
    np.testing.assert_array_equal(y, [[10.0, 1.0], [30.0, 2.0]])


def test_at_first_nothing_is_changed(rng):
    X = rng.normal(size=(4, 3))
    np.testing.assert_array_equal(predict(Sequential([Scale()], 3), X), X)


def test_the_factors_learn_6_times_as_fast_and_do_not_decay_unless_it_is_said():
    fast, slow = (Sequential([layer], 2).segments[0] for layer in (Scale(), Scale(learning_rate_factor=1.0)))
    assert (fast.learning_rate_factor, fast.decays, slow.learning_rate_factor) == (6.0, False, 1.0)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_200_steps_are_those_of_the_formulas_written_out(engine, rng):
    X, t, rate = rng.normal(size=(20, 3)), rng.normal(size=(20, 1)), 0.01
    model = Sequential([Scale(), Dense(1)], 3, seed=2)
    if choose_engine("auto", model, MSE(), SGD())[0].name != engine == "native":
        pytest.skip("the native engine does not run here")
    s, W, b = (p.copy() for p in model.parameters().values())
    for _ in range(200):
        dy = 2.0 * ((X * s) @ W + b - t) / len(X)
        ds, dW, db = np.sum((dy @ W.T) * X, axis=0), (X * s).T @ dy, dy.sum(axis=0)
        s, W, b = s - 6.0 * rate * ds, W - rate * dW, b - rate * db
    for _ in train(model, (X, t), "mse", SGD(rate), epochs=200, order="full", engine=engine):
        pass
    for found, wanted in zip(model.parameters().values(), (s, W, b), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10)


def test_exports_and_files_know_it_without_being_told(model, tmp_path, rng):
    X = rng.normal(size=(7, 3))
    expected = predict(model, X)
    numpy_text, script = {}, {}
    exec(to_numpy(model), numpy_text)
    exec(to_python(model), script)
    assert "x * scale0" in to_numpy(model)
    save(model, tmp_path / "model.safetensors")
    for found in (
        numpy_text["predict"](X),
        script["predict"](X),
        predict(load(tmp_path / "model.safetensors").model, X),
        predict(from_json(to_json(model)).model, X),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    with pytest.raises(ConfigurationError, match=r"Scale\(\) stands where it"):
        to_sklearn(model)


def test_onnx_knows_it(model, rng):
    runtime, onnx = pytest.importorskip("onnxruntime"), pytest.importorskip("clearprop.formats.onnx")
    X = rng.normal(size=(7, 3))
    session = runtime.InferenceSession(onnx.to_onnx(model).SerializeToString())
    np.testing.assert_allclose(session.run(["prediction"], {"X": X})[0], predict(model, X), rtol=1e-12)


def test_explain_shows_its_gradients(model, rng):
    text = str(explain(model, rng.normal(size=(1, 3)), np.array([1]), "crossentropy"))
    assert "dscale₁[0] = dn₁[0]·a₁[0]" in text and text.count("✗") == 1  # in the legend


class Blend(OpLayer):
    """A layer of an operation and parameters of somebody else's."""

    initial: ClassVar = {"left": 2.0}

    def operation(self):
        return multiply


class Halved(Blend):
    """It does more than its operation says."""

    def backward(self, dy, cache, grads):
        return 0.5 * super().backward(dy, cache, grads)


@pytest.mark.parametrize(("layer", "engine"), [(Blend(), "native"), (Halved(), "reference")], ids=repr)
def test_any_layer_that_is_an_operation_is_compiled_but_only_if_it_is_no_more(layer, engine):
    assert isinstance(layer, Layer)
    if choose_engine("auto", Sequential([Dense(2)], 2), MSE(), SGD())[0].name != "native":
        pytest.skip("the native engine does not run here")
    assert choose_engine("auto", Sequential([layer, Dense(2)], 2), MSE(), SGD())[0].name == engine
