"""Activations, each beside its derivative.

`np.where` computes both of its sides, so the stable forms only ever exponentiate -|x|, written `-np.maximum(x, -x)`.
"""

import numpy as np

from clearprop._types import Array, Value
from clearprop.ops.op import Op, activation
from clearprop.ops.special import erf


@activation()
def identity(x: Value) -> Value:
    """x"""
    return x


@identity.defvjp
def _(dy: Value, y: Value) -> Value:
    return dy


@activation(kinks=(0.0,), init="he_normal")
def relu(x: Value) -> Value:
    """max(x, 0); the derivative at 0 is 0"""
    return np.maximum(x, 0.0)


@relu.defvjp
def _(dy: Value, y: Value) -> Value:
    return np.where(y > 0.0, dy, 0.0)


@activation(kinks=(0.0,), init="he_normal")
def leaky_relu(x: Value, *, slope: float = 0.01) -> Value:
    """x for x > 0, else slope·x: a ReLU that never goes silent; the derivative at 0 is slope"""
    return np.where(x > 0.0, x, slope * x)


@leaky_relu.defvjp
def _(dy: Value, y: Value, x: Value, *, slope: float) -> Value:
    return np.where(x > 0.0, dy, slope * dy)


@activation(kinks=(0.0,), init="he_normal")
def elu(x: Value, *, alpha: float = 1.0) -> Value:
    """x for x > 0, else α(eˣ - 1); the derivative at 0 is α (Clevert et al. 2015, arXiv:1511.07289)"""
    return np.where(x > 0.0, x, alpha * np.expm1(np.minimum(x, 0.0)))


@elu.defvjp
def _(dy: Value, y: Value, x: Value, *, alpha: float) -> Value:
    return dy * np.where(x > 0.0, 1.0, alpha * np.exp(np.minimum(x, 0.0)))


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


@activation(kinks=(0.0,), init="lecun_normal")
def selu(x: Value) -> Value:
    """λ·elu(x, α) with λ = 1.0507, α = 1.6733, which keep mean 0 and variance 1 (Klambauer et al. 2017,
    arXiv:1706.02515); the derivative at 0 is λα"""
    return np.where(x > 0.0, SELU_SCALE * x, (SELU_SCALE * SELU_ALPHA) * np.expm1(np.minimum(x, 0.0)))


@selu.defvjp
def _(dy: Value, y: Value, x: Value) -> Value:
    return dy * np.where(x > 0.0, SELU_SCALE, (SELU_SCALE * SELU_ALPHA) * np.exp(np.minimum(x, 0.0)))


@activation()
def sigmoid(x: Value) -> Value:
    """1 / (1 + e⁻ˣ)"""
    e = np.exp(-np.maximum(x, -x))
    return np.where(x > 0.0, 1.0, e) / (1.0 + e)


@sigmoid.defvjp
def _(dy: Value, y: Value) -> Value:
    return dy * (y * (1.0 - y))


@activation()
def tanh(x: Value) -> Value:
    """tanh x"""
    return np.tanh(x)


@tanh.defvjp
def _(dy: Value, y: Value) -> Value:
    return dy * (1.0 - y * y)


@activation()
def softplus(x: Value) -> Value:
    """log(1 + eˣ)"""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.maximum(x, -x)))


@softplus.defvjp
def _(dy: Value, y: Value) -> Value:
    return -dy * np.expm1(-y)  # sigmoid(x) = 1 - e⁻ʸ


@activation()
def softsign(x: Value) -> Value:
    """x / (1 + |x|)"""
    return x / (1.0 + np.maximum(x, -x))


@softsign.defvjp
def _(dy: Value, y: Value, x: Value) -> Value:
    d = 1.0 + np.maximum(x, -x)
    return dy / d / d  # d² would overflow for a huge x


@activation(init="he_normal")
def silu(x: Value) -> Value:
    """x·sigmoid(x), also called swish (Elfwing et al. 2017, arXiv:1702.03118)"""
    return x * sigmoid(x)


@silu.defvjp
def _(dy: Value, y: Value, x: Value) -> Value:
    s = sigmoid(x)
    return dy * (s * (1.0 + x * (1.0 - s)))


@activation(init="he_normal")
def gelu(x: Value) -> Value:
    """x Φ(x) = x/2 (1 + erf(x/√2)), Φ the normal distribution function (Hendrycks, Gimpel 2016, arXiv:1606.08415)"""
    return 0.5 * x * (1.0 + erf(x * 0.7071067811865476))


@gelu.defvjp
def _(dy: Value, y: Value, x: Value) -> Value:
    near = np.minimum(np.maximum(x, -40.0), 40.0)  # e^(-800) is 0: beyond, x² could only overflow
    density = 0.3989422804014327 * np.exp(-0.5 * near * near)
    return dy * (0.5 * (1.0 + erf(x * 0.7071067811865476)) + near * density)


GELU_SCALE, GELU_CUBIC = 0.7978845608028654, 0.044715


@activation(init="he_normal")
def gelu_tanh(x: Value) -> Value:
    """x/2 (1 + tanh(√(2/π)(x + 0.044715 x³))), the approximation of gelu without erf"""
    near = np.minimum(np.maximum(x, -10.0), 10.0)  # tanh is ±1 to the last bit beyond; x³ could only overflow
    return 0.5 * x * (1.0 + np.tanh(GELU_SCALE * near * (1.0 + GELU_CUBIC * near * near)))


@gelu_tanh.defvjp
def _(dy: Value, y: Value, x: Value) -> Value:
    near = np.minimum(np.maximum(x, -10.0), 10.0)
    t = np.tanh(GELU_SCALE * near * (1.0 + GELU_CUBIC * near * near))
    slope = GELU_SCALE * (1.0 + 3.0 * GELU_CUBIC * near * near)
    return dy * (0.5 * (1.0 + t) + 0.5 * near * (1.0 - t * t) * slope)


@activation(init="he_normal")
def mish(x: Value) -> Value:
    """x tanh(softplus(x)) (Misra 2019, arXiv:1908.08681)"""
    return x * np.tanh(softplus(x))


@mish.defvjp
def _(dy: Value, y: Value, x: Value) -> Value:
    t = np.tanh(softplus(x))
    return dy * (t + x * sigmoid(x) * (1.0 - t * t))


@activation(kinks=(-3.0, 3.0))
def hard_sigmoid(x: Value) -> Value:
    """min(max(x/6 + 1/2, 0), 1); the derivative at ±3 is 0"""
    return np.minimum(np.maximum(x / 6.0 + 0.5, 0.0), 1.0)


@hard_sigmoid.defvjp
def _(dy: Value, y: Value, x: Value) -> Value:
    return np.where((x > -3.0) & (x < 3.0), dy / 6.0, 0.0)


@activation(kinks=(-1.0, 1.0))
def hard_tanh(x: Value) -> Value:
    """min(max(x, -1), 1); the derivative at ±1 is 0"""
    return np.minimum(np.maximum(x, -1.0), 1.0)


@hard_tanh.defvjp
def _(dy: Value, y: Value) -> Value:
    return np.where((y > -1.0) & (y < 1.0), dy, 0.0)


@activation(domain=(-np.inf, 88.0))
def exp(x: Value) -> Value:
    """eˣ"""
    return np.exp(x)


@exp.defvjp
def _(dy: Value, y: Value) -> Value:
    return dy * y


@activation(domain=(0.0, np.inf))
def log(x: Value) -> Value:
    """log x, for x > 0"""
    return np.log(x)


@log.defvjp
def _(dy: Value, y: Value, x: Value) -> Value:
    return dy / x


@activation(kind="row")
def softmax(x: Value) -> Value:
    """eˣ / Σ eˣ along each row"""
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


# ∂y_i/∂x_j = y_i (δ_ij - y_j)
@softmax.defvjp
def _(dy: Value, y: Value) -> Value:
    return y * (dy - np.sum(dy * y, axis=-1, keepdims=True))


@activation(kind="row")
def log_softmax(x: Value) -> Value:
    """x - log Σ eˣ along each row"""
    shifted = x - np.max(x, axis=-1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


@log_softmax.defvjp
def _(dy: Value, y: Value) -> Value:
    return dy - np.exp(y) * np.sum(dy, axis=-1, keepdims=True)


# --- how flat they are ------------------------------------------------------------------------------------------------

FLAT = 0.05
"""Share of the steepest slope below which a unit passes almost no gradient: a sigmoid is that flat beyond ±4.4, a tanh
beyond ±2.2."""


def relative_slope(function: Op, x: Array) -> Array:
    """|∂y/∂x|, element by element, as a share of the steepest slope between -8 and 8.

    >>> relative_slope(tanh, np.array([0.0, 3.0])).round(4)
    array([1.    , 0.0099])
    """
    low, high = function.domain
    grid = np.linspace(-8.0, 8.0, 1601)
    steepest = _slope(function, grid[(low < grid) & (high > grid)]).max()
    slope: Array = _slope(function, x) / steepest
    return slope


def _slope(function: Op, x: Array) -> Array:
    slope: Array = np.abs(np.asarray(function.vjp(np.ones_like(x), function.forward(x), x)))
    return slope
