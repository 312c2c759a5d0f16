"""A data set: rows of numbers and what to predict from them, checked once: when it is made, not when rows are taken.

Two tasks are told apart by `target_names`: with names, `y` holds class numbers (classification);
without, it holds the quantities themselves (regression). Who gives none is asked by the type of `y`:
whole numbers, yes/no and text are labels, whose names are found, and floats are quantities.
"""

from copy import copy
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clearprop._types import Array
from clearprop.data.arrays import features, float_array, is_sparse
from clearprop.data.splits import at_random, part_of
from clearprop.errors import DataError, ShapeError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Task = Literal["classification", "regression"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Features `X`, targets `y`, and the names that make results readable.

    Parameters
    ----------
    X : array or sparse matrix, shape (n, d)
        Features, finite; float32 stays, everything else becomes float64. Any of scipy's sparse formats is kept as a
        `scipy.sparse.csr_array` without duplicates and stored zeros. Results are those of the dense array, to the bit.
        In the native engine a dense first layer meets only the numbers that are not 0, if they are at most a quarter.
        Otherwise, and for batches of one row, it is made dense batch by batch (with L-BFGS, all rows are one batch).
    y : array, shape (n,) or (n, k)
        With `target_names`, class numbers ``0 .. len(target_names) - 1``. Without, floats are quantities (one or k for
        each row); whole numbers, booleans and text are labels: they are numbered in their order and named. Whole
        numbers that count or measure are quantities as ``y.astype(float)``.
    sample_weight : array, shape (n,), optional
        How much each row counts: finite, not negative, not all zero.
    feature_names : tuple of str
        One for each column of `X`; ``x1, x2, ...`` if left out.
    target_names : tuple of str
        Class names; empty for regression. Found in `y` if it holds labels.
    name : str
        What reports call the data.

    Raises
    ------
    DataError
        A value that is not a finite number, a class number without a name, no rows, unequal lengths.
    ShapeError
        `X` is not two-dimensional, or `y` or `sample_weight` has the wrong number of axes.

    Examples
    --------
    >>> data = Dataset([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], [0, 1, 1], target_names=("no", "yes"))
    >>> data.task, len(data), data.n_features, data.n_classes
    ('classification', 3, 2, 2)
    >>> data.feature_names
    ('x1', 'x2')
    >>> labelled = Dataset([[0.0], [1.0], [2.0]], [7, 5, 7])
    >>> labelled.target_names, labelled.y
    (('5', '7'), array([1, 0, 1]))
    """

    X: "Array | csr_array"
    y: Array
    sample_weight: Array | None = None
    feature_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    name: str = "data"

    def __post_init__(self) -> None:
        names = tuple(str(name) for name in self.feature_names)
        X = features(self.X, "X", names)
        _check_shape(X)
        names = names or tuple(f"x{column + 1}" for column in range(X.shape[1]))
        if len(names) != X.shape[1]:
            raise ShapeError(f"X has {X.shape[1]} columns but feature_names has {len(names)}")
        first: dict[str, int] = {}
        for number, name in enumerate(names):
            if first.setdefault(name, number) < number:
                raise DataError(f"two columns are called {name!r} ({first[name]} and {number}); rename one")
        classes = tuple(str(name) for name in self.target_names)
        if len(set(classes)) < len(classes):
            twice = next(name for i, name in enumerate(classes) if name in classes[:i])
            raise DataError(f"two classes are called {twice!r}; rename one")
        given = self.y
        if not classes and (labels := _labels(given)) is not None:
            found, given = _unique_labels(labels)
            classes = tuple(str(label) for label in found)
        y = _class_numbers(given, classes) if classes else _quantities(given)
        _same_length(X, y, "y")
        weight = None if self.sample_weight is None else _weights(self.sample_weight)
        if weight is not None:
            _same_length(X, weight, "sample_weight")
        checked = {"X": X, "y": y, "sample_weight": weight, "feature_names": names, "target_names": classes}
        for field, value in checked.items():
            object.__setattr__(self, field, value)  # how a frozen dataclass normalises its own fields

    def __len__(self) -> int:
        return int(self.X.shape[0])

    @property
    def task(self) -> Task:
        """``"classification"`` or ``"regression"``."""
        return "classification" if self.target_names else "regression"

    @property
    def n_features(self) -> int:
        """The number of columns of `X`."""
        return int(self.X.shape[1])

    @property
    def n_classes(self) -> int:
        """The number of class names; 0 for regression."""
        return len(self.target_names)

    @property
    def n_outputs(self) -> int:
        """How many numbers a network gives for one row: one for each class or quantity."""
        return self.n_classes or (1 if self.y.ndim == 1 else int(self.y.shape[1]))

    def take(self, indices: Any) -> "Dataset":
        """The rows at `indices`, in that order.

        >>> Dataset([[1.0], [2.0], [3.0]], [10.0, 20.0, 30.0]).take([2, 0]).y
        array([30., 10.])
        """
        rows = np.asarray(indices)
        X = self.X[rows]
        _check_shape(X)
        weight = None if self.sample_weight is None else _weights(self.sample_weight[rows])
        return self.unchecked(X=X, y=self.y[rows], sample_weight=weight)

    def unchecked(self, **numbers: Any) -> "Dataset":
        """The same with other `X`, `y` or `sample_weight`, which have been through the gate: as `replace`, unread.

        >>> data = Dataset([[1.0], [2.0]], [10.0, 20.0])
        >>> data.unchecked(X=data.X.astype(np.float32)).X.dtype
        dtype('float32')
        """
        other = copy(self)
        for field, value in numbers.items():
            object.__setattr__(other, field, value)
        return other

    def split(self, fraction: float, *, seed: int) -> tuple["Dataset", "Dataset"]:
        """Split off a random part: ``(rest, part)``, where `part` has about ``fraction * n`` rows.

        Classes keep their shares in both parts; the only row of a class stays in `rest`. Rows keep their order.

        Raises
        ------
        ConfigurationError
            `fraction` is not between 0 and 1.
        DataError
            A single row cannot be split.

        >>> rest, part = Dataset([[1.0], [2.0], [3.0], [4.0]], [0.0, 0.0, 1.0, 1.0]).split(0.25, seed=0)
        >>> len(rest), len(part)
        (3, 1)
        """
        classes = self.y if self.task == "classification" else None
        rest, part = at_random(len(self), part_of(len(self), fraction, self.name), seed, classes)
        return self.take(rest), self.take(part)


def as_dataset(data: Any, name: str = "data") -> Dataset:
    """A `Dataset` from a `Dataset`, ``(X, y)`` or ``(X, y, sample_weight)``.

    Integers, booleans and text in `y` are class labels, floats are quantities, as for `Dataset`.

    >>> as_dataset(([[1.0], [2.0]], ["no", "yes"])).target_names
    ('no', 'yes')
    >>> as_dataset(([[1.0], [2.0]], [0.5, 1.5])).task
    'regression'
    """
    if isinstance(data, Dataset):
        return data
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        if isinstance(data, str):
            raise DataError(f"cannot train on {data!r}; read a file with read_table, or run `clearprop train {data}`")
        raise DataError(f"cannot train on {type(data).__name__}; pass a Dataset, (X, y) or (X, y, sample_weight)")
    X, y, *rest = data
    weight = rest[0] if rest else None
    columns = tuple(str(name) for name in getattr(X, "columns", ()))
    return Dataset(X, y, weight, columns, name=name)


def _check_shape(X: "Array | csr_array") -> None:
    if X.ndim == 1:
        raise ShapeError(
            f"X has shape {X.shape}, expected (rows, features); "
            "use X.reshape(-1, 1) for one feature, X.reshape(1, -1) for one row"
        )
    if X.ndim != 2:
        raise ShapeError(f"X has shape {X.shape}, expected (rows, features); use X.reshape(len(X), -1)")
    if 0 in X.shape:
        raise DataError(f"X has shape {X.shape}: no {'rows' if X.shape[0] == 0 else 'columns'}; pass at least one")


def _labels(y: Any) -> Array | None:
    """`y` as an array if it holds labels of classes; None if it holds quantities, or what is refused as such."""
    if y is None:
        raise DataError("y is None; pass labels (text or whole numbers) or quantities (floats), one for each row")
    if isinstance(y, str | bytes) or is_sparse(y):
        return None
    try:
        labels = np.asarray(y)
    except (ValueError, TypeError, OverflowError):
        return None
    quantities = labels.dtype == object and all(isinstance(value, Real) for value in labels.flat)
    if labels.dtype.kind not in "iubUSTO" or labels.size == 0 or (quantities and _any_float(labels)):
        return None
    if labels.ndim != 1:
        use = "y.ravel()" if labels.size == len(labels) else "np.argmax(y, axis=1) for one-hot rows"
        raise ShapeError(
            f"y has shape {labels.shape}; class labels must be one for each row: use {use}, or y.astype(float) for "
            "quantities"
        )
    return labels


def _any_float(values: Array) -> bool:
    return any(isinstance(value, float | np.floating) for value in values.flat)


def _unique_labels(labels: Array) -> tuple[Array, Array]:
    for row, label in enumerate(labels if labels.dtype == object else ()):
        if label is None or label != label:
            raise DataError(f"y contains {label} at row {row}; leave that row out")
    try:
        classes, numbers = np.unique(labels, return_inverse=True)
    except TypeError:
        raise DataError("y mixes text and numbers; make all labels text, for example with str()") from None
    return classes, numbers


def _class_numbers(values: Any, classes: tuple[str, ...]) -> Array:
    y = float_array(values, "y")
    if y.ndim != 1:
        raise ShapeError(f"y has shape {y.shape}, expected one class number for each row, shape (n,)")
    wrong = (y != np.floor(y)) | (y < 0) | (y >= len(classes))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"y is {y[row]:g} at row {row}, but there are {len(classes)} classes, "
            f"numbered 0 to {len(classes) - 1}; use as_dataset((X, y)) to number labels"
        )
    return y.astype(np.int64)


def _quantities(values: Any) -> Array:
    y = float_array(values, "y")
    if y.ndim not in (1, 2):
        raise ShapeError(f"y has shape {y.shape}, expected (n,) or (n, k)")
    return y


def _weights(values: Any) -> Array:
    weight = float_array(values, "sample_weight")
    if weight.ndim != 1:
        raise ShapeError(f"sample_weight has shape {weight.shape}, expected (n,)")
    if (weight < 0).any():
        row = int(np.argmax(weight < 0))
        raise DataError(f"sample_weight is {weight[row]:g} at row {row}; weights must not be negative")
    if weight.size and not weight.any():
        raise DataError("sample_weight is zero in every row; give at least one row a positive weight")
    return weight


def _same_length(X: "Array | csr_array", other: Array, what: str) -> None:
    if X.shape[0] != len(other):  # a sparse matrix has no len()
        raise DataError(f"X has {X.shape[0]} rows but {what} has {len(other)}; they must be equally many")
