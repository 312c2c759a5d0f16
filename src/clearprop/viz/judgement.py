"""Pictures that judge: where a classifier errs, how a regression misses, what columns matter, what odds are worth."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from clearprop._types import Array
from clearprop.errors import DataError
from clearprop.judge.calibration import Calibration
from clearprop.viz.figure import axes_for, literally, new_figure, palette_of, shades, short, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_NUMBERS = 20  # beyond so many classes the counts would not be legible
_MOST_COLUMNS = 20
_MOST_POINTS = 5_000
_DOTTED: Any = (0, (1, 2))


def confusion(counts: Array, names: Sequence[str], *, ax: "Axes | None" = None, dark: bool = False) -> "Axes":
    """Draw a confusion matrix.

    Rows are true classes, columns predicted ones. A cell's colour is its share of the row, so that a rare
    class is as visible as a common one; its number is the count of rows.

    Parameters
    ----------
    counts : array, shape (k, k)
        How many rows of class i were taken for class j.
    names : sequence of str
        The classes.
    ax : Axes, optional
        Where to draw; else a new figure is made.
    dark : bool
        Light on dark.

    >>> confusion(np.array([[8, 2], [1, 9]]), ("no", "yes")).get_title()
    '17 of 20 right'
    """
    table = np.asarray(counts)
    k = len(names)
    side = float(np.clip(0.62 * k + 1.9, 3.8, 12.0))
    palette = palette_of(dark)
    axes = axes_for(ax, palette, side + 0.6, side)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap=shades(palette), vmin=0.0, vmax=1.0)
    if k <= _MOST_NUMBERS:
        for i, j in np.ndindex(k, k):
            if table[i, j]:
                ink = palette.ground if share[i, j] > 0.5 else palette.ink
                look: dict[str, Any] = {"fontsize": 10, "weight": "bold" if i == j else "normal", "color": ink}
                literally(axes.text(j, i, f"{table[i, j]:,}", ha="center", va="center", **look))
    right = int(np.trace(table))
    tidy(axes, palette, f"{right:,} of {table.sum():,} right", "predicted class", "true class")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    shown = [short(name) for name in names]
    long = max(map(len, shown)) * k > 46
    axes.set_xticks(range(k), shown, rotation=45 if long else 0, ha="right" if long else "center", color=palette.ink)
    axes.set_yticks(range(k), shown, color=palette.ink)
    literally(*axes.get_xticklabels(), *axes.get_yticklabels())
    # Lines of the ground's colour between cells, without a grid over the numbers.
    axes.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(k + 1) - 0.5, minor=True)
    axes.grid(visible=True, which="minor", color=palette.ground, linewidth=2)
    return axes


def residuals(y_true: Array, y_pred: Array, *, target: str = "target", dark: bool = False) -> "Figure":
    """Draw predictions against the truth, and how the errors are spread.

    Left: on the dotted line a prediction is right. Right: errors against predictions, where a curve or a
    funnel shows what the model has missed.

    Parameters
    ----------
    y_true, y_pred : array, shape (n,) or (n, 1)
        One quantity.
    target : str
        What the quantity is called.
    dark : bool
        Light on dark.

    Raises
    ------
    DataError
        No values, or not equally many.

    >>> residuals(np.array([1.0, 2.0]), np.array([1.5, 2.5])).axes[1].get_title()
    'errors; the band is ± 0.5'
    """
    truth, guess = (np.asarray(y, dtype=float).reshape(-1) for y in (y_true, y_pred))
    if len(truth) == 0 or len(truth) != len(guess):
        raise DataError(f"there are {len(truth)} true and {len(guess)} predicted values; pass equally many, at least 1")
    n = len(truth)
    if n > _MOST_POINTS:
        some = np.random.default_rng(0).choice(n, _MOST_POINTS, replace=False)
        truth, guess = truth[some], guess[some]
    palette = palette_of(dark)
    figure = new_figure(10.4, 4.4, palette)
    left, right = (axes_for(figure.add_subplot(1, 2, number), palette) for number in (1, 2))
    size = float(np.clip(4000 / len(truth), 6, 40))
    look: dict[str, Any] = {"s": size, "color": palette.colour(0), "alpha": 0.65, "linewidths": 0}
    line: dict[str, Any] = {"color": palette.ink, "linewidth": 1.2, "linestyle": _DOTTED}
    left.scatter(truth, guess, **look)
    ends = [min(truth.min(), guess.min()), max(truth.max(), guess.max())]
    left.plot(ends, ends, **line)
    tidy(left, palette, "prediction and truth", f"true {short(target)}", f"predicted {short(target)}")
    error = guess - truth
    right.scatter(guess, error, **look)
    right.axhline(0.0, **line)
    spread = float(np.sqrt(np.mean(error**2)))
    right.axhspan(-spread, spread, color=palette.grid, alpha=0.6, zorder=0)
    tidy(right, palette, f"errors; the band is ± {spread:.3g}", f"predicted {short(target)}", "predicted − true")
    return figure


def importance(
    columns: Sequence[str],
    means: Sequence[float],
    spreads: Sequence[float],
    *,
    unit: str,
    ax: "Axes | None" = None,
    dark: bool = False,
) -> "Axes":
    """Draw what each column is worth, the greatest on top.

    Parameters
    ----------
    columns : sequence of str
        In falling order; the first 20 are drawn.
    means, spreads : sequence of float
        The loss of score when the column is shuffled, and its standard deviation.
    unit : str
        What is lost: ``"accuracy"`` or ``"r2"``.
    ax : Axes, optional
        Where to draw; else a new figure is made.
    dark : bool
        Light on dark.

    >>> axes = importance(["age", "height"], [0.3, 0.1], [0.02, 0.01], unit="accuracy")
    >>> axes.get_xlabel()
    'accuracy lost when the column is shuffled'
    """
    shown = min(len(columns), _MOST_COLUMNS)
    palette = palette_of(dark)
    axes = axes_for(ax, palette, 6.4, 1.5 + 0.32 * shown)
    places = np.arange(shown)[::-1]
    axes.barh(places, means[:shown], color=palette.colour(0), height=0.62)
    error: dict[str, Any] = {"ecolor": palette.muted, "elinewidth": 1.2, "capsize": 0, "fmt": "none"}
    axes.errorbar(means[:shown], places, xerr=spreads[:shown], **error)
    more = f" ({shown} of {len(columns)} columns)" if shown < len(columns) else ""
    tidy(axes, palette, f"what columns are worth{more}", f"{unit} lost when the column is shuffled", "")
    axes.grid(visible=False, axis="y")
    axes.axvline(0.0, color=palette.muted, linewidth=0.8)
    axes.set_yticks(places, [short(name) for name in columns[:shown]], color=palette.ink)
    literally(*axes.get_yticklabels())
    axes.set_ylim(-0.7, shown - 0.3)
    return axes


def reliability(found: Calibration, *, ax: "Axes | None" = None, dark: bool = False) -> "Axes":
    """Draw how often a classifier is right against how sure it is.

    On the dotted line it is as often right as it says; below, it is too sure of itself. A point's size, and the
    number beside it, show how many rows it stands for.

    Parameters
    ----------
    found : Calibration
        What `calibration` gives.
    ax : Axes, optional
        Where to draw; else a new figure is made.
    dark : bool
        Light on dark.

    >>> from clearprop.judge.calibration import calibration
    >>> reliability(calibration(np.array([0]), np.array([[0.8, 0.2]]))).get_title()
    'calibration: off by 0.200 on average'
    """
    palette = palette_of(dark)
    axes = axes_for(ax, palette, 5.2, 4.8)
    rows = np.array([n for _, _, n, _, _ in found.bins])
    sure = np.array([c for *_, c, _ in found.bins])
    right = np.array([s for *_, s in found.bins])
    axes.plot([0, 1], [0, 1], color=palette.ink, linewidth=1.2, linestyle=_DOTTED)
    axes.vlines(sure, np.minimum(sure, right), np.maximum(sure, right), color=palette.colour(1), linewidth=1.5)
    sizes = 30 + 300 * rows / rows.sum()
    axes.scatter(sure, right, s=sizes, color=palette.colour(0), edgecolors=palette.ground, zorder=3)
    for x, y, n in zip(sure, right, rows, strict=True):
        place: dict[str, Any] = {
            "xytext": (0, 13 if y > x else -18),
            "textcoords": "offset points",
        }  # on the side away from the line
        literally(axes.annotate(f"{n:,}", (x, y), ha="center", color=palette.muted, fontsize=8, **place))
    title = f"calibration: off by {found.error:.3f} on average"
    tidy(axes, palette, title, "how sure", "how often right")
    low = float(min(sure.min(), right.min()))
    axes.set_xlim(max(-0.03, low - 0.1), 1.05)
    axes.set_ylim(max(-0.12, low - 0.15), 1.1)
    return axes
