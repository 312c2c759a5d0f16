"""Random numbers that are a function of where they are needed: seed, purpose, epoch, row, unit.

A counter-based generator computes the k-th random number from k alone, so a result does not depend on threads, workers
or resumption, and global generators are neither read nor touched.  Shuffles and initial weights are streams and use
NumPy's own Philox.  A dropout mask wants a number per (row, unit), whoever computes it and in which order; NumPy has no
such function, hence the vectorised Philox here.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.random.bit_generator import ISeedSequence

from clearprop._types import Array
from clearprop.errors import ConfigurationError

WEIGHTS, ORDERS, SPLITS = 1, 2, 3  # purposes: each has a stream of its own
_WORD = np.uint64(0xFFFFFFFF)


def generator(seed: int, purpose: int, counter: int = 0) -> np.random.Generator:
    """NumPy's Philox stream for one purpose of one seed, at one counter (the epoch)."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise ConfigurationError(f"seed is a whole number from 0 to 2**64 - 1, not {seed!r}")
    key: Any = _Words([seed, purpose])  # NumPy's own type hint forgets that any ISeedSequence will do
    return np.random.Generator(np.random.Philox(key, counter=np.array([0, 0, 0, counter], np.uint64)))


class _Words(ISeedSequence):
    """The words of a key as they stand.

    Given as `key`, NumPy would first ask the system for randomness that it does not use, which takes four times as
    long as all the rest.
    """

    def __init__(self, words: list[int]) -> None:
        self._words = words

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Array:
        return np.array(self._words, dtype)


class Key(NamedTuple):
    """Where in a training run a random number is needed: its address is its seed."""

    seed: int
    epoch: int
    row: int  # position of the batch's first row within the epoch
    layer: int = 0


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
            right & _WORD,
            (left >> np.uint64(32)) ^ c[3] ^ np.uint64(k1),
            left & _WORD,
        ]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c
