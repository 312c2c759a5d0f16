"""What all pictures share: colours, a quiet frame, and how a figure becomes a PNG file.

Figures are made as objects, never through pyplot: no global state, no backend choice, safe in threads.
"""

import io
import logging
import os
import warnings
from typing import TYPE_CHECKING, Any

from clearprop.store import atomic_write
from clearprop.viz.fonts import families

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (
    "#2F6DB5",
    "#E8743B",
    "#2E9E74",
    "#C2498C",
    "#8A63C9",
    "#C79A1B",
    "#18A1B8",
    "#8C5A3C",
    "#6B7785",
    "#B03A48",
)
"""Ten colours that differ in lightness too, for readers who do not tell red from green; then they repeat."""

INK, MUTED, GRID = "#22272E", "#6B7785", "#E4E8ED"


def colour(number: int) -> str:
    """The colour of class or line `number`."""
    return COLOURS[number % len(COLOURS)]


def new_figure(width: float, height: float, **grid: Any) -> "tuple[Figure, Any]":
    """A figure of `width` x `height` inches and its axes; `grid` is what `Figure.subplots` takes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(**grid)


def tidy(axes: "Axes", title: str, x: str, y: str) -> None:
    """Title, axis names, and a frame that does not compete with the data."""
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK, pad=10)
    axes.set_xlabel(x, color=MUTED)
    axes.set_ylabel(y, color=MUTED)
    axes.grid(visible=True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, length=0, which="both")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#C3CAD3")


def write_png(figure: "Figure", path: str | os.PathLike[str]) -> None:
    """Draw `figure` and write it atomically, with fonts that have the glyphs its texts need."""
    from matplotlib.text import Text

    texts: list[Any] = figure.findobj(Text)
    chosen = families(text.get_text() for text in texts)
    for text in texts:
        text.set_fontfamily(chosen)
        text.set_parse_math(False)  # a column called "$x" is no formula
    picture = io.BytesIO()
    fonts = logging.getLogger("matplotlib.font_manager")
    level = fonts.level
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # boxes; `clearprop doctor` explains
        fonts.setLevel(logging.ERROR)  # a Chinese font without a bold weight is no news to the reader
        try:
            figure.savefig(picture, format="png", dpi=150, metadata={"Software": None})
        finally:
            fonts.setLevel(level)
    atomic_write(path, picture.getvalue())
