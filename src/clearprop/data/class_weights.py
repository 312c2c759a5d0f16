"""Rows of rare classes count for more, so that each class counts the same."""

import numpy as np

from clearprop._types import Array
from clearprop.data.arrays import float_array
from clearprop.data.dataset import Dataset
from clearprop.errors import ConfigurationError


def balanced_weights(training: Dataset) -> Array:
    """For each class number n / (classes · rows of the class).

    >>> balanced_weights(Dataset([[1.0], [2.0], [3.0], [4.0]], [0, 0, 0, 1], target_names=("often", "once")))
    array([0.66666667, 2.        ])
    """
    if training.task != "classification":
        raise ConfigurationError("class_weight is for classes, and the target is a quantity; leave it out")
    counts = np.bincount(training.y, minlength=training.n_classes)
    weights: Array = len(training) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return weights


def weighted(data: Dataset, weights: Array | None) -> Dataset:
    """`data` with each row's weight times that of its class; None changes nothing."""
    if weights is None:
        return data
    own = 1.0 if data.sample_weight is None else data.sample_weight
    return data.unchecked(sample_weight=float_array(own * weights[data.y], "sample_weight"))
