"""Hypothesis strategies, named by the axes of what they draw: n rows, i inputs, o outputs."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from clearprop.data import Dataset
from clearprop.layers import Activation, BatchNorm, Dense, Dropout, Layer, LayerNorm
from clearprop.model import MLP, Sequential

seeds = st.integers(0, 2**32 - 1)
lengths = st.integers(1, 6)
ACTIVATIONS = ("identity", "relu", "leaky_relu", "tanh", "sigmoid", "gelu", "softplus", "selu", "softmax")


def shapes_ni(rows: Any = lengths, columns: Any = lengths) -> st.SearchStrategy[tuple[int, int]]:
    """(n, i)"""
    return st.tuples(rows, columns)


def floats(limit: float = 10.0) -> st.SearchStrategy[float]:
    """Numbers of moderate size, none so small that products of two underflow."""
    return st.floats(-limit, limit).map(lambda x: x if abs(x) > 1e-100 else 0.0)


def arrays_ni(shape: Any = None, limit: float = 10.0) -> st.SearchStrategy[np.ndarray]:
    """Arrays of shape (n, i)."""
    return arrays(np.float64, shapes_ni() if shape is None else shape, elements=floats(limit))


@st.composite
def layers(draw: Any) -> Layer:
    """A layer of any kind, with any options."""
    dense = st.builds(
        Dense,
        lengths,
        use_bias=st.booleans(),
        init=st.sampled_from(["glorot_uniform", "normal"]),
        trainable=st.sampled_from([("weight", "bias"), ("weight",), ("bias",), ()]),
        learning_rate_factor=st.sampled_from([1.0, 0.5]),
    )
    activation = st.builds(Activation, st.sampled_from(ACTIVATIONS))
    norms = st.one_of(st.builds(LayerNorm, trainable=st.sampled_from([("gamma", "beta"), ()])), st.builds(BatchNorm))
    return draw(st.one_of(dense, activation, norms, st.builds(Dropout, st.sampled_from([0.0, 0.5]))))


def sequentials() -> st.SearchStrategy[Sequential]:
    """Models of one to six layers of any kind."""
    return st.builds(Sequential, st.lists(layers(), min_size=1, max_size=6), lengths, seed=seeds)


@st.composite
def mlps(draw: Any, n_in: int | None = None, n_out: int | None = None) -> MLP:
    """Multi-layer perceptrons with smooth activations, whose rows do not see each other."""
    first, last = n_in or draw(lengths), n_out or draw(lengths)
    hidden = draw(st.lists(lengths, max_size=3))
    return MLP(
        [first, *hidden, last],
        draw(st.sampled_from(["tanh", "sigmoid", "gelu", "softplus"])),
        use_bias=draw(st.booleans()),
        normalization=draw(st.sampled_from([None, "layer"])),
        seed=draw(seeds),
    )


@st.composite
def datasets(draw: Any) -> Dataset:
    """Regression data of i columns and o quantities, with or without weights."""
    n, i, o = draw(lengths), draw(lengths), draw(lengths)
    X, y = draw(arrays_ni((n, i), 3.0)), draw(arrays_ni((n, o), 3.0))
    weights = draw(st.none() | arrays(np.float64, n, elements=st.integers(1, 4).map(float)))
    return Dataset(X, y, weights)
