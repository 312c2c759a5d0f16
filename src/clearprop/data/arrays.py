"""From whatever the caller has to finite float arrays: one gate, and every refusal names the cell.

Nothing behind this gate has to think of text, dates, masks, complex numbers or NaN again.
"""

import warnings
from typing import Any, NoReturn

import numpy as np

from clearprop._types import Array
from clearprop.errors import DataError, DataWarning, ShapeError

_LARGEST_EXACT = 2**53


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


def in_precision(array: Array, dtype: Any, what: str, names: tuple[str, ...] = ()) -> Array:
    """A finite array in the model's precision; float32 ends at 3.4e38.

    >>> in_precision(np.array([[1.0, 1e39]]), np.float32, "X")
    Traceback (most recent call last):
    clearprop.errors.DataError: X is 1e+39 at row 0, column 1, too large for float32; rescale it, or use \
dtype='float64'
    """
    with np.errstate(over="ignore"):
        narrow = array.astype(dtype, copy=False)
    if not np.isfinite(narrow).all():
        index = np.unravel_index(int(np.argmin(np.isfinite(narrow))), array.shape)
        raise DataError(
            f"{what} is {array[index]:g} at {_place(index, names)}, too large for {np.dtype(dtype).name}; "
            "rescale it, or use dtype='float64'"
        )
    return narrow


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


def _to_float64(array: Array, what: str, names: tuple[str, ...]) -> Array:
    if (
        array.dtype.kind in "iu"
        and array.itemsize == 8
        and array.size
        and max(int(array.max()), -int(array.min())) > _LARGEST_EXACT
    ):
        index = np.unravel_index(int(np.argmax(np.abs(array.astype(np.float64)))), array.shape)
        warnings.warn(
            f"{what} is {array[index]} at {_place(index, names)}, which float64 cannot hold exactly; "
            "if it is an identifier, leave it out",
            DataWarning,
            stacklevel=4,
        )
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


def _check_finite(array: Array, what: str, names: tuple[str, ...]) -> None:
    finite = np.isfinite(array)
    if finite.all():
        return
    index = np.unravel_index(int(np.argmin(finite)), array.shape)
    kind = "NaN" if np.isnan(array[index]) else "infinity"
    count = int(array.size - np.count_nonzero(finite))
    more = f" ({count} such values in all)" if count > 1 else ""
    raise DataError(f"{what} contains {kind} at {_place(index, names)}{more}; fill the value in or leave the row out")


def _place(index: tuple[Any, ...], names: tuple[str, ...]) -> str:
    if len(index) < 2:
        return f"row {int(index[0])}" if index else "its only place"
    name = f" ({names[index[1]]!r})" if index[1] < len(names) else ""
    return f"row {int(index[0])}, column {int(index[1])}{name}"
