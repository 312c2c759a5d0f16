"""Files are whole or not there."""

import errno
import os
import stat

import pytest

from clearprop.errors import OutputError
from clearprop.files.atomic import atomic_file, atomic_write, digest


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "花.bin"
    atomic_write(path, b"one")
    atomic_write(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert [file.name for file in tmp_path.iterdir()] == ["花.bin"]
    if os.name == "posix":
        umask = os.umask(0)
        os.umask(umask)
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize(
    "failure", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()], ids=["full", "ctrl-c"]
)
def test_failure_keeps_the_old_file(tmp_path, monkeypatch, step, failure):
    path = tmp_path / "m"
    atomic_write(path, b"old")

    def fail(*arguments):
        raise failure

    monkeypatch.setattr(os, step, fail)
    with pytest.raises((OutputError, KeyboardInterrupt)) as caught:
        atomic_write(path, b"new")
    monkeypatch.undo()
    if isinstance(failure, OSError):
        assert "the disk is full; free some space" in str(caught.value)
        assert caught.value.exit_code == 6
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_reasons_in_plain_words(tmp_path):
    with pytest.raises(OutputError, match="its folder does not exist"):
        atomic_write(tmp_path / "no" / "m", b"")
    with pytest.raises(OutputError, match="it is a folder"):
        atomic_write(tmp_path, b"")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="part of the path is a file"):
        atomic_write(tmp_path / "file" / "m", b"")
    with pytest.raises(OutputError, match="the name is too long"):
        atomic_write(tmp_path / ("x" * 300), b"")
    assert len(list(tmp_path.iterdir())) == 1


def test_the_digest_is_sha_256():
    assert digest(b"abc").startswith("ba7816bf")


def test_whatever_fails_in_the_block_the_old_file_stays(tmp_path):
    path = tmp_path / "m"
    atomic_write(path, b"old")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as temporary:
        temporary.write_bytes(b"half of the n")
        raise ZeroDivisionError
    with pytest.raises(OutputError, match="in plain words"), atomic_file(path):
        raise OutputError("in plain words")
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1
