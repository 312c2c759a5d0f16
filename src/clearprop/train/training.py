"""A training run under way, as whoever started it sees it."""

from collections.abc import Callable, Iterator
from typing import Any

from clearprop.engine import State
from clearprop.errors import DivergenceError
from clearprop.train.causes import Causes
from clearprop.train.course import Course, Epoch
from clearprop.train.history import History
from clearprop.train.saved import Configuration


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
        course: Course,
        epochs: Iterator[list[Epoch]],
        configuration: Configuration,
        resumed: str | None,
        causes: Causes,
    ) -> None:
        self.model, self._course, self._epochs = course.model, course, epochs
        self.configuration, self.resumed, self.causes = configuration, resumed, causes
        self.history = History()
        self.callbacks: tuple[Any, ...] = ()

    def __next__(self) -> Epoch:
        for epoch in self.ahead(1):
            return epoch
        raise StopIteration

    def ahead(self, most: int) -> list[Epoch]:
        """The next epoch, or at most as many as `most`, for those who look at model and state only after the last.

        An order that is a function is asked for all of them first.  Empty at the end.
        """
        self._course.unseen = most
        try:
            return next(self._epochs, [])
        except DivergenceError as error:
            if column := self.causes.column():
                error.args = (f"{error}; {column}",)
            raise

    def stop(self) -> None:
        """End after the epochs that are done, as if no more had been asked for."""
        self._course.stopped = True

    @property
    def stopped(self) -> bool:
        """Whether somebody has called `stop`."""
        return self._course.stopped

    def close(self) -> None:
        """End the run."""
        self._epochs.close()  # type: ignore[attr-defined]

    @property
    def state(self) -> State:
        """A copy of everything the rest of the run depends on: `train(resume=state)` goes on, to the same bits."""
        return self._course.snapshot()

    @property
    def place(self) -> tuple[int, int]:
        """The epoch under way, and how many of its batches are done."""
        return self._course.state.epoch, self._course.state.position

    def at_rest(self, watcher: Callable[[bool], Any] | None) -> None:
        """Call `watcher(ended)` whenever all that `state` contains was also seen by whoever iterates.

        That is before each epoch, after each slice of it (at most 100 ms, or one batch) and, with `ended`, after the
        last epoch.  It may raise.
        """
        self._course.watcher = watcher

    def rest(self) -> None:
        """Have the watcher called soon: at once, or when the batch or the callback under way is done."""
        self._course.rest_soon()
