"""Predictions of a network, or of several."""

from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data.arrays import features, in_precision
from clearprop.engine import GradientOptions, choose_engine
from clearprop.ensemble import Model, networks
from clearprop.errors import ConfigurationError, ShapeError
from clearprop.losses import LOSSES
from clearprop.model import Sequential
from clearprop.ops import ACTIVATIONS
from clearprop.optim import OPTIMIZERS


def predict(model: Model, X: Any, *, link: str = "identity", engine: str = "auto") -> Array:
    """The model's predictions, of shape (n, n_out): its outputs after `link` (a loss's `link`: "softmax", ...).

    X is an array or a sparse matrix.  Of an `Ensemble` it is the mean of the members' predictions.

    Raises
    ------
    ShapeError, DataError
        X has not n_in columns, or a value that is not a finite number.
    ConfigurationError
        `model` is no network: a saved model and an estimator have a `predict` of their own.

    >>> from clearprop.model import MLP
    >>> predict(MLP([2, 3]), [[0.0, 0.0]], link="softmax")
    array([[0.33333333, 0.33333333, 0.33333333]])
    """
    if not isinstance(model, Model):
        own = "; it has a method of its own: model.predict(X)" if hasattr(model, "predict") else "; pass a network"
        raise ConfigurationError(f"predict takes a network, not {type(model).__name__}{own}")
    X = features(X, "X")
    if X.ndim != 2:
        raise ShapeError(f"predict takes an array of shape (n, {model.n_in}), not {X.shape}; one row is X[None, :]")
    X = in_precision(X, model.dtype, "X")
    found = [_answers(network, X, link, engine) for network in networks(model)]
    return found[0] if isinstance(model, Sequential) else np.mean(found, axis=0, dtype=np.float64).astype(model.dtype)


def _answers(network: Sequential, X: Any, link: str, engine: str) -> Array:
    """What one network predicts."""
    loss, optimizer = LOSSES["mse"](), OPTIMIZERS["sgd"]()  # neither matters for prediction
    program = choose_engine(engine, network, loss, optimizer)[0].compile(network, loss, optimizer, GradientOptions())
    return np.asarray(ACTIVATIONS[link].forward(program.predict(X)))
