"""Post 000: two moons, learnt from single samples by a network 2-25-50-25-2 of sigmoids.

The post writes a `Layer` and a `NeuralNetwork` class; here they are the library's, with the post's choices as options:
its start weights, samples in the order of the split, one at a time, and biases that never move.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from clearprop import MSE, SGD, Activation, Dataset, Dense, Sequential, fit, load_dataset
from clearprop._types import Array
from clearprop.posts.base import Printed, Replay, expecting_saturation

WIDTHS = (2, 25, 50, 25, 2)
BOTH = ("weight", "bias")


def moons(n_samples: int = 1000) -> tuple[Dataset, Dataset]:
    """The post's training and test set, in its order."""
    from sklearn.model_selection import train_test_split

    data = load_dataset("moons", n_samples=n_samples, noise=0.2, random_state=100)
    training, test = train_test_split(np.arange(n_samples), test_size=0.3, random_state=42)
    return data.take(training), data.take(test)


class Layer(NamedTuple):
    """A layer of the post: its start weights and its activation (None, "relu", "sigmoid" or "tanh")."""

    weights: Array
    bias: Array
    activation: str | None


def layer(
    n_input: int,
    n_output: int,
    activation: str | None = None,
    weights: Array | None = None,
    bias: Array | None = None,
    *,
    random: np.random.RandomState,
    fan: str = "out",
) -> Layer:
    """The post's `Layer(...)`: N(0, 1/n_output) weights and U[0, 0.1) biases, unless they are given.

    `fan="in"` draws N(0, 1/n_input) instead.
    """
    scale = math.sqrt(1.0 / (n_output if fan == "out" else n_input))
    if weights is None:
        weights = random.randn(n_input, n_output) * scale
    if bias is None:
        bias = random.rand(n_output) * 0.1
    return Layer(weights, bias, activation)


def network(layers: list[Layer], trainable: tuple[str, ...] = ("weight",)) -> Sequential:
    """The post's `NeuralNetwork` after its `add_layer` calls; given arrays are copied."""
    made: list[Dense | Activation] = []
    for one in layers:
        made.append(Dense(one.weights.shape[1], trainable=trainable))
        made.append(Activation(one.activation or "identity"))
    model = Sequential(made, n_in=layers[0].weights.shape[0])
    for number, one in enumerate(layers):
        model.parameters()[f"{2 * number}.weight"][...] = one.weights
        model.parameters()[f"{2 * number}.bias"][...] = one.bias
    return model


def start(
    seed: int, trainable: tuple[str, ...] = ("weight",), fan: str = "out", activation: str | None = "sigmoid"
) -> Sequential:
    """The network before training, its weights drawn as the post would after `np.random.seed(seed)`."""
    random = np.random.RandomState(seed)
    return network([layer(a, b, activation, random=random, fan=fan) for a, b in pairwise(WIDTHS)], trainable)


def replay(
    seed: int = 4,
    *,
    epochs: int = 50,
    learning_rate: float = 0.1,
    batch_size: int = 1,
    order: str = "sequential",
    trainable: tuple[str, ...] = ("weight",),
    fan: str = "out",
    activation: str | None = "sigmoid",
    n_samples: int = 1000,
    engine: str = "auto",
) -> Replay:
    """Train as the post does; its four lists are the history (the post's "valid" is its test set).

    The post's ½Σ(o - t)² for two outputs is the mean squared error, so its gradient and its report agree.
    """
    training, test = moons(n_samples)
    model, loss = start(seed, trainable, fan, activation), MSE()
    with expecting_saturation():
        history = fit(
            model,
            training,
            loss,
            SGD(learning_rate),
            epochs=epochs,
            batch_size=batch_size,
            order=order,
            validation=test,
            metrics=("mse", "accuracy"),
            seed=seed,
            engine=engine,
        ).columns()
    lists = {
        "train MSE": history["mse"],
        "train accuracy": 100 * history["accuracy"],
        "test MSE": history["validation_mse"],
        "test accuracy": 100 * history["validation_accuracy"],
    }
    numbers = {f"epoch 0, {name}": float(values[0]) for name, values in lists.items()}
    numbers |= {f"last epoch, {name}": float(values[-1]) for name, values in lists.items()}
    numbers |= {"rows": len(training) + len(test), "columns": training.n_features, "test rows": len(test)}
    return Replay(numbers, model, loss, training, test, {"epoch": np.arange(epochs), **lists})


def as_published(seed: int = 4, **options: object) -> Replay:
    """50 epochs, biases frozen.  The post gives no seed; of 0 to 9, seed 4 ends with the digits it prints."""
    return replay(seed, **options)  # type: ignore[arg-type]


def corrected(seed: int = 4, **options: object) -> Replay:
    """Biases trained, and eight times as many epochs; start weights and order as published."""
    return replay(seed, **{"epochs": 400, "trainable": BOTH, **options})  # type: ignore[arg-type]


PUBLISHED = (
    Printed("rows", "1000", "行数"),
    Printed("columns", "2", "列数"),
    Printed("test rows", "300", "测试集行数"),
    Printed("epoch 0, train MSE", "0.2485", "第 0 轮，训练 MSE", binding=False),
    Printed("epoch 0, train accuracy", "49.29", "第 0 轮，训练准确率", binding=False),
    Printed("last epoch, train MSE", "0.0855", "最后一轮，训练 MSE"),
    Printed("last epoch, train accuracy", "88.00", "最后一轮，训练准确率"),
    Printed("last epoch, test MSE", "0.0998", "最后一轮，测试 MSE"),
    Printed("last epoch, test accuracy", "85.67", "最后一轮，测试准确率"),
)
