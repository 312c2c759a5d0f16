"""Every registered engine runs batches as the specification says, whole or in slices."""

from dataclasses import replace

import numpy as np
import pytest

from clearprop.data import Dataset
from clearprop.engine import (
    ENGINES,
    GradientOptions,
    choose_engine,
    initial_state,
)
from clearprop.errors import DivergenceError
from clearprop.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm
from clearprop.losses import MSE, BinaryCrossEntropy, CrossEntropy, penalty, penalty_gradient
from clearprop.model import MLP, Sequential
from clearprop.optim import LBFGS, SGD, Adam
from clearprop.randomness import Key
from clearprop.train import train
from clearprop.train.orders import epoch_batches
from examples import OPTIMIZER_EXAMPLES
from witnesses import same_bits

N = 23  # with batches of 5, the last has 3 rows
RNG = np.random.default_rng(7)
X = RNG.normal(size=(N, 3))
CLASSES = RNG.integers(0, 3, N)
DATA = Dataset(X, CLASSES, target_names=("a", "b", "c"))
WEIGHTED = replace(DATA, sample_weight=RNG.integers(0, 4, N).astype(float))

ARCHITECTURES = {
    "relu": lambda dtype="float64": MLP([3, 8, 3], "relu", bias_init="normal", dtype=dtype),
    "deep": lambda dtype="float64": MLP([3, 5, 4, 6, 3], ["tanh", "gelu", "sigmoid"], dtype=dtype),
    "linear": lambda dtype="float64": MLP([3, 3], dtype=dtype),
    "dropout": lambda dtype="float64": MLP([3, 8, 3], "tanh", dropout=0.3, dtype=dtype),
    "batch norm": lambda dtype="float64": MLP([3, 6, 3], "elu", normalization="batch", dtype=dtype),
    "layer norm": lambda dtype="float64": MLP([3, 6, 3], "silu", normalization="layer", dtype=dtype),
    "frozen bias": lambda dtype="float64": MLP([3, 6, 3], "tanh", trainable=("weight",), dtype=dtype),
    "no bias": lambda dtype="float64": MLP([3, 6, 3], "tanh", use_bias=False, dtype=dtype),
}
every_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZER_EXAMPLES, ids=repr)


@pytest.fixture(params=ENGINES)
def engine(request):
    return ENGINES[request.param]()


def compiled(engine, model, loss, optimizer, **options):
    """A program, or a skipped test where the engine says it cannot."""
    reason = engine.unsupported(model, loss, optimizer)
    if reason:
        pytest.skip(reason)
    return engine.compile(model, loss, optimizer, GradientOptions(**options))


class Run:
    """A training run of one epoch after the other."""

    def __init__(self, engine, model, loss, optimizer, data=DATA, *, batch_size=5, order="shuffled", seed=3, **options):
        self.program = compiled(engine, model, loss, optimizer, **options)
        dtype = model.dtype
        self.model, self.optimizer, self.data = model, optimizer, replace(data, X=data.X.astype(dtype))
        self.plan = lambda epoch: epoch_batches(order, epoch, len(data), batch_size=batch_size, seed=seed)
        self.state = initial_state(model, optimizer, seed)

    def epoch(self, *, one_step_at_a_time=False):
        trainable = [s for s in self.model.segments if s.trainable]
        batches = self.plan(self.state.epoch)
        factors, decays = [s.learning_rate_factor for s in trainable], [s.decays for s in trainable]
        table, carry = self.optimizer.table(self.state.step + 1, len(batches), factors, decays, self.state.carry)
        stop = np.array([one_step_at_a_time], dtype=np.uint8)
        calls = 0
        while self.state.position < len(batches):
            self.state = self.program.run(self.state, self.data, batches, table, stop)
            calls += 1
        assert calls == len(batches) or not one_step_at_a_time
        done = self.state
        self.state = replace(done, epoch=done.epoch + 1, position=0, totals=np.zeros(3), carry=carry)
        return done


def assert_same_state(a, b):
    for name in ("w", "slots", "buffers", "totals"):
        assert same_bits(getattr(a, name), getattr(b, name)), name
    for name in ("step", "epoch", "position", "carry", "seed"):
        assert getattr(a, name) == getattr(b, name), name


# --- run --------------------------------------------------------------------------------------------------------------


@every_architecture
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_slices_are_the_whole_bit_for_bit(engine, architecture, dtype):
    whole, sliced = (Run(engine, ARCHITECTURES[architecture](dtype), CrossEntropy(), Adam(0.01)) for _ in range(2))
    for _ in range(3):
        assert_same_state(whole.epoch(), sliced.epoch(one_step_at_a_time=True))


@every_optimizer
def test_slices_are_the_whole_for_every_optimizer(engine, optimizer):
    whole, sliced = (Run(engine, ARCHITECTURES["relu"](), CrossEntropy(), optimizer, WEIGHTED) for _ in range(2))
    for _ in range(3):
        assert_same_state(whole.epoch(), sliced.epoch(one_step_at_a_time=True))


def test_after_the_last_batch_there_is_nothing_to_do(engine):
    run = Run(engine, ARCHITECTURES["relu"](), CrossEntropy(), Adam())
    done = run.epoch()
    batches = run.plan(1)
    table = run.optimizer.table(1, len(batches), [1.0, 1.0], [True, False], ())[0]
    assert_same_state(run.program.run(done, run.data, batches, table, np.zeros(1, np.uint8)), done)


@every_architecture
def test_the_state_given_is_not_changed(engine, architecture):
    run = Run(engine, ARCHITECTURES[architecture](), CrossEntropy(), SGD(0.1, momentum=0.9))
    before = run.state
    kept = replace(
        before, w=before.w.copy(), slots=before.slots.copy(), buffers=before.buffers.copy(), totals=before.totals.copy()
    )
    run.epoch()
    assert_same_state(before, kept)


def by_hand(model, loss, optimizer, data, batches, seed, epoch=1):
    """One epoch of plain steps, written down once more."""
    w, g = model.w.copy(), np.zeros_like(model.w)
    slots = optimizer.initial_slots(len(w), w.dtype)
    table, _ = optimizer.table(1, len(batches), [1.0], [False], optimizer.initial_carry)
    losses = []
    for b, row in enumerate(table[:, 0].tolist()):
        rows = batches.rows(b)
        weights = None if data.sample_weight is None else data.sample_weight[rows]
        key = Key(seed, epoch, int(batches.offsets[b]))
        y, caches, _ = model.forward(data.X[rows], model.parameter_views(w), training=True, key=key)
        value, cache = loss.forward(data.y[rows], y, weights)
        model.backward(loss.backward(cache), caches, g)
        optimizer.apply(w, g, slots, row)
        losses.append(value * (len(rows) if weights is None else weights.sum()))
    return w, sum(losses)


@pytest.mark.parametrize("data", [DATA, WEIGHTED], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("batch_size", [1, 5, N, 1000])
@pytest.mark.parametrize("architecture", ["relu", "dropout", "layer norm"])
def test_an_epoch_is_the_loop_written_by_hand(engine, architecture, batch_size, data):
    make, optimizer = ARCHITECTURES[architecture], SGD(0.05, momentum=0.9)
    run = Run(engine, make(), CrossEntropy(), optimizer, data, batch_size=batch_size)
    w, total = by_hand(make(), CrossEntropy(), optimizer, data, run.plan(1), seed=3)
    done = run.epoch()
    np.testing.assert_allclose(done.w, w, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(done.totals[0], total, rtol=1e-12)
    expected_weight = N if data.sample_weight is None else data.sample_weight.sum()
    assert done.totals[1] == expected_weight and done.step == done.position == -(-N // min(batch_size, N))


@every_architecture
def test_every_engine_equals_the_reference(engine, architecture):
    # biases before a batch normalisation have a gradient of 0, but for rounding, which a small epsilon would blow up
    optimizer = Adam(0.01, epsilon=1e-3)
    run = Run(engine, ARCHITECTURES[architecture](), CrossEntropy(), optimizer, WEIGHTED)
    reference = Run(ENGINES["reference"](), ARCHITECTURES[architecture](), CrossEntropy(), optimizer, WEIGHTED)
    for _ in range(5):
        ours, theirs = run.epoch(), reference.epoch()
    np.testing.assert_allclose(ours.w, theirs.w, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(ours.buffers, theirs.buffers, rtol=1e-9, atol=1e-11)


def test_totals_of_summed_losses_count_batches(engine):
    done = Run(engine, MLP([3, 3]), CrossEntropy(reduction="sum"), SGD(0.0)).epoch()
    mean = Run(engine, MLP([3, 3]), CrossEntropy(), SGD(0.0)).epoch()
    assert done.totals[1] == 5  # batches
    np.testing.assert_allclose(done.totals[0], mean.totals[0], rtol=1e-13)


@every_architecture
@pytest.mark.parametrize("batch_size", [1, 4, N])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_penalties_add_to_sums_is_noted(engine, architecture, batch_size, dtype):
    options = {"l1": 0.01, "l2": 0.3, "penalty_in_sum": True}
    model = ARCHITECTURES[architecture](dtype)
    if batch_size == 1 and any(isinstance(layer, BatchNorm) for layer in model.layers):
        pytest.skip("one row is no batch")
    rate = 0.1 if batch_size == N else 0.0  # else the weights have to stay the same through an epoch
    run = Run(engine, model, CrossEntropy(), SGD(rate), WEIGHTED, batch_size=batch_size, **options)
    trained = [s.slice for s in model.segments if s.trainable and s.decays]
    for _ in range(3):
        expected = sum(float(penalty(run.state.w[part].astype(float), 0.01, 0.3)) for part in trained)
        batches = -(-N // batch_size)
        np.testing.assert_allclose(
            run.epoch().totals[2], batches * expected, rtol=1e-5 if dtype == "float32" else 1e-12
        )
    assert Run(engine, model, CrossEntropy(), SGD(0.1), l2=0.3).epoch().totals[2] == 0.0


def test_dropout_masks_do_not_depend_on_how_batches_are_cut(engine):
    totals = [
        Run(engine, ARCHITECTURES["dropout"](), CrossEntropy(), SGD(0.0), order="sequential", batch_size=b)
        .epoch()
        .totals
        for b in (1, 4, 10, N)
    ]
    np.testing.assert_allclose(totals, np.broadcast_to(totals[0], (4, 3)), rtol=1e-12)


def test_dropout_masks_change_from_epoch_to_epoch(engine):
    run = Run(engine, ARCHITECTURES["dropout"](), CrossEntropy(), SGD(0.0), order="sequential")
    assert run.epoch().totals[0] != run.epoch().totals[0]


def test_whole_weights_are_repeated_rows(engine):
    times = WEIGHTED.sample_weight.astype(int)
    repeated = DATA.take(np.repeat(np.arange(N), times))
    one, other = (
        Run(engine, ARCHITECTURES["relu"](), CrossEntropy(), SGD(0.5), data, order="full").epoch()
        for data in (WEIGHTED, repeated)
    )
    np.testing.assert_allclose(one.w, other.w, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(one.totals, other.totals, rtol=1e-12)


# --- orders -----------------------------------------------------------------------------------------------------------

PERMUTATIONS = np.stack([np.random.default_rng(k).permutation(N) for k in range(2)])
SAME_ORDERS = {
    "sequential": ("sequential", np.arange(N)),
    "an array for each epoch": (PERMUTATIONS, lambda epoch: PERMUTATIONS[epoch - 1]),
    "full": ("full", [np.arange(N)]),
    "batches": ([np.arange(5), np.arange(5, 10)], lambda epoch: [list(range(5)), list(range(5, 10))]),
    "shuffled": ("shuffled", lambda epoch: epoch_batches("shuffled", epoch, N, batch_size=5, seed=3).indices),
    "bootstrap": ("bootstrap", lambda epoch: epoch_batches("bootstrap", epoch, N, batch_size=5, seed=3).indices),
}


@pytest.mark.parametrize("kind", SAME_ORDERS)
def test_orders_that_say_the_same_train_the_same(engine, kind):
    one, other = (Run(engine, ARCHITECTURES["relu"](), CrossEntropy(), Adam(), order=o) for o in SAME_ORDERS[kind])
    for _ in range(2):
        assert_same_state(one.epoch(), other.epoch())


# --- penalties and clipping -------------------------------------------------------------------------------------------


def step(engine, **options):
    """The change of the weights by one step of plain SGD with learning rate 1, as parameters by name."""
    model = ARCHITECTURES["relu"]()
    done = Run(engine, model, CrossEntropy(), SGD(1.0), order="full", **options).epoch()
    return model.parameters(done.w - model.w), model


def test_penalties_act_on_weights_and_not_on_biases(engine):
    plain, model = step(engine)
    penalised, _ = step(engine, l1=0.01, l2=0.1)
    for name, w in model.parameters().items():
        expected = penalty_gradient(w, 0.01, 0.1) if name.endswith("weight") else 0.0
        np.testing.assert_allclose(plain[name] - penalised[name], np.broadcast_to(expected, w.shape), atol=1e-15)


def test_clipping_by_value_limits_each_component(engine):
    plain, _ = step(engine)
    clipped, _ = step(engine, clip_value=0.01)
    for name, change in plain.items():
        np.testing.assert_allclose(clipped[name], np.clip(change, -0.01, 0.01), atol=1e-15)


@pytest.mark.parametrize("clip_norm", [1e-3, 1e3])
def test_clipping_by_norm_keeps_the_direction(engine, clip_norm):
    flat = [np.concatenate([p.ravel() for p in step(engine, **o)[0].values()]) for o in ({}, {"clip_norm": clip_norm})]
    length = np.linalg.norm(flat[0])
    np.testing.assert_allclose(flat[1], flat[0] * min(1.0, clip_norm / length), atol=1e-15)


def test_the_norm_is_that_of_the_trainable_parameters(engine):
    model = ARCHITECTURES["frozen bias"]()
    done = Run(engine, model, CrossEntropy(), SGD(1.0), order="full", clip_norm=1e-3).epoch()
    np.testing.assert_allclose(np.linalg.norm(done.w - model.w), 1e-3, rtol=1e-10)


@pytest.mark.parametrize("option", ["l1", "l2", "clip_value", "clip_norm"])
def test_options_out_of_range_are_refused(option):
    with pytest.raises(ValueError, match=f"{option} must be"):
        GradientOptions(**{option: -1.0})


# --- values -----------------------------------------------------------------------------------------------------------


@every_architecture
@pytest.mark.parametrize("options", [{}, {"l1": 0.02, "l2": 0.3}], ids=["plain", "penalised"])
def test_loss_and_grad_is_the_slope_of_the_loss(engine, architecture, options, rng):
    model = ARCHITECTURES[architecture]()
    program = compiled(engine, model, CrossEntropy(), SGD(), **options)
    model.w[...] += 0.1 * rng.normal(size=model.w.shape)  # moves weights off 0, where |w| has a kink
    w, h = model.w.copy(), 1e-6
    value, g = program.loss_and_grad(X, CLASSES, WEIGHTED.sample_weight)
    assert np.isfinite(value) and g.shape == w.shape
    for _ in range(5):
        v = rng.normal(size=w.shape)
        ends = []
        for sign in (1.0, -1.0):
            model.w[...] = w + sign * h * v
            ends.append(program.loss_and_grad(X, CLASSES, WEIGHTED.sample_weight)[0])
        np.testing.assert_allclose((ends[0] - ends[1]) / (2 * h), g @ v, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@every_architecture
def test_a_prediction_does_not_depend_on_its_batch(engine, architecture, dtype):
    model = ARCHITECTURES[architecture](dtype)
    program = compiled(engine, model, CrossEntropy(), SGD())
    whole = program.predict(X)
    assert whole.dtype == dtype and whole.shape == (N, 3)
    pieces = np.concatenate([program.predict(X[:1]), program.predict(X[1:9]), program.predict(X[9:])])
    np.testing.assert_allclose(pieces, whole, rtol=0, atol=1e-13 if dtype == "float64" else 1e-5)


def test_predictions_are_written_where_asked(engine):
    program = compiled(engine, ARCHITECTURES["relu"](), CrossEntropy(), SGD())
    out = np.full((N, 3), np.nan)
    assert program.predict(X, out) is out and same_bits(out, program.predict(X))


def test_many_rows_are_predicted_in_pieces(engine):
    program = compiled(engine, ARCHITECTURES["relu"](), CrossEntropy(), SGD())
    many = np.tile(X, (400, 1))
    np.testing.assert_allclose(program.predict(many), np.tile(program.predict(X), (400, 1)), atol=1e-13)


def test_no_rows_are_no_predictions(engine):
    program = compiled(engine, ARCHITECTURES["relu"](), CrossEntropy(), SGD())
    assert program.predict(X[:0]).shape == (0, 3)
    with pytest.raises(ValueError, match=r"shape \(n, 3\), not \(0, 2\)"):
        program.predict(np.empty((0, 2)))


# --- divergence -------------------------------------------------------------------------------------------------------

QUANTITIES = (X, X @ np.array([1.0, -1.0, 2.0]))


def diverging(engine, layers, rate, data=QUANTITIES):
    model = Sequential(layers, 3)
    compiled(engine, model, MSE(), SGD(rate))
    with pytest.raises(DivergenceError) as raised:
        for _ in train(model, data, MSE(), SGD(rate), epochs=200, batch_size=5, engine=engine.name):
            pass
    assert np.isfinite(model.w).all()
    return str(raised.value)


def test_divergence_names_epoch_and_layer_and_keeps_finite_weights(engine):
    message = diverging(engine, [Dense(4), Activation("relu"), Dense(1)], rate=1e200)
    assert "training diverged in epoch " in message and "first at layer " in message and "clip_norm=1" in message


def test_weights_that_overflow_in_the_last_step_are_noticed(engine):
    message = diverging(engine, [Dense(1)], rate=1e308, data=(X[:3] * 1e2, QUANTITIES[1][:3] * 1e2))
    assert "a weight is no longer finite, first at layer 0 (Dense(1))" in message


def test_an_infinite_loss_of_finite_outputs_is_the_losses_fault(engine):
    message = diverging(engine, [Dense(1)], rate=0.0, data=(X * 1e200, QUANTITIES[1]))
    assert "training diverged in epoch 1, step 1: the loss is inf, first at the loss" in message


# --- choosing ---------------------------------------------------------------------------------------------------------


def test_auto_takes_an_engine_that_can():
    chosen, reason = choose_engine("auto", MLP([3, 3]), MSE(), SGD())
    assert chosen.unsupported(MLP([3, 3]), MSE(), SGD()) is None and reason


def test_an_engine_asked_for_by_name_is_taken(engine):
    assert choose_engine(engine.name, MLP([3, 3]), MSE(), SGD())[1] == "asked for"


class Unable:
    """An engine that can do nothing."""

    name = "unable"

    def unsupported(self, model, loss, optimizer):
        return "it is a test"


def test_auto_passes_over_engines_that_cannot_and_says_so(monkeypatch):
    monkeypatch.setattr(ENGINES, "_definitions", {"unable": Unable, **ENGINES._definitions})
    chosen, reason = choose_engine("auto", MLP([3, 3]), MSE(), SGD())
    assert chosen.name != "unable" and reason == "unable cannot: it is a test"
    with pytest.raises(ValueError, match="no engine can run this: unable cannot: it is a test"):
        choose_engine("unable", MLP([3, 3]), MSE(), SGD())


def test_a_minimiser_takes_no_steps(engine):
    model = MLP([3, 3])
    program = compiled(engine, model, MSE(), LBFGS())
    with pytest.raises(ValueError, match="L-BFGS takes no steps on batches"):
        program.run(initial_state(model, SGD(), 0), DATA, epoch_batches("full", 1, N, batch_size=N), None, np.zeros(1))


def test_layers_of_all_kinds_work_together(engine):
    layers = [
        Dense(6),
        BatchNorm(),
        Activation("relu"),
        Dropout(0.2),
        Dense(5),
        LayerNorm(),
        Activation("gelu"),
        Dense(1),
    ]
    run = Run(engine, Sequential(layers, 3), BinaryCrossEntropy(), Adam(0.02), replace(DATA, y=CLASSES % 2))
    first = run.epoch()
    for _ in range(30):
        last = run.epoch()
    assert last.totals[0] < 0.8 * first.totals[0]
