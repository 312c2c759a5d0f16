"""Names for types that every module uses."""

from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
"""A NumPy array; shapes are stated in docstrings."""

Value: TypeAlias = Any
"""What an operation may be called with: an array, a `Tensor`, or any value that answers NumPy's protocols."""
