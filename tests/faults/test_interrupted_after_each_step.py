"""A run of 300 steps, interrupted after each and read from its file each time, ends with the same bits."""

import signal

import pytest
from interrupted import newest, train

from clearprop import Cosine
from clearprop.engine.native.program import NativeProgram
from clearprop.optim import OPTIMIZERS, Optimizer
from clearprop.train import Checkpoint

NAMES = [name for name in OPTIMIZERS if issubclass(OPTIMIZERS[name], Optimizer)]
RATES = {"sgd": 0.1, "rprop": None, "adadelta": 1.0, "lion": 0.002}


def optimizer(name):
    rate = RATES.get(name, 0.01)
    return OPTIMIZERS[name]() if rate is None else OPTIMIZERS[name](Cosine(rate, 300))


class Interrupting(Checkpoint):
    """As if a signal came during the first batch."""

    def start(self, training):
        super().start(training)
        self._begun = training.state.step

    def _watch(self, ended):
        if self._training.state.step > self._begun:
            self._heard(signal.SIGINT, None)
        super()._watch(ended)
        self._training.rest()  # so that a slice is one batch


def interrupted_at_each_step(folder, monkeypatch, **options):
    """The final digest, and after which steps it was interrupted."""
    steps, saved = [], None
    monkeypatch.setattr("interrupted.Checkpoint", Interrupting)
    monkeypatch.setattr(NativeProgram, "threads", property(lambda self: 1 + len(steps) % 3))
    while len(steps) <= 300:
        try:
            return train(folder, every="3600s", resume=saved, **options), steps
        except KeyboardInterrupt:
            saved = newest(folder)
            steps.append(saved.state.step)
    raise AssertionError("it does not end")


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.nightly)])
@pytest.mark.parametrize("engine", ["native", pytest.param("reference", marks=pytest.mark.nightly)])
@pytest.mark.parametrize("name", NAMES)
def test_after_each_of_300_steps(name, engine, dtype, tmp_path, monkeypatch):
    options = {"engine": engine, "optimizer": optimizer(name), "dtype": dtype, "epochs": 50, "patience": 50}
    expected = train(tmp_path / "whole", every="3600s", **options)
    assert interrupted_at_each_step(tmp_path / "run", monkeypatch, **options) == (expected, list(range(1, 301)))
