"""Thousands of damaged files: each is refused in plain words, or it was not damaged at all. Nothing else happens."""

import json
import random
import re
import warnings

import numpy as np
import pytest
from mutations import mutant

from clearprop.data import Preparation, load_dataset, read_table
from clearprop.errors import ClearpropError, ClearpropWarning, DataError, ModelFileError
from clearprop.formats import load, save
from clearprop.model import MLP
from clearprop.store import digest

COMMIT, NIGHTLY = 2_000, 50_000
BATCH = 500
FOREIGN = re.compile(r"Traceback|duckdb|numpy\.|ufunc|Error\(|codec can't|<class|\[[^\]]{200,}\]", re.I)
MARK = b'\\"sha256\\":\\"'


def seeds(count: int, *marks: pytest.MarkDecorator) -> list[object]:
    return [pytest.param(range(start, start + BATCH), marks=marks, id=f"{start}") for start in range(0, count, BATCH)]


BATCHES = [*seeds(COMMIT), *seeds(NIGHTLY, pytest.mark.nightly)[COMMIT // BATCH :]]


def check(error: ClearpropError) -> None:
    text = str(error)
    assert not FOREIGN.search(text) and 20 < len(text) < 900, text


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.fsync", lambda handle: None)  # durability is not what is tested here
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ClearpropWarning)
        yield


# ------------------------------------------------------------------------------------------------ model files


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m"
    save(MLP([4, 5, 3], activation="tanh"), path, preparation=Preparation.of(load_dataset("iris")), link="softmax")
    return path.read_bytes()


def resealed(content: bytes, rng: random.Random) -> bytes:
    """The description changed in one place, and the digest made right again, as only malice would do."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    document = json.loads(header["__metadata__"]["clearprop"])
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    if rng.random() < 0.5:
        text = mutant(text.encode(), rng.randrange(1 << 30)).decode("utf-8", "replace")
    else:
        _change(document, rng)
        text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    header["__metadata__"]["clearprop"] = text
    if rng.random() < 0.2:
        _change(header, rng)
    raw = json.dumps(header, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    changed = len(raw).to_bytes(8, "little") + raw + content[end:]
    place = changed.find(MARK) + len(MARK)
    if place < len(MARK):
        return changed
    blank = changed[:place] + b"0" * 64 + changed[place + 64 :]
    return changed[:place] + digest(blank).encode() + changed[place + 64 :]


def _change(document: object, rng: random.Random) -> None:
    """Another value, or none, somewhere inside."""
    values = (
        None, True, -1, 0, 1, 2**31, 10**12, 10**40, 1.5, -0.0, 1e308, "", "relu", "os.system", "../x", "x" * 999,
        [], [1], {}, "\\ud800", [[[]]], {"layer": "Dense", "units": 10**9}, {"layer": "Dropout", "rate": 2},
    )  # fmt: skip
    place, keys = document, list(document) if isinstance(document, dict) else []
    while keys:
        key = rng.choice(keys)
        inner = place[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.8:
            place, keys = inner, list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        elif rng.random() < 0.15:
            del place[key]
            return
        else:
            place[key] = rng.choice(values)
            return


@pytest.mark.parametrize("batch", BATCHES)
def test_model_files(model, batch, tmp_path):
    path, outcomes = tmp_path / "m", set()
    for seed in batch:
        rng = random.Random(seed)
        honest = seed % 2 == 0
        content = mutant(model, seed) if honest else resealed(model, rng)
        path.write_bytes(content)
        try:
            found = load(path)
        except ModelFileError as error:
            check(error)
            outcomes.add("refused")
        else:
            # Only an unchanged file, or a description that is sealed and makes sense: then what is read can be
            # used and written again.
            assert not honest or content == model
            assert np.isfinite(found.model.forward(np.ones((2, found.model.n_in), found.model.dtype))[0]).all()
            save(found.model, "again", preparation=found.preparation, link=found.link)
            assert load("again").model.config() == found.model.config()
            outcomes.add("read")
        assert path.read_bytes() == content
    assert "refused" in outcomes


# -------------------------------------------------------------------------------------------------- CSV files

TABLE = '编号,size,"a, b",day,kind,y\n' + "".join(
    f'{i * 7 % 30},{i / 7:.3f},"{i % 4}.5",2026-01-{1 + i % 28:02},{("red", "blue, dark", "")[i % 3]!r},{"yn"[i % 2]}\n'
    for i in range(30)
).replace("'", '"')


@pytest.mark.parametrize("batch", BATCHES)
def test_csv_files(batch, tmp_path):
    path, outcomes = tmp_path / "t.csv", set()
    plain = TABLE.encode()
    path.write_bytes(plain)
    table = read_table(path)
    plan = Preparation.fit(table, "y", dates="expand", missing="median")
    for seed in batch:
        content = mutant(plain, seed)
        path.write_bytes(content)
        try:
            table = read_table(path)
            if seed % 4:  # with the old plan, as `predict` does
                X = plan.apply(table)
            else:  # with a new one, as `train` does
                X = Preparation.fit(table, "y", dates="expand", missing="median").dataset(table).X
        except DataError as error:
            check(error)
            outcomes.add("refused")
        else:
            assert len(X) == len(table) and np.isfinite(X).all()
            outcomes.add("read")
        assert path.read_bytes() == content
    assert outcomes == {"refused", "read"}
