"""A factor for each feature."""

from collections.abc import Sequence
from typing import ClassVar

from clearprop.layers.base import LAYERS, OpLayer, trainable_names
from clearprop.ops import Op, multiply


class Scale(OpLayer):
    """y = x s, with a factor s (initially 1) for each feature, which so finds its own weight.

    Before the first dense layer of a network for tables (Holzmüller et al. 2024, arXiv:2407.04491), where it learns
    faster than the other layers.

    Parameters
    ----------
    trainable : sequence of str
    learning_rate_factor : float

    >>> Scale()
    Scale()
    """

    initial: ClassVar = {"scale": 1.0}

    def __init__(self, trainable: Sequence[str] = ("scale",), learning_rate_factor: float = 6.0) -> None:
        self.trainable = trainable_names(trainable, ("scale",), "Scale")
        self.learning_rate_factor = learning_rate_factor

    def operation(self) -> Op:
        return multiply


LAYERS.register("Scale", Scale)
