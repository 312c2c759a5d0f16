"""Adagrad: steps that shrink where gradients were large."""

import numpy as np

from clearprop._types import Array, Value
from clearprop.optim.base import OPTIMIZERS, Carry, Numbers, Optimizer, Scalars, checked
from clearprop.optim.schedules import Schedule


class Adagrad(Optimizer):
    """s ← s + g²; w ← w - η g/(√s + ε) (Duchi et al. 2011, JMLR 12:2121)"""

    slots = ("square_sum",)

    def __init__(self, learning_rate: float | Schedule = 0.01, epsilon: float = 1e-10) -> None:
        super().__init__(learning_rate)
        self.epsilon = checked("epsilon", epsilon, 0.0, 1.0)

    def scalars(self, t: Array, learning_rate: Numbers, carry: Carry) -> tuple[Scalars, Carry]:
        return (learning_rate, self.epsilon), carry

    def rule(self, w: Value, g: Value, *slots_and_scalars: Value) -> tuple[Value, ...]:
        s, eta, epsilon = slots_and_scalars
        s = s + g * g
        return w - eta * g / (np.sqrt(s) + epsilon), s


OPTIMIZERS.register("adagrad", Adagrad)
