"""Layers: arguments, and what is particular to each."""

import numpy as np
import pytest

from clearprop import ops
from clearprop.errors import ConfigurationError, ShapeError
from clearprop.layers import Activation, BatchNorm, Context, Dense, Dropout, LayerNorm
from clearprop.randomness import Key


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dense(0), "a whole number of units, 1 or more, not 0"),
        (lambda: Dense(2.0), "a whole number of units"),
        (lambda: Dense(True), "a whole number of units"),
        (lambda: Dense(2, trainable=("gamma",)), "Dense has no parameter 'gamma' to train; it has weight, bias"),
        (lambda: Dense(2, init="he"), "no initialiser 'he'"),
        (lambda: Dense(2, bias_init="nil"), "no initialiser 'nil'"),
        (lambda: Activation("rleu"), "no activation 'rleu'; did you mean 'relu'"),
        (lambda: Activation(3), "an activation is a name, an operation or a function, not 3"),
        (lambda: Activation("relu", slope=1), "relu has no parameter 'slope'"),
        (lambda: Dropout(1.0), "a rate of at least 0 and below 1, not 1.0"),
        (lambda: Dropout(-0.1), "a rate of at least 0"),
        (lambda: LayerNorm(epsilon=0.0), "LayerNorm needs epsilon > 0"),
        (lambda: BatchNorm(epsilon=float("nan")), "BatchNorm needs epsilon > 0"),
        (lambda: BatchNorm(momentum=1.0), "a momentum of at least 0 and below 1"),
        (lambda: BatchNorm(trainable="weight"), "BatchNorm has no parameter 'weight' to train; it has gamma, beta"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises((ConfigurationError, KeyError), match=message):
        make()


def test_a_single_trainable_name_needs_no_tuple():
    assert Dense(2, trainable="bias").trainable == ("bias",)


def test_units_may_be_numpys_integers():
    assert Dense(np.int64(3)).units == 3 and type(Dense(np.int64(3)).units) is int


def test_the_default_initial_values(rng):
    parameters = Dense(4).initial_parameters(3, rng)
    assert parameters["weight"].shape == (3, 4) and not parameters["bias"].any()
    assert set(Dense(4, use_bias=False).initial_parameters(3, rng)) == {"weight"}


def test_an_activation_shows_only_what_differs_from_its_default():
    assert repr(Activation("leaky_relu", slope=0.01)) == "Activation('leaky_relu')"
    assert repr(Activation(ops.leaky_relu.bind(slope=0.5))) == "Activation('leaky_relu', slope=0.5)"
    assert Activation(ops.relu) == Activation("relu") != Activation("tanh")


def test_an_operation_that_borrows_a_registered_name_is_not_taken_for_it():
    impostor = ops.Op(lambda x: x, shapes="ni->ni", kind="elementwise")
    impostor.name = "relu"
    assert Activation(impostor).config() == {"activation": impostor}


@pytest.mark.parametrize("training", [True, False])
def test_layer_norm_standardises_rows(training, rng):
    x = rng.normal(3.0, 5.0, (6, 50))
    parameters = LayerNorm().initial_parameters(50, rng)
    y = LayerNorm(epsilon=1e-12).forward(x, parameters, Context(training))[0]
    np.testing.assert_allclose(y.mean(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=1), 1.0, rtol=1e-9)


def test_batch_norm_standardises_columns_and_remembers_them(rng):
    layer = BatchNorm(momentum=0.75, epsilon=1e-12)
    x = rng.normal(3.0, 5.0, (50, 2))
    parameters, buffers = layer.initial_parameters(2, rng), layer.initial_buffers(2)
    y, _, new = layer.forward(x, parameters, Context(True, buffers=buffers))
    np.testing.assert_allclose(y.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=0), 1.0, rtol=1e-9)
    np.testing.assert_allclose(new["mean"], 0.25 * x.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(new["variance"], 0.75 + 0.25 * x.var(axis=0), rtol=1e-14)
    for _ in range(60):
        new = layer.forward(x, parameters, Context(True, buffers=new))[2]
    np.testing.assert_allclose(layer.forward(x, parameters, Context(buffers=new))[0], y, rtol=1e-6, atol=1e-6)


def test_batch_norm_needs_two_rows_in_training_only(rng):
    layer = BatchNorm()
    parameters, buffers = layer.initial_parameters(2, rng), layer.initial_buffers(2)
    assert layer.forward(np.ones((1, 2)), parameters, Context(buffers=buffers))[0].shape == (1, 2)
    with pytest.raises(ShapeError, match="batches of 2 rows or more; raise batch_size, or use LayerNorm"):
        layer.forward(np.ones((1, 2)), parameters, Context(True, buffers=buffers))


def test_dropout_in_training_needs_to_know_where_it_is():
    with pytest.raises(ConfigurationError, match="Dropout in training needs a key"):
        Dropout(0.5).forward(np.ones((2, 2)), run=Context(True))


def test_dropout_does_nothing_in_prediction_and_at_rate_zero(rng):
    x = rng.normal(size=(3, 4))
    assert Dropout(0.5).forward(x)[0] is x
    assert Dropout(0.0).forward(x, run=Context(True))[0] is x


def test_dropout_masks_depend_on_the_layer():
    x = np.ones((10, 10))
    first, second = (Dropout(0.5).forward(x, run=Context(True, Key(0, 1, 0, layer)))[0] for layer in (0, 1))
    assert (first != second).any()


def test_numpys_own_functions_are_activations():
    layer = Activation(np.tanh)
    y, cache, _ = layer.forward(np.array([[0.5]]))
    np.testing.assert_allclose(layer.backward(np.ones((1, 1)), cache, {}), 1.0 - y * y)
