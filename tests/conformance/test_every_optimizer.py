"""Every registered optimiser descends, repeats itself, keeps to its segments, and agrees with PyTorch's."""

import json
from pathlib import Path

import numpy as np
import pytest

import clearprop
import trajectories
from clearprop.engine import GradientOptions, ReferenceEngine
from clearprop.estimators.parameters import RateInside
from clearprop.layers import Activation, Dense
from clearprop.losses import MSE
from clearprop.model import Sequential
from clearprop.optim import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Cosine,
    Lion,
    NAdam,
    RMSprop,
    Rprop,
)
from clearprop.train import train
from examples import OPTIMIZER_EXAMPLES, UNNAMED_OPTIMIZERS
from trajectories import trajectory
from witnesses import same_bits

every_optimizer = pytest.mark.parametrize("optimizer", [*OPTIMIZER_EXAMPLES, *UNNAMED_OPTIMIZERS], ids=repr)


def parabola_gradient(w):
    return np.array([1.0, 4.0, 10.0], w.dtype) * (w - 1.0)


@every_optimizer
def test_the_minimum_of_a_parabola_is_reached(optimizer):
    steps = 6000 if isinstance(optimizer, Adadelta) else 600
    w = trajectory(optimizer, parabola_gradient, [3.0, -2.0, 0.0], steps, decays=False)[-1]
    np.testing.assert_allclose(w, 1.0, atol=1e-3)


ROSENBROCK = [
    SGD(1e-3),
    SGD(2e-4, momentum=0.95),
    SGD(2e-4, momentum=0.95, nesterov=True),
    Adagrad(0.5),
    Adadelta(1.0),
    RMSprop(0.002),
    Adam(0.02),
    AdamW(0.02, weight_decay=0.0),
    NAdam(0.02),
    Lion(0.001),
    Rprop(0.01),
]


@pytest.mark.parametrize("optimizer", ROSENBROCK, ids=repr)
def test_the_curved_valley_of_rosenbrock_is_followed(optimizer):
    def gradient(w):
        x, y = w
        return np.array([-2.0 * (1.0 - x) - 400.0 * x * (y - x * x), 200.0 * (y - x * x)])

    x, y = trajectory(optimizer, gradient, [-1.2, 1.0], 5000, decays=False)[-1]
    near = 0.5 if isinstance(optimizer, Adadelta) else 0.01  # Adadelta's steps do not settle
    assert (1.0 - x) ** 2 + 100.0 * (y - x * x) ** 2 < near  # 24.2 at the start


# --- agreement with PyTorch -------------------------------------------------------------------------------------------

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/optimizer_trajectories.json").read_text("utf-8"))


@pytest.mark.parametrize("name", trajectories.PAIRS)
def test_trajectories_are_the_stored_ones_of_pytorch(name):
    rows = [step - 1 for step in GOLDEN["steps"]]
    np.testing.assert_allclose(trajectories.ours(name)[rows], GOLDEN["w"][name], rtol=1e-10, atol=1e-10)


# --- promises of the base class ---------------------------------------------------------------------------------------


@every_optimizer
def test_running_again_gives_the_same_bits(optimizer):
    first, second = (trajectory(optimizer, parabola_gradient, np.zeros(3), 50, decays=True) for _ in range(2))
    assert same_bits(first, second)


def tables(optimizer, lengths):
    """The tables of successive epochs of so many steps, one after the other, and the last carry."""
    found, first, carry = [], 1, optimizer.initial_carry
    for steps in lengths:
        table, carry = optimizer.table(first, steps, [1.0, 0.5, 1.0], [True, False, False], carry)
        found.append(table)
        first += steps
    return np.concatenate(found), carry


@every_optimizer
@pytest.mark.parametrize("lengths", [[37, 63], [1] * 100, [1000, 1, 22, 1, 1, 2000]], ids=["two", "single", "long"])
def test_a_table_in_pieces_is_the_table(optimizer, lengths):
    for rate in (optimizer.learning_rate, Cosine(0.1, 500)):
        optimizer = type(optimizer)(**{**optimizer.config(), "learning_rate": rate})
        whole, carry = tables(optimizer, [sum(lengths)])
        pieces, end = tables(optimizer, lengths)
        assert same_bits(pieces, whole) and end == carry


@every_optimizer
def test_a_segments_rows_do_not_depend_on_the_other_segments(optimizer):
    factors, decays, carry = [1.0, 0.5, 1.0, 0.5], [True, False, False, True], optimizer.initial_carry
    together, _ = optimizer.table(3, 9, factors, decays, carry)
    alone = [optimizer.table(3, 9, [f], [d], carry)[0] for f, d in zip(factors, decays, strict=True)]
    assert same_bits(together, np.concatenate(alone, axis=1)) and together.flags.c_contiguous


@every_optimizer
def test_tables_do_not_warn_of_vanishing_powers(optimizer):
    with np.errstate(all="raise"):
        table, _ = tables(optimizer, [3, 20000])
    assert np.isfinite(table).all()


@every_optimizer
def test_one_slot_vector_for_each_name(optimizer):
    slots = optimizer.initial_slots(7, np.float32)
    assert slots.shape == (len(optimizer.slots), 7) and slots.dtype == np.float32


@every_optimizer
def test_the_rule_returns_as_many_slots_as_it_names(optimizer):
    row = optimizer.table(1, 1, [1.0], [False], optimizer.initial_carry)[0][0, 0, 1:].tolist()
    slots = optimizer.initial_slots(3, float)
    assert len(optimizer.rule(np.ones(3), np.ones(3), *slots, *row)) == 1 + len(optimizer.slots)


@every_optimizer
def test_a_rule_on_float32_computes_in_float32(optimizer):
    scalars = optimizer.table(1, 1, [1.0], [True], optimizer.initial_carry)[0][0, 0, 1:].tolist()
    arrays = np.ones((2 + len(optimizer.slots), 3), np.float32)
    assert {a.dtype for a in optimizer.rule(*arrays, *scalars)} == {np.dtype(np.float32)}


@every_optimizer
def test_float32_weights_stay_float32(optimizer):
    w = trajectory(optimizer, parabola_gradient, np.zeros(3, np.float32), 5, decays=True)
    assert w.dtype == np.float32 and np.isfinite(w).all()


@every_optimizer
def test_repr_and_config_read_back(optimizer):
    names = {name: getattr(clearprop, name) for name in clearprop.__all__} | {"RateInside": RateInside}
    again = eval(repr(optimizer), names)
    assert again == optimizer == type(optimizer)(**optimizer.config())


@every_optimizer
def test_a_zero_gradient_moves_nothing_without_decay(optimizer):
    w = trajectory(optimizer, np.zeros_like, np.array([1.0, -2.0]), 10, decays=False)
    np.testing.assert_array_equal(w[-1], [1.0, -2.0])


@every_optimizer
def test_a_schedule_is_asked_at_every_step(optimizer):
    if isinstance(optimizer, Rprop):
        pytest.skip("Rprop's learning rate is that of the first step only")
    if isinstance(optimizer, RateInside):
        pytest.skip("its velocity keeps the rates at which it was gathered")
    scheduled = type(optimizer)(**{**optimizer.config(), "learning_rate": Cosine(0.1, steps=5)})
    w = trajectory(scheduled, lambda w: np.ones_like(w), np.zeros(1), 10, decays=False)
    assert same_bits(w[5:], np.repeat(w[5:6], 5, axis=0))  # the rate is 0 from the sixth step on
    assert len(np.unique(w[:5])) == 5


# --- segments ---------------------------------------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(12, 3))
Y = X @ np.array([[1.0], [-1.0], [0.5]])


def network(**options):
    """A network whose first layer has the given options."""
    return Sequential([Dense(4, bias_init="ones", **options), Activation("tanh"), Dense(1)], 3)


def trained(model, optimizer, epochs=3, **options):
    for _ in train(model, (X, Y), MSE(), optimizer, epochs=epochs, batch_size=5, **options):
        pass
    return model


@every_optimizer
def test_a_frozen_segment_is_never_touched_though_its_gradient_is_known(optimizer):
    model = network(trainable=())
    before = {name: p.copy() for name, p in model.parameters().items()}
    trained(model, optimizer, l2=0.1)
    after = model.parameters()
    assert all(same_bits(after[f"0.{name}"], before[f"0.{name}"]) for name in ("weight", "bias"))
    assert not np.array_equal(after["2.weight"], before["2.weight"])
    g = ReferenceEngine().compile(model, MSE(), optimizer, GradientOptions()).loss_and_grad(X, Y)[1]
    assert model.parameters(g)["0.weight"].all() and model.parameters(g)["0.bias"].all()


@pytest.mark.parametrize("optimizer", [*OPTIMIZER_EXAMPLES, *UNNAMED_OPTIMIZERS], ids=repr)
def test_half_the_learning_rate_factor_is_half_the_first_step(optimizer):
    start = network().parameters()["0.weight"].copy()
    whole, half = (
        trained(network(learning_rate_factor=f), optimizer, epochs=1, order="full").parameters()["0.weight"] - start
        for f in (1.0, 0.5)
    )
    np.testing.assert_allclose(half, 0.5 * whole, rtol=1e-12)


@pytest.mark.parametrize("optimizer", [o for o in OPTIMIZER_EXAMPLES if o.weight_decay], ids=repr)
def test_decoupled_decay_shrinks_weights_but_not_biases(optimizer):
    model = network()
    before = {name: p.copy() for name, p in model.parameters().items()}
    quiet = type(optimizer)(**{**optimizer.config(), "weight_decay": 0.0})
    other = trained(network(), quiet, epochs=1, order="full").parameters()
    after = trained(model, optimizer, epochs=1, order="full").parameters()
    for name in after:
        shrunk = optimizer.rate(1) * optimizer.weight_decay * before[name] if name.endswith("weight") else 0.0
        np.testing.assert_allclose(after[name], other[name] - shrunk, rtol=0, atol=1e-15)


# --- wrong arguments --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(-0.1), "learning_rate is a number >= 0 or a schedule, not -0.1"),
        (lambda: SGD(float("nan")), "learning_rate"),
        (lambda: SGD("0.1"), "learning_rate"),
        (lambda: SGD(momentum=1.0), "momentum must be at least 0.0 and below 1.0, not 1.0"),
        (lambda: SGD(nesterov=True), "nesterov=True needs a momentum"),
        (lambda: Adam(beta_2=1.5), "beta_2"),
        (lambda: AdamW(weight_decay=-1.0), "weight_decay"),
        (lambda: Rprop(smallest=2.0, largest=1.0), "largest"),
        (lambda: RMSprop(epsilon=float("nan")), "epsilon"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_is_scikit_learns_at_a_constant_rate(momentum, nesterov):
    ours = SGD(0.01, momentum, nesterov=nesterov and momentum > 0)
    assert_like_scikit_learn(ours, "SGDOptimizer", learning_rate_init=0.01, momentum=momentum, nesterov=nesterov)


def test_adam_with_epsilon_hat_is_scikit_learns():
    theirs = {"learning_rate_init": 0.01, "epsilon": 1e-3}
    assert_like_scikit_learn(Adam(0.01, epsilon=1e-3, epsilon_hat=True), "AdamOptimizer", **theirs)
    with pytest.raises(AssertionError):
        assert_like_scikit_learn(Adam(0.01, epsilon=1e-3), "AdamOptimizer", **theirs)


def assert_like_scikit_learn(ours, name, **settings):
    stochastic = pytest.importorskip("sklearn.neural_network._stochastic_optimizers")
    start = [3.0, -2.0, 0.0]
    w = [np.array(start)]
    theirs, path = getattr(stochastic, name)(w, **settings), []
    for _ in range(50):
        theirs.update_params(w, [parabola_gradient(w[0])])
        path.append(w[0].copy())
    np.testing.assert_allclose(trajectory(ours, parabola_gradient, start, 50, decays=False)[-50:], path, rtol=1e-12)
