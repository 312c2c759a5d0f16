"""Tables larger than the memory they may use: read all the same, or refused in words, never killed."""

import subprocess
import sys
from pathlib import Path

import pytest

from mixed_table import write_mixed_csv

PROGRAM = """
import resource, sys, warnings
warnings.simplefilter("ignore")
from clearprop import Preparation, read_table
from clearprop.errors import DataError
import duckdb, scipy.stats
start = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = start + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    table = read_table(sys.argv[1])
    plan = Preparation.fit(table, "购买", dates="expand", missing="median")
    print("made", *plan.dataset(table).X.shape)
except DataError as error:
    print("refused", error)
"""


def run(path, limit):
    """What became of the table in a process that may take `limit` bytes more than it has at its start."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), str(limit)], capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


LINUX = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits of address space are Linux's")


@LINUX
@pytest.mark.parametrize(
    ("rows", "limit", "answer"),
    [
        (20_000, 1 << 30, "made 20000 "),
        (100_000, 900 << 20, "refused {path}: 100000 rows of "),
        (100, 1 << 26, "refused reading a table needs "),
    ],
)
def test_within_a_limit_or_refused(tmp_path, rows, limit, answer):
    path = tmp_path / "mixed.csv"
    write_mixed_csv(path, rows)
    found = run(path, limit)
    assert found.startswith(answer.format(path=path))
    assert found.startswith("made") or "free for this process" in found


@pytest.mark.nightly
@LINUX
def test_a_file_larger_than_the_limit(tmp_path):
    path, limit = tmp_path / "mixed.csv", 1 << 30
    write_mixed_csv(path, 200_000)
    header, rows = path.read_bytes().split(b"\n", 1)
    with open(path, "wb") as file:
        file.write(header + b"\n")
        for _ in range(limit // len(rows) + 2):
            file.write(rows)
    assert path.stat().st_size > limit
    # Whether it can be read, cells going to disk, depends on the system; its matrix of 7 GiB is refused in any case.
    answer = run(path, limit)
    assert answer.startswith(f"refused {path}") and "free for this process" in answer
