"""Chinese, Japanese and Korean text in pictures: matplotlib's own font has no such glyphs."""

import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from functools import cache

_CJK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK TC",
    "Noto Sans CJK KR",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)


def needs_cjk(text: str) -> bool:
    """Whether `text` has wide East Asian characters.

    >>> needs_cjk("花瓣长度"), needs_cjk("petal length")
    (True, False)
    """
    return any(unicodedata.east_asian_width(character) in "WF" for character in text)


@cache
def cjk_font() -> str | None:
    """An installed font with East Asian glyphs, the best first; None if there is none."""
    if _known_cjk_font() is None:
        _rescan()
    return _known_cjk_font()


def _known_cjk_font() -> str | None:
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return next((name for name in _CJK_FONTS if name in installed), None)


def _rescan() -> None:
    """Tell matplotlib of fonts installed after it first ran: it remembers the list it made then."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {font.fname for font in fontManager.ttflist}
    for path in findSystemFonts():
        if path not in known:
            with suppress(RuntimeError, OSError):  # a file that is no font matplotlib can read
                fontManager.addfont(path)


def families(texts: Iterable[str]) -> list[str]:
    """Font families for `texts`: matplotlib takes each glyph from the first family that has it.

    >>> families(["petal length"])
    ['DejaVu Sans']
    """
    font = cjk_font() if any(needs_cjk(text) for text in texts) else None
    return ["DejaVu Sans", *([font] if font else [])]
