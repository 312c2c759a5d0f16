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
    order: Order,
    epoch: int,
    n: int,
    *,
    batch_size: int,
    steps_per_epoch: int | None = None,
    seed: int = 0,
    least_rows: int = 1,
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
    seed : int
    least_rows : int
        Of a batch, as layers need them.  A last batch of fewer joins the one before it; a list of batches is the
        user's own, and one of fewer is refused.

    >>> batches = epoch_batches("sequential", 1, 5, batch_size=2)
    >>> [batches.rows(b).tolist() for b in range(len(batches))]
    [[0, 1], [2, 3], [4]]
    >>> batches = epoch_batches("sequential", 1, 5, batch_size=2, least_rows=2)
    >>> [batches.rows(b).tolist() for b in range(len(batches))]
    [[0, 1], [2, 3, 4]]
    """
    if callable(order):
        order = order(epoch)
        if callable(order) or isinstance(order, str):
            raise ConfigurationError("an order's callable returns an array of row numbers or a list of batches")
    if isinstance(order, str):
        rows, batch_size = _named(order, epoch, n, min(batch_size, n), steps_per_epoch, seed)
        return _cut(rows, batch_size, least_rows)
    if isinstance(order, list | tuple) and len(order) and np.ndim(order[0]) == 1:
        batches = [np.asarray(batch) for batch in order]
        for number, batch in enumerate(batches):
            if len(batch) == 0:
                raise ConfigurationError(f"batch {number} of the order is empty; leave it out")
            if len(batch) < least_rows:
                raise ConfigurationError(
                    f"batch {number} of the order in epoch {epoch} has {_rows(len(batch))}, but the network trains on "
                    f"batches of {least_rows} rows or more (batch normalisation does); join it to another batch"
                )
        offsets = np.concatenate([[0], np.cumsum([len(batch) for batch in batches])])
        return Batches(_row_numbers(np.concatenate(batches), n), offsets)
    rows = np.asarray(order)
    if rows.ndim == 2:
        if epoch > len(rows):
            raise ConfigurationError(f"the order has rows for {len(rows)} epochs, but epoch {epoch} was asked for")
        rows = rows[epoch - 1]
    return _cut(_row_numbers(rows, n), batch_size, least_rows)


def batch_ends(rows: int, batch_size: int, least_rows: int = 1) -> Array:
    """Where batches end, from 0, if so many rows are cut: a last batch of too few rows joins the one before it.

    >>> batch_ends(5, 2), batch_ends(5, 2, least_rows=2)
    (array([0, 2, 4, 5]), array([0, 2, 5]))
    """
    ends = np.minimum(np.arange(0, rows + batch_size, batch_size), rows)
    return np.delete(ends, -2) if 0 < rows % batch_size < least_rows and len(ends) > 2 else ends


def _named(order: str, epoch: int, n: int, batch_size: int, steps: int | None, seed: int) -> tuple[Array, int]:
    """The rows of an epoch, and into batches of what size they are cut."""
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
    return rows, batch_size


def _cut(rows: Array, batch_size: int, least_rows: int) -> Batches:
    if min(batch_size, len(rows)) < least_rows:
        few = f"batch_size is {batch_size}" if batch_size < least_rows else f"the order has {_rows(len(rows))}"
        raise ConfigurationError(
            f"{few}, but the network trains on batches of {least_rows} rows or more (batch normalisation does); give "
            "it more rows at once, or take layer normalisation"
        )
    return Batches(rows, batch_ends(len(rows), batch_size, least_rows))


def _rows(number: int) -> str:
    return f"{number} row{'' if number == 1 else 's'}"


def _row_numbers(rows: Array, n: int) -> Array:
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or len(rows) == 0:
        raise ConfigurationError("an order is a vector of whole row numbers, or one such vector for each epoch")
    if rows.min() < 0 or rows.max() >= n:
        raise DataError(f"the order names row {int(rows[(rows < 0) | (rows >= n)][0])}, but rows are 0 to {n - 1}")
    return rows.astype(np.int64)
