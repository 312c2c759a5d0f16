"""The figures of post 004: its three SVG files under their names, and the whole of the curves."""

from typing import TYPE_CHECKING

import numpy as np

from clearprop import ACTIVATIONS, Dataset
from clearprop.posts.base import Replays, Text
from clearprop.posts.drawing import CORRECTED, EPOCH, PUBLISHED, answers, lines, reword, titled
from clearprop.posts.post004.replay import DESCENTS, descend, himmelblau, surface
from clearprop.viz import activation_functions, contour, scatter
from clearprop.viz import surface as draw_surface

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATA = Text("Two moons, 2000 points", "双月数据集，2000 个点")
DARK = Text("What the network answers (dark style)", "网络的回答（暗色风格）")
LOSS = Text("Training loss, all 1001 epochs", "训练误差：全部 1001 轮")
ACCURACY = Text("Test accuracy, all 1001 epochs", "测试准确率：全部 1001 轮")
SHOWN = Text("what the post shows", "文章画出的部分")
SURFACE = Text("Himmelblau's function, four descents", "Himmelblau 函数与四次梯度下降")
DERIVATIVES = Text("Activations (solid), derivatives (dashed)", "激活函数（实线）与导数（虚线）")


def draw(replays: Replays, language: str) -> "dict[str, Figure]":
    """Derivatives, surface and contour, data, and both curves with what the post leaves out."""
    run, better = replays.published, replays.corrected
    assert run.test is not None
    X, y = np.vstack([run.training.X, run.test.X]), np.concatenate([run.training.y, run.test.y])
    data = Dataset(X, y, target_names=run.training.target_names, name="moons")
    x, _, _ = surface()
    paths = [np.vstack([start, descend(start)[:, :2]]) for start in DESCENTS]
    derivatives = activation_functions(["sigmoid", "relu", ACTIVATIONS["leaky_relu"].bind(slope=0.1), "tanh"])
    reword(derivatives.suptitle("", fontsize=12, fontweight="bold"), DERIVATIVES(language))
    epochs = run.history["epoch"]

    def curve(name: str, title: Text, unit: str) -> "Figure":
        series = {PUBLISHED(language): (epochs, run.history[name]), CORRECTED(language): (epochs, better.history[name])}
        return lines(series, title(language), EPOCH(language), unit, shown=(0, 100, SHOWN(language)))

    space = draw_surface(himmelblau, x, x, paths=paths)
    space.view_init(60, -30)  # type: ignore[attr-defined]
    return {
        "derivatives": derivatives,
        "himmelblau-surface": titled(space, SURFACE(language)),
        "himmelblau-contour": titled(contour(himmelblau, x, x, paths=paths), SURFACE(language)),
        "数据集分布": titled(scatter(data), DATA(language)),
        "数据集分布-暗色": answers(run, DARK(language), dark=True, data=data),
        "训练误差曲线": curve("train MSE", LOSS, "MSE"),
        "网络测试准确率": curve("test accuracy", ACCURACY, "%"),
    }
