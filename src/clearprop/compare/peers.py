"""The same training run in each library: one function a library, which makes a network that is ready to train.

All begin with the same weights and take the same batches in the same order, in float64.  What differs is the library's
own arithmetic, and its time.
"""

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from clearprop._registry import Registry
from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.losses import LOSSES
from clearprop.model import MLP
from clearprop.optim import SGD, Adam
from clearprop.train import fit

Weights = list[Array]
"""W₁, b₁, W₂, b₂, ..., each W of shape (inputs, outputs)."""


@dataclass(frozen=True)
class Problem:
    """What is to be trained, and how.

    Attributes
    ----------
    data : Dataset
        Prepared, its rows in the order in which they are used, epoch after epoch.
    widths : tuple of int
        Two classes have one output.
    activation : {"tanh", "relu", "sigmoid"}
    loss : {"binary_crossentropy", "crossentropy", "mse"}
    weights : list of arrays
        At the start.
    optimizer : {"sgd", "adam"}
    learning_rate, momentum : float
    nesterov : bool
    epochs, batch_size : int
    """

    data: Dataset
    widths: tuple[int, ...]
    activation: str
    loss: str
    weights: Weights
    optimizer: str
    learning_rate: float
    momentum: float
    nesterov: bool
    epochs: int
    batch_size: int


@dataclass(frozen=True)
class Ready:
    """A network with its start weights: `train()` trains it, `weights()` tells what became of them."""

    train: Callable[[], object]
    weights: Callable[[], Weights]


@dataclass(frozen=True)
class Peer:
    """A library: its name, the module it is imported as, and how it makes a network ready."""

    name: str
    module: str
    prepare: Callable[[Problem], Ready]

    @property
    def installed(self) -> bool:
        """Whether it can be imported; found out without doing so."""
        return find_spec(self.module) is not None

    @property
    def version(self) -> str:
        """As the library itself says."""
        return str(import_module(self.module).__version__)


PEERS: Registry[Peer] = Registry("library")


def peer(name: str, module: str) -> Callable[[Callable[[Problem], Ready]], Callable[[Problem], Ready]]:
    """Decorator: register the function that makes a network of this library ready."""

    def define(prepare: Callable[[Problem], Ready]) -> Callable[[Problem], Ready]:
        PEERS.register(name, Peer(name, module, prepare))
        return prepare

    return define


@peer("clearprop", "clearprop")
def _clearprop(problem: Problem) -> Ready:
    model = MLP(problem.widths, problem.activation)
    for view, start in zip(model.parameters().values(), problem.weights, strict=True):
        view[...] = start
    rate, momentum = problem.learning_rate, problem.momentum
    optimizer = Adam(rate) if problem.optimizer == "adam" else SGD(rate, momentum, problem.nesterov and momentum > 0)
    loss = LOSSES[problem.loss]()

    def train() -> object:
        plan: dict[str, Any] = {"epochs": problem.epochs, "batch_size": problem.batch_size, "order": "sequential"}
        return fit(model, problem.data, loss, optimizer, **plan)

    return Ready(train, lambda: [view.copy() for view in model.parameters().values()])


@peer("scikit-learn", "sklearn")
def _scikit_learn(problem: Problem) -> Ready:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    classes, data = problem.loss != "mse", problem.data
    start = list(zip(problem.weights[::2], problem.weights[1::2], strict=True))

    class FromTheseWeights(MLPClassifier if classes else MLPRegressor):  # type: ignore[misc]
        """scikit-learn draws start weights in a method of its own, one layer after the other."""

        def _init_coef(self, fan_in: int, fan_out: int, dtype: Any) -> tuple[Array, Array]:
            W, b = start[len(self.coefs_)]
            return W.copy(), b.copy()

    # Its squared error is half of ours, and summed over the outputs where ours is averaged.
    factor = 1.0 if classes or problem.optimizer == "adam" else 2.0 / problem.widths[-1]
    network = FromTheseWeights(
        hidden_layer_sizes=problem.widths[1:-1],
        activation={"sigmoid": "logistic"}.get(problem.activation, problem.activation),
        solver=problem.optimizer,
        alpha=0.0,
        batch_size=min(problem.batch_size, len(data)),
        learning_rate_init=problem.learning_rate * factor,
        momentum=problem.momentum,
        nesterovs_momentum=problem.nesterov,
        max_iter=problem.epochs,
        n_iter_no_change=problem.epochs + 1,
        tol=0.0,
        shuffle=False,
        random_state=0,
    )

    def train() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is what was asked for
            network.fit(data.X, data.y)

    def weights() -> Weights:
        return [w for pair in zip(network.coefs_, network.intercepts_, strict=True) for w in pair]

    return Ready(train, weights)


@peer("PyTorch", "torch")
def _pytorch(problem: Problem) -> Ready:
    torch: Any = import_module("torch")  # may be absent, and is nothing that types could follow
    nn = torch.nn
    activations = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}
    layers: list[Any] = []
    for W, b in zip(problem.weights[::2], problem.weights[1::2], strict=True):
        dense = nn.Linear(*W.shape, dtype=torch.float64)
        with torch.no_grad():
            dense.weight.copy_(torch.from_numpy(W.T.copy()))
            dense.bias.copy_(torch.from_numpy(b))
        layers += [dense, activations[problem.activation]()]
    network = nn.Sequential(*layers[:-1])
    losses = {"mse": nn.MSELoss, "crossentropy": nn.CrossEntropyLoss, "binary_crossentropy": nn.BCEWithLogitsLoss}
    loss = losses[problem.loss]()
    X, y = torch.from_numpy(np.asarray(problem.data.X)), torch.from_numpy(_targets(problem))
    optimizer: Any
    if problem.optimizer == "adam":
        optimizer = torch.optim.Adam(network.parameters(), lr=problem.learning_rate)
    else:
        nesterov = problem.nesterov and problem.momentum > 0
        optimizer = torch.optim.SGD(
            network.parameters(), lr=problem.learning_rate, momentum=problem.momentum, nesterov=nesterov
        )

    def train() -> None:
        for _ in range(problem.epochs):
            for first in range(0, len(X), problem.batch_size):
                batch = slice(first, first + problem.batch_size)
                optimizer.zero_grad()
                loss(network(X[batch]), y[batch]).backward()
                optimizer.step()

    def weights() -> Weights:
        return [p.detach().numpy().T.copy() for p in network.parameters()]

    return Ready(train, weights)


@peer("Keras", "keras")
def _keras(problem: Problem) -> Ready:
    if "keras" not in sys.modules and "KERAS_BACKEND" not in os.environ:
        installed = [name for name in ("tensorflow", "torch", "jax") if find_spec(name)]
        os.environ["KERAS_BACKEND"] = installed[0] if installed else "numpy"
    keras: Any = import_module("keras")
    before = keras.config.floatx()
    keras.config.set_floatx("float64")  # a float32 learning rate would differ from 0.1 by 1e-9
    try:
        units = problem.widths[1:]
        activations = [problem.activation] * (len(units) - 1) + [None]
        dense = [keras.layers.Dense(n, activation=a) for n, a in zip(units, activations, strict=True)]
        network = keras.Sequential([keras.Input((problem.widths[0],)), *dense])
        network.set_weights(problem.weights)
        optimizer: Any
        if problem.optimizer == "adam":
            optimizer = keras.optimizers.Adam(problem.learning_rate, epsilon=Adam().epsilon)
        else:
            optimizer = keras.optimizers.SGD(problem.learning_rate, problem.momentum, problem.nesterov)
        losses = {
            "mse": keras.losses.MeanSquaredError,
            "crossentropy": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            "binary_crossentropy": lambda: keras.losses.BinaryCrossentropy(from_logits=True),
        }
        network.compile(optimizer=optimizer, loss=losses[problem.loss]())
    finally:
        keras.config.set_floatx(before)
    X, y = np.asarray(problem.data.X), _targets(problem)

    def train() -> None:
        keras.config.set_floatx("float64")
        try:
            network.fit(X, y, batch_size=problem.batch_size, epochs=problem.epochs, shuffle=False, verbose=0)
        finally:
            keras.config.set_floatx(before)

    return Ready(train, lambda: [np.asarray(w) for w in network.get_weights()])


def differences(problem: Problem, names: Sequence[str]) -> tuple[str, ...]:
    """Why these libraries' weights are not quite ours, where that has a reason other than rounding in float64."""
    notes = []
    if problem.optimizer == "adam" and {"scikit-learn", "Keras"} & set(names):
        notes.append(
            "Adam's ε: here, as in PyTorch, it is added to the root of the corrected v; in scikit-learn and Keras to "
            "the root of v itself, which matters where a gradient is about as small as ε"
        )
    if "Keras" in names and (backend := import_module("keras").backend.backend()) != "tensorflow":
        notes.append(f"Keras multiplies matrices in float32 with the backend {backend}, whatever type it is given")
    return tuple(notes)


def _targets(problem: Problem) -> Array:
    """Class numbers, or columns of numbers as many as there are outputs."""
    y = problem.data.y
    return y if problem.loss == "crossentropy" else y.reshape(len(y), -1).astype(np.float64)
