"""From whatever the caller has to finite float arrays: one gate, and every refusal names the cell.

Nothing behind this gate has to think of text, dates, masks, complex numbers or NaN again. Features may also be a
sparse matrix, which comes out as canonical CSR: behind the gate there is one sparse format.
"""

import sys
import warnings
from typing import Any, NoReturn

import numpy as np

from clearprop._types import Array
from clearprop.errors import DataError, DataWarning, ShapeError

_LARGEST_EXACT = 2**53


def features(values: Any, what: str, names: tuple[str, ...] = ()) -> Any:
    """`values` as a finite float32 or float64 array, or as a `scipy.sparse.csr_array` of such numbers if sparse."""
    return _sparse_array(values, what, names) if is_sparse(values) else float_array(values, what, names)


def is_sparse(values: Any) -> bool:
    """Whether `values` is one of scipy's sparse matrices or arrays; without importing scipy, where none can exist.

    >>> is_sparse(np.eye(2))
    False
    """
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(values))


def dense_rows(X: Any, rows: Any) -> Array:
    """The rows of an array or of a CSR matrix that `rows` picks, as an array."""
    picked = X[rows]
    return np.asarray(picked.toarray() if is_sparse(picked) else picked)


def refuse_sparse(X: Any, who: str) -> None:
    """Say that `who` takes arrays alone."""
    if is_sparse(X):
        raise DataError(f"{who} needs an array, but X is a sparse matrix; pass X.toarray()")


def float_array(values: Any, what: str, names: tuple[str, ...] = ()) -> Array:
    """`values` as a C-contiguous, finite float32 or float64 array.

    float32 stays; integers, booleans and wider or narrower floats become float64. The caller's array is
    never written to; it is returned as it is if it already fits.

    Parameters
    ----------
    values : array-like
        Numbers of any shape.
    what : str
        What the message calls it, for example ``"X"``.
    names : tuple of str
        Column names, for the message.

    Raises
    ------
    DataError
        Text, dates, complex numbers, masked or sparse values, NaN or infinity; row and column are named.
    ShapeError
        Rows of different lengths.

    >>> float_array([[1, 2]], "X")
    array([[1., 2.]])
    >>> float_array([[1.0, float("nan")]], "X", ("width", "height"))
    Traceback (most recent call last):
    clearprop.errors.DataError: X contains NaN at row 0, column 1 ('height'); fill the value in or leave \
the row out
    """
    if values is None:
        raise DataError(f"{what} is None; pass an array of numbers")
    if isinstance(values, str | bytes):
        raise DataError(f"{what} is the text {values!r}; pass an array of numbers")
    if np.ma.is_masked(values):
        raise DataError(f"{what} has masked values; fill them in first, for example with {what}.filled(0)")
    if hasattr(values, "toarray"):
        raise DataError(f"{what} is a sparse matrix; pass {what}.toarray()")
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, OverflowError):
        raise ShapeError(f"{what} is not rectangular: {_ragged(values)}; make all rows equally long") from None
    if array.dtype.kind == "c":
        raise DataError(f"{what} holds complex numbers; pass its real part, or real and imaginary columns")
    if array.dtype.kind in "mM":
        raise DataError(f"{what} holds dates or times; turn them into numbers first, for example days")
    try:
        if array.dtype != np.float32:
            array = _to_float64(array, what, names)
        array = np.require(array, requirements=["C", "A"]).astype(array.dtype.newbyteorder("="), copy=False)
    except MemoryError:
        raise DataError(
            f"{what} has shape {array.shape}, which takes {array.size * 8 / 2**30:,.0f} GiB, more than there is; "
            "pass fewer rows at a time"
        ) from None
    _check_finite(array, what, names)
    return array


def canonical_csr(values: Any, what: str) -> Any:
    """Any sparse matrix as a `csr_array`: columns in order, none twice, zeros not stored.

    It shares memory with `values`, which is never written to, if that is in this form already.

    Raises
    ------
    ShapeError
        It does not have two axes.
    DataError
        It is damaged, or does not hold numbers.
    """
    from scipy.sparse import csr_array

    if values.ndim != 2:
        raise ShapeError(f"{what} has shape {values.shape}, expected (rows, features); reshape it")
    if values.dtype.kind == "c":
        raise DataError(f"{what} holds complex numbers; pass its real part, or real and imaginary columns")
    if values.dtype.kind not in "fiub":
        raise DataError(f"{what} holds {values.dtype}, which are not numbers; turn them into numbers")
    try:
        X = csr_array(values)
    except ValueError as error:
        raise DataError(f"{what} is a damaged sparse matrix ({error}); make it anew") from None
    check_csr(X.indices, X.indptr, X.shape, what)
    X.prune()
    X.data = X.data.astype(X.data.dtype.newbyteorder("="), copy=False)
    if not (X.has_canonical_format and X.data.all()):
        X = X.copy()
        X.sum_duplicates()
        X.eliminate_zeros()
    return X


def check_csr(columns: Array, starts: Array, shape: tuple[int, int], what: str) -> None:
    """That a CSR matrix's numbers point nowhere but into it; scipy itself does not look.

    >>> check_csr(np.array([0, 3]), np.array([0, 1, 2]), (2, 2), "X")
    Traceback (most recent call last):
    clearprop.errors.DataError: X is a damaged sparse matrix: it has a value in column 3, but its columns are 0 to 1
    """
    n, d = shape
    wrong = ""
    if len(starts) != n + 1 or starts[0] != 0 or starts[-1] > len(columns) or (starts[1:] < starts[:-1]).any():
        wrong = f"indptr does not cut its {len(columns)} values into {n} rows"
    elif starts[-1]:
        used = columns[: starts[-1]]
        low, high = int(used.min()), int(used.max())
        if low < 0 or high >= d:
            wrong = f"it has a value in column {low if low < 0 else high}, but its columns are 0 to {d - 1}"
    if wrong:
        raise DataError(f"{what} is a damaged sparse matrix: {wrong}; make it anew")


def in_precision(array: Any, dtype: Any, what: str, names: tuple[str, ...] = ()) -> Any:
    """A finite array or CSR matrix in the model's precision, itself if it has it; float32 ends at 3.4e38.

    >>> in_precision(np.array([[1.0, 1e39]]), np.float32, "X")
    Traceback (most recent call last):
    clearprop.errors.DataError: X is 1e+39 at row 0, column 1, too large for float32; rescale it, or use \
dtype='float64'
    """
    if array.dtype == dtype:
        return array
    with np.errstate(over="ignore"):
        narrow = array.astype(dtype)
    finite = np.isfinite(_stored(narrow))
    if not finite.all():
        k = int(np.argmin(finite))
        raise DataError(
            f"{what} is {_stored(array).flat[k]:g} at {_place(_index(array, k), names)}, "
            f"too large for {np.dtype(dtype).name}; rescale it, or use dtype='float64'"
        )
    return narrow


def _sparse_array(values: Any, what: str, names: tuple[str, ...]) -> Any:
    X = canonical_csr(values, what)
    if X.dtype != np.float32:
        _warn_if_inexact(X, what, names)
        X = X.astype(np.float64, copy=False)
    _check_finite(X, what, names)
    return X


def _stored(X: Any) -> Array:
    """The numbers of an array, or those that a CSR matrix stores."""
    return np.asarray(X.data if is_sparse(X) else X)


def _index(X: Any, k: int) -> tuple[Any, ...]:
    """Where the k-th of them stands."""
    if is_sparse(X):
        return int(np.searchsorted(X.indptr, k, side="right")) - 1, int(X.indices[k])
    return np.unravel_index(k, X.shape)


def _ragged(values: Any) -> str:
    """Which rows differ in length, as far as that can be told."""
    try:
        lengths = [len(row) for row in values]
    except TypeError:
        return "its rows have different lengths"
    odd = next((row for row, length in enumerate(lengths) if length != lengths[0]), None)
    if odd is None:
        return "its cells have different lengths"
    return f"row 0 has {lengths[0]} values, row {odd} has {lengths[odd]}"


def _warn_if_inexact(X: Any, what: str, names: tuple[str, ...]) -> None:
    numbers = _stored(X)
    if (
        numbers.dtype.kind in "iu"
        and numbers.itemsize == 8
        and numbers.size
        and max(int(numbers.max()), -int(numbers.min())) > _LARGEST_EXACT
    ):
        k = int(np.argmax(np.abs(numbers.astype(np.float64))))
        warnings.warn(
            f"{what} is {numbers.flat[k]} at {_place(_index(X, k), names)}, which float64 cannot hold exactly; "
            "if it is an identifier, leave it out",
            DataWarning,
            stacklevel=5,
        )


def _to_float64(array: Array, what: str, names: tuple[str, ...]) -> Array:
    _warn_if_inexact(array, what, names)
    if array.dtype.kind == "O":
        _refuse_none(array, what, names)
    try:
        numbers: Array = array.astype(np.float64, copy=False)
    except (ValueError, TypeError, OverflowError):
        _blame(array, what, names)
    if array.dtype.kind in "US" or (array.dtype.kind == "O" and any(isinstance(v, str) for v in array.flat)):
        warnings.warn(f"{what} holds numbers as text, which were converted", DataWarning, stacklevel=4)
    return numbers


def _refuse_none(array: Array, what: str, names: tuple[str, ...]) -> None:
    for index, value in np.ndenumerate(array):
        if value is None:  # NumPy would make it NaN
            raise DataError(f"{what} is None at {_place(index, names)}; fill the value in or leave the row out")


def _blame(array: Array, what: str, names: tuple[str, ...]) -> NoReturn:
    """Name the first value that is no number."""
    for index, value in np.ndenumerate(array):
        try:
            float(value)
        except (ValueError, TypeError, OverflowError) as error:
            large = isinstance(error, OverflowError)
            shown = "a whole number" if large else repr(value.item() if isinstance(value, np.generic) else value)[:40]
            raise DataError(
                f"{what} holds {shown} at {_place(index, names)}, which is "
                f"{'too large for float64; rescale it' if large else 'not a number; turn it into a number'} "
                "or leave the column out"
            ) from None
    raise DataError(f"{what} cannot be turned into numbers; pass an array of numbers")


def _check_finite(X: Any, what: str, names: tuple[str, ...]) -> None:
    numbers = _stored(X)
    with np.errstate(all="ignore"):
        if np.isfinite(numbers.sum()):  # NaN and infinity stay in a sum; it may also overflow, hence the longer look
            return
    finite = np.isfinite(numbers)
    if finite.all():
        return
    k = int(np.argmin(finite))
    kind = "NaN" if np.isnan(numbers.flat[k]) else "infinity"
    count = int(numbers.size - np.count_nonzero(finite))
    more = f" ({count} such values in all)" if count > 1 else ""
    place = _place(_index(X, k), names)
    raise DataError(f"{what} contains {kind} at {place}{more}; fill the value in or leave the row out")


def _place(index: tuple[Any, ...], names: tuple[str, ...]) -> str:
    if len(index) < 2:
        return f"row {int(index[0])}" if index else "its only place"
    name = f" ({names[index[1]]!r})" if index[1] < len(names) else ""
    return f"row {int(index[0])}, column {int(index[1])}{name}"
