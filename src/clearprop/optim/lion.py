"""Lion: steps of one size, in the direction of the momentum's sign."""

import numpy as np

from clearprop._types import Array, Value
from clearprop.optim.base import OPTIMIZERS, Carry, Numbers, Optimizer, Scalars, checked
from clearprop.optim.schedules import Schedule


class Lion(Optimizer):
    """w ← (1 - η λ) w - η sign(β₁ m + (1 - β₁) g); m ← β₂ m + (1 - β₂) g (Chen et al. 2023, arXiv:2302.06675)"""

    slots = ("m",)

    def __init__(
        self,
        learning_rate: float | Schedule = 0.0001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(learning_rate)
        self.beta_1, self.beta_2 = checked("beta_1", beta_1, 0.0, 1.0), checked("beta_2", beta_2, 0.0, 1.0)
        self.weight_decay = checked("weight_decay", weight_decay, 0.0, float("inf"))

    def scalars(self, t: Array, learning_rate: Numbers, carry: Carry) -> tuple[Scalars, Carry]:
        return (learning_rate, self.beta_1, 1.0 - self.beta_1, self.beta_2, 1.0 - self.beta_2), carry

    def rule(self, w: Value, g: Value, *slots_and_scalars: Value) -> tuple[Value, ...]:
        m, eta, beta_1, one_minus_beta_1, beta_2, one_minus_beta_2 = slots_and_scalars
        u = beta_1 * m + one_minus_beta_1 * g
        step = np.where(u > 0.0, eta, np.where(u < 0.0, -eta, 0.0 * u))
        return w - step, beta_2 * m + one_minus_beta_2 * g


OPTIMIZERS.register("lion", Lion)
