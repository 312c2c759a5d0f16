"""Post 003: moons by single samples with binary cross-entropy, 2-4-4-1, against scikit-learn's network.

The post applies the sigmoid's derivative to the activation instead of the pre-activation.  That formula is
`posts_sigmoid` here; the rest is the library's.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from clearprop import (
    ACTIVATIONS,
    METRICS,
    SGD,
    Activation,
    BinaryCrossEntropy,
    Dataset,
    Dense,
    Op,
    Sequential,
    load_dataset,
    predict,
    train,
)
from clearprop._types import Array, Value
from clearprop.posts.base import Printed, Replay

sigmoid = ACTIVATIONS["sigmoid"]

posts_sigmoid = Op(lambda z: sigmoid(z), shapes="ni->ni", kind="elementwise")
"""The sigmoid with the post's derivative: σ(a)(1 - σ(a)) of the activation a = σ(z), never below 0.1966."""


@posts_sigmoid.defvjp
def _(da: Value, a: Value) -> Value:
    return da * (sigmoid(a) * (1.0 - sigmoid(a)))


@cache
def moons() -> tuple[Dataset, Dataset]:
    """The post's training and test set, in its order."""
    from sklearn.model_selection import train_test_split

    data = load_dataset("moons", n_samples=500, noise=0.2, random_state=42)
    training, test = train_test_split(np.arange(500), test_size=0.2, random_state=42)
    return data.take(training), data.take(test)


class Start(NamedTuple):
    """Start weights, and the orders of the epochs, from one random stream."""

    weights: list[Array]
    orders: Array


def start(seed: int, epochs: int) -> Start:
    """`randn` weights without scaling; then one permutation of the 400 rows for each epoch."""
    random = np.random.RandomState(seed)
    weights = [random.randn(a, b) for a, b in ((2, 4), (4, 4), (4, 1))]
    return Start(weights, np.array([random.permutation(400) for _ in range(epochs)]))


def network(weights: Sequence[Array], hidden: "str | Op" = "sigmoid", output: "str | Op" = "sigmoid") -> Sequential:
    """2-4-4-1 with these weights and zero biases."""
    layers = [
        one for units, kind in ((4, hidden), (4, hidden), (1, output)) for one in (Dense(units), Activation(kind))
    ]
    model = Sequential(layers, n_in=2)
    for number, W in enumerate(weights):
        model.parameters()[f"{2 * number}.weight"][...] = W
    return model


def replay(
    seed: int = 42,
    *,
    hidden: "str | Op" = posts_sigmoid,
    output: "str | Op" = posts_sigmoid,
    epochs: int = 100,
    learning_rate: float = 0.01,
    engine: str = "auto",
) -> Replay:
    """The post's first listing: single samples in a new order each epoch; the history is its `loss_history`.

    `hidden` and `output` say which sigmoid, so which derivative, the hidden layers and the output have.
    """
    (training, test), (weights, orders) = moons(), start(seed, epochs)
    model, loss, losses = network(weights, hidden, output), BinaryCrossEntropy(from_logits=False), []
    options: dict[str, Any] = {"epochs": epochs, "batch_size": 1, "order": orders, "engine": engine}
    for _ in train(model, training, loss, SGD(learning_rate), **options):
        losses.append(loss(training.y, predict(model, training.X, engine=engine)))
    numbers = {f"loss at {i}": losses[i] for i in (0, 20, 40, 51, 99) if i < epochs}
    numbers |= {"last loss": losses[-1], "least loss": min(losses), "least at": float(np.argmin(losses))}
    for name, data in (("train", training), ("test", test)):
        outputs = predict(model, data.X, engine=engine)
        numbers[f"{name} accuracy"] = METRICS["accuracy"](data.y, outputs)
        numbers[f"{name} MSE"] = mean_loss(data.y, outputs)
    return Replay(numbers, model, loss, training, test, {"epoch": np.arange(epochs), "loss": np.array(losses)})


def mean_loss(y: Array, outputs: Array) -> float:
    """The post's other loss, the mean square, which it defines and never uses."""
    return float(np.mean(np.square(outputs[:, 0] - y)))


def as_published(seed: int = 42, **options: Any) -> Replay:
    """100 epochs with the post's derivative in every layer."""
    return replay(seed, **options)


def corrected(seed: int = 42, **options: Any) -> Replay:
    """The same start weights and orders with the right derivative."""
    return replay(seed, **{"hidden": "sigmoid", "output": "sigmoid", **options})


def second_listing(*, iterations: int = 100, learning_rate: float = 0.01, engine: str = "auto") -> Replay:
    """The post's second listing, with W2 (4, 4) so that it runs: right gradient, full batch, seed 0."""
    (training, test), weights = moons(), start(0, 0).weights
    model, loss, losses = network(weights), BinaryCrossEntropy(from_logits=False), []
    options: dict[str, Any] = {"epochs": iterations, "order": "full", "engine": engine}
    for epoch in train(model, training, loss, SGD(learning_rate), **options):
        losses.append(epoch["loss"])  # before the update
    numbers = {"first loss": losses[0], "last loss": losses[-1]}
    for name, data in (("train", training), ("test", test)):
        numbers[f"{name} accuracy"] = METRICS["accuracy"](data.y, predict(model, data.X, engine=engine))
    return Replay(numbers, model, loss, training, test, {"epoch": np.arange(iterations), "loss": np.array(losses)})


def scikit_learn(hidden: tuple[int, ...] = (4,)) -> dict[str, float]:
    """The post's `MLPClassifier`: one hidden layer as coded, two of 4 as its comment promises."""
    from sklearn.neural_network import MLPClassifier

    training, test = moons()
    model = MLPClassifier(
        hidden_layer_sizes=hidden, activation="logistic", solver="sgd", learning_rate="constant",
        learning_rate_init=0.01, max_iter=1000, random_state=42,
    ).fit(training.X, training.y)  # fmt: skip
    return {
        "train": float(model.score(training.X, training.y)),
        "test": float(model.score(test.X, test.y)),
        "iterations": float(model.n_iter_),
        "loss": float(model.loss_),
    }


PUBLISHED = (
    Printed("loss at 40", "0.45", "第 40 轮的损失（文中“约 0.45”）", digits=2),
    Printed("loss at 0", zh="第 0 轮的损失"),
    Printed("loss at 20", zh="第 20 轮的损失"),
    Printed("loss at 99", zh="第 99 轮的损失"),
    Printed("least loss", zh="最小损失"),
    Printed("least at", zh="最小损失所在轮次", digits=0),
    Printed("train accuracy", zh="训练准确率"),
    Printed("test accuracy", zh="测试准确率"),
    Printed("train MSE", zh="训练 MSE（文中定义而未用）"),
)
"""The post prints pictures; of its prose, "flat at about 0.45 after 40 iterations" is a number."""
