"""The figures of post 003, and those that show its error."""

from typing import TYPE_CHECKING

import numpy as np

from clearprop import Dataset
from clearprop.posts.base import Replays, Text
from clearprop.posts.drawing import EPOCH, LOSS, answers, lines, titled
from clearprop.posts.post003.replay import replay
from clearprop.viz import scatter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATA = Text("Moon data set", "双月数据集")
FEATURES = Text("Feature {n}", "特征 {n}")
CURVE = Text("Loss over iterations", "损失随迭代的变化")
COMBINED = Text("Which of its derivatives is wrong?", "是哪一处导数错了？")
RUNS = {
    "both": Text("both wrong (the post)", "都错（文章）"),
    "hidden": Text("only the hidden layers' wrong", "只有隐藏层错"),
    "output": Text("only the output's wrong", "只有输出层错"),
    "none": Text("both right", "都对"),
}
BOUNDARY, CORRECTED = (
    Text("As published: {train:.0%} / {test:.0%}", "按文章：{train:.0%} / {test:.0%}"),
    Text("With the right derivative", "使用正确的导数"),
)


def draw(replays: Replays, language: str) -> "dict[str, Figure]":
    """Data, the post's loss curve, the four combinations, and both boundaries."""
    run, better = replays.published, replays.corrected
    assert run.test is not None
    X, y = np.vstack([run.training.X, run.test.X]), np.concatenate([run.training.y, run.test.y])
    data = Dataset(X, y, target_names=run.training.target_names, name="moons")
    runs = {"both": run, "hidden": replay(output="sigmoid"), "output": replay(hidden="sigmoid"), "none": better}
    curves = {RUNS[name](language): (one.history["epoch"], one.history["loss"]) for name, one in runs.items()}
    names = [FEATURES(language, {"n": n}) for n in (1, 2)]
    accuracies = {part: run.numbers[f"{part} accuracy"] for part in ("train", "test")}
    first = dict(list(curves.items())[:1])
    return {
        "data": titled(scatter(data), DATA(language), *names),
        "loss": lines(first, CURVE(language), EPOCH(language), LOSS(language)),
        "loss-four-combinations": lines(curves, COMBINED(language), EPOCH(language), LOSS(language)),
        "boundary": answers(run, BOUNDARY(language, accuracies)),
        "boundary-corrected": answers(better, CORRECTED(language)),
    }
