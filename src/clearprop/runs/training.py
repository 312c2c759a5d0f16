"""From a table to a judged model: what `clearprop train` does, without printing.

The rows are split three ways (`runs/parts.py`). Weights, scales and medians come from the training rows; the validation
rows say when to stop; the test rows judge, once, at the end, and judge a constant and a linear model too, because a
network that does not beat those is not worth having. What kind a column is, and which values a category has, is settled
on all rows.
"""

import json
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from clearprop.data import Dataset, Preparation, Table
from clearprop.data.class_weights import balanced_weights, weighted
from clearprop.data.dataset import Task
from clearprop.diagnose import Diagnosis, diagnose, spread
from clearprop.ensemble import networks
from clearprop.errors import CheckpointError, ConfigurationError, DataWarning
from clearprop.formats.modelfile import SavedModel, packed
from clearprop.judge import Leak, Verdict, judge
from clearprop.judge.answers import evaluate, predictions, preparation_of
from clearprop.judge.baselines import rivals
from clearprop.judge.importance import Importance, importances
from clearprop.judge.scores import METRIC_OF_TASK, UP_TO_ONE, classification_scores, regression_scores, score
from clearprop.runs.options import RunOptions, make_loss, make_model, make_optimizer, metric_of
from clearprop.runs.parts import Parts, divided, planned
from clearprop.train import Checkpoint, EarlyStopping, Epoch, History, SavedTraining, fit, load_checkpoint
from clearprop.train.saved import fingerprint


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
    split : str
        How the rows were divided, in a sentence.
    scores : dict
        On the test rows, in the target's own unit.
    rivals : dict
        The same of ``"constant"`` and ``"linear"``, the two simplest models, trained and judged on the same rows.
    judgement : Verdict
        The network beside them, by the one metric that decides.
    leaks : tuple of Leak
        Columns that alone tell the answer.
    cautions : tuple of str
        What else should be known before the scores are believed.
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
    split: str
    scores: dict[str, Any]
    rivals: dict[str, dict[str, Any]]
    judgement: Verdict
    leaks: tuple[Leak, ...]
    cautions: tuple[str, ...]
    options: RunOptions
    loss: str
    optimizer: str
    seconds: float

    @property
    def metric(self) -> str:
        """What is judged by."""
        return self.judgement.metric

    @property
    def score(self) -> float:
        """The metric on the test rows."""
        return self.judgement.score

    @property
    def baselines(self) -> dict[str, float]:
        """The metric of the rivals on the same rows."""
        return self.judgement.baselines

    @property
    def verdict(self) -> str:
        """Better than the simple models or not, in one honest half sentence."""
        return str(self.judgement)

    @property
    def kept_loss(self) -> float:
        """The validation loss (without validation rows, the loss) of the weights that were kept."""
        record = self.history[self.best_epoch - 1]
        return float(record.get("validation_loss", record["loss"]))

    @property
    def importance_metric(self) -> str:
        """What the worth of a column is measured in."""
        return self.metric if self.metric in UP_TO_ONE else METRIC_OF_TASK[self.data.task]

    @cached_property
    def importances(self) -> list[Importance]:
        """How much worse the test rows are predicted when a column is shuffled, for each column."""
        return importances(self.saved, self.test, seed=self.options.seed, metric=self.importance_metric)

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """What is wrong with the network: units, gradients and biases on all rows, the verdict on the test rows."""
        rows = preparation_of(self.saved).transform(self.data.take(spread(len(self.data))))
        return diagnose(
            networks(self.saved.model)[0],
            rows,
            make_loss(self.options, self.data.task),
            verdict=self.judgement,
            leaks=self.leaks,
            confusion=np.array(self.scores["confusion"]) if "confusion" in self.scores else None,
            weighted=self.options.class_weight is not None,
        )


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
        At least 10 rows. Gaps and dates in a table are dealt with, and rows without a target left out, unless `options`
        refuse them.
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
    given = (test is not None or test_rows is not None) and (validation is not None or not options.validation)
    if options.split is not None and given:
        raise ConfigurationError(
            f"split={options.split!r} has nothing to divide, as the rows of each part are given; leave it out"
        )
    make_optimizer(options, rows=1, features=1)  # a misspelt option is reported before a long table is read
    rows = planned(data, target, task, options, test=test, test_rows=test_rows)
    runs: list[Run] = []
    for seed in range(options.seed, options.seed + repeats):
        this = replace(options, seed=seed)
        with warnings.catch_warnings():
            if runs:  # what is unseen in rows of their own has been said
                warnings.simplefilter("ignore", DataWarning)
            parts = divided(rows, this, {"validation": validation, "test": test}, test_rows)
        if not runs:  # other seeds have hardly others
            _warn(parts)
        runs.append(_run(rows.everything, this, parts, callbacks, checkpoints))
    return runs


def _warn(parts: Parts) -> None:
    for text in (*parts.cautions, *(leak.about(parts.plan.target) for leak in parts.leaks)):
        warnings.warn(text, DataWarning, stacklevel=3)


def _run(
    everything: Dataset,
    options: RunOptions,
    parts: Parts,
    callbacks: tuple[Callable[[Epoch], Any], ...],
    checkpoints: Checkpoints | None,
) -> Run:
    plan, training, validation, test = parts.plan, parts.training, parts.validation, parts.test
    if len(plan.constant) == everything.n_features:
        warnings.warn(
            f"{everything.name}: every feature is constant in the training rows, so the network can only learn "
            "what is frequent; add other columns",
            DataWarning,
            stacklevel=3,
        )
    metric = metric_of(options, everything.task)
    loss = make_loss(options, everything.task)
    model = make_model(options, everything.n_features, everything.n_outputs)
    packed(model, preparation=plan, link=loss.link)  # what cannot be saved is refused now, not after the training
    optimizer = make_optimizer(options, len(training), everything.n_features, model.least_rows)
    weights = None if options.class_weight is None else balanced_weights(training)
    learnt = weighted(plan.transform(training), weights)
    others = rivals(learnt, plan.transform(test).X, metric)
    others = {name: plan.inverse_target(answers) for name, answers in others.items()}
    score(metric, test.y, others["constant"], test.sample_weight)  # what cannot be judged is refused now
    stopping = EarlyStopping("validation_loss", options.early_stopping) if options.early_stopping else None
    checkpoint, begun = checkpoints.of(options.seed, plan, test) if checkpoints else (None, None)
    started = time.perf_counter()
    history = fit(
        model,
        learnt,
        loss,
        optimizer,
        epochs=options.epochs,
        batch_size=options.batch_size,
        validation=None if validation is None else weighted(plan.transform(validation), weights),
        metrics=(METRIC_OF_TASK[everything.task],),
        seed=options.seed,
        l2=options.l2,
        callbacks=(*callbacks, *([stopping] if stopping else []), *([checkpoint] if checkpoint else [])),
        resume=begun,
    )
    seconds = time.perf_counter() - started
    saved = SavedModel(model, plan, loss.link)
    scores = evaluate(saved, test)
    scored = classification_scores if everything.task == "classification" else regression_scores
    return Run(
        saved=saved,
        data=everything,
        test=test,
        rows={"training": len(training), "validation": 0 if validation is None else len(validation), "test": len(test)},
        history=history,
        best_epoch=stopping.best_epoch if stopping else len(history),
        split=parts.split,
        scores=scores,
        rivals={name: scored(test, answers) for name, answers in others.items()},
        judgement=judge(metric, test.y, predictions(saved, test.X), others, test.sample_weight),
        leaks=parts.leaks,
        cautions=parts.cautions,
        options=options,
        loss=repr(loss),
        optimizer=repr(optimizer),
        seconds=seconds,
    )
