"""Does a classifier know how sure it may be? Of all rows it is 80 % sure of, 80 % should be right."""

from dataclasses import dataclass

import numpy as np

from clearprop._types import Array

BINS = 10


@dataclass(frozen=True)
class Calibration:
    """The reliability table of a classifier.

    Attributes
    ----------
    bins : tuple of (low, high, rows, confidence, accuracy)
        For each range of the winning class's probability that has rows: how many, their mean probability,
        and the share that is right.
    error : float
        The expected calibration error: the rows' mean distance between confidence and accuracy of their bin
        (Naeini, Cooper, Hauskrecht 2015).
    """

    bins: tuple[tuple[float, float, int, float, float], ...]
    error: float


def calibration(classes: Array, probabilities: Array) -> Calibration:
    """The reliability table of predicted `probabilities` (n, k) against true class numbers (n,).

    >>> found = calibration(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.1, 0.9], [0.6, 0.4]]))
    >>> [(low, high, rows) for low, high, rows, _, _ in found.bins]
    [(0.6, 0.7, 1), (0.9, 1.0, 2)]
    >>> round(found.error, 3)
    0.267
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == classes
    # The small amount keeps 0.6 in the bin that starts there, although 0.6 * 10 is a little less than 6.
    number = np.minimum((confidence * BINS + 1e-9).astype(int), BINS - 1)
    bins, error = [], 0.0
    for bin_ in np.unique(number):
        rows = number == bin_
        sure, share = float(confidence[rows].mean()), float(right[rows].mean())
        bins.append((bin_ / BINS, (bin_ + 1) / BINS, int(rows.sum()), sure, share))
        error += float(rows.mean()) * abs(sure - share)
    return Calibration(tuple((float(a), float(b), n, c, s) for a, b, n, c, s in bins), error)
