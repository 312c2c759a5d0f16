"""Every row of `crafted` is refused for what it means, quickly and in little memory."""

import time
import tracemalloc

import pytest
from crafted import ROWS, Row
from forged import GOLDEN, forged

from clearprop.errors import ModelFileError
from clearprop.formats import load

ROOM = 1 << 20  # bytes beyond twice the file's


def path_in_file(path: str) -> str:
    return path if path.split(".")[0] in ("header", "data", "text") else f"document.{path}"


def test_there_are_more_than_two_hundred_and_each_is_another():
    assert len({(row.original, repr(sorted(row.changes.items()))) for row in ROWS}) == len(ROWS) >= 200


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_refused_by_meaning(row: Row, tmp_path) -> None:
    original = (GOLDEN / f"format1-{row.original}.safetensors").read_bytes()
    content = forged(original, {path_in_file(path): value for path, value in row.changes.items()})
    path = tmp_path / "m"
    path.write_bytes(content)
    start = time.process_time()
    with pytest.raises(ModelFileError) as caught:
        load(path)
    assert time.process_time() - start < 1.0
    words = str(caught.value)
    assert row.words in words and len(words) - len(str(path)) < 400, words
    assert words.startswith(f"{path}: ") and "; " in words, "place first, remedy last"
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 2 * len(content) + ROOM
    finally:
        tracemalloc.stop()


def test_what_is_forged_without_a_change_is_read():
    for file in GOLDEN.glob("*.safetensors"):
        assert forged(file.read_bytes(), {}) == file.read_bytes()
