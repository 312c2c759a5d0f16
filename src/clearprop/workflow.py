"""From a table to a judged model: what `clearprop train` does, without printing.

The rows are split three ways. Weights and standardisation come from the training rows; the validation rows
say when to stop; the test rows are looked at once, at the end, and so are a constant and a linear model,
because a network that does not beat those is not worth having.
"""

import inspect
import itertools
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clearprop._registry import did_you_mean
from clearprop._types import Array
from clearprop._versions import versions
from clearprop.data import DATASETS, Dataset, Preparation, Table, load_dataset, read_table
from clearprop.data.baselines import baselines
from clearprop.data.csv_structure import nearest_file
from clearprop.data.dataset import Task
from clearprop.data.scores import METRIC_OF_TASK, classification_scores, regression_scores
from clearprop.errors import ConfigurationError, DataError, OutputError
from clearprop.formats.modelfile import SavedModel, load, save
from clearprop.losses import MSE, CrossEntropy, Loss
from clearprop.model import MLP
from clearprop.optim import OPTIMIZERS
from clearprop.store import atomic_write, output_error
from clearprop.train import EarlyStopping, Epoch, History, fit, predict

TEST_FRACTION = 0.2
VALIDATION_FRACTION = 0.2
LEAST_ROWS = 10
MODEL, HISTORY, REPORT, CURVES, BOUNDARY = (
    "model.safetensors",
    "history.csv",
    "report.json",
    "curves.png",
    "boundary.png",
)


@dataclass(frozen=True)
class RunOptions:
    """How to train.

    Attributes
    ----------
    hidden : tuple of int
        Units of each hidden layer.
    activation : str
        Their activation.
    epochs : int
        At most; training stops when the validation loss has not fallen for `patience` epochs.
    batch_size : int
        Rows for each step.
    optimizer : str
        Its name.
    learning_rate : float or None
        None takes 0.01 for Adam, and for others their own default.
    patience : int
        See `epochs`.
    seed : int
        Of the splits, the first weights and the order of rows.
    """

    hidden: tuple[int, ...] = (32, 32)
    activation: str = "tanh"
    epochs: int = 200
    batch_size: int = 32
    optimizer: str = "adam"
    learning_rate: float | None = None
    patience: int = 20
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Run:
    """A trained model, and how good it is on rows it has never seen.

    Attributes
    ----------
    saved : SavedModel
        The model with its preparation: all that a prediction needs.
    data : Dataset
        All rows, raw.
    test : Dataset
        The test rows, raw.
    rows : dict
        How many rows were used for training, validation and test.
    history : History
        One record for each epoch.
    best_epoch : int
        The epoch whose weights were kept.
    metric : str
        ``"accuracy"`` or ``"r2"``.
    scores : dict
        On the test rows, in the target's own unit.
    baselines : dict
        ``"constant"`` and ``"linear"``: the metric of the two simplest models on the same test rows.
    options : RunOptions
        As given.
    seconds : float
        Spent in training.
    """

    saved: SavedModel
    data: Dataset
    test: Dataset
    rows: dict[str, int]
    history: History
    best_epoch: int
    metric: str
    scores: dict[str, Any]
    baselines: dict[str, float]
    options: RunOptions
    seconds: float

    @property
    def score(self) -> float:
        """The metric on the test rows."""
        return float(self.scores[self.metric])

    @property
    def verdict(self) -> str:
        """Better than the simple models or not, in one honest half sentence."""
        rival = "a constant" if self.score <= self.baselines["constant"] else "a linear model"
        against = self.baselines["constant" if rival == "a constant" else "linear"]
        judgement = "better than" if self.score > against else "NOT better than"
        text = f"{judgement} {rival}: {self.metric} {self.score:.3f} against {against:.3f}"
        if self.metric == "accuracy":
            rows = abs(round((self.score - against) * len(self.test)))
            return f"{text}, a difference of {rows} of {len(self.test)} test rows"
        return f"{text} on {len(self.test)} test rows"


def load_data(name: str) -> Dataset | Table:
    """A built-in data set, or the table in the file `name` (write ``./iris`` for a file called iris).

    Raises
    ------
    DataError
        Neither, or the file cannot be used.
    """
    if name in DATASETS:
        return load_dataset(name)
    if not os.path.lexists(name) and not os.path.splitext(name)[1] and os.path.basename(name) == name:
        hint = nearest_file(name)
        raise DataError(
            f"{name}: neither a file nor a built-in data set; {hint + ' ' if hint else ''}"
            f"{did_you_mean(name, list(DATASETS))}"
        )
    return read_table(name)


def train_run(
    data: Dataset | Table,
    options: RunOptions | None = None,
    *,
    target: str | None = None,
    task: Task | None = None,
    callbacks: tuple[Callable[[Epoch], Any], ...] = (),
) -> Run:
    """Split, prepare, train, stop in time, and judge.

    Parameters
    ----------
    data : Dataset or Table
        At least 10 rows.
    options : RunOptions, optional
        How to train.
    target : str, optional
        The column to predict; a Table needs one, a Dataset has one.
    task : {"classification", "regression"}, optional
        Overrules what the target's values suggest; for a Table.
    callbacks : tuple of callables
        Called after each epoch, as in `fit`.

    Raises
    ------
    ConfigurationError
        Options out of their range, or a target missing.
    DataError
        Data that cannot be used.
    DivergenceError
        Training left the finite numbers.

    >>> from clearprop.data import load_dataset
    >>> run = train_run(load_dataset("iris"), RunOptions(epochs=30))
    >>> run.rows
    {'training': 96, 'validation': 24, 'test': 30}
    """
    options = options or RunOptions()
    optimizer = _optimizer(options)
    everything, plan = _plan(data, target, task)
    if len(everything) < LEAST_ROWS:
        raise DataError(f"{everything.name} has {len(everything)} rows; at least {LEAST_ROWS} are needed")
    rest, test = everything.split(TEST_FRACTION, seed=options.seed)
    training, validation = rest.split(VALIDATION_FRACTION, seed=options.seed)
    plan = plan.fit_statistics(training)
    metric = METRIC_OF_TASK[everything.task]
    loss: Loss = CrossEntropy() if everything.task == "classification" else MSE()
    model = MLP(
        [everything.n_features, *options.hidden, everything.n_outputs],
        activation=options.activation,
        seed=options.seed,
    )
    stopping = EarlyStopping(monitor="validation_loss", patience=options.patience, restore_best=True)
    started = time.perf_counter()
    history = fit(
        model,
        plan.transform(training),
        loss,
        optimizer,
        epochs=options.epochs,
        batch_size=options.batch_size,
        validation=plan.transform(validation),
        metrics=(metric,),
        seed=options.seed,
        callbacks=(*callbacks, stopping),
    )
    seconds = time.perf_counter() - started
    saved = SavedModel(model, plan, loss.link)
    return Run(
        saved=saved,
        data=everything,
        test=test,
        rows={"training": len(training), "validation": len(validation), "test": len(test)},
        history=history,
        best_epoch=stopping.best_epoch,
        metric=metric,
        scores=evaluate(saved, test),
        baselines=baselines(plan.transform(training), plan.transform(test), metric),
        options=options,
        seconds=seconds,
    )


def _plan(data: Dataset | Table, target: str | None, task: Task | None) -> tuple[Dataset, Preparation]:
    if isinstance(data, Dataset):
        if target is not None or task is not None:
            raise ConfigurationError(f"{data.name} has its target already; leave target and task out")
        return data, Preparation.of(data)
    if target is None:
        names = ", ".join(data.names)
        raise ConfigurationError(
            f"{data.path}: which column is to be predicted? Pass target (--target), one of: {names}"
        )
    plan = Preparation.fit(data, target, task)
    return plan.dataset(data), plan


def _optimizer(options: RunOptions) -> Any:
    make = OPTIMIZERS[options.optimizer]
    rate = options.learning_rate
    if rate is None and options.optimizer == "adam":
        rate = 0.01
    if rate is None:
        return make()
    if "learning_rate" not in inspect.signature(make).parameters:
        raise ConfigurationError(f"optimizer {options.optimizer!r} has no learning rate; leave it out")
    return make(learning_rate=rate)


# ---------------------------------------------------------------------------------------- using a saved model


def load_model(path: str | os.PathLike[str]) -> SavedModel:
    """The model in a file, or in a run folder, with the preparation that new rows need.

    Raises
    ------
    ModelFileError
        It cannot be read.
    ConfigurationError
        It was saved without a preparation.
    """
    name = os.fspath(path)
    saved = load(os.path.join(name, MODEL) if os.path.isdir(name) else name)
    if saved.preparation is None:
        raise ConfigurationError(
            f"{name}: this model was saved without a preparation, so it does not know what columns mean; "
            "use it from Python, or save it with preparation="
        )
    return saved


def _preparation(saved: SavedModel) -> Preparation:
    if saved.preparation is None:
        raise ConfigurationError("this model has no preparation; save it with preparation=")
    return saved.preparation


def predictions(saved: SavedModel, X: Array) -> Array:
    """Probabilities of the classes, or quantities in the target's own unit, for raw features; shape (n, k)."""
    plan = _preparation(saved)
    return plan.inverse_target(predict(saved.model, plan.standardise(X), link=saved.link))


def evaluate(saved: SavedModel, data: Dataset) -> dict[str, Any]:
    """scikit-learn's scores of the model's predictions on raw `data`."""
    answers = predictions(saved, data.X)
    if data.task == "classification":
        return classification_scores(data, answers)
    return regression_scores(data, answers)


def rows_for(saved: SavedModel, data: Dataset | Table) -> Dataset:
    """`data`, target included, as raw numbers in the model's own columns and classes."""
    plan = _preparation(saved)
    if isinstance(data, Table):
        return plan.dataset(data)
    _check_features(plan, data)
    if data.target_names != plan.class_names:
        raise DataError(f"{data.name} has other classes than the model: {', '.join(plan.class_names)}")
    return data


def features_for(saved: SavedModel, data: Dataset | Table) -> Array:
    """The features of `data` as raw numbers in the model's own columns; a target is not needed."""
    plan = _preparation(saved)
    if isinstance(data, Table):
        return plan.apply(data)
    _check_features(plan, data)
    return data.X


def _check_features(plan: Preparation, data: Dataset) -> None:
    if data.feature_names != plan.feature_names:
        raise DataError(f"{data.name} has other features than the model, which needs: {', '.join(plan.feature_names)}")


# ------------------------------------------------------------------------------------------------ run folders


@contextmanager
def run_folder(name: str, folder: str | os.PathLike[str] | None = None, *, force: bool = False) -> Iterator[Path]:
    """Claim a folder for a run before it starts, so that a long training cannot end with nowhere to write.

    Without `folder` it is ``runs/<name>-<n>``, with the next free number. If the run fails and nothing was
    written, the folder is removed again.

    Raises
    ------
    OutputError
        The folder holds a run already and `force` is not set, or it cannot be made.
    """
    if folder is None:
        path = _next_folder(Path("runs"), re.sub(r"[^\w.-]+", "-", Path(name).stem).strip("-.") or "run")
    else:
        path = Path(folder)
        _refuse_run(path, force)
        _make(path, exist_ok=True)
    try:
        yield path
    finally:
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _next_folder(root: Path, name: str) -> Path:
    _make(root, exist_ok=True)
    for number in itertools.count(1):
        path = root / f"{name}-{number}"
        if not path.exists():
            try:
                path.mkdir()
                return path
            except FileExistsError:  # another run was faster
                continue
            except OSError as error:
                raise output_error(path, error) from None
    raise AssertionError("unreachable")


def _make(path: Path, *, exist_ok: bool) -> None:
    try:
        path.mkdir(parents=True, exist_ok=exist_ok)
    except OSError as error:
        raise output_error(path, error) from None


def _refuse_run(path: Path, force: bool) -> None:
    if not force and ((path / REPORT).exists() or (path / MODEL).exists()):
        raise OutputError(
            f"{path}: there is a run in this folder; choose another one, or overwrite it with force (--force)"
        )


def write_run(run: Run, folder: str | os.PathLike[str], *, force: bool = False) -> list[Path]:
    """Write the run into `folder`; returns the files.

    ``model.safetensors``, ``history.csv``, ``report.json``, ``curves.png`` and, for two features,
    ``boundary.png``.

    Raises
    ------
    OutputError
        There is a run in the folder and `force` is not set, or a file cannot be written.
    """
    from clearprop.viz import boundary, curves

    path = Path(folder)
    _refuse_run(path, force)
    _make(path, exist_ok=True)
    files = [path / name for name in (MODEL, HISTORY, REPORT, CURVES)]
    save(run.saved.model, files[0], preparation=run.saved.preparation, link=run.saved.link)
    atomic_write(files[1], run.history.to_csv().encode())
    report_text = json.dumps(report(run), indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write(files[2], (report_text + "\n").encode())
    curves(run.history.columns(), files[3])
    if run.data.n_features == 2:
        files.append(path / BOUNDARY)
        boundary(lambda X: predictions(run.saved, X)[:, : run.data.n_outputs], run.data, files[4])
    else:
        (path / BOUNDARY).unlink(missing_ok=True)  # of an overwritten run
    return files


def report(run: Run) -> dict[str, Any]:
    """Everything about the run that is worth keeping, as JSON can hold it."""
    plan = _preparation(run.saved)
    return {
        "data": run.data.name,
        "task": run.data.task,
        "rows": run.rows,
        "columns": [dict(zip(("name", "role", "treatment"), row, strict=True)) for row in plan.describe()],
        "options": asdict(run.options),
        "parameters": run.saved.model.n_parameters,
        "epochs": len(run.history),
        "best_epoch": run.best_epoch,
        "seconds": round(run.seconds, 3),
        "metric": run.metric,
        "test": run.scores,
        "baselines": run.baselines,
        "verdict": run.verdict,
        "versions": versions("numpy", "scikit-learn"),
    }


def column_names(saved: SavedModel) -> list[str]:
    """Names for a table of predictions: the target, then the probability of each class."""
    plan = _preparation(saved)
    if plan.class_names:
        return [plan.target, *(f"P({name})" for name in plan.class_names)]
    several = len(plan.target_mean) > 1
    return [f"{plan.target} {i + 1}" if several else plan.target for i in range(len(plan.target_mean))]


def prediction_rows(saved: SavedModel, answers: Array) -> Iterator[list[str]]:
    """For each row of `predictions`, the cells of `column_names`."""
    names = np.array(_preparation(saved).class_names, dtype=object)
    for row in answers:
        numbers = [repr(float(value)) for value in row]
        yield [str(names[row.argmax()]), *numbers] if len(names) else numbers
