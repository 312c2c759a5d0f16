"""Pictures that judge: where a classifier errs, how a regression misses, what columns matter, what odds are worth."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from clearprop._types import Array
from clearprop.calibration import Calibration
from clearprop.errors import DataError
from clearprop.viz.figure import GRID, INK, MUTED, colour, new_figure, tidy, write_png

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

_MOST_NUMBERS = 20  # beyond so many classes the counts would not be legible
_MOST_COLUMNS = 20
_MOST_POINTS = 5_000


def confusion(counts: Array, names: Sequence[str], path: str | os.PathLike[str]) -> None:
    """Draw a confusion matrix, and write a PNG file.

    Rows are true classes, columns predicted ones. A cell's colour is its share of the row, so that a rare
    class is as visible as a common one; its number is the count of rows.

    Parameters
    ----------
    counts : array, shape (k, k)
        How many rows of class i were taken for class j.
    names : sequence of str
        The classes.
    path : path
        The PNG file.
    """
    table = np.asarray(counts)
    k = len(names)
    side = float(np.clip(0.62 * k + 1.9, 3.8, 12.0))
    figure, axes = new_figure(side + 0.6, side)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap=_blues(), vmin=0.0, vmax=1.0)
    if k <= _MOST_NUMBERS:
        for i, j in np.ndindex(k, k):
            if table[i, j]:
                ink = "white" if share[i, j] > 0.5 else INK
                weight = "bold" if i == j else "normal"
                axes.text(j, i, f"{table[i, j]:,}", ha="center", va="center", color=ink, fontsize=10, weight=weight)
    right = int(np.trace(table))
    tidy(axes, f"{right:,} of {table.sum():,} right", "predicted class", "true class")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    shown = [_short(name) for name in names]
    long = max(map(len, shown)) * k > 46
    axes.set_xticks(range(k), shown, rotation=45 if long else 0, ha="right" if long else "center", color=INK)
    axes.set_yticks(range(k), shown, color=INK)
    # White lines between cells, without a grid over the numbers.
    axes.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(k + 1) - 0.5, minor=True)
    axes.grid(visible=True, which="minor", color="white", linewidth=2)
    write_png(figure, path)


def residuals(y_true: Array, y_pred: Array, path: str | os.PathLike[str], *, target: str = "target") -> None:
    """Draw predictions against the truth, and how the errors are spread; write a PNG file.

    Left: on the dotted line a prediction is right. Right: errors against predictions, where a curve or a
    funnel shows what the model has missed.

    Parameters
    ----------
    y_true, y_pred : array, shape (n,) or (n, 1)
        One quantity.
    path : path
        The PNG file.
    target : str
        What the quantity is called.
    """
    truth, guess = (np.asarray(y, dtype=float).reshape(-1) for y in (y_true, y_pred))
    if len(truth) == 0 or len(truth) != len(guess):
        raise DataError(f"there are {len(truth)} true and {len(guess)} predicted values; pass equally many, at least 1")
    n = len(truth)
    if n > _MOST_POINTS:
        some = np.random.default_rng(0).choice(n, _MOST_POINTS, replace=False)
        truth, guess = truth[some], guess[some]
    figure, (left, right) = new_figure(10.4, 4.4, ncols=2)
    look = {"s": float(np.clip(4000 / len(truth), 6, 40)), "color": colour(0), "alpha": 0.65, "linewidths": 0}
    line = {"color": INK, "linewidth": 1.2, "linestyle": (0, (1, 2))}
    left.scatter(truth, guess, **look)
    ends = [min(truth.min(), guess.min()), max(truth.max(), guess.max())]
    left.plot(ends, ends, **line)
    tidy(left, "prediction and truth", f"true {_short(target)}", f"predicted {_short(target)}")
    error = guess - truth
    right.scatter(guess, error, **look)
    right.axhline(0.0, **line)
    spread = float(np.sqrt(np.mean(error**2)))
    right.axhspan(-spread, spread, color=GRID, alpha=0.6, zorder=0)
    tidy(right, f"errors; the band is ± {spread:.3g}", f"predicted {_short(target)}", "predicted − true")
    write_png(figure, path)


def importance(
    columns: Sequence[str], means: Sequence[float], spreads: Sequence[float], path: str | os.PathLike[str], *, unit: str
) -> None:
    """Draw what each column is worth, the greatest on top, and write a PNG file.

    Parameters
    ----------
    columns : sequence of str
        In falling order; the first 20 are drawn.
    means, spreads : sequence of float
        The loss of score when the column is shuffled, and its standard deviation.
    path : path
        The PNG file.
    unit : str
        What is lost: ``"accuracy"`` or ``"r2"``.
    """
    shown = min(len(columns), _MOST_COLUMNS)
    figure, axes = new_figure(6.4, 1.5 + 0.32 * shown)
    places = np.arange(shown)[::-1]
    axes.barh(places, means[:shown], color=colour(0), height=0.62)
    error = {"ecolor": MUTED, "elinewidth": 1.2, "capsize": 0, "fmt": "none"}
    axes.errorbar(means[:shown], places, xerr=spreads[:shown], **error)
    more = f" ({shown} of {len(columns)} columns)" if shown < len(columns) else ""
    tidy(axes, f"what columns are worth{more}", f"{unit} lost when the column is shuffled", "")
    axes.grid(visible=False, axis="y")
    axes.axvline(0.0, color=MUTED, linewidth=0.8)
    axes.set_yticks(places, [_short(name) for name in columns[:shown]], color=INK)
    axes.set_ylim(-0.7, shown - 0.3)
    write_png(figure, path)


def reliability(found: Calibration, path: str | os.PathLike[str]) -> None:
    """Draw how often a classifier is right against how sure it is, and write a PNG file.

    On the dotted line it is as often right as it says; below, it is too sure of itself. A point's size, and the
    number beside it, show how many rows it stands for.

    Parameters
    ----------
    found : Calibration
        What `calibration` gives.
    path : path
        The PNG file.
    """
    figure, axes = new_figure(5.2, 4.8)
    rows = np.array([n for _, _, n, _, _ in found.bins])
    sure = np.array([c for *_, c, _ in found.bins])
    right = np.array([s for *_, s in found.bins])
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1.2, linestyle=(0, (1, 2)))
    axes.vlines(sure, np.minimum(sure, right), np.maximum(sure, right), color=colour(1), linewidth=1.5)
    axes.scatter(sure, right, s=30 + 300 * rows / rows.sum(), color=colour(0), edgecolors="white", zorder=3)
    for x, y, n in zip(sure, right, rows, strict=True):
        above = y > x  # on the side away from the line
        axes.annotate(
            f"{n:,}",
            (x, y),
            xytext=(0, 13 if above else -18),
            textcoords="offset points",
            ha="center",
            color=MUTED,
            fontsize=8,
        )
    tidy(axes, f"calibration: off by {found.error:.3f} on average", "how sure", "how often right")
    low = float(min(sure.min(), right.min()))
    axes.set_xlim(max(-0.03, low - 0.1), 1.05)
    axes.set_ylim(max(-0.12, low - 0.15), 1.1)
    write_png(figure, path)


def _blues() -> "Colormap":
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("", ["#F3F6FA", "#A9C3E6", colour(0), "#1B4477"])


def _short(name: str) -> str:
    return name if len(name) <= 24 else name[:23] + "…"
