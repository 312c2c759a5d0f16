"""The affine map, the heart of a dense layer."""

import numpy as np

from clearprop._types import Value
from clearprop.ops.op import op


@op("ni,io,o->no")
def affine(x: Value, W: Value, b: Value) -> Value:
    """z = x W + b"""
    return x @ W + b


# z_no = Σ_i x_ni W_io + b_o.  By the chain rule dx_ni = Σ_o dz_no W_io, dW_io = Σ_n x_ni dz_no, db_o = Σ_n dz_no.
@affine.defvjp
def _(dz: Value, z: Value, x: Value, W: Value, b: Value) -> Value:
    return dz @ W.T, x.T @ dz, np.sum(dz, axis=0)
