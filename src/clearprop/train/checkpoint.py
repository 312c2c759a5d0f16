"""Checkpoints: a training is saved as it goes on, and can be resumed to the same bits.

A checkpoint is one file, a `container`: the state as tensors, and a description of everything that must be the same
again. Nothing of the description is executed or built: model, loss and data are given again, and compared.
"""

import os
import re
import signal
import threading
import time
import warnings
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.engine import State
from clearprop.errors import CheckpointError, ClearpropWarning, ConfigurationError, OutputError
from clearprop.files.atomic import atomic_write, output_error, sync_folder
from clearprop.files.container import DocumentKind, opened, sealed
from clearprop.files.lock import claimed
from clearprop.train.course import Epoch
from clearprop.train.history import History
from clearprop.train.saved import SavedTraining, with_state
from clearprop.train.training import Training

BEST = "best.safetensors"
_MOST_CALLBACKS = 20
_OF_STATE = ("w", "slots", "buffers", "totals", "carry")
_OF_CALLBACK = ("w", "buffers")
_ORPHAN = re.compile(r"\.[0-9a-f]{16}\.tmp")  # what `atomic_file` leaves if it is killed
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

CHECKPOINT = DocumentKind(
    name="checkpoint",
    format=1,
    fields=frozenset({"place", "configuration", "history", "callbacks", "settings"}),
    tensors=frozenset({*_OF_STATE, "history"})
    | {f"callback{i}_{name}" for i in range(_MOST_CALLBACKS) for name in _OF_CALLBACK},
    error=CheckpointError,
    make="fit(callbacks=[Checkpoint(folder)]) writes them",
    remedy="use another copy or train again",
)


class Checkpoint:
    """Save the training every so often, so that it can be resumed to the same bits: a callback for `fit`.

    The folder gets ``step-<number>.safetensors``, of which the two newest stay, and ``best.safetensors``: of those
    written at the end of an epoch, the one with the lowest validation loss (without validation data, the lowest loss).
    Each is whole or not there. The first is written before the first step, so that a folder that cannot be written is
    noticed at once; the last when all epochs are done.

    While training runs in the main thread, Ctrl-C (SIGINT) and SIGTERM first save and then do what they would have done
    without; a second one does that at once.

    Parameters
    ----------
    folder : path
        Made if need be. One process at a time may write to it.
    every : int or str
        Epochs, or seconds as in "30s". By seconds it saves in the middle of long epochs too; by either, only after a
        slice of training (at most 100 ms, or one batch).
    settings : mapping, optional
        Anything else to keep, as JSON can hold it; `load_checkpoint` gives it back.

    Raises
    ------
    OutputError
        A file cannot be written, another process uses the folder, or it has checkpoints and this run resumes none.

    >>> from tempfile import TemporaryDirectory
    >>> from clearprop import MLP, load_dataset
    >>> from clearprop.train import fit
    >>> def run(epochs, folder):
    ...     model, checkpoint = MLP([2, 4, 2]), Checkpoint(folder)
    ...     fit(model, load_dataset("moons"), "crossentropy", epochs=epochs, callbacks=[checkpoint],
    ...         resume=checkpoint.latest())
    ...     return model.w.tobytes()
    >>> with TemporaryDirectory() as one, TemporaryDirectory() as two:
    ...     interrupted = run(3, one)
    ...     run(5, one) == run(5, two)
    True
    """

    def __init__(
        self, folder: str | os.PathLike[str], every: int | str = "30s", settings: Mapping[str, Any] | None = None
    ) -> None:
        self.folder, self.every, self.settings = Path(folder), every, dict(settings or {})
        self._epochs, self._seconds = _interval(every)
        self._forget()

    def _forget(self) -> None:
        self._best, self._value = np.inf, np.inf  # the lowest loss saved; the last epoch's
        self._signal: int | None = None
        self._former: dict[int, Any] = {}
        self._training: Training | None = None
        self._ending = ExitStack()

    def latest(self) -> SavedTraining | None:
        """What a training of this folder goes on from: `load_checkpoint`, but None if there is none yet."""
        return load_checkpoint(self.folder) if _newest_first(self.folder) else None

    # --- as a callback ------------------------------------------------------------------------------------------------

    def start(self, training: Training) -> None:
        """Claim the folder, and save from now on whenever it is time or a signal asks for it."""
        self._forget()
        _make(self.folder)
        with ExitStack() as ending:
            ending.enter_context(claimed(self.folder))
            goes_on = training.resumed is not None and Path(training.resumed).parent.resolve() == self.folder.resolve()
            if _newest_first(self.folder) and not goes_on:
                raise OutputError(
                    f"{self.folder}: there are checkpoints of another training; resume it with "
                    "fit(resume=load_checkpoint(folder)), or choose another folder"
                )
            _remove(self.folder / name for name in os.listdir(self.folder) if _ORPHAN.fullmatch(name))
            if goes_on:  # perhaps from a save that was killed before it had removed what it made superfluous
                _remove(_before(self.folder, Path(str(training.resumed)).name)[1:])
            self._training, self._last, (self._last_epoch, _) = training, time.monotonic(), training.place
            self._first = not goes_on
            training.at_rest(self._watch)
            ending.callback(training.at_rest, None)
            self._listen()
            ending.callback(self._put_back)
            self._ending = ending.pop_all()

    def __call__(self, epoch: Epoch) -> None:
        self._value = epoch.record.get("validation_loss", epoch.record["loss"])

    def finish(self, training: Training, history: History) -> None:
        """Let the folder and the signals go; a signal that came is passed on."""
        self._ending.close()
        self._training = None  # which has a reference to this
        if self._signal is not None:  # training ended before it could be saved once more
            self._pass_on()

    def state(self) -> dict[str, Any]:
        """The lowest loss saved, and the last epoch's."""
        return {"best": float(self._best).hex(), "value": float(self._value).hex()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from another's `state`."""
        self._best, self._value = float.fromhex(state["best"]), float.fromhex(state["value"])

    def __repr__(self) -> str:
        return f"Checkpoint({os.fspath(self.folder)!r}, every={self.every!r})"

    # --- saving -------------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Save now; training is under way, and whoever iterates has seen all that its state contains."""
        assert self._training is not None
        self._save(self._training)
        self._first, self._last, (self._last_epoch, _) = False, time.monotonic(), self._training.place

    def _watch(self, ended: bool) -> None:
        assert self._training is not None
        if ended or self._signal is not None or self._due(*self._training.place):
            self.save()
        if self._signal is not None:
            self._pass_on()
            self._listen()  # whoever got it has let training go on

    def _due(self, epoch: int, position: int) -> bool:
        if self._first:
            return True
        if self._epochs is not None:
            return position == 0 and epoch - self._last_epoch >= self._epochs
        # Rather early than late where an epoch ends: there, its loss is that of the weights.
        return time.monotonic() - self._last >= self._seconds / (1 if position else 2)

    def _save(self, training: Training) -> None:
        state = training.state
        if not all(np.isfinite(vector).all() for vector in (state.slots, state.carry, state.w, state.buffers)):
            warnings.warn(
                f"{self.folder}: step {state.step} is not saved: the optimizer's memory is no longer finite; lower the "
                "learning rate",
                ClearpropWarning,
                stacklevel=2,
            )
            return
        best = state.position == 0 and self._value < self._best
        self._best = self._value if best else self._best
        content = _packed(training, state, self.settings)
        if best:
            atomic_write(self.folder / BEST, content)
        name = f"step-{state.step:012}.safetensors"
        atomic_write(self.folder / name, content)
        # Later ones are of a run that this one repeats, or are damaged.
        kept = [self.folder / name, *_before(self.folder, name)[:1]]
        _remove(path for path in _newest_first(self.folder) if path not in kept)

    # --- signals ------------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # only there can handlers be set
        self._process = os.getpid()
        for number in _SIGNALS:
            former = signal.getsignal(number)
            if former not in (None, signal.SIG_IGN):
                self._former[number] = former
                signal.signal(number, self._heard)

    def _put_back(self) -> None:
        for number, former in self._former.items():
            if signal.getsignal(number) == self._heard:
                signal.signal(number, former)
        self._former = {}

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self._put_back()  # a second one ends the process at once
        if os.getpid() != self._process:  # a process forked from a callback, which saves nothing
            signal.raise_signal(number)
            return
        self._signal = number
        if self._training is not None:
            self._training.rest()

    def _pass_on(self) -> None:
        number, self._signal = self._signal, None
        signal.raise_signal(number)  # type: ignore[arg-type]


def load_checkpoint(path: str | os.PathLike[str], *, strict: bool = False) -> SavedTraining:
    """The newest checkpoint in a folder, or the one in a file, for `fit` and `train` to resume.

    If the newest is damaged, a warning says so, and it is the one before.

    Parameters
    ----------
    path : path
        A folder that `Checkpoint` wrote to, or one of its files.
    strict : bool
        Never take an older one than the newest.

    Raises
    ------
    CheckpointError
        There is none, or it is damaged, or a newer version wrote it.
    """
    folder = Path(path)
    if not folder.is_dir():
        return _read(folder)
    candidates = _newest_first(folder)
    if (folder / BEST).exists():
        candidates.append(folder / BEST)
    if not candidates:
        raise CheckpointError(f"{folder}: there is no checkpoint in this folder; {CHECKPOINT.make}")
    errors: list[CheckpointError] = []
    for candidate in candidates[:1] if strict else candidates:
        try:
            saved = _read(candidate)
        except CheckpointError as error:
            errors.append(error)
            continue
        if errors:
            warnings.warn(f"{errors[0]}. Taken instead: {candidate.name}", ClearpropWarning, stacklevel=2)
        return saved
    raise errors[0]


def _interval(every: int | str) -> tuple[int | None, float]:
    """Epochs, or None and seconds."""
    if isinstance(every, str) and every.strip().isdecimal():
        every = int(every)
    if isinstance(every, int) and not isinstance(every, bool) and every >= 1:
        return every, 0.0
    try:
        seconds = float(every.removesuffix("s")) if isinstance(every, str) and every.endswith("s") else -1.0
    except ValueError:
        seconds = -1.0
    if not 0.0 <= seconds < np.inf:
        raise ConfigurationError(f"every is a number of epochs, 1 or more, or of seconds as in '30s', not {every!r}")
    return None, seconds


def _make(folder: Path) -> None:
    """The folder, which survives a power cut like its files."""
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in missing:
            sync_folder(part.parent)
    except OSError as error:
        raise output_error(folder, error) from None


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise output_error(path, error) from None


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.safetensors"), reverse=True)


def _before(folder: Path, name: str) -> list[Path]:
    """Those of fewer steps, the newest first."""
    return [path for path in _newest_first(folder) if path.name < name]


# --- the file ---------------------------------------------------------------------------------------------------------


def _packed(training: Training, state: State, settings: Mapping[str, Any]) -> bytes:
    tensors = {
        "w": state.w,
        "slots": state.slots,
        "buffers": state.buffers,
        "totals": state.totals,
        "carry": np.array(state.carry, np.float64),
    }
    rows = training.history.rows
    columns = [(name, isinstance(value, int)) for name, value in rows[0].items()] if rows else []
    numbers = np.array([[row[name] for name, _ in columns] for row in rows], np.float64)
    # By their bits: a validation loss may be infinite, and a container holds finite numbers.
    tensors["history"] = numbers.reshape(len(rows), len(columns)).view(np.int64)
    callbacks = []
    for i, callback in enumerate(with_state(training.callbacks)):
        values = callback.state()
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        tensors |= {f"callback{i}_{name}": value for name, value in arrays.items()}
        callbacks.append((type(callback).__name__, {k: v for k, v in values.items() if k not in arrays}))
    document = {
        "place": {name: int(getattr(state, name)) for name in ("step", "epoch", "position", "seed")},
        "configuration": training.configuration(),
        "history": columns,
        "callbacks": callbacks,
        "settings": dict(settings),
    }
    return sealed(CHECKPOINT, document, tensors)


def _read(path: Path) -> SavedTraining:
    document, tensors = opened(path, CHECKPOINT)
    try:
        state = _state(document["place"], tensors)
        history = _history(document["history"], tensors["history"])
        callbacks = [_callback(i, entry, tensors, state) for i, entry in enumerate(document["callbacks"])]
        configuration, settings = document["configuration"], document["settings"]
        _demand(isinstance(configuration, dict) and isinstance(settings, dict), "its description makes no sense")
        known = {*_OF_STATE, "history"} | {
            f"callback{i}_{name}" for i, (_, values) in enumerate(callbacks) for name in values
        }
        _demand(set(tensors) <= known, "it holds a tensor of no callback")
    except CheckpointError as error:
        raise CHECKPOINT.damaged(path, str(error)) from None
    except Exception:  # whatever a senseless description leads to, the file is to blame
        raise CHECKPOINT.damaged(path, "its description makes no sense") from None
    return SavedTraining(state, configuration, history, callbacks, settings, str(path))


def _state(place: Any, tensors: Mapping[str, Array]) -> State:
    w, slots, buffers, totals, carry = (tensors[name] for name in _OF_STATE)
    _demand(set(place) == {"step", "epoch", "position", "seed"}, "its place makes no sense")
    _demand(all(type(value) is int and 0 <= value < 2**64 for value in place.values()), "its place makes no sense")
    _demand(place["epoch"] >= 1 and place["position"] <= place["step"] < 2**63, "its place makes no sense")
    floats = w.dtype in (np.float32, np.float64) and w.dtype == slots.dtype == buffers.dtype
    _demand(floats and w.ndim == 1 and slots.ndim == 2 and buffers.ndim == 1, "its weights have no shape or type")
    _demand(totals.shape == (3,) and totals.dtype == np.float64, "its totals are not three numbers")
    _demand(carry.ndim == 1 and carry.dtype == np.float64, "the optimizer's numbers make no sense")
    return State(w, slots, buffers, totals=totals, carry=tuple(carry.tolist()), **place)


def _history(columns: Any, bits: Array) -> History:
    _demand(bits.dtype == np.int64 and bits.ndim == 2 and bits.shape[1] == len(columns), "its history makes no sense")
    _demand(all(isinstance(name, str) and type(whole) is bool for name, whole in columns), "its history makes no sense")
    history = History()
    for row in bits.view(np.float64).tolist():
        history.append({name: int(v) if whole else v for (name, whole), v in zip(columns, row, strict=True)})
    return history


def _callback(i: int, entry: Any, tensors: Mapping[str, Array], state: State) -> tuple[str, dict[str, Any]]:
    name, values = entry
    _demand(isinstance(name, str) and isinstance(values, dict), "a callback makes no sense")
    arrays = {n: tensors[f"callback{i}_{n}"] for n in _OF_CALLBACK if f"callback{i}_{n}" in tensors}
    for n, array in arrays.items():
        like = getattr(state, n)
        _demand(array.shape == like.shape and array.dtype == like.dtype, f"the {n} of {name} are not like the model's")
    values.update(arrays)
    return name, values


def _demand(condition: bool, what: str) -> None:
    if not condition:
        raise CheckpointError(what)
