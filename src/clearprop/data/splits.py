"""Which rows are put aside: at random with each class's share kept, the last in time, or whole groups.

Each function says of rows 0 ... n-1 which stay and which make up the part, both in their order.
"""

import numpy as np

from clearprop._types import Array
from clearprop.errors import ConfigurationError, DataError
from clearprop.randomness import SPLITS, generator


def check_split(text: str | None) -> tuple[str, str]:
    """The kind and the column of ``time:COLUMN`` or ``group:COLUMN``; None is random.

    >>> check_split("time:sold")
    ('time', 'sold')
    """
    if text is None:
        return "random", ""
    kind, _, column = text.partition(":")
    if kind not in ("time", "group") or not column:
        raise ConfigurationError(
            f"split={text!r} is neither time:COLUMN (the last rows are put aside) nor group:COLUMN (whole groups are); "
            "write it as time:date"
        )
    return kind, column


def part_of(rows: int, fraction: float, name: str = "the data") -> int:
    """How many of the rows a part has: about that fraction, at least one, and not all.

    >>> part_of(10, 0.25), part_of(10, 0.01)
    (2, 1)
    """
    if not 0.0 < fraction < 1.0:
        raise ConfigurationError(f"fraction={fraction} must lie between 0 and 1; take 0.2")
    if rows < 2:
        raise DataError(f"{name} has {rows} row, which cannot be split; at least 2 are needed")
    return min(max(round(fraction * rows), 1), rows - 1)


def at_random(n: int, part: int, seed: int, classes: Array | None = None) -> tuple[Array, Array]:
    """Any rows; with the class numbers of all, so that each class has its share of the part.

    The only row of a class stays (who judges must have learnt first). Where there are more classes than rows in the
    part, the rarest are shared out as if they were one.

    >>> rest, part = at_random(6, 2, seed=0, classes=np.array([0, 0, 1, 1, 1, 1]))
    >>> sorted(np.array([0, 0, 1, 1, 1, 1])[part].tolist())
    [0, 1]
    """
    from sklearn.model_selection import train_test_split

    rows, strata = np.arange(n), None
    if classes is not None:
        rows, strata = _strata(classes, part)
    chosen = train_test_split(
        rows,
        test_size=part,
        random_state=np.random.RandomState(generator(seed, SPLITS).bit_generator),
        stratify=strata,
    )[1]
    return _complement(n, chosen), np.sort(chosen)


def _strata(classes: Array, part: int) -> tuple[Array, Array | None]:
    """The rows to choose from, and the group of each, of which every one has its share; None for no groups."""
    everyone = np.arange(len(classes))
    numbers, counts = np.unique(classes, return_counts=True)
    rows = np.flatnonzero(np.isin(classes, numbers[counts > 1]))
    numbers, counts = numbers[counts > 1], counts[counts > 1]
    most = min(part, len(rows) - part)
    if most < 1:  # nearly every row has a class of its own
        return everyone, None
    strata = classes[rows]
    if len(numbers) > most:
        rarest = numbers[np.argsort(-counts, kind="stable")][most - 1 :]
        strata = np.where(np.isin(strata, rarest), rarest[0], strata)
    return rows, strata


def latest(times: Array, part: int) -> tuple[Array, Array]:
    """The last rows in time. Rows of one time stay together, so the part may be a little larger or smaller.

    >>> latest(np.array([2001.0, 2003.0, 2002.0, 2003.0]), 1)
    (array([0, 2]), array([1, 3]))

    Raises
    ------
    DataError
        All rows have the same time.
    """
    moments, counts = np.unique(times, return_counts=True)
    if len(moments) < 2:
        raise DataError("all rows have the same time")
    later = len(times) - np.cumsum(counts)[:-1]  # how many rows come after each moment but the last
    cut = moments[int(np.argmin(np.abs(later - part)))]
    return np.flatnonzero(times <= cut), np.flatnonzero(times > cut)


def whole_groups(groups: Array, part: int, seed: int) -> tuple[Array, Array]:
    """Groups drawn at random, each as a whole, until the part has about as many rows as asked for.

    >>> rest, part = whole_groups(np.array(["a", "a", "b", "b", "c", "c"]), 2, seed=0)
    >>> len(part)
    2

    Raises
    ------
    DataError
        All rows belong to one group.
    """
    _, number, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        raise DataError("all rows belong to one group")
    chosen: list[int] = []
    rows = 0
    for group in generator(seed, SPLITS).permutation(len(sizes)):
        nearer = abs(rows + sizes[group] - part) < abs(rows - part)
        if nearer and len(chosen) < len(sizes) - 1:
            chosen.append(int(group))
            rows += int(sizes[group])
    if not chosen:  # each is more than twice as large as the part
        chosen.append(int(np.argmin(sizes)))
    inside = np.isin(number, chosen)
    return np.flatnonzero(~inside), np.flatnonzero(inside)


def _complement(n: int, chosen: Array) -> Array:
    left = np.ones(n, dtype=bool)
    left[chosen] = False
    return np.flatnonzero(left)
