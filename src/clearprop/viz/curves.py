"""Learning curves: does the loss still fall, and do training and validation part company?"""

import os

import numpy as np

from clearprop._types import Array
from clearprop.errors import DataError
from clearprop.viz.figure import INK, MUTED, colour, new_figure, tidy, write_png

_BOOKKEEPING = {"epoch", "learning_rate", "seconds", "rows_per_second", "step"}


def curves(columns: dict[str, Array], path: str | os.PathLike[str]) -> None:
    """Draw a panel for the loss and one for each metric, and write a PNG file.

    Training is a solid line, validation (``validation_...``) another; a dotted line marks the epoch with
    the lowest validation loss. An axis is logarithmic if its values span a factor of more than 100.

    Parameters
    ----------
    columns : dict of str to array
        ``epoch``, ``loss`` and whatever else was recorded: ``History.columns()``, or a ``history.csv``.
    path : path
        The PNG file.

    Raises
    ------
    DataError
        There is no ``loss`` column, or it is empty.
    OutputError
        The file cannot be written.
    """
    if len(columns.get("loss", ())) == 0:
        raise DataError("there are no epochs to draw; train for at least one")
    epochs = columns.get("epoch", np.arange(1, len(columns["loss"]) + 1))
    panels = [name for name in columns if name not in _BOOKKEEPING and not name.startswith("validation_")]
    panels.sort(key=lambda name: name != "loss")
    figure, grid = new_figure(5.2 * len(panels), 3.8, ncols=len(panels), squeeze=False)
    best = _best_epoch(epochs, columns.get("validation_loss"))
    for axes, name in zip(grid[0], panels, strict=True):
        drawn = {"training": columns[name], "validation": columns.get(f"validation_{name}", np.array([]))}
        for number, (label, values) in enumerate(drawn.items()):
            seen = np.isfinite(values)
            if seen.any():
                marker = "o" if np.count_nonzero(seen) == 1 else ""  # one point is no line
                axes.plot(epochs[seen], values[seen], color=colour(number), linewidth=2, label=label, marker=marker)
        everything = np.concatenate(list(drawn.values()))
        everything = everything[np.isfinite(everything)]
        if everything.size and everything.min() > 0 and everything.max() > 100 * everything.min():
            axes.set_yscale("log")
        tidy(axes, name.replace("_", " "), "epoch", "")
        axes.margins(x=0.02)
        if best is not None:
            axes.axvline(best, color=MUTED, linewidth=1, linestyle=(0, (2, 3)), label=f"best: epoch {best:g}")
        axes.legend(frameon=False, labelcolor=INK, fontsize=9)
    write_png(figure, path)


def _best_epoch(epochs: Array, validation_loss: Array | None) -> float | None:
    if validation_loss is None or not np.isfinite(validation_loss).any():
        return None
    return float(epochs[np.nanargmin(validation_loss)])
