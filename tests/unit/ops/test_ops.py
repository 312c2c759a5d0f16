"""The Op itself: parameters, derivatives, definition of new ones."""

import copy
import pickle

import numpy as np
import pytest

from clearprop import ops
from clearprop.errors import ConfigurationError, ShapeError
from clearprop.ops import ACTIVATIONS, OPS, Op, activation, as_activation, elementwise


@pytest.fixture
def clean_registries(monkeypatch):
    """Definitions made in a test are forgotten after it."""
    for registry in (OPS, ACTIVATIONS):
        monkeypatch.setattr(registry, "_definitions", dict(registry._definitions))


def test_binding_makes_another_operation_and_leaves_the_first():
    steep = ops.leaky_relu.bind(slope=0.5)
    assert steep(np.array(-2.0)) == -1.0 and ops.leaky_relu(np.array(-2.0)) == -0.02
    assert repr(steep) == "leaky_relu(slope=0.5)" and repr(ops.relu) == "relu()"


def test_equal_operations_have_equal_functions_and_parameters():
    assert ops.leaky_relu.bind(slope=0.5) == ops.leaky_relu.bind(slope=0.5) != ops.leaky_relu
    assert hash(ops.leaky_relu.bind(slope=0.5)) == hash(ops.leaky_relu)
    assert ops.relu != ops.tanh and ops.relu != "relu"


@pytest.mark.parametrize(
    ("bind", "message"),
    [
        (lambda: ops.leaky_relu.bind(slop=0.5), "leaky_relu has no parameter 'slop'; did you mean 'slope'"),
        (lambda: ops.relu.bind(slope=0.5), "relu has no parameter 'slope'; It takes none"),
        (lambda: ops.relu(np.ones(2), slope=0.5), "relu has no parameter 'slope'"),
    ],
)
def test_unknown_parameters_are_refused(bind, message):
    with pytest.raises(ConfigurationError, match=message):
        bind()


def test_parameters_can_be_given_at_the_call():
    assert ops.elu(np.array(-1e9), alpha=3.0) == -3.0


def test_a_derivative_says_what_the_forward_pass_must_keep():
    assert ops.gelu.keeps_input and not ops.tanh.keeps_input
    assert ops.matmul.n_inputs == 2 and ops.affine.n_inputs == 3 and ops.tanh.n_inputs == 1


def test_an_operation_without_a_derivative_says_how_to_add_one():
    with pytest.raises(ConfigurationError, match="half has no derivative; add one with @half"):
        Op(half, shapes="ni->ni", kind="elementwise").vjp(1.0, 1.0)


def half(x):
    """x / 2"""
    return x / 2.0


def test_a_new_operation_is_registered_under_its_name(clean_registries):
    operation = elementwise()(half)
    assert OPS["half"] is operation and "half" not in ACTIVATIONS
    assert operation.__doc__ == "x / 2" and operation.__wrapped__ is half


def test_a_new_activation_is_an_operation_too(clean_registries):
    operation = activation(kinks=(1.0,))(half)
    assert OPS["half"] is ACTIVATIONS["half"] is operation and operation.kinks == (1.0,)
    with pytest.raises(ConfigurationError, match="already"):
        activation()(half)


@pytest.mark.parametrize("op", [ops.relu, ops.sum_, ops.leaky_relu.bind(slope=0.5)], ids=repr)
def test_a_pickled_operation_is_the_registered_one_with_its_parameters(op):
    assert pickle.loads(pickle.dumps(op)) == op


def test_an_operation_of_ones_own_is_copied_but_not_pickled():
    op = Op(lambda x: 2.0 * x, shapes="ni->ni", kind="elementwise")
    assert copy.deepcopy(op) == op
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(op)


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(
        ShapeError, match=r"affine\(\) cannot work on shapes \(2, 3\) and \(2, 4\) and \(4,\), axes 'ni,io,o->no'"
    ):
        ops.affine(np.ones((2, 3)), np.ones((2, 4)), np.ones(4))


def test_pullback_is_always_a_tuple():
    assert ops.tanh.pullback(2.0, 0.0) == (2.0,)
    assert ops.add.pullback(2.0, None, 1.0, 1.0) == (2.0, 2.0)


def test_as_activation_takes_names_and_operations():
    assert as_activation("relu", {}) is ops.relu
    assert as_activation(ops.relu, {}) is ops.relu
    assert as_activation("leaky_relu", {"slope": 0.3}) == ops.leaky_relu.bind(slope=0.3)


@pytest.mark.parametrize("shape", [(1, 0), (0,), (2, 0, 3)])
def test_empty_arrays_pass(shape):
    x = np.empty(shape)
    assert ops.square(x).shape == ops.square.vjp(x, x, x).shape == shape


def test_matrices_only():
    with pytest.raises(ValueError, match="multiply a number with"):
        ops.matmul(np.ones((2, 2)), 3.0)


def test_shapes_that_do_not_fit_are_named_in_our_words():
    with pytest.raises(ShapeError, match=r"affine\(\) cannot work on shapes \(2, 3\) and \(4, 1\) and \(1,\)"):
        ops.affine(np.ones((2, 3)), np.ones((4, 1)), np.ones(1))
