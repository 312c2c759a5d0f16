"""Files that are whole or not there: what model files, reports and pictures are written with.

The bytes go to a temporary file in the same folder, reach the disk, and only then take the name. So a
crash, a full disk or Ctrl-C leaves either the old file or the new one, never half of one.
"""

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clearprop.errors import OutputError

_REASONS = {
    errno.ENOENT: "its folder does not exist; create it first",
    errno.EACCES: "no permission; choose another folder",
    errno.EPERM: "no permission; choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EISDIR: "it is a folder; choose another name",
    errno.ENOTDIR: "part of the path is a file, not a folder; choose another path",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EEXIST: "something of that name exists; choose another name",
}


def output_error(path: str | os.PathLike[str], error: OSError) -> OutputError:
    """The reason in plain words.

    >>> str(output_error("a.csv", OSError(errno.ENOSPC, "")))
    'a.csv: cannot be written: the disk is full; free some space'
    """
    reason = _REASONS.get(error.errno or 0) or f"{error.strerror or error}; choose another place"
    return OutputError(f"{os.fspath(path)}: cannot be written: {reason}")


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary file for the block to write; it takes the name `path` only if the block ends well.

    Raises
    ------
    OutputError
        The file cannot be written; a file that was there is unchanged.
    """
    target = Path(path)
    temporary = target.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        # Exclusive, so that two writers never share it; 0o666 lets the umask decide, as for any file.
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        try:
            yield temporary
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(target.parent)
    except OutputError:  # an OSError too, but in plain words already
        raise
    except OSError as error:
        raise output_error(path, error) from None


def atomic_write(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path`, entirely or not at all; see `atomic_file`."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)


def sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut; Windows has no way to ask for that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal.

    >>> digest(b"")[:16]
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(data).hexdigest()
