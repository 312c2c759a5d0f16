"""The command, and the pictures."""

import dataclasses
import json
import warnings

import pytest
import typer
from typer.testing import CliRunner

from clearprop import viz
from clearprop.cli.reproduce import reproduce
from clearprop.errors import OutputError, UnknownNameError
from clearprop.posts import POSTS, Printed
from recordings import replays

app = typer.Typer()
app.command()(reproduce)


@pytest.fixture(scope="module")
def quick():
    """The posts without the findings that take seconds: the command's own work is tested here."""
    patch = pytest.MonkeyPatch()
    for key, post in POSTS.items():
        patch.setitem(POSTS._definitions, key, dataclasses.replace(post, probes=post.probes[-1:]))
    yield
    patch.undo()


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


def test_a_table_with_ticks(quick):
    done = run("003")
    assert done.exit_code == 0
    line = next(line for line in done.stdout.splitlines() if line.startswith("loss at 40"))
    assert line.split() == ["loss", "at", "40", "0.45", "0.45", "0.31", "✓"]
    assert "1 of 1 printed numbers agree" in done.stdout
    assert "measured on 20" in done.stdout  # what takes long, with its date


def test_in_chinese(quick):
    done = run("002", "--lang", "zh")
    assert done.exit_code == 0
    assert "文章打印的 55 个数字中有 55 个逐位一致" in done.stdout
    assert "自己动手写一个小框架" in done.stdout


def test_an_unseeded_number_is_marked_and_no_failure(quick):
    done = run("000")
    assert done.exit_code == 0
    assert [line.split()[-2:] for line in done.stdout.splitlines() if line.startswith("epoch 0")] == [
        ["no", "seed"]
    ] * 2


def test_a_post_without_printed_numbers_says_so(quick):
    assert "the post prints no numbers" in run("001").stdout


def test_a_number_that_must_agree_and_does_not_is_exit_code_5(quick, monkeypatch):
    post = POSTS["003"]
    changed = dataclasses.replace(post, published=(Printed("loss at 40", "0.46"), *post.published[1:]))
    monkeypatch.setitem(POSTS._definitions, "003", changed)
    done = run("003")
    assert done.exit_code == 5 and "✗" in done.stdout and "1 numbers that must agree do not" in done.stdout


def test_as_json_each_number_has_what_the_post_printed_and_what_is_right(quick):
    done = run("003", "--json")
    document = json.loads(done.stdout)
    post = document["posts"]["003"]
    assert (post["printed"], post["agreeing"], post["wrong"]) == (1, 1, 0)
    assert post["numbers"][0] == {
        "name": "loss at 40", "post": "0.45", "as_published": "0.45", "corrected": "0.31",
        "agrees": True, "must_agree": True,
    }  # fmt: skip


def test_an_unknown_post_and_an_unknown_language(quick):
    assert isinstance(run("005").exception, UnknownNameError)
    assert run("003", "--lang", "fr").exit_code == 2


def test_a_folder_with_pictures_and_report_is_not_overwritten(quick, tmp_path):
    folder = tmp_path / "posts"
    done = run("003", "--out", str(folder))
    assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (folder / "003").iterdir())
    assert "loss.png" in names and "loss.svg" in names and len(names) == 10
    assert (folder / "003" / "loss.png").read_bytes()[:4] == b"\x89PNG"
    assert json.loads((folder / "report.json").read_text())["posts"]["003"]["agreeing"] == 1
    before = (folder / "report.json").read_bytes()
    assert isinstance(run("003", "--out", str(folder)).exception, OutputError)
    assert (folder / "report.json").read_bytes() == before
    assert run("003", "--out", str(folder), "--force").exit_code == 0


PICTURES = {
    "000": {"data", "metrics", "boundary", "metrics-corrected", "boundary-corrected"},
    "001": {"network", "loss", "confusion", "confusion-corrected"},
    "002": {
        "data", "losses-regression", "losses-classification",
        "cross-entropy", "training-linear", "training-two-layers",
    },
    "003": {"data", "loss", "loss-four-combinations", "boundary", "boundary-corrected"},
    "004": {
        "derivatives", "himmelblau-surface", "himmelblau-contour",
        "数据集分布", "数据集分布-暗色", "训练误差曲线", "网络测试准确率",
    },
}  # fmt: skip


@pytest.mark.parametrize("key", POSTS)
def test_every_picture_is_drawn_in_both_languages_without_a_missing_glyph(key, tmp_path):
    for language in ("en", "zh"):
        drawn = POSTS[key].pictures(language, replays(key))
        assert set(drawn) == PICTURES[key]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for figure in drawn.values():
                figure.draw_without_rendering()
        titles = [axes.get_title() for figure in drawn.values() for axes in figure.axes]
        assert any("\u4e00" <= c <= "\u9fff" for title in titles for c in title) == (language == "zh")


def test_the_svg_pictures_of_post_004_have_their_chinese_names(tmp_path):
    drawn = POSTS["004"].pictures("zh", replays("004"))
    for name in ("数据集分布", "训练误差曲线", "网络测试准确率"):
        viz.save(drawn[name], tmp_path / f"{name}.svg")
        assert (tmp_path / f"{name}.svg").read_text().startswith("<?xml")


def test_the_curves_of_post_004_have_all_epochs_and_mark_what_the_post_shows():
    axes = POSTS["004"].pictures("en", replays("004"))["训练误差曲线"].axes[0]
    assert all(len(line.get_xdata()) == 1001 for line in axes.lines)
    assert "what the post shows" in [text.get_text() for text in axes.get_legend().get_texts()]
