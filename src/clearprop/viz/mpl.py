"""matplotlib's own classes, made ours: a font that falls back to the shipped one, a figure that notebooks show.

Only this module imports matplotlib at its top; the others import it, and this module, when they draw.
"""

import io
from typing import Any, Self

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from clearprop.viz.fonts import SHIPPED, installed_font, needs_cjk, shipped_characters, shipped_font

LATIN = "DejaVu Sans"  # comes with matplotlib, so it is on every machine
_REGULAR = f"{SHIPPED} Regular"  # has the ideographs that the bold one lacks
_INSTALLED = "an installed font, for rarer characters"


class Font(FontProperties):
    """A font that finds Chinese glyphs without an entry in matplotlib's global list of fonts.

    matplotlib takes each glyph from the first of the families that has it, and to find a family's file asks the
    properties for that family alone.  For the families that its list does not have, the answer is the file.
    """

    def __init__(self, **properties: Any) -> None:
        super().__init__(**properties)
        self._fallback = SHIPPED  # equality looks at the attributes: ours must not equal another class's font

    def __copy__(self) -> Self:
        new = object.__new__(type(self))  # matplotlib's own method makes a plain FontProperties
        new.__dict__.update(self.__dict__)
        return new

    def copy(self) -> Self:
        return self.__copy__()

    def get_file(self) -> Any:
        families = self.get_family()
        if families == [SHIPPED]:
            return str(shipped_font(bold=_is_bold(self.get_weight())))
        if families == [_REGULAR]:
            return str(shipped_font())
        if families == [_INSTALLED]:
            return (installed_font() or ("", None))[1]
        return super().get_file()

    @classmethod
    def like(cls, other: FontProperties, text: str, families: list[str] | None = None) -> Self:
        """`other` with the shipped font as the last resort, and an installed one after it if `text` needs it."""
        rare = needs_cjk(text) and not set(text) <= shipped_characters() and installed_font() is not None
        first = families or other.get_family()
        return cls(
            family=[*first, SHIPPED, _REGULAR, *([_INSTALLED] if rare else [])],
            style=other.get_style(),
            variant=other.get_variant(),
            weight=other.get_weight(),
            stretch=other.get_stretch(),
            size=other.get_size(),
        )


def _is_bold(weight: Any) -> bool:
    from matplotlib.font_manager import weight_dict

    return int(weight_dict.get(weight, weight)) >= 600


class Picture(Figure):
    """A figure that a notebook shows though pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        return png(self)


def png(figure: Figure) -> bytes:
    """The figure as a notebook shows it."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100, facecolor=figure.get_facecolor())
    return picture.getvalue()
