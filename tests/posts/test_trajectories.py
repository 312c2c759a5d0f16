"""Every recorded trajectory, replayed by `clearprop.posts` from the posts' own random streams, on both engines.

Nothing recorded is put in: start weights, data and orders are drawn again.  Losses agree to 1e-9 (mostly 1e-12),
accuracies exactly.
"""

import numpy as np
import pytest

from clearprop import MLP, MSE, SGD, predict
from clearprop.engine import ENGINES
from clearprop.posts.post000.replay import BOTH
from clearprop.posts.post000.replay import replay as moons_run
from clearprop.posts.post001.replay import draws
from clearprop.posts.post001.replay import network as iris_network
from clearprop.posts.post001.replay import replay as iris_run
from clearprop.posts.post002.replay import as_published as framework_run
from clearprop.posts.post002.replay import net, points
from clearprop.posts.post003.replay import (
    as_published,
    corrected,
    mean_loss,
    moons,
    network,
    scikit_learn,
    second_listing,
    start,
)
from clearprop.posts.post004.replay import (
    DESCENTS,
    chain_rule,
    derivative,
    descend,
    himmelblau,
    stationary_point,
    surface,
)
from clearprop.posts.post004.replay import replay as long_run
from recordings import array, read

CLOSE = {"rtol": 0, "atol": 1e-9}


@pytest.fixture(params=ENGINES)
def engine(request):
    if reason := ENGINES[request.param]().unsupported(MLP([1, 1]), MSE(), SGD()):
        pytest.skip(reason)
    return request.param


def epochs_on(engine, epochs):
    """How many of the epochs an engine replays: the reference needs 20 to 50 ms for each."""
    return min(epochs, 3) if engine == "reference" else epochs


def compare_moons(run, recording, epochs):
    lists = {
        "train_mse": "train MSE",
        "train_acc": "train accuracy",
        "test_mse": "test MSE",
        "test_acc": "test accuracy",
    }
    for recorded, name in lists.items():
        expected = np.array(recording["trajectory_after_epoch"][recorded][:epochs])
        ours = run.history[name] / (100 if "accuracy" in name else 1)
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)


def compare_weights(model, final, kinds=("W",), transposed=False):
    for kind in kinds:
        for number, matrix in enumerate(final[kind]):
            name = f"{2 * number}.{'weight' if kind == 'W' else 'bias'}"
            expected = (
                array(matrix).T if transposed and kind == "W" else array(matrix).reshape(model.parameters()[name].shape)
            )
            np.testing.assert_allclose(model.parameters()[name], expected, **CLOSE)


@pytest.mark.parametrize(("name", "trainable"), [("faithful", ("weight",)), ("bias_updated", BOTH)])
def test_post_000(name, trainable, engine):
    epochs, recording = epochs_on(engine, 50), read(f"seed000_{name}")
    run = moons_run(0, trainable=trainable, epochs=epochs, engine=engine)
    compare_moons(run, recording, epochs)
    if epochs == 50:
        compare_weights(run.model, recording["final"], ("W", "b"))


@pytest.mark.parametrize(("name", "trainable"), [("faithful", ("weight",)), ("bias_updated", BOTH)])
def test_post_004(name, trainable, engine):
    epochs, recording = epochs_on(engine, 1001), read(f"seed004_{name}")
    run = long_run(0, trainable=trainable, epochs=epochs, engine=engine)
    compare_moons(run, recording, epochs)
    if epochs == 1001:
        compare_weights(run.model, recording["final"])


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["seed000_faithful", "seed004_faithful"])
def test_the_reference_engine_to_the_end(name):
    run = moons_run(0, engine="reference") if "000" in name else long_run(0, engine="reference")
    compare_moons(run, read(name), 1001)
    compare_weights(run.model, read(name)["final"])


VARIANTS = {
    "faithful": {},
    "centred_init": {"init": "centred"},
    "relu_centred_init": {"init": "centred", "activation": "relu", "learning_rate": 1e-4},
    "one_hidden": {"hidden": (12,)},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_post_001(name, engine):
    recording, run = read(f"seed001_{name}"), iris_run(0, **VARIANTS[name], engine=engine)
    np.testing.assert_allclose(run.history["batch loss"], recording["trajectory_batch_loss_before_update"], **CLOSE)
    rows = np.array(recording["full_set_after_update"]["rows"])
    np.testing.assert_array_equal(run.history["updates"], rows[:, 0])
    np.testing.assert_allclose(run.history["loss"], rows[:, 1], **CLOSE)
    np.testing.assert_allclose(run.history["accuracy"] / 100, rows[:, 2], rtol=0, atol=1e-12)
    compare_weights(run.model, recording["final"])


def test_the_gradient_of_post_001_at_its_start():
    recording = read("seed001_gradient_at_start")
    run = iris_run(0, iterations=50)
    model, loss = iris_network(draws(np.random.RandomState(0), (4, 12, 6, 3), "published")), run.loss
    outputs, caches, _ = model.forward(np.asarray(run.training.X))
    value, cache = loss.forward(run.training.y, outputs)
    g = np.empty(model.n_parameters)
    model.backward(loss.backward(cache), caches, g)
    assert value == pytest.approx(recording["full_set_loss_at_init"], rel=1e-12)
    for number, expected in enumerate(recording["full_set_gradient_at_init"]):
        np.testing.assert_allclose(model.parameters(g)[f"{2 * number}.weight"], array(expected), rtol=1e-9, atol=1e-15)


def test_post_002(engine):
    recording, run = read("seed002_faithful"), framework_run(engine=engine)
    for recorded, name in (("linear_30_epochs", "linear"), ("mlp_30_epochs", "two layers")):
        for part in ("train", "test"):
            _, losses, shares = np.array(recording[recorded][f"{part}_epoch_loss_acc"]).T
            np.testing.assert_allclose(run.history[f"{name}: {part} loss"], losses, rtol=0, atol=1e-12)
            np.testing.assert_array_equal(run.history[f"{name}: {part} accuracy"], shares)
    compare_weights(run.model, recording["mlp_30_epochs"], ("W", "b"), transposed=True)


def test_the_demo_arrays_of_post_002():
    demo = read("seed002_demo")["demo"]
    random = np.random.RandomState(0)
    training, _ = points(random)
    z = predict(net(random, 2, 2, after=()), training.X[:10])
    np.testing.assert_allclose(z[:5], array(demo["forward_first5"]), rtol=0, atol=1e-15)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(p, array(demo["softmax_first10"]), rtol=0, atol=1e-15)


@pytest.mark.parametrize(("name", "run"), [("faithful", as_published), ("corrected_gradient", corrected)])
def test_post_003(name, run, engine):
    epochs, recording = epochs_on(engine, 100), read(f"seed003_{name}")
    done = run(epochs=epochs, engine=engine)
    expected = recording["trajectory_after_epoch"]["train_loss"][:epochs]
    np.testing.assert_allclose(done.history["loss"], expected, rtol=0, atol=1e-12)
    if epochs == 100:
        assert done.numbers["train accuracy"] == recording["final_train_acc"]
        assert done.numbers["test accuracy"] == recording["final_test_acc"]


def test_the_orders_of_post_003_are_its_random_stream():
    np.testing.assert_array_equal(start(42, 100).orders, read("seed003_perms")["perms"])


def test_the_second_listing_of_post_003(engine):
    iterations, recording = (2000, read("seed003b_fixed_shape"))
    run = second_listing(iterations=iterations, engine=engine)
    np.testing.assert_allclose(run.history["loss"][::10], recording["trajectory_loss_every_10"], rtol=0, atol=1e-12)
    for number in (1, 2, 3):
        ours = run.model.parameters()
        np.testing.assert_allclose(ours[f"{2 * number - 2}.weight"], array(recording["final"][f"W{number}"]), **CLOSE)
        np.testing.assert_allclose(ours[f"{2 * number - 2}.bias"], array(recording["final"][f"b{number}"])[0], **CLOSE)


def test_scikit_learns_network_in_post_003():
    recording, found = read("seed003_sklearn"), scikit_learn()
    assert found["iterations"] == recording["n_iter"]
    assert (found["train"], found["test"]) == (recording["train_acc"], recording["test_acc"])
    assert found["loss"] == pytest.approx(recording["loss_curve"][-1], rel=1e-9)


def test_the_unused_loss_of_post_003_is_the_mean_square():
    training, _ = moons()
    outputs = predict(network(start(42, 1).weights), training.X)
    assert mean_loss(training.y, outputs) == pytest.approx(MSE()(training.y, outputs), rel=1e-12)


# --- post 004's first sections ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("begin", DESCENTS)
def test_himmelblaus_descents(begin):
    recording = read("seed004_himmelblau")["starts"][str(list(begin))]
    path = descend(begin)
    np.testing.assert_allclose(path[:100], recording["float64_first_100_steps"], rtol=1e-12, atol=1e-12)
    for step, *row in recording["float64_printed"]:
        np.testing.assert_allclose(path[step, :2], row[:2], rtol=1e-12)
    narrow = descend(begin, dtype="float32")
    for step, *row in recording["torch_float32_printed"]:
        assert narrow[step].tolist() == row  # every bit


def test_himmelblaus_stationary_points():
    for point in read("seed004_himmelblau")["stationary_points"]:
        found = stationary_point(np.array(point["x"]) + 0.01)
        np.testing.assert_allclose(found, point["x"], rtol=0, atol=1e-12)
        assert himmelblau(*found) == pytest.approx(point["f"], abs=1e-9)


def test_himmelblaus_grid():
    recording = read("seed004_himmelblau")["grid"]
    x, _, z = surface()
    assert x.shape == (120,) and list(z.shape) == recording["shape"]
    assert z.sum() == pytest.approx(recording["sum"], rel=1e-12)
    assert np.abs(z).max() == pytest.approx(recording["absmax"], rel=1e-12)


def test_derivatives_are_those_of_the_posts_language():
    table = read("seed004_derivatives_chain")
    x = np.array(table["x"])
    for name, column in (
        ("sigmoid", "dsigmoid"),
        ("relu", "drelu (1 at 0)"),
        ("leaky_relu", "dleaky p=0.1 (1 at 0)"),
        ("tanh", "dtanh"),
    ):
        np.testing.assert_allclose(derivative(name, x), table[column], rtol=1e-12, atol=1e-14)
    zero = np.array([0.0])
    assert derivative("relu", zero) == 1.0 and derivative("relu", zero, at_zero=0.0) == 0.0
    assert derivative("leaky_relu", zero, at_zero=0.1) == pytest.approx(0.1)


def test_the_chain_rule():
    expected = read("seed004_derivatives_chain")["chain"]
    found = chain_rule()
    assert found["product"] == found["dy2_dw1"] == 2.0
    for name in ("y1", "y2", "dy2_dy1", "dy1_dw1", "dy2_dw1", "dy2_db1", "dy2_dw2", "dy2_db2"):
        assert found[name] == expected[name]
