"""The native engine computes what the reference engine does: losses, gradients, training steps, predictions.

Gradients agree to 1e-12 (float64) and 1e-5 (float32), parameter by parameter, in norm.
"""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from clearprop.data import Dataset
from clearprop.engine import ENGINES, GradientOptions, NativeEngine, choose_engine
from clearprop.errors import ClearpropError, DivergenceError
from clearprop.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm, NumericEmbedding, Scale
from clearprop.losses import MAE, MSE, CrossEntropy
from clearprop.model import MLP, Sequential
from clearprop.ops import ACTIVATIONS
from clearprop.optim import LBFGS, SGD, AdamW, Lion, Rprop
from clearprop.train import train
from examples import LOSS_EXAMPLES, OPTIMIZER_EXAMPLES, UNNAMED_OPTIMIZERS
from jobs import (
    TOLERANCE,
    Job,
    distance,
    dtype_of,
    gradient_error,
    outputs_for,
    random_job,
    targets_for,
    training_error,
)
from witnesses import same_bits

pytestmark = pytest.mark.skipif(
    NativeEngine().unsupported(MLP([1, 1]), MSE(), SGD()) is not None, reason="the native engine does not run here"
)
every_dtype = pytest.mark.parametrize("dtype", TOLERANCE)
WIDTHS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 39, 40, 100, 257]


def regression(layers, rng, dtype, *, n=9, n_in=5, **others):
    """A job with the mean squared error, all parameters moved off their initial values."""
    model = Sequential(layers, n_in, dtype=dtype)
    model.w += 0.1 * rng.normal(size=len(model.w)).astype(dtype)
    X = rng.normal(size=(n, n_in)).astype(dtype)
    return Job(model, X=X, y=rng.normal(size=(n, model.n_out)), **others)


def assert_same_gradient(job):
    assert gradient_error(job) <= TOLERANCE[dtype_of(job.model)]


def assert_same_training(job, epochs=2, times=10):
    """Steps divide by what may be small, and feed their rounding errors to the next."""
    assert training_error(job, epochs) <= times * TOLERANCE[dtype_of(job.model)]


# --- layers -----------------------------------------------------------------------------------------------------------

POSITIONS = {
    "first and fused": lambda act: [act, Dense(19), act, Dense(3)],
    "alone, twice, last": lambda act: [Dense(17), Activation("softplus"), act, act, Dense(5), act],
}


@every_dtype
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("name", [name for name, op in ACTIVATIONS.items() if op.kind != "array"])
def test_activations(name, position, dtype, rng):
    job = regression(POSITIONS[position](Activation(name)), rng, dtype)
    if ACTIVATIONS[name].domain[0] == 0.0:  # large enough for the logarithm of a logarithm
        job.model.w[...] = np.abs(job.model.w) + 0.1
        job.model.w[...] += 3.0 * np.isin(np.arange(len(job.model.w)), biases(job.model))
        job.X = np.abs(job.X) + 3.0
    if ACTIVATIONS[name].domain[1] < np.inf:  # small enough for the exponential of an exponential
        job.model.w *= 0.3
    assert_same_gradient(job)


def biases(model):
    named = model.parameters(np.arange(len(model.w)))
    return np.concatenate([places.ravel() for name, places in named.items() if name.endswith("bias")])


@every_dtype
@pytest.mark.parametrize(
    "op", [ACTIVATIONS["leaky_relu"].bind(slope=0.3), ACTIVATIONS["elu"].bind(alpha=2.0)], ids=repr
)
def test_activations_with_arguments(op, dtype, rng):
    assert_same_gradient(regression([Dense(20), Activation(op), Dense(3)], rng, dtype))


WIDE_ROWS = [1, 3, 16, 17, 33, 64, 65, 130]


@every_dtype
@pytest.mark.parametrize("width", WIDE_ROWS)
def test_operations_along_rows_of_any_width(width, dtype, rng):
    row_operations = [Activation("softmax"), Dense(width), Activation("log_softmax"), Dense(width)]
    assert_same_gradient(regression([Dense(width), *row_operations, Activation("softmax")], rng, dtype))


@every_dtype
@pytest.mark.parametrize("width", WIDE_ROWS)
def test_layer_norm_of_any_width(width, dtype, rng):
    layers = [LayerNorm(), Dense(width), LayerNorm(epsilon=0.1), Activation("tanh"), Dense(width), LayerNorm()]
    job = regression(layers, rng, dtype, n_in=width)
    assert_same_gradient(job)
    assert_same_training(job)


@every_dtype
@pytest.mark.parametrize("width", WIDE_ROWS)
@pytest.mark.parametrize("batch_size", [1, 4])
def test_scale_of_any_width_first_between_and_last(batch_size, width, dtype, rng):
    layers = [Scale(), Dense(width), Scale(learning_rate_factor=0.5), Activation("tanh"), Scale(()), Dense(3), Scale()]
    job = regression(layers, rng, dtype, n_in=width, batch_size=batch_size, optimizer=AdamW(0.01))
    assert_same_gradient(job)
    assert_same_training(job)


@every_dtype
def test_scale_among_all_other_layers_with_penalties_and_clipping(dtype, rng):
    layers = [
        Scale(),
        Dropout(0.2),
        Dense(19, use_bias=False),
        BatchNorm(),
        Scale(),
        Activation("gelu"),
        LayerNorm(),
        Dense(3),
    ]
    for options in ({"l2": 0.1}, {"clip_norm": 0.1}, {"clip_value": 0.01, "l1": 0.01}):
        job = regression(layers, rng, dtype, options=options)
        assert_same_gradient(job)
        assert_same_training(job)


EDGES = np.linspace(-2.0, 2.0, 42).tolist()
EMBEDDINGS = {
    "waves": NumericEmbedding(),
    "of some columns in any order": NumericEmbedding(3, columns=[4, 0, 1], frequencies=20, sigma=0.5),
    "without the input": NumericEmbedding(7, columns=[3, 1], keep_input=False, frequencies=50, sigma=1.0),
    "one output": NumericEmbedding(1, keep_input=False, frequencies=1),
    "many outputs": NumericEmbedding(21, columns=[2], frequencies=16),
    "four outputs": NumericEmbedding(5, frequencies=8, trainable=("phase", "bias")),
    "frozen": NumericEmbedding(trainable=()),
    "ramps": NumericEmbedding(3, columns=[2], edges=[EDGES[::9]]),
    "ramps that move": NumericEmbedding(
        6, columns=[2, 4], edges=[EDGES[::20], EDGES], keep_input=False, trainable=("start", "slope", "weight")
    ),
}
every_embedding = pytest.mark.parametrize("layer", EMBEDDINGS.values(), ids=EMBEDDINGS)


@every_dtype
@every_embedding
def test_numeric_embeddings_first_and_between(layer, dtype, rng):
    above = [Dense(7), Activation("gelu"), layer, Activation("softmax"), Dense(3)]
    for layers in ([layer, Dense(3)], [Scale(), layer, Dense(7), Activation("tanh"), Dense(2)], above, [layer]):
        job = regression(layers, rng, dtype, n=11, optimizer=AdamW(0.01, weight_decay=0.1))
        assert_same_gradient(job)
        for batch_size in (1, 4):
            assert_same_training(replace(job, batch_size=batch_size))


@every_dtype
@pytest.mark.parametrize("batch_size", [1, 4])
@every_embedding
def test_numeric_embeddings_with_penalties_and_clipping(layer, batch_size, dtype, rng):
    for options in ({"l2": 0.1, "penalty_in_sum": True}, {"clip_norm": 0.1}, {"clip_value": 0.01, "l1": 0.01}):
        job = regression([layer, Dense(3)], rng, dtype, batch_size=batch_size, options=options)
        assert_same_gradient(job)
        assert_same_training(job)


@every_dtype
@every_embedding
def test_numeric_embeddings_predict_the_same_alone_in_company_and_from_sparse_rows(layer, dtype, rng):
    job = regression([layer, Dense(3)], rng, dtype, n=600)
    program, X = job.program("native"), job.X * (rng.random(job.X.shape) < 0.2)
    expected = program.predict(X)
    np.testing.assert_allclose(expected, job.program("reference").predict(X), rtol=0.0, atol=10 * TOLERANCE[dtype])
    assert all(same_bits(program.predict(X[i : i + n]), expected[i : i + n]) for i, n in ((0, 1), (7, 13), (64, 100)))
    assert same_bits(program.predict(sp.csr_array(X)), expected)
    job = replace(job, X=sp.csr_array(X))
    assert_same_gradient(job)
    assert_same_training(job, epochs=1)


@every_dtype
def test_numeric_embeddings_of_any_width(dtype, rng):
    for number in range(12):
        k, frequencies, width = (int(rng.integers(1, most)) for most in (12, 40, 30))
        keep, some = bool(number % 2), sorted(rng.choice(width, rng.integers(1, width + 1), replace=False).tolist())
        layer = NumericEmbedding(k + keep, some if number % 3 else None, keep_input=keep, frequencies=frequencies)
        job = regression([layer, Dense(3)], rng, dtype, n=300, n_in=width, batch_size=290)
        assert_same_gradient(job)
        assert_same_training(job, epochs=1)


@every_dtype
@pytest.mark.parametrize("size", [-1, 1])
@pytest.mark.parametrize("width", [3, 17, 130])
def test_layer_norm_of_extreme_magnitudes(width, size, dtype, rng):
    scale = 10.0 ** (size * {"float32": 30, "float64": 250}[dtype])
    layers = [LayerNorm(epsilon=1e-12), Dense(3)]
    job = regression(layers, rng, dtype, n_in=width)
    job.X = (job.X * scale).astype(dtype)
    assert_same_gradient(job)


@every_dtype
@pytest.mark.parametrize("number", range(len(WIDTHS)))
def test_dense_layers_of_any_width(number, dtype, rng):
    n_in, hidden, n_out = (WIDTHS[(number + shift) % len(WIDTHS)] for shift in (0, 5, 11))
    act = Activation("tanh")
    job = regression([Dense(hidden), act, Dense(n_in), act, Dense(n_out)], rng, dtype, n_in=n_in)
    assert_same_gradient(job)
    one_by_one = (number + (dtype == "float32")) % 2
    assert_same_training(replace(job, batch_size=1 if one_by_one else 4), epochs=1)


# --- losses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outputs", [1, 3, 20, 130])
@pytest.mark.parametrize(("number", "loss"), list(enumerate(LOSS_EXAMPLES)), ids=repr)
def test_losses(number, loss, outputs, rng):
    k = max(outputs, 2) if loss.kind == "row" else outputs
    for dtype, turn in zip(TOLERANCE, (number + outputs, number + outputs + 1), strict=True):
        job = regression([Dense(k), *outputs_for(loss)], rng, dtype, n=13)
        job.loss, job.y = loss, targets_for(loss, rng, 13, k, labels=turn % 2 == 0)
        job.weights = rng.choice([0.0, 0.5, 2.0], 13) if turn // 2 % 2 else None
        assert_same_gradient(job)


@every_dtype
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weights_of_zero(dtype, reduction, rng):
    for loss in (CrossEntropy(reduction=reduction), MAE(reduction)):
        job = regression([Dense(3)], rng, dtype)
        job.loss, job.y = loss, targets_for(loss, rng, 9, 3)
        job.weights = np.zeros(9)
        value, g = job.gradient("native")
        assert value == 0.0 and not g.any()
        job.weights[4] = 2.0  # all other batches weigh nothing
        for batch_size in (1, 3):
            assert_same_training(replace(job, batch_size=batch_size))


SIZES = [("float64", 1e-300), ("float64", 1e-310), ("float32", 1e-30), ("float32", 1e30), ("float32", 1e-40)]


@pytest.mark.parametrize(("dtype", "size"), SIZES)
def test_weights_of_any_size(dtype, size, rng):
    job = regression([Dense(3)], rng, dtype)
    job.weights = np.full(9, size)
    with np.errstate(all="ignore"):
        assert_same_gradient(job)


@every_dtype
def test_targets_may_be_probabilities(dtype, rng):
    job = regression([Dense(30)], rng, dtype)
    job.loss, job.y = CrossEntropy(), rng.dirichlet(np.ones(30), 9)
    assert_same_gradient(job)


# --- training ---------------------------------------------------------------------------------------------------------


def ordinary(rng, dtype, **others):
    """A classifier with every kind of layer, some of it frozen or slow."""
    layers = [
        Dense(19, learning_rate_factor=0.5),
        Activation("gelu"),
        Dropout(0.3),
        Dense(7, trainable=("weight",)),
        LayerNorm(trainable=("beta",)),
        Activation("tanh"),
        Dense(9, use_bias=False),
        Activation("softmax"),
        Dense(3),
    ]
    job = regression(layers, rng, dtype, n=14)
    job.loss, job.y, job.weights = CrossEntropy(), rng.integers(0, 3, 14), rng.choice([0.0, 1.0, 2.5], 14)
    return replace(job, **others)


@every_dtype
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("optimizer", [*OPTIMIZER_EXAMPLES, *UNNAMED_OPTIMIZERS], ids=repr)
def test_optimizers(optimizer, batch_size, dtype, rng):
    job = regression([Dense(18), Activation("tanh"), Dense(2, trainable=("bias",))], rng, dtype)
    job = replace(job, optimizer=optimizer, batch_size=batch_size)
    assert_same_training(job, epochs=2 if dtype == "float64" else 1)


OPTIONS = [
    {},
    {"l1": 0.02},
    {"l2": 0.3},
    {"l1": 0.1, "l2": 3.0, "penalty_in_sum": True},
    {"clip_value": 0.01},
    {"clip_norm": 0.05},
    {"clip_norm": 1e3},
    {"l1": 0.02, "l2": 0.3, "clip_value": 0.05, "clip_norm": 0.1},
]


@every_dtype
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("options", OPTIONS, ids=repr)
def test_penalties_and_clipping(options, batch_size, dtype, rng):
    for optimizer in (SGD(0.05, momentum=0.9), AdamW(0.01, weight_decay=0.2)):
        job = ordinary(rng, dtype, optimizer=optimizer, batch_size=batch_size, options=options)
        assert_same_training(job)
        assert_same_gradient(job)


@every_dtype
@pytest.mark.parametrize("frozen", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)], ids=repr)
def test_frozen_layers(frozen, dtype, rng):
    def dense(number, units):
        return Dense(units, trainable=() if number in frozen else ("weight", "bias"))

    layers = [dense(0, 8), LayerNorm(trainable=()), Activation("silu"), dense(1, 17), Activation("tanh"), dense(2, 2)]
    for batch_size in (1, 4):
        job = regression(layers, rng, dtype, batch_size=batch_size)
        assert_same_training(job)
    assert_same_gradient(job)


@every_dtype
@pytest.mark.parametrize("width", [1, 5, 16, 31, 64, 65, 130])
def test_dropout_draws_the_same_masks(width, dtype, rng):
    rates = [0.0, 0.1, 0.5, 0.99]
    layers = [Dropout(rates[width % 4]), Dense(width), Dropout(0.5), Dense(width), Dropout(0.2)]
    job = regression(layers, rng, dtype, seed=2**62 + width, optimizer=SGD(0.0))
    for batch_size in (1, 4):
        for ours, theirs in zip(*(replace(job, batch_size=batch_size).train(e, 2) for e in ENGINES), strict=True):
            np.testing.assert_allclose(ours.totals, theirs.totals, rtol=TOLERANCE[dtype])
    assert_same_gradient(job)


def test_a_model_without_anything_to_compute_is_left_to_the_reference(rng):
    model = Sequential([Dropout(0.0)], 2)
    assert NativeEngine().unsupported(model, MSE(), SGD()) == "there is nothing to compute"
    engine = choose_engine("auto", model, MSE(), SGD())[0]
    X = rng.normal(size=(5, 2))
    assert engine.name == "reference"
    assert same_bits(engine.compile(model, MSE(), SGD(), GradientOptions()).predict(X), X)


def test_a_minimiser_finds_the_same(rng):
    X, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
    ends = []
    for engine in ("native", "reference"):
        model = MLP([3, 9, 2], "tanh")
        losses = [epoch["loss"] for epoch in train(model, (X, y), MSE(), LBFGS(), epochs=8, l2=0.01, engine=engine)]
        ends.append(np.append(losses, model.w))
    np.testing.assert_allclose(*ends, rtol=1e-7, atol=1e-9)


# --- batches ----------------------------------------------------------------------------------------------------------


@every_dtype
def test_gradients_of_any_number_of_rows(dtype, rng):
    job = regression([Dense(10), Activation("gelu"), Dense(3)], rng, dtype, n=600)
    ours, theirs = job.program("native"), job.program("reference")
    for n in [*range(1, 18), 255, 256, 257, 511, 513, 600]:
        (value, g), (expected, h) = (p.loss_and_grad(job.X[:n], job.y[:n]) for p in (ours, theirs))
        assert distance(job.model, g, h) <= TOLERANCE[dtype]
        np.testing.assert_allclose(value, expected, rtol=TOLERANCE[dtype])


@every_dtype
def test_batches_of_any_size(dtype, rng):
    whole = regression([Dense(10), Activation("gelu"), Dense(3)], rng, dtype, n=257, optimizer=SGD(0.01))
    program, reference = whole.program("native"), whole.program("reference")
    sizes = [(n, b) for n in range(1, 18) for b in range(1, n + 4)]
    for n, batch_size in [*sizes, (255, 254), (256, 255), (257, 256), (257, 300), (257, 128)]:
        job = replace(whole, X=whole.X[:n], y=whole.y[:n], batch_size=batch_size)
        ours, theirs = (job.train(p)[0] for p in (program, reference))
        w = whole.model.w
        assert distance(whole.model, ours.w - w, theirs.w - w) <= 10 * TOLERANCE[dtype], (n, batch_size)
        np.testing.assert_allclose(ours.totals, theirs.totals, rtol=TOLERANCE[dtype])


PERMUTATIONS = np.stack([np.random.default_rng(k).permutation(14) for k in range(2)])
ORDERS = {
    "shuffled": "shuffled",
    "sequential": "sequential",
    "bootstrap": "bootstrap",
    "full": "full",
    "an array": np.arange(14)[::-1],
    "some rows, twice": np.array([3, 3, 0, 13, 7]),
    "an array for each epoch": PERMUTATIONS,
    "unequal batches": [np.arange(3), np.array([7]), np.arange(14), np.array([2, 2, 2, 13])],
    "batches of one": [np.array([k]) for k in (4, 4, 0)],
    "a callable": lambda epoch: PERMUTATIONS[epoch - 1][:epoch],
}


@every_dtype
@pytest.mark.parametrize("order", ORDERS)
def test_orders(order, dtype, rng):
    for batch_size in (1, 4):
        assert_same_training(ordinary(rng, dtype, order=ORDERS[order], batch_size=batch_size))


# --- extremes ---------------------------------------------------------------------------------------------------------

HUGE = {"float64": [1e300, 1e-310, 5e-324], "float32": [1e37, 1e-41, 1.4e-45]}


@every_dtype
@pytest.mark.parametrize("loss", [loss for loss in LOSS_EXAMPLES if loss.reduction == "mean"], ids=repr)
def test_extreme_outputs(loss, dtype, rng):
    """Numbers as they come, each output an input: finite where the reference's are, and the same."""
    values = np.array([x for x in [0.0, 1.0, 90.0, 800.0, *HUGE[dtype]] for x in (x, -x)], dtype)
    k = len(values)
    model = Sequential([Dense(k, use_bias=False), *outputs_for(loss)], k, dtype=dtype)
    model.w[...] = np.eye(k).ravel()
    y = targets_for(loss, rng, 1, k)
    for x in (values, values[:4], values[2:8], values[-4:]):
        X = np.resize(x, (1, k))
        job = Job(model, loss, X=X, y=y)
        with np.errstate(all="ignore"):
            (value, g), (expected, h) = (job.gradient(e) for e in ("native", "reference"))
        np.testing.assert_array_equal(np.isfinite(value), np.isfinite(expected))
        np.testing.assert_array_equal(np.isfinite(g), np.isfinite(h))
        if np.isfinite(expected):
            np.testing.assert_allclose(value, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
        finite = np.isfinite(h)
        np.testing.assert_allclose(g[finite], h[finite], rtol=TOLERANCE[dtype], atol=np.finfo(dtype).smallest_subnormal)


def messages(job, epochs=30):
    """What each engine says of a training that diverges, and the weights it leaves."""
    said = []
    for engine in ("native", "reference"):
        model = Sequential(job.model.layers, job.model.widths[0], dtype=job.model.dtype)
        model.w[...] = job.model.w
        with pytest.raises(DivergenceError) as raised:
            run = train(
                model,
                Dataset(job.X, job.y),
                job.loss,
                job.optimizer,
                epochs=epochs,
                batch_size=job.batch_size,
                engine=engine,
            )
            for _ in run:
                pass
        assert np.isfinite(model.w).all()
        said.append(str(raised.value))
    return said


@every_dtype
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("rate", [3.0, 1e3, 1e10])
def test_divergence_is_noticed_at_the_same_step(rate, batch_size, dtype, rng):
    layers = [Dense(6), Activation("leaky_relu"), Dense(5), Activation("elu"), Dense(1)]
    job = regression(layers, rng, dtype, n=30, optimizer=SGD(rate), batch_size=batch_size)
    ours, theirs = messages(job)
    assert ours == theirs


@every_dtype
@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_program_is_as_new_after_a_divergence(batch_size, dtype, rng):
    layers = [Dense(6), LayerNorm(), Activation("gelu"), Dense(20), Activation("leaky_relu"), Dense(1)]
    job = regression(layers, rng, dtype, optimizer=SGD(0.01, momentum=0.9), batch_size=batch_size)
    used = job.program("native")
    for scale in (np.finfo(dtype).max, 1e-3 * np.finfo(dtype).max ** 0.5):
        with pytest.raises(DivergenceError):
            replace(job, y=np.full((9, 1), scale)).train(used, 9)
    assert same_bits(job.train(used, 2)[-1].w, job.train("native", 2)[-1].w)
    used.loss_and_grad(job.X, np.full((9, 1), np.finfo(dtype).max))
    assert same_bits(used.loss_and_grad(job.X, job.y)[1], job.gradient("native")[1])


# --- inputs -----------------------------------------------------------------------------------------------------------


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


FORMS = {
    "Fortran order": np.asfortranarray,
    "every second row": lambda x: np.repeat(x, 2, axis=0)[::2],
    "backwards": lambda x: x[::-1].copy()[::-1],
    "a slice of columns": lambda x: np.concatenate([x, x], axis=-1)[..., : x.shape[-1]] if x.ndim > 1 else x,
    "read-only": read_only,
    "the other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "lists": lambda x: x.tolist(),
}


def digest(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


@every_dtype
@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_inputs_of_any_form_are_read_and_never_changed(form, labels, dtype, rng):
    job = regression([Dense(18), Activation("tanh"), Dense(3)], rng, dtype, loss=CrossEntropy())
    job.y, job.weights = targets_for(job.loss, rng, 9, 3, labels=labels), rng.uniform(0.5, 2.0, 9)
    program = job.program("native")
    value, g = program.loss_and_grad(job.X, job.y, job.weights)
    X, y, weights = (FORMS[form](x) for x in (job.X, job.y, job.weights))
    before = digest(X, y, weights, job.model.w)
    again, h = program.loss_and_grad(X, y, weights)
    assert value == again and same_bits(g, h)
    assert same_bits(program.predict(X), program.predict(job.X))
    assert same_bits(program.predict(np.tile(X, (5, 1))), program.predict(np.tile(job.X, (5, 1))))
    assert digest(X, y, weights, job.model.w) == before


OUTS = {
    "as it should be": lambda n, dtype: np.empty((n, 3), dtype),
    "another precision": lambda n, dtype: np.empty((n, 3), {"float64": "float32", "float32": "float64"}[dtype]),
    "Fortran order": lambda n, dtype: np.empty((3, n), dtype).T,
    "every second column": lambda n, dtype: np.empty((n, 6), dtype)[:, ::2],
    "the other byte order": lambda n, dtype: np.empty((n, 3), np.dtype(dtype).newbyteorder()),
}


@every_dtype
@pytest.mark.parametrize("n", [1, 9, 70])
@pytest.mark.parametrize("form", OUTS)
def test_predictions_go_into_arrays_of_any_form(form, n, dtype, rng):
    job = regression([Dense(18), Activation("tanh"), Dense(3)], rng, dtype, n=n)
    program, out = job.program("native"), OUTS[form](n, dtype)
    assert program.predict(job.X, out) is out
    np.testing.assert_array_equal(out, program.predict(job.X).astype(out.dtype))


@pytest.mark.parametrize("shape", [(9, 2), (8, 3), (27,), (1, 9, 3)])
def test_arrays_for_predictions_of_another_shape_are_refused(shape, rng):
    job = regression([Dense(3)], rng, "float64")
    with pytest.raises(ClearpropError, match="out has shape"):
        job.program("native").predict(job.X, np.empty(shape))


# --- anything ---------------------------------------------------------------------------------------------------------


# Where parts of a gradient cancel, rounding alone decides its sign, which is all that these two look at.
SMOOTH = [optimizer for optimizer in OPTIMIZER_EXAMPLES if not isinstance(optimizer, Lion | Rprop)]


def yardstick(job):
    """What rounding does to this network's gradient: the error of the reference in float32, in units of the dtype."""
    gradients = []
    for dtype in ("float32", "float64"):
        model = Sequential(job.model.layers, job.model.widths[0], seed=job.model.seed, dtype=dtype)
        model.w[...] = job.model.w
        gradients.append(replace(job, model=model).gradient("reference")[1])
    return distance(job.model, *gradients) * float(np.finfo(job.model.dtype).eps / np.finfo("float32").eps)


@every_dtype
@pytest.mark.parametrize("cases", [range(20), pytest.param(range(20, 1020), marks=pytest.mark.nightly)], ids=len)
def test_random_networks(cases, dtype):
    for case in cases:
        job = random_job(np.random.default_rng(case), dtype, optimizers=SMOOTH)
        tolerance = TOLERANCE[dtype] + 10 * yardstick(job)
        assert gradient_error(job) <= tolerance, case
        assert same_fate(job, 1e3 * tolerance), case


def same_fate(job, tolerance):
    """Whether an epoch ends alike, be it in a divergence."""
    try:
        return training_error(job) <= tolerance
    except DivergenceError as ours:
        with pytest.raises(DivergenceError) as theirs:
            job.train("reference")
        return str(ours).partition(":")[0] == str(theirs.value).partition(":")[0]  # the same step
