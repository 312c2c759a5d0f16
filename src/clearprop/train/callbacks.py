"""What can be done after each epoch.

A callback is any callable: it is given the `Epoch` and returns true to stop training.  If it has the methods
`start(training)` or `finish(training, history)`, they are called before the first epoch and after the last, also when
training ends by an error or Ctrl-C.  If it remembers something from epoch to epoch, it has the methods `state()`, which
gives that as a dictionary (numbers, text, lists; and arrays called "w" and "buffers"), and `restore(state)`, called
after `start` when a checkpoint is resumed.  A method `before()`, called before an epoch, says how many may be trained
until the callback is called for them, one after the other; several small ones are faster at once.
"""

import sys
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from clearprop._types import Array
from clearprop.errors import CheckpointError, ConfigurationError, OutputError
from clearprop.metrics import HIGHER_IS_BETTER
from clearprop.train.course import Epoch
from clearprop.train.history import History
from clearprop.train.training import Training


class EarlyStopping:
    """Stop when a recorded quantity has not improved for `patience` epochs.

    Parameters
    ----------
    monitor : str
        A column of the history: "validation_loss", "loss", "validation_accuracy", ...
    patience : int
    min_delta : float
        What counts as an improvement.
    restore_best : bool
        Give the model the weights of its best epoch, however training ends.
    mode : {"min", "max"}, optional
        Default: "max" for accuracy and r2, else "min".

    Attributes
    ----------
    best, best_epoch
        The best value and its epoch.
    """

    def __init__(
        self,
        monitor: str = "validation_loss",
        patience: int = 20,
        min_delta: float = 0.0,
        restore_best: bool = True,
        mode: str | None = None,
    ) -> None:
        if patience < 1:
            raise ConfigurationError(f"patience is a number of epochs, 1 or more, not {patience!r}")
        if mode not in (None, "min", "max"):
            raise ConfigurationError(f"mode is 'min' or 'max', not {mode!r}")
        self.monitor, self.patience, self.min_delta, self.restore_best = monitor, patience, min_delta, restore_best
        higher = monitor.removeprefix("validation_") in HIGHER_IS_BETTER
        self.mode = mode or ("max" if higher else "min")
        self._forget()

    def _forget(self) -> None:
        self.best, self.best_epoch = np.inf if self.mode == "min" else -np.inf, 0
        self._saved: tuple[Array, Array] | None = None

    def start(self, training: Training) -> None:
        """Nothing has been seen yet."""
        self._forget()

    def __call__(self, epoch: Epoch) -> bool:
        if self.monitor not in epoch.record:
            hint = "give fit(validation=...)" if self.monitor.startswith("validation_") else "add it to metrics="
            raise ConfigurationError(
                f"EarlyStopping watches {self.monitor!r}, which is not recorded; {hint}. "
                f"Recorded: {', '.join(epoch.record)}"
            )
        value = epoch[self.monitor]
        gain = self.best - value if self.mode == "min" else value - self.best
        if gain > self.min_delta:
            self.best, self.best_epoch = value, epoch.number
            if self.restore_best:
                self._saved = epoch.model.w.copy(), epoch.model.buffers.copy()
        return epoch.number - self.best_epoch >= self.patience

    def state(self) -> dict[str, Any]:
        """What it depends on, and the best weights."""
        weights = {} if self._saved is None else dict(zip(("w", "buffers"), self._saved, strict=True))
        # in hexadecimal: before the first epoch it is infinite, which JSON has no number for
        return self._settings() | {"best": float(self.best).hex(), "best_epoch": self.best_epoch} | weights

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from another's `state`."""
        for name, value in self._settings().items():
            if state[name] != value:
                raise CheckpointError(
                    f"EarlyStopping had {name}={state[name]!r} when the checkpoint was written, and now has {value!r}; "
                    "give what it had"
                )
        self.best, self.best_epoch = float.fromhex(state["best"]), int(state["best_epoch"])
        self._saved = (state["w"], state["buffers"]) if "w" in state else None

    def _settings(self) -> dict[str, Any]:
        names = ("monitor", "mode", "patience", "min_delta", "restore_best")
        return {name: getattr(self, name) for name in names}

    def finish(self, training: Training, history: History) -> None:
        """Put the best weights back, if they were to be restored."""
        if self._saved is not None:
            training.model.w[...], training.model.buffers[...] = self._saved

    def __repr__(self) -> str:
        return f"EarlyStopping({self.monitor!r}, patience={self.patience})"


class CSVLog:
    """Write each epoch's record to a CSV file as training goes on."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file: TextIO | None = None

    def start(self, training: Training) -> None:
        """Open the file; what it held is gone."""
        self._names: list[str] = []
        try:
            self._file = self.path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror}; choose another path") from None
        for row in training.history:  # of the run that this one resumes
            self._add(row)

    def __call__(self, epoch: Epoch) -> None:
        self._add(epoch.record)

    def _add(self, row: dict[str, float]) -> None:
        if not self._names:
            self._names = list(row)
            self._write(self._names)
        self._write([str(row.get(name, "")) for name in self._names])

    def _write(self, cells: list[str]) -> None:
        assert self._file is not None
        try:
            self._file.write(",".join(cells) + "\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror}; free some space") from None

    def finish(self, training: Training, history: History) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


class Progress:
    """Show how training goes: a bar on a terminal (loss, metrics, rows/s, time left), else a line now and then.

    Parameters
    ----------
    lines : int
        About how many lines to print when there is no terminal.
    """

    def __init__(self, lines: int = 10) -> None:
        self.lines = lines
        self._bar: Any = None

    def start(self, training: Training) -> None:
        """Draw nothing yet: the first epoch says how many there are."""
        self._bar = self._task = None

    def __call__(self, epoch: Epoch) -> None:
        numbers, speed = self._numbers(epoch.record), f"{epoch.record.get('rows_per_second', 0.0) / 1000:,.0f}k rows/s"
        if not sys.stderr.isatty():
            if epoch.number in (1, epoch.epochs) or epoch.number % max(epoch.epochs // self.lines, 1) == 0:
                print(f"epoch {epoch.number}/{epoch.epochs}  {numbers}  {speed}", file=sys.stderr, flush=True)
            return
        if self._bar is None:
            self._open(epoch.epochs)
        self._bar.update(self._task, completed=epoch.number, numbers=numbers, speed=speed)

    @staticmethod
    def _numbers(record: dict[str, float]) -> str:
        """Each quantity, followed by its value on the validation data: "loss 0.31 val 0.33"."""
        shown = []
        for name, value in record.items():
            if name in ("epoch", "step", "learning_rate", "seconds", "rows_per_second") or name.startswith(
                "validation_"
            ):
                continue
            held_out = record.get(f"validation_{name}")
            shown.append(f"{name} {value:.3g}" + (f" val {held_out:.3g}" if held_out is not None else ""))
        return "  ".join(shown)

    def _open(self, epochs: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            MofNCompleteColumn(),
            BarColumn(bar_width=8),
            TextColumn("{task.fields[numbers]}"),
            TextColumn("[dim]{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._bar.start()
        self._task = self._bar.add_task("", total=epochs, numbers="", speed="")

    def finish(self, training: Training, history: History) -> None:
        """Leave the bar as it is and give the screen back."""
        if self._bar is not None:
            self._bar.stop()
