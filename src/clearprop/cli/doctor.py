"""``clearprop doctor``: what is installed here, and what training will run on."""

import os
import platform
import warnings

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
    from clearprop.engine.native.jit import cache_folder
    from clearprop.engine.native.scheduler import usable_threads
    from clearprop.engine.native.target import host_target
    from clearprop.errors import EngineWarning
    from clearprop.losses import CrossEntropy
    from clearprop.model import MLP
    from clearprop.optim import Adam
    from clearprop.viz.fonts import cjk_font

    with warnings.catch_warnings(action="ignore", category=EngineWarning):  # the table says it
        engine, reason = choose_engine("auto", MLP([2, 32, 32, 2]), CrossEntropy(), Adam())
    if engine.name == "native":
        reason = f"machine code for {host_target()[1]}"
    rows = [
        *versions(*PACKAGES).items(),
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        ("processors", f"{os.cpu_count()}; training uses up to {usable_threads()} (see OMP_NUM_THREADS)"),
        ("engine", f"{engine.name} ({reason})"),
        ("compiled code", str(cache_folder() or "not kept: there is no folder for it that is yours alone")),
        ("CJK font", cjk_font()),
    ]
    if as_json:
        say_json(dict(rows))
    else:
        say(table(rows))
