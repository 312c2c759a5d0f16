"""NAdam: Adam with Nesterov's momentum."""

import numpy as np

from clearprop._types import Array, Value
from clearprop.optim.adam import Adam
from clearprop.optim.base import OPTIMIZERS, Carry, Numbers, Scalars, checked, powers
from clearprop.optim.schedules import Schedule


class NAdam(Adam):
    """m, v as Adam's; w ← w - η ((1 - μₜ)/(1 - Πμ) g + μₜ₊₁/(1 - μₜ₊₁ Πμ) m)/(√v̂ + ε), with
    μₜ = β₁ (1 - ½ 0.96^(ψ t)) and Πμ = μ₁ ⋯ μₜ (Dozat 2016)"""

    initial_carry = (1.0,)

    def __init__(
        self,
        learning_rate: float | Schedule = 0.002,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        momentum_decay: float = 0.004,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon)
        self.momentum_decay = checked("momentum_decay", momentum_decay, 0.0, 1.0)

    def _momentum(self, t: Array) -> Array:
        return self.beta_1 * (1.0 - 0.5 * powers(0.96, t, self.momentum_decay))

    def scalars(self, t: Array, learning_rate: Numbers, carry: Carry) -> tuple[Scalars, Carry]:
        now, following = self._momentum(t), self._momentum(t + 1)
        product = np.multiply.accumulate(np.concatenate([carry, now]))[1:]
        now_step = learning_rate * (1.0 - now) / (1.0 - product)
        following_step = learning_rate * following / (1.0 - product * following)
        root = 1.0 / np.sqrt(1.0 - powers(self.beta_2, t))
        betas = (self.beta_1, 1.0 - self.beta_1, self.beta_2, 1.0 - self.beta_2)
        return (*betas, now_step, following_step, root, self.epsilon), (float(product[-1]),)

    def rule(self, w: Value, g: Value, *slots_and_scalars: Value) -> tuple[Value, ...]:
        m, v, beta_1, one_minus_beta_1, beta_2, one_minus_beta_2, now, following, root, epsilon = slots_and_scalars
        m = beta_1 * m + one_minus_beta_1 * g
        v = beta_2 * v + one_minus_beta_2 * g * g
        return w - (now * g + following * m) / (np.sqrt(v) * root + epsilon), m, v


OPTIMIZERS.register("nadam", NAdam)
