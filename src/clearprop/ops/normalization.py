"""Layer and batch normalisation, one operation each, with derivatives derived by hand.

Both standardise x to x̂ = (x - mean) / √(variance + ε) and return y = γ x̂ + β; they differ in the axis.
With dx̂ = dy γ and r = 1/√(variance + ε),

    dx = r (dx̂ - mean(dx̂) - x̂ mean(dx̂ x̂)),   dγ = Σ_rows dy x̂,   dβ = Σ_rows dy.
"""

import numpy as np

from clearprop._types import Value
from clearprop.ops.op import op

SMALL = 2.0**-64  # exact to multiply by


def running_average(average: Value, new: Value, momentum: float) -> Value:
    """momentum · average + (1 - momentum) · new"""
    return momentum * average + (1.0 - momentum) * new


def _standardise(x: Value, axis: int, epsilon: float) -> tuple[Value, Value]:
    """x̂ and r, of SMALL·x in units of its largest deviation, so that neither sums nor squares overflow."""
    small = x * SMALL
    centred = small - np.mean(small, axis=axis, keepdims=True)
    unit = np.maximum(np.max(np.maximum(centred, -centred), axis=axis, keepdims=True), SMALL)
    scaled, scale = centred / unit, SMALL / unit
    root = np.sqrt(np.mean(scaled * scaled, axis=axis, keepdims=True) + epsilon * scale * scale)
    return scaled / root, scale / root


def _standardise_vjp(dx_hat: Value, x_hat: Value, r: Value, axis: int) -> Value:
    mean = np.mean(dx_hat, axis=axis, keepdims=True)
    slope = np.mean(dx_hat * x_hat, axis=axis, keepdims=True)
    return r * (dx_hat - mean - x_hat * slope)


@op("ni,i,i->ni", kind="row")
def layer_norm(x: Value, gamma: Value, beta: Value, *, epsilon: float = 1e-5) -> Value:
    """γ (x - mean) / √(var + ε) + β, mean and variance of each row (Ba et al. 2016, arXiv:1607.06450)"""
    return gamma * _standardise(x, -1, epsilon)[0] + beta


@layer_norm.defvjp
def _(dy: Value, y: Value, x: Value, gamma: Value, beta: Value, *, epsilon: float) -> Value:
    x_hat, r = _standardise(x, -1, epsilon)
    return _standardise_vjp(dy * gamma, x_hat, r, -1), np.sum(dy * x_hat, axis=0), np.sum(dy, axis=0)


@op("ni,i,i->ni", kind="column")
def batch_norm(x: Value, gamma: Value, beta: Value, *, epsilon: float = 1e-5) -> Value:
    """γ (x - mean) / √(var + ε) + β, mean and variance of each column of the batch (Ioffe, Szegedy 2015,
    arXiv:1502.03167)"""
    return gamma * _standardise(x, 0, epsilon)[0] + beta


@batch_norm.defvjp
def _(dy: Value, y: Value, x: Value, gamma: Value, beta: Value, *, epsilon: float) -> Value:
    x_hat, r = _standardise(x, 0, epsilon)
    return _standardise_vjp(dy * gamma, x_hat, r, 0), np.sum(dy * x_hat, axis=0), np.sum(dy, axis=0)
