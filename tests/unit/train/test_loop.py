"""The training loop: what it yields, what it honours, what it refuses."""

import random

import numpy as np
import pytest

from clearprop.data import Dataset, load_dataset
from clearprop.errors import ConfigurationError, DataError, DivergenceError, SaturationWarning, ShapeError
from clearprop.initializers import Uniform
from clearprop.layers import Dense
from clearprop.losses import MSE, BinaryCrossEntropy, CrossEntropy
from clearprop.model import MLP, Sequential
from clearprop.optim import SGD, Adam, NAdam
from clearprop.train import fit, predict, train
from trajectories import trajectory

RNG = np.random.default_rng(1)
X = RNG.normal(size=(30, 3))
Y = X @ np.array([1.0, -2.0, 0.5]) + 0.3
CLASSES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def mlp(outputs=1, **options):
    return MLP([3, 6, outputs], "tanh", **options)


def run(model, data=(X, Y), loss="mse", optimizer=None, **options):
    options = {"epochs": 3, "batch_size": 8} | options
    return list(train(model, data, loss, optimizer or Adam(0.01), **options))


# --- what is yielded --------------------------------------------------------------------------------------------------


def test_each_epoch_reports_its_numbers():
    model = mlp()
    first, *_, last = run(model, metrics=["r2"], optimizer=SGD(0.05))
    assert list(first.record) == ["epoch", "loss", "r2", "learning_rate", "seconds", "rows_per_second"]
    assert (first.number, last.number, last.epochs, last.model) == (1, 3, 3, model)
    assert first["learning_rate"] == 0.05 and first["seconds"] > 0 and first["rows_per_second"] > 0
    assert last["loss"] < first["loss"] and all(type(v) in (int, float) for v in last.record.values())


def test_the_loss_is_the_mean_over_batches_before_their_updates():
    model = mlp()
    frozen = run(model, optimizer=SGD(0.0), epochs=1)[0]["loss"]
    assert frozen == pytest.approx(np.mean((model.forward(X)[0][:, 0] - Y) ** 2), rel=1e-13)


def test_a_step_at_a_time_is_the_same_training():
    by_epoch, by_step = mlp(), mlp()
    epochs, steps = run(by_epoch, optimizer=NAdam()), run(by_step, optimizer=NAdam(), record="step")
    assert by_epoch.w.tobytes() == by_step.w.tobytes()
    assert [(s["epoch"], s["step"]) for s in steps] == [(e, 4 * (e - 1) + k) for e in (1, 2, 3) for k in (1, 2, 3, 4)]
    rows = np.array([8, 8, 8, 6])
    for epoch in epochs:
        losses = [s["loss"] for s in steps if s["epoch"] == epoch.number]
        assert epoch["loss"] == pytest.approx(np.average(losses, weights=rows), rel=1e-12)


def test_what_an_optimizer_carries_goes_on_from_epoch_to_epoch():
    model, optimizer = Sequential([Dense(1, use_bias=False)], 3), NAdam(0.05)

    def gradient(w):
        return 2.0 * X.T @ (X @ w - Y) / len(X)

    expected = trajectory(optimizer, gradient, model.w, 6, decays=False)[-1]
    run(model, optimizer=optimizer, epochs=6, order="full")  # NAdam's product of momenta spans the six epochs
    np.testing.assert_allclose(model.w, expected, rtol=1e-12)


def test_a_batch_of_weight_zero_has_loss_zero():
    weights = np.r_[np.zeros(8), np.ones(22)]
    first, second, *_ = run(mlp(), (X, Y, weights), record="step", order="sequential", epochs=1)
    assert first["loss"] == 0.0 < second["loss"]


def test_no_epochs_yield_nothing_and_change_nothing():
    model = mlp()
    before = model.w.copy()
    assert run(model, epochs=0) == []
    np.testing.assert_array_equal(model.w, before)


def test_a_model_with_every_layer_frozen_keeps_its_weights():
    model = mlp(trainable=())
    before = model.w.copy()
    losses = [epoch["loss"] for epoch in run(model, order="full")]
    np.testing.assert_array_equal(model.w, before)
    assert losses[0] == losses[-1] == pytest.approx(np.mean((model.forward(X)[0][:, 0] - Y) ** 2), rel=1e-12)


def test_the_model_is_built_for_the_data():
    model = Sequential([Dense(1)])
    run(model)
    assert model.n_in == 3


def test_names_of_loss_and_optimizer_mean_their_defaults():
    named, made = mlp(2), mlp(2)
    run(named, (X, X[:, :2]), "mse", "adam")
    run(made, (X, X[:, :2]), MSE(), Adam())
    assert named.w.tobytes() == made.w.tobytes()


@pytest.mark.parametrize("loss", [BinaryCrossEntropy(), BinaryCrossEntropy(False)], ids=repr)
def test_two_classes_may_have_one_output(loss):
    model = mlp(output_activation=None if loss.from_logits else "sigmoid")
    last = run(model, (X, CLASSES > 0), loss, Adam(0.05), epochs=40, metrics=["accuracy"])[-1]
    assert last["accuracy"] > 0.9


def test_float32_models_train_in_float32():
    model = mlp(dtype="float32")
    run(model)
    assert model.w.dtype == np.float32


# --- who is in control ------------------------------------------------------------------------------------------------


def test_breaking_off_leaves_the_last_weights():
    model, reference = mlp(), mlp()
    for epoch in train(model, (X, Y), "mse", SGD(0.05), epochs=10):
        if epoch.number == 4:
            break
    run(reference, optimizer=SGD(0.05), epochs=4, batch_size=32)
    assert model.w.tobytes() == reference.w.tobytes()


@pytest.mark.parametrize("record", ["epoch", "step"])
def test_weights_changed_in_the_loop_are_honoured(record):
    model = mlp()
    model.w[...] = expected = 1.0
    for _ in train(model, (X, Y), "mse", SGD(0.0), epochs=3, record=record):
        np.testing.assert_array_equal(model.w, expected)
        expected += 1.0
        model.w[...] = expected
    np.testing.assert_array_equal(model.w, expected)


def test_running_statistics_changed_in_the_loop_are_honoured():
    model, seen = mlp(normalization="batch"), []
    for _ in train(model, (X, Y), "mse", SGD(0.0), epochs=2, order="full"):
        seen.append(model.buffers.copy())
        model.buffers += 100.0
    # momentum 0.9: of what was there, nine tenths stay, so 90 of the 100 added are left after the second epoch
    untouched = mlp(normalization="batch")
    run(untouched, optimizer=SGD(0.0), epochs=2, order="full")
    np.testing.assert_allclose(seen[1], untouched.buffers + 90.0, rtol=1e-12)


def test_the_same_seed_trains_the_same_and_another_differently():
    models = [mlp(dropout=0.3) for _ in range(3)]
    for model, seed in zip(models, (4, 4, 5), strict=True):
        run(model, seed=seed)
    assert models[0].w.tobytes() == models[1].w.tobytes() != models[2].w.tobytes()


def test_global_random_numbers_are_neither_used_nor_moved():
    run(mlp(), validation=0.3)  # importing scikit-learn for the split does draw a number, once
    states = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002 - this is the generator that must not matter
        random.seed(seed)
        model = mlp(dropout=0.3)
        before = np.random.get_state()[1].tobytes(), random.getstate()  # noqa: NPY002
        run(model, order="bootstrap", validation=0.3)
        assert before == (np.random.get_state()[1].tobytes(), random.getstate())  # noqa: NPY002
        states.append(model.w.tobytes())
    assert states[0] == states[1]


def test_a_generator_dropped_half_way_leaves_the_weights_of_its_last_yield():
    model = mlp()
    epochs = train(model, (X, Y), "mse", epochs=5)
    next(epochs)
    kept = model.w.copy()
    epochs.close()
    np.testing.assert_array_equal(model.w, kept)


# --- validation -------------------------------------------------------------------------------------------------------


def test_validation_reports_but_does_not_train():
    alone, watched = mlp(), mlp()
    run(alone)
    epochs = run(watched, validation=(X[:7], Y[:7]), metrics=["mae"])
    assert alone.w.tobytes() == watched.w.tobytes()
    expected = np.mean((watched.forward(X[:7])[0][:, 0] - Y[:7]) ** 2)
    assert epochs[-1]["validation_loss"] == pytest.approx(expected, rel=1e-12)
    assert "validation_mae" in epochs[-1].record


def test_a_fraction_is_held_out():
    held_out = [Dataset(X, Y).split(0.2, seed=seed) for seed in (0, 1)]
    for seed, (rest, part) in enumerate(held_out):
        model, direct = mlp(), mlp()
        last = run(model, validation=0.2, seed=seed)[-1]
        assert run(direct, rest, validation=part, seed=seed)[-1]["validation_loss"] == last["validation_loss"]
        assert model.w.tobytes() == direct.w.tobytes()


def test_a_validation_set_may_lack_classes():
    names = np.array(["ant", "bee", "cat"])
    few = np.flatnonzero(CLASSES != 1)[:6]
    epoch = run(mlp(3), (X, names[CLASSES]), CrossEntropy(), validation=(X[few], names[CLASSES[few]]), epochs=1)[0]
    model = mlp(3)
    data = Dataset(X[few], CLASSES[few], target_names=tuple(names))
    run(model, (X, names[CLASSES]), CrossEntropy(), epochs=1)
    assert epoch["validation_loss"] == pytest.approx(CrossEntropy()(data.y, model.forward(data.X)[0]), rel=1e-12)


@pytest.mark.parametrize(
    ("data", "validation", "error", "message"),
    [
        ((X, Y), (X[:, :2], Y), ShapeError, "the validation data has 2 columns, the training data 3"),
        ((X, CLASSES), (X, CLASSES + 1), DataError, "the validation data has the class '3', which the training data"),
        ((X, CLASSES), (X, Y), DataError, "the validation data has a regression target"),
        ((X, Y), (X, CLASSES), DataError, "the validation data has the class '0'"),
        ((X, Y), 1.5, ConfigurationError, "fraction=1.5 must lie between 0 and 1"),
        ((X, Y), 1, ConfigurationError, "fraction=1 must lie"),
        ((X, Y), True, DataError, "cannot train on bool"),
        ((X, Y), "test.csv", DataError, "cannot train on 'test.csv'; read a file with read_table"),
    ],
)
def test_validation_data_that_does_not_fit_is_refused(data, validation, error, message):
    with pytest.raises(error, match=message):
        train(mlp(3), data, "mse", epochs=1, validation=validation)


# --- what is refused, before the first epoch --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"record": "batch"}, ConfigurationError, "record is 'epoch' or 'step', not 'batch'"),
        ({"epochs": -1}, ConfigurationError, "epochs is a whole number, 0 or more, not -1"),
        ({"epochs": 2.5}, ConfigurationError, "epochs is a whole number"),
        ({"epochs": True}, ConfigurationError, "epochs is a whole number"),
        ({"batch_size": 0}, ConfigurationError, "batch_size is a whole number, 1 or more, not 0"),
        ({"batch_size": "auto"}, ConfigurationError, "batch_size is a whole number"),
        ({"steps_per_epoch": 0}, ConfigurationError, "steps_per_epoch is a whole number, 1 or more, not 0"),
        ({"metrics": ["acuracy"]}, KeyError, "no metric 'acuracy'; did you mean 'accuracy'"),
        ({"engine": "warp"}, KeyError, "no engine 'warp'"),
        ({"l2": -1.0}, ConfigurationError, "l2 must be 0 or more, not -1.0"),
        ({"clip_norm": 0.0}, ConfigurationError, "clip_norm must be above 0"),
        ({"seed": -1}, ConfigurationError, "seed is a whole number"),
        ({"loss": "msee"}, KeyError, "no loss 'msee'; did you mean 'mse'"),
        ({"optimizer": "adma"}, KeyError, "no optimiser 'adma'; did you mean 'adam'"),
        ({"data": (X[:, :2], Y)}, ShapeError, "data has 2 columns, but the model takes 3 inputs"),
        ({"data": (X, X)}, ShapeError, r"y_true has shape \(30, 3\), the predictions \(30, 1\)"),
        ({"data": X}, DataError, "cannot train on ndarray"),
    ],
)
def test_mistakes_are_reported_before_training(options, error, message):
    arguments = {"data": (X, Y), "loss": "mse", "epochs": 1} | options
    with pytest.raises(error, match=message):
        train(mlp(), **arguments)  # nothing is iterated: the call itself complains


def test_a_wrong_order_is_reported_when_its_epoch_comes():
    model = mlp()
    epochs = train(model, (X, Y), "mse", epochs=2, order=np.arange(30)[None])
    next(epochs)
    with pytest.raises(ConfigurationError, match="rows for 1 epochs, but epoch 2"):
        next(epochs)


# --- warnings and divergence ------------------------------------------------------------------------------------------


def test_a_saturated_start_is_warned_of():
    iris = load_dataset("iris")
    model = MLP([4, 25, 50, 25, 3], "sigmoid", init=Uniform(0.0, 1.0))
    with pytest.warns(SaturationWarning) as caught:
        train(model, iris, "crossentropy", epochs=1)
    found = [str(warning.message) for warning in caught]
    assert [text.split(" starts")[0] for text in found] == [f"layer {k} (Activation('sigmoid'))" for k in (1, 3, 5)]
    assert all(text.endswith("scale the inputs, or choose another init") for text in found)


def test_divergence_leaves_the_weights_of_the_last_finite_epoch():
    model = mlp()
    seen = []
    with pytest.raises(DivergenceError, match="training diverged in epoch"):
        for _ in train(model, (X, Y), "mse", SGD(50.0), epochs=1000, clip_value=1e300):
            seen.append(model.w.copy())
    assert np.isfinite(model.w).all()
    assert not seen or (model.w == seen[-1]).all()


# --- fit and predict --------------------------------------------------------------------------------------------------


def test_fit_is_the_loop_with_a_history():
    looped, fitted = mlp(), mlp()
    epochs = run(looped, metrics=["r2"])
    history = fit(fitted, (X, Y), "mse", Adam(0.01), epochs=3, batch_size=8, metrics=["r2"])
    assert looped.w.tobytes() == fitted.w.tobytes()
    assert [row["loss"] for row in history] == [e["loss"] for e in epochs] and history.stopped_by == "nothing"


def test_predictions_after_the_link():
    model = mlp(3)
    outputs = model.forward(X)[0]
    np.testing.assert_allclose(predict(model, X), outputs, rtol=0.0, atol=1e-14)  # engines may round differently
    shares = predict(model, X, link="softmax")
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    np.testing.assert_array_equal(shares.argmax(axis=1), outputs.argmax(axis=1))


@pytest.mark.parametrize(
    "values", [X.tolist(), (X * 10).astype(int), X > 0, X.astype(np.float32)], ids=lambda v: str(type(v))
)
def test_predictions_from_whatever_holds_numbers(values):
    np.testing.assert_allclose(predict(mlp(), values), mlp().forward(np.asarray(values, float))[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (X[0], r"predict takes an array of shape \(n, 3\), not \(3,\)"),
        (X[:, :2], r"shape \(n, 3\), not \(30, 2\)"),
        (np.where(X > 1, np.nan, X), "X contains NaN at row"),
    ],
)
def test_what_cannot_be_predicted_is_explained(values, message):
    with pytest.raises(ValueError, match=message):
        predict(mlp(), values)
