"""The instructions that a definition writes, to see whether it compiles, and to tell definitions apart."""

from collections.abc import Callable
from typing import Any

import numpy as np

from clearprop.engine.native.module import Module
from clearprop.engine.native.rows import WholeRows
from clearprop.engine.native.target import avx2
from clearprop.engine.native.values import Function, Vector


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
