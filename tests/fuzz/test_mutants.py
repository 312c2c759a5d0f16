"""Thousands of damaged files: each is refused in plain words, or it was not damaged at all. Nothing else happens."""

import json
import os
import re
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from layouts import LAYOUTS, MIXED
from mutations import mutant

from clearprop.data import Preparation, read_table
from clearprop.errors import ClearpropError, ClearpropWarning, DataError

HERE = Path(__file__).parent
FOREIGN = re.compile(r"Traceback|duckdb|numpy\.|ufunc|Error\(|codec can't|<class|\[[^\]]{200,}\]", re.I)


def batches(size: int, commit: int, nightly: int) -> list[object]:
    """Ranges of seeds; those from `commit` on are run nightly."""
    marks = pytest.mark.nightly
    return [
        pytest.param(range(start, start + size), marks=[marks] if start >= commit else [], id=f"{start}")
        for start in range(0, nightly, size)
    ]


def check(error: ClearpropError) -> None:
    text = str(error)
    assert not FOREIGN.search(text) and 20 < len(text) < 900 and "; " in text, text


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.fsync", lambda handle: None)  # durability is not what is tested here
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ClearpropWarning)
        yield


# ------------------------------------------------------------------------------------------------ model files


@pytest.mark.skipif(os.name == "nt", reason="folders are opened otherwise")
@pytest.mark.parametrize("batch", batches(1_000, 5_000, 100_000))
def test_model_files_and_checkpoints(batch, tmp_path):
    """In a process of their own, which any import, or any file but the one, would end."""
    run = [sys.executable, HERE / "watched.py", str(batch.start), str(batch.stop), tmp_path]
    source = os.pathsep.join(str(HERE.parents[1] / folder) for folder in ("src", "tests/fuzz"))
    done = subprocess.run(run, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": source}, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["damaged and refused"] + found["unchanged"] == 500 and found["unchanged"] < 10
    assert found["forged and refused"] > found["forged and read"] > 0
    assert found["slowest"] < 1.0 and found["most memory"] < 1 << 20 and found["longest message"] < 400


def test_the_guard_ends_the_process(tmp_path):
    """Otherwise nothing above would be shown."""
    for deed in ("import this", "open('other')", "open(path, 'a')", "import socket; socket.socket()", "exec('1')"):
        script = f"from watched import Guard\npath = 'm'\nguard = Guard(path)\nguard.watching = True\n{deed}\n"
        source = os.pathsep.join(str(HERE.parents[1] / folder) for folder in ("src", "tests/fuzz"))
        env = {**os.environ, "PYTHONPATH": source}
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env, cwd=tmp_path)
        assert done.returncode == 99 and "forbidden while loading" in done.stderr, (deed, done.stderr)


# -------------------------------------------------------------------------------------------------- CSV files


@pytest.mark.parametrize("batch", batches(500, 2_000, 50_000))
def test_csv_files(batch, tmp_path):
    path, outcomes = tmp_path / "t.csv", set()
    path.write_bytes(MIXED)
    old_plan = Preparation.fit(read_table(path), "y", dates="expand", missing="median")
    for seed in batch:
        trains = seed % 2  # with a new plan, as `train` does; or with the old one, as `predict` does
        content = mutant(LAYOUTS[seed // 2 % len(LAYOUTS)] if trains else MIXED, seed)
        path.write_bytes(content)
        start = time.process_time()
        try:
            table = read_table(path)
            plan = Preparation.fit(table, "y", dates="expand", missing="median") if trains else old_plan
            X = plan.dataset(table).X if trains else plan.apply(table)
        except DataError as error:
            check(error)
            outcomes.add("refused")
        else:
            said = [int(note.split()[0]) for note in plan.notes if "no target" in note] if trains else []
            assert len(X) == len(table) - sum(said) and np.isfinite(X).all()
            outcomes.add("read")
        assert path.read_bytes() == content
        assert time.process_time() - start < 5
    assert outcomes == {"refused", "read"}


PEAK = """
import atexit, runpy
@atexit.register
def peak():  # the system's own count of a process begins with what its parent had
    with open("/proc/self/status") as status, open("peak", "w") as peak:
        peak.write(next(line.split()[1] for line in status if line.startswith("VmHWM")))
runpy.run_module("clearprop", run_name="__main__", alter_sys=True)
"""


def train(folder: Path, content: bytes, *options: str) -> tuple[int, str, str, float, float]:
    """The command as a process: exit code, what it printed, what it said, seconds of processor time, megabytes."""
    (folder / "mutant.csv").write_bytes(content)
    env = {**os.environ, "PYTHONPATH": str(HERE.parents[1] / "src")}
    command = [sys.executable, "-c", PEAK, "train", "mutant.csv", "--target", "y", "--epochs", "1", *options]
    with open(folder / "out", "w+b") as out, open(folder / "err", "w+b") as err:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    printed, said = (folder / "out").read_text(), (folder / "err").read_text()
    size = int((folder / "peak").read_text()) * 1024 / 1e6
    return process.returncode, printed, said, used.ru_utime + used.ru_stime, size


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """What a table that is not damaged takes: the machine may be slow, or busy."""
    code, _, said, seconds, _ = train(tmp_path_factory.mktemp("usual"), LAYOUTS[1])
    assert code == 0, said
    return seconds


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux what a process used")
@pytest.mark.parametrize("batch", batches(5, 5, 500))
def test_the_train_command(batch, usual, tmp_path):
    """An exit code that says why, never a traceback, at most 5 seconds more than usual, at most 500 MB."""
    for seed in batch:
        options = ["--dates", "refuse", "--missing", "refuse"] if seed % 2 else []
        content = mutant(LAYOUTS[seed % len(LAYOUTS)], seed)
        code, printed, said, seconds, size = train(tmp_path, content, *options, "--out", f"r{seed}", "--json")
        print(seed, code, f"{seconds:.2f} s, {size:.0f} MB")
        assert code in (0, 2, 3), (seed, printed, said)
        document = json.loads(printed)
        assert (document["error"]["code"] if code else 0) == code
        assert not FOREIGN.search(said) and "Traceback" not in printed, (seed, said)
        assert seconds < usual + 5 and size < 500, (seed, seconds, size)
