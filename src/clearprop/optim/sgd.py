"""Stochastic gradient descent: plain, with momentum, with Nesterov's momentum."""

from clearprop._types import Array, Value
from clearprop.errors import ConfigurationError
from clearprop.optim.base import OPTIMIZERS, Carry, Numbers, Optimizer, Scalars, checked
from clearprop.optim.schedules import Schedule


class SGD(Optimizer):
    """w ← w - η g; with momentum μ, v ← μ v + g and w ← w - η v, or w ← w - η (g + μ v) for Nesterov.

    Sources: Robbins, Monro 1951; Polyak 1964; Sutskever et al. 2013.
    """

    def __init__(self, learning_rate: float | Schedule = 0.01, momentum: float = 0.0, nesterov: bool = False) -> None:
        super().__init__(learning_rate)
        self.momentum, self.nesterov = checked("momentum", momentum, 0.0, 1.0), nesterov
        if nesterov and not momentum:
            raise ConfigurationError("nesterov=True needs a momentum above 0, for example momentum=0.9")
        self.slots = ("velocity",) if momentum else ()

    def scalars(self, t: Array, learning_rate: Numbers, carry: Carry) -> tuple[Scalars, Carry]:
        return ((learning_rate, self.momentum) if self.momentum else (learning_rate,)), carry

    def rule(self, w: Value, g: Value, *slots_and_scalars: Value) -> tuple[Value, ...]:
        if not self.momentum:
            (eta,) = slots_and_scalars
            return (w - eta * g,)
        v, eta, mu = slots_and_scalars
        v = mu * v + g
        return w - eta * (g + mu * v if self.nesterov else v), v


OPTIMIZERS.register("sgd", SGD)
