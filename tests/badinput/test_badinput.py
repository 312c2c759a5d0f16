"""Every row of `cases`: the right error, with place and remedy, and nothing changed that was given."""

import hashlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import schema
from badinput_page import PAGE, page
from cases import CASES, Case

import clearprop
from clearprop import errors
from clearprop.cli import main
from clearprop.cli.failures import KINDS

FORBIDDEN = re.compile(
    r"Traceback|duckdb|sklearn|narwhals|numpy\.|ufunc|Arrow|pandas\.|<class|[^o]array\(|0x[0-9a-f]{8}|\[[^\]]{200,}\]",
    re.I,
)
ids = [case.id for case in CASES]


def check_words(text: str) -> None:
    assert not FORBIDDEN.search(text), FORBIDDEN.search(text)
    for line in re.split(r"\n(?=  )", text):  # one for each column that cannot be used
        assert len(line) < 700, "no message is longer than a paragraph"


def test_the_rows_are_complete():
    assert len(set(ids)) == len(ids)
    rows = {re.match(r"[A-Z]\d+", id)[0] for id in ids}
    expected = {
        f"{letter}{i}" for letter, n in (("A", 30), ("B", 19), ("E", 37), ("F", 24), ("H", 11)) for i in range(1, n + 1)
    }
    assert rows >= expected
    for case in CASES:
        says = [case.code, case.command, case.why_not, case.tested]
        assert sum(map(bool, says)) == 1 or case.id == "H1", case.id
        assert case.tested == "" or (Path(__file__).parents[2] / case.tested).exists()


def test_the_page_is_what_the_table_gives():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python tests/badinput/badinput_page.py"


def test_the_schema_knows_every_exit_code_and_refuses_what_it_should():
    error = schema.ERROR["properties"]["error"]["properties"]
    assert dict(zip(error["code"]["enum"], error["kind"]["enum"], strict=True)) == KINDS
    good = {"code": 3, "kind": "data", "message": "x", "place": None, "remedy": "y"}
    schema.check({"error": good})
    schema.check({"error": {**good, "errors": [{"message": "x", "place": "a", "remedy": "y"}]}})
    for bad in (
        {"error": {**good, "code": 7}},
        {"error": {**good, "code": True}},
        {"error": {**good, "place": ""}},
        {"error": {**good, "remedy": 1}},
        {"error": {**good, "more": 1}},
        {"error": {**good, "errors": [{"message": "x"}]}},
        {"error": {**good, "errors": [{"message": "", "place": None, "remedy": None}]}},
        {"error": {"code": 3}},
        {"error": good, "more": 1},
        {},
    ):
        with pytest.raises(AssertionError):
            schema.check(bad)


@pytest.mark.parametrize("case", [case for case in CASES if case.code], ids=lambda case: case.id)
def test_what_the_row_says_is_raised_and_nothing_given_is_changed(case: Case, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    if case.needs and importlib.util.find_spec(case.needs) is None:
        pytest.skip(f"needs {case.needs}")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    given = {"X": X, "t": 1.0 + X[:, 0], "y": (X[:, 1] > 0).astype(int)}
    before = {name: value.tobytes() for name, value in given.items()}
    for value in given.values():
        value.flags.writeable = False
    names = {name: getattr(clearprop, name) for name in clearprop.__all__}
    names |= given | {"np": np, "network": network, "put": put, "clearprop": clearprop}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(case.code, names)
        except errors.ClearpropError as error:
            found, text = type(error).__name__, str(error)
            assert " at 0x" not in text and "; " in text, f"no remedy: {text}"
        else:
            [*several] = [w for w in caught if issubclass(w.category, errors.ClearpropWarning)]
            found = several[0].category.__name__ if several else "accepted"
            text = str(several[0].message) if several else ""
    foreign = [str(w.message) for w in caught if not issubclass(w.category, errors.ClearpropWarning)]
    assert not foreign
    assert (found, bool(re.search(case.message, text))) == (case.expected, True), text
    check_words(text)
    assert {name: value.tobytes() for name, value in given.items()} == before


def network(outputs: int, **options: object) -> "clearprop.MLP":
    return clearprop.MLP([2, 4, outputs], activation="tanh", **options)


def put(array: np.ndarray, place: object, value: object) -> np.ndarray:
    """A copy of `array` with `value` in one place."""
    changed = np.array(array, dtype=None if isinstance(value, float) else object)
    changed[place] = value
    return changed


def hashes(folder: Path) -> dict[str, str]:
    return {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.rglob("*") if f.is_file()}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(command: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(shlex.split(command))
        out, err = capsys.readouterr()
        return end.value.code or 0, out, err

    return run


@pytest.mark.parametrize(
    "case", [case for case in CASES if not (case.code or case.why_not or case.tested)], ids=lambda case: case.id
)
def test_the_command_ends_as_the_row_says_and_changes_no_file(case: Case, run, tmp_path) -> None:
    for name, content in case.files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = hashes(tmp_path)
    code, out, err = run(case.command)
    assert code == case.exit, err
    after = hashes(tmp_path)
    assert {name: after.get(name) for name in before} == before
    if code == 0:
        assert re.search(case.message, out), out
        return
    text = re.sub(r"epoch \d+/.*\n", "", err)
    assert re.search(case.message, text + out), text
    check_words(text.split("Usage:")[0])
    assert after == before and not list(tmp_path.glob("runs/*")), "a run that failed leaves nothing"
    if case.command:
        assert out == ""
        assert re.match(r"(warning: .*\n)*clearprop: [^\n]+\n(  [^\n]+\n)*\Z", text), "one line, or one for each column"
        code, out, err = run(case.command + " --json")
        schema.check(json.loads(out))
        error = json.loads(out)["error"]
        assert len(error.get("errors", [])) == len(re.findall(r"^  ", text, re.M)) or "  and " in text
        assert error["kind"] == KINDS[code] and (error["remedy"] or " must " in error["message"])
        assert error["message"].startswith(error["place"] or "") and error["message"].endswith(error["remedy"] or "")
        assert (code, error["code"]) == (case.exit, case.exit) and re.search(case.message, error["message"])


@pytest.mark.skipif(os.name == "nt", reason="POSIX folders")
def test_h11_no_home_no_folder_at_all(tmp_path):
    """Neither HOME nor TMPDIR is needed, and a working folder that is gone is named."""
    source = os.path.dirname(os.path.dirname(os.path.abspath(clearprop.__file__)))
    bare = {"PYTHONPATH": source, "PATH": os.environ.get("PATH", ""), "TMPDIR": str(tmp_path / "nowhere")}
    run = [sys.executable, "-m", "clearprop", "train", "moons", "--epochs", "1"]
    done = subprocess.run(run, cwd=tmp_path, env=bare, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(tmp_path / "runs")
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {shlex.quote(str(gone))} && rmdir {shlex.quote(str(gone))} && exec {shlex.join(run)}"
    done = subprocess.run(["sh", "-c", script], env=bare, capture_output=True, text=True, timeout=60)
    assert done.returncode == 6 and "Traceback" not in done.stderr, done.stderr
    check_words(done.stderr)
