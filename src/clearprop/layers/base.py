"""What a layer is: parameters and an operation.

A layer object is a description and holds no numbers, so one model can run in many threads.  Its parameters are handed
to it by name, as views into the model's flat vector (or as tensors, for a tape); what `backward` needs, `forward`
returns as `cache`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from clearprop._configured import Configured
from clearprop._registry import Registry
from clearprop._types import Array, Value
from clearprop.errors import ConfigurationError
from clearprop.ops import Op
from clearprop.randomness import Key

Parameters = Mapping[str, Value]
NOTHING: Parameters = {}


@dataclass(frozen=True)
class Context:
    """What a layer's forward pass depends on, besides its input and its parameters.

    Attributes
    ----------
    training : bool
        Whether dropout drops and batch normalisation uses the batch's statistics.
    key : Key, optional
        Where in the run this batch belongs, for random numbers.
    buffers : mapping
        What the layer keeps that is not trained by gradients, by name.
    """

    training: bool = False
    key: Key | None = None
    buffers: Parameters = field(default_factory=dict)


PREDICTION = Context()
"""Of a layer that keeps nothing."""


class Layer(Configured, ABC):
    """A step of a network: y = f(x; parameters), with its derivative.

    Attributes
    ----------
    trainable : tuple of str
        Parameters that training changes; the others are frozen, though their gradient is still computed.
    decays : tuple of str
        Parameters to which L1, L2 and weight decay apply.
    learning_rate_factor : float
        Factor on the optimiser's learning rate for this layer.
    least_rows : int
        The fewest rows that it can be trained on at once.
    draws : bool
        Whether it uses its key in training: random numbers of the epoch, which then has to be trained by itself.
    """

    trainable: tuple[str, ...] = ()
    decays: tuple[str, ...] = ()
    learning_rate_factor: float = 1.0
    least_rows: int = 1
    draws: bool = True

    def build(self, n_in: int) -> tuple[int, dict[str, tuple[int, ...]]]:
        """Number of outputs for `n_in` inputs, and the shapes of the parameters by name."""
        return n_in, {}

    def initial_parameters(self, n_in: int, rng: np.random.Generator) -> dict[str, Array]:
        """Initial parameters, drawn from `rng`."""
        return {}

    def initial_buffers(self, n_in: int) -> dict[str, Array]:
        """Initial values of what the layer keeps that is not trained by gradients (running statistics)."""
        return {}

    @abstractmethod
    def forward(
        self, x: Value, parameters: Parameters = NOTHING, run: Context = PREDICTION
    ) -> tuple[Value, Any, Parameters]:
        """y of shape (n, n_out), the cache for `backward`, and the new buffers."""

    @abstractmethod
    def backward(self, dy: Value, cache: Any, grads: Mapping[str, Array]) -> Value:
        """dx of shape (n, n_in); writes each parameter's gradient into `grads`, overwriting what was there."""


class OpLayer(Layer):
    """A layer that is one operation of its input and its parameters, f(x, *parameters), and nothing else.

    It needs no code of its own for any engine: the operation says what it computes and how it is differentiated.  It
    works row by row and leaves the width as it is.

    Attributes
    ----------
    initial : mapping of str to float
        The parameters, in the operation's order, each a vector as wide as the input, and what they are at first.
    """

    initial: ClassVar[Mapping[str, float]] = {}
    draws = False

    @abstractmethod
    def operation(self) -> Op:
        """What the layer computes, with the layer's settings bound."""

    def build(self, n_in: int) -> tuple[int, dict[str, tuple[int, ...]]]:
        return n_in, dict.fromkeys(self.initial, (n_in,))

    def initial_parameters(self, n_in: int, rng: np.random.Generator) -> dict[str, Array]:
        return {name: np.full(n_in, value) for name, value in self.initial.items()}

    def forward(
        self, x: Value, parameters: Parameters = NOTHING, run: Context = PREDICTION
    ) -> tuple[Value, Any, Parameters]:
        inputs = (x, *(parameters[name] for name in self.initial))
        y = self.operation()(*inputs)
        return y, (y, inputs), run.buffers

    def backward(self, dy: Value, cache: Any, grads: Mapping[str, Array]) -> Value:
        y, inputs = cache
        dx, *found = self.operation().pullback(dy, y, *inputs)
        for name, g in zip(self.initial, found, strict=True):
            grads[name][...] = g
        return dx


LAYERS: Registry[type[Layer]] = Registry("layer")


def trainable_names(trainable: Any, known: tuple[str, ...], layer: str) -> tuple[str, ...]:
    """`trainable` as a tuple of parameter names, all of them known."""
    names = (trainable,) if isinstance(trainable, str) else tuple(trainable)
    for name in names:
        if name not in known:
            raise ConfigurationError(f"{layer} has no parameter {name!r} to train; it has {', '.join(known)}")
    return names
