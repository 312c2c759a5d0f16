"""Algebra that every network obeys, on networks and data drawn at random."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clearprop.data import Dataset
from clearprop.engine import ENGINES, GradientOptions
from clearprop.layers import Dense
from clearprop.losses import MSE
from clearprop.model import MLP, Sequential
from clearprop.ops import log_softmax, softmax
from clearprop.optim import SGD
from strategies import arrays_ni, datasets, mlps, sequentials, shapes_ni


def loss_and_grad(model, data):
    program = ENGINES["reference"]().compile(model, MSE(), SGD(), GradientOptions())
    return program.loss_and_grad(data.X, data.y, data.sample_weight)


def model_for(data):
    return MLP([data.n_features, 5, data.n_outputs], "tanh", seed=1)


def assert_close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@given(mlps(n_in=3), arrays_ni(st.tuples(st.integers(1, 8), st.just(3))), st.randoms(use_true_random=False))
def test_permuting_a_batch_permutes_the_outputs(model, X, random):
    order = list(range(len(X)))
    random.shuffle(order)
    assert_close(model.forward(X[order])[0], model.forward(X)[0][order])


@given(mlps(n_in=4), arrays_ni(st.tuples(st.integers(1, 6), st.just(4))), st.permutations(range(4)))
def test_permuting_features_together_with_the_first_weights_changes_nothing(model, X, order):
    y = model.forward(X)[0]
    first = model.parameters()["0.weight"]
    first[...] = first[order]
    assert_close(model.forward(X[:, order])[0], y)


@given(datasets())
def test_the_gradient_of_a_batch_is_the_weighted_mean_of_its_rows(data):
    model = model_for(data)
    weights = np.ones(len(data)) if data.sample_weight is None else data.sample_weight
    value, g = loss_and_grad(model, data)
    rows = [loss_and_grad(model, Dataset(data.X[[k]], data.y[[k]])) for k in range(len(data))]
    assert_close(value, np.average([row[0] for row in rows], weights=weights))
    assert_close(g, np.average([row[1] for row in rows], axis=0, weights=weights))


@given(datasets())
def test_data_twice_is_data_of_weight_two(data):
    model = model_for(data)
    twice = data.take(np.repeat(np.arange(len(data)), 2))
    weights = 2.0 * (np.ones(len(data)) if data.sample_weight is None else data.sample_weight)
    weighted = Dataset(data.X, data.y, weights)
    for a, b in zip(loss_and_grad(model, twice), loss_and_grad(model, weighted), strict=True):
        assert_close(a, b)


@given(sequentials())
def test_views_cover_the_flat_vector_exactly_once(model):
    counts = np.zeros(model.n_parameters)
    for view in model.parameters(counts).values():
        assert np.shares_memory(view, counts) or view.size == 0
        view += 1.0
    np.testing.assert_array_equal(counts, 1.0)
    counts = np.zeros(len(model.buffers))
    for layer in model.buffer_views(counts):
        for view in layer.values():
            view += 1.0
    np.testing.assert_array_equal(counts, 1.0)


@given(sequentials())
def test_segments_cover_the_flat_vector_and_know_how_each_parameter_is_treated(model):
    covered = [k for segment in model.segments for k in range(segment.start, segment.stop)]
    assert covered == list(range(model.n_parameters))
    trainable = np.concatenate([np.full(len(s), s.trainable) for s in model.segments] or [np.empty(0, bool)])
    for i, views in enumerate(model.parameter_views(trainable)):
        for name, view in views.items():
            assert (view == (name in model.layers[i].trainable)).all()


@given(sequentials())
def test_a_copy_from_the_description_has_the_same_weights(model):
    again = Sequential(model.layers, model.n_in, seed=model.seed)
    assert again.w.tobytes() == model.w.tobytes()
    assert again.segments == model.segments


@given(arrays_ni(shapes_ni(), limit=500.0), st.floats(-100, 100))
def test_softmax_ignores_a_constant_added_to_a_row(x, constant):
    np.testing.assert_allclose(softmax(x + constant), softmax(x), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(softmax(x).sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(np.exp(log_softmax(x)), softmax(x), rtol=1e-9, atol=1e-300)


@given(arrays_ni(st.just((4, 3))), st.floats(-3, 3), st.floats(-3, 3))
def test_a_network_without_activations_is_affine(X, a, b):
    model = Sequential([Dense(4), Dense(2)], 3)
    other = X[::-1]
    combined = model.forward(a * X + b * other + (1 - a - b) * np.ones_like(X))[0]
    parts = [model.forward(Z)[0] for Z in (X, other, np.ones_like(X))]
    assert_close(combined, a * parts[0] + b * parts[1] + (1 - a - b) * parts[2])
