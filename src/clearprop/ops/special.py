"""The error function, which NumPy lacks."""

import numpy as np

from clearprop._types import Value
from clearprop.ops.op import elementwise


@elementwise()
def erf(x: Value) -> Value:
    """The error function, 2/√π ∫₀ˣ exp(-t²) dt"""
    from scipy.special import erf as scipy_erf  # here, so that importing clearprop does not import SciPy

    return scipy_erf(x)


@erf.defvjp
def _(dy: Value, y: Value, x: Value) -> Value:
    far = np.minimum(np.maximum(x, -x), 30.0)  # exp(-900) is 0 already; x² of a huge x would overflow
    return dy * (1.1283791670955126 * np.exp(-far * far))
