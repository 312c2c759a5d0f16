"""Embeddings of quantities: each column of x becomes several, by functions of its own.

A column is looked at through basis functions, waves or ramps, of which small dense maps make its outputs:

    h_f = basis(x_i; first_if, second_if),   e_io = Σ_f weight_iof h_f + bias_io.
"""

from collections.abc import Sequence

import numpy as np

from clearprop._types import Value
from clearprop.ops.linear import einsum
from clearprop.ops.op import Op, elementwise, op
from clearprop.ops.shapes import reshape, unbroadcast

TURN = 2.0 * np.pi


@elementwise(3)
def wave(x: Value, frequency: Value, phase: Value) -> Value:
    """cos(2π (x frequency + phase))"""
    return np.cos(TURN * (x * frequency + phase))


@wave.defvjp
def _(dy: Value, y: Value, x: Value, frequency: Value, phase: Value) -> Value:
    inner = -TURN * dy * np.sin(TURN * (x * frequency + phase))
    return unbroadcast(inner * frequency, x), unbroadcast(inner * x, frequency), unbroadcast(inner, phase)


@elementwise(3)
def ramp(x: Value, start: Value, slope: Value) -> Value:
    """(x - start) slope, but at least 0 and at most 1; the derivative at both ends is 0."""
    return np.minimum(np.maximum((x - start) * slope, 0.0), 1.0)


@ramp.defvjp
def _(dy: Value, y: Value, x: Value, start: Value, slope: Value) -> Value:
    beyond = x - start
    inside = np.where((beyond * slope > 0.0) & (beyond * slope < 1.0), dy, 0.0)
    steep = inside * slope
    return unbroadcast(steep, x), unbroadcast(-steep, start), unbroadcast(inside * beyond, slope)


@op("ni,if,if,iof,io->nw")
def numeric_embedding(
    x: Value,
    first: Value,
    second: Value,
    weight: Value,
    bias: Value,
    *,
    basis: Op = wave,
    columns: Sequence[int] | None = None,
    keep_input: bool = True,
) -> Value:
    """Σ_f weight_iof basis(x_i; first_if, second_if) + bias_io for each of the columns i; then x, or its others."""
    count, outputs, _ = weight.shape
    h = basis(_picked(x, columns, count), first, second)
    e = einsum(h, weight, subscripts="nif,iof->nio") + bias
    embedded, passed = np.reshape(e, (-1, count * outputs)), passing_by(x.shape[1], columns, keep_input)
    if not passed:
        return embedded
    return np.concatenate([embedded, x if keep_input else x[:, passed]], axis=1)


@numeric_embedding.defvjp
def _(
    dy: Value,
    y: Value,
    x: Value,
    first: Value,
    second: Value,
    weight: Value,
    bias: Value,
    *,
    basis: Op,
    columns: Sequence[int] | None,
    keep_input: bool,
) -> Value:
    (count, outputs, _), width = weight.shape, x.shape[1]
    picked = _picked(x, columns, count)
    h = basis(picked, first, second)
    de = reshape(dy[:, : count * outputs], shape=(-1, count, outputs))
    dh = einsum(de, weight, subscripts="nio,iof->nif")
    dpicked, dfirst, dsecond = basis.vjp(dh, h, picked, first, second)
    dx = _spread(reshape(dpicked, shape=(-1, count)), columns, width)
    if passed := passing_by(width, columns, keep_input):
        dx = dx + _spread(dy[:, count * outputs :], None if keep_input else passed, width)
    return dx, dfirst, dsecond, einsum(de, h, subscripts="nio,nif->iof"), np.sum(de, axis=0)


def passing_by(width: int, columns: Sequence[int] | None, keep_input: bool) -> list[int]:
    """The columns of `width` that are also passed on as they are."""
    embedded = () if keep_input else range(width) if columns is None else columns
    return [i for i in range(width) if i not in embedded]


def _picked(x: Value, columns: Sequence[int] | None, count: int) -> Value:
    """These columns of x (all, for None), each with an axis for its basis functions."""
    return np.reshape(x if columns is None else x[:, list(columns)], (-1, count, 1))


def _spread(x: Value, columns: Sequence[int] | None, width: int) -> Value:
    """The columns of x in their places among `width`, zeros elsewhere."""
    if columns is None:
        return x
    there, place = np.zeros(width, bool), np.zeros(width, int)
    there[list(columns)], place[list(columns)] = True, range(len(columns))
    return np.where(there, x[:, place], 0.0)
