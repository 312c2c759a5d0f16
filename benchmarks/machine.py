"""What the numbers were measured on, and how busy it was with other things."""

import datetime
import os
import platform
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.peers import processors
from clearprop._versions import versions

PACKAGES = ("numpy", "scipy", "llvmlite", "scikit-learn", "joblib", "torch", "jax", "jaxlib", "keras", "threadpoolctl")


class Ticks(NamedTuple):
    """Seconds of all processors since the machine started."""

    busy: float
    steal: float  # wanted, but given to another virtual machine


def ticks() -> Ticks | None:
    """From /proc/stat; None where there is none."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    except OSError:
        return None
    user, nice, system, _idle, _wait, interrupt, softirq, steal = (int(f) / os.sysconf("SC_CLK_TCK") for f in fields)
    return Ticks(user + nice + system + interrupt + softirq, steal)


def describe() -> dict[str, Any]:
    """Processor, memory, system, versions, date and load."""
    features = _features()
    return {
        "processor": _processor(),
        "features": [name for name in ("avx2", "fma", "avx512f", "neon", "sve") if features.get(name)],
        "processors": processors(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
        if hasattr(os, "sysconf")
        else None,
        "system": platform.platform(),
        "versions": versions(*PACKAGES),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(found, platform.machine())


def _features() -> dict[str, bool]:
    try:
        import llvmlite.binding as llvm
    except ImportError:
        return {}
    return dict(llvm.get_host_cpu_features())
