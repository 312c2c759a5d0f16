"""PyTorch, in double precision, comes to the same numbers."""

import json
from pathlib import Path

import numpy as np
import pytest

import layer_trajectories
import trajectories
from clearprop import losses, ops
from clearprop.engine import choose_engine
from clearprop.layers import BatchNorm, Context, Dense, LayerNorm
from clearprop.optim import Adam
from examples import DATA_OF_LOSS

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.peers


@pytest.mark.parametrize("name", trajectories.PAIRS)
def test_200_steps_of_each_optimizer_are_pytorchs(name):
    np.testing.assert_allclose(trajectories.ours(name), trajectories.theirs(name), rtol=1e-10, atol=1e-10)


def test_the_stored_trajectories_are_what_pytorch_gives():
    stored = json.loads((Path(__file__).parents[1] / "golden/optimizer_trajectories.json").read_text("utf-8"))
    rows = [step - 1 for step in stored["steps"]]
    assert stored["w"].keys() == trajectories.PAIRS.keys()
    for name, w in stored["w"].items():
        np.testing.assert_allclose(trajectories.theirs(name)[rows], w, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("name", layer_trajectories.LAYERS)
def test_200_steps_of_networks_with_layers_for_tables_are_pytorchs(name, engine):
    model = layer_trajectories.network(name)
    if choose_engine("auto", model, losses.MSE(), Adam())[0].name != engine == "native":
        pytest.skip("the native engine does not run here")
    ours, theirs = layer_trajectories.ours(name, engine), layer_trajectories.theirs(name)
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        np.testing.assert_allclose(ours[key], value, rtol=1e-10, atol=1e-10, err_msg=key)


def test_the_stored_networks_are_what_pytorch_gives():
    stored = json.loads((Path(__file__).parents[1] / "golden/layer_trajectories.json").read_text("utf-8"))
    for name, expected in stored["networks"].items():
        found = layer_trajectories.theirs(name)
        steps = [found["loss"][step - 1] for step in stored["steps"]]
        np.testing.assert_allclose(steps, expected["loss"], rtol=1e-12)
        for key, value in expected["parameters"].items():
            np.testing.assert_allclose(found[key], value, rtol=1e-12, atol=1e-12)


def pytorch_gradient(function, *arrays):
    """The value of a PyTorch function and its sum's gradient with respect to each array."""
    tensors = [torch.tensor(np.asarray(a), dtype=torch.float64, requires_grad=True) for a in arrays]
    y = function(*tensors)
    y.sum().backward()
    return y.detach().numpy(), [t.grad.numpy() for t in tensors]


ACTIVATIONS = {
    "relu": torch.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.01),
    "elu": F.elu,
    "selu": F.selu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "mish": F.mish,
    "hard_sigmoid": F.hardsigmoid,
    "hard_tanh": F.hardtanh,
    "exp": torch.exp,
    "log_softmax": lambda x: F.log_softmax(x, -1),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_derivatives(name):
    op, x = ops.OPS[name], np.linspace(-7.0, 7.0, 1000).reshape(50, 20)
    y, (dx,) = pytorch_gradient(ACTIVATIONS[name], x)
    np.testing.assert_allclose(op.forward(x), y, rtol=1e-12, atol=1e-12)
    known_to = 1e-7 if name == "hard_sigmoid" else 1e-12  # PyTorch's 1/6 is a single-precision constant
    np.testing.assert_allclose(op.vjp(np.ones_like(x), op.forward(x), x), dx, rtol=known_to, atol=1e-12)


def test_softmax_and_its_derivative(rng):
    x, weights = rng.normal(0, 3, (20, 5)), rng.normal(size=(20, 5))
    y, (dx,) = pytorch_gradient(lambda x: F.softmax(x, -1) * torch.tensor(weights), x)
    np.testing.assert_allclose(weights * ops.softmax.forward(x), y, rtol=1e-12)
    np.testing.assert_allclose(ops.softmax.vjp(weights, ops.softmax.forward(x)), dx, rtol=1e-12, atol=1e-15)


LOSSES = {
    "MSE": (losses.MSE(), lambda t, y: F.mse_loss(y, t)),
    "MSE, sum": (losses.MSE("sum"), lambda t, y: F.mse_loss(y, t, reduction="sum")),
    "MAE": (losses.MAE(), lambda t, y: F.l1_loss(y, t)),
    "Huber": (losses.Huber(0.7), lambda t, y: F.huber_loss(y, t, delta=0.7)),
    "Poisson": (losses.Poisson(), lambda t, y: F.poisson_nll_loss(y, t)),
    "BCE of logits": (losses.BinaryCrossEntropy(), lambda t, y: F.binary_cross_entropy_with_logits(y, t)),
    "BCE": (losses.BinaryCrossEntropy(False), lambda t, y: F.binary_cross_entropy(y, t)),
    "CE of logits": (losses.CrossEntropy(), lambda t, y: F.cross_entropy(y, t)),
    "CE of logits, sum": (losses.CrossEntropy(reduction="sum"), lambda t, y: F.cross_entropy(y, t, reduction="sum")),
    "CE": (losses.CrossEntropy(False), lambda t, y: F.nll_loss(torch.log(y), t.argmax(1))),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_their_derivatives(name, rng):
    loss, function = LOSSES[name]
    y_true, y_pred = DATA_OF_LOSS[type(loss)](loss, rng, 30, 4)
    expected, (dy,) = pytorch_gradient(lambda y: function(torch.tensor(y_true), y), y_pred)
    value, cache = loss.forward(y_true, y_pred)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(loss.backward(cache), dy, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (Dense(3), lambda x, weight, bias: F.linear(x, weight.T, bias)),
        (LayerNorm(), lambda x, gamma, beta: F.layer_norm(x, (4,), gamma, beta)),
        (BatchNorm(), lambda x, gamma, beta: F.batch_norm(x, None, None, gamma, beta, training=True)),
    ],
    ids=["Dense", "LayerNorm", "BatchNorm"],
)
def test_layers_and_their_derivatives(layer, function, rng):
    x, dy = rng.normal(size=(7, 4)), rng.normal(size=(7, layer.build(4)[0]))
    parameters = {k: p + rng.normal(size=p.shape) for k, p in layer.initial_parameters(4, rng).items()}
    expected, found = pytorch_gradient(lambda *a: function(*a) * torch.tensor(dy), x, *parameters.values())
    y, cache, _ = layer.forward(x, parameters, Context(True, buffers=layer.initial_buffers(4)))
    grads = {name: np.empty_like(p) for name, p in parameters.items()}
    derived = [layer.backward(dy, cache, grads), *grads.values()]
    np.testing.assert_allclose(y * dy, expected, rtol=1e-11, atol=1e-12)
    for ours, theirs in zip(derived, found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12)
