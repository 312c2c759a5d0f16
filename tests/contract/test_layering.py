"""Imports go downward only, and importing costs little."""

import os
import subprocess
import sys
from functools import partial

import pytest

HEAVY = {"scipy", "sklearn", "matplotlib", "llvmlite", "duckdb", "pandas", "rich", "typer", "safetensors"}


def loaded_by(code):
    """Top-level packages in sys.modules after running `code` in a fresh interpreter."""
    script = f"{code}\nimport sys; print(' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(result.stdout.split("\n")[-2].split())


def test_nothing_imports_upward():
    linter = pytest.importorskip("importlinter.cli")
    assert linter.lint_imports(no_cache=True) == 0


def test_importing_clearprop_loads_numpy_and_nothing_else():
    assert loaded_by("import clearprop") & HEAVY == set()


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"]])
def test_help_of_the_command_line_loads_nothing_heavy(arguments):
    code = f"""
import sys, clearprop.cli
sys.argv = ["clearprop", *{arguments}]
try:
    clearprop.cli.main()
except SystemExit:
    pass
"""
    assert loaded_by(code) & HEAVY <= {"rich", "typer"}


def test_importing_clearprop_loads_no_slow_part_of_the_standard_library():
    ours = loaded_by("import numpy, clearprop") - loaded_by("import numpy")
    assert ours & {"asyncio", "email", "statistics"} == set()


def test_importing_clearprop_costs_at_most_one_and_a_half_times_what_numpy_does(tmp_path):
    """As users import it: compiled to bytecode before. Beside NumPy in one process, however slow the machine is."""
    code = """
from time import process_time
start = process_time(); import numpy
middle = process_time(); import clearprop
print((process_time() - middle) / (middle - start))
"""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    run = partial(subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, check=True)
    _, *ratios = (float(run(env=environment).stdout) for _ in range(6))  # the first one compiles
    assert min(ratios) < 1.5
