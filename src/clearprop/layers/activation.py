"""An activation as a layer of its own."""

from collections.abc import Callable, Mapping
from typing import Any

from clearprop._types import Array, Value
from clearprop.errors import ConfigurationError
from clearprop.layers.base import LAYERS, NOTHING, PREDICTION, Context, Layer, Parameters
from clearprop.ops import ACTIVATIONS, Op, as_activation
from clearprop.tape import differentiable


class Activation(Layer):
    """y = f(x), f an activation by name, an operation, or a plain NumPy function (the tape finds its derivative).

    >>> Activation("leaky_relu", slope=0.2)
    Activation('leaky_relu', slope=0.2)
    """

    draws = False

    def __init__(self, activation: "str | Op | Callable[[Value], Value]", **parameters: Any) -> None:
        if not isinstance(activation, str | Op):
            if not callable(activation):
                raise ConfigurationError(f"an activation is a name, an operation or a function, not {activation!r}")
            activation = differentiable(activation)
        self.op = as_activation(activation, parameters)
        self.parameters = parameters

    @property
    def name(self) -> str:
        """The operation's name."""
        return self.op.name

    def config(self) -> dict[str, Any]:
        default = ACTIVATIONS.get(self.name)
        if default is None or default.bind(**self.op.parameters) != self.op:
            return {"activation": self.op}
        changed = {k: v for k, v in self.op.parameters.items() if v != default.parameters[k]}
        return {"activation": self.name, **changed}

    def __repr__(self) -> str:
        config = self.config()
        shown = [repr(config.pop("activation")), *(f"{k}={v!r}" for k, v in config.items())]
        return f"Activation({', '.join(shown)})"

    def forward(
        self, x: Value, parameters: Parameters = NOTHING, run: Context = PREDICTION
    ) -> tuple[Value, Any, Parameters]:
        y = self.op(x)
        return y, ((y, x) if self.op.keeps_input else (y,)), run.buffers

    def backward(self, dy: Value, cache: Any, grads: Mapping[str, Array]) -> Value:
        return self.op.vjp(dy, *cache)


LAYERS.register("Activation", Activation)
