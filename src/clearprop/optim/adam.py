"""Adam: momentum, divided by a running root mean square of the gradient."""

import numpy as np

from clearprop._types import Array, Value
from clearprop.optim.base import OPTIMIZERS, Carry, Numbers, Optimizer, Scalars, checked, powers
from clearprop.optim.schedules import Schedule


class Adam(Optimizer):
    """m ← β₁ m + (1 - β₁) g; v ← β₂ v + (1 - β₂) g²; w ← w - η m̂/(√v̂ + ε), with m̂ = m/(1 - β₁ᵗ) and
    v̂ = v/(1 - β₂ᵗ) (Kingma, Ba 2014, arXiv:1412.6980, algorithm 1).

    With epsilon_hat=True, ε is the paper's ε̂, added before the correction: w ← w - η √(1 - β₂ᵗ) m̂/(√v + ε̂), as in
    scikit-learn and Keras.
    """

    slots = ("m", "v")

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        epsilon_hat: bool = False,
    ) -> None:
        super().__init__(learning_rate)
        self.beta_1, self.beta_2 = checked("beta_1", beta_1, 0.0, 1.0), checked("beta_2", beta_2, 0.0, 1.0)
        self.epsilon, self.epsilon_hat = checked("epsilon", epsilon, 0.0, 1.0), epsilon_hat

    @classmethod
    def for_table(cls, rows: int, features: int) -> dict[str, float]:
        """A step is about as long as the learning rate, whatever the gradient; small networks bear longer ones."""
        return {"learning_rate": 0.005}

    def scalars(self, t: Array, learning_rate: Numbers, carry: Carry) -> tuple[Scalars, Carry]:
        step = learning_rate / (1.0 - powers(self.beta_1, t))
        root: Numbers = 1.0 / np.sqrt(1.0 - powers(self.beta_2, t))
        if self.epsilon_hat:
            step, root = step / root, 1.0
        return (self.beta_1, 1.0 - self.beta_1, self.beta_2, 1.0 - self.beta_2, step, root, self.epsilon), carry

    def rule(self, w: Value, g: Value, *slots_and_scalars: Value) -> tuple[Value, ...]:
        m, v, beta_1, one_minus_beta_1, beta_2, one_minus_beta_2, step, root, epsilon = slots_and_scalars
        m = beta_1 * m + one_minus_beta_1 * g
        v = beta_2 * v + one_minus_beta_2 * g * g
        return w - step * m / (np.sqrt(v) * root + epsilon), m, v


OPTIMIZERS.register("adam", Adam)
