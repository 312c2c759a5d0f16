"""Schedules in use: one rate for each step, over epochs too (their formulas are in the conformance tests)."""

import numpy as np
import pytest

from clearprop.model import MLP
from clearprop.optim import SGD, ExponentialDecay, InverseScaling, Warmup
from clearprop.train import train


def test_training_reports_the_rate_of_the_epochs_last_step():
    schedule = InverseScaling(0.1, power=1.0)
    data = np.ones((10, 1)), np.ones(10)
    rates = [e["learning_rate"] for e in train(MLP([1, 1]), data, "mse", SGD(schedule), epochs=3, batch_size=4)]
    assert rates == pytest.approx([0.1 / 3, 0.1 / 6, 0.1 / 9])


def test_steps_need_not_be_whole():
    assert ExponentialDecay(1.0, 0.5, 0.25)(2) == pytest.approx(1.0 / 16)


@pytest.mark.parametrize("wrong", [0, -1, float("nan")])
def test_a_warmup_has_at_least_one_step(wrong):
    with pytest.raises(ValueError, match="steps must be above 0"):
        Warmup(InverseScaling(0.1), wrong)
