"""Optimisers: first steps by hand (the rest is in the conformance tests)."""

import numpy as np
import pytest

from clearprop.optim import SGD, Adam, Lion, Optimizer, Rprop, StepDecay


def steps(optimizer, gradients, w=1.0):
    """w after each of the given gradients."""
    w = np.array([w])
    slots = optimizer.initial_slots(1, float)
    table, _ = optimizer.table(1, len(gradients), [1.0], [True], optimizer.initial_carry)
    found = []
    for g, row in zip(gradients, table[:, 0].tolist(), strict=True):
        optimizer.apply(w, np.array([g]), slots, row)
        found.append(w.item())
    return found


@pytest.mark.parametrize(
    ("optimizer", "gradients", "expected"),
    [
        (SGD(0.1), [2.0, -1.0], [0.8, 0.9]),
        (SGD(0.1, momentum=0.5), [2.0, 0.0, 0.0], [0.8, 0.7, 0.65]),
        (SGD(0.1, momentum=0.5, nesterov=True), [2.0, 0.0], [0.7, 0.65]),
        (SGD(StepDecay(0.1, 1, 0.5)), [2.0, 2.0, 2.0], [0.8, 0.7, 0.65]),
        (Adam(0.1, epsilon=0.0), [5.0, 5.0], [0.9, 0.8]),
        (Lion(0.1, weight_decay=0.5), [3.0, 0.0], [0.85, 0.7075]),
        (Rprop(0.1, grow=2.0), [1.0, 1.0, -1.0, -1.0], [0.9, 0.7, 0.7, 0.8]),
    ],
    ids=lambda p: repr(p),
)
def test_steps_by_hand(optimizer, gradients, expected):
    assert steps(optimizer, gradients) == pytest.approx(expected, rel=1e-12)


def test_rprops_step_stays_within_its_limits():
    grown = steps(Rprop(1.0, largest=2.0), [1.0] * 5, w=0.0)
    assert grown[-1] - grown[-2] == -2.0
    shrunk = steps(Rprop(1.0, smallest=0.25), [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0], w=0.0)
    assert abs(shrunk[-1] - shrunk[-2]) == 0.25


def test_a_rate_is_a_number_or_a_schedule():
    assert SGD(np.float32(0.5)).rate(7) == 0.5
    assert SGD(StepDecay(0.1, 2)).rate(3) == pytest.approx(0.01)


class Sign(Optimizer):
    """w ← w - η sign(g), the least that a new optimiser must say."""

    def rule(self, w, g, learning_rate):
        return (w - learning_rate * np.where(g > 0.0, 1.0, -1.0),)


def test_a_new_optimizer_needs_a_rule_and_nothing_else():
    assert steps(Sign(0.25), [3.0, -0.1, 2.0]) == [0.75, 1.0, 0.75]
    assert repr(Sign(0.25)) == "Sign(0.25)"


def test_an_optimizer_is_abstract():
    with pytest.raises(TypeError):
        Optimizer(0.1)
