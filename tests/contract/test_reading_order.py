"""README's order of reading: each file needs none but those before it, and the learner's path ends at a network."""

import os
import re
import subprocess
import sys

import pytest

from clearprop.engine.native.target import host_target
from house import PACKAGE, ROOT, files, imports, lines

READMES = {"README.md": "## Read the source", "README.zh.md": "## 阅读源码"}
MODULES = {path: module for module, path in files().items()}


def section(readme):
    return (ROOT / readme).read_text("utf8").split(READMES[readme])[1].split("\n## ")[0]


def listed(readme, pattern=r"\]\((src/clearprop/[\w/]+\.py)\)"):
    return [MODULES[ROOT / path] for path in re.findall(pattern, section(readme))]


ORDER = listed("README.md")
LEARNERS_PATH = listed("README.md", r"\*\*\[`[^`]+`\]\((src/clearprop/[\w/]+\.py)\)\*\*")


@pytest.mark.parametrize("readme", READMES)
def test_each_file_imports_none_but_those_listed_before_it(readme):
    order = listed(readme)
    missing = {
        module: sorted(needed)
        for place, module in enumerate(order)
        if (needed := imports(module) - set(order[:place]) - {PACKAGE})
    }
    assert missing == {}  # each with what has to stand before it


def test_no_file_is_listed_twice():
    assert len(ORDER) == len(set(ORDER))


def test_the_chinese_list_is_the_english_one():
    paths = r"(\**)\[`([^`]+)`\]\((src/clearprop/[\w/]+\.py)\)"
    assert re.findall(paths, section("README.zh.md")) == re.findall(paths, section("README.md"))


def test_the_learners_path_has_under_2000_lines():
    assert sum(map(lines, LEARNERS_PATH)) < 2000, {module: lines(module) for module in LEARNERS_PATH}


# The packages' own files pass on what others define; here they are empty, and a name is looked up where it is defined.
TRAINING_WITH_THE_FILES_LISTED = """
import importlib, sys, types
from house import PACKAGE, defined_in, files, passes_on

order = sys.argv[1:]

class Package(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        module = defined_in(self.__name__, name)
        found = importlib.import_module(module)
        return found if module == f"{self.__name__}.{name}" else getattr(found, name)

for name, path in files().items():
    if path.name == "__init__.py" and (name == PACKAGE or passes_on(name)):
        sys.modules[name] = package = Package(name)
        package.__path__ = [str(path.parent)]
packages = set(sys.modules)

def ours():
    return {name for name in sys.modules if name.partition(".")[0] == PACKAGE} - packages

for place, module in enumerate(order, 1):
    importlib.import_module(module)
    assert ours() == set(order[:place]), (module, ours() ^ set(order[:place]))

import numpy as np
from clearprop.train.loop import fit
from clearprop.model import MLP
from clearprop.optim.adam import Adam

X = np.random.default_rng(0).normal(size=(200, 2))
for engine in sys.stdin.read().split():
    model, y = MLP([2, 8, 2], activation="tanh"), (X[:, 0] * X[:, 1] > 0).astype(int)
    history = fit(model, (X, y), "crossentropy", Adam(0.05), epochs=100, engine=engine)
    assert history[-1]["loss"] < 0.1, history[-1]
assert ours() == set(order), ours() ^ set(order)
"""


def trained_with(order, engines):
    return subprocess.run(
        [sys.executable, "-c", TRAINING_WITH_THE_FILES_LISTED, *order],
        input=engines, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tools")])},
    )  # fmt: skip


def test_the_files_listed_train_a_network_with_nothing_else_of_the_package():
    numpy_only = ORDER[: ORDER.index(f"{PACKAGE}.train.loop") + 1]
    result = trained_with(numpy_only, "reference")
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(host_target()[0] is None, reason="the native engine does not run here")
def test_the_files_listed_train_a_network_with_machine_code_too():
    result = trained_with(ORDER, "reference native")
    assert result.returncode == 0, result.stderr
