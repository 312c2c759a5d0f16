"""Learning curves: does the loss still fall, and do training and validation part company?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clearprop._types import Array
from clearprop.errors import DataError
from clearprop.train.history import History
from clearprop.viz.figure import Palette, axes_for, legend, new_figure, palette_of, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BOOKKEEPING = {"epoch", "learning_rate", "seconds", "rows_per_second", "step"}


def curves(columns: "History | Mapping[str, Array]", *, dark: bool = False) -> "Figure":
    """Draw a panel for the loss and one for each metric.

    Training is one line, validation (``validation_...``) another; a dotted line marks the epoch with the lowest
    validation loss. An axis is logarithmic if its values span a factor of more than 100.

    Parameters
    ----------
    columns : History, or dict of str to array
        ``epoch``, ``loss`` and whatever else was recorded: what `fit` returns, or a ``history.csv``.
    dark : bool
        Light on dark.

    Raises
    ------
    DataError
        There is no ``loss`` column, or it is empty.

    >>> figure = curves({"loss": np.array([0.9, 0.5, 0.3]), "accuracy": np.array([0.5, 0.8, 0.9])})
    >>> [axes.get_title() for axes in figure.axes]
    ['loss', 'accuracy']
    """
    columns = columns.columns() if isinstance(columns, History) else columns
    if len(columns.get("loss", ())) == 0:
        raise DataError("there are no epochs to draw; train for at least one")
    names = panels(columns)
    palette = palette_of(dark)
    figure = new_figure(5.2 * len(names), 3.8, palette)
    for number, name in enumerate(names, start=1):
        draw_curve(axes_for(figure.add_subplot(1, len(names), number), palette), columns, name, palette)
    return figure


def panels(columns: Mapping[str, Array]) -> list[str]:
    """What deserves a panel: the loss, then the metrics."""
    names = [name for name in columns if name not in _BOOKKEEPING and not name.startswith("validation_")]
    return sorted(names, key=lambda name: name != "loss")


def draw_curve(axes: "Axes", columns: Mapping[str, Array], name: str, palette: Palette) -> None:
    """One recorded quantity over the epochs (or the steps, where each step was recorded)."""
    unit = "step" if "step" in columns else "epoch"
    when = columns.get(unit, np.arange(1, len(columns[name]) + 1))
    drawn = {"training": columns[name], "validation": columns.get(f"validation_{name}", np.array([]))}
    for number, (label, values) in enumerate(drawn.items()):
        seen = np.isfinite(values)
        if seen.any():
            look: dict[str, Any] = {"color": palette.colour(number), "linewidth": 2, "linestyle": ("-", "--")[number]}
            marker = "o" if np.count_nonzero(seen) == 1 else ""  # one point is no line
            axes.plot(when[seen], values[seen], label=label, marker=marker, **look)
    everything = np.concatenate(list(drawn.values()))
    everything = everything[np.isfinite(everything)]
    if everything.size and everything.min() > 0 and everything.max() > 100 * everything.min():
        axes.set_yscale("log")
    tidy(axes, palette, name.replace("_", " "), unit, "")
    axes.margins(x=0.02)
    best = _best_epoch(when, columns.get("validation_loss"))
    if best is not None:
        axes.axvline(best, color=palette.muted, linewidth=1, linestyle=(0, (2, 3)), label=f"best: {unit} {best:g}")
    if axes.get_legend_handles_labels()[0]:
        legend(axes, palette)


def _best_epoch(epochs: Array, validation_loss: Array | None) -> float | None:
    if validation_loss is None or not np.isfinite(validation_loss).any():
        return None
    return float(epochs[np.nanargmin(validation_loss)])
