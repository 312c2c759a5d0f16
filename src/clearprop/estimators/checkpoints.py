"""Where a fit begins: at its start, or where a checkpoint of the same fit ends."""

import math
import re
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state

from clearprop.data import Dataset
from clearprop.errors import CheckpointError, ConfigurationError
from clearprop.estimators.parameters import uses_lbfgs
from clearprop.train import Checkpoint, SavedTraining
from clearprop.train.saved import fingerprint

if TYPE_CHECKING:
    from clearprop.estimators.base import BaseMLP

_FREE = {"checkpoint", "engine", "max_iter", "verbose"}  # what may be another when a fit goes on


@dataclass(frozen=True)
class Beginning:
    """Where a fit begins.

    All that its future depends on, besides the training's state, follows from the seed or is in the callbacks' states.
    So a checkpoint has no state of a random generator: what was drawn before is drawn again.

    Attributes
    ----------
    seed : int, RandomState or None
        For all that is random.
    callbacks : tuple
        The `Checkpoint` that keeps the fit; empty if none was asked for.
    saved : SavedTraining or None
        What it goes on from.
    """

    seed: Any
    callbacks: tuple[Checkpoint, ...] = ()
    saved: SavedTraining | None = None

    @property
    def epochs(self) -> int:
        """How many are done."""
        return 0 if self.saved is None else self.saved.state.epoch - 1


def beginning(estimator: "BaseMLP", held: Dataset | None, *, incremental: bool) -> Beginning:
    """Where `estimator` begins, by its parameters `random_state` and `checkpoint`.

    Raises
    ------
    ConfigurationError
        This fit cannot have a checkpoint.
    CheckpointError
        The folder's is of another fit: its parameters differ, or the validation data it was given, `held`.  The rest of
        what the training depends on, `train` compares.
    """
    given, seed = estimator.checkpoint, estimator.random_state
    if given is None:
        return Beginning(seed)
    if incremental or estimator.warm_start:
        what = "partial_fit" if incremental else "warm_start=True"
        raise ConfigurationError(
            f"checkpoint is for a fit from its start, not for {what}; set checkpoint=None, or in place of {what} "
            "call fit again with a larger max_iter"
        )
    if uses_lbfgs(estimator):
        raise ConfigurationError(
            "L-BFGS cannot go on from a checkpoint to the same bits, as SciPy keeps the curvature it has seen to "
            "itself; set checkpoint=None, or take a solver that takes steps, as 'adam'"
        )
    checkpoint = given if isinstance(given, Checkpoint) else Checkpoint(given)
    saved = checkpoint.latest()
    random = check_random_state(seed)
    if saved is not None:
        seed = saved.settings.get("seed")
        if type(seed) is not int or not 0 <= seed < 2**32 or not isinstance(saved.settings.get("parameters"), dict):
            raise CheckpointError(
                f"{saved.path}: the checkpoint is of another training: no estimator wrote it; choose another folder"
            )
    elif not isinstance(seed, Integral):
        seed = random.randint(2**31)  # a number, of which a checkpoint can tell
    parameters = {name: value for name, value in estimator.get_params(deep=False).items() if name not in _FREE}
    described = {"estimator": type(estimator).__name__} | {name: _described(v) for name, v in parameters.items()}
    described["validation rows"] = None if held is None else fingerprint(held)
    if saved is not None:
        saved.demand(saved.settings["parameters"], described)
        begun = saved.state.epoch - (saved.state.position == 0)
        if begun > estimator.max_iter:
            raise CheckpointError(
                f"{saved.path}: the checkpoint has begun {begun} epochs, and max_iter is {estimator.max_iter}; raise "
                "it, or start a new fit in another folder"
            )
    settings = {"seed": int(seed), "parameters": described}
    return Beginning(seed, (Checkpoint(checkpoint.folder, checkpoint.every, settings),), saved)


def _described(value: Any) -> Any:
    """A parameter as JSON can hold it: objects by what they print, but not by where they are.

    >>> _described(np.float32(0.5)), _described((8, 4)), _described(math.inf), _described(object())
    (0.5, [8, 4], 'inf', '<object object>')
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple):
        return [_described(item) for item in value]
    if value is None or isinstance(value, int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(value))
