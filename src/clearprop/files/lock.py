"""A folder that one process at a time may write to."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clearprop.errors import OutputError
from clearprop.files.atomic import output_error

LOCK = ".lock"
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}  # some network folders have none


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """The folder is this process's own during the block.

    The system's own lock on a file: it ends with the process, however that ends. The file tells who has it.

    Raises
    ------
    OutputError
        Another process has it, or the file cannot be written.
    """
    path = folder / LOCK
    try:
        handle = _opened(path)
    except OutputError:  # an OSError too
        raise
    except OSError as error:
        raise output_error(path, error) from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no open file
            path.unlink()
        os.close(handle)


def _opened(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _locked(handle):
                pid = os.read(handle, 20).decode("ascii", "replace").strip() or "another"
                raise OutputError(
                    f"{path.parent}: process {pid} is training here; wait for it, or choose another folder"
                )
            if _still_there(handle, path):
                os.ftruncate(handle, 0)
                os.write(handle, f"{os.getpid()}\n".encode())
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _still_there(handle: int, path: Path) -> bool:
    """Whether the file was not removed, by the process that had it, between opening and locking."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _locked(handle: int) -> bool:
    """Whether the lock was free, and is ours now."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, 1 << 20, os.SEEK_SET)  # beyond the text, as Windows locks bytes against reading too
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _NO_LOCKS
    finally:
        os.lseek(handle, 0, os.SEEK_SET)
    return True
