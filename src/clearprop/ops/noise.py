"""Dropout, and the counter-based random numbers that make it repeatable.

A counter-based generator computes the k-th random number from k alone, so a mask does not depend on who computes it,
in which order, or on how many threads.  NumPy's generators draw streams; a mask wants a number per (row, unit), hence
the vectorised Philox here.  Shuffles and initial weights are streams and use NumPy's own Philox.
"""

from typing import NamedTuple

import numpy as np

from clearprop._types import Array, Value
from clearprop.ops.op import elementwise


@elementwise(2)
def dropout(x: Value, mask: Value) -> Value:
    """x m, the mask m holding 0 for dropped units and 1/(1 - rate) for kept ones (Srivastava et al. 2014,
    JMLR 15:1929); the mask itself has no derivative"""
    return x * mask


@dropout.defvjp
def _(dy: Value, y: Value, x: Value, mask: Value) -> Value:
    return dy * mask, None


class Key(NamedTuple):
    """Where in a training run a random number is needed: its address is its seed."""

    seed: int
    epoch: int
    row: int  # position of the batch's first row within the epoch
    layer: int = 0


WORD = np.uint64(0xFFFFFFFF)


def philox(counter: tuple[Array | int, Array | int, Array | int, Array | int], key: tuple[int, int]) -> list[Array]:
    """Philox 4x32-10: four random 32-bit words for each counter (Salmon et al. 2011, "Parallel random numbers: as
    easy as 1, 2, 3").

    Parameters
    ----------
    counter : four integers or arrays of integers below 2³², broadcast against each other
    key : two integers below 2³²

    Returns
    -------
    list of four arrays of uint64, each word below 2³²

    >>> [hex(int(word)) for word in philox((0, 0, 0, 0), (0, 0))]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    c = [np.asarray(word, dtype=np.uint64) for word in counter]
    k0, k1 = key
    for _ in range(10):
        left, right = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [
            (right >> np.uint64(32)) ^ c[1] ^ np.uint64(k0),
            right & WORD,
            (left >> np.uint64(32)) ^ c[3] ^ np.uint64(k1),
            left & WORD,
        ]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


def dropout_mask(key: Key, rows: int, units: int, rate: float) -> Array:
    """The mask of shape (rows, units): 0 with probability `rate`, else 1/(1 - rate).

    The element in row r and unit u depends on (seed, epoch, layer, key.row + r, u) alone, so a batch may be split.
    """
    row = np.arange(key.row, key.row + rows, dtype=np.uint64)[:, None]
    block = np.arange(-(-units // 4), dtype=np.uint64)[None, :]
    seed = (key.seed & 0xFFFFFFFF, (key.seed >> 32) & 0xFFFFFFFF)
    words = philox((block, row, key.epoch, key.layer), seed)
    drawn = np.stack(words, axis=-1).reshape(rows, -1)[:, :units]
    return np.where(drawn >= np.uint64(rate * 2.0**32), 1.0 / (1.0 - rate), 0.0)
