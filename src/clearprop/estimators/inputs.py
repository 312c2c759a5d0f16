"""scikit-learn's validation of X and y, and where in them it found what it refuses."""

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from clearprop.data.arrays import features, float_array
from clearprop.errors import ClearpropError, DataError

TYPES = (np.dtype(np.float64), np.dtype(np.float32))


def validated(estimator: Any, X: Any, y: Any = "no_validation", **how: Any) -> Any:
    """What `sklearn.utils.validation.validate_data` returns; its errors, with row and column where they can be told.

    Raises
    ------
    DataError
        Besides what scikit-learn refuses: masked values and dates, which it would take for numbers.
    """
    if np.ma.is_masked(X):
        raise DataError("X has masked values; fill them in first, for example with X.filled(0)")
    if getattr(getattr(X, "dtype", None), "kind", "") in ("m", "M"):
        raise DataError("X holds dates or times; turn them into numbers first, for example days")
    try:
        return validate_data(estimator, X, y, accept_sparse=["csr", "csc"], dtype=TYPES, **how)
    except ValueError as error:
        place = _place(X, y)
        if not place:
            raise
        first = str(error).partition("\n")[0]  # the rest is advice for estimators of other kinds
        raise DataError(f"{first} {place}") from None


def _place(X: Any, y: Any) -> str:
    """What this library finds wrong with X, or else with the quantities in y; empty if nothing."""
    try:
        features(X, "X", tuple(str(name) for name in getattr(X, "columns", ())))
        if np.asarray(y).dtype.kind == "f":
            float_array(y, "y")
    except ClearpropError as error:
        return str(error)
    except Exception:  # the user's objects may do anything when they are asked for numbers; scikit-learn has answered
        return ""
    return ""
