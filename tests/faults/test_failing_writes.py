"""Each write fails once: what was saved before is whole, the message is plain, and training can go on from there."""

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from disk import Calls, Failing
from interrupted import newest, train

from clearprop.errors import OutputError

WORDS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.EIO: "Input/output error",
    errno.EDQUOT: "the disk quota is used up; free some space",
}
EPOCHS = 3


def run(folder, resume=None):
    return train(folder, epochs=EPOCHS, resume=resume)


def saves(folder):
    """How many steps the newest checkpoint has; -1 without any. It must be whole."""
    found = newest(folder)
    return -1 if found is None else found.state.step


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The undisturbed run's digest, and how many calls it takes."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with Calls(folder).watched() as calls:
        return run(folder), calls.count


@pytest.mark.parametrize(
    ("number", "lasts"),
    [
        pytest.param(number, lasts, id=f"{errno.errorcode[number]} {'from then on' if lasts else 'once'}", marks=marks)
        for number in WORDS
        for lasts, marks in ((number == errno.EROFS, ()), (number != errno.EROFS, pytest.mark.nightly))
    ],
)
def test_every_single_write(number, lasts, whole, tmp_path):
    expected, count = whole
    steps, refused = set(), 0
    assert count > 30
    for n in range(1, count + 1):
        folder = tmp_path / str(n)
        with Failing(folder, n, number, lasts=lasts).watched():
            try:
                result = run(folder)
            except OutputError as error:
                refused += 1
                assert WORDS[number] in str(error) and str(folder) in str(error) and error.exit_code == 6
            else:  # removing what nobody needs any more may fail
                assert result == expected
        steps.add(saves(folder))
        assert run(folder, newest(folder)) == expected
        assert not list(folder.glob(".*.tmp")) and saves(folder) == 6 * EPOCHS
    assert refused >= count - 2 and steps == {-1, 0, 6, 12, 18}


@pytest.fixture
def mount():
    """A function that makes a small disk; a test is skipped where that is not allowed."""
    mounted = []

    def mount(*options):
        folder = tempfile.mkdtemp()
        done = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", folder], capture_output=True)
        if done.returncode:
            os.rmdir(folder)
            pytest.skip("no permission to mount")
        mounted.append(folder)
        return Path(folder)

    if sys.platform != "linux":
        pytest.skip("tmpfs is Linux's")
    yield mount
    for folder in mounted:
        subprocess.run(["umount", folder], check=True)
        os.rmdir(folder)


def command(*arguments):
    path = os.pathsep.join(sys.path)
    return subprocess.run(
        [sys.executable, "-m", "clearprop", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": path},
    )


TRAIN = ("train", "moons", "--epochs", "5", "--hidden", "8")


@pytest.mark.parametrize("size", [4, 20, 64, *(pytest.param(s, marks=pytest.mark.nightly) for s in (12, 32, 48, 128))])
def test_a_disk_that_becomes_full(size, mount):
    disk = mount("-o", f"size={size}k")
    done = command(*TRAIN, "--out", disk / "run", "--checkpoint-every", "1")
    assert done.returncode == 6 and "the disk is full; free some space" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    kept = "go on with" in done.stderr
    subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
    if kept:
        assert command("train", "--resume", disk / "run").returncode == 0
        assert (disk / "run" / "report.json").exists() and not (disk / "run" / "checkpoint").exists()
    else:
        assert not list(disk.glob("run/checkpoint/*/step-*"))


def test_a_disk_that_is_read_only(mount):
    disk = mount()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    done = command(*TRAIN, "--out", disk / "run")
    assert done.returncode == 6 and "the disk is read-only; choose another folder" in done.stderr
