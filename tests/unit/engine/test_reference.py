"""The reference engine's own promises: slices of time, reports (the rest is in the conformance tests)."""

import numpy as np
import pytest

from clearprop.data import as_dataset
from clearprop.engine import Batches, ReferenceEngine, State, base, choose_engine, initial_state, reference
from clearprop.engine.base import ENGINES, GradientOptions
from clearprop.errors import EngineWarning
from clearprop.layers import PREDICTION, Dense, Layer
from clearprop.losses import MSE
from clearprop.model import MLP, Sequential
from clearprop.optim import SGD, NAdam
from clearprop.train import train

DATA = np.ones((12, 2)), np.ones(12)


def test_batches_are_cut_by_offsets():
    batches = Batches(np.array([3, 1, 2]), np.array([0, 2, 3]))
    assert len(batches) == 2 and batches.rows(0).tolist() == [3, 1] and batches.rows(1).tolist() == [2]


def test_the_first_state_has_slots_for_trainable_parameters_only():
    model = MLP([2, 3, 1], trainable=("weight",))
    state = initial_state(model, SGD(momentum=0.9), seed=4)
    assert state.w is model.w and state.slots.shape == (1, 9)
    assert (state.step, state.epoch, state.position, state.seed) == (0, 1, 0, 4)
    assert initial_state(model, NAdam(), 0).carry == (1.0,)


def test_a_run_returns_when_its_time_is_over_with_at_least_one_step_done(monkeypatch):
    monkeypatch.setattr(reference, "SLICE", 0.0)
    model, optimizer = MLP([2, 1]), SGD()
    program = ReferenceEngine().compile(model, MSE(), optimizer, GradientOptions())
    state = initial_state(model, optimizer, 0)
    table = optimizer.table(1, 3, [1.0, 1.0], [True, False], ())[0]
    batches = Batches(np.arange(12), np.array([0, 4, 8, 12]))
    after = program.run(state, as_dataset(DATA), batches, table, np.zeros(1, np.uint8))
    assert isinstance(after, State) and (after.position, after.step) == (1, 1)


def test_training_does_not_notice_slices(monkeypatch):
    results = []
    for seconds in (0.0, 10.0):
        monkeypatch.setattr(reference, "SLICE", seconds)
        model = MLP([2, 5, 1], normalization="batch", dropout=0.2)
        losses = [e["loss"] for e in train(model, DATA, "mse", "adam", epochs=4, batch_size=5, order="full")]
        results.append((losses, model.w.tobytes(), model.buffers.tobytes()))
    assert results[0] == results[1]


def test_the_reference_supports_everything():
    assert ReferenceEngine().unsupported(MLP([2, 1]), MSE(), SGD()) is None


class Halved(Layer):
    """A layer of a kind that only NumPy knows."""

    def forward(self, x, parameters=None, run=PREDICTION):
        return 0.5 * x, None, {}

    def backward(self, dy, cache, grads):
        return 0.5 * dy


def test_auto_says_once_why_it_does_not_take_the_first_engine():
    model = Sequential([Halved(), Dense(1)], 2)
    base._say_once.cache_clear()  # another test may have said it
    with pytest.warns(EngineWarning, match="the reference engine runs this.*native cannot: .*ask") as caught:
        for _ in range(3):
            assert choose_engine("auto", model, MSE(), SGD())[0].name == "reference"
    assert len(caught) == 1


def test_an_engine_that_was_asked_for_says_nothing(recwarn):
    assert choose_engine("reference", Sequential([Halved()], 2), MSE(), SGD())[1] == "asked for"
    assert not recwarn


@pytest.mark.parametrize("option", ["clip_value", "clip_norm"])
def test_clipping_at_zero_is_refused(option):
    with pytest.raises(ValueError, match=f"{option} must be above 0, not 0"):
        GradientOptions(**{option: 0})


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("loss", [MSE(), MSE("rows"), MSE("sum")], ids=repr)
def test_a_penalty_in_the_sum_is_divided_by_the_batchs_weight(engine, loss):
    """Σ s ∂value/∂w + l2 w, over Σ s: from the gradient without a penalty."""
    rng = np.random.default_rng(0)
    X, y, s = rng.normal(size=(9, 3)), rng.normal(size=(9, 2)), rng.uniform(0.5, 2.0, 9)
    model = MLP([3, 4, 2], "tanh", seed=1)
    weights = np.concatenate([np.full(len(part), part.decays) for part in model.segments])
    for weight in (None, s):
        plain, penalised = (
            ENGINES[engine]().compile(model, loss, SGD(), options).loss_and_grad(X, y, weight)
            for options in (GradientOptions(), GradientOptions(l2=0.3, penalty_in_sum=True))
        )
        total = 1.0 if loss.reduction == "sum" else 9.0 if weight is None else s.sum()
        np.testing.assert_allclose(penalised[0] - plain[0], 0.15 * np.sum((weights * model.w) ** 2) / total, rtol=1e-12)
        np.testing.assert_allclose(penalised[1] - plain[1], 0.3 * weights * model.w / total, atol=1e-14)
