"""Everything clearprop raises, in one tree.

::

    ClearpropError (Exception)
    ├── UnknownNameError (also KeyError)          no such activation, loss, data set, ...
    ├── ConfigurationError (also ValueError)      an argument is out of its range, or two contradict each other
    ├── ShapeError (also ValueError)              arrays whose shapes do not fit together
    ├── DataError (also ValueError)               a table or an array that cannot be used: file, line, column, value
    │   └── SeveralDataErrors                     the same of several columns of a table
    ├── ModelFileError (also ValueError)          not a model file, damaged, or written by a newer version
    │   └── CheckpointError                       the same of a checkpoint, or it belongs to another training
    ├── TapeError (also RuntimeError)             a gradient tape used out of turn
    │   └── NotConnectedError                     the target does not depend on the source
    ├── UnsupportedOperationError (also TypeError)  a NumPy function outside the dialect
    ├── DivergenceError (also ArithmeticError, ValueError)  training left the finite numbers
    └── OutputError (also OSError)                a file or folder that cannot be written

    ClearpropWarning (UserWarning)
    ├── DataWarning                               a column or value of a table that is used otherwise than it looks
    └── SaturationWarning                         a layer starts where its gradient vanishes

Each message says what is wrong, where, and one thing to do about it.
"""

from collections.abc import Sequence
from typing import ClassVar


class ClearpropError(Exception):
    """Base of all errors; `exit_code` is what the command line returns for it."""

    exit_code = 2

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""  # KeyError would show the repr


class UnknownNameError(ClearpropError, KeyError):
    """A name that is not in a registry."""


class ConfigurationError(ClearpropError, ValueError):
    """An argument out of its range, or arguments that contradict each other."""


class ShapeError(ClearpropError, ValueError):
    """Arrays whose shapes do not fit together."""


class DataError(ClearpropError, ValueError):
    """A table or an array that cannot be used."""

    exit_code = 3


class SeveralDataErrors(DataError):
    """What is wrong with several columns of one table, so that it can be mended in one go.

    Attributes
    ----------
    errors : tuple of DataError
        Each with its place and remedy.
    """

    SHOWN: ClassVar[int] = 8
    """The others are counted."""

    def __init__(self, table: str, errors: Sequence[DataError]) -> None:
        self.errors = tuple(errors)
        lines = [f"{table}: {len(errors)} columns cannot be used as they are", *map(str, errors[: self.SHOWN])]
        if len(errors) > self.SHOWN:
            lines.append(f"and {len(errors) - self.SHOWN} more columns; mend these first")
        super().__init__("\n  ".join(lines))


class ModelFileError(ClearpropError, ValueError):
    """A file that is not a model, is damaged, or comes from a newer version."""

    exit_code = 4


class CheckpointError(ModelFileError):
    """A checkpoint that is damaged, comes from a newer version, or belongs to another training."""


class TapeError(ClearpropError, RuntimeError):
    """A gradient tape used out of turn."""


class NotConnectedError(TapeError):
    """A gradient was asked for, but the target does not depend on the source."""


class UnsupportedOperationError(ClearpropError, TypeError):
    """A NumPy function that has no definition with a derivative."""


class DivergenceError(ClearpropError, ArithmeticError, ValueError):
    """Loss or weights became infinite or NaN; the last finite weights are kept."""

    exit_code = 5


class OutputError(ClearpropError, OSError):
    """A file or folder that cannot be written."""

    exit_code = 6


class ClearpropWarning(UserWarning):
    """Base of all warnings."""


class DataWarning(ClearpropWarning):
    """A column left out, or values never seen in training: nothing is wrong, but it should be known."""


class SaturationWarning(ClearpropWarning):
    """A layer starts where its activation is flat, so its gradient vanishes."""
