"""The affine map, the heart of a dense layer, and products of matrices."""

import numpy as np

from clearprop._types import Value
from clearprop.errors import ShapeError
from clearprop.ops.op import op
from clearprop.ops.shapes import reshape, shape_of


@op("ni,io,o->no")
def affine(x: Value, W: Value, b: Value) -> Value:
    """z = x W + b"""
    return x @ W + b


# z_no = Σ_i x_ni W_io + b_o.  By the chain rule dx_ni = Σ_o dz_no W_io, dW_io = Σ_n x_ni dz_no, db_o = Σ_n dz_no.
@affine.defvjp
def _(dz: Value, z: Value, x: Value, W: Value, b: Value) -> Value:
    return dz @ W.T, x.T @ dz, np.sum(dz, axis=0)


@op("ni,io->no")
def matmul(a: Value, b: Value) -> Value:
    """The matrix product A B of matrices or vectors."""
    if not (0 < len(shape_of(a)) <= 2 and 0 < len(shape_of(b)) <= 2):
        raise ShapeError(
            f"matmul multiplies matrices and vectors, not shapes {shape_of(a)} and {shape_of(b)}; "
            "multiply a number with *"
        )
    return a @ b


@matmul.defvjp
def _(dy: Value, y: Value, a: Value, b: Value) -> Value:
    if a.ndim == b.ndim == 2:
        return dy @ b.T, a.T @ dy
    rows = a if a.ndim == 2 else reshape(a, shape=(1, -1))
    columns = b if b.ndim == 2 else reshape(b, shape=(-1, 1))
    dy = reshape(dy, shape=(rows.shape[0], columns.shape[1]))
    return reshape(dy @ columns.T, shape=a.shape), reshape(rows.T @ dy, shape=b.shape)


@op("ni,io->no")
def einsum(a: Value, b: Value, *, subscripts: str = "ni,io->no") -> Value:
    """Σ a b over the axes that `subscripts` leaves out of the result, as in `np.einsum`; each axis of a is one of b or
    of the result too, and the other way round."""
    return np.einsum(subscripts, a, b)


@einsum.defvjp
def _(dy: Value, y: Value, a: Value, b: Value, *, subscripts: str) -> Value:
    inputs, _, output = subscripts.partition("->")
    of_a, _, of_b = inputs.partition(",")
    da = einsum(dy, b, subscripts=f"{output},{of_b}->{of_a}")
    return da, einsum(a, dy, subscripts=f"{of_a},{output}->{of_b}")
