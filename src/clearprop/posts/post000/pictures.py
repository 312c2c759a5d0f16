"""The figures of post 000."""

from typing import TYPE_CHECKING

import numpy as np

from clearprop import Dataset
from clearprop.posts.base import Replays, Text
from clearprop.posts.drawing import answers, metrics, titled
from clearprop.viz import scatter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATA = Text("Classification data set: two moons", "分类数据集：双月")
BOUNDARY = Text("Decision after 50 epochs: a straight line", "50 轮后的决策边界：一条直线")
CORRECTED = Text("Decision after 400 epochs, biases trained", "400 轮后的决策边界（训练偏置）")


def draw(replays: Replays, language: str) -> "dict[str, Figure]":
    """Data, both curves, and the boundary; then curves and boundary of the corrected run."""
    run, better = replays.published, replays.corrected
    assert run.test is not None
    X, y = np.vstack([run.training.X, run.test.X]), np.concatenate([run.training.y, run.test.y])
    data = Dataset(X, y, target_names=run.training.target_names, name="moons")
    return {
        "data": titled(scatter(data), DATA(language)),
        "metrics": metrics(run, language),
        "boundary": answers(run, BOUNDARY(language), kind="classes", data=data),
        "metrics-corrected": metrics(better, language),
        "boundary-corrected": answers(better, CORRECTED(language), kind="classes", data=data),
    }
