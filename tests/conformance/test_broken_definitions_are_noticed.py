"""The conformance checks notice definitions that are broken on purpose."""

import numpy as np
import pytest

from clearprop import ops
from clearprop.gradients.check import check_gradients, sample_inputs
from clearprop.layers import Activation, BatchNorm, Dense, Dropout, Layer, LayerNorm
from clearprop.ops import ACTIVATIONS, OPS, Op
from examples import DATA_OF_LOSS, LOSS_EXAMPLES, NUMPY_LOSSES
from witnesses import layer_errors, second_order_error, worst_loss_error, worst_op_error

NOTICED = 1e-12  # what the conformance tests allow
DIFFERENTIABLE = [op for op in OPS.values() if op.kind != "array"]


def with_vjp(op: Op, vjp) -> Op:
    """A copy of the operation with another derivative, vjp(dy, y, *inputs); the registered one stays."""
    broken = op.bind()
    broken._vjp, broken._vjp_inputs = lambda dy, y, *inputs, **parameters: vjp(dy, y, *inputs), op.n_inputs
    return broken


def changed(op: Op, change) -> Op:
    """The operation with `change` applied to its first derivative."""

    def vjp(dy, y, *inputs):
        first, *rest = op.pullback(dy, y, *inputs)
        first = first if first is None else change(first, inputs[0])
        return (first, *rest) if rest else first

    return with_vjp(op, vjp)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_derivative_that_is_a_thousandth_too_large_is_noticed(name):
    broken = changed(ACTIVATIONS[name], lambda dx, x: 1.001 * dx)
    assert worst_op_error(broken, 20) > 1e-4
    assert not check_gradients(broken).passed
    if broken.domain[0] == -np.inf:  # a layer is checked on numbers of both signs
        assert layer_errors(Activation(broken), 5, training=True) > 1e-4


@pytest.mark.parametrize("op", [op for op in DIFFERENTIABLE if op.name != "where"], ids=repr)
def test_a_wrong_sign_is_noticed(op):
    assert worst_op_error(changed(op, lambda dx, x: -dx), 20) > 0.1


@pytest.mark.parametrize("op", [ops.where, ops.add, ops.divide, ops.layer_norm, ops.affine], ids=repr)
def test_a_wrong_derivative_of_the_last_input_is_noticed(op):
    def vjp(dy, y, *inputs):
        *rest, last = op.pullback(dy, y, *inputs)
        return *rest, 1.001 * last

    assert worst_op_error(with_vjp(op, vjp), 50) > 1e-4


def test_a_missing_term_is_noticed():
    forgetful = with_vjp(ops.softmax, lambda dy, y, x: dy * y)  # without - y Σ dy y
    assert worst_op_error(forgetful, 20) > 0.01


def test_an_error_of_ten_digits_is_noticed():
    assert worst_op_error(changed(ops.tanh, lambda dx, x: dx * (1 + 1e-10)), 20) > NOTICED


def test_an_error_at_a_single_element_is_noticed():
    def spoil(dx, x):
        wrong = np.array(dx)
        wrong.flat[0] += 1e-6
        return wrong

    for op in (ops.sigmoid, ops.layer_norm, ops.logsumexp):
        assert worst_op_error(changed(op, spoil), 100) > NOTICED
        assert not check_gradients(changed(op, spoil)).passed


def test_a_derivative_whose_own_derivative_is_wrong_is_noticed(rng):
    broken = changed(ops.identity, lambda dx, x: 1.001 * dx)
    square = with_vjp(ops.square, lambda dy, y, x: 2.0 * dy * broken(x))
    assert worst_op_error(square, 20) <= NOTICED
    assert second_order_error(square, sample_inputs(square, rng), rng) > 1e-6


@pytest.mark.parametrize("loss", [*LOSS_EXAMPLES, *NUMPY_LOSSES], ids=repr)
def test_a_wrong_loss_gradient_is_noticed(loss):
    class Broken(type(loss)):
        def gradient(self, t, y):
            return 1.001 * super().gradient(t, y)

    broken = Broken(**loss.config())
    draw = DATA_OF_LOSS[type(loss)]
    assert worst_loss_error(broken, lambda rng: draw(loss, rng, 5, 3), 20) > 1e-4


class Forgetful:
    """A layer whose backward pass forgets the gradient of its last parameter."""

    def backward(self, dy, cache, grads):
        dx = super().backward(dy, cache, grads)
        list(grads.values())[-1][...] = 0.0
        return dx


class Overdone:
    """A layer whose backward pass returns a gradient a thousandth too large."""

    def backward(self, dy, cache, grads):
        return 1.001 * super().backward(dy, cache, grads)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("layer", [Dense(2), Dense(2, use_bias=False), LayerNorm(), BatchNorm()], ids=repr)
@pytest.mark.parametrize("fault", [Forgetful, Overdone])
def test_a_wrong_backward_pass_is_noticed(layer, fault, training):
    assert layer_errors(broken_layer(layer, fault), 5, training) > 1e-6


def test_a_wrong_backward_pass_of_dropout_is_noticed():
    assert layer_errors(broken_layer(Dropout(0.3), Overdone), 5, True) > 1e-4


def broken_layer(layer: Layer, fault: type) -> Layer:
    """A layer like `layer` with the fault."""
    return type(type(layer).__name__, (fault, type(layer)), {})(**layer.config())
