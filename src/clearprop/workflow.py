"""From a table to a judged model: what `clearprop train` does, without printing.

The rows are split three ways. Weights, scales and medians come from the training rows; the validation rows say when to
stop; the test rows judge, once, at the end, and judge a constant and a linear model too, because a network that does
not beat those is not worth having. What kind a column is, and which values a category has, is settled on all rows.
"""

import json
import os
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from clearprop._registry import did_you_mean, listed
from clearprop.answers import evaluate, preparation_of, rows_of
from clearprop.data import DATASETS, Dataset, Preparation, Table, load_dataset, read_table
from clearprop.data.baselines import baselines
from clearprop.data.dataset import Task
from clearprop.data.files import nearest_file
from clearprop.data.scores import METRIC_OF_TASK
from clearprop.diagnose import Diagnosis, diagnose, spread
from clearprop.errors import CheckpointError, ConfigurationError, DataError, DataWarning
from clearprop.formats.modelfile import SavedModel, packed
from clearprop.importance import Importance, importances
from clearprop.options import RunOptions, make_loss, make_model, make_optimizer
from clearprop.train import Checkpoint, EarlyStopping, Epoch, History, SavedTraining, fit, load_checkpoint
from clearprop.train.saved import fingerprint

LEAST_ROWS = 10


@dataclass(frozen=True)
class Checkpoints:
    """Where runs save themselves as they go on; a run that finds its own there goes on from it.

    Attributes
    ----------
    folder : Path
        Each run has a folder in it, named after its seed.
    every : int or str
        See `Checkpoint`.
    settings : mapping
        Kept in each.
    strict : bool
        Refuse a damaged newest one, instead of taking the one before.
    """

    folder: Path
    every: int | str = "30s"
    settings: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False

    def of(self, seed: int, plan: Preparation, test: Dataset) -> tuple[Checkpoint, SavedTraining | None]:
        """The callback of the run with this seed, and what it goes on from."""
        own = self.folder / f"seed-{seed}"
        depends = {"preparation": json.loads(json.dumps(plan.config())), "test rows": fingerprint(test)}
        checkpoint = Checkpoint(own, self.every, {**self.settings, **depends})
        if not any(own.glob("*.safetensors")):
            return checkpoint, None
        saved = load_checkpoint(own, strict=self.strict)
        for name, value in depends.items():
            if saved.settings.get(name) != value:
                raise CheckpointError(
                    f"{saved.path}: the checkpoint is of other data: its {name} differ; give the data of that run, or "
                    "start a new one in another folder"
                )
        return checkpoint, saved


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
    loss : str
        The loss, as the code that makes it.
    optimizer : str
        The optimiser, likewise.
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
    loss: str
    optimizer: str
    seconds: float

    @property
    def score(self) -> float:
        """The metric on the test rows."""
        return float(self.scores[self.metric])

    @property
    def kept_loss(self) -> float:
        """The validation loss (without validation rows, the loss) of the weights that were kept."""
        record = self.history[self.best_epoch - 1]
        return float(record.get("validation_loss", record["loss"]))

    @cached_property
    def importances(self) -> list[Importance]:
        """How much worse the test rows are predicted when a column is shuffled, for each column."""
        return importances(self.saved, self.test, seed=self.options.seed)

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """What is wrong with the network: units, gradients and biases on all rows, scores on the test rows."""
        rows = preparation_of(self.saved).transform(self.data.take(spread(len(self.data))))
        scores = {"network": self.score, **self.baselines, "rows": len(self.test)}
        return diagnose(self.saved.model, rows, make_loss(self.options, self.data.task), scores=scores)

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


def load_data(name: str, *, sql: str | None = None, encoding: str | None = None) -> Dataset | Table:
    """A built-in data set, or the table in the file `name` (write ``./iris`` for a file called iris).

    `sql` and `encoding` are for files: see `read_table`.

    Raises
    ------
    DataError
        Neither, or the file cannot be used.
    """
    if name in DATASETS:
        for option, value in (("sql", sql), ("encoding", encoding)):
            if value is not None:
                raise ConfigurationError(f"{option} is for files, and {name} is built in; leave it out")
        return load_dataset(name)
    if not os.path.lexists(name) and not os.path.splitext(name)[1] and os.path.basename(name) == name:
        hint = nearest_file(name)
        raise DataError(
            f"{name}: neither a file nor a built-in data set; {hint + ' ' if hint else ''}"
            f"{did_you_mean(name, list(DATASETS))}"
        )
    return read_table(name, sql=sql, encoding=encoding)


def train_run(
    data: Dataset | Table,
    options: RunOptions | None = None,
    *,
    target: str | None = None,
    task: Task | None = None,
    validation: Dataset | Table | None = None,
    test: Dataset | Table | None = None,
    test_rows: Any = None,
    callbacks: tuple[Callable[[Epoch], Any], ...] = (),
    checkpoints: Checkpoints | None = None,
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
    validation, test : Dataset or Table, optional
        Rows of their own, instead of the fractions of `data` that `options` names.
    test_rows : array of int, optional
        Row numbers of `data` to hold back and judge on, as a fold of a cross-validation.
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
    (run,) = train_repeatedly(
        data,
        options,
        repeats=1,
        target=target,
        task=task,
        validation=validation,
        test=test,
        test_rows=test_rows,
        callbacks=callbacks,
        checkpoints=checkpoints,
    )
    return run


def train_repeatedly(
    data: Dataset | Table,
    options: RunOptions | None = None,
    *,
    repeats: int,
    target: str | None = None,
    task: Task | None = None,
    validation: Dataset | Table | None = None,
    test: Dataset | Table | None = None,
    test_rows: Any = None,
    callbacks: tuple[Callable[[Epoch], Any], ...] = (),
    checkpoints: Checkpoints | None = None,
) -> list[Run]:
    """`train_run` with the seeds ``seed``, ``seed + 1``, ...: how much of a score is luck?"""
    options = options or RunOptions()
    if repeats < 1:
        raise ConfigurationError(f"repeats={repeats} is a number of runs, 1 or more")
    if options.validation == 0.0 and validation is None and options.early_stopping:
        raise ConfigurationError(
            "early stopping watches validation rows, but validation is 0; put some aside "
            "(--validation 0.2), or turn it off (--early-stopping 0)"
        )
    make_optimizer(options, rows=1, features=1)  # a misspelt option is reported before a long table is read
    everything, plan = _plan(data, target, task, options)
    if len(everything) < LEAST_ROWS:
        raise DataError(f"{everything.name} has {len(everything)} rows; at least {LEAST_ROWS} are needed")
    own_validation = None if validation is None else rows_of(plan, validation)
    own_test = None if test is None else rows_of(plan, test)
    runs = []
    for seed in range(options.seed, options.seed + repeats):
        this = replace(options, seed=seed)
        rest, held_back = _hold_back(everything, this, own_test, test_rows)
        runs.append(_run(everything, plan, this, rest, held_back, own_validation, callbacks, checkpoints))
    return runs


def _plan(
    data: Dataset | Table, target: str | None, task: Task | None, options: RunOptions
) -> tuple[Dataset, Preparation]:
    columns = {name: getattr(options, name) for name in ("dates", "missing", "drop", "kinds")}
    if isinstance(data, Dataset):
        given = [name for name, value in columns.items() if value]
        if target is not None or task is not None:
            raise ConfigurationError(f"{data.name} has its target already; leave target and task out")
        if given:
            raise ConfigurationError(f"{given[0]} is for tables, and {data.name} is numbers already; leave it out")
        return data, Preparation.of(data)
    if target is None:
        names = listed(data.names)
        raise ConfigurationError(
            f"{data.path}: which column is to be predicted? Pass target (--target), one of: {names}"
        )
    plan = Preparation.fit(data, target, task, **columns)
    return plan.dataset(data), plan


def _hold_back(
    everything: Dataset, options: RunOptions, test: Dataset | None, test_rows: Any
) -> tuple[Dataset, Dataset]:
    """The rows to learn from, and the rows to judge on."""
    if test is not None:
        return everything, test
    if test_rows is None:
        return everything.split(options.test, seed=options.seed)
    rest = np.setdiff1d(np.arange(len(everything)), test_rows)
    return everything.take(rest), everything.take(test_rows)


def _run(
    everything: Dataset,
    plan: Preparation,
    options: RunOptions,
    rest: Dataset,
    test: Dataset,
    validation: Dataset | None,
    callbacks: tuple[Callable[[Epoch], Any], ...],
    checkpoints: Checkpoints | None,
) -> Run:
    training = rest
    if validation is None and options.validation:
        training, validation = rest.split(options.validation, seed=options.seed)
    plan = plan.fit_statistics(training)
    if len(plan.constant) == everything.n_features:
        warnings.warn(
            f"{everything.name}: every feature is constant in the training rows, so the network can only learn "
            "what is frequent; add other columns",
            DataWarning,
            stacklevel=3,
        )
    metric = METRIC_OF_TASK[everything.task]
    loss = make_loss(options, everything.task)
    model = make_model(options, everything.n_features, everything.n_outputs)
    packed(model, preparation=plan, link=loss.link)  # what cannot be saved is refused now, not after the training
    optimizer = make_optimizer(options, len(training), everything.n_features, model.least_rows)
    weights = _class_weights(training, options)
    stopping = EarlyStopping("validation_loss", options.early_stopping) if options.early_stopping else None
    checkpoint, begun = checkpoints.of(options.seed, plan, test) if checkpoints else (None, None)
    started = time.perf_counter()
    history = fit(
        model,
        _weighted(plan.transform(training), weights),
        loss,
        optimizer,
        epochs=options.epochs,
        batch_size=options.batch_size,
        validation=None if validation is None else _weighted(plan.transform(validation), weights),
        metrics=(metric,),
        seed=options.seed,
        l2=options.l2,
        callbacks=(*callbacks, *([stopping] if stopping else []), *([checkpoint] if checkpoint else [])),
        resume=begun,
    )
    seconds = time.perf_counter() - started
    saved = SavedModel(model, plan, loss.link)
    return Run(
        saved=saved,
        data=everything,
        test=test,
        rows={"training": len(training), "validation": 0 if validation is None else len(validation), "test": len(test)},
        history=history,
        best_epoch=stopping.best_epoch if stopping else len(history),
        metric=metric,
        scores=evaluate(saved, test),
        baselines=baselines(plan.transform(training), plan.transform(test), metric),
        options=options,
        loss=repr(loss),
        optimizer=repr(optimizer),
        seconds=seconds,
    )


def _class_weights(training: Dataset, options: RunOptions) -> Any:
    """For each class number n / (classes · rows of the class), so that each class weighs the same; or None."""
    if options.class_weight is None:
        return None
    if training.task != "classification":
        raise ConfigurationError("class_weight is for classes, and the target is a quantity; leave it out")
    counts = np.bincount(training.y, minlength=training.n_classes)
    return len(training) / (np.count_nonzero(counts) * np.maximum(counts, 1))


def _weighted(data: Dataset, weights: Any) -> Dataset:
    if weights is None:
        return data
    own = 1.0 if data.sample_weight is None else data.sample_weight
    return replace(data, sample_weight=own * weights[data.y])
