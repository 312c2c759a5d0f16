"""Layer and batch normalisation as layers."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from clearprop._types import Array, Value
from clearprop.errors import ConfigurationError, ShapeError
from clearprop.layers.base import LAYERS, NOTHING, PREDICTION, Context, OpLayer, Parameters, trainable_names
from clearprop.ops import Op, batch_norm, layer_norm
from clearprop.ops.normalization import running_average


class _Normalization(OpLayer):
    """γ (initially 1) and β (initially 0), one of each per feature."""

    initial: ClassVar = {"gamma": 1.0, "beta": 0.0}
    formula: ClassVar[Op]
    epsilon: float

    def _set(self, epsilon: float, trainable: Sequence[str], learning_rate_factor: float) -> None:
        if not epsilon > 0:
            raise ConfigurationError(f"{type(self).__name__} needs epsilon > 0, not {epsilon!r}")
        self.epsilon = epsilon
        self.trainable = trainable_names(trainable, ("gamma", "beta"), type(self).__name__)
        self.learning_rate_factor = learning_rate_factor

    def operation(self) -> Op:
        return self.formula.bind(epsilon=self.epsilon)


class LayerNorm(_Normalization):
    """y = γ (x - mean) / √(var + ε) + β, mean and variance of each row."""

    formula = layer_norm

    def __init__(
        self,
        epsilon: float = 1e-5,
        trainable: Sequence[str] = ("gamma", "beta"),
        learning_rate_factor: float = 1.0,
    ) -> None:
        self._set(epsilon, trainable, learning_rate_factor)


class BatchNorm(_Normalization):
    """y = γ (x - mean) / √(var + ε) + β, mean and variance of each column: of the batch in training, running
    averages of the batches' in prediction.

    A single row equals its own mean, so batches have 2 rows or more; a last row alone joins the batch before it.

    Parameters
    ----------
    momentum : float
        Running average = momentum · running average + (1 - momentum) · batch's value.
    epsilon : float
    trainable : sequence of str
    learning_rate_factor : float
    """

    formula = batch_norm
    least_rows = 2

    def __init__(
        self,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        trainable: Sequence[str] = ("gamma", "beta"),
        learning_rate_factor: float = 1.0,
    ) -> None:
        if not 0.0 <= momentum < 1.0:
            raise ConfigurationError(f"BatchNorm needs a momentum of at least 0 and below 1, not {momentum!r}")
        self.momentum = momentum
        self._set(epsilon, trainable, learning_rate_factor)

    def initial_buffers(self, n_in: int) -> dict[str, Array]:
        return {"mean": np.zeros(n_in), "variance": np.ones(n_in)}

    def forward(
        self, x: Value, parameters: Parameters = NOTHING, run: Context = PREDICTION
    ) -> tuple[Value, Any, Parameters]:
        gamma, beta = parameters["gamma"], parameters["beta"]
        if run.training:
            if len(x) < self.least_rows:
                raise ShapeError("BatchNorm trains on batches of 2 rows or more; raise batch_size, or use LayerNorm")
            y = batch_norm(x, gamma, beta, epsilon=self.epsilon)
            values: Any = getattr(x, "value", x)  # a tensor's numbers: no gradient goes through running averages
            found = {"mean": values.mean(axis=0), "variance": values.var(axis=0)}
            averages = {name: running_average(run.buffers[name], new, self.momentum) for name, new in found.items()}
            return y, (True, x, gamma, beta), averages
        r = 1.0 / np.sqrt(run.buffers["variance"] + self.epsilon)
        x_hat = (x - run.buffers["mean"]) * r
        return gamma * x_hat + beta, (False, x_hat, gamma, r), run.buffers

    def backward(self, dy: Value, cache: Any, grads: Mapping[str, Array]) -> Value:
        training, *inputs = cache
        if training:
            op = batch_norm.bind(epsilon=self.epsilon)
            dx, grads["gamma"][...], grads["beta"][...] = op.vjp(dy, None, *inputs)
            return dx
        x_hat, gamma, r = inputs
        grads["gamma"][...], grads["beta"][...] = np.sum(dy * x_hat, axis=0), np.sum(dy, axis=0)
        return dy * gamma * r


LAYERS.register("LayerNorm", LayerNorm)
LAYERS.register("BatchNorm", BatchNorm)
