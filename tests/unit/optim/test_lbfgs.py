"""L-BFGS: SciPy's minimiser, taken one iteration at a time."""

import threading

import numpy as np
import pytest

from clearprop.losses import MSE
from clearprop.model import MLP
from clearprop.optim import LBFGS
from clearprop.train import train

CURVATURE = np.array([1.0, 10.0, 100.0])


def bowl(w):
    return 0.5 * float(np.sum(CURVATURE * (w - 1.0) ** 2)), CURVATURE * (w - 1.0)


def running_threads():
    return [t for t in threading.enumerate() if t.name == "L-BFGS"]


def test_the_minimum_is_reached_and_each_iteration_seen():
    seen = list(LBFGS(tolerance=1e-10).iterates(bowl, np.zeros(3), 100))
    losses = [value for _, value in seen]
    assert losses == sorted(losses, reverse=True) and 3 <= len(seen) < 30
    np.testing.assert_allclose(seen[-1][0], 1.0, atol=1e-9)


def test_closing_stops_the_minimisation():
    calls = []

    def counted(w):
        calls.append(w)
        return bowl(w)

    iterates = LBFGS(tolerance=0.0).iterates(counted, np.zeros(3), 100)
    next(iterates)
    iterates.close()
    count = len(calls)
    assert not running_threads() and len(calls) == count


def test_closing_before_the_start_runs_nothing():
    LBFGS().iterates(lambda w: pytest.fail("called"), np.zeros(3), 100).close()


def test_an_error_in_the_function_reaches_the_caller():
    def broken(w):
        raise ZeroDivisionError("in the loss")

    with pytest.raises(ZeroDivisionError, match="in the loss"):
        list(LBFGS().iterates(broken, np.zeros(3), 10))
    assert not running_threads()


def test_an_error_in_the_callers_loop_ends_the_thread():
    def consume():
        for _ in LBFGS().iterates(bowl, np.zeros(3), 10):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume()
    assert not running_threads()


def test_evaluations_are_limited():
    calls = []

    def counted(w):
        calls.append(1)
        return bowl(w)

    list(LBFGS(tolerance=0.0, max_evaluations=3).iterates(counted, np.zeros(3), 100))
    assert len(calls) <= 6  # SciPy looks at the limit after a line search


@pytest.mark.parametrize("option", [{"tolerance": -1.0}, {"history": 0}, {"max_evaluations": 0}])
def test_settings_out_of_range_are_refused(option):
    with pytest.raises(ValueError, match=f"{next(iter(option))} must be at least"):
        LBFGS(**option)


def test_it_is_described_by_its_arguments():
    assert repr(LBFGS(history=5)) == "LBFGS(history=5)" and LBFGS(**LBFGS(1e-3).config()) == LBFGS(1e-3)


# --- in training ------------------------------------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(40, 2))
Y = np.sin(X[:, :1]) + X[:, 1:] ** 2


def run(model, epochs=50, **options):
    return list(train(model, (X, Y), "mse", LBFGS(), epochs=epochs, **options))


def mlp(**options):
    return MLP([2, 8, 1], "tanh", **options)


def test_training_reports_each_iteration():
    model = mlp()
    epochs = run(model, validation=(X[:5], Y[:5]), metrics=["mse"])
    assert [e.number for e in epochs] == list(range(1, len(epochs) + 1))
    assert epochs[-1]["loss"] < 0.05 * epochs[0]["loss"]
    assert epochs[-1]["mse"] == pytest.approx(epochs[-1]["loss"], rel=1e-12)
    assert {"validation_loss", "validation_mse"} <= epochs[0].record.keys()


def test_the_model_holds_the_weights_of_the_iteration_reported():
    model = mlp()
    for epoch in train(model, (X, Y), "mse", LBFGS(), epochs=20):
        loss = np.mean((model.forward(X)[0] - Y) ** 2)
        assert epoch["loss"] == pytest.approx(loss, rel=1e-12)
    assert np.mean((model.forward(X)[0] - Y) ** 2) == pytest.approx(epoch["loss"], rel=1e-12)


def test_breaking_off_keeps_the_last_iterations_weights():
    model = mlp()
    for epoch in train(model, (X, Y), "mse", LBFGS(), epochs=20):
        if epoch.number == 3:
            kept = model.w.copy()
            break
    np.testing.assert_array_equal(model.w, kept)
    assert not running_threads()


@pytest.mark.parametrize("evaluations", [1, 2, 5, 12])
def test_running_out_of_evaluations_in_a_line_search_keeps_the_last_iterations_weights(evaluations):
    model = mlp()
    kept = model.w.copy()
    for _ in train(model, (X, Y), "mse", LBFGS(max_evaluations=evaluations), epochs=50):
        kept = model.w.copy()
    np.testing.assert_array_equal(model.w, kept)


def test_an_error_in_a_line_search_keeps_the_last_iterations_weights(monkeypatch):
    model, loss, calls = mlp(), MSE(), []

    def forward(*arguments):
        calls.append(1)
        if len(calls) > 4:
            raise ZeroDivisionError
        return MSE.forward(loss, *arguments)

    monkeypatch.setattr(loss, "forward", forward, raising=False)
    kept = model.w.copy()
    with pytest.raises(ZeroDivisionError):
        for _ in train(model, (X, Y), loss, LBFGS(), epochs=50, engine="reference"):
            kept = model.w.copy()
    np.testing.assert_array_equal(model.w, kept)


def test_frozen_parameters_stay_and_float32_works():
    model = mlp(trainable=("weight",), bias_init="ones", dtype="float32")
    run(model, epochs=5)
    assert model.w.dtype == np.float32
    np.testing.assert_array_equal(model.parameters()["0.bias"], 1.0)


def test_penalties_are_part_of_what_is_minimised():
    sizes = []
    for l2 in (0.0, 1.0):
        model = mlp()
        run(model, l2=l2)
        sizes.append(np.abs(model.parameters()["0.weight"]).sum())
    assert sizes[1] < 0.5 * sizes[0]


def test_batch_norms_buffers_do_not_change():
    model = mlp(normalization="batch")
    before = model.buffers.copy()
    run(model, epochs=2)
    np.testing.assert_array_equal(model.buffers, before)


def test_no_epochs_are_no_iterations():
    model = mlp()
    before = model.w.copy()
    assert run(model, epochs=0) == []
    np.testing.assert_array_equal(model.w, before)


@pytest.mark.filterwarnings("ignore::clearprop.errors.ClearpropWarning", "ignore::RuntimeWarning")
def test_divergence_is_reported():
    with pytest.raises(ArithmeticError, match="diverged"):
        list(train(mlp(), (X * 1e200, Y * 1e200), "mse", LBFGS(), epochs=5))


def test_the_recorded_loss_leaves_penalties_out_as_other_optimisers_do():
    model = mlp()
    *_, last = train(model, (X, Y), "mse", LBFGS(), epochs=5, l2=0.1, validation=(X, Y))
    np.testing.assert_allclose(last["loss"], last["validation_loss"], rtol=1e-12)
