"""Descriptions as large as they may be: refused in a second, and in twice the file's size of memory and 16 MiB."""

import json
import time
import tracemalloc

import pytest
from forged import GOLDEN, forged, parts, whole

from clearprop import MLP, EarlyStopping, fit, load_dataset
from clearprop.data import Preparation
from clearprop.data.columns import Number
from clearprop.errors import ConfigurationError, ModelFileError
from clearprop.files.container import BYTES_PER_VALUE, FREE_VALUES, LONGEST_HEADER, MOST_VALUES
from clearprop.formats import load, save
from clearprop.train import Checkpoint, load_checkpoint

ROOM = 16 << 20
IRIS = (GOLDEN / "format1-iris.safetensors").read_bytes()


def with_link(link: str) -> bytes:
    """A model file whose link is this piece of JSON."""
    document, header, data = parts(IRIS)
    text = json.dumps({**document, "link": "@"}, sort_keys=True, separators=(",", ":"))
    return whole(document, header, data, text=text.replace('"@"', link))


def most(item: str, share: float) -> int:
    """How many may follow each other, or this share of it: a longer file may hold more."""
    values = 1 + sum(item.count(sign) for sign in ",[{")
    return int(share * FREE_VALUES / (values - (len(json.dumps(item)) - 1) / BYTES_PER_VALUE))


def listed(item: str, share: float) -> bytes:
    return with_link("[" + ",".join([item] * most(item, share)) + "]")


def named(share: float) -> bytes:
    return with_link("{" + ",".join(f'"{i:06}":1' for i in range(most('"000000":1', share))) + "}")


def word(item: str, share: float, weight: int = 1, last: str = "") -> bytes:
    """One that repeats `item`, of a kind that weighs so much in memory."""
    count = int(share * LONGEST_HEADER) // weight // (len(json.dumps(item)) - 2)
    return with_link(f'"{item * count}{last}"')


def table(columns: int, hidden: int, folder) -> bytes:
    """A network for so many columns, of which the last has the first one's name."""
    numbers = [i / 7 + 0.123456789 for i in range(columns)]
    names = tuple(Number(f"column {i}") for i in range(columns))
    plan = Preparation(names, "y", ("no", "yes"), mean=tuple(numbers), scale=tuple(numbers))
    save(MLP([columns, hidden, 2]), folder / "table", preparation=plan, link="softmax")
    document, header, data = parts((folder / "table").read_bytes())
    document["preparation"]["columns"][-1]["name"] = "column 0"
    return whole(document, header, data)


FILES = {
    "lists": lambda share: listed("[]", share),
    "empty objects": lambda share: listed("{}", share),
    "objects": lambda share: listed('{"":1}', share),
    "lists in lists": lambda share: listed("[[[[[[[[]]]]]]]]", share),
    "an object": named,
    "whole numbers": lambda share: listed("999", share),
    "fractions": lambda share: listed("1.2345678901234567e-300", share),
    "short words": lambda share: listed('"ab"', share),
    "long numbers": lambda share: with_link(f"[{','.join(['9' * 4000] * (int(share * LONGEST_HEADER) // 4001))}]"),
    "one word": lambda share: word("x", share),
    "quotation marks": lambda share: word('\\"', share),
    "backslashes": lambda share: word("\\\\", share),
    "Chinese": lambda share: word("\\u82b1", share, 2),
    "one emoji": lambda share: word("x", share, 4, "\\ud83d\\ude00"),
    "half a character": lambda share: word("x", share, 4, "\\ud83d"),
}


def refused(content: bytes, path, load=load) -> str:
    """What is said, within the limits."""
    path.write_bytes(content)
    start = time.process_time()
    with pytest.raises(ModelFileError) as caught:
        load(path)
    seconds = time.process_time() - start
    assert seconds < 1.0
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError):
            load(path)
        beyond = tracemalloc.get_traced_memory()[1] - 2 * len(content)
        print(f"{len(content) / 2**20:.1f} MiB, {seconds:.2f} s, {beyond / 2**20:.1f} MiB beyond twice that")
        assert beyond < ROOM
    finally:
        tracemalloc.stop()
    return str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_as_large_as_is_allowed(name, tmp_path):
    assert "the model file is damaged: its" in refused(FILES[name](0.97), tmp_path / "m")


@pytest.mark.parametrize("name", FILES)
def test_a_little_larger(name, tmp_path):
    assert "this is not a model file that clearprop wrote" in refused(FILES[name](1.03), tmp_path / "m")


def test_before_it_is_read_a_header_is_bounded(tmp_path):
    for junk in ('"a":[' + "[]," * 10**6 + "[]],", '"\\ud83d\\ude00":"' + "x" * 10**6 + '",', "[" * 10**6):
        content = b"{" + junk.encode() + IRIS[9:]
        content = (len(content) - len(IRIS) + 8 + int.from_bytes(IRIS[:8], "little")).to_bytes(8, "little") + content
        assert "this is not a model file that clearprop wrote" in refused(content, tmp_path / "m")


@pytest.mark.parametrize("hidden", [8, 32])
def test_a_wide_table(hidden, tmp_path):
    columns = 20_000 if hidden == 8 else MOST_VALUES // 6 - 100
    assert "has the same word twice" in refused(table(columns, hidden, tmp_path), tmp_path / "m")
    with pytest.raises(ConfigurationError, match="is too long cannot be saved; use fewer columns, or shorter names"):
        table(MOST_VALUES // 6 + 100, hidden, tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": {f"{i:06}": 1 for i in range(80_000)}, "place.epoch": 0},
        {"history": [[f"{i:06}", False] for i in range(16_000)]},
        {"callbacks": [["EarlyStopping", {f"{i:06}": 1 for i in range(80_000)}]], "configuration": []},
        {"callbacks": [["EarlyStopping", {}]] * 17_000, "configuration": []},
    ],
    ids=lambda changes: " ".join(changes),
)
def test_a_checkpoint_whose_description_makes_no_sense_is_refused(changes, tmp_path):
    model, data = MLP([2, 4, 2]), load_dataset("moons", n_samples=60)
    fit(model, data, "crossentropy", epochs=1, callbacks=[EarlyStopping("loss"), Checkpoint(tmp_path / "c")])
    content = max((tmp_path / "c").glob("step-*")).read_bytes()
    content = forged(content, {f"document.{place}": value for place, value in changes.items()})
    assert "makes no sense; use another copy" in refused(content, tmp_path / "m", load_checkpoint)
