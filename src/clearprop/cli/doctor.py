"""``clearprop doctor``: what is installed here, and what training will run on."""

import os
import platform

from clearprop.cli.output import AsJSON, say, say_json, table

PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "llvmlite",
    "matplotlib",
    "duckdb",
    "narwhals",
    "safetensors",
    "typer",
    "rich",
)


def doctor(as_json: AsJSON = False) -> None:
    """Show versions, processors, the engine and fonts: what a bug report needs."""
    from clearprop._versions import versions
    from clearprop.engine import choose_engine
    from clearprop.losses import CrossEntropy
    from clearprop.model import MLP
    from clearprop.optim import Adam
    from clearprop.viz.fonts import cjk_font

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    engine, reason = choose_engine("auto", MLP([2, 32, 32, 2]), CrossEntropy(), Adam())
    font = cjk_font() or "none; Chinese text in pictures will be boxes; install Noto Sans CJK"
    rows = [
        *versions(*PACKAGES).items(),
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        ("processors", f"{os.cpu_count()}, of which {usable} may be used"),
        ("engine", f"{engine.name} ({reason})"),
        ("CJK font", font),
    ]
    if as_json:
        say_json(dict(rows))
    else:
        say(table(rows))
