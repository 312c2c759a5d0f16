"""Every registered operation keeps the promises of `clearprop.ops.op`."""

import numpy as np
import pytest

from clearprop import ops
from clearprop.gradients.check import check_gradients, sample_inputs
from clearprop.ops import ACTIVATIONS, OPS, Op
from witnesses import (
    CASES,
    is_float,
    op_error,
    random_sizes,
    same_bits,
    second_order_error,
    tape_gradients,
    worst_op_error,
)

# Parameters other than the default ones; the registry gives the rest.
WIDER = ops.broadcast_to.bind(shape=(2, 3, 1, 1))  # its input is not one that sample_inputs draws
VARIANTS = [
    ops.leaky_relu.bind(slope=0.3),
    ops.elu.bind(alpha=1.7),
    *(ops.power.bind(exponent=p) for p in (-1.0, 0.0, 1.0, 2, 3.5)),
    *(
        op.bind(axis=axis, keepdims=k)
        for op in (ops.sum_, ops.mean, ops.max_)
        for axis in (0, -1)
        for k in (False, True)
    ),
    *(op.bind(axis=(1, 0)) for op in (ops.sum_, ops.mean, ops.max_)),
    *(ops.logsumexp.bind(axis=axis, keepdims=k) for axis in (0, 1) for k in (False, True)),
    ops.layer_norm.bind(epsilon=0.1),
    ops.batch_norm.bind(epsilon=0.1),
    ops.reshape.bind(shape=(1, -1)),
    ops.getitem.bind(index=(slice(None), [0, 0])),
    ops.sum_to.bind(shape=(1, 1)),
    ops.einsum.bind(subscripts="ni,io->oin"),
    ops.numeric_embedding.bind(basis=ops.ramp),
    ops.numeric_embedding.bind(keep_input=False),
]
ALL = [*OPS.values(), *VARIANTS]
every_op = pytest.mark.parametrize("op", ALL, ids=repr)
every_activation = pytest.mark.parametrize("op", ACTIVATIONS.values(), ids=repr)


def draw(op: Op, rng: np.random.Generator, **sizes: int) -> list[np.ndarray]:
    return sample_inputs(op, rng, sizes)


# --- derivatives ------------------------------------------------------------------------------------------------------


@every_op
@pytest.mark.parametrize("cases", CASES)
def test_gradient_equals_complex_step(op, cases):
    assert worst_op_error(op, cases) <= 1e-12


@every_op
@pytest.mark.parametrize("seed", range(3))
def test_gradient_check_agrees_with_both_witnesses(op, seed):
    report = check_gradients(op, seed=seed)
    assert report.passed, report


@every_op
def test_second_derivative_by_nested_tapes_equals_complex_step_of_vjp(op, rng):
    errors = [second_order_error(op, draw(op, rng, **random_sizes(rng)), rng) for _ in range(30)]
    assert max(errors) <= 1e-12


@every_op
def test_tape_returns_the_vjp_bit_for_bit(op, rng):
    inputs = draw(op, rng)
    y = op.forward(*inputs)
    dy = rng.normal(size=np.shape(y))
    for taped, direct in zip(tape_gradients(op, inputs, dy), op.pullback(dy, y, *inputs), strict=True):
        assert taped is None or direct is None or same_bits(taped, direct)


@every_op
def test_vjp_is_linear_in_the_output_gradient(op, rng):
    inputs = draw(op, rng)
    y = op.forward(*inputs)
    first, second = rng.normal(size=(2, *np.shape(y)))
    combined = op.pullback(2.0 * first - 3.0 * second, y, *inputs)
    parts = zip(op.pullback(first, y, *inputs), op.pullback(second, y, *inputs), strict=True)
    for whole, (a, b) in zip(combined, parts, strict=True):
        if whole is not None:
            np.testing.assert_allclose(whole, 2.0 * a - 3.0 * b, rtol=1e-12, atol=1e-13)


KINKS = {  # documented derivative at each declared kink, in the order of op.kinks
    "relu": (0.0,),
    "leaky_relu": (0.01,),
    "elu": (1.0,),
    "selu": (1.0507009873554805 * 1.6732632423543772,),
    "hard_sigmoid": (0.0, 0.0),
    "hard_tanh": (0.0, 0.0),
    "absolute": (0.0,),
}


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if op.kinks])
def test_derivative_at_a_kink_is_the_documented_one(name):
    op, x = OPS[name], np.array(OPS[name].kinks)
    np.testing.assert_array_equal(op.vjp(np.ones_like(x), op.forward(x), x), KINKS[name])
    assert "derivative at" in op.__doc__


@pytest.mark.parametrize(("op", "slope"), [(ops.leaky_relu.bind(slope=0.3), 0.3), (ops.elu.bind(alpha=1.7), 1.7)])
def test_derivative_at_a_kink_follows_the_parameter(op, slope):
    x = np.zeros(1)
    assert op.vjp(np.ones(1), op.forward(x), x) == slope


@pytest.mark.parametrize("op", [ops.maximum, ops.minimum], ids=repr)
def test_equal_arguments_share_the_gradient(op):
    x = np.array([1.0])
    assert op.vjp(np.array([3.0]), x, x, x) == (1.5, 1.5)


def test_several_largest_elements_share_the_gradient():
    x = np.array([[2.0, 1.0, 2.0]])
    np.testing.assert_array_equal(ops.max_.vjp(1.0, ops.max_(x), x), [[0.5, 0.0, 0.5]])


# --- shapes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", OPS.values(), ids=repr)
def test_output_has_the_declared_axes(op, rng):
    given, made = op.shapes.split("->")
    if not set(made) <= {*given, "n"}:
        pytest.skip("the length of an axis depends on its parameters")
    sizes = {"n": 2, "i": 3, "o": 4, "f": 5}  # n is 2 because broadcast_to and putitem make two rows
    declared = tuple(sizes[axis] for axis in made)
    assert np.shape(op.forward(*draw(op, rng, **sizes))) == declared


@pytest.mark.parametrize("op", [op for op in ALL if op.kind in ("elementwise", "row", "column")], ids=repr)
def test_an_output_element_looks_no_further_than_its_kind_says(op, rng):
    if op.parameters.get("axis") == 0:
        pytest.skip("along the other axis a row operation is a column operation")
    x, *rest = draw(op, rng, n=4, i=3)
    changed = x.copy()
    changed[1, 2] = ~x[1, 2] if x.dtype == bool else 1.01 * x[1, 2]
    y, moved = op.forward(x, *rest), op.forward(changed, *rest)
    touched = np.zeros((4, 3), dtype=bool)
    touched[{"elementwise": (1, 2), "row": 1, "column": (slice(None), 2)}[op.kind]] = True
    if np.shape(y) != (4, 3):
        touched = touched.any(axis=1, keepdims=np.ndim(y) == 2)
    assert not np.any((y != moved) & ~touched)


PAIRS = [
    ((), ()),
    ((), (3,)),
    ((3,), ()),
    ((3,), (1,)),
    ((2, 3), (3,)),
    ((2, 3), (1, 3)),
    ((2, 3), (2, 1)),
    ((2, 1), (1, 3)),
    ((2, 3), ()),
    ((4, 2, 3), (2, 1)),
    ((1, 1), (4, 2, 3)),
    ((1,), (5,)),
    ((0, 3), (3,)),
]
BINARY = [op for op in OPS.values() if op.kind == "elementwise" and op.n_inputs == 2 and op.name != "dropout"]


@pytest.mark.parametrize("shapes", PAIRS, ids=str)
@pytest.mark.parametrize("op", BINARY, ids=repr)
def test_what_was_repeated_on_the_way_forward_is_summed_on_the_way_back(op, shapes, rng):
    a, b = (rng.choice([-1.0, 1.0], s) * (0.5 + rng.random(s)) for s in shapes)
    y = op.forward(a, b)
    dy = rng.normal(size=np.shape(y))
    repeated = [np.broadcast_to(x, np.shape(y)) for x in (a, b)]
    for x, dx, wide in zip((a, b), op.pullback(dy, y, a, b), op.pullback(dy, y, *repeated), strict=True):
        if dx is None:
            continue
        assert np.shape(dx) == np.shape(x)
        np.testing.assert_allclose(dx, _summed(wide, np.shape(x)), rtol=1e-14, atol=1e-15)


def _summed(wide: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """`wide` summed over the axes that `shape` lacks or has with length 1."""
    wide = np.asarray(wide)
    wide = wide.sum(axis=tuple(range(wide.ndim - len(shape))))
    short = tuple(k for k, n in enumerate(shape) if n == 1)
    return wide.sum(axis=short, keepdims=True)


def test_where_sums_back_what_it_repeated(rng):
    mask, a, b = np.array([[True], [False]]), rng.normal(size=3), np.float64(2.0)
    dy = rng.normal(size=(2, 3))
    nothing, da, db = ops.where.vjp(dy, None, mask, a, b)
    assert nothing is None
    np.testing.assert_array_equal(da, dy[0])
    assert db == dy[1].sum()


# --- dtype, aliasing, extremes ----------------------------------------------------------------------------------------


@every_op
def test_float32_stays_float32(op, rng):
    inputs = [x.astype(np.float32) if is_float(x) else x for x in draw(op, rng)]
    y = op.forward(*inputs)
    dy = np.asarray(rng.normal(size=np.shape(y)), np.float32)
    gradients = [dx for dx in op.pullback(dy, y, *inputs) if dx is not None]
    assert {y.dtype, *(dx.dtype for dx in gradients)} == {np.dtype(np.float32)}


@every_op
def test_neither_forward_nor_vjp_writes_into_what_it_is_given(op, rng):
    inputs = draw(op, rng)
    for x in inputs:
        x.flags.writeable = False
    y = np.asarray(op.forward(*inputs))
    y.flags.writeable = False
    dy = np.asarray(rng.normal(size=y.shape))
    dy.flags.writeable = False
    before = [a.copy() for a in (*inputs, y, dy)]
    op.pullback(dy, y, *inputs)
    assert all(same_bits(a, b) for a, b in zip((*inputs, y, dy), before, strict=True))


EXTREMES = {
    np.float64: [0.0, 1e-310, 1.0, 40.0, 800.0, 1e30, 1e200, 1e300],
    np.float32: [0.0, 1e-40, 1.0, 40.0, 800.0, 1e30],
}


def extremes(op: Op, dtype: type) -> np.ndarray:
    """Both signs of the extreme numbers, those inside the operation's domain."""
    positive = np.array(EXTREMES[dtype], dtype)
    x = np.concatenate([-positive, positive])
    low, high = op.domain
    return x[(x > low) & (x < high)]


@pytest.mark.parametrize("dtype", EXTREMES)
@every_activation
def test_activations_are_finite_at_extreme_inputs(op, dtype):
    x = extremes(op, dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y = op.forward(x[None])
        steep = np.abs(x) < 2 * np.finfo(dtype).tiny if op.name == "log" else np.zeros(x.shape, bool)
        keep = x[~steep]  # the derivative of log, 1/x, is itself beyond the largest number there
        dx = op.vjp(np.ones((1, keep.size), dtype), op.forward(keep[None]), keep[None])
    assert np.isfinite(y).all() and np.isfinite(dx).all()


@pytest.mark.parametrize("dtype", EXTREMES)
@pytest.mark.parametrize("name", ["layer_norm", "batch_norm", "logsumexp"])
def test_reductions_are_finite_at_extreme_inputs(name, dtype):
    op, values = OPS[name], extremes(OPS[name], dtype)
    x = np.stack([values, np.roll(values, 3), np.full_like(values, values.max()), np.zeros_like(values)])
    ones = np.ones(x.shape[1], dtype)
    inputs = (x, ones, ones)[: op.n_inputs]
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y = op.forward(*inputs)
        gradients = op.pullback(np.ones_like(y), y, *inputs)
    assert all(np.isfinite(a).all() for a in (y, *gradients))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_layer_norm_is_finite_up_to_the_largest_numbers():
    x = np.array([[1e308, 1e308, -1e307, 1e308]])
    assert np.isfinite(ops.layer_norm(x, np.ones(4), np.zeros(4))).all()


@every_activation
def test_zero_rows_are_no_special_case(op):
    x = np.empty((0, 3))
    assert op.forward(x).shape == op.vjp(x, op.forward(x), x).shape == (0, 3)


def test_broadcasting_to_more_axes_has_the_right_gradient(rng):
    assert op_error(WIDER, [rng.normal(size=(1, 1))], rng) <= 1e-12
