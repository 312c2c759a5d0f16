"""Tutorial posts 000 to 004, replayed through the public API, on every engine, to nine digits.

They train on single samples or small batches in a given order from given weights, so they prove frozen segments, orders
and losses.
"""

import numpy as np
import pytest

from clearprop import (
    MLP,
    MSE,
    SGD,
    Activation,
    BinaryCrossEntropy,
    CrossEntropy,
    Dataset,
    Dense,
    Sequential,
    predict,
    train,
)
from clearprop.engine import ENGINES, GradientOptions, choose_engine
from clearprop.metrics import accuracy, mse
from clearprop.ops import Op, sigmoid
from recordings import array, model_000, moons, read


def set_parameters(model, values):
    for name, value in values.items():
        model.parameters()[name][...] = value


@pytest.fixture(params=ENGINES)
def engine(request):
    if reason := ENGINES[request.param]().unsupported(MLP([1, 1]), MSE(), SGD()):
        pytest.skip(reason)
    return request.param


def replayed(engine, epochs):
    """How many of the epochs an engine replays: the reference needs 20 to 50 ms for each."""
    return min(epochs, 5) if engine == "reference" else epochs


@pytest.fixture(scope="module")
def moons_000():
    return moons("data_moons1000")


@pytest.mark.parametrize(
    ("name", "trainable"), [("seed000_faithful", ("weight",)), ("seed000_bias_updated", ("weight", "bias"))]
)
def test_post_000_replays_to_nine_digits(moons_000, name, trainable, engine):
    recording, (training, test) = read(name), moons_000
    model = model_000(recording, trainable)
    biases = model.parameters()["0.bias"].copy()
    seen = {"train_mse": [], "train_acc": [], "test_mse": [], "test_acc": []}
    epochs = replayed(engine, 50)
    run = train(model, training, MSE(), SGD(0.1), epochs=epochs, batch_size=1, order="sequential", engine=engine)
    for _ in run:
        for prefix, data in (("train", training), ("test", test)):
            outputs = predict(model, data.X)
            seen[f"{prefix}_mse"].append(mse(data.y, outputs))
            seen[f"{prefix}_acc"].append(accuracy(data.y, outputs))
    for quantity, values in recording["trajectory_after_epoch"].items():
        np.testing.assert_allclose(seen[quantity], values[:epochs], rtol=0, atol=1e-9)
    moved = not np.array_equal(model.parameters()["0.bias"], biases)
    assert moved == ("bias" in trainable)
    if epochs < 50:
        return
    final = zip(recording["final"]["W"], recording["final"]["b"], strict=True)
    for layer, (W, b) in zip((0, 2, 4, 6), final, strict=True):
        np.testing.assert_allclose(model.parameters()[f"{layer}.weight"], array(W), rtol=0, atol=1e-9)
        np.testing.assert_allclose(model.parameters()[f"{layer}.bias"], array(b), rtol=0, atol=1e-9)


def test_the_gradient_of_post_000s_frozen_biases_is_still_computed(moons_000, engine):
    recording, (training, _) = read("seed000_faithful"), moons_000
    model = model_000(recording, ("weight",))
    program = choose_engine(engine, model, MSE(), SGD())[0].compile(model, MSE(), SGD(), GradientOptions())
    _, g = program.loss_and_grad(training.X[:1], training.y[:1])
    deltas = recording["probe_first_sample_at_init"]["dL_dz"]
    for layer, delta in zip((0, 2, 4, 6), deltas, strict=True):
        np.testing.assert_allclose(model.parameters(g)[f"{layer}.bias"], delta, rtol=1e-12)


# --- post 001 ---------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::clearprop.errors.SaturationWarning")  # the post's own fault
@pytest.mark.parametrize("name", ["seed001_faithful", "seed001_centred_init"])
def test_post_001_replays_to_nine_digits(name, engine):
    recording, iris = read(name), read("data_iris")
    data = Dataset(array(iris["X"]), iris["y"], target_names=("setosa", "versicolor", "virginica"))
    model = MLP([4, 12, 6, 3], "sigmoid", output_activation="sigmoid", use_bias=False)
    for layer, W in zip((0, 2, 4), recording["init"]["W"], strict=True):
        set_parameters(model, {f"{layer}.weight": array(W)})
    batches = [np.frombuffer(bytes.fromhex(rows), np.uint8).astype(int) for rows in read("seed001_batches")["hex"]]
    loss = MSE(reduction="sum")
    run = train(model, data, loss, SGD(0.01), epochs=1, order=batches, record="step", engine=engine)
    seen, after = [], []
    for step in run:
        seen.append(step["loss"])
        if len(seen) % 50 == 0:
            outputs = predict(model, data.X)
            after.append([len(seen), loss(data.y, outputs), accuracy(data.y, outputs)])
    np.testing.assert_allclose(seen, recording["trajectory_batch_loss_before_update"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(after, recording["full_set_after_update"]["rows"], rtol=0, atol=1e-9)
    for layer, W in zip((0, 2, 4), recording["final"]["W"], strict=True):
        np.testing.assert_allclose(model.parameters()[f"{layer}.weight"], array(W), rtol=0, atol=1e-9)


# --- post 002 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "hidden"), [("linear_30_epochs", []), ("mlp_30_epochs", [10])])
def test_post_002_replays_to_nine_digits(name, hidden, engine):
    recording, points = read("seed002_faithful")[name], read("data_mc100")
    data = Dataset(array(points["X_float32"]), points["y"], target_names=("0", "1"))
    training, test = data.take(np.arange(80)), data.take(np.arange(80, 100))
    model, loss = MLP([2, *hidden, 2], "tanh"), CrossEntropy()
    layers = (0, 2) if hidden else (0,)
    initial = recording["W0"] if hidden else [recording["W0"]]
    for layer, W in zip(layers, initial, strict=True):
        set_parameters(model, {f"{layer}.weight": array(W).T, f"{layer}.bias": 0.0})
    seen = {"train": [], "test": []}
    run = train(model, training, loss, SGD(recording["lr"]), epochs=30, batch_size=4, order="sequential", engine=engine)
    for epoch in run:
        for prefix, part in (("train", training), ("test", test)):
            outputs = predict(model, part.X)
            seen[prefix].append([epoch["epoch"], loss(part.y, outputs), accuracy(part.y, outputs)])
    for prefix, rows in seen.items():
        np.testing.assert_allclose(rows, recording[f"{prefix}_epoch_loss_acc"], rtol=0, atol=1e-9)
    final = {"weight": recording["W"], "bias": recording["b"]}
    for name, values in final.items():
        for layer, value in zip(layers, values if hidden else [values], strict=True):
            expected = array(value).T if name == "weight" else array(value)[0]
            np.testing.assert_allclose(model.parameters()[f"{layer}.{name}"], expected, rtol=0, atol=1e-9)


# --- post 003 ---------------------------------------------------------------------------------------------------------

# It applies the sigmoid's derivative to the activation instead of the pre-activation.
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
def test_post_003_replays_to_nine_digits(name, system, engine):
    recording, (training, test) = read(name), moons("data_moons500")
    model, loss = system()
    for layer, number in ((0, 1), (2, 2), (4, 3)):
        initial = {"weight": array(recording["init"][f"W{number}"]), "bias": array(recording["init"][f"b{number}"])}
        set_parameters(model, {f"{layer}.{parameter}": value for parameter, value in initial.items()})
    order = np.array(read("seed003_perms")["perms"])
    losses, epochs = [], replayed(engine, 100)
    for _ in train(model, training, loss, SGD(0.01), epochs=epochs, batch_size=1, order=order, engine=engine):
        losses.append(loss(training.y, predict(model, training.X)))
    expected = recording["trajectory_after_epoch"]["train_loss"][:epochs]
    np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-9)
    if epochs < 100:
        return
    for layer, number in ((0, 1), (2, 2), (4, 3)):
        W = array(recording["final"][f"W{number}"])
        np.testing.assert_allclose(model.parameters()[f"{layer}.weight"], W, rtol=0, atol=1e-9 * np.abs(W).max())
    assert accuracy(training.y, predict(model, training.X, link=loss.link)) == recording["final_train_acc"]
    assert accuracy(test.y, predict(model, test.X, link=loss.link)) == recording["final_test_acc"]


# --- post 004 ---------------------------------------------------------------------------------------------------------


def test_post_004_replays_to_nine_digits(engine):
    recording, (training, test) = read("seed004_faithful"), moons("data_moons2000")
    epochs = replayed(engine, 1001)
    model = model_000(recording, ("weight",))
    seen = {"train_mse": [], "train_acc": [], "test_mse": [], "test_acc": []}
    for _ in train(model, training, MSE(), SGD(0.01), epochs=epochs, batch_size=1, order="sequential", engine=engine):
        for prefix, data in (("train", training), ("test", test)):
            outputs = predict(model, data.X, engine=engine)
            seen[f"{prefix}_mse"].append(mse(data.y, outputs))
            seen[f"{prefix}_acc"].append(accuracy(data.y, outputs))
    for quantity, values in recording["trajectory_after_epoch"].items():
        np.testing.assert_allclose(seen[quantity], values[:epochs], rtol=0, atol=1e-9)
    if epochs < 1001:
        return
    for layer, W in zip((0, 2, 4, 6), recording["final"]["W"], strict=True):
        np.testing.assert_allclose(model.parameters()[f"{layer}.weight"], array(W), rtol=0, atol=1e-9)
