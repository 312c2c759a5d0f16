"""What an optimiser is: one elementwise rule, and the numbers that change from step to step.

`rule(w, g, *slots, *scalars)` is the formula of the paper and returns the new w and slots.  It is given arrays, never
models, so NumPy applies it to the flat vector and a compiler to registers.  Everything that needs a power or a
schedule is computed beforehand in `scalars`, for all steps of an epoch at once.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from clearprop._configured import Configured
from clearprop._registry import Registry
from clearprop._types import Array, Value
from clearprop.errors import ConfigurationError
from clearprop.optim.schedules import Schedule

Numbers = Array | float  # one for each step, or one for all
Scalars = tuple[Numbers, ...]
Carry = tuple[float, ...]
_BLOCK = 1024


class Optimizer(Configured, ABC):
    """Base of optimisers.

    Attributes
    ----------
    slots : tuple of str
        Names of the vectors the rule keeps beside w, all initially `initial_slots`.
    initial_carry : tuple of float
        What `scalars` passes on from one epoch to the next.
    weight_decay : float
        Decoupled decay: w ← (1 - learning_rate · weight_decay) w before the rule.
    """

    slots: tuple[str, ...] = ()
    initial_carry: Carry = ()
    weight_decay: float = 0.0
    learning_rate: "float | Schedule"

    def __init__(self, learning_rate: "float | Schedule") -> None:
        if not isinstance(learning_rate, Schedule) and not (
            isinstance(learning_rate, int | float | np.floating) and learning_rate >= 0
        ):
            raise ConfigurationError(f"learning_rate is a number >= 0 or a schedule, not {learning_rate!r}")
        self.learning_rate = learning_rate

    @classmethod
    def for_table(cls, rows: int, features: int) -> dict[str, float]:
        """The settings that differ from the constructor's defaults when `clearprop train` makes it for a table."""
        return {}

    @abstractmethod
    def rule(self, w: Value, g: Value, *slots_and_scalars: Value) -> tuple[Value, ...]:
        """The new w, followed by the new slots."""

    def scalars(self, t: Array, learning_rate: Numbers, carry: Carry) -> tuple[Scalars, Carry]:
        """The rule's scalars at the consecutive steps t, counted from 1, and the carry after the last of them.

        Each scalar is an array with a number for each step, or one number for all.  Step t has the same bits in
        whichever epoch it falls: use `powers`, running products from `carry` on, and + - * / sqrt.
        """
        return (learning_rate,), carry

    def rate(self, t: int) -> float:
        """The learning rate of step t = 1, 2, ..."""
        return self.learning_rate(t) if isinstance(self.learning_rate, Schedule) else float(self.learning_rate)

    def _rates(self, t: Array) -> Numbers:
        """The learning rates of the steps t."""
        rate = self.learning_rate
        return np.array([rate(step) for step in t.tolist()]) if isinstance(rate, Schedule) else float(rate)

    def initial_slots(self, n: int, dtype: Any, learning_rate_factor: float = 1.0) -> Array:
        """The slots of n weights before the first step, of shape (len(slots), n)."""
        return np.zeros((len(self.slots), n), dtype)

    def table(
        self, first: int, steps: int, factors: Sequence[float], decays: Sequence[bool], carry: Carry
    ) -> tuple[Array, Carry]:
        """The scalars of `steps` steps from step number `first` on, for each segment of the flat vector.

        Returns
        -------
        array of shape (steps, segments, 1 + scalars), and the carry after the last step
            The first column is the factor 1 - learning_rate · weight_decay of a segment that decays.
        """
        if not factors:  # everything is frozen
            return np.empty((steps, 0, 1)), carry
        t = np.arange(first, first + steps)
        rate = self._rates(t)
        distinct, columns = list(dict.fromkeys(factors)), []  # most often all factors are 1
        with np.errstate(under="ignore"):  # high powers of numbers below 1 end as 0
            for factor in distinct:
                values, after = self.scalars(t, rate * factor, carry)
                columns.append((1.0, *values))
        table = np.empty((steps, len(distinct), len(columns[0])))
        for kind, row in enumerate(columns):
            for column, numbers in enumerate(row):
                table[:, kind, column] = numbers
        table = table.take([distinct.index(factor) for factor in factors], axis=1)
        for segment, (factor, decay) in enumerate(zip(factors, decays, strict=True)):
            if decay and self.weight_decay:
                table[:, segment, 0] = 1.0 - rate * factor * self.weight_decay
        return table, after

    def apply(self, w: Array, g: Array, slots: Array, row: Sequence[float]) -> None:
        """One step, in place; `row` is one segment's row of `table`, as Python floats so that w keeps its type."""
        shrink, *scalars = row
        w[...], *changed = self.rule(w if shrink == 1.0 else shrink * w, g, *slots, *scalars)
        for slot, new in zip(slots, changed, strict=True):
            slot[...] = new


OPTIMIZERS: Registry[Any] = Registry("optimiser")


def powers(base: float, t: Array, scale: float = 1.0) -> Array:
    """base ** (scale · t) for consecutive steps t, the same bits however training is cut into epochs.

    NumPy's own power depends on the processor's vector instructions, and Python's takes a tenth of a small network's
    step; hence Python's, of few numbers, multiplied: base^(1024 a + b) = base^(1024 a) base^b.

    >>> powers(0.5, np.array([1, 2, 3])).tolist()
    [0.5, 0.25, 0.125]
    """
    first, last = int(t[0]), int(t[-1])
    blocks = range(first // _BLOCK, last // _BLOCK + 1)
    starts = [base ** (scale * _BLOCK * block) for block in blocks]
    found = np.multiply.outer(starts, _powers_within_a_block(base, scale)).ravel()
    return found[first - _BLOCK * blocks[0] :][: len(t)]


@lru_cache
def _powers_within_a_block(base: float, scale: float) -> Array:
    return np.array([base ** (scale * b) for b in range(_BLOCK)])


def checked(name: str, value: float, low: float, high: float) -> float:
    """`value` if low <= value < high."""
    if not low <= value < high:
        raise ConfigurationError(f"{name} must be at least {low} and below {high}, not {value!r}")
    return value
