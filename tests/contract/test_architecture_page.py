"""docs/architecture.md shows the house that stands, and every name in it exists."""

import importlib
import re
import subprocess
import sys

import pytest

from draw_house import PAGES, redrawn, upward, without_detours
from house import PACKAGE, ROOT, SOURCE, arrows, files, room_of, storeys

ROOMS = [room for storey in storeys() for room in storey]
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def exists(name):
    """Whether a dotted name without the package's is a module, or something in one."""
    parts = f"{PACKAGE}.{name}".split(".")
    for end in range(len(parts), 0, -1):
        module = ".".join(parts[:end])
        if module in files():
            found = importlib.import_module(module)
            for part in parts[end:]:
                found = getattr(found, part, None)
            return found is not None
    return False


def names_in(text):
    quoted = re.findall(r"`([^`\n]+)`", text)
    return [name for name in quoted if re.fullmatch(r"[a-z_]+(\.\w+)+", name) and name.split(".")[0] in ROOMS]


def paths_in(text):
    quoted = re.findall(r"`([\w./]+)`", text) + re.findall(r"\]\(\.\./([^)#]+)", text)
    return [path for path in quoted if "/" in path]


@EACH_PAGE
def test_the_page_shows_the_house_that_stands(page):
    assert redrawn(page) == page.read_text("utf8"), "run: python tools/draw_house.py"


def test_check_fails_if_a_page_shows_another_house(tmp_path):
    code = f"""
import sys, draw_house
page = draw_house.Path({str(tmp_path / "architecture.md")!r})
draw_house.PAGES, draw_house.ROOT, sys.argv = {{page: "{{rooms}}"}}, page.parent, ["draw_house", *sys.argv[1:]]
sys.exit(draw_house.main())
"""
    page = tmp_path / "architecture.md"
    page.write_text("before\n<!-- drawn by tools/draw_house.py --><!-- end of the drawing -->\nafter\n", "utf8")

    def run(*arguments):
        return subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT / "tools").returncode

    assert [run("--check"), run(), run("--check")] == [1, 0, 0]
    assert page.read_text("utf8").startswith("before\n") and page.read_text("utf8").endswith("\nafter\n")


def test_no_arrow_runs_up():
    assert upward(set(arrows())) == set()
    assert upward({("ops", "cli")}) == {("ops", "cli")}


def test_every_file_is_in_a_room_of_the_contract():
    assert {room_of(module) for module in files()} - {PACKAGE, "__main__"} == set(ROOMS)


def test_the_picture_leaves_out_only_arrows_that_the_others_imply():
    pairs = {("cli", "train"), ("train", "ops"), ("cli", "ops")}
    assert without_detours(pairs) == {("cli", "train"), ("train", "ops")}


@EACH_PAGE
def test_the_page_says_of_each_room_what_it_is_for(page):
    assert re.findall(r"^\| `(\w+)` \| \S", page.read_text("utf8"), re.MULTILINE) == ROOMS


@EACH_PAGE
def test_every_name_in_the_page_exists(page):
    names = names_in(page.read_text("utf8"))
    assert len(names) > 40
    assert [name for name in names if not exists(name)] == []


@EACH_PAGE
def test_every_path_in_the_page_exists(page):
    paths = paths_in(page.read_text("utf8"))
    assert len(paths) > 8
    places = (ROOT, SOURCE / PACKAGE, ROOT / "docs")
    assert [path for path in paths if not any((place / path).exists() for place in places)] == []


def test_a_name_that_is_gone_is_noticed():
    assert exists("errors.ClearpropError")
    assert not exists("errors.ClearpropErrors") and not exists("train.loops.fit")
    assert names_in("`errors.ClearpropErrors` and `fit`") == ["errors.ClearpropErrors"]


def test_the_pages_name_the_same_things_in_the_same_order():
    english, chinese = (names_in(page.read_text("utf8")) for page in PAGES)
    assert sorted(english) == sorted(chinese)
