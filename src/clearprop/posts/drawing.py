"""What the posts' pictures share: titles in both languages, and curves of several runs in one frame."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clearprop import predict
from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.posts.base import Replay, Text
from clearprop.viz import boundary
from clearprop.viz.figure import axes_for, legend, literally, palette_of, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EPOCH = Text("epoch", "轮次")
TRAINING, TEST = Text("training", "训练"), Text("test", "测试")
LOSS, ACCURACY = Text("loss", "损失"), Text("accuracy, %", "准确率（%）")
PUBLISHED, CORRECTED = Text("as published", "按文章"), Text("corrected", "修正后")


WORDS = {
    "loss": "损失",
    "accuracy": "准确率",
    "training": "训练",
    "validation": "测试",
    "epoch": "轮次",
    "value": "函数值",
    "derivative": "导数",
    "probability of 1": "类别 1 的概率",
    "inputs": "输入",
    "positive": "正",
    "negative": "负",
}
"""What `clearprop.viz` writes into pictures, in Chinese; these pictures' validation set is the posts' test set."""


def in_language(figure: "Figure", language: str) -> "Figure":
    """The figure, the library's own words in the reader's language."""
    from matplotlib.text import Text as Label

    for label in figure.findobj(Label) if language == "zh" else ():
        old = label.get_text()
        new = WORDS.get(old) or re.sub(
            r"best: epoch (\d+)$", r"最佳：第 \1 轮", re.sub(r"(\d+) more$", r"另有 \1 个", old)
        )
        if new != old:
            reword(label, new)
    return figure


def reword(label: Any, text: str) -> None:
    """Another text on a label, in a font that has its characters."""
    label.set_text(text)
    literally(label)


def titled(axes: "Axes", title: str, x: str | None = None, y: str | None = None) -> "Figure":
    """The axes' figure, with other words on it."""
    for label, text in ((axes.title, title), (axes.xaxis.label, x), (axes.yaxis.label, y)):
        if text is not None:
            reword(label, text)
    return axes.figure  # type: ignore[return-value]


def lines(
    series: Mapping[str, tuple[Array, Array]],
    title: str,
    x: str,
    y: str,
    *,
    ax: "Axes | None" = None,
    shown: tuple[float, float, str] | None = None,
    dark: bool = False,
) -> "Figure":
    """Curves by name; `shown` marks what part of the axis the post shows."""
    palette = palette_of(dark)
    axes = axes_for(ax, palette, 6.4, 4.2)
    if shown:
        axes.axvspan(shown[0], shown[1], color=palette.grid, zorder=0, label=shown[2])
    for number, (name, (across, values)) in enumerate(series.items()):
        axes.plot(across, values, color=palette.colour(number), linewidth=1.8, label=name)
    tidy(axes, palette, title, x, y)
    axes.margins(x=0.02)
    legend(axes, palette)
    return axes.figure  # type: ignore[return-value]


def two_panels(panels: Sequence[Mapping[str, Any]]) -> "Figure":
    """Two `lines` side by side, as the posts' `plot_metrics` has them."""
    from clearprop.viz.figure import new_figure

    figure = new_figure(12.0, 5.0, palette_of(False))
    for number, panel in enumerate(panels, start=1):
        lines(**panel, ax=figure.add_subplot(1, len(panels), number))
    return figure


def metrics(run: Replay, language: str) -> "Figure":
    """Loss and accuracy on both sets over the epochs."""
    history, epochs = run.history, run.history["epoch"]
    versus = Text("Training vs test {what}", "训练与测试的{what}")
    panels = [
        {
            "series": {
                TRAINING(language): (epochs, history[f"train {name}"]),
                TEST(language): (epochs, history[f"test {name}"]),
            },
            "title": versus(language, {"what": what(language)}),
            "x": EPOCH(language),
            "y": "MSE" if name == "MSE" else "%",
        }
        for name, what in (("MSE", LOSS), ("accuracy", Text("accuracy", "准确率")))
    ]
    return two_panels(panels)


def answers(
    run: Replay, title: str, *, kind: str = "probability", dark: bool = False, data: Dataset | None = None
) -> "Figure":
    """What the trained network answers everywhere on the plane, under the training points."""
    data = data or run.training
    return titled(boundary(lambda X: predict(run.model, X), data, kind=kind, dark=dark), title)
