"""The training loop: a generator, so that the body of your own `for` is the callback and `break` stops.

    for epoch in train(model, data, "crossentropy", Adam(), epochs=100):
        print(epoch.number, epoch["loss"])

`fit` runs that loop with callbacks and returns the history.
"""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data import Dataset, as_dataset
from clearprop.data.arrays import dense_rows, features, in_precision
from clearprop.engine import GradientOptions, Program, choose_engine, initial_state, penalties
from clearprop.errors import (
    ConfigurationError,
    DataError,
    DataWarning,
    DivergenceError,
    SaturationWarning,
    ShapeError,
)
from clearprop.losses import LOSSES, Loss
from clearprop.metrics import METRICS
from clearprop.model import Sequential, saturated_layers
from clearprop.ops import ACTIVATIONS
from clearprop.optim import LBFGS, OPTIMIZERS, Optimizer
from clearprop.randomness import ORDERS, generator
from clearprop.train.history import History
from clearprop.train.orders import Order, epoch_batches

_MANY_CLASSES = 20


@dataclass(frozen=True)
class Epoch:
    """What `train` yields: the record of one epoch (or of one step), and the model as it is now.

    Attributes
    ----------
    number, epochs : int
        This epoch, from 1, and how many were asked for.
    record : dict
        "epoch", "loss" (the mean over the epoch's batches, each before its update, without penalties), the metrics,
        "learning_rate", "seconds", "rows_per_second"; with validation also "validation_loss" and "validation_..."
        metrics.
    """

    number: int
    epochs: int
    record: dict[str, float]
    model: Sequential

    def __getitem__(self, name: str) -> float:
        return self.record[name]


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
    validation: Any = None,
    metrics: Sequence[str] = (),
    seed: int = 0,
    engine: str = "auto",
    l1: float = 0.0,
    l2: float = 0.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
) -> Iterator[Epoch]:
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
    order : str, array, list or callable
        Which rows in which order: see `epoch_batches`.
    steps_per_epoch : int, optional
    record : {"epoch", "step"}
        Yield after each epoch, or after each step (with the loss of that step's batch before its update).
    validation : Dataset, (X, y) or float, optional
        Data to report on, never trained on; a number takes that fraction of `data`.
    metrics : sequence of str
        Reported after each epoch on the training data and, with the prefix "validation_", on the validation data.
    seed : int
        Of orders, dropout and the validation split; the model has its own for its weights.
    engine : {"auto", "native", "reference"}
        What runs the model; "auto" takes machine code where it can (see `choose_engine`), else NumPy.
    l1, l2, clip_value, clip_norm : float
        See `GradientOptions`.

    Raises
    ------
    UnknownNameError, ConfigurationError, ShapeError, DataError
        Names, settings and data are checked here, before the first epoch.
    DivergenceError
        Loss or weights left the finite numbers; the model keeps the last finite weights.
    """
    if record not in ("epoch", "step"):
        raise ConfigurationError(f"record is 'epoch' or 'step', not {record!r}")
    for name, value, least in (("epochs", epochs, 0), ("batch_size", batch_size, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ConfigurationError(f"{name} is a whole number, {least} or more, not {value!r}")
    if steps_per_epoch is not None and steps_per_epoch < 1:
        raise ConfigurationError(f"steps_per_epoch is a whole number, 1 or more, not {steps_per_epoch!r}")
    generator(seed, ORDERS)
    for name in metrics:
        METRICS[name]
    loss = LOSSES[loss]() if isinstance(loss, str) else loss
    optimizer = OPTIMIZERS[optimizer]() if isinstance(optimizer, str) else optimizer
    options = GradientOptions(l1, l2, clip_value, clip_norm)
    training, held_out = _split(as_dataset(data), validation, seed)
    if not model.built:
        model.build(training.n_features)
    _check_labels(training)
    training = _for_model(training, model, loss)
    held_out = None if held_out is None else _for_model(held_out, model, loss)
    program = choose_engine(engine, model, loss, optimizer)[0].compile(model, loss, optimizer, options)
    for sentence in saturated_layers(model, dense_rows(training.X, slice(256))):
        warnings.warn(f"{sentence}; scale the inputs, or choose another init", SaturationWarning, stacklevel=2)
    report = _Report(program, loss, training, held_out, tuple(metrics))
    if isinstance(optimizer, LBFGS):
        return _minimise(model, program, optimizer, options, training, epochs, report)

    def plan(epoch: int) -> Any:
        return epoch_batches(
            order, epoch, len(training), batch_size=batch_size, steps_per_epoch=steps_per_epoch, seed=seed
        )

    return _steps(model, program, optimizer, training, epochs, plan, seed, report, record == "step")


def _steps(
    model: Sequential,
    program: Program,
    optimizer: Optimizer,
    data: Dataset,
    epochs: int,
    plan: Callable[[int], Any],
    seed: int,
    report: "_Report",
    each_step: bool,
) -> Iterator[Epoch]:
    trainable = [s for s in model.segments if s.trainable]
    factors, decays = [s.learning_rate_factor for s in trainable], [s.decays for s in trainable]
    stop = np.array([each_step], dtype=np.uint8)
    state = initial_state(model, optimizer, seed)
    carry = state.carry
    for number in range(1, epochs + 1):
        started = time.perf_counter()
        batches = plan(number)
        state = replace(state, epoch=number, position=0, totals=np.zeros(2), carry=carry)
        scalars, carry = optimizer.table(state.step + 1, len(batches), factors, decays, carry)
        while state.position < len(batches):
            before = state.totals
            # The model's own arrays go in and out, so that the loop's body may change the weights.
            state = program.run(replace(state, w=model.w, buffers=model.buffers), data, batches, scalars, stop)
            model.w[...], model.buffers[...] = state.w, state.buffers
            if each_step:
                value, weight = state.totals - before
                step = {"epoch": number, "step": state.step, "loss": _mean(value, weight)}
                yield Epoch(number, epochs, step, model)
        if not each_step:
            seconds = time.perf_counter() - started
            row = {"epoch": number, "loss": _mean(*state.totals)}
            yield report.epoch(row, number, epochs, optimizer.rate(state.step), seconds, len(batches.indices))


def _minimise(
    model: Sequential,
    program: Program,
    optimizer: LBFGS,
    options: GradientOptions,
    data: Dataset,
    epochs: int,
    report: "_Report",
) -> Iterator[Epoch]:
    trainable = np.concatenate([np.arange(s.start, s.stop) for s in model.segments if s.trainable])

    def loss_and_grad(w: Array) -> tuple[float, Array]:
        model.w[trainable] = w
        with np.errstate(all="ignore"):
            value, g = program.loss_and_grad(data.X, data.y, data.sample_weight)
        return value, g[trainable].astype(np.float64)

    first, _ = loss_and_grad(model.w[trainable])
    if not math.isfinite(first):
        raise DivergenceError(f"training diverged before the first iteration: the loss is {first}; scale the data")
    started = time.perf_counter()
    iterates = optimizer.iterates(loss_and_grad, model.w[trainable], epochs)
    best = model.w[trainable]
    try:
        for number, (w, value) in enumerate(iterates, start=1):
            best = model.w[trainable] = w
            value -= penalties(model, options)
            seconds, started = time.perf_counter() - started, time.perf_counter()
            yield report.epoch({"epoch": number, "loss": value}, number, epochs, 1.0, seconds, len(data))
    finally:
        iterates.close()  # type: ignore[attr-defined]
        model.w[trainable] = best  # the line search may have left the model elsewhere


def _mean(value: float, weight: float) -> float:
    return float(value / weight) if weight else 0.0


@dataclass(frozen=True)
class _Report:
    """What is computed after each epoch."""

    program: Program
    loss: Loss
    training: Dataset
    held_out: Dataset | None
    metrics: tuple[str, ...]

    def epoch(self, row: dict[str, float], number: int, epochs: int, rate: float, seconds: float, rows: int) -> Epoch:
        if self.metrics:
            row |= self._measure(self.training, self.program.predict(self.training.X), "")
        if self.held_out is not None:
            outputs = self.program.predict(self.held_out.X)
            with np.errstate(all="ignore"):
                value = self.loss(self.held_out.y, outputs, self.held_out.sample_weight)
            row["validation_loss"] = float(value)
            row |= self._measure(self.held_out, outputs, "validation_")
        row |= {"learning_rate": rate, "seconds": seconds, "rows_per_second": rows / max(seconds, 1e-9)}
        model: Sequential = self.program.model  # type: ignore[attr-defined]
        return Epoch(number, epochs, row, model)

    def _measure(self, data: Dataset, outputs: Array, prefix: str) -> dict[str, float]:
        if not self.metrics:
            return {}
        predictions = ACTIVATIONS[self.loss.link].forward(outputs)
        return {prefix + name: METRICS[name](data.y, predictions) for name in self.metrics}


def _split(data: Dataset, validation: Any, seed: int) -> tuple[Dataset, Dataset | None]:
    if validation is None:
        return data, None
    if isinstance(validation, int | float) and not isinstance(validation, bool):
        return data.split(validation, seed=seed)
    held_out = as_dataset(validation, "validation")
    if held_out.n_features != data.n_features:
        raise ShapeError(f"the validation data has {held_out.n_features} columns, the training data {data.n_features}")
    if held_out.target_names != data.target_names:
        held_out = _with_classes_of(data, held_out)
    return data, held_out


def _with_classes_of(data: Dataset, held_out: Dataset) -> Dataset:
    """Class numbers as in `data`: a validation set may lack some of the classes."""
    unknown = [name for name in held_out.target_names if name not in data.target_names]
    if unknown or not (data.target_names and held_out.target_names):
        what = f"the class {unknown[0]!r}" if unknown else f"a {held_out.task} target"
        raise DataError(f"the validation data has {what}, which the training data does not have")
    numbers = np.array([data.target_names.index(name) for name in held_out.target_names])
    return replace(held_out, y=numbers[held_out.y], target_names=data.target_names)


def _check_labels(data: Dataset) -> None:
    if len(data.target_names) == 1:
        raise DataError(f"y has one class ({data.target_names[0]!r}); a classifier needs at least 2")
    if _MANY_CLASSES < data.n_classes > len(data) / 2:
        warnings.warn(
            f"{data.n_classes} classes in {len(data)} rows: is y an identifier, or a quantity (pass floats)?",
            DataWarning,
            stacklevel=3,
        )


def _for_model(data: Dataset, model: Sequential, loss: Loss) -> Dataset:
    """The data in the model's precision, its shapes checked against the model and the loss."""
    if data.n_features != model.n_in:
        raise ShapeError(f"{data.name} has {data.n_features} columns, but the model takes {model.n_in} inputs")
    _check_classes(data, model, loss)
    X = in_precision(data.X, model.dtype, "X", data.feature_names)
    loss.targets(data.y, np.broadcast_to(np.zeros((), model.dtype), (len(data), model.n_out)))
    return data if X is data.X else replace(data, X=X)


def _check_classes(data: Dataset, model: Sequential, loss: Loss) -> None:
    """Refuse class numbers where quantities are meant, and the other way round: both would train, on nonsense."""
    names = data.target_names
    yes_or_no = len(names) == 2 and (loss.link == "sigmoid" or names in (("0", "1"), ("False", "True")))
    if names and model.n_out == 1 and not yes_or_no:
        raise DataError(
            f"y holds {len(names)} classes (whole numbers or text), but the network has 1 output; for quantities "
            "pass floats, as y.astype(float); for classes give the network one output for each"
        )
    if not names and data.y.ndim == 1 and model.n_out > 1:
        raise DataError(
            f"y holds quantities (floats), one for each row, but the network has {model.n_out} outputs; for "
            "classes pass whole numbers, as y.astype(int); for quantities give the network one output"
        )


def fit(
    model: Sequential,
    data: Any,
    loss: str | Loss,
    optimizer: "str | Optimizer | LBFGS" = "adam",
    *,
    epochs: int,
    callbacks: Sequence[Callable[[Epoch], Any]] = (),
    **options: Any,
) -> History:
    """Run `train` (which see for the options) to its end, calling each callback after each epoch.

    >>> from clearprop.data import load_dataset
    >>> from clearprop.model import MLP
    >>> model = MLP([2, 8, 2], activation="tanh")
    >>> history = fit(model, load_dataset("moons", n_samples=200), "crossentropy", epochs=30, metrics=["accuracy"])
    >>> history[-1]["accuracy"] > 0.8
    True
    """
    history = History()
    epochs_of_training = train(model, data, loss, optimizer, epochs=epochs, **options)
    with ExitStack() as ending:  # which finishes whatever has started, even if something fails in between
        for callback in callbacks:
            getattr(callback, "start", lambda model: None)(model)
            ending.callback(getattr(callback, "finish", lambda model, history: None), model, history)
        ending.callback(epochs_of_training.close)  # type: ignore[attr-defined]
        for epoch in epochs_of_training:
            history.append(epoch.record)
            stopping = [callback for callback in callbacks if callback(epoch)]  # each is called, whoever stops
            if stopping:
                history.stopped_by = repr(stopping[0])
                break
    return history


def predict(model: Sequential, X: Any, *, link: str = "identity", engine: str = "auto") -> Array:
    """The model's predictions, of shape (n, n_out): its outputs after `link` (a loss's `link`: "softmax", ...).

    X is an array or a sparse matrix.

    Raises
    ------
    ShapeError, DataError
        X has not n_in columns, or a value that is not a finite number.

    >>> from clearprop.model import MLP
    >>> predict(MLP([2, 3]), [[0.0, 0.0]], link="softmax")
    array([[0.33333333, 0.33333333, 0.33333333]])
    """
    X = features(X, "X")
    if X.ndim != 2:
        raise ShapeError(f"predict takes an array of shape (n, {model.n_in}), not {X.shape}; one row is X[None, :]")
    X = in_precision(X, model.dtype, "X")
    loss, optimizer = LOSSES["mse"](), OPTIMIZERS["sgd"]()  # neither matters for prediction
    program = choose_engine(engine, model, loss, optimizer)[0].compile(model, loss, optimizer, GradientOptions())
    return np.asarray(ACTIVATIONS[link].forward(program.predict(X)))
