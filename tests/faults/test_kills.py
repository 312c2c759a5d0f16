"""Training is killed (SIGKILL) again and again, and each time goes on: it ends with the bits of an undisturbed run."""

import functools
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from interrupted import POINTS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
nightly = pytest.mark.nightly
ENGINES = ["native", "reference"]


def started(folder, program="interrupted.py", **options):
    """The program, when it has begun to train."""
    command = [sys.executable, str(Path(__file__).with_name(program)), str(folder), json.dumps(options)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stderr.readline()
    assert line == "begun\n", (line + process.communicate()[1], process.wait())
    return process


def ended(process, timeout=None):
    """What it printed, or None if it was killed."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), err[-2000:]
    return out.strip() if process.returncode == 0 else None


@functools.cache
def undisturbed(engine, epochs):
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        return ended(started(Path(folder) / "run", engine=engine, epochs=epochs))


def assert_tidy(folder):
    names = sorted(path.name for path in folder.iterdir())
    assert names[0] == "best.safetensors" and len(names) == 3 and all(n.startswith("step-") for n in names[1:]), names


def kill_at_random(folder, engine, kills, seed):
    """How many runs came to their end."""
    rng, done, runs = random.Random(seed), 0, 0
    while done < kills:
        while (result := ended(started(folder / str(runs), engine=engine), rng.uniform(0.0, 1.5))) is None:
            done += 1
        assert result == undisturbed(engine, 150), f"run {runs}, after {done} kills"
        assert_tidy(folder / str(runs))
        runs += 1
    return runs


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("kills", "seed"), [(10, 0), *(pytest.param(50, seed, marks=nightly) for seed in range(1, 6))])
def test_at_any_moment(engine, kills, seed, tmp_path):
    assert kill_at_random(tmp_path, engine, kills, seed) >= 1


def kill_at_points(folder, point, times, seed):
    rng = random.Random(f"{point} {seed}")
    for time in range(times):
        engine, count = ENGINES[time % 2], rng.randint(1, 25)
        path = folder / str(time)
        assert ended(started(path, engine=engine, epochs=30, point=point, count=count)) is None, "nothing was killed"
        assert ended(started(path, engine=engine, epochs=30)) == undisturbed(engine, 30), f"{engine}, {count}"
        assert_tidy(path)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize(("times", "seed"), [(2, 0), *(pytest.param(25, seed, marks=nightly) for seed in range(1, 3))])
def test_within_a_save(point, times, seed, tmp_path):
    kill_at_points(tmp_path, point, times, seed)


@pytest.mark.parametrize("engine", ENGINES)
def test_going_on_with_other_threads(engine, tmp_path):
    for threads, count in [(1, 4), (2, 3), (4, 5)]:
        killed = started(tmp_path / "run", engine=engine, epochs=30, threads=threads, point="sync", count=count)
        assert ended(killed) is None
    assert ended(started(tmp_path / "run", engine=engine, epochs=30, threads=3)) == undisturbed(engine, 30)
