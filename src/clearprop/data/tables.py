"""Tables from files, folders, queries and frames, read honestly: every cell and every line accounted for.

Readers that guess are dangerous: they turn ``00123`` into 123, fill short rows up, take a data line for the
header, or drop what does not fit. Here a separator, a title or a note is only taken for one if the whole file then
is a table, and it is said; what may be a row or not is asked for. A file is read as a whole, or refused with file
and line.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import Any

from clearprop.data.asked import Asked
from clearprop.data.cells import Cell
from clearprop.data.database import Connection, connect, lock, memory_guard
from clearprop.data.excel import excel_part
from clearprop.data.files import FileKind, files_of, kind_of, look_at
from clearprop.data.query import run_query
from clearprop.data.readers import Part, csv_part, frame_part, json_part, parquet_part
from clearprop.data.table import Origin, Table
from clearprop.data.text import checked_encoding
from clearprop.errors import DataError

_PLACES = ("header", "first_row", "footer")
_ROWS = "rows"  # what the table is called in DuckDB


def read_table(
    source: Any,
    *,
    sql: str | None = None,
    encoding: str | None = None,
    separator: str | None = None,
    header: int | None = None,
    first_row: int | None = None,
    footer: int | None = None,
    sheet: str | None = None,
) -> Table:
    """Read a table.

    A file's columns are the file's: all of them, in its order, under its names. Blanks around names and text cells
    are not part of them; two columns whose names are then equal are refused. What people and programs put around a
    table is passed over and noted in `Table.notes`: a title and comments above the names, units below them, notes at
    the end, Excel's ``sep=;``, fields without name and cells. A first column without a name, as pandas and R write
    their index, is called ``Unnamed: 0``. Where a line may be a row or not, the file is refused, and the message
    names which of the options below decides.

    Parameters
    ----------
    source : path or frame
        A CSV file (or TSV, or with another separator; quoted cells may hold separators and line breaks), a Parquet
        file, a file of JSON lines, a workbook of Excel or OpenOffice (.xlsx, .xls, .xlsb, .ods); CSV and JSON may be
        compressed with gzip. Or a folder, or a pattern such as ``"sales/*.csv"``, of files of one kind with the same
        columns. Or a pandas, polars or Arrow table.
    sql : str, optional
        A query, one SELECT over the table, which it calls ``data``. Columns of CSV files that hold nothing but
        numbers are numbers there.
    encoding : str, optional
        Of text files, for example ``"gbk"``; by default UTF-8, with or without byte order mark.
    separator : str, optional
        Between the fields of a text file: one letter, or ``"tab"`` or ``"blank"``; by default the one that makes a
        table of all lines.
    header : int, optional
        The line (of a workbook the row) with the column names; by default the first that makes a table of those below.
    first_row : int, optional
        The line of the first row, if there are others below the names.
    footer : int, optional
        How many lines at the end are no rows, blank ones not counted.
    sheet : str, optional
        Of a workbook; by default the first.

    Raises
    ------
    DataError
        A file that cannot be read, or is no table: the message has file and line.
    ConfigurationError
        A query or an encoding that does not work.

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "flowers.csv"
    >>> _ = file.write_text("petal;species\\n1.5;setosa\\n4.5;virginica\\n")
    >>> table = read_table(file)
    >>> table.names, len(table), table.text("species").tolist()
    (('petal', 'species'), 2, ['setosa', 'virginica'])
    >>> read_table(file, sql="SELECT species FROM data WHERE petal > 2").text("species").tolist()
    ['virginica']
    """
    codec = checked_encoding(encoding)
    asked = Asked(separator, header, first_row, footer, sheet)
    path = os.fspath(source) if isinstance(source, str | os.PathLike) else None
    with memory_guard(str(path or "the table")):
        loader = _Loader(str(path or "the table"))
        if path is None:
            asked.refuse("a table in memory", *_PLACES, "separator", "sheet")
            loader.add(frame_part(loader.connection, source))
        else:
            _load_files(loader, codec, asked)
        lock(loader.connection)
        table = loader.table()
        return table if sql is None else run_query(table, sql)


def _load_files(loader: "_Loader", encoding: str, asked: Asked) -> None:
    names = files_of(loader.path)
    first: FileKind | None = None
    for name in names:
        before = look_at(name)
        kind = kind_of(name)
        first = first or kind
        if kind != first:
            raise DataError(f"{name}: this is a {kind} file, but {names[0]} is {first}; read one kind at a time")
        if kind == "Parquet":
            asked.refuse("a Parquet file", *_PLACES, "separator", "sheet")
            loader.add(parquet_part(loader.connection, name))
        elif kind == "JSON lines":
            asked.refuse("JSON lines", *_PLACES, "separator", "sheet")
            loader.add(json_part(name, encoding))
        elif kind == "workbook":
            asked.refuse("a workbook", "separator")
            loader.add(excel_part(name, asked))
        else:
            asked.refuse("a text file", "sheet")
            loader.add(csv_part(name, encoding, asked))
        after = os.stat(name)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise DataError(f"{name}: the file changed while it was read; read it again")


class _Loader:
    """Puts one part after the other into DuckDB. The tables made from it keep it, and so the connection, alive."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.columns: tuple[str, ...] = ()
        self.kinds: list[str] = []
        self.origins: list[Origin] = []
        self.notes: dict[str, list[str]] = {}  # what is said -> of which files

    @cached_property
    def connection(self) -> Connection:
        """Opened when the first part has passed its checks, as many files do not."""
        return connect(self)

    def add(self, opened: AbstractContextManager[Part]) -> None:
        """Append the rows of a part, which must have the columns of those before."""
        with opened as part:
            self._same_columns(part)
            cells = dict(zip(part.columns, part.cells, strict=True))
            selected = ", ".join(f"{cells[column]} AS c{i}" for i, column in enumerate(self.columns))
            query = f"SELECT {selected} FROM {part.origin}"
            with _in_our_words(part.name):
                self._same_kinds(part, query)
            verb = f"INSERT INTO {_ROWS}" if self.origins else f"CREATE TABLE {_ROWS} AS"
            with memory_guard(self.path), _in_our_words(part.name):
                (rows,) = self.connection.execute(f"{verb} {query}", part.parameters).fetchone()
            if part.rows not in (None, rows):
                raise DataError(
                    f"{part.name}: {rows} rows were read but {part.rows} counted; save it anew as plain CSV in UTF-8"
                )
            self.origins.append(Origin(part.name, rows, part.line_of, part.separator))
            for note in part.notes:
                self.notes.setdefault(note, []).append(part.name)

    def table(self) -> Table:
        """What was loaded."""
        rows = sum(origin.rows for origin in self.origins)
        if not rows:
            raise DataError(f"{self.path}: there are no rows; at least one is needed")
        cells = {name: Cell(f"c{i}", kind) for i, (name, kind) in enumerate(zip(self.columns, self.kinds, strict=True))}
        notes = tuple(
            f"{names[0]}: {note}" + f" (so in {len(names)} files)" * (len(names) > 1)
            for note, names in self.notes.items()
        )
        return Table(self.path, cells, tuple(self.origins), _ROWS, self.connection, self, 0, rows, notes)

    def _same_columns(self, part: Part) -> None:
        if not self.origins:
            self.columns = part.columns
        here, first = set(part.columns), set(self.columns)
        for column in self.columns:
            if column not in here:
                raise DataError(f"{part.name}: there is no column {column!r}, which {self.origins[0].name} has; add it")
        for column in part.columns:
            if column not in first:
                raise DataError(
                    f"{part.name}: there is a column {column!r}, which {self.origins[0].name} has not; remove it"
                )

    def _same_kinds(self, part: Part, query: str) -> None:
        kinds = [kind for _, kind, *_ in self.connection.execute(f"DESCRIBE {query}", part.parameters).fetchall()]
        self.kinds = self.kinds or kinds
        for column, kind, first in zip(self.columns, kinds, self.kinds, strict=True):
            if kind != first:
                raise DataError(
                    f"{part.name}: column {column!r} holds {_WORDS[kind]}, but in {self.origins[0].name} "
                    f"{_WORDS[first]}; make the files alike"
                )


@contextmanager
def _in_our_words(name: str) -> Iterator[None]:
    """What DuckDB finds wrong with a file that has passed all checks."""
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        raise DataError(f"{name}: cannot be read as a table; save it anew, for example as plain CSV in UTF-8") from None


_WORDS = {
    "VARCHAR": "text",
    "BIGINT": "whole numbers",
    "DOUBLE": "numbers",
    "BOOLEAN": "yes/no values",
    "TIMESTAMP": "dates",
}
