"""A training under way as values: what a checkpoint holds, and what `train(resume=...)` goes on from."""

import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.data.arrays import is_sparse
from clearprop.engine import State
from clearprop.errors import CheckpointError, ClearpropWarning, ConfigurationError
from clearprop.model import Sequential
from clearprop.train.history import History

_ROWS = 4096


@dataclass(frozen=True, eq=False)
class SavedTraining:
    """What `load_checkpoint` gives and `train` and `fit` take as `resume`.

    Attributes
    ----------
    state : State
        Everything that changes from step to step.
    configuration : dict
        The model, loss, optimiser, order and so on, and the data's fingerprints: what must be the same again.
    history : History
        The epochs done.
    callbacks : list of (str, dict)
        The name and state of each callback that has one.
    settings : dict
        What was given to `Checkpoint(settings=...)`.
    path : str
        The file.
    """

    state: State
    configuration: dict[str, Any]
    history: History
    callbacks: list[tuple[str, dict[str, Any]]]
    settings: dict[str, Any]
    path: str

    def check(self, configuration: Mapping[str, Any]) -> None:
        """Refuse to go on as another training; and say so if another engine goes on."""
        self.demand(self.configuration, configuration, besides={"engine"})
        before, now = self.configuration.get("engine"), configuration["engine"]
        if before != now:
            warnings.warn(
                f"{self.path}: the checkpoint is of the engine {before!s:.20}, and {now} goes on: results agree within "
                f"rounding, but not to the bit; for the same bits pass engine={before!r:.20}",
                ClearpropWarning,
                stacklevel=3,
            )

    def demand(self, saved: Mapping[str, Any], given: Mapping[str, Any], besides: Set[str] = frozenset()) -> None:
        """Refuse what is `given` now if it is not what was `saved`."""
        for name in sorted({*given, *saved} - besides):
            before, now = saved.get(name), given.get(name)
            if before != now:
                rows = name.endswith(" rows")  # of which there are only fingerprints
                difference = f"other {name}" if rows else f"its {name} is {before!s:.300}, not {now!s:.300}"
                raise CheckpointError(
                    f"{self.path}: the checkpoint is of another training: {difference}; give what that run had, or "
                    "start a new one in another folder"
                )

    def restore(self, callbacks: Sequence[Any]) -> None:
        """Give the callbacks the states they had."""
        own = with_state(callbacks)
        names, saved = [type(callback).__name__ for callback in own], [name for name, _ in self.callbacks]
        if names != saved:
            raise CheckpointError(
                f"{self.path}: the checkpoint has the state of the callbacks {', '.join(saved) or 'none'}, and given "
                f"are {', '.join(names) or 'none'}; give the same ones in the same order"
            )
        for callback, (name, state) in zip(own, self.callbacks, strict=True):
            try:
                callback.restore(state)
            except CheckpointError as error:
                raise CheckpointError(f"{self.path}: {error}") from None
            except (KeyError, TypeError, ValueError):
                raise CheckpointError(
                    f"{self.path}: the checkpoint is damaged: the state of {name} makes no sense; use another copy"
                ) from None


def resumed_state(state: State, expected: State, model: Sequential) -> State:
    """`state`, if it has the parts that are expected; the model gets its weights.

    Raises
    ------
    ConfigurationError
        It is of another model or optimiser.
    """
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


def with_state(callbacks: Sequence[Any]) -> list[Any]:
    """The callbacks that remember something from epoch to epoch: those with `state()` and `restore(state)`."""
    return [callback for callback in callbacks if hasattr(callback, "state") and hasattr(callback, "restore")]


def fingerprint(data: Dataset) -> str:
    """SHA-256 of a data set's numbers and names.

    >>> one, other = Dataset([[1.0], [2.0]], [0.0, 1.0]), Dataset([[1.0], [2.5]], [0.0, 1.0])
    >>> fingerprint(one) == fingerprint(one.take([0, 1])), fingerprint(one) == fingerprint(other)
    (True, False)
    """
    X: Any = data.X
    parts = (X.data, X.indices, X.indptr) if is_sparse(X) else (X,)
    found = hashlib.sha256(repr((data.feature_names, data.target_names, X.shape)).encode())
    for part in (*parts, data.y, data.sample_weight):
        for block in _blocks(part):
            found.update(block)
    return found.hexdigest()


def describe_order(order: Any) -> str:
    """An order by its name or its numbers; a function has neither, and is trusted to be the same."""
    if isinstance(order, str) or callable(order):
        return order if isinstance(order, str) else "a function"
    batches = order if isinstance(order, list | tuple) and len(order) and np.ndim(order[0]) == 1 else [order]
    found = hashlib.sha256()
    for batch in batches:
        for block in _blocks(np.asarray(batch)):
            found.update(block)
    return f"row numbers with SHA-256 {found.hexdigest()}"


def _blocks(part: Array | None) -> Iterator[bytes]:
    """Type and shape, then the numbers: not all at once, as they may not lie one after the other in memory."""
    yield repr(part if part is None else (part.dtype.str, part.shape)).encode()
    if part is not None:
        for start in range(0, len(part), _ROWS):
            yield np.ascontiguousarray(part[start : start + _ROWS]).tobytes()


Configuration = Callable[[], dict[str, Any]]
