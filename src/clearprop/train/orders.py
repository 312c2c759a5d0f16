"""In which order training sees the rows: the batches of each epoch."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.engine import Batches
from clearprop.errors import ConfigurationError, DataError
from clearprop.randomness import ORDERS, generator

Order = str | Array | Sequence[Any] | Callable[[int], Any]
NAMES = ("shuffled", "sequential", "bootstrap", "full")


def epoch_batches(
    order: Order, epoch: int, n: int, *, batch_size: int, steps_per_epoch: int | None = None, seed: int = 0
) -> Batches:
    """The batches of one epoch.

    Parameters
    ----------
    order : str, array, list of arrays, or callable
        "shuffled": each row once, in an order that depends on `seed` and `epoch` alone.  "sequential": rows 0, 1, 2,
        ....  "bootstrap": rows drawn with replacement.  "full": all rows in one batch.  An array of row numbers of
        shape (n,), or (epochs, n) with a row for each epoch, is cut into batches.  A list of arrays is the batches
        themselves.  A callable is given the epoch (from 1) and returns an array or list.
    epoch : int
        From 1.
    n : int
        Rows in the data set.
    batch_size : int
    steps_per_epoch : int, optional
        Default: as many as n rows fill, the last batch being smaller if need be.

    >>> batches = epoch_batches("sequential", 1, 5, batch_size=2)
    >>> [batches.rows(b).tolist() for b in range(len(batches))]
    [[0, 1], [2, 3], [4]]
    """
    if callable(order):
        order = order(epoch)
        if callable(order) or isinstance(order, str):
            raise ConfigurationError("an order's callable returns an array of row numbers or a list of batches")
    if isinstance(order, str):
        return _named(order, epoch, n, min(batch_size, n), steps_per_epoch, seed)
    if isinstance(order, list | tuple) and len(order) and np.ndim(order[0]) == 1:
        batches = [np.asarray(batch) for batch in order]
        for number, batch in enumerate(batches):
            if len(batch) == 0:
                raise ConfigurationError(f"batch {number} of the order is empty; leave it out")
        offsets = np.concatenate([[0], np.cumsum([len(batch) for batch in batches])])
        return Batches(_row_numbers(np.concatenate(batches), n), offsets)
    rows = np.asarray(order)
    if rows.ndim == 2:
        if epoch > len(rows):
            raise ConfigurationError(f"the order has rows for {len(rows)} epochs, but epoch {epoch} was asked for")
        rows = rows[epoch - 1]
    return _cut(_row_numbers(rows, n), batch_size)


def _named(order: str, epoch: int, n: int, batch_size: int, steps: int | None, seed: int) -> Batches:
    if order not in NAMES:
        raise ConfigurationError(f"order is one of {', '.join(NAMES)}, row numbers or a callable, not {order!r}")
    if order == "full":
        batch_size = n
    count = n if steps is None else steps * batch_size
    passes = -(-count // n)
    rng = generator(seed, ORDERS, epoch)
    if order == "bootstrap":
        rows = rng.integers(0, n, count)
    elif order == "shuffled":
        shuffles = [rng.permutation(n) for _ in range(passes)]
        rows = shuffles[0] if passes == 1 else np.concatenate(shuffles)
        rows = rows[:count]
    else:
        rows = np.tile(np.arange(n), passes)[:count]
    return _cut(rows, batch_size)


def _cut(rows: Array, batch_size: int) -> Batches:
    return Batches(rows, np.minimum(np.arange(0, len(rows) + batch_size, batch_size), len(rows)))


def _row_numbers(rows: Array, n: int) -> Array:
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or len(rows) == 0:
        raise ConfigurationError("an order is a vector of whole row numbers, or one such vector for each epoch")
    if rows.min() < 0 or rows.max() >= n:
        raise DataError(f"the order names row {int(rows[(rows < 0) | (rows >= n)][0])}, but rows are 0 to {n - 1}")
    return rows.astype(np.int64)
