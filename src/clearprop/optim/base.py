"""What an optimiser is: one elementwise rule, and the numbers that change from step to step.

`rule(w, g, *slots, *scalars)` is the formula of the paper and returns the new w and slots.  It is given arrays, never
models, so NumPy applies it to the flat vector and a compiler to registers.  Everything that needs a power or a
schedule is computed once per step in `scalars`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from clearprop._configured import Configured
from clearprop._registry import Registry
from clearprop._types import Array, Value
from clearprop.errors import ConfigurationError
from clearprop.optim.schedules import Schedule


class Optimizer(Configured, ABC):
    """Base of optimisers.

    Attributes
    ----------
    slots : tuple of str
        Names of the vectors the rule keeps beside w, all initially `initial_slots`.
    initial_carry : tuple of float
        What `scalars` passes on from step to step.
    weight_decay : float
        Decoupled decay: w ← (1 - learning_rate · weight_decay) w before the rule.
    """

    slots: tuple[str, ...] = ()
    initial_carry: tuple[float, ...] = ()
    weight_decay: float = 0.0
    learning_rate: "float | Schedule"

    def __init__(self, learning_rate: "float | Schedule") -> None:
        if not isinstance(learning_rate, Schedule) and not (
            isinstance(learning_rate, int | float | np.floating) and learning_rate >= 0
        ):
            raise ConfigurationError(f"learning_rate is a number >= 0 or a schedule, not {learning_rate!r}")
        self.learning_rate = learning_rate

    @abstractmethod
    def rule(self, w: Value, g: Value, *slots_and_scalars: Value) -> tuple[Value, ...]:
        """The new w, followed by the new slots."""

    def scalars(self, t: int, learning_rate: float, carry: tuple[float, ...]) -> tuple[Any, tuple[float, ...]]:
        """The rule's scalars at step t = 1, 2, ..., and the carry for the next step."""
        return (learning_rate,), carry

    def rate(self, t: int) -> float:
        """The learning rate of step t = 1, 2, ..."""
        return self.learning_rate(t) if isinstance(self.learning_rate, Schedule) else float(self.learning_rate)

    def initial_slots(self, n: int, dtype: Any, learning_rate_factor: float = 1.0) -> Array:
        """The slots of n weights before the first step, of shape (len(slots), n)."""
        return np.zeros((len(self.slots), n), dtype)

    def table(
        self, first: int, steps: int, factors: Sequence[float], decays: Sequence[bool], carry: tuple[float, ...]
    ) -> tuple[Array, tuple[float, ...]]:
        """The scalars of `steps` steps from step number `first` on, for each segment of the flat vector.

        Returns
        -------
        array of shape (steps, segments, 1 + scalars), and the carry after the last step
            The first column is the factor 1 - learning_rate · weight_decay of a segment that decays.
        """
        rows = []
        for t in range(first, first + steps):
            rate, after = self.rate(t), carry
            row = []
            for factor, decay in zip(factors, decays, strict=True):
                values, after = self.scalars(t, rate * factor, carry)
                row.append((1.0 - rate * factor * self.weight_decay if decay else 1.0, *values))
            rows.append(row)
            carry = after
        return np.asarray(rows, dtype=np.float64).reshape(steps, len(factors), -1), carry

    def apply(self, w: Array, g: Array, slots: Array, row: Sequence[float]) -> None:
        """One step, in place; `row` is one segment's row of `table`, as Python floats so that w keeps its type."""
        shrink, *scalars = row
        w[...], *changed = self.rule(w if shrink == 1.0 else shrink * w, g, *slots, *scalars)
        for slot, new in zip(slots, changed, strict=True):
            slot[...] = new


OPTIMIZERS: Registry[Any] = Registry("optimiser")


def checked(name: str, value: float, low: float, high: float) -> float:
    """`value` if low <= value < high."""
    if not low <= value < high:
        raise ConfigurationError(f"{name} must be at least {low} and below {high}, not {value!r}")
    return value
