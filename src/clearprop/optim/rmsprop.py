"""RMSprop: steps divided by a running root mean square of the gradient."""

import numpy as np

from clearprop._types import Array, Value
from clearprop.optim.base import OPTIMIZERS, Carry, Numbers, Optimizer, Scalars, checked
from clearprop.optim.schedules import Schedule


class RMSprop(Optimizer):
    """s ← ρ s + (1 - ρ) g²; w ← w - η g/(√s + ε) (Tieleman, Hinton 2012, lecture 6.5)"""

    slots = ("square_average",)

    def __init__(self, learning_rate: float | Schedule = 0.01, rho: float = 0.99, epsilon: float = 1e-8) -> None:
        super().__init__(learning_rate)
        self.rho = checked("rho", rho, 0.0, 1.0)
        self.epsilon = checked("epsilon", epsilon, 0.0, 1.0)

    def scalars(self, t: Array, learning_rate: Numbers, carry: Carry) -> tuple[Scalars, Carry]:
        return (learning_rate, self.rho, 1.0 - self.rho, self.epsilon), carry

    def rule(self, w: Value, g: Value, *slots_and_scalars: Value) -> tuple[Value, ...]:
        s, eta, rho, one_minus_rho, epsilon = slots_and_scalars
        s = rho * s + one_minus_rho * g * g
        return w - eta * g / (np.sqrt(s) + epsilon), s


OPTIMIZERS.register("rmsprop", RMSprop)
