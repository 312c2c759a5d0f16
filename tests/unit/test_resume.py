"""A run that goes on from another's state ends with the same bits as one that was never interrupted."""

import numpy as np
import pytest

from clearprop import (
    MLP,
    SGD,
    Adam,
    BatchNorm,
    Cosine,
    Dense,
    Dropout,
    LayerNorm,
    NAdam,
    Sequential,
    fit,
    load_dataset,
    train,
)
from clearprop.errors import ConfigurationError
from clearprop.layers import Activation
from clearprop.optim import LBFGS, OPTIMIZERS, Optimizer

DATA = load_dataset("moons", n_samples=90)
ENGINES = ["native", "reference"]


def network():
    return Sequential(
        [Dense(9), BatchNorm(), Activation("tanh"), Dropout(0.3), Dense(7), LayerNorm(), Activation("relu"), Dense(2)],
        n_in=2,
        seed=5,
    )


def start(optimizer, resume=None, model=None, **options):
    model = model or network()
    options = {"epochs": 6, "batch_size": 16, "engine": "native", "seed": 4, "l2": 0.01} | options
    return model, train(model, DATA, "crossentropy", optimizer, resume=resume, **options)


def finished(training):
    records = [{k: v for k, v in e.record.items() if k not in ("seconds", "rows_per_second")} for e in training]
    return records, training.state


def assert_same(one, other):
    for name in ("w", "slots", "buffers", "totals"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    assert (one.step, one.epoch, one.position, one.carry) == (other.step, other.epoch, other.position, other.carry)


OPTIMIZERS_OF_STEPS = [name for name in OPTIMIZERS if issubclass(OPTIMIZERS[name], Optimizer)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", OPTIMIZERS_OF_STEPS)
def test_after_any_epoch(name, engine):
    whole, end = finished(start(OPTIMIZERS[name](), engine=engine)[1])
    for epochs in (1, 4):
        _, first = start(OPTIMIZERS[name](), engine=engine, epochs=epochs)
        begun, state = finished(first)
        rest, resumed_end = finished(start(OPTIMIZERS[name](), resume=state, engine=engine)[1])
        assert begun + rest == whole
        assert_same(resumed_end, end)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "optimizer", [lambda: SGD(Cosine(0.1, 30), momentum=0.9), lambda: NAdam(Cosine(0.01, 30)), lambda: Adam()]
)
def test_after_any_step(optimizer, engine):
    """300 steps, of which each is the end of a run and the start of the next."""
    epochs = 50
    whole, end = finished(start(optimizer(), engine=engine, epochs=epochs, record="step")[1])
    assert len(whole) == 300
    state, records = None, []
    while len(records) < 300:
        _, training = start(optimizer(), resume=state, engine=engine, epochs=epochs, record="step")
        records.append(next(training).record)
        state = training.state
        training.close()
    assert records == whole
    _, last = start(optimizer(), resume=state, engine=engine, epochs=epochs, record="step")
    assert list(last) == []
    assert_same(last.state, end)


def test_in_the_middle_of_an_epoch():
    """Early in an epoch by steps, then on by epochs: its record is that of the whole epoch."""
    whole, end = finished(start(Adam())[1])
    _, steps = start(Adam(), record="step")
    for _ in range(10):
        next(steps)
    assert steps.state.epoch == 2 and steps.state.position == 4
    rest, resumed_end = finished(start(Adam(), resume=steps.state)[1])
    assert rest == whole[1:]
    assert_same(resumed_end, end)


def test_a_state_is_a_copy_and_knows_weights_that_the_body_changed():
    model, training = start(Adam())
    next(training)
    model.w[...] = 0.25
    state = training.state
    next(training)
    assert (state.w == 0.25).all() and not (model.w == 0.25).all()


def test_a_halt_lets_the_batch_end_and_keeps_model_and_state_together():
    def pressed():
        raise KeyboardInterrupt

    model, training = start(Adam())
    while training.state.epoch < 3:
        next(training)
    training._run.running = True  # as if the signal came while batches run
    training.halt(pressed)
    with pytest.raises(KeyboardInterrupt):
        next(training)
    state = training.state
    assert (state.epoch, state.position) == (3, 1) and state.w.tobytes() == model.w.tobytes()
    _, end = finished(start(Adam())[1])
    assert_same(finished(start(Adam(), resume=state)[1])[1], end)


def test_a_halt_between_batches_comes_at_once():
    _, training = start(Adam())
    next(training)
    with pytest.raises(ZeroDivisionError):
        training.halt(lambda: 1 / 0)


def test_l_bfgs_goes_on_from_its_weights():
    options = {"model": MLP([2, 5, 2], "tanh", seed=1), "epochs": 4}
    _, first = start(LBFGS(), **options)
    losses = [epoch["loss"] for epoch in first]
    state = first.state
    assert state.step == 4
    _, second = start(LBFGS(), **options | {"epochs": 7, "resume": state})
    rest = list(second)
    assert [epoch.number for epoch in rest] == [5, 6, 7] and rest[-1]["loss"] < losses[-1]


def test_a_state_of_another_model_is_refused():
    state = finished(start(Adam(), epochs=1)[1])[1]
    with pytest.raises(
        ConfigurationError, match=r"slots of shape \(2, .*give train the model and optimizer of that run"
    ):
        start(SGD(), resume=state)
    with pytest.raises(ConfigurationError, match="has w of shape"):
        start(Adam(), resume=state, model=MLP([2, 3, 2]))


def test_fit_resumes_too():
    model = network()
    _, training = start(Adam(), epochs=3)
    state = finished(training)[1]
    history = fit(model, DATA, "crossentropy", Adam(), epochs=6, batch_size=16, engine="native", l2=0.01, resume=state)
    assert [row["epoch"] for row in history] == [4, 5, 6]
    assert model.w.tobytes() == finished(start(Adam())[1])[1].w.tobytes()
