"""Arrays that know their name, or how they were computed, and can write it down as a formula.

An operation's, layer's, loss's or optimiser's own text is called with `Named` arrays instead of plain ones.  NumPy
computes as always, so the numbers are the same to the last bit; the array that comes out also knows from what and how
it was made.  No formula is written a second time for the sake of being shown.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from clearprop._types import Array


class Named(NDArrayOperatorsMixin):
    """An array with a name, or with the function and arguments it came from; NumPy's functions work on it.

    Parameters
    ----------
    value : array
    name : str
        How formulas call it.
    sample : bool
        Whether its first axis is that of the rows, of which there is one: element [0, 2] is shown as name[2].

    >>> x = Named([[0.5, 2.0]], "x", sample=True)
    >>> y = x * 3.0
    >>> y.value, y.function.__name__, y.arguments[0] is x
    (array([[1.5, 6. ]]), 'multiply', True)
    """

    def __init__(self, value: Any, name: str = "", *, sample: bool = False) -> None:
        self.value: Array = np.asarray(value)
        self.name, self.sample = name, sample
        self.function: Callable[..., Any] | None = None
        self.arguments: tuple[Any, ...] = ()
        self.options: dict[str, Any] = {}
        self.written: Any = None  # what an item assignment put here

    # --- how NumPy computes with it -----------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> "Named":
        if method != "__call__" or "out" in options:
            raise TypeError(f"a formula cannot hold np.{ufunc.__name__}.{method}")
        return _computed(ufunc, inputs, options)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> "Named":
        return _computed(function, inputs, options)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.value, dtype=dtype) if copy else np.asarray(self.value, dtype=dtype)

    def __getitem__(self, index: Any) -> "Named":
        return _computed(item, (self,), {"index": index})

    def __setitem__(self, index: Any, value: Any) -> None:
        self.written = value

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def astype(self, dtype: Any) -> "Named":
        return self if self.value.dtype == dtype else Named(self.value.astype(dtype), self.name, sample=self.sample)

    @property
    def T(self) -> "Named":
        return _computed(np.transpose, (self,), {})

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def size(self) -> int:
        return self.value.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.value.dtype

    def __repr__(self) -> str:
        return f"Named({self.name!r}, {self.value!r})"


def plain(x: Any) -> Any:
    """The array itself; of a list, the arrays."""
    if isinstance(x, list):
        return [plain(one) for one in x]
    return x.value if isinstance(x, Named) else x


def item(x: Any, *, index: Any) -> Any:
    """x[index], as a function."""
    return x[index]


def _computed(function: Callable[..., Any], inputs: tuple[Any, ...], options: dict[str, Any]) -> Named:
    made = Named(function(*map(plain, inputs), **options))
    made.function, made.arguments, made.options = function, inputs, options
    return made
