"""Rprop: each weight has a step of its own, longer while the gradient keeps its sign."""

from typing import Any

import numpy as np

from clearprop._types import Array, Value
from clearprop.optim.base import OPTIMIZERS, Carry, Numbers, Optimizer, Scalars, checked
from clearprop.optim.schedules import Schedule


class Rprop(Optimizer):
    """Where g keeps its sign, Δ ← min(η⁺ Δ, Δmax); where it changed, Δ ← max(η⁻ Δ, Δmin) and g ← 0;
    w ← w - sign(g) Δ.  For full batches (Riedmiller, Braun 1993); the learning rate is the first Δ."""

    slots = ("previous", "step")

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        shrink: float = 0.5,
        grow: float = 1.2,
        smallest: float = 1e-6,
        largest: float = 50.0,
    ) -> None:
        super().__init__(learning_rate)
        self.shrink, self.grow = checked("shrink", shrink, 0.0, 1.0), checked("grow", grow, 1.0, float("inf"))
        self.smallest = checked("smallest", smallest, 0.0, float("inf"))
        self.largest = checked("largest", largest, smallest, float("inf"))

    def initial_slots(self, n: int, dtype: Any, learning_rate_factor: float = 1.0) -> Array:
        slots = super().initial_slots(n, dtype)
        slots[1] = self.rate(1) * learning_rate_factor
        return slots

    def scalars(self, t: Array, learning_rate: Numbers, carry: Carry) -> tuple[Scalars, Carry]:
        return (self.shrink, self.grow, self.smallest, self.largest), carry

    def rule(self, w: Value, g: Value, *slots_and_scalars: Value) -> tuple[Value, ...]:
        previous, step, shrink, grow, smallest, largest = slots_and_scalars
        agreement = g * previous
        step = np.where(agreement > 0.0, grow * step, np.where(agreement < 0.0, shrink * step, step))
        step = np.minimum(np.maximum(step, smallest), largest)
        g = np.where(agreement < 0.0, 0.0, g)
        return w - np.where(g > 0.0, step, np.where(g < 0.0, -step, 0.0)), g, step


OPTIMIZERS.register("rprop", Rprop)
