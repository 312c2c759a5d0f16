"""What all pictures share: colours, a quiet frame, and how a figure becomes a file.

Figures are made as objects, never through pyplot: no global state, no backend choice, safe in threads.
"""

import io
import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clearprop.errors import ConfigurationError
from clearprop.files.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.text import Text

COLOURS = (
    "#2F6DB5",
    "#E8743B",
    "#2E9E74",
    "#B03A7C",
    "#D8AE30",
    "#45297A",
    "#74CCE0",
    "#7A4A2E",
    "#8A96A3",
    "#C4455A",
)
"""Ten colours that differ in lightness too, for readers who do not tell red from green; then they repeat."""

_PALER = (
    "#6996CA",
    "#EE9B72",
    "#69B99B",
    "#C671A1",
    "#E3C56A",
    "#79659F",
    "#9BDAE9",
    "#9F7D69",
    "#ABB3BD",
    "#D57988",
)


@dataclass(frozen=True)
class Palette:
    """The colours of a picture: its ground, texts, secondary texts, lines behind the data, and the frame."""

    ground: str
    ink: str
    muted: str
    grid: str
    frame: str
    colours: tuple[str, ...]

    def colour(self, number: int) -> str:
        """The colour of class or line `number`."""
        return self.colours[number % len(self.colours)]


LIGHT = Palette("#FFFFFF", "#22272E", "#6B7785", "#E4E8ED", "#C3CAD3", COLOURS)
DARK = Palette("#16191D", "#E8ECF1", "#A3AEBB", "#2C323A", "#4A535E", _PALER)


def palette_of(dark: bool) -> Palette:
    """The palette of dark pictures, or of light ones."""
    return DARK if dark else LIGHT


def new_figure(width: float, height: float, palette: Palette) -> "Figure":
    """An empty figure of `width` x `height` inches."""
    from clearprop.viz.mpl import Picture

    return Picture(figsize=(width, height), layout="constrained", facecolor=palette.ground)


def axes_for(
    ax: "Axes | None", palette: Palette, width: float = 0.0, height: float = 0.0, *, projection: str = "rectilinear"
) -> "Axes":
    """The caller's axes, or those of a new figure of `width` x `height` inches; both on the palette's ground."""
    if ax is None:
        ax = new_figure(width, height, palette).add_subplot(projection=projection)
    elif ax.name != projection:
        raise ConfigurationError(f"this picture needs axes of projection={projection!r}, not {ax.name!r}")
    ax.figure.set_facecolor(palette.ground)
    ax.set_facecolor(palette.ground)
    return ax


def tidy(axes: "Axes", palette: Palette, title: str, x: str, y: str) -> None:
    """Title, axis names, and a frame that does not compete with the data."""
    from clearprop.viz.mpl import LATIN

    literally(
        axes.set_title(title, fontsize=12, fontweight="bold", color=palette.ink, pad=10),
        axes.set_xlabel(x, color=palette.muted),
        axes.set_ylabel(y, color=palette.muted),
    )
    axes.grid(visible=True, color=palette.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=palette.muted, length=0, which="both", labelfontfamily=LATIN)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(palette.frame)


def legend(axes: "Axes", palette: Palette, handles: Any = None, names: Sequence[str] = (), **options: Any) -> None:
    """A legend that the data shine through, of these handles or of all labelled lines; its texts are literal."""
    look: dict[str, Any] = {"fontsize": 9, "labelcolor": palette.ink, "facecolor": palette.ground, "edgecolor": "none"}
    if handles is None:
        handles, names = axes.get_legend_handles_labels()
    # The names come afterwards: matplotlib would leave out those that begin with "_".
    drawn = axes.legend(handles, ["…"] * len(handles), framealpha=0.85, **look | options)
    for text, name in zip(drawn.get_texts(), names, strict=True):
        text.set_text(name)
        literally(text)


def literally(*texts: "Text") -> None:
    """Show texts as they are, in our font: a column called "$x" is no formula."""
    from clearprop.viz.mpl import LATIN, Font

    for text in texts:
        text.set_fontproperties(Font.like(text.get_fontproperties(), text.get_text(), [LATIN]))
        text.set_parse_math(False)
        text.set_usetex(False)


def colour_bar(drawn: Any, axes: "Axes", palette: Palette, name: str = "") -> None:
    """The scale of `drawn`, beside the axes."""
    from clearprop.viz.mpl import LATIN

    bar = axes.figure.colorbar(drawn, ax=axes, pad=0.02)
    bar.ax.tick_params(colors=palette.muted, length=0, which="both", labelfontfamily=LATIN)
    bar.outline.set_visible(False)
    literally(bar.ax.set_ylabel(name, color=palette.muted))


def shades(palette: Palette) -> "Colormap":
    """From the ground to a strong blue."""
    from matplotlib.colors import LinearSegmentedColormap

    first = palette.colour(0)
    light, dark = ["#F3F6FA", "#A9C3E6", first, "#1B4477"], ["#20262E", "#2B4A6F", first, "#B9D2F0"]
    return LinearSegmentedColormap.from_list("", dark if palette is DARK else light)


def short(name: str) -> str:
    """A name that fits beside an axis."""
    return name if len(name) <= 24 else name[:23] + "…"


def save(picture: "Figure | Axes", path: str | os.PathLike[str]) -> None:
    """Write a figure, or the figure of an Axes, as PNG or SVG (by the path's ending): entirely or not at all.

    Texts with Chinese characters show them, whoever made the figure.  The same figure gives the same bytes.

    Raises
    ------
    ConfigurationError
        The path ends neither in .png nor in .svg.
    OutputError
        The file cannot be written.
    """
    from matplotlib.text import Text

    from clearprop.viz.fonts import needs_cjk
    from clearprop.viz.mpl import Font

    kind = Path(path).suffix.lower().lstrip(".")
    if kind not in ("png", "svg"):
        raise ConfigurationError(f"{os.fspath(path)}: a picture is a .png or an .svg file; choose one of these endings")
    figure: Any = picture
    while not hasattr(figure, "savefig"):  # the axes' figure may be part of another one
        figure = figure.figure
    for text in figure.findobj(Text):
        if needs_cjk(text.get_text()) and not isinstance(text.get_fontproperties(), Font):
            text.set_fontproperties(Font.like(text.get_fontproperties(), text.get_text()))
    drawn = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a character that no font here has is a box
        date = {"Software": None} if kind == "png" else {"Date": None}
        figure.savefig(drawn, format=kind, dpi=150, facecolor=figure.get_facecolor(), metadata=date)
    data = drawn.getvalue()
    atomic_write(path, data if kind == "png" else _same_ids(data))


def _same_ids(svg: bytes) -> bytes:
    """Number the ids that matplotlib draws at random, in order; the setting that fixes them is global."""
    drawn = dict.fromkeys(re.findall(rb'id="((?:[a-z]*|C\w+_)[0-9a-f]{10})"', svg))
    numbers = {name: b"id%d" % number for number, name in enumerate(drawn)}
    return re.sub(rb'(id="|#)(\w+)(?=["\)])', lambda found: found[1] + numbers.get(found[2], found[2]), svg)
