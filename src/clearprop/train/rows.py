"""The rows of a data set that are trained on, where they are."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.engine import Batches
from clearprop.errors import ConfigurationError, DataError


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """All rows of a data set, or those of some numbers; nothing is copied, so many networks can share the data.

    Attributes
    ----------
    data : Dataset
    numbers : array of int, optional
        None for all, in their order.
    """

    data: Dataset
    numbers: Array | None = None

    def __len__(self) -> int:
        return len(self.data) if self.numbers is None else len(self.numbers)

    def take(self, places: Any) -> Dataset:
        """A copy of the rows at these places.

        >>> data = Dataset([[1.0], [2.0], [3.0]], [10.0, 20.0, 30.0])
        >>> TrainingRows(data, np.array([2, 0])).take([1]).y
        array([10.])
        """
        return self.data.take(np.asarray(places) if self.numbers is None else self.numbers[places])

    def whole(self) -> Dataset:
        """All of them as a data set of their own; a copy if they are some of its rows."""
        return self.data if self.numbers is None else self.data.take(self.numbers)

    def batches(self, batches: Batches) -> Batches:
        """The same batches, of places among these rows, as batches of the data's row numbers."""
        return batches if self.numbers is None else Batches(self.numbers[batches.indices], batches.offsets)


def row_numbers(rows: Any, data: Dataset, what: str) -> Array:
    """`rows` as an array, if they are row numbers of `data`.

    Raises
    ------
    ConfigurationError, DataError
        They are no whole numbers, or there is no such row, or none at all.
    """
    found = np.asarray(rows)
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise ConfigurationError(
            f"{what} are row numbers, as an array of whole numbers of shape (n,), not {found.dtype} of shape "
            f"{found.shape}; for a mask pass np.flatnonzero(mask)"
        )
    if not len(found):
        raise DataError(f"{what} name no row of {data.name}; name one or more")
    if found.min() < 0 or found.max() >= len(data):
        wrong = int(found[(found < 0) | (found >= len(data))][0])
        raise DataError(f"{what} name row {wrong} of {data.name}, but its rows are 0 to {len(data) - 1}")
    return np.ascontiguousarray(found, np.int64)
