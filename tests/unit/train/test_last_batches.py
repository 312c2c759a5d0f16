"""A last batch too small for a layer joins the one before it, wherever batches are cut."""

import itertools

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score

from clearprop.data import Dataset
from clearprop.errors import ConfigurationError, DataError
from clearprop.estimators import MLPClassifier, MLPRegressor
from clearprop.layers import Activation, BatchNorm, Dense
from clearprop.model import MLP, Sequential
from clearprop.optim import LBFGS, SGD, Adam, Cosine
from clearprop.runs.options import RunOptions, make_model, make_optimizer
from clearprop.train import Checkpoint, epoch_batches, fit, load_checkpoint, train
from processors import HOST
from witnesses import same_bits

needs_native = pytest.mark.skipif(HOST is None, reason="the native engine does not run here")
ENGINES = ["native", "reference"]
every_engine = pytest.mark.parametrize("engine", [pytest.param("native", marks=needs_native), "reference"])


def table(rows, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 3))
    return Dataset(X, np.sin(X[:, :1]) + 0.1 * rng.normal(size=(rows, 1)))


def network(**options):
    return MLP([3, 7, 1], "tanh", normalization="batch", seed=1, **options)


def sizes(order, n=65, batch_size=32, **options):
    made = epoch_batches(order, 1, n, batch_size=batch_size, **{"least_rows": 2, **options})
    return np.diff(made.offsets).tolist()


# --- how batches are cut ----------------------------------------------------------------------------------------------


ORDERS = {
    "shuffled": "shuffled",
    "sequential": "sequential",
    "bootstrap": "bootstrap",
    "array": np.arange(65),
    "an array for each epoch": np.arange(130).reshape(2, 65) % 65,
    "list": list(range(65)),
    "callable": lambda epoch: np.arange(65),
}


@pytest.mark.parametrize("order", ORDERS)
def test_one_row_that_is_left_joins_the_batch_before(order):
    assert sizes(ORDERS[order]) == [32, 33]
    assert sizes(ORDERS[order], least_rows=1) == [32, 32, 1]
    assert sizes(ORDERS[order], batch_size=64) == [65]
    assert sizes(ORDERS[order], batch_size=65) == [65] and sizes(ORDERS[order], batch_size=21) == [21, 21, 21, 2]


@pytest.mark.parametrize("least", [1, 2, 3, 5])
def test_each_row_comes_once_and_no_batch_is_too_small(least):
    for n, batch_size in itertools.product(range(least, 40), range(least, 20)):
        made = epoch_batches("shuffled", 1, n, batch_size=batch_size, least_rows=least)
        found = np.diff(made.offsets)
        assert sorted(made.indices) == list(range(n)) and found.min() >= least, (n, batch_size)
        assert (found[:-1] == batch_size).all() and found[-1] < batch_size + least, (n, batch_size)


def test_with_a_number_of_steps_all_batches_are_full():
    assert sizes("shuffled", steps_per_epoch=3) == [32, 32, 32]


def test_batches_that_are_given_are_not_changed():
    given = [np.arange(64), np.arange(2)]
    assert sizes(given) == [64, 2] and sizes(lambda epoch: given) == [64, 2]
    for order in ([np.arange(64), np.array([64])], lambda epoch: [[1, 2], [0]]):
        with pytest.raises(ConfigurationError, match="batch 1 of the order in epoch 1 has 1 row, but"):
            sizes(order)


# --- training ---------------------------------------------------------------------------------------------------------


@every_engine
@pytest.mark.parametrize("order", ORDERS)
def test_65_rows_train_in_batches_of_32(order, engine):
    history = fit(network(), table(65), "mse", Adam(0.01), epochs=2, order=ORDERS[order], engine=engine)
    assert len(history) == 2 and np.isfinite(history[-1]["loss"])


@every_engine
def test_it_is_the_training_on_these_batches(engine):
    """To the bit: the batches joined by hand."""
    models = []
    for order in ("sequential", [np.arange(32), np.arange(32, 65)]):
        models.append(network())
        fit(models[-1], table(65), "mse", Adam(0.01), epochs=3, order=order, engine=engine)
    assert same_bits(models[0].w, models[1].w) and same_bits(models[0].buffers, models[1].buffers)


@needs_native
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("rows", "batch_size"), [(65, 32), (3, 2), (5, 2), (201, 200), (257, 256), (33, 4)])
def test_native_equals_reference_on_joined_batches(rows, batch_size, dtype):
    models = []  # by SGD: Adam makes whole steps of what rounding leaves of a bias's gradient before a norm
    for engine in ENGINES:
        models.append(network(dtype=dtype))
        fit(models[-1], table(rows), "mse", SGD(0.05), epochs=3, batch_size=batch_size, engine=engine)
    tolerance = {"float64": 1e-10, "float32": 1e-3}[dtype]
    np.testing.assert_allclose(models[0].w, models[1].w, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(models[0].buffers, models[1].buffers, rtol=tolerance, atol=tolerance)


@needs_native
def test_native_threads_agree_on_joined_batches(threads):
    found = []
    for number in (1, 2, 3):
        threads(number)
        model = network()
        fit(model, table(1025), "mse", Adam(0.01), epochs=2, batch_size=256, engine="native")
        found.append(model.w.tobytes())
    assert len(set(found)) == 1


@every_engine
def test_epochs_trained_at_once_are_those_one_by_one(engine):
    models = [network(), network()]
    fit(models[0], table(65), "mse", Adam(0.01), epochs=6, engine=engine)  # at once: nobody looks
    for _ in train(models[1], table(65), "mse", Adam(0.01), epochs=6, engine=engine):
        pass
    assert same_bits(models[0].w, models[1].w)


@every_engine
def test_a_run_resumes_to_the_same_bits(engine, tmp_path):
    whole, parts = network(), network()
    fit(whole, table(65), "mse", Adam(0.01), epochs=5, engine=engine)
    keep = Checkpoint(tmp_path / "c")
    fit(parts, table(65), "mse", Adam(0.01), epochs=2, engine=engine, callbacks=[keep])
    saved = load_checkpoint(tmp_path / "c")
    fit(parts, table(65), "mse", Adam(0.01), epochs=5, engine=engine, callbacks=[keep], resume=saved)
    assert same_bits(whole.w, parts.w)


def test_a_layer_says_how_many_rows_it_needs():
    class Demanding(Activation):
        least_rows = 20

    model = Sequential([Dense(5), Demanding("tanh"), BatchNorm(), Dense(1)], 3)
    assert model.least_rows == 20 and MLP([2, 2]).least_rows == 1 and network().least_rows == 2
    seen = train(model, table(75), "mse", epochs=1, batch_size=30, record="step", engine="reference")
    assert len(list(seen)) == 2  # 30 and 45
    with pytest.raises(DataError, match=r"data has 19 rows to train on, and Activation\('tanh'\) needs 20 at once"):
        train(model, table(19), "mse", epochs=1)


@every_engine
def test_too_few_rows_are_refused_before_training(engine):
    model = network()
    start = model.w.copy()
    with pytest.raises(ConfigurationError, match="batch_size is 1, but the network trains on batches of 2 rows"):
        train(model, table(9), "mse", epochs=1, batch_size=1, engine=engine)
    for optimizer in (Adam(), LBFGS()):
        with pytest.raises(DataError, match=r"data has 1 row to train on, and BatchNorm\(\) needs 2 at once"):
            train(model, table(1), "mse", optimizer, epochs=1, engine=engine)
    assert same_bits(model.w, start)
    fit(model, table(9), "mse", epochs=1, batch_size=1, order="full", engine=engine)
    fit(model, table(4), "mse", epochs=1, batch_size=1, order=[[0, 1], [2, 3]], engine=engine)


def test_without_such_a_layer_batches_are_as_before():
    assert len(list(train(MLP([3, 1]), table(65), "mse", epochs=1, record="step"))) == 3


# --- estimators, options ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_all_folds_of_201_rows_are_scored(estimator):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(201, 3))
    y = X[:, 0] > 0 if estimator is MLPClassifier else X[:, 0]
    learner = estimator(hidden_layer_sizes=8, normalization="batch", batch_size=32, max_iter=9, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        scores = cross_val_score(learner, X, y, cv=5, error_score="raise")
    assert np.isfinite(scores).all()


def test_partial_fit_takes_any_number_of_rows_but_one():
    rng = np.random.default_rng(0)
    learner = MLPRegressor(hidden_layer_sizes=4, normalization="batch", batch_size=2, random_state=0)
    for rows in (5, 9, 2):
        learner.partial_fit(rng.normal(size=(rows, 3)), rng.normal(size=rows))
    with pytest.raises(DataError, match="1 row to train on, and BatchNorm"):
        learner.partial_fit(rng.normal(size=(1, 3)), rng.normal(size=1))


def test_a_schedule_counts_the_steps_that_are_taken():
    options = RunOptions(normalization="batch", optimizer="sgd", schedule="cosine", epochs=4)
    model = make_model(options, 3, 1)
    optimizer = make_optimizer(options, 65, 3, model.least_rows)
    assert repr(optimizer.learning_rate) == repr(Cosine(0.01, 8))
    assert len(list(train(model, table(65), "mse", optimizer, epochs=4, record="step"))) == 8
    options = RunOptions(optimizer="sgd", schedule="cosine", epochs=4)
    assert repr(make_optimizer(options, 65, 3).learning_rate) == repr(Cosine(0.01, 12))
