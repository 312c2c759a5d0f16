"""Definitions keep to the dialect, and mean the same to every reader."""

import numpy as np
import pytest

from clearprop.gradients.check import sample_inputs
from clearprop.losses import penalty_gradient
from clearprop.ops import OPS, Op
from examples import DATA_OF_LOSS, LOSS_EXAMPLES, OPTIMIZER_EXAMPLES, UNNAMED_OPTIMIZERS
from symbolic import Mask, Symbol, symbol
from witnesses import is_float, same_bits

every_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def assert_same_meaning(definition, dtype, *arrays):
    """Called with symbols and evaluated, `definition` gives bit for bit what it gives called with arrays."""
    recorded = definition(*map(symbol, arrays))
    direct = definition(*arrays)
    if not isinstance(direct, tuple):
        recorded, direct = (recorded,), (direct,)
    for node, array in zip(recorded, direct, strict=True):
        assert (node is None) == (array is None)
        assert node is None or same_bits(node.evaluate(dtype), array)


IN_THE_DIALECT = pytest.mark.parametrize("op", [op for op in OPS.values() if op.kind != "array"], ids=repr)


def inputs_of(op: Op, dtype: type, rng: np.random.Generator) -> list[np.ndarray]:
    return [x.astype(dtype) if is_float(x) else x for x in sample_inputs(op, rng, {"n": 5, "i": 7})]


@every_dtype
@IN_THE_DIALECT
def test_every_forward(op, dtype, rng):
    assert_same_meaning(op.forward, dtype, *inputs_of(op, dtype, rng))


@every_dtype
@IN_THE_DIALECT
def test_every_vjp(op, dtype, rng):
    inputs = inputs_of(op, dtype, rng)
    y = op.forward(*inputs)
    dy = rng.normal(size=y.shape).astype(dtype)
    assert_same_meaning(op.vjp, dtype, dy, y, *inputs)


@every_dtype
@pytest.mark.parametrize("part", ["value", "gradient"])
@pytest.mark.parametrize("loss", LOSS_EXAMPLES, ids=repr)
def test_every_loss(loss, part, dtype, rng):
    y_true, y_pred = (np.asarray(a, dtype) for a in DATA_OF_LOSS[type(loss)](loss, rng, 6, 4)[:2])
    assert_same_meaning(getattr(loss, part), dtype, y_true, y_pred)


@every_dtype
@pytest.mark.parametrize("optimizer", [*OPTIMIZER_EXAMPLES, *UNNAMED_OPTIMIZERS], ids=repr)
def test_every_optimizer_rule(optimizer, dtype, rng):
    w, g, *slots = (0.1 + rng.random((2 + len(optimizer.slots), 50))).astype(dtype)
    g = (g * rng.choice([-1, 0, 1], 50)).astype(dtype)
    scalars = optimizer.table(3, 1, [1.0], [False], optimizer.initial_carry)[0][0, 0, 1:].tolist()
    recorded = optimizer.rule(*map(symbol, (w, g, *slots)), *(symbol(dtype(s)) for s in scalars))
    for node, array in zip(recorded, optimizer.rule(w, g, *slots, *scalars), strict=True):
        assert same_bits(node.evaluate(dtype), array)


@every_dtype
def test_penalty_gradient(dtype, rng):
    w = (rng.normal(size=20) * rng.choice([0, 1], 20)).astype(dtype)
    assert_same_meaning(lambda w: penalty_gradient(w, 0.3, 0.1), dtype, w)


# --- the witness itself -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x**0.3,
        lambda x: x**17,
        lambda x: x**x,
        lambda x: x ** np.float64(2.0),
        lambda x: 2.0**x,
        lambda x: 2 * x,
        lambda x: np.abs(x),
        lambda x: np.sign(x),
        lambda x: np.clip(x, 0.0, 1.0),
        lambda x: x if x > 0.0 else -x,
        lambda x: np.where(x, x, 0.0),
        lambda x: np.where(x > 0.0, x, 0),
        lambda x: x * np.ones(3),
        lambda x: np.add(x, x, out=x),
        lambda x: np.sum(x),
        lambda x: (x > 0.0) & 1.0,
        lambda x: np.maximum.reduce(x),
        lambda x: np.where((x > 0.0) and (x < 1.0), x, 0.0),
    ],
)
def test_the_symbol_refuses_what_is_outside(wrong):
    with pytest.raises(TypeError):  # OutsideDialect, or an operator that a symbol simply does not have
        wrong(symbol(np.ones(3)))


def test_masks_know_and_or_not(rng):
    x = rng.normal(size=20)

    def definition(x):
        return np.where((x > 0.5) & (x <= 1.0) | ~(x >= -1.0), x, 0.0)

    assert isinstance(definition(symbol(x)), Symbol)
    assert isinstance(symbol(x) < 1.0, Mask)
    assert_same_meaning(definition, np.float64, x)
