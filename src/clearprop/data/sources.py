"""Data sets by name: toy problems that are generated, and real tables that come with scikit-learn.

A new one is a function below with ``@source``: its parameters are the options of `load_dataset`.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from clearprop._registry import Registry, did_you_mean
from clearprop._types import Array
from clearprop.data.dataset import Dataset
from clearprop.errors import ConfigurationError

Source = Callable[..., Dataset]

DATASETS: Registry[Source] = Registry("data set")
"""Name -> function that makes the data set."""


def source(make: Source) -> Source:
    """Register `make` under its own name."""
    return DATASETS.register(make.__name__, make)


def load_dataset(name: str, **options: Any) -> Dataset:
    """A built-in data set.

    Parameters
    ----------
    name : str
        One of `DATASETS`: ``moons, circles, blobs, spirals, xor, gaussian_quantiles, classification,
        friedman1, regression`` are generated; ``iris, wine, breast_cancer, digits, diabetes, linnerud``
        are real.
    **options
        Options of the generated ones, such as ``n_samples``, ``noise`` and ``random_state``.

    Raises
    ------
    UnknownNameError
        No data set of that name.
    ConfigurationError
        An option that the data set does not have, or a value out of its range.

    >>> load_dataset("iris").target_names
    ('setosa', 'versicolor', 'virginica')
    >>> load_dataset("moons", n_samples=100).X.shape
    (100, 2)
    """
    make = DATASETS[name]
    known = list(inspect.signature(make).parameters)
    for option in options:
        if option not in known:
            hint = did_you_mean(option, known) if known else "it has no options"
            raise ConfigurationError(f"data set {name!r} has no option {option!r}; {hint}")
    try:
        return make(**options)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"data set {name!r} cannot be made: {str(error).splitlines()[0]}") from None


def _classes(name: str, X: Array, y: Array) -> Dataset:
    """Generated points with classes called 0, 1, ..."""
    return Dataset(X, y, target_names=tuple(str(c) for c in range(int(y.max()) + 1)), name=name)


def _points(n_samples: int, random_state: int) -> np.random.Generator:
    if n_samples < 2:
        raise ValueError(f"n_samples={n_samples} must be at least 2")
    return np.random.default_rng(random_state)


@source
def moons(n_samples: int = 1000, noise: float = 0.2, random_state: int = 0) -> Dataset:
    """Two interleaved half circles."""
    from sklearn.datasets import make_moons

    return _classes("moons", *make_moons(n_samples, noise=noise, random_state=random_state))


@source
def circles(n_samples: int = 1000, noise: float = 0.1, factor: float = 0.5, random_state: int = 0) -> Dataset:
    """A circle inside a circle, `factor` times as large."""
    from sklearn.datasets import make_circles

    made = make_circles(n_samples, noise=noise, factor=factor, random_state=random_state)
    return _classes("circles", *made)


@source
def blobs(
    n_samples: int = 1000,
    n_features: int = 2,
    centers: int = 3,
    cluster_std: float = 1.0,
    random_state: int = 0,
) -> Dataset:
    """Round clouds of points, one for each class."""
    from sklearn.datasets import make_blobs

    X, y = make_blobs(n_samples, n_features, centers=centers, cluster_std=cluster_std, random_state=random_state)
    return _classes("blobs", X, y)


@source
def spirals(n_samples: int = 1000, noise: float = 0.1, turns: float = 1.5, random_state: int = 0) -> Dataset:
    """Two arms of a spiral, wound `turns` times around each other."""
    rng = _points(n_samples, random_state)
    y = np.arange(n_samples) % 2
    radius = np.sqrt(rng.uniform(0.01, 1.0, n_samples))  # the root spreads points evenly along the arm
    angle = 2.0 * np.pi * turns * radius + np.pi * y
    X = 3.0 * radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _classes("spirals", X + rng.normal(scale=noise, size=X.shape), y)


@source
def xor(n_samples: int = 1000, noise: float = 0.1, random_state: int = 0) -> Dataset:
    """Four quadrants: class 1 where the signs of the two features differ."""
    rng = _points(n_samples, random_state)
    X = rng.uniform(-1.0, 1.0, (n_samples, 2))
    y = (X[:, 0] > 0) ^ (X[:, 1] > 0)
    return _classes("xor", X + rng.normal(scale=noise, size=X.shape), y.astype(np.int64))


@source
def gaussian_quantiles(
    n_samples: int = 1000, n_features: int = 2, n_classes: int = 3, random_state: int = 0
) -> Dataset:
    """One cloud, cut into shells of equally many points."""
    from sklearn.datasets import make_gaussian_quantiles

    X, y = make_gaussian_quantiles(
        n_samples=n_samples, n_features=n_features, n_classes=n_classes, random_state=random_state
    )
    return _classes("gaussian_quantiles", X, y)


@source
def classification(
    n_samples: int = 1000,
    n_features: int = 20,
    n_informative: int = 5,
    n_redundant: int = 2,
    n_classes: int = 2,
    class_sep: float = 1.0,
    flip_y: float = 0.01,
    random_state: int = 0,
) -> Dataset:
    """Clusters on a hypercube's corners, hidden among useless features."""
    from sklearn.datasets import make_classification

    X, y = make_classification(
        n_samples=n_samples,
        n_features=n_features,
        n_informative=n_informative,
        n_redundant=n_redundant,
        n_classes=n_classes,
        class_sep=class_sep,
        flip_y=flip_y,
        random_state=random_state,
    )
    return _classes("classification", X, y)


@source
def friedman1(n_samples: int = 1000, n_features: int = 10, noise: float = 1.0, random_state: int = 0) -> Dataset:
    """``10 sin(pi x1 x2) + 20 (x3 - 0.5)^2 + 10 x4 + 5 x5`` and noise; other features are useless."""
    from sklearn.datasets import make_friedman1

    X, y = make_friedman1(n_samples, n_features, noise=noise, random_state=random_state)
    return Dataset(X, y, name="friedman1")


@source
def regression(
    n_samples: int = 1000,
    n_features: int = 10,
    n_informative: int = 5,
    n_targets: int = 1,
    noise: float = 10.0,
    random_state: int = 0,
) -> Dataset:
    """A linear function of some of the features, and noise."""
    from sklearn.datasets import make_regression

    X, y = make_regression(
        n_samples=n_samples,
        n_features=n_features,
        n_informative=n_informative,
        n_targets=n_targets,
        noise=noise,
        random_state=random_state,
    )
    return Dataset(X, y, name="regression")


def _bundled(name: str) -> Dataset:
    """A table that comes with scikit-learn."""
    from sklearn import datasets

    table = getattr(datasets, f"load_{name}")()
    # Class names, or the names of several quantities, which a Dataset does not keep.
    names = table.target_names if table.target.dtype.kind == "i" else ()
    return Dataset(
        table.data,
        table.target,
        feature_names=tuple(table.feature_names),
        target_names=tuple(str(label) for label in names),
        name=name,
    )


@source
def iris() -> Dataset:
    """150 iris flowers: petals and sepals, three species."""
    return _bundled("iris")


@source
def wine() -> Dataset:
    """178 Italian wines: 13 chemical measurements, three growers."""
    return _bundled("wine")


@source
def breast_cancer() -> Dataset:
    """569 tumours: 30 measurements of cell nuclei, malignant or benign."""
    return _bundled("breast_cancer")


@source
def digits() -> Dataset:
    """1797 handwritten digits of 8 x 8 pixels."""
    return _bundled("digits")


@source
def diabetes() -> Dataset:
    """442 patients: 10 measurements, progression of the disease after a year."""
    return _bundled("diabetes")


@source
def linnerud() -> Dataset:
    """20 men: three exercises, and three body measurements to predict."""
    return _bundled("linnerud")
