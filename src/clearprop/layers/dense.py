"""The dense (fully connected) layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clearprop._types import Array, Value
from clearprop.errors import ConfigurationError
from clearprop.initializers import Initializer, as_initializer
from clearprop.layers.base import LAYERS, NOTHING, PREDICTION, Context, Layer, Parameters, trainable_names
from clearprop.ops import affine, matmul


class Dense(Layer):
    """z = x W + b, with W of shape (n_in, units).

    Parameters
    ----------
    units : int
        Number of outputs.
    use_bias : bool
    init, bias_init : str or Initializer
    trainable : sequence of str
        Which of "weight" and "bias" training changes.
    learning_rate_factor : float

    >>> Dense(16, init="he_normal")
    Dense(16, init='he_normal')
    """

    decays = ("weight",)
    draws = False

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        init: str | Initializer = "glorot_uniform",
        bias_init: str | Initializer = "zeros",
        trainable: Sequence[str] = ("weight", "bias"),
        learning_rate_factor: float = 1.0,
    ) -> None:
        if isinstance(units, bool) or not isinstance(units, int | np.integer) or units < 1:
            raise ConfigurationError(f"Dense needs a whole number of units, 1 or more, not {units!r}")
        as_initializer(init), as_initializer(bias_init)  # an unknown name is reported here, not at build time
        self.units, self.use_bias = int(units), bool(use_bias)
        self.init, self.bias_init = init, bias_init
        self.trainable = trainable_names(trainable, ("weight", "bias"), "Dense")
        self.learning_rate_factor = learning_rate_factor

    def build(self, n_in: int) -> tuple[int, dict[str, tuple[int, ...]]]:
        shapes: dict[str, tuple[int, ...]] = {"weight": (n_in, self.units)}
        if self.use_bias:
            shapes["bias"] = (self.units,)
        return self.units, shapes

    def initial_parameters(self, n_in: int, rng: np.random.Generator) -> dict[str, Array]:
        initializers = {"weight": self.init, "bias": self.bias_init}
        shapes = self.build(n_in)[1]
        return {name: as_initializer(initializers[name])(shape, rng) for name, shape in shapes.items()}

    def forward(
        self, x: Value, parameters: Parameters = NOTHING, run: Context = PREDICTION
    ) -> tuple[Value, Any, Parameters]:
        W = parameters["weight"]
        if not self.use_bias:
            return matmul(x, W), (x, W), run.buffers
        b = parameters["bias"]
        return affine(x, W, b), (x, W, b), run.buffers

    def backward(self, dy: Value, cache: Any, grads: Mapping[str, Array]) -> Value:
        if not self.use_bias:
            dx, grads["weight"][...] = matmul.vjp(dy, None, *cache)
            return dx
        dx, grads["weight"][...], grads["bias"][...] = affine.vjp(dy, None, *cache)
        return dx


LAYERS.register("Dense", Dense)
