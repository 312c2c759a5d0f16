"""Many networks trained side by side: one on each thread, all on the same data, each as if it were alone."""

import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clearprop._types import Array
from clearprop.data import Dataset, as_dataset
from clearprop.data.arrays import in_precision
from clearprop.errors import ConfigurationError
from clearprop.losses import Loss
from clearprop.model import Sequential
from clearprop.optim import LBFGS, Optimizer
from clearprop.train.checkpoint import Checkpoint
from clearprop.train.course import Epoch
from clearprop.train.history import History
from clearprop.train.loop import fit

_LEAST_SECONDS = 0.1  # between two reports of progress
_MANY_EPOCHS = 1000  # that may be trained before a member looks whether it is to go on


@dataclass(frozen=True, eq=False)
class Member:
    """One network of a population, and how it is trained.

    Attributes
    ----------
    model : Sequential
    loss : Loss or str
    optimizer : Optimizer, LBFGS or str
    epochs : int
        At most.
    rows : array of int, optional
        The rows of the population's data to train on; all, if it is not given.
    validation : array of int, optional
        The rows to report on, and to stop by.
    callbacks : sequence of callables
        As `fit` takes them; they are called in the thread that trains this member.
    options : mapping
        What else `train` takes: batch_size, seed, order, metrics, l2, ....
    """

    model: Sequential
    loss: str | Loss
    optimizer: "str | Optimizer | LBFGS" = "adam"
    epochs: int = 100
    rows: Array | None = None
    validation: Array | None = None
    callbacks: Sequence[Callable[[Epoch], Any]] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PopulationProgress:
    """How far the training of a population has come.

    Attributes
    ----------
    members : int
        How many there are.
    done : int
        How many are trained.
    seconds : float
        Since the start.
    left : float
        About how many seconds it will take yet, should the others take as long as those that are trained.
    """

    members: int
    done: int
    seconds: float
    left: float


def train_population(
    members: Sequence[Member],
    data: Any,
    *,
    threads: int | None = None,
    folder: str | os.PathLike[str] | None = None,
    every: int | str = "30s",
    progress: Callable[[PopulationProgress], Any] | None = None,
) -> list[History]:
    """Train each member's model, as many at a time as there are threads; return their histories, in order.

    Each member comes to the same bits as if it were trained alone, however many threads there are: a thread trains one
    network after the other, and they have nothing in common but `data`, which they read where it is.

    Parameters
    ----------
    members : sequence of Member
    data : Dataset, (X, y) or (X, y, sample_weight)
    threads : int, optional
        How many members are trained at the same time; by default, as many as there are processors to use.
    folder : path, optional
        Where each member has its checkpoints, in a folder of its own.  If there are any, it goes on from there.
    every : int or str
        How often each member is saved: see `Checkpoint`.
    progress : callable, optional
        Given a `PopulationProgress` at the start and when members have been trained, in the thread that called.

    Raises
    ------
    ConfigurationError
        There is no member, or one model is two members'.
    Exception
        What the training of a member raises, as soon as the others that are under way have been interrupted.

    Notes
    -----
    Ctrl-C interrupts all members after the epoch that they are at.  With `folder`, the same call then goes on, to the
    same bits.

    >>> from clearprop import MLP, load_dataset
    >>> moons = load_dataset("moons")
    >>> models = [MLP([2, 4, 2], seed=seed) for seed in range(3)]
    >>> histories = train_population([Member(m, "crossentropy", epochs=5) for m in models], moons)
    >>> alone = MLP([2, 4, 2], seed=1)
    >>> history = fit(alone, moons, "crossentropy", epochs=5)
    >>> bool((alone.w == models[1].w).all()), [len(h) for h in histories]
    (True, [5, 5, 5])
    """
    from clearprop.engine.native.scheduler import usable_threads  # with the compiler, which takes a while to load

    _check(members)
    everything = as_dataset(data)
    population = _Population(everything, None if folder is None else Path(folder), every)
    started = last = time.perf_counter()
    if progress:
        progress(PopulationProgress(len(members), 0, 0.0, math.inf))
    with ThreadPoolExecutor(min(threads or usable_threads(), len(members)), "clearprop-member") as pool:
        futures = [pool.submit(population.train, number, member) for number, member in enumerate(members)]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                now = time.perf_counter()
                if progress and (done == len(members) or now - last >= _LEAST_SECONDS):
                    last, seconds = now, now - started
                    progress(PopulationProgress(len(members), done, seconds, seconds / done * (len(members) - done)))
        except BaseException:
            population.interrupted.set()
            pool.shutdown(cancel_futures=True)
            raise
    return [future.result() for future in futures]


class _Interrupted(Exception):
    """Another member has failed, or the user wants no more."""


class _Population:
    """What the threads have in common."""

    def __init__(self, data: Dataset, folder: Path | None, every: int | str) -> None:
        self.data, self.folder, self.every = data, folder, every
        self.interrupted = threading.Event()
        self._as: dict[Any, Dataset] = {data.X.dtype: data}  # the data in each precision, once
        self._lock = threading.Lock()

    def train(self, number: int, member: Member) -> History:
        """What a thread does for one member."""
        from clearprop.engine.native.scheduler import one_thread

        checkpoint = None if self.folder is None else Checkpoint(self.folder / f"member-{number:05}", self.every)
        with one_thread():
            return fit(
                member.model,
                self._in_precision(member.model.dtype),
                member.loss,
                member.optimizer,
                epochs=member.epochs,
                rows=member.rows,
                validation=member.validation,
                callbacks=(*member.callbacks, _GoOn(self.interrupted), *([checkpoint] if checkpoint else ())),
                resume=checkpoint.latest() if checkpoint else None,
                **member.options,
            )

    def _in_precision(self, dtype: Any) -> Dataset:
        with self._lock:
            if dtype not in self._as:
                X = in_precision(self.data.X, dtype, "X", self.data.feature_names)
                self._as[dtype] = self.data.unchecked(X=X)
            return self._as[dtype]


class _GoOn:
    """A callback that ends a member's training when the population is interrupted."""

    def __init__(self, interrupted: threading.Event) -> None:
        self._interrupted = interrupted

    def before(self) -> int:
        return _MANY_EPOCHS

    def __call__(self, epoch: Epoch) -> None:
        if self._interrupted.is_set():
            raise _Interrupted


def _check(members: Sequence[Member]) -> None:
    if not members:
        raise ConfigurationError("a population has one member or more")
    seen: dict[int, int] = {}
    for number, member in enumerate(members):
        if (other := seen.setdefault(id(member.model), number)) != number:
            raise ConfigurationError(
                f"the members {other} and {number} are the same network; give each one of its own, as MLP(..., seed=1)"
            )
