"""scikit-learn's callbacks on our estimators, and ours for TensorBoard, MLflow and Optuna."""

import numpy as np
import pandas as pd
import pytest
from sklearn.callback import FitCallback, ProgressBar, ScoringMonitor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from clearprop.errors import ConfigurationError
from clearprop.estimators import MLPClassifier, MLPRegressor
from clearprop.estimators.trackers import MLflow, OptunaPruning, TensorBoard

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
IRIS = scale(load_iris().data), load_iris().target


class Recorder:
    """Notes every call, and asks for everything there is."""

    def __init__(self, stop_after=None):
        self.calls, self.fitted, self.stop_after = [], [], stop_after

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.calls.append(("begin", context.task_name, context.task_id))
        self.seen = X, y, metadata

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.calls.append(("end", context.task_name, context.task_id))
        self.fitted.append(fitted_estimator)
        return context.task_name != "fit" and context.task_id + 1 == self.stop_after


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_every_epoch_is_a_task(solver):
    recorder = Recorder()
    assert isinstance(recorder, FitCallback)
    weight = np.ones(150)
    estimator = MLPClassifier(5, solver=solver, max_iter=3, random_state=0).set_callbacks(recorder)
    estimator.fit(*IRIS, sample_weight=weight)
    name = "epoch" if solver == "adam" else "iteration"
    tasks = [(when, name, i) for i in range(3) for when in ("begin", "end")]
    assert recorder.calls[:8] == ["setup", ("begin", "fit", 0), *tasks]
    assert recorder.calls[-2:] == [("end", "fit", 0), "teardown"]
    begun = [call[1:] for call in recorder.calls if call[0] == "begin"]
    assert sorted(begun) == sorted(call[1:] for call in recorder.calls if call[0] == "end")
    assert recorder.seen[0].shape == (150, 4) and recorder.seen[2]["sample_weight"] is weight


def test_a_callback_is_given_a_model_of_its_own_and_may_stop():
    recorder = Recorder(stop_after=4)
    estimator = MLPClassifier(5, max_iter=50, random_state=0).set_callbacks(recorder).fit(*IRIS)
    assert estimator.n_iter_ == 4
    after_two = MLPClassifier(5, max_iter=2, random_state=0).fit(*IRIS)
    np.testing.assert_array_equal(recorder.fitted[1].predict_proba(IRIS[0]), after_two.predict_proba(IRIS[0]))
    np.testing.assert_array_equal(recorder.fitted[3].coefs_[0], estimator.coefs_[0])


def test_lbfgs_stops_when_a_callback_says_so():
    recorder = Recorder(stop_after=2)
    estimator = MLPClassifier(5, solver="lbfgs", random_state=0).set_callbacks(recorder).fit(*IRIS)
    assert estimator.n_iter_ == 2
    assert [call for call in recorder.calls if call[0] == "end"][-1] == ("end", "fit", 0)


def test_without_callbacks_fits_are_the_same():
    plain = MLPRegressor(max_iter=5, random_state=0).fit(*IRIS)
    told = MLPRegressor(max_iter=5, random_state=0).set_callbacks(Recorder()).fit(*IRIS)
    np.testing.assert_array_equal(plain.coefs_[0], told.coefs_[0])


@pytest.mark.filterwarnings("error:X does not have valid feature names")
def test_scoring_monitor():
    monitor = ScoringMonitor(scoring="accuracy")
    X = pd.DataFrame(IRIS[0], columns=list("abcd"))
    estimator = MLPClassifier(5, max_iter=6, random_state=0).set_callbacks(monitor).fit(X, IRIS[1])
    scores = [row["accuracy"] for row in monitor.get_logs().data]
    assert len(scores) == 7  # six epochs, and the fit
    assert scores[-1] == estimator.score(X, IRIS[1])


def test_progress_bar(capsys):
    MLPClassifier(5, max_iter=6).set_callbacks(ProgressBar()).fit(*IRIS)
    assert "MLPClassifier" in capsys.readouterr().out


def test_in_a_pipeline_in_a_search(capsys):
    monitor = ScoringMonitor(scoring="accuracy")
    mlp = MLPClassifier(5, max_iter=2, random_state=0).set_callbacks(monitor)
    search = GridSearchCV(make_pipeline(StandardScaler(), mlp), {"mlpclassifier__alpha": [0.1, 1.0]}, cv=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(*IRIS)
    epochs = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(epochs) == 2 * (2 * 2 + 1)
    assert "MLPClassifier" in capsys.readouterr().out


def test_an_error_in_a_callback_leaves_a_model_that_predicts():
    class Fails(Recorder):
        def on_fit_task_end(self, estimator, context):
            raise RuntimeError("no more room")

    estimator = MLPClassifier(5, max_iter=9, random_state=0).set_callbacks(Fails())
    with pytest.raises(RuntimeError, match="no more room"):
        estimator.fit(*IRIS)
    assert estimator.predict(IRIS[0]).shape == (150,)


def test_tensorboard_gets_each_epochs_losses_and_rate(tmp_path):
    pytest.importorskip("tensorboardX")
    MLPClassifier(5, max_iter=3).set_callbacks(TensorBoard(str(tmp_path))).fit(*IRIS, X_val=IRIS[0], y_val=IRIS[1])
    (events,) = tmp_path.iterdir()
    content = events.read_bytes()
    assert content.count(b"validation_loss") == 3 and b"learning_rate" in content


def test_mlflow_gets_parameters_and_each_epochs_loss(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    with mlflow.start_run() as run:
        MLPClassifier(5, max_iter=3).set_callbacks(MLflow()).fit(*IRIS)
    found = mlflow.get_run(run.info.run_id)
    assert found.data.params["hidden_layer_sizes"] == "5"
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")
    assert [metric.step for metric in history] == [1, 2, 3]
    MLPClassifier(5, max_iter=2).set_callbacks(MLflow()).fit(*IRIS)
    assert mlflow.active_run() is None


def test_optuna_prunes():
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial):
        rate = trial.suggest_categorical("rate", [0.01, 1e-9])
        estimator = MLPClassifier(5, learning_rate_init=rate, max_iter=10, random_state=0)
        estimator.set_callbacks(OptunaPruning(trial, "loss")).fit(*IRIS)
        return estimator.loss_

    study = optuna.create_study(
        sampler=optuna.samplers.GridSampler({"rate": [0.01, 1e-9]}, seed=2),
        pruner=optuna.pruners.ThresholdPruner(upper=1.0, n_warmup_steps=5),
    )
    study.optimize(objective)
    states = {trial.params["rate"]: trial.state.name for trial in study.trials}
    assert states == {0.01: "COMPLETE", 1e-9: "PRUNED"}
    assert all(len(trial.intermediate_values) >= 5 for trial in study.trials)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    with pytest.raises(ConfigurationError, match="pip install tensorboardX"):
        MLPRegressor(hidden_layer_sizes=5).set_callbacks(TensorBoard("runs")).fit(*load_diabetes(return_X_y=True))
