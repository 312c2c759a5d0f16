"""Dropout as a layer."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from clearprop._types import Array, Value
from clearprop.errors import ConfigurationError
from clearprop.layers.base import LAYERS, NOTHING, PREDICTION, Context, Layer, Parameters
from clearprop.ops import dropout, dropout_mask


class Dropout(Layer):
    """y = x m / (1 - rate) in training, m being 0 with probability `rate`, else 1; y = x in prediction.

    The mask is a function of seed, epoch, row and unit alone (see `clearprop.randomness`).
    """

    def __init__(self, rate: float) -> None:
        if not 0.0 <= rate < 1.0:
            raise ConfigurationError(f"Dropout needs a rate of at least 0 and below 1, not {rate!r}")
        self.rate = rate

    def forward(
        self, x: Value, parameters: Parameters = NOTHING, run: Context = PREDICTION
    ) -> tuple[Value, Any, Parameters]:
        if not run.training or self.rate == 0.0:
            return x, None, run.buffers
        if run.key is None:
            raise ConfigurationError("Dropout in training needs a key: where in the run its random numbers belong")
        mask = dropout_mask(run.key, x.shape[0], x.shape[1], self.rate).astype(np.zeros(0, x.dtype).real.dtype)
        return dropout(x, mask), (x, mask), run.buffers

    def backward(self, dy: Value, cache: Any, grads: Mapping[str, Array]) -> Value:
        return dy if cache is None else dropout.vjp(dy, None, *cache)[0]


LAYERS.register("Dropout", Dropout)
