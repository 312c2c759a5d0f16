"""Callbacks: when they are called, and what the package's own do."""

import csv
import errno
import io
import sys

import numpy as np
import pytest

from clearprop.errors import ConfigurationError, DivergenceError, OutputError
from clearprop.model import MLP
from clearprop.optim import SGD, StepDecay
from clearprop.train import CSVLog, EarlyStopping, Epoch, History, Progress, fit, train

X = np.random.default_rng(2).normal(size=(20, 2))
Y = X[:, 0] - X[:, 1]


def run(*callbacks, model=None, epochs=5, **options):
    model = model or MLP([2, 1])
    return fit(model, (X, Y), "mse", SGD(0.05), epochs=epochs, callbacks=callbacks, **options)


class Spy:
    """A callback that writes down its calls, and may stop or fail in one of them."""

    def __init__(self, stop_at=None, error=None):
        self.calls, self.stop_at, self.error = [], stop_at, error

    def start(self, training):
        self.calls.append("start")

    def __call__(self, epoch):
        self.calls.append(epoch.number)
        if epoch.number == self.stop_at and self.error:
            raise self.error
        return epoch.number == self.stop_at

    def finish(self, training, history):
        self.calls.append(f"finish after {len(history)}")

    def __repr__(self):
        return "Spy()"


# --- the order of things ----------------------------------------------------------------------------------------------


def test_callbacks_are_called_around_and_after_each_epoch():
    spy, numbers = Spy(), []
    history = run(spy, lambda epoch: numbers.append(epoch.number), epochs=3)
    assert spy.calls == ["start", 1, 2, 3, "finish after 3"] and numbers == [1, 2, 3]
    assert history.stopped_by == "nothing"


def test_whoever_returns_true_stops_and_the_others_still_see_the_epoch():
    stopper, other = Spy(stop_at=2), Spy()
    history = run(stopper, other)
    assert stopper.calls == other.calls == ["start", 1, 2, "finish after 2"]
    assert history.stopped_by == "Spy()" and len(history) == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError()], ids=repr)
def test_finish_is_called_however_training_ends(error):
    failing, other = Spy(2, error), Spy()
    with pytest.raises(type(error)):
        run(failing, other)
    assert failing.calls[-1] == other.calls[-1] == "finish after 2"


class Broken(Spy):
    """A callback that fails at the very end."""

    def finish(self, training, history):
        raise ZeroDivisionError


def test_a_finish_that_fails_keeps_no_other_from_finishing():
    other = Spy()
    with pytest.raises(ZeroDivisionError):
        run(Broken(), other, epochs=1)
    assert other.calls[-1] == "finish after 1"


# --- early stopping ---------------------------------------------------------------------------------------------------


class Replay:
    """Epochs whose monitored value is given, on a model whose weights say which epoch it is."""

    def __init__(self, stopping, values):
        self.model, self.stopping = MLP([1, 1]), stopping
        stopping.start(self)
        self.stopped = None
        for number, value in enumerate(values, start=1):
            self.model.w[...] = number
            if stopping(Epoch(number, len(values), {"epoch": number, stopping.monitor: value}, self.model)):
                self.stopped = number
                break
        stopping.finish(self, History())


@pytest.mark.parametrize(
    ("options", "values", "stopped", "best"),
    [
        ({"patience": 2}, [3.0, 2.0, 2.5, 2.4, 1.0], 4, 2),
        ({"patience": 3}, [3.0, 2.0, 2.5, 2.4, 1.0], None, 5),
        ({"patience": 2, "min_delta": 0.5}, [3.0, 2.8, 2.6, 0.0], 3, 1),
        ({"patience": 2, "monitor": "validation_accuracy"}, [0.5, 0.7, 0.6, 0.7, 0.9], 4, 2),
        ({"patience": 2, "monitor": "score", "mode": "max"}, [1.0, 3.0, 2.0, 1.0], 4, 2),
        ({"patience": 1, "monitor": "r2", "mode": "min"}, [1.0, 2.0], 2, 1),
        ({"patience": 2}, [np.nan, 1.0, np.nan, np.nan], 4, 2),
    ],
)
def test_early_stopping_waits_and_restores_the_best(options, values, stopped, best):
    stopping = EarlyStopping(**options)
    replay = Replay(stopping, values)
    assert replay.stopped == stopped
    assert stopping.best_epoch == best and stopping.best == values[best - 1]
    assert (replay.model.w == best).all()


def test_without_restoring_the_last_weights_stay():
    assert (Replay(EarlyStopping(patience=1, restore_best=False), [1.0, 2.0]).model.w == 2).all()


def test_early_stopping_can_be_used_again():
    stopping = EarlyStopping(patience=1)
    assert Replay(stopping, [1.0, 2.0]).stopped == 2
    assert Replay(stopping, [9.0, 8.0, 7.0]).stopped is None and stopping.best == 7.0


class Interrupt(Spy):
    """Spoils the weights after two epochs, then fails."""

    def __call__(self, epoch):
        if epoch.number == 3:
            epoch.model.w[...] = 1e6
            raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError()], ids=repr)
def test_the_best_weights_come_back_however_training_ends(error):
    model = MLP([2, 1])
    stopping = EarlyStopping("loss")
    with pytest.raises(type(error)):
        run(Interrupt(error=error), stopping, model=model)
    assert np.abs(model.w).max() < 10 and stopping.best_epoch == 2


def test_the_best_weights_come_back_after_divergence():
    model, stopping = MLP([2, 4, 1]), EarlyStopping("loss", patience=1000)
    with pytest.raises(DivergenceError):
        fit(model, (X, Y), "mse", SGD(20.0), epochs=1000, callbacks=[stopping])
    assert stopping.best_epoch >= 1 and np.isfinite(model.w).all()


def test_early_stopping_in_training():
    stopping = EarlyStopping(patience=2)
    model = MLP([2, 30, 1], "tanh", normalization="batch")
    history = run(stopping, model=model, validation=(X[:6], -Y[:6]), epochs=200)  # learning makes it worse
    assert len(history) < 200 and history.stopped_by == "EarlyStopping('validation_loss', patience=2)"
    value = np.mean((model.forward(X[:6])[0][:, 0] + Y[:6]) ** 2)
    assert value == pytest.approx(stopping.best, rel=1e-12)


@pytest.mark.parametrize(
    ("monitor", "message"),
    [
        (
            "validation_loss",
            r"'validation_loss', which is not recorded; give fit\(validation=...\). Recorded: epoch, loss",
        ),
        ("accuracy", "'accuracy', which is not recorded; add it to metrics="),
    ],
)
def test_watching_what_is_not_recorded_is_explained(monitor, message):
    with pytest.raises(ConfigurationError, match=message):
        run(EarlyStopping(monitor))


@pytest.mark.parametrize(
    ("options", "message"), [({"patience": 0}, "patience is"), ({"mode": "best"}, "mode is 'min'")]
)
def test_settings_out_of_range_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        EarlyStopping(**options)


def test_a_run_that_did_not_start_restores_nothing_of_an_earlier_one(tmp_path):
    stopping, model = EarlyStopping("loss"), MLP([2, 1], seed=1)
    run(stopping)
    before = model.w.copy()
    with pytest.raises(OutputError):
        run(CSVLog(tmp_path), stopping, model=model)  # a folder cannot be written to
    np.testing.assert_array_equal(model.w, before)


# --- logs -------------------------------------------------------------------------------------------------------------


def test_the_log_has_every_digit_of_every_epoch(tmp_path):
    path = tmp_path / "log.csv"
    history = run(CSVLog(path), metrics=["mse"])
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    assert [{name: float(cell) for name, cell in row.items()} for row in rows] == list(history)


def test_the_log_is_written_as_training_goes_on(tmp_path):
    path, lengths = tmp_path / "log.csv", []
    run(CSVLog(str(path)), lambda epoch: lengths.append(len(path.read_text("utf-8").splitlines())))
    assert lengths == [2, 3, 4, 5, 6]


def test_the_log_holds_numbers_also_when_a_schedule_gives_numpys(tmp_path):
    log = CSVLog(tmp_path / "log.csv")
    fit(MLP([2, 1]), (X, Y), "mse", SGD(StepDecay(np.float64(0.1), 2)), epochs=1, callbacks=[log])
    assert "np." not in log.path.read_text("utf-8")


def test_a_log_may_be_written_again(tmp_path):
    log = CSVLog(tmp_path / "log.csv")
    run(log)
    run(log, epochs=2)
    assert len(log.path.read_text("utf-8").splitlines()) == 3


def test_a_log_that_cannot_be_opened_is_reported_before_training(tmp_path):
    spy = Spy()
    with pytest.raises(OutputError, match="; choose another path"):
        run(spy, CSVLog(tmp_path / "nowhere" / "log.csv"))
    assert spy.calls == ["start", "finish after 0"]


def test_a_full_disk_is_reported(tmp_path):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(errno.ENOSPC, "No space left on device")

    log = CSVLog(tmp_path / "log.csv")
    log.start(train(MLP([2, 1]), (X, Y), "mse", epochs=1))
    log._file.close()
    log._file = Full()
    with pytest.raises(OutputError, match="No space left on device; free some space"):
        log(Epoch(1, 1, {"epoch": 1}, None))


# --- progress ---------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize(("epochs", "shown"), [(3, [1, 2, 3]), (40, [1, *range(4, 41, 4)])])
def test_without_a_terminal_a_line_now_and_then(epochs, shown, capsys):
    run(Progress(), epochs=epochs)
    printed = capsys.readouterr()
    assert [line.split()[1] for line in printed.err.splitlines()] == [f"{k}/{epochs}" for k in shown]
    assert printed.out == ""


def test_a_line_shows_training_and_validation_side_by_side(capsys):
    run(Progress(), epochs=1, metrics=["mse"], validation=(X, Y))
    words = capsys.readouterr().err.split()
    assert [words[k] for k in (2, 4, 6, 8)] == ["loss", "val", "mse", "val"] and words[-1] == "rows/s"


def test_on_a_terminal_a_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    progress = Progress()
    run(progress, epochs=4)
    assert "4/4" in terminal.getvalue() and "loss" in terminal.getvalue() and "rows/s" in terminal.getvalue()
    assert progress._bar.finished and not progress._bar.live.is_started


@pytest.mark.parametrize("make", [Progress, lambda: CSVLog("never-opened.csv")], ids=["progress", "log"])
def test_what_never_began_can_end(make):
    make().finish(None, History())
