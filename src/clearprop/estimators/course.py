"""The course of a fit: what it remembers from epoch to epoch, and keeps in checkpoints if it is asked to."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from clearprop.errors import CheckpointError, ConfigurationError
from clearprop.estimators.parameters import uses_lbfgs
from clearprop.train import Checkpoint, Epoch, History, SavedTraining, Training
from clearprop.train.saved import fingerprint

_FREE = {"checkpoint", "engine", "max_iter", "verbose"}  # what may be another when a fit goes on


class Course:
    """One fit under way.

    All that its future depends on, besides the training's state, follows from the seed or is in `state`. So a
    checkpoint has no state of a random generator: what was drawn before is drawn again.

    Attributes
    ----------
    checkpoint : Checkpoint or None
    saved : SavedTraining or None
        What it goes on from.
    seed : int, RandomState or None
        For all that is random.
    ended : bool
        Whether there is to be no epoch any more, however many are allowed.
    """

    def __init__(self, estimator: Any, *, incremental: bool) -> None:
        self.estimator, self.seed = estimator, estimator.random_state
        self.checkpoint: Checkpoint | None = None
        self.saved: SavedTraining | None = None
        self.ended, self.history = False, History()
        given = estimator.checkpoint
        if given is None:
            return
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
        self.saved = checkpoint.latest()
        random = check_random_state(self.seed)
        if self.saved is not None:
            self.seed = self._saved_seed(self.saved)
        elif not isinstance(self.seed, Integral):
            self.seed = random.randint(2**31)  # a number, of which a checkpoint can tell
        settings = {"seed": int(self.seed), "parameters": self._parameters()}
        self.checkpoint = Checkpoint(checkpoint.folder, checkpoint.every, settings)

    @staticmethod
    def _saved_seed(saved: SavedTraining) -> int:
        seed = saved.settings.get("seed")
        if type(seed) is not int or not 0 <= seed < 2**32 or not isinstance(saved.settings.get("parameters"), dict):
            raise CheckpointError(
                f"{saved.path}: the checkpoint is of another training: no estimator wrote it; choose another folder"
            )
        return seed

    def _parameters(self) -> dict[str, Any]:
        given = self.estimator.get_params(deep=False)
        found = {name: _described(value) for name, value in given.items() if name not in _FREE}
        return {"estimator": type(self.estimator).__name__, **found}

    def check(self, held: Any) -> None:
        """Refuse to go on as another fit; what the training itself depends on, `train` compares.

        Parameters
        ----------
        held : Dataset or None
            The validation data.
        """
        if self.checkpoint is None:
            return
        settings = self.checkpoint.settings
        settings["parameters"]["validation rows"] = None if held is None else fingerprint(held)
        if self.saved is None:
            return
        self.saved.demand(self.saved.settings["parameters"], settings["parameters"])
        state, most = self.saved.state, self.estimator.max_iter
        begun = state.epoch - (state.position == 0)
        if begun > most:
            raise CheckpointError(
                f"{self.saved.path}: the checkpoint has begun {begun} epochs, and max_iter is {most}; raise it, or "
                "start a new fit in another folder"
            )

    @contextmanager
    def kept(self, training: Training) -> Iterator[None]:
        """During the block checkpoints are written; at its start, the fit is where the saved one was."""
        if self.checkpoint is None:
            yield
            return
        self.history, training.callbacks = training.history, (self, self.checkpoint)
        if self.saved is not None:
            self.history.rows.extend(dict(row) for row in self.saved.history)
        try:
            self.checkpoint.start(training)
            if self.saved is not None:
                self.saved.restore(training.callbacks)
            yield
        finally:
            self.checkpoint.finish(training, self.history)

    def note(self, epoch: Epoch) -> None:
        """An epoch is done, and the estimator has recorded it."""
        if self.checkpoint is not None:
            row = dict(self.estimator.history_[-1])
            self.history.append(row | {"shown": self.estimator.loss_})
            self.checkpoint(replace(epoch, record=row))

    def end(self) -> None:
        """No epoch follows."""
        if self.checkpoint is not None:
            self.checkpoint.save()

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps, besides a table of the epochs."""
        e = self.estimator
        rate = getattr(e._optimizer, "learning_rate", None)
        numbers = {
            "best_loss_": e.best_loss_,
            "best_validation_score_": e.best_validation_score_,
            "learning_rate": rate if isinstance(rate, float) else None,
        }
        # in hexadecimal: they may be infinite, which JSON has no number for
        kept: dict[str, Any] = {name: None if n is None else float(n).hex() for name, n in numbers.items()}
        kept |= {"ended": self.ended, "converged_": e.converged_, "no_improvement": e._no_improvement_count}
        return kept | ({} if e._best is None else dict(zip(("w", "buffers"), e._best, strict=True)))

    def restore(self, state: dict[str, Any]) -> None:
        """Be where another fit was."""
        assert self.saved is not None
        if len(self.history) != self.saved.state.epoch - 1:
            raise ValueError("a row for each epoch")
        e = self.estimator
        e.best_loss_, e.best_validation_score_, rate = (
            None if state[name] is None else float.fromhex(state[name])
            for name in ("best_loss_", "best_validation_score_", "learning_rate")
        )
        self.ended, e.converged_ = bool(state["ended"]), bool(state["converged_"])
        e._no_improvement_count = int(state["no_improvement"])
        if rate is not None:
            e._optimizer.learning_rate = rate
        if "w" in state:
            e._best = state["w"], state["buffers"]
        e.history_ = History()
        for row in self.history:
            recorded = dict(row)
            e.loss_ = recorded.pop("shown")
            e.loss_curve_.append(e.loss_)
            e.history_.append(recorded)
        e.n_iter_ = len(e.history_)
        e.validation_loss_curve_ = [row["validation_loss"] for row in e.history_ if "validation_loss" in row]
        if e.early_stopping:
            e.validation_scores_ = [row["validation_score"] for row in e.history_]


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
