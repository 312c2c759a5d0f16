"""A run that goes on from another's state ends with the same bits as one that was never interrupted."""

from dataclasses import replace

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
from clearprop.errors import ClearpropWarning, ConfigurationError
from clearprop.layers import Activation
from clearprop.metrics import METRICS
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


@pytest.mark.parametrize("place", [(1, 0), (1, 1), (3, 1), (4, 6), (5, 0), (7, 0)])
def test_rest_comes_after_each_batch_if_asked_for_and_keeps_model_and_state_together(place):
    model, training = start(Adam())

    def watch(ended):
        assert ended == (training.place == (7, 0))
        if training.place == place:
            raise KeyboardInterrupt
        training.rest()  # again, as soon as possible

    training.at_rest(watch)
    with pytest.raises(KeyboardInterrupt):
        list(training)
    state = training.state
    assert (state.epoch, state.position) == place and state.w.tobytes() == model.w.tobytes()
    _, end = finished(start(Adam())[1])
    assert_same(finished(start(Adam(), resume=state)[1])[1], end)


@pytest.mark.parametrize("record", ["epoch", "step"])
def test_rest_waits_until_what_was_yielded_has_been_seen(record):
    _, training = start(Adam(), record=record)
    calls = []
    training.at_rest(calls.append)
    training.rest()
    assert calls == []  # not begun
    next(training)
    seen = len(calls)
    training.rest()
    assert len(calls) == seen
    next(training)
    assert len(calls) > seen


def test_rest_comes_at_once_while_an_epoch_is_judged():
    model, calls = network(), []

    def judge(y_true, y_pred):
        training.rest()
        return 0.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(METRICS._definitions, "judge", judge)
        training = start(Adam(), model=model, metrics=["judge"])[1]
        training.at_rest(lambda ended: calls.append(training.place))
        next(training)
    assert calls == [(1, 0), (1, 6), (1, 6)]


def test_without_a_watcher_rest_changes_nothing():
    _, training = start(Adam())
    records = []
    for epoch in training:
        training.rest()
        records.append({k: v for k, v in epoch.record.items() if k not in ("seconds", "rows_per_second")})
    assert (records, training.state.step) == (finished(start(Adam())[1])[0], 36)


def test_l_bfgs_goes_on_from_its_weights():
    options = {"model": MLP([2, 5, 2], "tanh", seed=1), "epochs": 4}
    _, first = start(LBFGS(), **options)
    losses = [epoch["loss"] for epoch in first]
    state = first.state
    assert state.step == 4
    with pytest.warns(ClearpropWarning, match="without the curvature it had seen"):
        _, second = start(LBFGS(), **options | {"epochs": 7, "resume": state})
    rest = list(second)
    assert [epoch.number for epoch in rest] == [5, 6, 7] and rest[-1]["loss"] < losses[-1]


def test_the_state_of_l_bfgs_is_right_during_a_line_search():
    model = MLP([2, 5, 2], "tanh", seed=1)
    _, training = start(LBFGS(), model=model, epochs=6)
    states = []
    training.at_rest(lambda ended: states.append(training.state))
    ends = [(epoch.number, model.w.tobytes()) for epoch in training]
    assert [(state.step, state.w.tobytes()) for state in states[1:]] == [*ends, ends[-1]]
    states.clear()

    class Searching(LBFGS):
        def iterates(self, loss_and_grad, w, max_iterations):
            def asked(w):
                training.rest()
                return loss_and_grad(w)

            return super().iterates(asked, w, max_iterations)

    model = MLP([2, 5, 2], "tanh", seed=1)
    _, training = start(Searching(), model=model, epochs=6)
    training.at_rest(lambda ended: states.append((training.state.step, training.state.w.tobytes())))
    list(training)
    assert len(states) > 12 and set(states) - {(0, states[0][1])} == set(ends)


def test_a_state_of_another_model_is_refused():
    state = finished(start(Adam(), epochs=1)[1])[1]
    with pytest.raises(
        ConfigurationError, match=r"slots of shape \(2, .*give train the model and optimizer of that run"
    ):
        start(SGD(), resume=state)
    with pytest.raises(ConfigurationError, match="has w of shape"):
        start(Adam(), resume=state, model=MLP([2, 3, 2]))
    with pytest.raises(ConfigurationError, match="is of another optimizer"):
        start(Adam(), resume=replace(state, carry=(1.0,)))
    with pytest.raises(ConfigurationError, match="has done 7 batches of epoch 2, which has 6"):
        next(start(Adam(), resume=replace(state, position=7))[1])


def test_fit_resumes_too():
    model = network()
    _, training = start(Adam(), epochs=3)
    state = finished(training)[1]
    history = fit(model, DATA, "crossentropy", Adam(), epochs=6, batch_size=16, engine="native", l2=0.01, resume=state)
    assert [row["epoch"] for row in history] == [4, 5, 6]
    assert model.w.tobytes() == finished(start(Adam())[1])[1].w.tobytes()
