"""Models: one flat vector, views into it, descriptions, saturation."""

import copy
import json
import pickle

import numpy as np
import pytest

import clearprop
from clearprop import initializers, ops
from clearprop.errors import ConfigurationError, ShapeError
from clearprop.initializers import Constant, Initializer, Uniform
from clearprop.layers import LAYERS, Activation, BatchNorm, Dense, Dropout, LayerNorm
from clearprop.model import MLP, Segment, Sequential, default_init, model_from_config
from clearprop.tape import GradientTape, differentiable

NAMES = vars(initializers) | {name: getattr(clearprop, name) for name in clearprop.__all__}


# --- geometry ---------------------------------------------------------------------------------------------------------


def test_parameters_are_views_by_layer_and_name():
    model = Sequential([Dense(3), Activation("tanh"), Dense(1)], n_in=2)
    assert {name: p.shape for name, p in model.parameters().items()} == {
        "0.weight": (2, 3),
        "0.bias": (3,),
        "2.weight": (3, 1),
        "2.bias": (1,),
    }
    model.parameters()["2.weight"][...] = 7.0
    assert (model.w == 7.0).sum() == 3
    assert (model.n_parameters, model.n_out, model.widths) == (13, 1, [2, 3, 3, 1])


def test_parameters_treated_alike_lie_side_by_side():
    model = Sequential([Dense(2), LayerNorm(), Dense(1, trainable=("weight",), learning_rate_factor=0.5)], n_in=3)
    assert model.segments == [
        Segment(0, 6, trainable=True, decays=True, learning_rate_factor=1.0),
        Segment(6, 12, trainable=True, decays=False, learning_rate_factor=1.0),
        Segment(12, 14, trainable=True, decays=True, learning_rate_factor=0.5),
        Segment(14, 15, trainable=False, decays=False, learning_rate_factor=0.5),
    ]
    assert [len(s) for s in model.segments] == [6, 6, 2, 1] and model.segments[1].slice == slice(6, 12)


def test_layers_with_the_same_learning_rate_factor_share_segments():
    model = Sequential([Dense(2, learning_rate_factor=0.5), Dense(1, learning_rate_factor=0.5)], n_in=3)
    assert [(s.start, s.stop, s.decays) for s in model.segments] == [(0, 8, True), (8, 11, False)]


def test_a_model_without_parameters_is_a_model():
    model = Sequential([Activation("tanh")], n_in=2)
    assert model.n_parameters == 0 and model.segments == [] and model.parameters() == {}
    assert "0 parameters" in model.summary()


def test_buffers_have_views_too():
    model = Sequential([BatchNorm(), Dense(2), BatchNorm()], n_in=3)
    views = model.buffer_views(model.buffers)
    assert [{name: v.shape for name, v in layer.items()} for layer in views] == [
        {"mean": (3,), "variance": (3,)},
        {},
        {"mean": (2,), "variance": (2,)},
    ]
    assert model.buffers.tolist() == [0.0] * 3 + [1.0] * 3 + [0.0] * 2 + [1.0] * 2


def test_a_model_is_built_when_its_inputs_are_known():
    model = Sequential([Dense(2)])
    assert not model.built
    for question in (lambda: model.n_out, lambda: model.n_parameters, model.summary):
        with pytest.raises(ConfigurationError, match=r"no parameters yet; call model.build\(n_in\)"):
            question()
    assert model.build(4) is model and model.built and model.n_parameters == 10


@pytest.mark.parametrize(
    "ask", [Sequential.parameters, lambda m: m.forward(np.ones((1, 2)))], ids=["parameters", "forward"]
)
def test_a_model_that_is_not_built_says_so(ask):
    with pytest.raises(ConfigurationError, match="no parameters yet"):
        ask(Sequential([Dense(2)]))


def test_weights_depend_on_the_seed_alone():
    same, other = MLP([2, 3, 1], seed=5), MLP([2, 3, 1], seed=6)
    np.testing.assert_array_equal(MLP([2, 3, 1], seed=5).w, same.w)
    assert (same.w != other.w).any()


def test_float32_models_are_float32_throughout():
    model = MLP([2, 3, 1], normalization="batch", dtype="float32")
    assert model.w.dtype == model.buffers.dtype == model.forward(np.ones((2, 2), np.float32))[0].dtype == np.float32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sequential([]), "a model needs at least one layer"),
        (lambda: Sequential([Dense(2), "relu"]), "a model is made of layers, not 'relu'"),
        (lambda: Sequential([Dense(2)], dtype="float16"), "dtype is 'float64' or 'float32', not 'float16'"),
        (lambda: Sequential([Dense(2)], 0), "n_in is a whole number of inputs, 1 or more, not 0"),
        (lambda: Sequential([Dense(2)], True), "n_in is a whole number"),
        (lambda: Sequential([Dense(2)], 2.0), "n_in is a whole number"),
        (lambda: Sequential([Dense(2)], 2, seed=-1), "seed is a whole number"),
        (lambda: MLP([2]), "an MLP needs at least an input and an output width, not"),
        (lambda: MLP([2, 3, 1], normalization="group"), "normalization is None, 'batch' or 'layer', not 'group'"),
        (lambda: MLP([2, 3, 4, 1], ["relu"]), "1 activations for 2 hidden layers"),
        (lambda: MLP([2, 0, 1]), "a whole number of units"),
    ],
)
def test_what_makes_no_model_is_refused(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()


# --- calculation ------------------------------------------------------------------------------------------------------


def test_a_two_layer_network_by_hand():
    model = MLP([2, 2, 1], "relu", init="ones", bias_init=Constant(-1.0))
    # hidden: relu([1 + 2 - 1] twice) = 2, 2; output: 2 + 2 - 1
    assert model.forward(np.array([[1.0, 2.0]]))[0].item() == 3.0
    y, caches, _ = model.forward(np.array([[1.0, 2.0]]))
    g = np.empty_like(model.w)
    dx = model.backward(np.ones_like(y), caches, g)
    np.testing.assert_array_equal(dx, [[2.0, 2.0]])
    grads = model.parameters(g)
    np.testing.assert_array_equal(grads["0.weight"], [[1.0, 1.0], [2.0, 2.0]])
    np.testing.assert_array_equal(grads["2.weight"], [[2.0], [2.0]])
    np.testing.assert_array_equal(grads["2.bias"], [1.0])


@pytest.mark.parametrize("X", [np.ones(2), np.ones((3, 3)), np.ones((1, 2, 2))], ids=lambda X: str(X.shape))
def test_the_wrong_number_of_columns_is_refused(X):
    with pytest.raises(ShapeError, match=r"the model expects an array of shape \(n, 2\), not"):
        MLP([2, 1]).forward(X)


def test_the_tape_differentiates_a_whole_model(rng):
    model, X = MLP([3, 4, 2], "tanh", normalization="layer"), rng.normal(size=(5, 3))
    with GradientTape() as tape:
        w = {name: tape.watch(value) for name, value in model.parameters().items()}
        y = model.forward(X, model.by_layer(w))[0]
    taped = tape.gradient(y, w)
    outputs, caches, _ = model.forward(X)
    g = np.empty_like(model.w)
    model.backward(np.ones_like(outputs), caches, g)
    for name, explicit in model.parameters(g).items():
        np.testing.assert_array_equal(explicit, taped[name], err_msg=name)


# --- multi-layer perceptrons ------------------------------------------------------------------------------------------


def test_an_mlp_is_a_sequence_of_layers():
    model = MLP([2, 3, 4, 1], ["relu", "tanh"], output_activation="sigmoid", dropout=0.2, normalization="batch")
    assert model.layers == (
        *(Dense(3, init="he_normal"), BatchNorm(), Activation("relu"), Dropout(0.2)),
        *(Dense(4), BatchNorm(), Activation("tanh"), Dropout(0.2)),
        *(Dense(1), Activation("sigmoid")),
    )
    assert isinstance(MLP([2, 3, 1], normalization="layer").layers[1], LayerNorm)


@pytest.mark.parametrize(
    ("activation", "init"),
    [("relu", "he_normal"), (ops.leaky_relu, "he_normal"), ("selu", "lecun_normal"), ("tanh", "glorot_uniform")],
)
def test_the_initializer_suits_the_activation_that_follows(activation, init):
    assert default_init(activation) == init
    assert [layer.init for layer in MLP([2, 3, 1], activation).layers if isinstance(layer, Dense)] == [
        init,
        "glorot_uniform",
    ]


@pytest.mark.parametrize(
    "model",
    [
        MLP([2, 3, 1]),
        MLP([2, 1], seed=3, dtype="float32"),
        MLP([2, 3, 4, 1], ["relu", "tanh"], init=Uniform(0.0, 1.0), bias_init="ones", trainable=("weight",)),
        MLP([2, 3, 1], "elu", output_activation="softmax", use_bias=False, dropout=0.5, normalization="layer"),
        Sequential([Dense(3, init=Uniform()), Activation("leaky_relu", slope=0.3), BatchNorm()], 2, seed=9),
        Sequential([Dense(3)]),
    ],
    ids=repr,
)
def test_repr_and_description_read_back(model):
    again = eval(repr(model), NAMES)
    described = model_from_config(json.loads(json.dumps(model.config())))
    for other in (again, described):
        assert other.layers == model.layers and other.config() == model.config()
        if model.built:
            np.testing.assert_array_equal(other.w, model.w)


def test_a_summary_counts_parameters():
    text = MLP([2, 3, 1], "tanh", trainable=("weight",), dtype="float32").summary()
    assert "Dense(3, trainable=('weight',))        3           9" in text
    assert text.endswith("13 parameters, 9 of them trainable, float32")


class Unknown(Initializer):
    """An initialiser of a user's own."""

    def __call__(self, shape, rng):
        return np.zeros(shape)


def test_what_cannot_be_described_says_so(monkeypatch):
    for layer in (Activation(lambda x: x * x), Dense(1, init=Unknown())):
        with pytest.raises(ConfigurationError, match="cannot be saved"):
            Sequential([layer], 2).config()
    impostor = type("Dense", (Dense,), {})(2)
    with pytest.raises(ConfigurationError, match="another layer is registered under its name"):
        Sequential([impostor], 2).config()
    assert LAYERS["Dense"] is Dense


@pytest.mark.parametrize("activation", ["relu", differentiable(lambda x: x * x)], ids=["named", "own"])
def test_a_copy_is_independent(activation):
    model = MLP([2, 3, 1], activation)
    other = copy.deepcopy(model)
    other.w[...] = 0.0
    assert model.w.any() and other.layers == model.layers


def test_a_pickled_model_is_the_same():
    model = MLP([2, 3, 1], "leaky_relu", normalization="batch")
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.w, model.w)
    assert again.layers == model.layers
