"""Every registered layer: explicit backward pass, tape and numbers agree; descriptions survive saving."""

import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import clearprop
from clearprop import initializers, ops
from clearprop.gradients.check import check_gradients
from clearprop.layers import Activation, BatchNorm, Context, Layer
from clearprop.model import Sequential, model_from_config
from clearprop.randomness import Key
from clearprop.tape import GradientTape
from examples import LAYER_EXAMPLES
from witnesses import CASES, layer_errors, same_bits

KEY = Key(seed=3, epoch=2, row=10, layer=1)
every_layer = pytest.mark.parametrize("layer", LAYER_EXAMPLES, ids=repr)
both_modes = pytest.mark.parametrize("training", [True, False], ids=["training", "prediction"])


class Setting:
    """A layer with parameters, buffers and a batch to run it on."""

    def __init__(self, layer: Layer, rng: np.random.Generator, n: int = 4, n_in: int = 3, dtype: type = np.float64):
        self.layer = layer
        self.x = rng.normal(size=(n, n_in)).astype(dtype)
        drawn = layer.initial_parameters(n_in, rng)
        self.parameters = {k: (p + 0.3 * rng.normal(size=p.shape)).astype(dtype) for k, p in drawn.items()}
        self.buffers = {k: b.astype(dtype) for k, b in layer.initial_buffers(n_in).items()}

    def forward(self, x=None, parameters=None, *, training):
        x = self.x if x is None else x
        parameters = self.parameters if parameters is None else parameters
        return self.layer.forward(x, parameters, Context(training, KEY, self.buffers))

    def explicit(self, dy, *, training) -> dict[str, np.ndarray]:
        """Gradients by the layer's own backward pass."""
        grads = {name: np.full_like(p, np.nan) for name, p in self.parameters.items()}
        dx = self.layer.backward(dy, self.forward(training=training)[1], grads)
        return {"x": dx, **grads}

    def taped(self, dy, *, training) -> dict[str, np.ndarray]:
        """Gradients by recording the layer's forward pass."""
        with GradientTape() as tape:
            tensors = {name: tape.watch(a) for name, a in {"x": self.x, **self.parameters}.items()}
            y = self.forward(tensors["x"], tensors, training=training)[0]
        return {name: dx.value for name, dx in tape.gradient(y, tensors, output_gradient=dy).items()}


@both_modes
@every_layer
def test_explicit_backward_equals_the_tape_bit_for_bit(layer, training, rng):
    setting = Setting(layer, rng)
    dy = rng.normal(size=setting.forward(training=training)[0].shape)
    explicit, taped = setting.explicit(dy, training=training), setting.taped(dy, training=training)
    assert explicit.keys() == taped.keys()
    assert all(same_bits(explicit[name], taped[name]) for name in explicit)


@both_modes
@every_layer
@pytest.mark.parametrize("cases", CASES)
def test_gradients_equal_the_complex_step(layer, training, cases):
    shared = sum(type(other) is type(layer) for other in LAYER_EXAMPLES)  # the cases are a layer class's in all
    assert layer_errors(layer, cases // (2 * shared) + 1, training) <= 1e-12


@both_modes
@every_layer
def test_gradient_check_passes_with_both_witnesses(layer, training):
    report = check_gradients(layer, training=training)
    assert report.passed, report


@every_layer
def test_width_and_shapes_are_the_built_ones(layer, rng):
    setting = Setting(layer, rng, n=5, n_in=3)
    n_out, shapes = layer.build(3)
    assert setting.forward(training=True)[0].shape == (5, n_out)
    assert {name: p.shape for name, p in setting.parameters.items()} == shapes
    assert set(layer.decays) | set(layer.trainable) <= set(shapes) | {"weight", "bias"}


@every_layer
def test_description_survives_json(layer):
    model = Sequential([layer], 3, seed=5)
    again = model_from_config(json.loads(json.dumps(model.config())))
    assert again.layers == model.layers
    assert same_bits(again.w, model.w)
    assert again.config() == model.config()


@every_layer
def test_repr_reads_back(layer):
    again = eval(repr(layer), vars(initializers) | {name: getattr(clearprop, name) for name in clearprop.__all__})
    assert again == layer and hash(again) == hash(layer) and repr(again) == repr(layer)


@every_layer
def test_pickled_layer_is_equal(layer):
    assert pickle.loads(pickle.dumps(layer)) == layer


@every_layer
def test_rows_are_independent_in_prediction(layer, rng):
    setting = Setting(layer, rng, n=5)
    whole = setting.forward(training=False)[0]
    rows = [setting.forward(setting.x[i : i + 1], training=False)[0] for i in range(5)]
    np.testing.assert_allclose(np.concatenate(rows), whole, rtol=1e-13, atol=1e-15)


@every_layer
def test_single_rows(layer, rng):
    setting = Setting(layer, rng, n=1)
    training = not isinstance(layer, BatchNorm)  # which has no statistics of a single row, and says so
    y = setting.forward(training=training)[0]
    assert setting.explicit(np.ones_like(y), training=training)["x"].shape == (1, 3)


@both_modes
@every_layer
def test_float32_stays_float32(layer, training, rng):
    setting = Setting(layer, rng, dtype=np.float32)
    y, _, buffers = setting.forward(training=training)
    gradients = setting.explicit(np.ones_like(y), training=training)
    assert {a.dtype for a in (y, *gradients.values(), *buffers.values())} == {np.dtype(np.float32)}


@both_modes
@every_layer
def test_nothing_given_is_written_to_and_nothing_is_kept(layer, training, rng):
    setting, before = Setting(layer, rng), dict(vars(layer))
    for array in [setting.x, *setting.parameters.values(), *setting.buffers.values()]:
        array.flags.writeable = False
    y = setting.forward(training=training)[0]
    setting.explicit(np.ones_like(y), training=training)
    assert vars(layer) == before


@every_layer
def test_threads_do_not_disturb_each_other(layer, rng):
    settings = [Setting(layer, rng, n=20 + k) for k in range(8)]

    def gradients(setting: Setting) -> list[bytes]:
        y = setting.forward(training=True)[0]
        return [a.tobytes() for a in setting.explicit(np.ones_like(y), training=True).values()]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(gradients, settings * 5)) == [gradients(s) for s in settings] * 5


def test_an_activation_of_an_unregistered_function_runs_and_checks_but_is_not_saved():
    layer = Activation(lambda x: x * ops.sigmoid(1.5 * x))
    assert check_gradients(layer).passed
    with pytest.raises(ValueError, match="cannot be saved"):
        Sequential([layer], 2).config()
