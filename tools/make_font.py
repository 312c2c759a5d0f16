"""Make the two Chinese font files that pictures use, from Noto Sans CJK as Debian packs it.

Needs fonttools and the package fonts-noto-cjk:

    python tools/make_font.py /usr/share/fonts/opentype/noto

The files hold GB2312's ideographs (the regular one all 6,763, the bold one the 3,755 of the first level), GB2312's
signs, Latin, Greek and mathematical signs, in the shapes used in mainland China.  They keep their licence and their
authors' names, but bear another name than the font they were taken from: who has Noto installed should never get the
smaller one instead.
"""

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTCollection, TTFont

TARGET = Path(__file__).parent.parent / "src" / "clearprop" / "viz" / "fonts"
SOURCE_FAMILY, FAMILY = "Noto Sans CJK SC", "Clearprop Sans SC"
LETTERS_AND_SIGNS = (
    (0x20, 0x7E),  # ASCII
    (0xA0, 0x17F),  # Latin of Europe
    (0x370, 0x3FF),  # Greek
    (0x2010, 0x209F),  # punctuation, superscripts, subscripts
    (0x2190, 0x22FF),  # arrows, mathematics
)

FIRST_LEVEL, BOTH_LEVELS = range(16, 56), range(16, 88)  # rows of GB2312's table
OF_THE_SECOND_LEVEL = "鸢熵阈"  # the bold one has these too, for titles: iris, entropy, threshold


def gb2312(rows: range) -> set[int]:
    """The characters in these rows of the standard's table."""
    found = set()
    for row in rows:
        for cell in range(1, 95):
            try:
                found.add(ord(bytes([0xA0 + row, 0xA0 + cell]).decode("gb2312")))
            except UnicodeDecodeError:  # an empty cell
                continue
    return found


def characters(weight: str) -> set[int]:
    """Every character the file of that weight should have."""
    ideographs = gb2312(BOTH_LEVELS if weight == "Regular" else FIRST_LEVEL) | set(map(ord, OF_THE_SECOND_LEVEL))
    signs = {code for first, last in LETTERS_AND_SIGNS for code in range(first, last + 1)}
    return ideographs | gb2312(range(1, 10)) | signs


def rename(font: TTFont, weight: str) -> None:
    """The family's own name, in every record that shows a name."""
    postscript = f"{FAMILY.replace(' ', '')}-{weight}"
    names = {1: FAMILY, 2: weight, 3: f"2.004;{postscript}", 4: f"{FAMILY} {weight}", 6: postscript}
    for record in font["name"].names:
        if record.nameID in names:
            record.string = names[record.nameID]
    cff = font["CFF "].cff
    cff.fontNames = [postscript]
    cff[0].rawDict |= {"FullName": names[4], "FamilyName": FAMILY}


def make(collection: Path, weight: str) -> Path:
    """Write one weight; returns the file."""
    fonts = TTCollection(collection).fonts
    font = next(font for font in fonts if font["name"].getDebugName(1) == SOURCE_FAMILY)
    options = Options()
    options.layout_features = []  # pictures take glyphs as they are: no vertical or alternative forms
    options.hinting = False
    options.notdef_outline = True
    options.name_IDs = ["*"]
    options.drop_tables += ["vhea", "vmtx", "VORG", "BASE"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=characters(weight))
    subsetter.subset(font)
    rename(font, weight)
    font.recalcTimestamp = False  # the same bytes whenever it is made
    path = TARGET / f"ClearpropSansSC-{weight}.otf"
    font.save(path)
    return path


if __name__ == "__main__":
    for weight in ("Regular", "Bold"):
        made = make(Path(sys.argv[1]) / f"NotoSansCJK-{weight}.ttc", weight)
        print(f"{made}: {made.stat().st_size:,} bytes")
