"""From a table to a judged model: what `clearprop train` does, without printing.

The rows are split three ways. Weights and standardisation come from the training rows; the validation rows
say when to stop; the test rows are looked at once, at the end, and so are a constant and a linear model,
because a network that does not beat those is not worth having.
"""

import inspect
import itertools
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop._registry import did_you_mean
from clearprop.answers import evaluate
from clearprop.data import DATASETS, Dataset, Preparation, Table, load_dataset, read_table
from clearprop.data.baselines import baselines
from clearprop.data.csv_structure import nearest_file
from clearprop.data.dataset import Task
from clearprop.data.scores import METRIC_OF_TASK
from clearprop.errors import ConfigurationError, DataError
from clearprop.formats.modelfile import SavedModel
from clearprop.losses import MSE, CrossEntropy, Loss
from clearprop.model import MLP
from clearprop.optim import OPTIMIZERS
from clearprop.train import EarlyStopping, Epoch, History, fit

TEST_FRACTION = 0.2
VALIDATION_FRACTION = 0.2
LEAST_ROWS = 10
_COPIES = 5  # of the parameters: themselves, gradient, the slots of Adam, the best so far


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
    test_rows: Any = None,
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
    test_rows : array of int, optional
        Row numbers to hold back and judge on, as a fold of a cross-validation; default a random fifth.
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
    if test_rows is None:
        rest, test = everything.split(TEST_FRACTION, seed=options.seed)
    else:
        rest = everything.take(np.setdiff1d(np.arange(len(everything)), test_rows))
        test = everything.take(test_rows)
    training, validation = rest.split(VALIDATION_FRACTION, seed=options.seed)
    plan = plan.fit_statistics(training)
    metric = METRIC_OF_TASK[everything.task]
    loss: Loss = CrossEntropy() if everything.task == "classification" else MSE()
    widths = [everything.n_features, *options.hidden, everything.n_outputs]
    _check_size(widths)
    model = MLP(widths, activation=options.activation, seed=options.seed)
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


def _check_size(widths: list[int]) -> None:
    """Refuse a network that this machine cannot hold, before it tries to."""
    n_parameters = sum((n_in + 1) * n_out for n_in, n_out in itertools.pairwise(widths))
    needed = _COPIES * 8 * n_parameters
    present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else math.inf
    if needed > present:
        raise ConfigurationError(
            f"a network of widths {widths} has {n_parameters:.3g} parameters; training it takes "
            f"{needed / 2**30:,.0f} GiB, this machine has {present / 2**30:,.0f}; use fewer hidden units"
        )


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
