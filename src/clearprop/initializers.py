"""Initial values of parameters.

A layer keeps the variance of what it passes on when its weights have variance 1/n, n being the number of inputs
("fan in", for the forward pass) or of outputs ("fan out", for the backward pass), times a gain that makes up for the
activation.
"""

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from clearprop._configured import Configured
from clearprop._registry import Registry
from clearprop._types import Array
from clearprop.errors import ConfigurationError, ShapeError


class Initializer(Configured, ABC):
    """Draws the initial values of one parameter: `initializer(shape, rng) -> array` of float64."""

    @abstractmethod
    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array: ...


class Constant(Initializer):
    """w = value"""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return np.full(shape, self.value, dtype=float)


class Uniform(Initializer):
    """w ~ U[low, high)"""

    def __init__(self, low: float = -0.05, high: float = 0.05) -> None:
        if not low < high:
            raise ConfigurationError(f"Uniform needs low < high, not low={low!r}, high={high!r}")
        self.low, self.high = low, high

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return rng.uniform(self.low, self.high, shape)


class Normal(Initializer):
    """w ~ N(mean, std²)"""

    def __init__(self, mean: float = 0.0, std: float = 0.05) -> None:
        if not std >= 0:
            raise ConfigurationError(f"Normal needs std >= 0, not {std!r}")
        self.mean, self.std = mean, std

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return rng.normal(self.mean, self.std, shape)


class VarianceScaling(Initializer):
    """w of mean 0 and variance scale / n, n the fan in, the fan out or the average of both.

    Parameters
    ----------
    scale : float
        Gain: 1 for linear, tanh and sigmoid layers, 2 for ReLU (He et al. 2015, arXiv:1502.01852).
    fan : {"in", "out", "average"}
    distribution : {"normal", "uniform"}
        N(0, scale/n), or U(-a, a) with a = √(3 scale/n).
    """

    def __init__(self, scale: float = 1.0, fan: str = "in", distribution: str = "normal") -> None:
        if fan not in ("in", "out", "average"):
            raise ConfigurationError(f"fan is 'in', 'out' or 'average', not {fan!r}")
        if distribution not in ("normal", "uniform"):
            raise ConfigurationError(f"distribution is 'normal' or 'uniform', not {distribution!r}")
        if not scale > 0:
            raise ConfigurationError(f"VarianceScaling needs scale > 0, not {scale!r}")
        self.scale, self.fan, self.distribution = scale, fan, distribution

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        fan_in, fan_out = shape[0], shape[-1]
        n = {"in": fan_in, "out": fan_out, "average": (fan_in + fan_out) / 2}[self.fan]
        variance = self.scale / max(n, 1)
        if self.distribution == "normal":
            return rng.normal(0.0, math.sqrt(variance), shape)
        limit = math.sqrt(3.0 * variance)
        return rng.uniform(-limit, limit, shape)


class Orthogonal(Initializer):
    """w = gain·Q with orthonormal rows or columns (Saxe et al. 2013, arXiv:1312.6120)"""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        if len(shape) != 2:
            raise ShapeError(f"Orthogonal draws matrices, not shape {shape}; choose another initialiser for it")
        rows, columns = max(shape), min(shape)
        q, r = np.linalg.qr(rng.normal(size=(rows, columns)))
        q = q * np.where(np.diag(r) < 0, -1.0, 1.0)  # makes the draw uniform over all such matrices
        return self.gain * (q if shape == (rows, columns) else q.T)


INITIALIZERS: Registry[Initializer] = Registry("initialiser")
for _name, _initializer in {
    "zeros": Constant(0.0),
    "ones": Constant(1.0),
    "uniform": Uniform(),
    "normal": Normal(),
    "glorot_uniform": VarianceScaling(1.0, "average", "uniform"),  # Glorot, Bengio 2010
    "glorot_normal": VarianceScaling(1.0, "average", "normal"),
    "he_uniform": VarianceScaling(2.0, "in", "uniform"),  # He et al. 2015
    "he_normal": VarianceScaling(2.0, "in", "normal"),
    "he_normal_fan_out": VarianceScaling(2.0, "out", "normal"),
    "lecun_uniform": VarianceScaling(1.0, "in", "uniform"),  # LeCun et al. 1998, "Efficient BackProp"
    "lecun_normal": VarianceScaling(1.0, "in", "normal"),
    "lecun_normal_fan_out": VarianceScaling(1.0, "out", "normal"),
    "orthogonal": Orthogonal(),
}.items():
    INITIALIZERS.register(_name, _initializer)

CLASSES = {c.__name__: c for c in (Constant, Uniform, Normal, VarianceScaling, Orthogonal)}


def as_initializer(init: str | Initializer) -> Initializer:
    """The initialiser of that name, or the object itself."""
    return INITIALIZERS[init] if isinstance(init, str) else init


def encode_initializer(init: str | Initializer) -> Any:
    """A name, or a dictionary of plain values, that `decode_initializer` reads back."""
    if isinstance(init, str):
        return init
    if type(init) is not CLASSES.get(type(init).__name__):
        raise ConfigurationError(f"{init!r} cannot be saved; use one of {', '.join(CLASSES)}")
    return {"initializer": type(init).__name__, **init.config()}


def decode_initializer(config: Any) -> str | Initializer:
    """The reverse of `encode_initializer`."""
    if isinstance(config, str):
        return config
    arguments = dict(config)
    return CLASSES[arguments.pop("initializer")](**arguments)
