"""How much memory this process may still take, so that too large a table is refused before the system kills us."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_UNKNOWN = 2 << 30  # where the system tells nothing, assume what any machine has


def free_memory() -> int:
    """The bytes that this process may still use: the smallest of what the machine has, a container allows
    (control groups, version 1 and 2) and the process's own limits (``ulimit -v``) leave.

    >>> free_memory() > 0
    True
    """
    return max(min(_machine(), *_control_groups(), *_own_limits()), 0)


def address_space() -> int | None:
    """The bytes of addresses that the process's own limits leave, which count even where nothing is stored."""
    return min(_own_limits(), default=None)


def _machine() -> int:
    """What the machine can give without swapping."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return _UNKNOWN


def _control_groups() -> Iterator[int]:
    """What the process's control group and those above it leave."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers not in ("", "memory"):
                continue
            root = Path("/sys/fs/cgroup", controllers)
            names = (
                ("memory.limit_in_bytes", "memory.usage_in_bytes") if controllers else ("memory.max", "memory.current")
            )
            group = root / path.lstrip("/")
            for folder in (group, *group.parents):
                with contextlib.suppress(OSError, ValueError):  # no such file, or "max": no limit here
                    limit, used = (int((folder / name).read_text()) for name in names)
                    yield limit - used
                if folder == root:
                    break


def _own_limits() -> Iterator[int]:
    """What ``ulimit -v`` and ``ulimit -d`` leave."""
    try:
        import resource  # not on Windows
    except ImportError:
        return
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = [int(count) for count in Path("/proc/self/statm").read_text().split()]
        for limit, used in ((resource.RLIMIT_AS, pages[0]), (resource.RLIMIT_DATA, pages[5])):
            soft = resource.getrlimit(limit)[0]
            if soft != resource.RLIM_INFINITY:
                yield soft - used * os.sysconf("SC_PAGE_SIZE")
