"""Every registered schedule, initialiser, metric and data set; and nothing registered is untested."""

import math

import numpy as np
import pytest

import clearprop
from clearprop.data import DATASETS, Dataset, load_dataset
from clearprop.engine import ENGINES
from clearprop.initializers import CLASSES, INITIALIZERS, Orthogonal, decode_initializer, encode_initializer
from clearprop.layers import LAYERS
from clearprop.losses import LOSSES
from clearprop.metrics import METRICS
from clearprop.ops import ACTIVATIONS, OPS
from clearprop.optim import (
    LBFGS,
    OPTIMIZERS,
    SCHEDULES,
    Cosine,
    ExponentialDecay,
    InverseScaling,
    OneCycle,
    Schedule,
    StepDecay,
    Warmup,
)
from examples import DATA_OF_LOSS, LAYER_EXAMPLES, LOSS_EXAMPLES, OPTIMIZER_EXAMPLES
from witnesses import same_bits

REGISTRIES = [OPS, ACTIVATIONS, LAYERS, LOSSES, OPTIMIZERS, SCHEDULES, INITIALIZERS, ENGINES, METRICS, DATASETS]

# --- nothing is missing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("registry", "examples"),
    [
        (LAYERS, LAYER_EXAMPLES),
        (LOSSES, LOSS_EXAMPLES),
        (OPTIMIZERS, [*OPTIMIZER_EXAMPLES, LBFGS()]),  # which has tests of its own: it has no rule
    ],
    ids=["layers", "losses", "optimisers"],
)
def test_every_registered_class_has_an_example(registry, examples):
    assert set(registry.values()) == {type(example) for example in examples}


def test_every_loss_has_data():
    assert set(DATA_OF_LOSS) == set(LOSSES.values())


def test_every_loss_that_takes_logits_is_tried_without():
    tried = {(type(loss), loss.from_logits) for loss in LOSS_EXAMPLES if hasattr(loss, "from_logits")}
    assert tried == {(kind, choice) for kind, _ in tried for choice in (True, False)}


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_every_registry_holds_documented_definitions(registry):
    assert len(registry) and all(definition.__doc__ for definition in registry.values())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_is_an_operation_of_one_input(name):
    assert ACTIVATIONS[name] is OPS[name] and ACTIVATIONS[name].n_inputs == 1


# --- schedules --------------------------------------------------------------------------------------------------------

SCHEDULE_EXAMPLES = {
    "step": (StepDecay(0.1, 10), 0.1, 1e-3),  # the schedule, its rates at steps 1 and 21
    "exponential": (ExponentialDecay(0.1, 10), 0.1, 1e-3),
    "inverse": (InverseScaling(0.1), 0.1, 0.1 / math.sqrt(21)),
    "cosine": (Cosine(0.1, 20, final=0.01), 0.1, 0.01),
    "one_cycle": (OneCycle(0.1, 20), 0.1 / 25, 0.1 / 25e4),
    "warmup": (Warmup(StepDecay(0.1, 10), 5), 0.02, 1e-3),
}
every_schedule = pytest.mark.parametrize("name", SCHEDULES)


@every_schedule
def test_schedule_starts_and_ends_as_its_formula_says(name):
    schedule, first, late = SCHEDULE_EXAMPLES[name]
    assert type(schedule) is SCHEDULES[name]
    assert schedule(1) == pytest.approx(first, rel=1e-12)
    assert schedule(21) == pytest.approx(late, rel=1e-12)


@every_schedule
def test_rates_are_positive_floats_without_jumps_up(name):
    rates = [SCHEDULE_EXAMPLES[name][0](t) for t in range(1, 100)]
    assert all(type(rate) is float and 0.0 < rate <= 0.1 for rate in rates)
    falling = rates[rates.index(max(rates)) :]
    assert falling == sorted(falling, reverse=True)


@every_schedule
def test_schedule_repr_and_config_read_back(name):
    schedule = SCHEDULE_EXAMPLES[name][0]
    names = {name: getattr(clearprop, name) for name in clearprop.__all__}
    assert eval(repr(schedule), names) == schedule == type(schedule)(**schedule.config())


@pytest.mark.parametrize(
    ("t", "rate"),
    [(1, 0.1 / 25), (4, 0.052), (7, 0.1), (14, 0.05 * (1 + 1e-4 / 25)), (21, 0.1 / 25e4), (99, 0.1 / 25e4)],
)
def test_one_cycle_rises_to_its_peak_and_falls(t, rate):
    assert OneCycle(0.1, 20)(t) == pytest.approx(rate, rel=1e-2 if t == 14 else 1e-12)


def test_warmup_is_a_straight_line_into_what_follows():
    schedule = Warmup(InverseScaling(1.0, power=1.0), 4)
    assert [schedule(t) for t in (1, 2, 3, 4, 5)] == pytest.approx([1 / 16, 2 / 16, 3 / 16, 1 / 4, 1 / 5])


@pytest.mark.parametrize("kind", [StepDecay, ExponentialDecay, Cosine, OneCycle])
@pytest.mark.parametrize("wrong", [(0.0, 10), (0.1, 0), (float("nan"), 10)])
def test_schedules_need_positive_numbers(kind, wrong):
    with pytest.raises(ValueError, match="must be above 0"):
        kind(*wrong)


@pytest.mark.parametrize("warm", [1.0, 2.0])
def test_one_cycle_with_nothing_but_a_rise_is_refused(warm):
    with pytest.raises(ValueError, match="warm"):
        OneCycle(0.1, 10, warm=warm)


def test_a_schedule_is_abstract():
    with pytest.raises(TypeError):
        Schedule()


# --- initialisers -----------------------------------------------------------------------------------------------------

MOMENTS = {  # mean and variance of weights of shape (400, 100)
    "zeros": (0.0, 0.0),
    "ones": (1.0, 0.0),
    "uniform": (0.0, 0.05**2 / 3),
    "normal": (0.0, 0.05**2),
    "glorot_uniform": (0.0, 2 / 500),
    "glorot_normal": (0.0, 2 / 500),
    "he_uniform": (0.0, 2 / 400),
    "he_normal": (0.0, 2 / 400),
    "he_normal_fan_out": (0.0, 2 / 100),
    "lecun_uniform": (0.0, 1 / 400),
    "lecun_normal": (0.0, 1 / 400),
    "lecun_normal_fan_out": (0.0, 1 / 100),
    "orthogonal": (0.0, 1 / 400),
}
every_initializer = pytest.mark.parametrize("name", INITIALIZERS)


@every_initializer
def test_initial_values_have_the_stated_mean_and_variance(name, rng):
    w = INITIALIZERS[name]((400, 100), rng)
    mean, variance = MOMENTS[name]
    assert w.dtype == np.float64 and w.shape == (400, 100)
    assert abs(w.mean() - mean) <= 5 * math.sqrt(variance / w.size)
    assert w.var() == pytest.approx(variance, rel=0.03)


@every_initializer
def test_initial_values_depend_on_the_generator_alone(name):
    first, second = (INITIALIZERS[name]((4, 3), np.random.default_rng(5)) for _ in range(2))
    assert same_bits(first, second)


@every_initializer
def test_initializer_reads_back(name):
    initializer = INITIALIZERS[name]
    assert eval(repr(initializer), CLASSES) == initializer == type(initializer)(**initializer.config())
    assert decode_initializer(encode_initializer(initializer)) == initializer
    assert decode_initializer(encode_initializer(name)) == name


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (1, 1)])
def test_orthogonal_rows_or_columns(shape, rng):
    w = Orthogonal(2.0)(shape, rng)
    gram = w @ w.T if shape[0] <= shape[1] else w.T @ w
    np.testing.assert_allclose(gram, 4.0 * np.eye(min(shape)), atol=1e-12)


# --- metrics ----------------------------------------------------------------------------------------------------------

METRIC_EXAMPLES = {  # y_true, y_pred, the value by hand
    "accuracy": ([0, 1, 1, 0], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]], 0.75),
    "mse": ([1.0, 2.0], [[1.5], [0.0]], (0.25 + 4.0) / 2),
    "rmse": ([1.0, 2.0], [[1.5], [0.0]], math.sqrt((0.25 + 4.0) / 2)),
    "mae": ([1.0, 2.0], [[1.5], [0.0]], (0.5 + 2.0) / 2),
    "r2": ([1.0, 3.0], [[1.5], [2.0]], 1.0 - (0.25 + 1.0) / 2.0),
}


@pytest.mark.parametrize("name", METRICS)
def test_metric_by_hand(name):
    y_true, y_pred, value = METRIC_EXAMPLES[name]
    found = METRICS[name](np.array(y_true), np.array(y_pred))
    assert type(found) is float and found == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize("name", METRICS)
def test_metric_takes_class_numbers_as_one_hot_rows(name, rng):
    numbers, y_pred = rng.integers(0, 3, 20), rng.random((20, 3))
    assert METRICS[name](numbers, y_pred) == METRICS[name](np.eye(3)[numbers], y_pred)


@pytest.mark.parametrize("name", METRICS)
def test_perfect_predictions_score_best(name):
    y = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert METRICS[name](y, y) == (1.0 if name in clearprop.metrics.HIGHER_IS_BETTER else 0.0)


# --- data sets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DATASETS)
def test_dataset_is_checked_complete_and_repeatable(name):
    data, again = load_dataset(name), load_dataset(name)
    assert isinstance(data, Dataset) and data.name == name and len(data) > 1
    assert np.isfinite(data.X).all() and data.X.dtype == np.float64
    assert same_bits(data.X, again.X) and same_bits(data.y, again.y)
    if data.task == "classification":
        assert set(np.unique(data.y)) == set(range(data.n_classes))
