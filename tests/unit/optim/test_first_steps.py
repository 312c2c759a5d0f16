"""Optimisers: first steps by hand (the rest is in the conformance tests)."""

import math

import numpy as np
import pytest

from clearprop.optim import SGD, Adam, AdamW, ExponentialDecay, Lion, NAdam, Optimizer, Rprop, StepDecay
from clearprop.optim.base import powers


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


# --- tables: what a loop over steps would compute ---------------------------------------------------------------------


def adams_scalars(adam, t, rate):
    betas = (adam.beta_1, 1.0 - adam.beta_1, adam.beta_2, 1.0 - adam.beta_2)
    return [*betas, rate / (1.0 - adam.beta_1**t), 1.0 / math.sqrt(1.0 - adam.beta_2**t), adam.epsilon]


@pytest.mark.parametrize("rate", [0.02, ExponentialDecay(0.1, 1000)], ids=repr)
def test_adams_table_is_that_of_a_loop(rate):
    adamw = AdamW(rate, weight_decay=0.1)
    table, carry = adamw.table(2, 2500, [1.0, 0.5], [True, False], ())
    loop = []
    for t in range(2, 2502):
        eta, half = adamw.rate(t), 0.5 * adamw.rate(t)
        loop.append([[1.0 - eta * 0.1, *adams_scalars(adamw, t, eta)], [1.0, *adams_scalars(adamw, t, half)]])
    np.testing.assert_allclose(table, loop, rtol=1e-15, atol=0.0)
    assert table[:1000].tolist() == loop[:1000] and carry == ()


def test_nadams_table_is_that_of_a_loop():
    nadam, product, loop = NAdam(0.02), 1.0, []
    for t in range(1, 2501):
        now, following = (0.9 * (1.0 - 0.5 * 0.96 ** (0.004 * k)) for k in (t, t + 1))
        product *= now
        loop.append([0.02 * (1.0 - now) / (1.0 - product), 0.02 * following / (1.0 - product * following)])
    table, carry = nadam.table(1, 2500, [1.0], [True], nadam.initial_carry)
    np.testing.assert_allclose(table[:, 0, 5:7], loop, rtol=2e-15, atol=0.0)
    np.testing.assert_allclose(carry, product, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("base", [0.0, 0.9, 0.999, 0.999999])
def test_powers_are_pythons(base):
    t = np.arange(1, 5000)
    expected = [base**k for k in t.tolist()]
    np.testing.assert_allclose(powers(base, t), expected, rtol=4e-16, atol=1e-300)
    assert powers(base, t)[:1023].tolist() == expected[:1023]
    np.testing.assert_allclose(powers(0.96, t, 0.1), [0.96 ** (0.1 * k) for k in t.tolist()], rtol=4e-15)


# --- optimisers of one's own ------------------------------------------------------------------------------------------


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
