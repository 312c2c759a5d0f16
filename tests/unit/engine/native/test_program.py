"""What the native engine decides in Python: what it takes, how it reads targets, how many threads it uses."""

from dataclasses import replace

import numpy as np
import pytest

from clearprop.engine import ENGINES, GradientOptions, choose_engine, initial_state
from clearprop.engine.native.pace import Pace
from clearprop.engine.native.stages import dense
from clearprop.engine.native.tuning import TABLE
from clearprop.errors import ConfigurationError
from clearprop.losses import MSE, CrossEntropy
from clearprop.model import MLP
from clearprop.optim import SGD, Optimizer
from clearprop.train.orders import epoch_batches

TUNING = TABLE["neon", "float64"]


def compiled(name, model, loss):
    return ENGINES[name]().compile(model, loss, SGD(), GradientOptions())


# --- what it takes ----------------------------------------------------------------------------------------------------


class Smoothed(CrossEntropy):
    """Cross-entropy with a tenth of the probability spread over all classes."""

    def targets(self, y_true, y_pred):
        return 0.9 * super().targets(y_true, y_pred) + 0.1 / y_pred.shape[1]


def test_a_loss_with_targets_of_its_own_is_heeded(rng):
    model, X, y = MLP([3, 4, 5]), rng.normal(size=(20, 3)), rng.integers(0, 5, 20)
    assert choose_engine("auto", model, Smoothed(), SGD())[0].name == "native"
    (ours, g), (theirs, h) = (compiled(name, model, Smoothed()).loss_and_grad(X, y) for name in ("native", "reference"))
    np.testing.assert_allclose(ours, theirs, rtol=1e-13)
    np.testing.assert_allclose(g, h, rtol=1e-11, atol=1e-15)
    assert ours != compiled("native", model, CrossEntropy()).loss_and_grad(X, y)[0]


class Forgetful(MSE):
    """A loss that does not store its argument."""

    def __init__(self, scale=1.0):
        super().__init__()


class ForgetfulSGD(SGD):
    """An optimiser that does not store its argument."""

    def __init__(self, rate=0.1):
        super().__init__(rate)


class OwnWay(SGD):
    """An optimiser that does not leave the change of weights to its rule."""

    def apply(self, w, g, slots, row):
        w -= 0.1 * g


@pytest.mark.parametrize(
    ("loss", "optimizer", "reason"),
    [
        (Forgetful(), SGD(), "Forgetful or SGD does not keep its arguments under their names"),
        (MSE(), ForgetfulSGD(), "MSE or ForgetfulSGD does not keep its arguments under their names"),
        (MSE(), OwnWay(), "OwnWay changes weights in a way of its own"),
    ],
)
def test_what_cannot_be_compiled_runs_on_the_reference_and_is_said(loss, optimizer, reason):
    assert isinstance(optimizer, Optimizer)
    engine, why = choose_engine("auto", MLP([2, 2]), loss, optimizer)
    assert engine.name == "reference" and why == f"native cannot: {reason}"


def test_a_position_before_the_first_batch_is_refused():
    model = MLP([2, 2])
    state = replace(initial_state(model, SGD(), 0), position=-1)
    batches = epoch_batches("full", 1, 4, batch_size=4)
    with pytest.raises(ConfigurationError, match="position counts batches from 0"):
        compiled("native", model, MSE()).run(state, None, batches, np.ones((1, 2, 2)), np.zeros(1, np.uint8))


def test_more_inputs_than_there_are_tickets_for_are_left_to_the_reference(monkeypatch):
    monkeypatch.setattr(dense, "WIDEST", 4)
    assert choose_engine("auto", MLP([4, 9]), MSE(), SGD())[0].name == "native"
    engine, why = choose_engine("auto", MLP([5, 9]), MSE(), SGD())
    assert engine.name == "reference" and "at most 4 inputs" in why


# --- how many threads -------------------------------------------------------------------------------------------------


def slices(pace, seconds, n, most=2):
    """The numbers of threads that n slices use, and for how long, if a step takes seconds[threads]."""
    used = []
    for _ in range(n):
        threads, step, allotted = pace.choose(most, guess=0.01)
        steps = max(1, int(allotted / step))
        pace.note(threads, steps, steps * seconds[threads])
        used.append((threads, steps * seconds[threads]))
    return used


@pytest.mark.parametrize("fast", [1, 2])
def test_the_faster_number_of_threads_goes_on_and_the_other_is_tried_again(fast):
    used = slices(Pace(TUNING), {fast: 0.001, 3 - fast: 0.002}, 400)
    assert {threads for threads, _ in used[1:3]} == {1, 2}
    in_vain = sum(seconds for threads, seconds in used[3:] if threads != fast)
    assert 0.0 < in_vain < 0.06 * sum(seconds for _, seconds in used[3:])
    assert 3 - fast in [threads for threads, _ in used[300:]]


def test_the_first_slice_decides_nothing():
    pace = Pace(TUNING)
    threads, *_ = pace.choose(2, guess=0.01)
    pace.note(threads, 10, 9.0)  # threads are started, memory is touched for the first time
    later = [threads for threads, _ in slices(pace, {1: 0.002, 2: 0.001}, 12)]
    assert later[:5] == [2, 1, 2, 2, 2]


def test_a_number_of_threads_that_has_become_faster_is_found():
    pace = Pace(TUNING)
    before = slices(pace, {1: 0.001, 2: 0.002}, 10)
    after = slices(pace, {1: 0.001, 2: 0.0005}, 40)
    assert before[-1][0] == 1 and after[-1][0] == 2


def test_trials_of_long_steps_have_several():
    """The first step of a trial is slow, as everything another thread needs is in the other's caches."""
    pace, used = Pace(TUNING), []
    for _ in range(12):
        threads, step, allotted = pace.choose(2, guess=0.05)
        steps = max(1, int(allotted / step + 1e-9))
        pace.note(threads, steps, 0.006 + steps * {1: 0.006, 2: 0.004}[threads])
        used.append((threads, steps))
    assert used[2][0] == 1 and used[2][1] >= 4
    assert [threads for threads, _ in used[3:9]] == [2] * 6
    pace.seconds[2] = 0.011  # it was kept waiting for a while
    pace.patience = 0.0
    assert [threads for threads, _ in slices(pace, {1: 0.006, 2: 0.004}, 5)] == [2, 1, 2, 2, 2]


def test_one_thread_has_no_other_to_be_compared_with():
    assert {threads for threads, _ in slices(Pace(TUNING), {1: 1.0}, 10, most=1)} == {1}


def test_slices_are_planned_by_the_seconds_a_step_took():
    pace = Pace(TUNING)
    assert pace.choose(1, guess=0.5) == (1, 0.5, TUNING.slice)
    pace.note(1, 10, 3.0)  # the first, with cold caches, says how long the second may be
    assert pace.choose(1, guess=0.5) == (1, 0.3, TUNING.slice)
    pace.note(1, 10, 0.1)
    assert pace.choose(1, guess=0.5) == (1, 0.01, TUNING.slice)
    pace.note(1, 10, 0.2)  # slower: trusted a fifth at a time
    assert pace.choose(1, guess=0.5)[1] == pytest.approx(0.012)
