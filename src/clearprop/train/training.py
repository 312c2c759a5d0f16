"""A training run under way: epoch after epoch, slice after slice, and the state that all its future depends on."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.engine import Batches, GradientOptions, Program, State, added_up, initial_state, penalties
from clearprop.errors import ConfigurationError, DivergenceError
from clearprop.losses import Loss
from clearprop.metrics import METRICS
from clearprop.model import Sequential
from clearprop.ops import ACTIVATIONS
from clearprop.optim import LBFGS, OPTIMIZERS, Optimizer
from clearprop.train.causes import Causes
from clearprop.train.history import History
from clearprop.train.rows import TrainingRows
from clearprop.train.saved import Configuration

AHEAD = 2**17  # rows that epochs trained at once have together, at most,
WORK = 2**30  # and rows times parameters: a tenth of a second


def epochs_at_once(rows: int, parameters: int) -> int:
    """How many epochs of so many rows are trained at once, if nobody looks at the model in between; 0 is one by one."""
    return min(AHEAD, WORK // max(parameters, 1)) // rows


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
        metrics; with `penalty_in_sum` the "penalty" that the loss is without.
    """

    number: int
    epochs: int
    record: dict[str, float]
    model: Sequential

    def __getitem__(self, name: str) -> float:
        return self.record[name]


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
    causes : Causes
        What its losses are measured by, and what may be wrong with the data.
    """

    def __init__(
        self,
        run: "Run",
        epochs: Iterator[Epoch],
        configuration: Configuration,
        resumed: str | None,
        causes: Causes,
    ) -> None:
        self.model, self._run, self._epochs = run.model, run, epochs
        self.configuration, self.resumed, self.causes = configuration, resumed, causes
        self.history = History()
        self.callbacks: tuple[Any, ...] = ()

    def __next__(self) -> Epoch:
        try:
            return next(self._epochs)
        except DivergenceError as error:
            if column := self.causes.column():
                error.args = (f"{error}; {column}",)
            raise

    def ahead(self, most: int) -> list[Epoch]:
        """The next epoch, or at most as many as `most`, for those who look at model and state only after the last.

        An order that is a function is asked for all of them first.  Empty at the end.
        """
        self._run.unseen = most
        first = next(self, None)
        return [] if first is None else [first, *(next(self) for _ in range(self._run.following))]

    def stop(self) -> None:
        """End after the epochs that are done, as if no more had been asked for."""
        self._run.stopped = True

    @property
    def stopped(self) -> bool:
        """Whether somebody has called `stop`."""
        return self._run.stopped

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


class Run:
    """What a `Training` and the generator of its epochs share; were they one, a circle would keep it from ending."""

    def __init__(self, model: Sequential, state: State) -> None:
        self.model, self.state = model, state
        self.stop = np.zeros(1, dtype=np.uint8)
        self.each_step = False
        self.running = False  # whether batches are under way; `state` may then be ahead of the model's arrays
        self.settled = False  # whether whoever iterates has seen all that `state` contains
        self.watcher: Callable[[bool], Any] | None = None
        self.stopped = False  # whether no epoch follows, however many were asked for
        self.unseen = 1  # epochs until somebody looks at model or state
        self.following = 0  # epochs that are done, but not yet yielded

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


def steps(
    run: Run,
    program: Program,
    optimizer: Optimizer,
    data: Dataset,
    epochs: int,
    plan: Callable[[int], Any],
    report: "Report",
    together: int,
) -> Iterator[Epoch]:
    model, state, each_step = run.model, run.state, run.each_step
    drawn: dict[int, Batches] = {}
    while (number := state.epoch) <= epochs and not run.stopped:
        run.rest()
        started = time.perf_counter()
        upcoming = range(number, min(number + min(together, run.unseen), epochs + 1))
        if len(upcoming) > 1 and state.position == 0:
            drawn = {epoch: plan(epoch) for epoch in upcoming}
            found = _at_once(run, program, optimizer, data, report, list(drawn.values()))
            if found is not None:
                seconds = (time.perf_counter() - started) / len(upcoming)
                for epoch, (totals, last, rows) in zip(upcoming, found, strict=True):
                    run.following = upcoming[-1] - epoch
                    row = report.losses(epoch, totals)
                    yield report.epoch(row, epoch, epochs, optimizer.rate(last), seconds, rows)
                state = run.state
                continue
            together = 1  # it diverged: once more, to end where it would have ended epoch by epoch
        batches = drawn[number] if number in drawn else plan(number)
        if state.position > len(batches):
            raise ConfigurationError(
                f"the state to resume has done {state.position} batches of epoch {number}, which has {len(batches)}; "
                "give train the data and the batch_size of that run"
            )
        scalars, carry = _table(optimizer, model, state, batches)
        good = model.w.copy(), model.buffers.copy()
        while state.position < len(batches):
            before = state.totals
            state = run.advance(program, data, batches, scalars)
            if each_step:
                with _going_back(model, good):
                    row = report.losses(number, state.totals - before, step=state.step)
                yield Epoch(number, epochs, row, model)
                good = model.w.copy(), model.buffers.copy()
            run.rest()
        result = None
        if not each_step:
            seconds = time.perf_counter() - started
            with _going_back(model, good):
                row = report.losses(number, state.totals)
            result = report.epoch(row, number, epochs, optimizer.rate(state.step), seconds, len(batches.indices))
        state = run.set(epoch=number + 1, position=0, totals=np.zeros(3), carry=carry)
        if result:
            yield result
    run.rest(ended=True)


@contextmanager
def _going_back(model: Sequential, good: tuple[Array, Array]) -> Iterator[None]:
    """If training has diverged, the model gets the weights and buffers from before."""
    try:
        yield
    except DivergenceError:
        model.w[...], model.buffers[...] = good
        raise


def _table(optimizer: Optimizer, model: Sequential, state: State, batches: Batches) -> Any:
    """The optimiser's table for these batches, of which `state.position` are done, and its carry after them."""
    trainable = [s for s in model.segments if s.trainable]
    factors, decays = [s.learning_rate_factor for s in trainable], [s.decays for s in trainable]
    return optimizer.table(state.step - state.position + 1, len(batches), factors, decays, state.carry)


def _at_once(
    run: Run, program: Program, optimizer: Optimizer, data: Dataset, report: "Report", plans: Sequence[Batches]
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
    sums = np.empty((3, len(batches)))
    try:
        while state.position < len(batches):
            state = run.advance(program, data, batches, scalars, sums)
        parts = np.split(sums, ends[:-1], axis=1)
        totals = [added_up(np.zeros(3), part) for part in parts]
        for epoch, total in enumerate(totals, start=before.epoch):
            report.losses(epoch, total)  # which raises if one has grown beyond sense
    except DivergenceError:
        run.state, run.running = before, False
        run.model.w[...], run.model.buffers[...] = before.w, before.buffers
        return None
    run.set(epoch=before.epoch + len(plans), position=0, totals=np.zeros(3), carry=carry)
    found = zip(totals, ends.tolist(), plans, strict=True)
    return [(total, before.step + end, len(plan.indices)) for total, end, plan in found]


def minimise(
    run: Run,
    program: Program,
    optimizer: LBFGS,
    options: GradientOptions,
    data: Dataset,
    epochs: int,
    report: "Report",
) -> Iterator[Epoch]:
    """The epochs of L-BFGS: each an iteration on all data."""
    model, done = run.model, run.state.step
    trainable: Any = np.concatenate([np.arange(s.start, s.stop) for s in model.segments if s.trainable])
    if len(trainable) == len(model.w):
        trainable = slice(None)  # the same, without a copy at each evaluation
    weight = program.loss.weight_of(len(data), data.sample_weight)  # type: ignore[attr-defined]
    objective = program.objective(data.X, data.y, data.sample_weight)

    def loss_and_grad(w: Array) -> tuple[float, Array]:
        model.w[trainable] = w
        with np.errstate(all="ignore"):
            value, g = objective()
        return value, g[trainable].astype(np.float64, copy=False)

    best = model.w[trainable].copy()
    first, _ = loss_and_grad(best)
    if not math.isfinite(first):
        raise DivergenceError(f"training diverged before the first iteration: the loss is {first}; scale the data")
    started = time.perf_counter()

    def after(w: Array, value: float) -> Epoch:
        """The iteration that has come to these weights."""
        nonlocal best, started
        best = model.w[trainable] = w
        number = run.state.epoch
        run.set(step=number, epoch=number + 1, w=model.w.copy())
        penalty = penalties(model, options, weight)
        row = {"epoch": number, "loss": value - penalty} | ({"penalty": penalty} if options.penalty_in_sum else {})
        seconds, started = time.perf_counter() - started, time.perf_counter()
        return report.epoch(row, number, epochs, 1.0, seconds, len(data))

    run.rest()
    # While the line search changes the model, the state has the weights.
    run.state, run.running = replace(run.state, w=model.w.copy()), True
    try:
        if run.unseen >= epochs - done > 0:  # nobody looks at the model in between
            found: list[Epoch] = []
            optimizer.minimise(loss_and_grad, best, epochs - done, lambda w, value: found.append(after(w, value)))
            for run.following, epoch in zip(reversed(range(len(found))), found, strict=True):
                yield epoch
        else:
            with closing(optimizer.iterates(loss_and_grad, best, epochs - done)) as iterates:
                for w, value in iterates:
                    yield after(w, value)
                    if run.stopped:
                        break
                    run.rest()
    finally:
        model.w[trainable] = best  # the line search may have left the model elsewhere
        run.running = False
    run.rest(ended=True)


def _mean(value: float, weight: float) -> float:
    return float(value / weight) if weight else 0.0


@dataclass(frozen=True)
class Report:
    """What is computed after each epoch."""

    program: Program
    loss: Loss
    training: TrainingRows
    held_out: Dataset | None
    metrics: tuple[str, ...]
    penalty_in_sum: bool
    causes: Causes

    def losses(self, epoch: int, totals: Array, **more: float) -> dict[str, float]:
        """The means of loss and penalty over batches of these totals."""
        value, weight, penalty = totals
        row = {"epoch": epoch, **more, "loss": _mean(value, weight)}
        if self.causes.beyond_sense(row["loss"]):
            raise DivergenceError(
                f"training diverged in epoch {epoch}: the loss has grown from {self.causes.start:.2g} at the start to "
                f"{row['loss']:.2g}; lower the learning rate, scale the data, or clip gradients with clip_norm=1. "
                "The last weights before are kept"
            )
        return row | {"penalty": _mean(penalty, weight)} if self.penalty_in_sum else row

    def epoch(self, row: dict[str, float], number: int, epochs: int, rate: float, seconds: float, rows: int) -> Epoch:
        if self.metrics:
            training = self.training.whole()
            row |= self._measure(training, self.program.predict(training.X), "")
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


def first_state(model: Sequential, optimizer: "Optimizer | LBFGS", seed: int) -> State:
    # L-BFGS takes no steps; SGD's state has no slots either
    return initial_state(model, optimizer if isinstance(optimizer, Optimizer) else OPTIMIZERS["sgd"](), seed)


def resumed_state(state: State, model: Sequential, optimizer: "Optimizer | LBFGS") -> State:
    """`state`, once it is known to fit; the model gets its weights."""
    expected = first_state(model, optimizer, state.seed)
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
