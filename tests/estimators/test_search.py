"""Searches and ensembles of scikit-learn, and Optuna, on our estimators."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import BaggingClassifier, StackingRegressor, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from clearprop.estimators import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:A worker stopped while some jobs were given"),
]
IRIS = scale(load_iris().data), load_iris().target
MLP = MLPClassifier(8, max_iter=30, random_state=0, learning_rate_init=0.02)
GRID = {"alpha": [0.0001, 10.0], "activation": ["tanh", ["gelu"]]}


@pytest.mark.parametrize("jobs", [None, 2])
def test_grid_search(jobs):
    search = GridSearchCV(MLP, GRID, cv=3, n_jobs=jobs).fit(*IRIS)
    assert search.best_score_ > 0.9 and search.best_estimator_.score(*IRIS) > 0.9
    alone = GridSearchCV(MLP, GRID, cv=3).fit(*IRIS)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])


def test_randomized_search_in_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), MLP)
    space = {"mlpclassifier__hidden_layer_sizes": [(4,), (8, 4)], "mlpclassifier__dropout": [0.0, 0.3]}
    search = RandomizedSearchCV(pipeline, space, n_iter=3, cv=3, random_state=0, n_jobs=2, scoring="neg_log_loss")
    assert search.fit(*IRIS).best_score_ > -0.6


def test_halving_search_gives_more_epochs_to_the_better():
    search = HalvingGridSearchCV(
        MLP, {"alpha": [1e-4, 1.0, 10.0, 100.0]}, resource="max_iter", max_resources=40, min_resources=10, cv=3
    )
    search.fit(*IRIS)
    assert search.n_resources_[-1] > search.n_resources_[0] and search.best_params_["alpha"] < 100.0


def test_optuna_with_jobs():
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial):
        units, rate = trial.suggest_int("units", 2, 12), trial.suggest_float("rate", 1e-4, 0.1, log=True)
        estimator = MLPClassifier(units, learning_rate_init=rate, max_iter=20, random_state=0)
        return estimator.fit(IRIS[0][::2], IRIS[1][::2]).score(IRIS[0][1::2], IRIS[1][1::2])

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=8, n_jobs=2)
    assert study.best_value > 0.8


def test_a_worker_of_joblib_uses_one_thread():
    code = """
import json, joblib, numpy as np
from clearprop.engine.native.scheduler import usable_threads
from clearprop.estimators import MLPClassifier

def work(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(4000, 100))
    m = MLPClassifier(300, max_iter=1, random_state=0).fit(X, X[:, 0] > 0)
    m.predict(X)
    return [usable_threads(), *(program.threads for program in m._programs.values())]

for backend in ("loky", "threading"):
    print(json.dumps(joblib.Parallel(n_jobs=2, backend=backend)(joblib.delayed(work)(seed) for seed in range(2))))
"""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment["PYTHONWARNINGS"] = "ignore"
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    in_processes, in_threads = map(json.loads, result.stdout.splitlines())
    assert in_threads == [[1, 1], [1, 1]]
    share = max((os.cpu_count() or 1) // 2, 1)  # joblib divides the processors among its workers
    assert all(1 <= threads <= share for worker in in_processes for threads in worker)


def test_ensembles_and_curves():
    X, y = IRIS
    assert (
        BaggingClassifier(MLP, n_estimators=3, max_samples=0.7, random_state=0, n_jobs=2).fit(X, y).score(X, y) > 0.85
    )
    assert (
        VotingClassifier([("a", MLP), ("b", MLPClassifier(4, random_state=0))], voting="soft").fit(X, y).score(X, y)
        > 0.85
    )
    assert CalibratedClassifierCV(MLP, cv=3).fit(X, y).score(X, y) > 0.9
    assert np.mean(cross_val_predict(MLP, X, y, cv=3, method="predict_proba").argmax(axis=1) == y) > 0.9
    assert learning_curve(MLP, X, y, cv=3, train_sizes=[0.5, 1.0], shuffle=True)[2].shape == (2, 3)
    regressor = MLPRegressor(hidden_layer_sizes=8, solver="lbfgs", alpha=10.0, max_iter=50)
    X, y = scale(load_diabetes().data), scale(load_diabetes().target)
    assert StackingRegressor([("mlp", regressor), ("ridge", Ridge())], cv=3).fit(X, y).score(X, y) > 0.4
