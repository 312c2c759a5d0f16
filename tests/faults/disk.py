"""A disk that fails, or that a power cut hits, as Python sees it: the calls that write are counted and recorded."""

import errno
import os
import random
from contextlib import contextmanager
from pathlib import Path

WRITING = ("mkdir", "open", "write", "ftruncate", "fsync", "replace", "unlink")


class Calls:
    """The writing calls of `os` on files in `folder`; `write_bytes` of `Path` counts as one."""

    def __init__(self, folder):
        self.folder, self.count = str(folder), 0
        self.original = {name: getattr(os, name) for name in WRITING}
        self.original["write_bytes"] = Path.write_bytes
        self.names = {}  # of open files

    def before(self, name, path, arguments):
        """May raise."""

    def after(self, name, path, arguments):
        """It has happened."""

    def _path(self, name, first):
        if name in ("write", "ftruncate", "fsync"):
            first = self.names.get(first if isinstance(first, int) else first.fileno(), "")
        path = os.path.abspath(os.fspath(first))
        return path if path.startswith(self.folder) else None

    def _wrapped(self, name):
        def call(first, *rest, **options):
            path = self._path(name, first)
            counts = path is not None and not (name == "open" and not rest[0] & (os.O_CREAT | os.O_WRONLY))
            if counts:
                self.count += 1
                self.before(name, path, rest)
            # Nothing is lost here, so nothing need wait for the disk.
            result = None if name == "fsync" else self.original[name](first, *rest, **options)
            if name == "open":
                self.names[result] = os.fspath(first)
            if counts:
                self.after(name, path, rest)
            return result

        return call

    @contextmanager
    def watched(self):
        """While these calls go through here."""
        files = builtin_open_watched(self)
        for name in WRITING:
            setattr(os, name, self._wrapped(name))
        Path.write_bytes = self._wrapped("write_bytes")
        try:
            with files:
                yield self
        finally:
            for name in WRITING:
                setattr(os, name, self.original[name])
            Path.write_bytes = self.original["write_bytes"]


@contextmanager
def builtin_open_watched(calls):
    """`open` gives files whose names are known to `fsync`."""
    import builtins

    original = builtins.open

    def named(path, *arguments, **options):
        file = original(path, *arguments, **options)
        if not isinstance(path, int):
            calls.names[file.fileno()] = os.fspath(path)
        return file

    builtins.open = named
    try:
        yield
    finally:
        builtins.open = original


class Failing(Calls):
    """The n-th call fails, and if it `lasts`, all after it."""

    def __init__(self, folder, n, number, *, lasts=False):
        super().__init__(folder)
        self.n, self.number, self.lasts = n, number, lasts

    def before(self, name, path, arguments):
        if self.count == self.n or (self.lasts and self.count > self.n):
            if name == "write_bytes" and self.number == errno.ENOSPC:  # some of it still went in
                self.original[name](Path(path), arguments[0][: len(arguments[0]) // 2])
            raise OSError(self.number, os.strerror(self.number), path)


class Recorder(Calls):
    """Writes down what happens, for `after_power_cut`; `finished` names what was seen to be complete."""

    def __init__(self, folder):
        super().__init__(folder)
        self.events = []

    def after(self, name, path, arguments):
        name = "sync folder" if name == "fsync" and os.path.isdir(path) else name
        content = arguments[0] if name == "write_bytes" else None
        other = os.path.abspath(os.fspath(arguments[0])) if name == "replace" else None
        self.events.append((name, path, other, content))


def after_power_cut(events, rng: random.Random, torn=True):
    """What a folder may hold if the power fails after `events`: names and bytes.

    Names made or removed since the folder was last synced may be there or not, each for itself; a file's bytes since it
    was last synced may be missing, cut off, zero or garbage.
    """
    files, synced, names, pending = {}, {}, {}, []  # by inode: bytes; by name: inode, as the disk has it; not yet there
    live = {}  # by name: inode, as the program sees it
    for number, (name, path, other, content) in enumerate(events):
        if name == "open" and path not in live:
            live[path], files[number], synced[number] = number, b"", None
            pending.append((path, number))
        elif name == "write_bytes":
            files[live[path]] = content
            synced[live[path]] = None
        elif name == "fsync":
            synced[live[path]] = files[live[path]]
        elif name == "replace":
            live[other] = live.pop(path)
            pending.append((other, live[other]))
            pending.append((path, None))
        elif name == "unlink":
            live.pop(path, None)
            pending.append((path, None))
        elif name == "sync folder":
            names = dict(live)
            pending = []
    for path, inode in pending:
        if rng.random() < 0.5:
            names[path] = inode
    left = {}
    for path, inode in names.items():
        if inode is not None:
            whole = files[inode]
            damaged = [b"", whole[: rng.randrange(len(whole) + 1)], bytes(len(whole)), rng.randbytes(len(whole)), whole]
            left[path] = synced[inode] if synced[inode] is not None else rng.choice(damaged)
    return left
