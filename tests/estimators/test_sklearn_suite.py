"""scikit-learn's own tests of its multi-layer perceptrons, run against ours, and its checks of estimators.

The file is read from the installed scikit-learn when the tests are collected; one import line is replaced.
"""

import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from unittest import SkipTest

import pytest
import sklearn.neural_network
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from clearprop import estimators
from clearprop.engine import GradientOptions, choose_engine
from clearprop.optim import LBFGS

THEIRS = 59  # tests in scikit-learn 1.9.1's test_mlp.py, its parameters counted
IMPORT = "from sklearn.neural_network import MLPClassifier, MLPRegressor\n"


class MLPClassifier(estimators.MLPClassifier):
    """With the one private method that a test calls: the loss and gradient at the parameters `theta`."""

    def _loss_grad_lbfgs(self, theta, X, y, sample_weight, *scratch):
        self.model_.w[...] = theta
        y = y if y.shape[1] > 1 else y[:, 0]
        options = GradientOptions(l2=self.alpha, penalty_in_sum=True)
        engine, _ = choose_engine("auto", self.model_, self._loss, LBFGS())
        program = engine.compile(self.model_, self._loss, LBFGS(), options)
        return program.loss_and_grad(X, y.astype(float), sample_weight)


def their_tests():
    """The module of scikit-learn's tests, with our classes in place of its own."""
    source = (files("sklearn.neural_network") / "tests/test_mlp.py").read_text(encoding="utf-8")
    assert source.count(IMPORT) == 1
    module = ModuleType("their_test_mlp")
    module.MLPClassifier, module.MLPRegressor = MLPClassifier, estimators.MLPRegressor
    exec(compile(source.replace(IMPORT, ""), "sklearn/neural_network/tests/test_mlp.py", "exec"), module.__dict__)
    return module


globals().update({name: value for name, value in vars(their_tests()).items() if name.startswith("test_")})


@pytest.fixture
def global_random_seed():
    """scikit-learn's own fixture, with its default seed."""
    return 42


SMALL = {"max_iter": 20}
OURS = [estimators.MLPClassifier(**SMALL), estimators.MLPRegressor(**SMALL)]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(OURS)
def test_check_of_estimators(estimator, check):
    try:
        check(estimator)
    except SkipTest:
        theirs = getattr(sklearn.neural_network, type(estimator).__name__)
        with pytest.raises(SkipTest):  # it may skip ours if it skips scikit-learn's own
            check(theirs(**SMALL))
        raise


def names_of_checks(estimator):
    return [check.func.__name__ for _, check in estimator_checks_generator(estimator)]


@pytest.mark.parametrize(("ours", "expected"), [(OURS[0], 67), (OURS[1], 60)])
def test_every_check_that_scikit_learn_runs_on_its_own_class_is_run_on_ours(ours, expected):
    theirs = names_of_checks(getattr(sklearn.neural_network, type(ours).__name__)(**SMALL))
    assert len(theirs) == expected
    mine = names_of_checks(ours)
    for name in theirs:
        mine.remove(name)
    # ours are transformers, too, and know class weights
    assert all("transform" in name or name == "check_class_weight_classifiers" for name in mine), mine


def test_all_of_their_tests_are_collected():
    here = Path(__file__)
    command = [sys.executable, "-m", "pytest", "--collect-only", "-n0", str(here), "--rootdir", str(here.parent)]
    listed = subprocess.run(command, capture_output=True, text=True, cwd=here.parents[2]).stdout.splitlines()
    names = [line.partition("::")[2] for line in listed if "::" in line]
    own = ("test_check_of_estimators", "test_every_check", "test_all_of_their")
    theirs = [name for name in names if not name.startswith(own)]
    assert len(theirs) == THEIRS, theirs
