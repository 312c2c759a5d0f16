"""Sparse rows as kernels read them."""

from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data.arrays import canonical_csr, check_csr, dense_rows


class SparseRows:
    """A sparse matrix in the model's precision: row i has ``values[k]`` in ``columns[k]``, k from starts[i] to
    starts[i + 1].

    A kernel writes wherever these numbers point, so they are copies of our own, which nobody changes once checked.
    """

    def __init__(self, X: Any, dtype: Any) -> None:
        self._matrix = canonical_csr(X, "X").astype(dtype, copy=False)
        self.shape: tuple[int, int] = self._matrix.shape
        self.values = np.ascontiguousarray(self._matrix.data)
        self.columns = np.array(self._matrix.indices, np.int64)
        self.starts = np.array(self._matrix.indptr, np.int64)
        check_csr(self.columns[: len(self.values)], self.starts, self.shape, "X")

    @property
    def filled(self) -> float:
        """The part of its numbers that are not 0."""
        return len(self.values) / max(self.shape[0] * self.shape[1], 1)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Array:
        """These rows as an array."""
        return np.ascontiguousarray(dense_rows(self._matrix, rows))

    def most_values(self, rows: Array, offsets: Array) -> int:
        """How many numbers the fullest batch ``rows[offsets[b] : offsets[b + 1]]`` has."""
        before = np.concatenate([[0], np.cumsum(np.diff(self.starts)[rows])])
        return int(np.diff(before[offsets]).max())
