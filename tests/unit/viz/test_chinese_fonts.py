"""Chinese text: shown on a machine without a Chinese font, in both weights, and nothing global changes for it."""

import io
import os
import subprocess
import sys
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.ft2font import FT2Font

from clearprop import viz
from clearprop.data import Dataset
from clearprop.viz import fonts
from clearprop.viz.mpl import Font

LIMIT = 2_500_000  # bytes of fonts that an installation may carry

pytestmark = pytest.mark.filterwarnings("error")


def gb2312(rows):
    cells = (bytes([0xA0 + row, 0xA0 + cell]) for row in rows for cell in range(1, 95))
    return {cell.decode("gb2312", "ignore") for cell in cells} - {""}


FIRST_LEVEL = gb2312(range(16, 56))


@pytest.fixture
def no_fonts_installed(monkeypatch):
    """A machine that has the fonts of matplotlib itself and no others."""
    own = [font for font in fontManager.ttflist if matplotlib.get_data_path() in font.fname]
    monkeypatch.setattr(fontManager, "ttflist", own)
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda *a, **k: [])
    fonts.installed_font.cache_clear()
    yield
    fonts.installed_font.cache_clear()


def data(name="双月数据集", **more):
    names = {"feature_names": ("横坐标", "纵坐标"), "target_names": ("上弦月", "下弦月")}
    return Dataset([[0.0, 1.0], [1.0, 0.0]], [0, 1], name=name, **names | more)


def drawn(write, **options):
    """The pixels, or the SVG text, of a 3 x 1 inch figure on which `write` writes."""
    figure = Figure(figsize=(3, 1))
    write(figure)
    picture = io.BytesIO()
    figure.savefig(picture, **options)
    picture.seek(0)
    return picture.read().decode() if options.get("format") == "svg" else matplotlib.image.imread(picture)


@pytest.mark.parametrize("bold", [False, True])
def test_the_shipped_font_has_the_first_level_of_gb2312_and_what_mathematics_needs(bold):
    font = FT2Font(str(fonts.shipped_font(bold=bold)))
    has = set(map(chr, font.get_charmap()))
    assert len(FIRST_LEVEL) == 3755 and has >= FIRST_LEVEL
    assert has >= set("鸢尾花熵阈αβγδεθλμσωΣ∂∇√≈≤≥−×·²‖，。：；（）「」“”…—%") | set(map(chr, range(0x20, 0x7F)))
    assert font.family_name == fonts.SHIPPED and font.style_name == ("Bold" if bold else "Regular")
    assert "Noto" not in font.family_name  # who has Noto should get it whole


def test_the_regular_font_has_both_levels():
    assert fonts.shipped_characters() >= gb2312(range(16, 88)) and len(gb2312(range(16, 88))) == 6763


def test_the_fonts_are_small_and_licensed():
    folder = Path(fonts.__file__).parent
    assert sum(path.stat().st_size for path in folder.glob("*.otf")) <= LIMIT
    licence = (folder / "OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence and "2014-2021 Adobe" in licence
    assert "with Reserved Font Name" not in licence
    assert "make_font.py" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_chinese_text_is_drawn_with_the_shipped_font(no_fonts_installed, weight, caplog):
    """The same pixels as with that file alone, and not a box, no warning, no log entry."""
    installed = list(fontManager.ttflist)
    ours = Font.like(FontProperties(weight=weight), "损失曲线")
    alone = FontProperties(fname=fonts.shipped_font(bold=weight == "bold"))
    text = [drawn(lambda f, p=p: f.text(0.1, 0.5, "损失曲线", fontproperties=p)) for p in (ours, alone)]
    np.testing.assert_array_equal(*text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        boxes = drawn(lambda f: f.text(0.1, 0.5, "损失曲线", weight=weight))
    assert not np.array_equal(text[0], boxes)
    assert fontManager.ttflist == installed and not caplog.records


def test_letters_are_matplotlibs_own():
    ours = Font.like(FontProperties(family=["DejaVu Sans"]), "loss 0.5")
    plain = FontProperties(family=["DejaVu Sans"])
    text = [drawn(lambda f, p=p: f.text(0.1, 0.5, "loss 0.5", fontproperties=p)) for p in (ours, plain)]
    np.testing.assert_array_equal(*text)


def test_every_character_of_the_first_level_is_drawn_without_a_warning(no_fonts_installed):
    characters = sorted(FIRST_LEVEL)
    lines = ["".join(characters[k : k + 160]) for k in range(0, 3755, 160)]
    for weight in ("normal", "bold"):
        font = Font.like(FontProperties(weight=weight, size=4), "")
        assert drawn(lambda f, p=font: f.text(0.0, 0.0, "\n".join(lines), fontproperties=p)).std() > 0.01


def test_bold_takes_rarer_characters_from_the_regular_font(no_fonts_installed):
    font = Font.like(FontProperties(weight="bold"), "魑魅")
    assert not {"魑", "魅"} <= set(map(chr, FT2Font(str(fonts.shipped_font(bold=True))).get_charmap()))
    svg = drawn(lambda f: f.text(0.1, 0.5, "魑魅魍魉", fontproperties=font), format="svg")
    assert "ClearpropSansSC-Regular" in svg


def test_a_figures_own_savefig_shows_chinese(no_fonts_installed, tmp_path):
    """Of texts of ours, and of a title that the caller put in place of ours."""
    axes = viz.boundary(lambda X: np.full((len(X), 2), 0.5), data())
    axes.set_title("改过的标题", fontweight="bold")
    axes.set_xlabel("另一个横坐标")
    picture = io.BytesIO()
    axes.figure.savefig(picture, format="svg")
    used = {line.split('"')[1] for line in picture.getvalue().decode().splitlines() if 'id="Clearprop' in line}
    assert {name.rpartition("-")[0] for name in used} == {"ClearpropSansSC-Regular", "ClearpropSansSC-Bold"}


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_save_shows_chinese_that_the_caller_wrote(no_fonts_installed, tmp_path, ending):
    axes = Figure().add_subplot()
    axes.annotate("鞍点", (0.5, 0.5), fontsize=14, color="red")
    viz.save(axes, tmp_path / f"a.{ending}")
    [text] = axes.texts
    assert isinstance(text.get_fontproperties(), Font)
    assert (text.get_fontsize(), text.get_color(), text.get_fontfamily()[0]) == (14, "red", "sans-serif")


def test_rarer_characters_come_from_an_installed_font(monkeypatch):
    """Here the installed font is a copy of the shipped one, which is told to lack 花."""
    monkeypatch.setattr("clearprop.viz.mpl.installed_font", lambda: ("Noto Sans CJK SC", str(fonts.shipped_font())))
    monkeypatch.setattr("clearprop.viz.mpl.shipped_characters", lambda: frozenset("中"))
    usual, rare = (Font.like(FontProperties(), text) for text in ("中", "花"))
    assert len(rare.get_family()) == len(usual.get_family()) + 1
    last = rare.copy()
    last.set_family(rare.get_family()[-1])
    assert last.get_file() == str(fonts.shipped_font())


def test_a_character_that_no_font_has_is_a_box_without_a_warning(no_fonts_installed, tmp_path):
    viz.save(viz.scatter(data(name="한국어 \U0001f600")), tmp_path / "a.png")


def test_installed_fonts_are_found_although_matplotlibs_list_is_older(monkeypatch, tmp_path):
    file = tmp_path / "SimHei.otf"
    file.write_bytes(fonts.shipped_font().read_bytes())
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    monkeypatch.setattr(fonts, "_CJK_FONTS", ("No Such Font", fonts.SHIPPED))
    found = [str(file), str(tmp_path / "broken.ttf")]
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda *a, **k: found)
    fonts.installed_font.cache_clear()
    assert fonts.installed_font() == (fonts.SHIPPED, str(file))
    assert fonts.cjk_font() == f"{fonts.SHIPPED}, {fonts.SHIPPED} for rarer characters"
    fonts.installed_font.cache_clear()


def test_no_font_is_installed(no_fonts_installed):
    assert fonts.installed_font() is None and fonts.cjk_font() == fonts.SHIPPED


def test_a_fresh_interpreter_without_system_fonts(tmp_path):
    """Nothing but a new process shows what the first picture on a new machine looks like."""
    code = """
import sys, warnings
warnings.simplefilter("error")
from clearprop import viz
viz.save(viz.confusion([[3, 1], [0, 2]], ("山鸢尾", "变色鸢尾")), sys.argv[1])
"""
    environment = os.environ | {"MPLCONFIGDIR": str(tmp_path), "MPL_IGNORE_SYSTEM_FONTS": "1"}
    run = [sys.executable, "-c", code, str(tmp_path / "c.svg")]
    result = subprocess.run(run, capture_output=True, text=True, env=environment, check=True)
    assert "findfont" not in result.stderr and "Glyph" not in result.stderr
    assert 'id="ClearpropSansSC-Regular' in (tmp_path / "c.svg").read_text(encoding="utf-8")
