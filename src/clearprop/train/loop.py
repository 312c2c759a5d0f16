"""The training loop: a generator, so that the body of your own `for` is the callback and `break` stops.

    for epoch in train(model, data, "crossentropy", Adam(), epochs=100):
        print(epoch.number, epoch["loss"])

`fit` runs that loop with callbacks and returns the history.
"""

import functools
import inspect
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data import as_dataset
from clearprop.data.arrays import dense_rows, features, in_precision
from clearprop.engine import GradientOptions, State, choose_engine
from clearprop.ensemble import Model, networks
from clearprop.errors import (
    ClearpropWarning,
    ConfigurationError,
    SaturationWarning,
    ShapeError,
)
from clearprop.layers import Activation, BatchNorm, Dense, LayerNorm
from clearprop.losses import LOSSES, Loss
from clearprop.metrics import METRICS
from clearprop.model import Sequential, saturated_layers
from clearprop.ops import ACTIVATIONS
from clearprop.optim import LBFGS, OPTIMIZERS, Optimizer
from clearprop.randomness import ORDERS, generator
from clearprop.train.causes import Causes, twice_linked
from clearprop.train.checks import check_labels, check_rows, for_model, split
from clearprop.train.habits import refuse_options
from clearprop.train.history import History
from clearprop.train.orders import Order, epoch_batches
from clearprop.train.rows import TrainingRows
from clearprop.train.saved import SavedTraining, describe_order, fingerprint
from clearprop.train.training import (
    Epoch,
    Report,
    Run,
    Training,
    epochs_at_once,
    first_state,
    minimise,
    resumed_state,
    steps,
)

SINGLE_THREADED = 2**18  # multiplications that OpenBLAS, in NumPy, does without its other threads


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
    if record not in ("epoch", "step"):
        raise ConfigurationError(f"record is 'epoch' or 'step', not {record!r}")
    for name, value, least in (("epochs", epochs, 0), ("batch_size", batch_size, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ConfigurationError(f"{name} is a whole number, {least} or more, not {value!r}")
    if steps_per_epoch is not None and steps_per_epoch < 1:
        raise ConfigurationError(f"steps_per_epoch is a whole number, 1 or more, not {steps_per_epoch!r}")
    begun = resume.state if isinstance(resume, SavedTraining) else resume
    seed = seed if begun is None else begun.seed
    generator(seed, ORDERS)
    for name in metrics:
        METRICS[name]
    loss = LOSSES[loss]() if isinstance(loss, str) else loss
    optimizer = OPTIMIZERS[optimizer]() if isinstance(optimizer, str) else optimizer
    options = GradientOptions(l1, l2, clip_value, clip_norm, penalty_in_sum)
    data, numbers, held_out = split(as_dataset(data), rows, validation, seed)
    if not model.built:
        model.build(data.n_features)
    check_labels(data)
    training = TrainingRows(for_model(data, model, loss), numbers)
    check_rows(training, model)
    held_out = None if held_out is None else for_model(held_out, model, loss)
    chosen = choose_engine(engine, model, loss, optimizer)[0]

    @functools.cache
    def configuration() -> dict[str, Any]:
        return {
            "model": repr(model),
            "loss": repr(loss),
            "optimizer": repr(optimizer),
            "gradient": repr(options),
            "batch_size": int(batch_size),
            "order": describe_order(order),
            "steps_per_epoch": None if steps_per_epoch is None else int(steps_per_epoch),
            "record": record,
            "metrics": list(metrics),
            "training rows": fingerprint(training.whole()),
            "validation rows": None if held_out is None else fingerprint(held_out),
            "engine": chosen.name,
        }

    if isinstance(resume, SavedTraining):
        resume.check(configuration())
    program = chosen.compile(model, loss, optimizer, options)
    first = dense_rows(training.take(np.arange(min(_few_rows(model), len(training)))).X, slice(None))
    causes = Causes(model, loss, training, len(first))
    for sentence in saturated_layers(model, first) if resume is None else ():
        large = causes.column().partition(":")[0]
        scale = f"scale the inputs ({large})" if large else "scale the inputs"
        warnings.warn(f"{sentence}; {scale}, or choose another init", SaturationWarning, stacklevel=2)
    if sentence := twice_linked(model, loss):
        warnings.warn(sentence, ClearpropWarning, stacklevel=2)
    report = Report(program, loss, training, held_out, tuple(metrics), penalty_in_sum, causes)
    run = Run(model, first_state(model, optimizer, seed) if begun is None else resumed_state(begun, model, optimizer))
    resumed = resume.path if isinstance(resume, SavedTraining) else None
    if isinstance(optimizer, LBFGS):
        if run.state.step:
            warnings.warn(
                "L-BFGS goes on from its weights, but without the curvature it had seen: by other steps, to other "
                "digits, than without the interruption",
                ClearpropWarning,
                stacklevel=2,
            )
        minimising = minimise(run, program, optimizer, options, training.whole(), epochs, report)
        return Training(run, minimising, configuration, resumed, causes)

    def plan(epoch: int) -> Any:
        batches = epoch_batches(
            order,
            epoch,
            len(training),
            batch_size=batch_size,
            steps_per_epoch=steps_per_epoch,
            seed=seed,
            least_rows=model.least_rows,
        )
        return training.batches(batches)

    if batch_size < model.least_rows and not callable(order):
        plan(run.state.epoch)  # refused now, unless the order is a list of larger batches
    ordinary = all(isinstance(layer, Dense | Activation | BatchNorm | LayerNorm) for layer in model.layers)
    joinable = ordinary and record == "epoch" and held_out is None and not metrics
    together = epochs_at_once(len(training), len(model.w)) if joinable else 1
    run.each_step = record == "step"
    epochs_by_steps = steps(run, program, optimizer, training.data, epochs, plan, report, together)
    return Training(run, epochs_by_steps, configuration, resumed, causes)


_OPTIONS = [p.name for p in inspect.signature(train).parameters.values() if p.kind is p.KEYWORD_ONLY]


def _few_rows(model: Sequential) -> int:
    """How many rows to look at before training: 16 to 256, if possible so few that NumPy uses one thread.

    OpenBLAS's threads, once woken, wait busily for a tenth of a second, on processors that training is about to use.
    """
    sizes = (p.size for values in model.parameter_views(model.w) for p in values.values())
    return min(max(SINGLE_THREADED // max(sizes, default=1), 16), 256)


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


def predict(model: Model, X: Any, *, link: str = "identity", engine: str = "auto") -> Array:
    """The model's predictions, of shape (n, n_out): its outputs after `link` (a loss's `link`: "softmax", ...).

    X is an array or a sparse matrix.  Of an `Ensemble` it is the mean of the members' predictions.

    Raises
    ------
    ShapeError, DataError
        X has not n_in columns, or a value that is not a finite number.
    ConfigurationError
        `model` is no network: a saved model and an estimator have a `predict` of their own.

    >>> from clearprop.model import MLP
    >>> predict(MLP([2, 3]), [[0.0, 0.0]], link="softmax")
    array([[0.33333333, 0.33333333, 0.33333333]])
    """
    if not isinstance(model, Model):
        own = "; it has a method of its own: model.predict(X)" if hasattr(model, "predict") else "; pass a network"
        raise ConfigurationError(f"predict takes a network, not {type(model).__name__}{own}")
    X = features(X, "X")
    if X.ndim != 2:
        raise ShapeError(f"predict takes an array of shape (n, {model.n_in}), not {X.shape}; one row is X[None, :]")
    X = in_precision(X, model.dtype, "X")
    found = [_answers(network, X, link, engine) for network in networks(model)]
    return found[0] if isinstance(model, Sequential) else np.mean(found, axis=0, dtype=np.float64).astype(model.dtype)


def _answers(network: Sequential, X: Any, link: str, engine: str) -> Array:
    """What one network predicts."""
    loss, optimizer = LOSSES["mse"](), OPTIMIZERS["sgd"]()  # neither matters for prediction
    program = choose_engine(engine, network, loss, optimizer)[0].compile(network, loss, optimizer, GradientOptions())
    return np.asarray(ACTIVATIONS[link].forward(program.predict(X)))
