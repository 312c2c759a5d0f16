"""Post 002: a small framework of one's own - Linear, Softmax, Tanh, CrossEntropyLoss, Net - on 100 points.

The post's pieces are `Dense`, the activations "softmax" and "tanh", `CrossEntropy(from_logits=False)` and
`Sequential`.  Its one random stream draws the data first and then each layer's weights, in the order of the text.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from clearprop import ACTIVATIONS, METRICS, SGD, Activation, CrossEntropy, Dataset, Dense, Sequential, fit, predict
from clearprop._types import Array
from clearprop.posts.base import Printed, Replay

SOFTMAX = ("softmax",)


def points(random: np.random.RandomState) -> tuple[Dataset, Dataset]:
    """The post's data: float32, the first 80 rows to train on, the last 20 to test."""
    from sklearn.datasets import make_classification

    shape = {"n_samples": 100, "n_features": 2, "n_redundant": 0, "n_informative": 2}
    X, y = make_classification(**shape, flip_y=0.2, random_state=random)
    data = Dataset(X.astype(np.float32), y, target_names=("0", "1"), name="two blobs")
    return data.take(np.arange(80)), data.take(np.arange(80, 100))


def net(random: np.random.RandomState, *widths: int, after: tuple[str, ...] = SOFTMAX) -> Sequential:
    """`Net` with a `Linear(a, b)` for each pair of widths, Tanh between them, and `after` at the end.

    A `Linear` draws N(0, 1/a) weights of shape (b, a), the transpose of `Dense`'s, and starts with zero biases.
    """
    layers: list[Dense | Activation] = []
    for units in widths[1:]:
        layers += [Dense(units), Activation("tanh")]
    model = Sequential([*layers[:-1], *map(Activation, after)], n_in=widths[0])
    for number, (a, b) in enumerate(pairwise(widths)):
        model.parameters()[f"{2 * number}.weight"][...] = random.normal(0, 1.0 / np.sqrt(a), (b, a)).T
    return model


class Score(NamedTuple):
    """What the post's `get_loss_acc` returns."""

    loss: float
    accuracy: float


def get_loss_acc(model: Sequential, data: Dataset, loss: CrossEntropy, engine: str = "auto") -> Score:
    """Loss and accuracy of the model given (the post looks at a global `net`)."""
    outputs = predict(model, data.X, engine=engine)
    return Score(mean(loss, data.y, outputs), METRICS["accuracy"](data.y, outputs))


def mean(loss: CrossEntropy, y: Array, outputs: Array) -> float:
    """The mean loss as the post rounds it: a sum, divided once.  Its sixteenth digit depends on that."""
    return float(CrossEntropy(loss.from_logits, reduction="sum")(y, outputs)) / len(y)


def run(
    model: Sequential,
    training: Dataset,
    test: Dataset,
    loss: CrossEntropy,
    *,
    epochs: int,
    learning_rate: float,
    engine: str = "auto",
) -> dict[str, Array]:
    """The post's `train_and_plot` without the plot: loss and accuracy on both sets after each epoch."""
    scores: list[tuple[float, ...]] = []

    def measure(epoch: object) -> None:
        scores.append((*get_loss_acc(model, training, loss, engine), *get_loss_acc(model, test, loss, engine)))

    options = {"batch_size": 4, "order": "sequential", "engine": engine}
    fit(model, training, loss, SGD(learning_rate), epochs=epochs, callbacks=[measure], **options)  # type: ignore[arg-type]
    names = ("train loss", "train accuracy", "test loss", "test accuracy")
    return dict(zip(names, np.array(scores).T, strict=True))


def replay(seed: int = 0, *, fused: bool = False, epochs: int = 30, engine: str = "auto") -> Replay:
    """The whole post, cell by cell; the network kept is the last one, 2-10-2.

    `fused` leaves the softmax to the loss, which then never divides by a probability of 0.
    """
    random = np.random.RandomState(seed)
    training, test = points(random)
    numbers = {f"train_x[{i}, {j}]": float(training.X[i, j]) for i in range(5) for j in range(2)}
    numbers |= {f"label {i}": float(training.y[i]) for i in range(5)}

    demo, softmax = net(random, 2, 2, after=()), ACTIVATIONS["softmax"]
    z = predict(demo, training.X[:10], engine=engine)
    p = softmax(z)
    numbers |= {f"forward[{i}, {j}]": float(z[i, j]) for i in range(5) for j in range(2)}
    numbers |= {f"softmax[{i}, {j}]": float(p[i, j]) for i in range(10) for j in range(2)}
    loss, after = (CrossEntropy(), ()) if fused else (CrossEntropy(from_logits=False), SOFTMAX)
    numbers["cross-entropy of 10 rows"] = numbers["the same by the graph"] = mean(
        loss, training.y[:10], z if fused else p
    )

    def shown(model: Sequential, data: Dataset) -> Score:
        return get_loss_acc(model, data, loss, engine)

    lin = net(random, 2, 2, after=after)
    numbers["accuracy before"] = shown(lin, training).accuracy
    run(lin, training, test, loss, epochs=1, learning_rate=0.1, engine=engine)
    numbers["accuracy after"] = shown(lin, training).accuracy

    one = net(random, 2, 2, after=after)
    for name, data in (("initial", training), ("final", training), ("test", test)):
        if name == "final":
            run(one, training, test, loss, epochs=1, learning_rate=0.1, engine=engine)
        numbers[f"{name} loss"], numbers[f"{name} accuracy"] = shown(one, data)

    linear, mlp = net(random, 2, 2, after=after), net(random, 2, 10, 2, after=after)
    history: dict[str, Array] = {"epoch": np.arange(1, epochs + 1)}
    for name, model, rate in (("linear", linear, 0.005), ("two layers", mlp, 0.01)):
        after_epochs = run(model, training, test, loss, epochs=epochs, learning_rate=rate, engine=engine)
        history |= {f"{name}: {key}": values for key, values in after_epochs.items()}
    numbers |= {name: float(values[-1]) for name, values in history.items() if name != "epoch"}
    return Replay(numbers, mlp, loss, training, test, history)


def as_published(seed: int = 0, **options: object) -> Replay:
    """Softmax and cross-entropy as separate layers, batches of 4 in order."""
    return replay(seed, **options)  # type: ignore[arg-type]


def corrected(seed: int = 0, **options: object) -> Replay:
    """Softmax and cross-entropy as one: the same numbers, and right for large logits too."""
    return replay(seed, fused=True, **options)  # type: ignore[arg-type]


_TRAIN_X = """
 1.3382818  -0.98613256
 0.5128146   0.43299454
-0.4473693  -0.2680512
-0.9865851  -0.28692
-1.0693829   0.41718036
"""
_FORWARD = """
 1.77202116 -0.25384488
 0.28370828 -0.39610552
-0.30097433  0.30513182
-0.8120485   0.56079421
-1.23519653  0.3394973
"""
_SOFTMAX = """
0.88348621 0.11651379
0.66369714 0.33630286
0.35294795 0.64705205
0.20216095 0.79783905
0.17154828 0.82845172
0.24279153 0.75720847
0.18915732 0.81084268
0.17282951 0.82717049
0.13897531 0.86102469
0.72746882 0.27253118
"""


def _array(name: str, block: str) -> list[Printed]:
    rows = [line.split() for line in block.split("\n") if line]
    return [Printed(f"{name}[{i}, {j}]", text) for i, row in enumerate(rows) for j, text in enumerate(row)]


PUBLISHED = (
    *_array("train_x", _TRAIN_X),
    *(Printed(f"label {i}", text, f"标签 {i}") for i, text in enumerate("11000")),
    *_array("forward", _FORWARD),
    *_array("softmax", _SOFTMAX),
    Printed("cross-entropy of 10 rows", "1.429664938969559", "10 行的交叉熵"),
    Printed("the same by the graph", "1.429664938969559", "按计算图再算一次"),
    Printed("accuracy before", "0.725", "训练前准确率"),
    Printed("accuracy after", "0.825", "训练后准确率"),
    Printed("initial loss", "0.6212072429381601", "初始损失"),
    Printed("initial accuracy", "0.6875", "初始准确率"),
    Printed("final loss", "0.44369925927417986", "最终损失"),
    Printed("final accuracy", "0.8", "最终准确率"),
    Printed("test loss", "0.4767711377257787", "测试损失"),
    Printed("test accuracy", "0.85", "测试准确率"),
    Printed("linear: train loss", zh="线性网络 30 轮：训练损失"),
    Printed("linear: train accuracy", zh="线性网络 30 轮：训练准确率"),
    Printed("linear: test loss", zh="线性网络 30 轮：测试损失"),
    Printed("linear: test accuracy", zh="线性网络 30 轮：测试准确率"),
    Printed("two layers: train loss", zh="两层网络 30 轮：训练损失"),
    Printed("two layers: train accuracy", zh="两层网络 30 轮：训练准确率"),
    Printed("two layers: test loss", zh="两层网络 30 轮：测试损失"),
    Printed("two layers: test accuracy", zh="两层网络 30 轮：测试准确率"),
)
