"""Epochs that nobody looks at in between are trained at once; that leaves no trace but the time saved."""

import numpy as np
import pytest

from clearprop import MLP, SGD, Adam, Cosine, NAdam, fit, load_dataset, train
from clearprop.errors import DivergenceError
from clearprop.layers import PREDICTION, Activation, Dense, Layer, LayerNorm, NumericEmbedding, Scale
from clearprop.model import Sequential
from clearprop.train import ahead as module
from clearprop.train.ahead import Ahead

DATA = load_dataset("moons", n_samples=90)


def seeing(epoch):
    """A callback: somebody looks."""


def trained(monkeypatch, *, callbacks=(), optimizer=None, ahead=module.ROWS, model=None, **options):
    """History without times, final weights, and how many epochs were trained each time that several were."""
    calls, original = [], Ahead._trained
    monkeypatch.setattr(module, "ROWS", ahead)
    monkeypatch.setattr(
        Ahead, "_trained", lambda self, plans, *_: calls.append(len(plans)) or original(self, plans, *_)
    )
    model = model or MLP([2, 8, 2], "tanh", seed=3, normalization="batch")
    settings = {"epochs": 13, "batch_size": 16, "seed": 2, "l2": 0.01} | options
    history = fit(model, DATA, "crossentropy", optimizer or Adam(0.01), callbacks=callbacks, **settings)
    rows = [{k: v for k, v in row.items() if k not in ("seconds", "rows_per_second")} for row in history]
    monkeypatch.undo()
    return rows, model.w.tobytes() + model.buffers.tobytes(), calls


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("batch_size", [7, 16, 90])
@pytest.mark.parametrize("optimizer", [SGD(Cosine(0.1, 60), momentum=0.9), NAdam(Cosine(0.01, 60)), Adam()], ids=repr)
def test_the_same_bits(optimizer, batch_size, engine, monkeypatch):
    options = {"optimizer": optimizer, "batch_size": batch_size, "engine": engine}
    one_by_one = trained(monkeypatch, callbacks=[seeing], **options)
    at_once = trained(monkeypatch, **options)
    some = trained(monkeypatch, ahead=90 * 5 + 1, **options)
    assert at_once[:2] == some[:2] == one_by_one[:2] and len(one_by_one[0]) == 13
    assert (one_by_one[2], at_once[2], some[2]) == ([], [13], [5, 5, 3])


@pytest.mark.parametrize(
    "options",
    [
        {"metrics": ["accuracy"]},
        {"validation": 0.2},
        {"order": lambda epoch: np.arange(90)},
        {"model": MLP([2, 8, 2], dropout=0.1)},
        {"ahead": 100},
        {"callbacks": [seeing]},
    ],
    ids=lambda options: next(iter(options)),
)
def test_one_by_one_where_something_is_needed_after_each(options, monkeypatch):
    assert trained(monkeypatch, **options)[2] == []


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize(
    "layer", [NumericEmbedding(), Scale(), LayerNorm(), Activation("softmax")], ids=lambda layer: type(layer).__name__
)
def test_every_layer_that_draws_nothing_is_joined_to_the_same_bits(layer, engine, monkeypatch):
    def model():
        return Sequential([layer, Dense(6), Activation("tanh"), Dense(2)], 2, seed=3)

    one_by_one = trained(monkeypatch, model=model(), engine=engine, callbacks=[seeing])
    at_once = trained(monkeypatch, model=model(), engine=engine)
    assert at_once[:2] == one_by_one[:2] and (one_by_one[2], at_once[2]) == ([], [13])


class Noisy(Layer):
    """Adds a number of its own in each epoch; like any layer that says nothing of it, it may draw."""

    def forward(self, x, parameters=None, run=PREDICTION):
        return x + (0.01 * run.key.epoch if run.training else 0.0), None, run.buffers

    def backward(self, dy, cache, grads):
        return dy


def test_a_layer_that_may_draw_is_trained_one_by_one(monkeypatch):
    def model():
        return Sequential([Dense(6), Noisy(), Activation("tanh"), Dense(2)], 2, seed=3)

    assert trained(monkeypatch, model=model(), engine="reference")[2] == []


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_run_that_diverges_ends_where_it_would_have_ended_epoch_by_epoch(engine, monkeypatch):
    class Cliff(SGD):
        def rate(self, t):
            return 1e200 if t > 45 else 0.01

        def _rates(self, t):
            return np.where(t > 45, 1e200, 0.01)

    ends = []
    for callbacks in ([seeing], []):
        model = MLP([2, 8, 2], "tanh", seed=3)
        with pytest.raises(DivergenceError) as error:
            trained(monkeypatch, optimizer=Cliff(), callbacks=callbacks, model=model, engine=engine)
        ends.append((str(error.value), model.w.tobytes()))
        monkeypatch.undo()
    assert ends[0] == ends[1] and "in epoch 8, step 4" in ends[0][0]


@pytest.mark.parametrize("diverges", [False, True])
def test_ahead_asks_an_order_once_for_each_epoch(diverges, monkeypatch):
    asked, rng = [], np.random.default_rng(3)

    def order(epoch):
        asked.append(epoch)
        return rng.permutation(90)

    if diverges:  # as far as those who train epochs at once can see; each is trained again, on the rows drawn for it

        def diverged(*given):
            raise DivergenceError("beyond sense")

        monkeypatch.setattr(Ahead, "_trained", diverged)
    model = MLP([2, 8, 2], "tanh", seed=3)
    run = train(model, DATA, "crossentropy", epochs=12, order=order)
    lengths = []
    while sum(lengths) < 12:
        epochs = run.ahead(5)
        assert [epoch.number for epoch in epochs] == list(range(sum(lengths) + 1, sum(lengths) + len(epochs) + 1))
        lengths.append(len(epochs))
    assert lengths == ([1] * 12 if diverges else [5, 5, 2]) and asked == list(range(1, 13))
    rng, other = np.random.default_rng(3), MLP([2, 8, 2], "tanh", seed=3)
    fit(other, DATA, "crossentropy", epochs=12, order=order)
    assert other.w.tobytes() == model.w.tobytes()
