"""The instructions that a definition writes, to see whether it compiles, and to tell definitions apart."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from clearprop.engine.native.module import Module
from clearprop.engine.native.rows import WholeRows
from clearprop.engine.native.target import avx2
from clearprop.engine.native.values import Function, Vector
from clearprop.ops import Op


def written(name: str, text: Callable[[Vector], Any]) -> str:
    """The instructions that a definition's text writes, here into a function that is thrown away.

    Raises
    ------
    NotImplementedError
        It cannot be compiled, in words.
    """
    f = Function(Module(np.float64, avx2("x86_64")))
    try:
        results = text(Vector(f, ["%x"], row=WholeRows(1, 1, f.below(1, 1))))
    except Exception as error:  # the user's own text may do anything
        raise NotImplementedError(f"{name!r} cannot be compiled: {error}") from None
    names = [result.v for result in results] if isinstance(results, tuple) else []
    return "\n".join([*f.lines, str(names)])


@functools.lru_cache(maxsize=256)
def check_op(op: Op) -> None:
    """That the operation's text compiles, and looks no further than its row.

    Raises
    ------
    NotImplementedError
        It does not, in words.
    """
    if op.kind == "array":
        raise NotImplementedError(f"{op.name!r} is declared to be outside the dialect that is compiled")
    if op.kind not in ("elementwise", "row"):
        raise NotImplementedError(f"{op.name!r} looks at more than its own row")

    def text(x: Vector) -> None:
        inputs = [x] * op.n_inputs
        op.vjp(x, op.forward(*inputs), *inputs)

    written(op.name, text)
