"""What went wrong in a beginner's training is named, with a remedy that works."""

import subprocess
import sys

import numpy as np
import pytest

import clearprop
from clearprop.data import Dataset
from clearprop.errors import (
    ClearpropWarning,
    ConfigurationError,
    DivergenceError,
    SaturationWarning,
    UnknownOptionError,
)
from clearprop.estimators import MLPClassifier
from clearprop.initializers import Constant, Uniform
from clearprop.layers import Activation
from clearprop.losses import BinaryCrossEntropy, CrossEntropy
from clearprop.model import MLP, Sequential
from clearprop.optim import LBFGS, SGD, Adam
from clearprop.train import Progress, fit, predict, train
from clearprop.train.causes import saturated_layers

every_engine = pytest.mark.parametrize("engine", ["auto", "reference"])
RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
LABELS, QUANTITIES = (X[:, 0] > 0).astype(int), np.sin(X[:, 0])
LARGE = X * [1.0, 1e5, 1.0]
NAMED = r"the feature 'income' reaches 3\.9e\+05: scale the features, for example X = \(X - X\.mean"


def large(y):
    return Dataset(LARGE, y, feature_names=("age", "income", "height"))


# --- a loss beyond sense ----------------------------------------------------------------------------------------------


@every_engine
@pytest.mark.parametrize("record", ["epoch", "step"])
@pytest.mark.parametrize(
    ("activation", "y", "loss"),
    [("relu", LABELS, "crossentropy"), ("tanh", QUANTITIES, "mse"), ("relu", QUANTITIES, "mse")],
)
def test_a_learning_rate_of_100_diverges_though_all_numbers_are_finite(activation, y, loss, record, engine):
    model = MLP([3, 8, 2 if loss == "crossentropy" else 1], activation)
    with pytest.raises(DivergenceError, match=r"training diverged .*lower the learning rate"):
        fit(model, (X, y), loss, SGD(100.0), epochs=20, record=record, engine=engine)
    assert np.isfinite(model.w).all()


def test_it_says_how_far_the_loss_has_grown():
    with pytest.raises(DivergenceError, match=r"in epoch 1: the loss has grown from 0\.44 at the start to .*e\+28"):
        fit(MLP([3, 8, 1], "tanh"), (X, QUANTITIES), "mse", SGD(100.0), epochs=20)


@every_engine
@pytest.mark.parametrize("record", ["epoch", "step"])
def test_the_weights_from_before_are_kept(record, engine):
    """Also if nobody looks between epochs, and several are trained at once."""
    options = {"epochs": 99, "batch_size": 200, "record": record, "engine": engine}
    looked, alone, seen = MLP([3, 8, 1], "identity"), MLP([3, 8, 1], "identity"), []
    with pytest.raises(DivergenceError, match=r"in epoch \d+: the loss has grown"):
        for _ in train(looked, (X, QUANTITIES), "mse", SGD(1.2), **options):
            seen.append(looked.w.copy())
    assert len(seen) > 1 and looked.w.tobytes() == seen[-1].tobytes()
    with pytest.raises(DivergenceError):
        fit(alone, (X, QUANTITIES), "mse", SGD(1.2), **options)
    assert alone.w.tobytes() == looked.w.tobytes()


def test_a_training_that_only_got_worse_is_warned_of():
    with pytest.warns(ClearpropWarning, match=r"after 20 epochs the loss is .* 0 has 0\.693; lower the learning"):
        fit(MLP([3, 8, 2]), (X, LABELS), "crossentropy", Adam(100.0), epochs=20)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_loss_is_measured_by_its_targets(scale):
    """Unscaled targets have losses of 1e12, or 1e-12; neither is called divergence, nor is a network's wild start."""
    for optimizer in (Adam(1e-3), LBFGS()):
        fit(MLP([3, 8, 1], "tanh", seed=1), (X, scale * QUANTITIES), "mse", optimizer, epochs=4)
    model = MLP([3, 8, 1])
    model.w *= 1e4
    fit(model, (X, QUANTITIES), "mse", Adam(1e-3), epochs=2)


def test_all_targets_0_are_no_divergence():
    fit(MLP([3, 8, 1]), (X, np.zeros(200)), "mse", epochs=6)


# --- features of 1e5 --------------------------------------------------------------------------------------------------


@every_engine
def test_divergence_names_the_column(engine):
    with pytest.raises(DivergenceError, match=NAMED):
        fit(MLP([3, 8, 1]), large(QUANTITIES), "mse", SGD(), epochs=20, engine=engine)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_saturation_names_the_column(activation):
    with pytest.warns(SaturationWarning, match=r"scale the inputs \(the feature 'income' reaches 3\.9e\+05\)"):
        list(train(MLP([3, 8, 2], activation), large(LABELS), "crossentropy", epochs=1))


@pytest.mark.parametrize("optimizer", [Adam(), LBFGS()], ids=repr)
def test_training_that_came_to_nothing_names_the_column(optimizer):
    with pytest.warns(ClearpropWarning, match=f"after 20 epochs the loss is .*{NAMED}"):
        fit(MLP([3, 8, 1]), large(QUANTITIES), "mse", optimizer, epochs=20)


def test_a_sparse_column_is_named_too():
    from scipy.sparse import csr_array

    data = Dataset(csr_array(LARGE), QUANTITIES, feature_names=("age", "income", "height"))
    with pytest.raises(DivergenceError, match=NAMED):
        fit(MLP([3, 8, 1]), data, "mse", SGD(), epochs=20)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_the_remedy_works(activation):
    scaled = (LARGE - LARGE.mean(axis=0)) / LARGE.std(axis=0)
    model = MLP([3, 8, 2], activation)
    fit(model, (scaled, LABELS), "crossentropy", Adam(0.01), epochs=60)
    assert np.mean(predict(model, scaled).argmax(axis=1) == LABELS) > 0.95


# --- a link twice -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outputs", "activation", "loss"), [(2, "softmax", CrossEntropy), (1, "sigmoid", BinaryCrossEntropy)]
)
def test_a_link_before_a_loss_that_has_it_is_warned_of(outputs, activation, loss):
    model = MLP([3, 8, outputs], output_activation=activation)
    message = rf"ends in Activation\('{activation}'\), and {loss.__name__} applies {activation} .*from_logits=False"
    with pytest.warns(ClearpropWarning, match=message):
        fit(model, (X, LABELS), loss(), epochs=1)
    fit(model, (X, LABELS), loss(from_logits=False), epochs=1)  # the remedies
    fit(MLP([3, 8, outputs]), (X, LABELS), loss(), epochs=1)
    fit(MLP([3, 8, outputs], output_activation=activation), (X, LABELS), "mse", epochs=1)


# --- habits from elsewhere --------------------------------------------------------------------------------------------


def cube(x):
    return x * x * x


@every_engine
@pytest.mark.parametrize("function", [cube, np.tanh, lambda x: np.maximum(x, 0.1 * x)])
def test_a_function_is_an_activation(function, engine):
    models = [MLP([3, 8, 2], function), MLP([3, 8, 2], [function]), MLP([3, 8, 2], output_activation=function)]
    for model in models:
        assert len(fit(model, (X, LABELS), "crossentropy", epochs=2, engine=engine)) == 2
    np.testing.assert_array_equal(MLP([3, 8, 2], np.tanh).forward(X)[0], MLP([3, 8, 2], "tanh").forward(X)[0])


@pytest.mark.parametrize("what", [None, 3, Activation, Activation("relu"), ["relu", None]], ids=repr)
def test_what_is_no_activation_is_said(what):
    with pytest.raises(ConfigurationError, match="activation is a name, an operation, a function of an array"):
        MLP([3, 8, 8, 2], what)


HABITS = {
    "validation_data": "pass validation=",
    "eval_set": "pass validation=",
    "validation_split": "pass validation=",
    "nb_epoch": "it is called epochs",
    "max_iter": "it is called epochs",
    "lr": r"optimizer=Adam\(learning_rate=0.001\)",
    "learning_rate": r"optimizer=Adam\(learning_rate",
    "verbose": r"callbacks=\[Progress\(\)\] to fit",
    "shuffle": "order='sequential'",
    "random_state": "it is called seed",
    "sample_weight": r"\(X, y, sample_weight\)",
    "early_stopping": "EarlyStopping",
    "momentum": r"SGD\(momentum=0.9\)",
    "batchsize": "it is called batch_size",
    "epoch": "it is called epochs",
    "recrod": "did you mean 'record'",
}


@pytest.mark.parametrize("name", HABITS)
@pytest.mark.parametrize("call", [fit, train])
def test_an_option_of_another_library_is_known(call, name):
    with pytest.raises(UnknownOptionError, match=f"fit and train have no option '{name}'; .*{HABITS[name]}") as error:
        call(MLP([3, 2]), (X, LABELS), "crossentropy", epochs=1, **{name: 1})
    assert isinstance(error.value, TypeError)


def test_the_remedies_run(capsys):
    adam = Adam(learning_rate=0.001)
    fit(MLP([3, 2]), (X, LABELS, np.ones(200)), "crossentropy", adam, epochs=1, validation=0.2, callbacks=[Progress()])


def test_train_takes_no_callbacks():
    with pytest.raises(UnknownOptionError, match="no option 'callbacks'; train is the loop itself"):
        train(MLP([3, 2]), (X, LABELS), "crossentropy", epochs=1, callbacks=[])


@pytest.mark.parametrize("name", ["validation_data", "eval_set"])
def test_an_estimator_names_its_validation_data(name):
    with pytest.raises(UnknownOptionError, match=f"fit has no option '{name}'; pass X_val=X, y_val=y"):
        MLPClassifier().fit(X, LABELS, **{name: (X, LABELS)})


def test_modules_are_there_without_an_import_of_their_own():
    code = """
import sys, clearprop
assert "clearprop.viz" not in sys.modules
print(callable(clearprop.viz.save), callable(clearprop.estimators.MLPRegressor), callable(clearprop.explain))
for name in ("vizz", "_nothing"):
    assert not hasattr(clearprop, name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["True"] * 3, done.stderr
    with pytest.raises(AttributeError, match="module 'clearprop' has no attribute 'vizz'"):
        clearprop.vizz  # noqa: B018


# --- saturation -------------------------------------------------------------------------------------------------------


def test_saturated_layers_are_found(rng):
    X = rng.uniform(4.0, 8.0, (50, 10))
    model = MLP([10, 20, 20, 1], ["sigmoid", "tanh"], init=Uniform(0.0, 1.0))
    first, second = saturated_layers(model, X)
    assert "layer 1 (Activation('sigmoid')) starts saturated" in first and "layer 3" in second
    assert "of the steepest, so almost no gradient passes" in first


@pytest.mark.parametrize(("slope", "found"), [(0.049, 1), (0.051, 0)])
def test_a_layer_counts_as_saturated_below_a_twentieth_of_its_steepest_slope(slope, found):
    X = np.full((3, 1), np.arctanh(np.sqrt(1.0 - slope)))  # where tanh has this slope; its steepest is 1
    assert len(saturated_layers(Sequential([Activation("tanh")], 1), X)) == found


def test_dead_relus_are_found():
    model = MLP([2, 8, 1], "relu", init="ones", bias_init=Constant(-100.0))
    assert len(saturated_layers(model, np.ones((5, 2)))) == 1


@pytest.mark.parametrize("activation", ["tanh", "relu", "exp", "softmax", "identity"])
def test_ordinary_layers_are_not(activation, rng):
    model = MLP([3, 20, 1], activation, dropout=0.2, normalization="layer")
    assert saturated_layers(model, rng.normal(size=(100, 3))) == []
