"""The training loop: a generator, so that the body of your own `for` is the callback and `break` stops.

    for epoch in train(model, data, "crossentropy", Adam(), epochs=100):
        print(epoch.number, epoch["loss"])

`fit` runs that loop with callbacks and returns the history.
"""

import functools
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
from clearprop.engine import Batches, GradientOptions, Program, State, added_up, choose_engine, initial_state, penalties
from clearprop.errors import (
    ClearpropWarning,
    ConfigurationError,
    DataError,
    DataWarning,
    DivergenceError,
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
from clearprop.train.history import History
from clearprop.train.orders import Order, epoch_batches
from clearprop.train.saved import Configuration, SavedTraining, describe_order, fingerprint

_MANY_CLASSES = 20
AHEAD = 2**15  # rows that epochs trained at once have together, at most


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
    penalty_in_sum: bool = False,
    resume: State | SavedTraining | None = None,
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
    UnknownNameError, ConfigurationError, ShapeError, DataError
        Names, settings and data are checked here, before the first epoch.
    CheckpointError
        The checkpoint to resume is of another model, loss, optimiser, ..., or of other data.
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
    begun = resume.state if isinstance(resume, SavedTraining) else resume
    seed = seed if begun is None else begun.seed
    generator(seed, ORDERS)
    for name in metrics:
        METRICS[name]
    loss = LOSSES[loss]() if isinstance(loss, str) else loss
    optimizer = OPTIMIZERS[optimizer]() if isinstance(optimizer, str) else optimizer
    options = GradientOptions(l1, l2, clip_value, clip_norm, penalty_in_sum)
    training, held_out = _split(as_dataset(data), validation, seed)
    if not model.built:
        model.build(training.n_features)
    _check_labels(training)
    training = _for_model(training, model, loss)
    held_out = None if held_out is None else _for_model(held_out, model, loss)
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
            "training rows": fingerprint(training),
            "validation rows": None if held_out is None else fingerprint(held_out),
            "engine": chosen.name,
        }

    if isinstance(resume, SavedTraining):
        resume.check(configuration())
    program = chosen.compile(model, loss, optimizer, options)
    for sentence in saturated_layers(model, dense_rows(training.X, slice(256))) if resume is None else ():
        warnings.warn(f"{sentence}; scale the inputs, or choose another init", SaturationWarning, stacklevel=2)
    report = _Report(program, loss, training, held_out, tuple(metrics))
    run = _Run(model, _start(model, optimizer, seed) if begun is None else _resumed(begun, model, optimizer))
    resumed = resume.path if isinstance(resume, SavedTraining) else None
    if isinstance(optimizer, LBFGS):
        if run.state.step:
            warnings.warn(
                "L-BFGS goes on from its weights, but without the curvature it had seen: by other steps, to other "
                "digits, than without the interruption",
                ClearpropWarning,
                stacklevel=2,
            )
        minimising = _minimise(run, program, optimizer, options, training, epochs, report)
        return Training(run, minimising, configuration, resumed)

    def plan(epoch: int) -> Any:
        return epoch_batches(
            order, epoch, len(training), batch_size=batch_size, steps_per_epoch=steps_per_epoch, seed=seed
        )

    ordinary = all(isinstance(layer, Dense | Activation | BatchNorm | LayerNorm) for layer in model.layers)
    joinable = ordinary and isinstance(order, str) and record == "epoch" and held_out is None and not metrics
    together = AHEAD // len(training) if joinable else 1
    run.each_step = record == "step"
    steps = _steps(run, program, optimizer, training, epochs, plan, report, together)
    return Training(run, steps, configuration, resumed)


def _start(model: Sequential, optimizer: "Optimizer | LBFGS", seed: int) -> State:
    # L-BFGS takes no steps; SGD's state has no slots either
    return initial_state(model, optimizer if isinstance(optimizer, Optimizer) else OPTIMIZERS["sgd"](), seed)


def _resumed(state: State, model: Sequential, optimizer: "Optimizer | LBFGS") -> State:
    """`state`, once it is known to fit; the model gets its weights."""
    expected = _start(model, optimizer, state.seed)
    for name in ("w", "buffers", "slots"):
        found, needed = getattr(state, name), getattr(expected, name)
        if found.shape != needed.shape or found.dtype != needed.dtype:
            raise ConfigurationError(
                f"the state to resume has {name} of shape {found.shape}, {found.dtype}, but this model and optimizer "
                f"need {needed.shape}, {needed.dtype}; give train the model and optimizer of that run"
            )
    if len(state.carry) != len(expected.carry):
        raise ConfigurationError("the state to resume is of another optimizer; give train the optimizer of that run")
    model.w[...], model.buffers[...] = state.w, state.buffers
    return state


class Training(Iterator[Epoch]):
    """A training run under way: iterate over it, and each `Epoch` comes.

    Attributes
    ----------
    model : Sequential
    configuration : callable
        Gives what a run that resumes this one must have too, as a dictionary.
    resumed : str or None
        The checkpoint that this run goes on from.
    history : History
        What `fit` has recorded so far, earlier runs included.
    callbacks : tuple
        Those that `fit` was given.
    """

    def __init__(
        self, run: "_Run", epochs: Iterator[Epoch], configuration: Configuration, resumed: str | None = None
    ) -> None:
        self.model, self._run, self._epochs = run.model, run, epochs
        self.configuration, self.resumed = configuration, resumed
        self.history = History()
        self.callbacks: tuple[Any, ...] = ()

    def __next__(self) -> Epoch:
        return next(self._epochs)

    def close(self) -> None:
        """End the run."""
        self._epochs.close()  # type: ignore[attr-defined]

    @property
    def state(self) -> State:
        """A copy of everything the rest of the run depends on: `train(resume=state)` goes on, to the same bits."""
        now, run = self._run.state, self._run
        w, buffers = (now.w, now.buffers) if run.running else (run.model.w, run.model.buffers)
        return replace(now, w=w.copy(), buffers=buffers.copy(), slots=now.slots.copy(), totals=now.totals.copy())

    @property
    def place(self) -> tuple[int, int]:
        """The epoch under way, and how many of its batches are done."""
        return self._run.state.epoch, self._run.state.position

    def at_rest(self, watcher: Callable[[bool], Any] | None) -> None:
        """Call `watcher(ended)` whenever all that `state` contains was also seen by whoever iterates.

        That is before each epoch, after each slice of it (at most 100 ms, or one batch) and, with `ended`, after the
        last epoch.  It may raise.
        """
        self._run.watcher = watcher

    def rest(self) -> None:
        """Have the watcher called soon: at once, or when the batch or the callback under way is done."""
        if self._run.settled:
            self._run.rest()
        else:
            self._run.stop[0] = 1


class _Run:
    """What a `Training` and the generator of its epochs share; were they one, a circle would keep it from ending."""

    def __init__(self, model: Sequential, state: State) -> None:
        self.model, self.state = model, state
        self.stop = np.zeros(1, dtype=np.uint8)
        self.each_step = False
        self.running = False  # whether batches are under way; `state` may then be ahead of the model's arrays
        self.settled = False  # whether whoever iterates has seen all that `state` contains
        self.watcher: Callable[[bool], Any] | None = None
        self.unseen = False  # whether nobody looks at model or state between epochs

    def advance(
        self, program: Program, data: Dataset, batches: Batches, scalars: Array, sums: Array | None = None
    ) -> State:
        """The state after a slice of batches, which the model's arrays have too."""
        # The model's own arrays go in, so that the loop's body may change the weights.
        before = replace(self.state, w=self.model.w, buffers=self.model.buffers)
        self.settled = False
        self.running = True
        self.state = program.run(before, data, batches, scalars, self.stop, sums)
        self.model.w[...], self.model.buffers[...] = self.state.w, self.state.buffers
        self.running = False
        return self.state

    def set(self, **changes: Any) -> State:
        """The state with these changes."""
        self.settled = False
        self.state = replace(self.state, **changes)
        return self.state

    def rest(self, *, ended: bool = False) -> None:
        """Call the watcher: nothing is half done now."""
        self.settled = False  # not twice at the same time, if a signal asks for it meanwhile
        self.stop[0] = self.each_step
        if self.watcher is not None:
            self.watcher(ended)
        self.settled = True


def _steps(
    run: _Run,
    program: Program,
    optimizer: Optimizer,
    data: Dataset,
    epochs: int,
    plan: Callable[[int], Any],
    report: "_Report",
    together: int,
) -> Iterator[Epoch]:
    model, state, each_step = run.model, run.state, run.each_step
    while (number := state.epoch) <= epochs:
        run.rest()
        started = time.perf_counter()
        if together > 1 and run.unseen and state.position == 0:
            upcoming = range(number, min(number + together, epochs + 1))
            found = _at_once(run, program, optimizer, data, [plan(epoch) for epoch in upcoming])
            if found is not None:
                seconds = (time.perf_counter() - started) / len(upcoming)
                for epoch, (totals, last, rows) in zip(upcoming, found, strict=True):
                    row = {"epoch": epoch, "loss": _mean(*totals)}
                    yield report.epoch(row, epoch, epochs, optimizer.rate(last), seconds, rows)
                state = run.state
                continue
            together = 1  # it diverged: once more, to end where it would have ended epoch by epoch
        batches = plan(number)
        if state.position > len(batches):
            raise ConfigurationError(
                f"the state to resume has done {state.position} batches of epoch {number}, which has {len(batches)}; "
                "give train the data and the batch_size of that run"
            )
        scalars, carry = _table(optimizer, model, state, batches)
        while state.position < len(batches):
            before = state.totals
            state = run.advance(program, data, batches, scalars)
            if each_step:
                value, weight = state.totals - before
                step = {"epoch": number, "step": state.step, "loss": _mean(value, weight)}
                yield Epoch(number, epochs, step, model)
            run.rest()
        result = None
        if not each_step:
            seconds = time.perf_counter() - started
            row = {"epoch": number, "loss": _mean(*state.totals)}
            result = report.epoch(row, number, epochs, optimizer.rate(state.step), seconds, len(batches.indices))
        state = run.set(epoch=number + 1, position=0, totals=np.zeros(2), carry=carry)
        if result:
            yield result
    run.rest(ended=True)


def _table(optimizer: Optimizer, model: Sequential, state: State, batches: Batches) -> Any:
    """The optimiser's table for these batches, of which `state.position` are done, and its carry after them."""
    trainable = [s for s in model.segments if s.trainable]
    factors, decays = [s.learning_rate_factor for s in trainable], [s.decays for s in trainable]
    return optimizer.table(state.step - state.position + 1, len(batches), factors, decays, state.carry)


def _at_once(
    run: _Run, program: Program, optimizer: Optimizer, data: Dataset, plans: Sequence[Batches]
) -> list[tuple[Array, int, int]] | None:
    """Trains several epochs as if they were one, for speed: totals, last step and rows of each.

    Between epochs Python takes longer than a small network's epoch.  None if training diverged; the state is then as it
    was before.
    """
    ends = np.cumsum([len(batches) for batches in plans])
    starts = np.cumsum([0, *(len(batches.indices) for batches in plans)])
    offsets = [batches.offsets[1:] + start for batches, start in zip(plans, starts, strict=False)]
    batches = Batches(np.concatenate([batches.indices for batches in plans]), np.concatenate([[0], *offsets]))
    before = state = run.set(w=run.model.w.copy(), buffers=run.model.buffers.copy())
    scalars, carry = _table(optimizer, run.model, state, batches)
    sums = np.empty((2, len(batches)))
    try:
        while state.position < len(batches):
            state = run.advance(program, data, batches, scalars, sums)
    except DivergenceError:
        run.state, run.running = before, False
        run.model.w[...], run.model.buffers[...] = before.w, before.buffers
        return None
    run.set(epoch=before.epoch + len(plans), position=0, totals=np.zeros(2), carry=carry)
    parts = zip(np.split(sums, ends[:-1], axis=1), ends.tolist(), plans, strict=True)
    return [(added_up(np.zeros(2), part), before.step + end, len(plan.indices)) for part, end, plan in parts]


def _minimise(
    run: _Run,
    program: Program,
    optimizer: LBFGS,
    options: GradientOptions,
    data: Dataset,
    epochs: int,
    report: "_Report",
) -> Iterator[Epoch]:
    model, done = run.model, run.state.step
    trainable = np.concatenate([np.arange(s.start, s.stop) for s in model.segments if s.trainable])
    weight = program.loss.weight_of(len(data), data.sample_weight)  # type: ignore[attr-defined]

    def loss_and_grad(w: Array) -> tuple[float, Array]:
        model.w[trainable] = w
        with np.errstate(all="ignore"):
            value, g = program.loss_and_grad(data.X, data.y, data.sample_weight)
        return value, g[trainable].astype(np.float64)

    first, _ = loss_and_grad(model.w[trainable])
    if not math.isfinite(first):
        raise DivergenceError(f"training diverged before the first iteration: the loss is {first}; scale the data")
    started = time.perf_counter()
    iterates = optimizer.iterates(loss_and_grad, model.w[trainable], epochs - done)
    best = model.w[trainable]
    run.rest()
    try:
        # While the line search changes the model, the state has the weights.
        run.state, run.running = replace(run.state, w=model.w.copy()), True
        for number, (w, value) in enumerate(iterates, start=done + 1):
            best = model.w[trainable] = w
            run.set(step=number, epoch=number + 1, w=model.w.copy())
            run.running = False
            value -= penalties(model, options, weight)
            seconds, started = time.perf_counter() - started, time.perf_counter()
            yield report.epoch({"epoch": number, "loss": value}, number, epochs, 1.0, seconds, len(data))
            run.rest()
            run.state, run.running = replace(run.state, w=model.w.copy()), True
    finally:
        iterates.close()  # type: ignore[attr-defined]
        model.w[trainable] = best  # the line search may have left the model elsewhere
        run.running = False
    run.rest(ended=True)


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
    training._run.unseen, training.callbacks = not callbacks, tuple(callbacks)
    history = training.history
    if isinstance(resume, SavedTraining):
        history.rows.extend(dict(row) for row in resume.history)
    with ExitStack() as ending:  # which finishes whatever has started, even if something fails in between
        for callback in callbacks:
            getattr(callback, "start", lambda training: None)(training)
            ending.callback(getattr(callback, "finish", lambda training, history: None), training, history)
        ending.callback(training.close)
        if isinstance(resume, SavedTraining):
            resume.restore(callbacks)
        for epoch in training:
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
