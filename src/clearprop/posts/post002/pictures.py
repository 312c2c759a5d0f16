"""The figures of post 002; the 0-1 loss the right way round too."""

from typing import TYPE_CHECKING, Any

import numpy as np

from clearprop import SGD, CrossEntropy, fit
from clearprop.posts.base import Replays, Text
from clearprop.posts.drawing import titled
from clearprop.posts.post002.replay import net, points
from clearprop.viz import LiveFigure, loss_functions, scatter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATA = Text("Scatterplot of the training data", "训练数据散点图")
FEATURES = Text("x[{i}] (feature {n})", "x[{i}]（特征 {n}）")
REGRESSION = Text("Losses for regression", "回归的损失函数")
CLASSES = Text("Losses for classification (class 1)", "分类的损失函数（类别 1）")
CROSS = Text("Cross-entropy", "交叉熵")
ABSOLUTE, SQUARE = Text("absolute |d|", "绝对值 |d|"), Text("square d²", "平方 d²")
ZERO_ONE = Text("0-1 loss", "0-1 损失")
INVERTED = Text("0-1 loss as the post draws it", "文章画的 0-1 损失（画反了）")
LOGISTIC = Text("logistic loss -log p", "逻辑损失 -log p")
DIFFERENCE, PROBABILITY = (
    Text("d = y - f(x)", "d = y - f(x)"),
    Text("p, the predicted probability of class 1", "p：预测为类别 1 的概率"),
)
LINEAR, MLP = (
    Text("Linear and softmax, 30 epochs", "线性层加 Softmax，30 轮"),
    Text("2-10-2 with tanh, 30 epochs", "2-10-2（tanh），30 轮"),
)


def draw(replays: Replays, language: str) -> "dict[str, Figure]":
    """Data, loss functions, cross-entropy, and both trainings as the live figure leaves them."""
    training = replays.published.training
    regression = {ABSOLUTE(language): np.abs, SQUARE(language): np.square}
    classes: dict[str, Any] = {
        ZERO_ONE(language): lambda p: np.where(p < 0.5, 1.0, 0.0),
        INVERTED(language): lambda p: np.where(p < 0.5, 0.0, 1.0),
        LOGISTIC(language): lambda p: -np.log(p),
    }
    cross: dict[str, Any] = {"y = 1": lambda p: -np.log(p), "y = 0": lambda p: -np.log(1.0 - p)}
    names = [FEATURES(language, {"i": i, "n": i + 1}) for i in range(2)]
    p = PROBABILITY(language)
    return {
        "data": titled(scatter(training), DATA(language), *names),
        "losses-regression": titled(
            loss_functions(regression, span=(-2, 2)), REGRESSION(language), DIFFERENCE(language)
        ),
        "losses-classification": titled(loss_functions(classes, span=(0.01, 1)), CLASSES(language), p),
        "cross-entropy": titled(loss_functions(cross, span=(0.01, 0.99)), CROSS(language), p),
        "training-linear": _training((2, 2), 0.005, LINEAR(language)),
        "training-two-layers": _training((2, 10, 2), 0.01, MLP(language)),
    }


def _training(widths: tuple[int, ...], learning_rate: float, title: str) -> "Figure":
    """The post's `train_and_plot`: the figure that grows with the epochs, at its end."""
    random = np.random.RandomState(0)
    training, test = points(random)
    for _ in range(3):
        net(random, 2, 2)  # the stream's draws before these networks: demo, lin, Net
    linear = net(random, 2, 2)
    model = linear if len(widths) == 2 else net(random, *widths)
    live = LiveFigure(training)
    options: dict[str, Any] = {"epochs": 30, "batch_size": 4, "order": "sequential", "validation": test}
    fit(
        model,
        training,
        CrossEntropy(from_logits=False),
        SGD(learning_rate),
        metrics=["accuracy"],
        callbacks=[live],
        **options,
    )
    return titled(live.figure.axes[2], title)
