"""Figures of post 001, which has none but a sketch of a network."""

from typing import TYPE_CHECKING

import numpy as np

from clearprop import predict
from clearprop.posts.base import Replays, Text
from clearprop.posts.drawing import CORRECTED, PUBLISHED, lines, titled
from clearprop.viz import confusion, network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NETWORK = Text("4-12-6-3, after training from U[-1, 1)", "4-12-6-3 网络（从 U[-1, 1) 训练后）")
BATCH = Text("Loss of each batch before its update", "每批更新前的损失")
ITERATION = Text("iteration", "迭代")
CONSTANT = Text("answer 1/3", "恒答 1/3")
ROWS = Text("Every flower called the same", "所有花都判成同一种")
TRUE, TOLD = Text("true class", "真实类别"), Text("predicted class", "预测类别")


def draw(replays: Replays, language: str) -> "dict[str, Figure]":
    """The network, the batch losses of both runs, and what they take each species for."""
    run, better = replays.published, replays.corrected
    steps = np.arange(len(run.history["batch loss"]))
    losses = {
        PUBLISHED(language): (steps, run.history["batch loss"]),
        CORRECTED(language): (steps, better.history["batch loss"]),
        CONSTANT(language): (steps[[0, -1]], np.full(2, 64 * 2 / 3)),
    }
    pictures = {
        "network": titled(network(better.model), NETWORK(language)),
        "loss": lines(losses, BATCH(language), ITERATION(language), "Σ(ŷ − y)²"),
    }
    for name, one, title in (("confusion", run, ROWS), ("confusion-corrected", better, CORRECTED)):
        told = predict(one.model, one.training.X).argmax(axis=1)
        counts = np.zeros((3, 3), dtype=int)
        np.add.at(counts, (one.training.y, told), 1)
        axes = confusion(counts, one.training.target_names)
        pictures[name] = titled(axes, title(language), TOLD(language), TRUE(language))
    return pictures
