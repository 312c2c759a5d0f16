"""AdamW: Adam with weight decay that bypasses the gradient."""

from clearprop.optim.adam import Adam
from clearprop.optim.base import OPTIMIZERS, checked
from clearprop.optim.schedules import Schedule


class AdamW(Adam):
    """w ← (1 - η λ) w, then Adam's step (Loshchilov, Hutter 2017, arXiv:1711.05101); λ acts on weights, not biases"""

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon)
        self.weight_decay = checked("weight_decay", weight_decay, 0.0, float("inf"))

    @classmethod
    def for_table(cls, rows: int, features: int) -> dict[str, float]:
        """As `Adam`; decay 10 features/rows, at most 1: few rows for each feature are easily learnt by heart."""
        return {**super().for_table(rows, features), "weight_decay": float(f"{min(1.0, 10 * features / rows):.2g}")}


OPTIMIZERS.register("adamw", AdamW)
