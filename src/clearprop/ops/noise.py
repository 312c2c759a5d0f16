"""Dropout, and the masks that make it repeatable."""

import numpy as np

from clearprop._types import Array, Value
from clearprop.ops.op import elementwise
from clearprop.randomness import Key, philox


@elementwise(2)
def dropout(x: Value, mask: Value) -> Value:
    """x m, the mask m holding 0 for dropped units and 1/(1 - rate) for kept ones (Srivastava et al. 2014,
    JMLR 15:1929); the mask itself has no derivative"""
    return x * mask


@dropout.defvjp
def _(dy: Value, y: Value, x: Value, mask: Value) -> Value:
    return dy * mask, None


def dropout_mask(key: Key, rows: int, units: int, rate: float) -> Array:
    """The mask of shape (rows, units): 0 with probability `rate`, else 1/(1 - rate).

    The element in row r and unit u depends on (seed, epoch, layer, key.row + r, u) alone, so a batch may be split.
    """
    row = np.arange(key.row, key.row + rows, dtype=np.uint64)[:, None]
    block = np.arange(-(-units // 4), dtype=np.uint64)[None, :]
    seed = (key.seed & 0xFFFFFFFF, (key.seed >> 32) & 0xFFFFFFFF)
    words = philox((block, row, key.epoch, key.layer), seed)
    drawn = np.stack(words, axis=-1).reshape(rows, 4 * block.size)[:, :units]
    return np.where(drawn >= np.uint64(rate * 2.0**32), 1.0 / (1.0 - rate), 0.0)
