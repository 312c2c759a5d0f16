"""The training loop: a generator, so that the body of your own `for` is the callback and `break` stops.

    for epoch in train(model, data, "crossentropy", Adam(), epochs=100):
        print(epoch.number, epoch["loss"])

`fit` runs that loop with callbacks and returns the history.
"""

import inspect
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from clearprop.engine import GradientOptions, Program, State
from clearprop.errors import ClearpropWarning
from clearprop.losses import Loss
from clearprop.model import Sequential
from clearprop.optim import LBFGS, Optimizer
from clearprop.train.ahead import Ahead
from clearprop.train.causes import Causes
from clearprop.train.course import Course, Epoch
from clearprop.train.habits import refuse_options
from clearprop.train.history import History
from clearprop.train.job import Job, checked_job
from clearprop.train.minimise import CURVATURE_LOST, iterations
from clearprop.train.orders import Order
from clearprop.train.report import Report
from clearprop.train.saved import SavedTraining, resumed_state
from clearprop.train.training import Training


def epoch_by_epoch(job: Job, course: Course, program: Program, report: Report) -> Iterator[list[Epoch]]:
    """The training loop: one epoch after the other, and in each its batches.

    What a batch goes through is the program's: forward pass, loss, backward pass, update; `ReferenceProgram.run` has it
    in NumPy.  Each epoch comes alone, or, where nobody looks at the model in between, with others (see `Ahead`).
    """
    ahead = Ahead(job, course, program, report)
    while (number := course.state.epoch) <= job.epochs and not course.stopped:
        course.rest()
        if several := ahead.epochs():
            yield several
            continue
        started = time.perf_counter()
        batches = ahead.batches(number)
        job.check_position(course.state, batches)
        scalars, carry = job.table(course.state, batches)
        good = course.weights()
        while course.state.position < len(batches):
            before = course.state.totals
            course.advance(program, job.rows.data, batches, scalars)
            if job.record == "step":
                with course.going_back(*good):
                    row = report.losses(number, course.state.totals - before, step=course.state.step)
                yield [Epoch(number, job.epochs, row, job.model)]
                good = course.weights()
            course.rest()
        done: list[Epoch] = []
        if job.record == "epoch":
            seconds = time.perf_counter() - started
            with course.going_back(*good):
                row = report.losses(number, course.state.totals)
            done = [report.epoch(row, job.rate(course.state.step), seconds, len(batches.indices))]
        course.set(epoch=number + 1, position=0, totals=np.zeros(3), carry=carry)
        if done:
            yield done
    course.rest(ended=True)


def train(
    model: Sequential,
    data: Any,
    loss: str | Loss,
    optimizer: "str | Optimizer | LBFGS" = "adam",
    *,
    epochs: int,
    batch_size: int = 32,
    order: Order = "shuffled",
    steps_per_epoch: int | None = None,
    record: str = "epoch",
    rows: Any = None,
    validation: Any = None,
    metrics: Sequence[str] = (),
    seed: int = 0,
    engine: str = "auto",
    l1: float = 0.0,
    l2: float = 0.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    penalty_in_sum: bool = False,
    resume: State | SavedTraining | None = None,
    **unknown: Any,
) -> "Training":
    """Train, yielding one `Epoch` after another; the model's weights are up to date at each yield.

    Parameters
    ----------
    model : Sequential
    data : Dataset, (X, y) or (X, y, sample_weight)
    loss : Loss or str
    optimizer : Optimizer, LBFGS or str
        With L-BFGS an epoch is one iteration on all data; batch_size, order and clipping do not apply.
    epochs : int
    batch_size : int
        Of the last batch of an epoch there may be fewer rows.  If these are too few for a layer (a single row for batch
        normalisation) they join the batch before it.
    order : str, array, list or callable
        Which rows in which order: see `epoch_batches`.
    steps_per_epoch : int, optional
    record : {"epoch", "step"}
        Yield after each epoch, or after each step (with the loss of that step's batch before its update).
    rows : array of int, optional
        The rows of `data` to train on, in this order: as ``data.take(rows)``, but they are read where they are, so that
        many networks can share the data.
    validation : Dataset, (X, y), float or array of int, optional
        Data to report on, never trained on; a number takes that fraction of `data`, an array those of its rows.
    metrics : sequence of str
        Reported after each epoch on the training data and, with the prefix "validation_", on the validation data.
    seed : int
        Of orders, dropout and the validation split; the model has its own for its weights.  Not of a resumed
        run, which keeps its own.
    engine : {"auto", "native", "reference"}
        What runs the model; "auto" takes machine code where it can (see `choose_engine`), else NumPy.
    l1, l2, clip_value, clip_norm, penalty_in_sum
        See `GradientOptions`.
    resume : SavedTraining or State, optional
        Go on from a checkpoint (see `load_checkpoint`), or from an earlier run's `state`, to the same bits as if that
        run had not ended.  Epochs are counted from that run's first, and may be more than it had.  L-BFGS goes on from
        its weights, but forgets the curvature it has seen.

    Raises
    ------
    UnknownNameError, UnknownOptionError, ConfigurationError, ShapeError, DataError
        Names, settings and data are checked here, before the first epoch.
    CheckpointError
        The checkpoint to resume is of another model, loss, optimiser, ..., or of other data.
    DivergenceError
        Loss or weights left the finite numbers; the model keeps the last finite weights.
    """
    refuse_options(unknown, _OPTIONS)
    begun = resume.state if isinstance(resume, SavedTraining) else resume
    job = checked_job(
        model,
        data,
        loss,
        optimizer,
        epochs=epochs,
        batch_size=batch_size,
        order=order,
        steps_per_epoch=steps_per_epoch,
        record=record,
        rows=rows,
        validation=validation,
        metrics=metrics,
        seed=seed if begun is None else begun.seed,
        engine=engine,
        options=GradientOptions(l1, l2, clip_value, clip_norm, penalty_in_sum),
    )
    if isinstance(resume, SavedTraining):
        resume.check(job.configuration())
    program = job.engine.compile(model, job.loss, job.optimizer, job.options)
    causes = Causes.of(model, job.loss, job.rows)
    for sentence, category in causes.at_start(fresh=begun is None):
        warnings.warn(sentence, category, stacklevel=2)
    state = job.first_state() if begun is None else resumed_state(begun, job.first_state(), model)
    if isinstance(job.optimizer, LBFGS) and state.step:
        warnings.warn(CURVATURE_LOST, ClearpropWarning, stacklevel=2)
    job.check_batches(state.epoch)
    course, report = Course(model, state, each_step=record == "step"), Report(job, program, causes)
    loop = iterations if isinstance(job.optimizer, LBFGS) else epoch_by_epoch
    resumed = resume.path if isinstance(resume, SavedTraining) else None
    return Training(course, loop(job, course, program, report), job.configuration, resumed, causes)


_OPTIONS = [p.name for p in inspect.signature(train).parameters.values() if p.kind is p.KEYWORD_ONLY]


def fit(
    model: Sequential,
    data: Any,
    loss: str | Loss,
    optimizer: "str | Optimizer | LBFGS" = "adam",
    *,
    epochs: int,
    callbacks: Sequence[Callable[[Epoch], Any]] = (),
    resume: State | SavedTraining | None = None,
    **options: Any,
) -> History:
    """Run `train` (which see for the options) to its end, calling each callback after each epoch.

    With a checkpoint as `resume`, history and callbacks go on from where they were.

    >>> from clearprop.data import load_dataset
    >>> from clearprop.model import MLP
    >>> model = MLP([2, 8, 2], activation="tanh")
    >>> history = fit(model, load_dataset("moons", n_samples=200), "crossentropy", epochs=30, metrics=["accuracy"])
    >>> history[-1]["accuracy"] > 0.8
    True
    """
    training = train(model, data, loss, optimizer, epochs=epochs, resume=resume, **options)
    repeatable = isinstance(options.get("order", "shuffled"), str)
    history = follow(training, callbacks, resume, most=epochs if repeatable else 1)
    if history.rows and (sentence := training.causes.came_to_nothing(history[-1]["loss"], len(history))):
        warnings.warn(sentence, ClearpropWarning, stacklevel=2)
    return history


def follow(
    training: Training,
    callbacks: Sequence[Callable[[Epoch], Any]],
    resume: State | SavedTraining | None = None,
    *,
    most: int = 1,
) -> History:
    """Go on with `training`, of which `resume` is what `train` was given, to its end: what `fit` does.

    Without callbacks, `most` epochs are trained before anything is looked at.
    """
    training.callbacks = tuple(callbacks)
    history = training.history
    before = [getattr(callback, "before", lambda: 1) for callback in callbacks]
    if isinstance(resume, SavedTraining):
        history.rows.extend(dict(row) for row in resume.history)
    with ExitStack() as ending:  # which finishes whatever has started, even if something fails in between
        for callback in callbacks:
            getattr(callback, "start", lambda training: None)(training)
            ending.callback(getattr(callback, "finish", lambda training, history: None), training, history)
        ending.callback(training.close)
        if isinstance(resume, SavedTraining):
            resume.restore(callbacks)
        while epochs := training.ahead(min((unseen() for unseen in before), default=most)):
            for epoch in epochs:
                history.append(epoch.record)
                stopping = [callback for callback in callbacks if callback(epoch)]  # each is called, whoever stops
                if stopping:
                    history.stopped_by = repr(stopping[0])
                    return history
    return history
