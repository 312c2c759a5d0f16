"""Callbacks of scikit-learn that report an estimator's epochs elsewhere: TensorBoard, MLflow, Optuna.

They are set as any other of scikit-learn's callbacks, `MLPClassifier().set_callbacks(TensorBoard("runs"))`, and work
inside pipelines and searches, too.  Each needs its package, which is imported when the fit begins.
"""

from typing import Any

from clearprop.errors import ConfigurationError


class EpochCallback:
    """Base: calls `report(step, numbers)` after each epoch with what was recorded in it."""

    package: str  # what pip installs
    _is_open = False

    def setup(self, estimator: Any, context: Any) -> None:
        try:
            self.open(estimator)
            self._is_open = True
        except ImportError:
            name = type(self).__name__
            raise ConfigurationError(f"{name} needs the package {self.package}; pip install {self.package}") from None

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        pass

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        if context.max_subtasks != 0 or not len(getattr(estimator, "history_", ())):
            return False  # the fit as a whole, or an estimator of another kind
        row = dict(estimator.history_[-1])
        return bool(self.report(int(row.pop("epoch")), row))

    def teardown(self, estimator: Any, context: Any) -> None:
        if self._is_open:
            self._is_open = False
            self.close()

    def open(self, estimator: Any) -> None:
        """Import the package and begin."""

    def report(self, step: int, numbers: dict[str, float]) -> bool | None:
        """Pass on an epoch's numbers; true stops the fit."""
        raise NotImplementedError

    def close(self) -> None:
        """End."""


class TensorBoard(EpochCallback):
    """Writes each epoch's numbers as scalars into `folder`, for `tensorboard --logdir`."""

    package = "tensorboardX"

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def open(self, estimator: Any) -> None:
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(self.folder)

    def report(self, step: int, numbers: dict[str, float]) -> None:
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class MLflow(EpochCallback):
    """Logs parameters and each epoch's numbers to MLflow's active run, or to one of its own."""

    package = "mlflow-skinny"

    def open(self, estimator: Any) -> None:
        import mlflow

        self._mlflow, self._own = mlflow, mlflow.active_run() is None
        if self._own:
            mlflow.start_run()
        mlflow.log_params(estimator.get_params())

    def report(self, step: int, numbers: dict[str, float]) -> None:
        self._mlflow.log_metrics(numbers, step=step)

    def close(self) -> None:
        if self._own:
            self._mlflow.end_run()


class OptunaPruning(EpochCallback):
    """Reports a recorded quantity to an Optuna trial, and raises `optuna.TrialPruned` if the pruner says so.

    Parameters
    ----------
    trial : optuna.Trial
    monitor : str
        A column of the history, as "validation_loss", "validation_score" or "loss".
    """

    package = "optuna"

    def __init__(self, trial: Any, monitor: str = "validation_loss") -> None:
        self.trial, self.monitor = trial, monitor

    def open(self, estimator: Any) -> None:
        from optuna import TrialPruned

        self._pruned = TrialPruned

    def report(self, step: int, numbers: dict[str, float]) -> None:
        if self.monitor not in numbers:
            raise ConfigurationError(f"OptunaPruning watches {self.monitor!r}; recorded are {', '.join(numbers)}")
        self.trial.report(numbers[self.monitor], step)
        if self.trial.should_prune():
            raise self._pruned
