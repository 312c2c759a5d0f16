"""Tutorial posts 000 and 003, replayed through the public API to nine digits.

They train on single samples in a given order from given weights, so they prove frozen segments, orders and losses.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from clearprop import MLP, MSE, SGD, Activation, BinaryCrossEntropy, Dataset, Dense, Sequential, predict, train
from clearprop.engine import GradientOptions, choose_engine
from clearprop.metrics import accuracy, mse
from clearprop.ops import Op, sigmoid

GOLDEN = Path(__file__).parent.parent / "golden" / "posts"


def read(name):
    return json.loads((GOLDEN / f"{name}.json").read_text())


def array(matrix):
    return np.array(matrix["data"]).reshape(matrix["shape"])


def moons(name):
    """Train and test set of a post, in the post's order."""
    data = read(name)
    whole = Dataset(array(data["X"]), data["y"], target_names=("0", "1"))
    return whole.take(data["train_index"]), whole.take(data["test_index"])


def set_parameters(model, values):
    for name, value in values.items():
        model.parameters()[name][...] = value


@pytest.fixture(scope="module")
def moons_000():
    return moons("data_moons1000")


def model_000(recording, trainable):
    model = MLP([2, 25, 50, 25, 2], "sigmoid", output_activation="sigmoid", trainable=trainable)
    weights = zip(recording["init"]["W"], recording["init"]["b"], strict=True)
    for layer, (W, b) in zip((0, 2, 4, 6), weights, strict=True):
        set_parameters(model, {f"{layer}.weight": array(W), f"{layer}.bias": array(b)})
    return model


@pytest.mark.parametrize(
    ("name", "trainable"), [("seed000_faithful", ("weight",)), ("seed000_bias_updated", ("weight", "bias"))]
)
def test_post_000_replays_to_nine_digits(moons_000, name, trainable):
    recording, (training, test) = read(name), moons_000
    model = model_000(recording, trainable)
    biases = model.parameters()["0.bias"].copy()
    seen = {"train_mse": [], "train_acc": [], "test_mse": [], "test_acc": []}
    run = train(model, training, MSE(), SGD(0.1), epochs=50, batch_size=1, order="sequential")
    for _ in run:
        for prefix, data in (("train", training), ("test", test)):
            outputs = predict(model, data.X)
            seen[f"{prefix}_mse"].append(mse(data.y, outputs))
            seen[f"{prefix}_acc"].append(accuracy(data.y, outputs))
    for quantity, values in recording["trajectory_after_epoch"].items():
        np.testing.assert_allclose(seen[quantity], values, rtol=0, atol=1e-9)
    final = zip(recording["final"]["W"], recording["final"]["b"], strict=True)
    for layer, (W, b) in zip((0, 2, 4, 6), final, strict=True):
        np.testing.assert_allclose(model.parameters()[f"{layer}.weight"], array(W), rtol=0, atol=1e-9)
        np.testing.assert_allclose(model.parameters()[f"{layer}.bias"], array(b), rtol=0, atol=1e-9)
    moved = not np.array_equal(model.parameters()["0.bias"], biases)
    assert moved == ("bias" in trainable)


def test_the_gradient_of_post_000s_frozen_biases_is_still_computed(moons_000):
    recording, (training, _) = read("seed000_faithful"), moons_000
    model = model_000(recording, ("weight",))
    program = choose_engine("reference", model, MSE(), SGD())[0].compile(model, MSE(), SGD(), GradientOptions())
    _, g = program.loss_and_grad(training.X[:1], training.y[:1])
    deltas = recording["probe_first_sample_at_init"]["dL_dz"]
    for layer, delta in zip((0, 2, 4, 6), deltas, strict=True):
        np.testing.assert_allclose(model.parameters(g)[f"{layer}.bias"], delta, rtol=1e-12)


# Post 003 applies the sigmoid's derivative to the activation instead of the pre-activation.
posts_sigmoid = Op(lambda z: sigmoid(z), shapes="ni->ni", kind="elementwise")


@posts_sigmoid.defvjp
def _(dy, y):
    return dy * (sigmoid(y) * (1.0 - sigmoid(y)))


def as_published():
    layers = [layer for units in (4, 4, 1) for layer in (Dense(units), Activation(posts_sigmoid))]
    return Sequential(layers, n_in=2), BinaryCrossEntropy(from_logits=False)


def corrected_on_probabilities():
    return MLP([2, 4, 4, 1], "sigmoid", output_activation="sigmoid"), BinaryCrossEntropy(from_logits=False)


def corrected_on_logits():
    return MLP([2, 4, 4, 1], "sigmoid"), BinaryCrossEntropy()


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("seed003_faithful", as_published),
        ("seed003_corrected_gradient", corrected_on_probabilities),
        ("seed003_corrected_gradient", corrected_on_logits),
    ],
)
def test_post_003_replays_to_nine_digits(name, system):
    recording, (training, test) = read(name), moons("data_moons500")
    model, loss = system()
    for layer, number in ((0, 1), (2, 2), (4, 3)):
        initial = {"weight": array(recording["init"][f"W{number}"]), "bias": array(recording["init"][f"b{number}"])}
        set_parameters(model, {f"{layer}.{parameter}": value for parameter, value in initial.items()})
    order = np.array(read("seed003_perms")["perms"])
    losses = []
    for _ in train(model, training, loss, SGD(0.01), epochs=100, batch_size=1, order=order):
        losses.append(loss(training.y, predict(model, training.X)))
    np.testing.assert_allclose(losses, recording["trajectory_after_epoch"]["train_loss"], rtol=0, atol=1e-9)
    for layer, number in ((0, 1), (2, 2), (4, 3)):
        W = array(recording["final"][f"W{number}"])
        np.testing.assert_allclose(model.parameters()[f"{layer}.weight"], W, rtol=0, atol=1e-9 * np.abs(W).max())
    assert accuracy(training.y, predict(model, training.X, link=loss.link)) == recording["final_train_acc"]
    assert accuracy(test.y, predict(model, test.X, link=loss.link)) == recording["final_test_acc"]
