"""Columns of answers as a file that other programs read: CSV or Parquet, by the name's ending."""

import csv
import datetime
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.errors import ConfigurationError, OutputError
from clearprop.files.atomic import atomic_file

_ROWS_AT_ONCE = 10_000


def write_table(columns: Mapping[str, Array], path: str | os.PathLike[str]) -> None:
    """Write `columns` to `path`, entirely or not at all.

    Parameters
    ----------
    columns : mapping of str to array
        Numbers, text or dates, all of one length; a masked cell is missing.
    path : path
        A name that ends in ``.csv`` or ``.parquet``.

    Raises
    ------
    ConfigurationError
        Another ending.
    OutputError
        The file cannot be written.
    """
    ending = Path(path).suffix.lower()
    if ending not in (".csv", ".parquet"):
        raise ConfigurationError(f"{os.fspath(path)}: a file of predictions ends in .csv or .parquet; rename it")
    with atomic_file(path) as temporary:
        if ending == ".parquet":
            _parquet(columns, temporary, os.fspath(path))
        else:
            with temporary.open("w", encoding="utf-8", newline="") as file:
                file.writelines(csv_text(columns))


def csv_text(columns: Mapping[str, Array]) -> Iterator[str]:
    """CSV in pieces: a header, then every number with all its digits.

    >>> list(csv_text({"a": np.array([0.5, 1.0]), "b": np.array(["x", "y, z"])}))
    ['a,b\\n', '0.5,x\\n1.0,"y, z"\\n']
    """
    yield _lines([columns])
    cells = [column.tolist() for column in columns.values()]
    for start in range(0, len(cells[0]), _ROWS_AT_ONCE):
        yield _lines(zip(*(column[start : start + _ROWS_AT_ONCE] for column in cells), strict=True))


def json_cells(column: Array) -> list[Any]:
    """A column as JSON can hold it: null for missing cells and for numbers that are not finite, dates as text.

    >>> json_cells(np.array([0.5, np.inf])), json_cells(np.array(["2024-01-31T08:30"], dtype="datetime64[us]"))
    ([0.5, None], ['2024-01-31 08:30:00'])
    """
    if column.dtype.kind == "f":
        column = np.ma.masked_invalid(column)
    return [str(cell) if isinstance(cell, datetime.datetime) else cell for cell in column.tolist()]


def _lines(rows: object) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)  # type: ignore[arg-type]
    return text.getvalue()


def _parquet(columns: Mapping[str, Array], temporary: Path, name: str) -> None:
    import duckdb

    # Under names of our own, so that no column name is ever part of a query's text unquoted.
    table = {f"c{i}": column for i, column in enumerate(columns.values())}
    renamed = ", ".join(f'c{i} AS "{column.replace(chr(34), chr(34) * 2)}"' for i, column in enumerate(columns))
    with duckdb.connect() as connection:
        try:
            connection.register("answers", table)
            where = os.fspath(temporary.absolute()).replace("'", "''")
            connection.execute(f"COPY (SELECT {renamed} FROM answers) TO '{where}' (FORMAT parquet)")
        except duckdb.Error:
            raise OutputError(f"{name}: cannot be written as Parquet; write .csv instead") from None
