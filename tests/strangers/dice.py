"""Choices that are the same for file number k on every machine, whatever was chosen before."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")

_KEY = 15  # of all files


class Dice:
    """The choices of one file.

    The random bits are Philox's, with the file's number in the highest word of the counter: no file's stream
    reaches another's. All choices are made of ``random()``, whose bits NumPy does not change.
    """

    def __init__(self, number: int) -> None:
        self._generator = np.random.Generator(np.random.Philox(key=_KEY, counter=[0, 0, 0, number]))

    def share(self) -> float:
        """A number from 0 to 1."""
        return float(self._generator.random())

    def chance(self, probability: float) -> bool:
        """Whether something happens."""
        return self.share() < probability

    def whole(self, least: int, most: int) -> int:
        """A whole number; both ends are possible."""
        return least + int(self.share() * (most - least + 1))

    def pick(self, options: Sequence[T] | Mapping[T, float]) -> T:
        """One of several: all alike, or by weight."""
        if not isinstance(options, Mapping):
            return options[self.whole(0, len(options) - 1)]
        left = self.share() * sum(options.values())
        for option, weight in options.items():
            left -= weight
            if left < 0:
                return option
        return option

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """So many different ones, in random order."""
        pool = list(options)
        return [pool.pop(self.whole(0, len(pool) - 1)) for _ in range(count)]
