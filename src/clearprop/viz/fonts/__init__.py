"""Chinese text in pictures: matplotlib's own font has no such glyphs, so a font that has them is shipped."""

import unicodedata
from contextlib import suppress
from functools import cache
from pathlib import Path

SHIPPED = "Clearprop Sans SC"

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


def shipped_font(*, bold: bool = False) -> Path:
    """The file of the shipped font.

    >>> shipped_font(bold=True).name
    'ClearpropSansSC-Bold.otf'
    """
    return Path(__file__).parent / f"ClearpropSansSC-{'Bold' if bold else 'Regular'}.otf"


@cache
def shipped_characters() -> frozenset[str]:
    """What the shipped font can show: the 6,763 ideographs of GB2312, kana, letters and signs.

    >>> set("花瓣长度，αβ∂") <= shipped_characters()
    True
    """
    from matplotlib.ft2font import FT2Font

    return frozenset(map(chr, FT2Font(str(shipped_font())).get_charmap()))


@cache
def installed_font() -> tuple[str, str] | None:
    """Name and file of the best installed font with East Asian glyphs; None if there is none."""
    from matplotlib.font_manager import findSystemFonts, fontManager
    from matplotlib.ft2font import FT2Font

    files = {font.name: font.fname for font in fontManager.ttflist if Path(font.fname).exists()}
    for path in set(findSystemFonts()) - set(files.values()):  # matplotlib remembers the list it made when it first ran
        with suppress(RuntimeError, OSError):  # a file that is no font matplotlib can read
            files.setdefault(FT2Font(path).family_name, path)
    return next(((name, files[name]) for name in _CJK_FONTS if name in files), None)


def cjk_font() -> str:
    """The fonts that pictures take Chinese glyphs from: the shipped one, then an installed one for rarer characters."""
    installed = installed_font()
    return SHIPPED + (f", {installed[0]} for rarer characters" if installed else "")
