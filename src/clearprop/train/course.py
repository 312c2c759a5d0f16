"""Where a training run is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.engine import Batches, Program, State
from clearprop.errors import DivergenceError
from clearprop.model import Sequential


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


class Course:
    """A training run's state, which the loop moves on and a `Training` shows.

    The loop's body may change the model's arrays; so they count, not the state's copy of them, except while batches are
    under way.

    Attributes
    ----------
    model : Sequential
    state : State
    unseen : int
        How many epochs may be done until somebody looks at model or state.
    stopped : bool
        Whether no epoch follows, however many were asked for.
    watcher : callable or None
        Called as ``watcher(ended)`` whenever the run is at rest: all that the state contains was also seen by whoever
        iterates.
    """

    def __init__(self, model: Sequential, state: State, *, each_step: bool = False) -> None:
        self.model, self.state = model, state
        self.unseen, self.stopped = 1, False
        self.watcher: Callable[[bool], Any] | None = None
        self._stop = np.array([each_step], dtype=np.uint8)  # a program that sees it returns after the batch it is at
        self._each_step = each_step
        self._moving = False  # whether batches are under way, so that the state may be ahead of the model's arrays
        self._at_rest = False

    def advance(
        self, program: Program, data: Dataset, batches: Batches, scalars: Array, sums: Array | None = None
    ) -> None:
        """Train on a slice of the batches: as many as take a tenth of a second, one at least."""
        before = replace(self.state, w=self.model.w, buffers=self.model.buffers)
        self._at_rest, self._moving = False, True  # and stays so, should a signal break off between the next two lines
        self.state = program.run(before, data, batches, scalars, self._stop, sums)
        self.model.w[...], self.model.buffers[...] = self.state.w, self.state.buffers
        self._moving = False

    def set(self, **changes: Any) -> None:
        """Go on from the state with these changes."""
        self._at_rest = False
        self.state = replace(self.state, **changes)

    def go_back(self, state: State, w: Array, buffers: Array) -> None:
        """To an earlier state, with these weights and buffers."""
        self.state, self._moving = state, False
        self.model.w[...], self.model.buffers[...] = w, buffers

    @contextmanager
    def moving(self) -> Iterator[None]:
        """In this block the model's arrays are not to be looked at; the state has what counts."""
        self._moving = True
        try:
            yield
        finally:
            self._moving = False

    @contextmanager
    def going_back(self, w: Array, buffers: Array) -> Iterator[None]:
        """If training turns out to have diverged, the model gets these weights and buffers."""
        try:
            yield
        except DivergenceError:
            self.model.w[...], self.model.buffers[...] = w, buffers
            raise

    def weights(self) -> tuple[Array, Array]:
        """Copies of the model's weights and buffers."""
        return self.model.w.copy(), self.model.buffers.copy()

    def snapshot(self) -> State:
        """A copy of all that the rest of the run depends on."""
        now = self.state
        w, buffers = (now.w, now.buffers) if self._moving else (self.model.w, self.model.buffers)
        return replace(now, w=w.copy(), buffers=buffers.copy(), slots=now.slots.copy(), totals=now.totals.copy())

    def rest(self, *, ended: bool = False) -> None:
        """Call the watcher: nothing is half done now."""
        self._at_rest = False  # not twice at the same time, if a signal asks for it meanwhile
        self._stop[0] = self._each_step
        if self.watcher is not None:
            self.watcher(ended)
        self._at_rest = True

    def rest_soon(self) -> None:
        """Rest now, or when the batch or the callback under way is done."""
        if self._at_rest:
            self.rest()
        else:
            self._stop[0] = 1
