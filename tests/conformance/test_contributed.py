"""What a stranger contributes in one file works everywhere: for each row of CONTRIBUTING's table, a definition outside
the package; activations also pass the conformance tests that find them in the registry."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from clearprop.engine import NativeEngine
from clearprop.losses import MSE
from clearprop.model import MLP
from clearprop.optim import SGD
from scratch import ROWS, USES

CONFORMANCE = Path(__file__).parent

SNAKE = """
import numpy as np
from clearprop.ops import activation

@activation()
def snake(x):
    \"\"\"x + sin² x (Ziyin et al. 2020, arXiv:2006.08195)\"\"\"
    return x + np.sin(x) ** 2

@snake.defvjp
def _(dy, y, x):
    return dy * (1.0 + 2.0 * np.sin(x) * np.cos(x))
"""

EXEMPT = """
import numpy as np
from clearprop.ops import activation

@activation(kind="array")
def snake(x):
    \"\"\"arctan x, which the dialect does not have\"\"\"
    return np.arctan(x)

@snake.defvjp
def _(dy, y, x):
    far = np.minimum(np.maximum(x, -1e15), 1e15)
    return dy / (1.0 + far * far)
"""

USE = """
import numpy as np, snake
from clearprop import MLP, Dataset, fit, predict
from clearprop.engine import NativeEngine
from clearprop.losses import MSE
from clearprop.optim import SGD

X = np.linspace(-3.0, 3.0, 40)[:, None]
model = MLP([1, 8, 1], "snake")
fit(model, Dataset(X, np.sin(X)), "mse", "adam", epochs=5)
print(NativeEngine().unsupported(model, MSE(), SGD()))
"""


@pytest.fixture
def run(tmp_path):
    """Runs Python with a module `snake` of the given text."""

    def run(text, *arguments):
        (tmp_path / "snake.py").write_text(text, encoding="utf-8")
        path = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, env=os.environ | {"PYTHONPATH": path}, cwd=CONFORMANCE, capture_output=True, text=True, timeout=300
        )

    return run


@pytest.mark.parametrize(("text", "fewest"), [(SNAKE, 40), (EXEMPT, 30)], ids=["snake", "exempt"])
def test_a_new_activation_passes_every_test_of_the_registry(text, fewest, run):
    not_itself = f"--ignore={__file__}"
    done = run(text, "-m", "pytest", "-p", "snake", str(CONFORMANCE), not_itself, "-k", "snake", "-n", "0")
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= fewest


@pytest.mark.skipif(
    NativeEngine().unsupported(MLP([1, 1]), MSE(), SGD()) is not None, reason="the native engine does not run here"
)
def test_a_new_activation_is_compiled_unless_it_is_exempt_which_is_said(run):
    compiled, exempt = run(SNAKE, "-c", USE), run(EXEMPT, "-c", USE)
    assert compiled.stdout == "None\n" and not compiled.stderr
    assert exempt.stdout == "'snake' is declared to be outside the dialect that is compiled\n"
    assert (
        exempt.stderr.count("EngineWarning: the reference engine runs this, more slowly: native cannot: 'snake'") == 1
    )


# --- CONTRIBUTING's table ---------------------------------------------------------------------------------------------

TABLE = re.findall(
    r"^\| (?!new \||---)([^|]+) \|", (CONFORMANCE.parents[1] / "CONTRIBUTING.md").read_text("utf-8"), re.M
)


def test_every_row_of_the_table_is_tried():
    assert len(TABLE) > 10 and set(TABLE) == set(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_a_definition_in_one_file_is_used_everywhere(row, tmp_path):
    pytest.importorskip("onnxruntime")
    definition, use = ROWS[row]
    (tmp_path / "scratch.py").write_text(definition, encoding="utf-8")
    (tmp_path / "use.py").write_text(USES + use, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])}
    done = subprocess.run(
        [sys.executable, "use.py"], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
