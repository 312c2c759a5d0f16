"""Adadelta: steps in the units of the weights."""

import numpy as np

from clearprop._types import Array, Value
from clearprop.optim.base import OPTIMIZERS, Carry, Numbers, Optimizer, Scalars, checked
from clearprop.optim.schedules import Schedule


class Adadelta(Optimizer):
    """s ← ρ s + (1 - ρ) g²; d = √(u + ε)/√(s + ε) g; u ← ρ u + (1 - ρ) d²; w ← w - η d (Zeiler 2012,
    arXiv:1212.5701)"""

    slots = ("square_average", "step_average")

    def __init__(self, learning_rate: float | Schedule = 1.0, rho: float = 0.9, epsilon: float = 1e-6) -> None:
        super().__init__(learning_rate)
        self.rho = checked("rho", rho, 0.0, 1.0)
        self.epsilon = checked("epsilon", epsilon, 0.0, 1.0)

    def scalars(self, t: Array, learning_rate: Numbers, carry: Carry) -> tuple[Scalars, Carry]:
        return (learning_rate, self.rho, 1.0 - self.rho, self.epsilon), carry

    def rule(self, w: Value, g: Value, *slots_and_scalars: Value) -> tuple[Value, ...]:
        s, u, eta, rho, one_minus_rho, epsilon = slots_and_scalars
        s = rho * s + one_minus_rho * g * g
        d = np.sqrt(u + epsilon) / np.sqrt(s + epsilon) * g
        u = rho * u + one_minus_rho * d * d
        return w - eta * d, s, u


OPTIMIZERS.register("adadelta", Adadelta)
