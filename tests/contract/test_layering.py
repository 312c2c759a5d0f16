"""Imports go downward only, and importing costs little."""

import subprocess
import sys

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


def test_importing_clearprop_costs_at_most_150_ms_more_than_numpy():
    # Processor time, after NumPy, the least of several runs: the machine may be busy.
    code = "import numpy, time; t = time.process_time(); import clearprop; print(time.process_time() - t)"
    run = [sys.executable, "-c", code]
    times = [float(subprocess.run(run, capture_output=True, text=True, check=True).stdout) for _ in range(5)]
    assert min(times) < 0.15
