"""Thousands of trainings, predictions and failures leave no memory behind."""

import gc
import os
import sys

import numpy as np
import pytest

from clearprop import MLP, SGD, Adam, fit, predict
from clearprop.errors import DivergenceError, ShapeError

pytestmark = [pytest.mark.nightly, pytest.mark.skipif(sys.platform != "linux", reason="memory as Linux counts it")]
X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)


def resident():
    """Bytes of this process in memory."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def once(engine):
    model = MLP([3, 8, 2], "tanh")
    fit(model, (X, Y), "crossentropy", Adam(), epochs=2, engine=engine)
    assert predict(model, X, link="softmax", engine=engine).shape == (40, 2)
    with pytest.raises(DivergenceError):
        fit(MLP([3, 8, 1]), (X, 1e200 * X[:, 0]), "mse", SGD(1e9), epochs=3, engine=engine)
    with pytest.raises(ShapeError):
        fit(model, (X[:, :2], Y), "crossentropy", epochs=1, engine=engine)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_no_memory_is_lost(engine):
    for _ in range(500):
        once(engine)
    before = resident()
    for _ in range(5000):
        once(engine)
    assert resident() - before < 5 * 2**20, f"{(resident() - before) / 2**20:.1f} MiB"
