"""One file or frame as a query of DuckDB's: names, and cells in their simplest type.

Text cells lose surrounding blanks, and an empty cell is a missing one (NULL). A CSV file is text throughout:
nothing is guessed. Parquet files and frames bring types, of which four are kept: text, numbers (whole ones
apart), yes/no and points in time.
"""

import csv
import glob
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from clearprop.data.asked import Asked
from clearprop.data.cells import simplest, trimmed
from clearprop.data.csv_structure import CsvFile, check_csv
from clearprop.data.database import Connection, literal, memory_guard
from clearprop.data.files import is_gzip
from clearprop.data.names import checked_names
from clearprop.data.text import UTF8, encoding_of, lines_of, open_text
from clearprop.errors import DataError

LEAST_LINE = 2 << 20  # DuckDB's own bound of a line, in bytes


@dataclass(frozen=True)
class Part:
    """The rows that came from one file or frame.

    Attributes
    ----------
    name : str
        What messages call it.
    columns : tuple of str
        Their names.
    cells : tuple of str
        For each column, the SQL that gives its cells.
    origin : str
        The SQL they come from.
    parameters : list
        Of that SQL.
    rows : int or None
        How many there must be; None if only the reader knows.
    line_of : callable
        Row number (from 0) -> what a message says after the name, such as ``":7"``.
    notes : tuple of str
        What else the file holds, and how it was read.
    kinds : tuple of str or None
        The types of the cells; None if only the reader knows. To ask it takes seconds for 10,000 columns.
    separator : str
        Between the fields of a text file.
    """

    name: str
    columns: tuple[str, ...]
    cells: tuple[str, ...]
    origin: str
    parameters: list[Any]
    rows: int | None
    line_of: Callable[[int], str]
    notes: tuple[str, ...] = ()
    kinds: tuple[str, ...] | None = None
    separator: str = ""


# --------------------------------------------------------------------------------------------------------- CSV


@contextmanager
def csv_part(name: str, given: str, asked: Asked) -> Iterator[Part]:
    """A CSV file, checked."""
    encoding, notes = encoding_of(name, given)
    file = check_csv(name, encoding, asked)
    own = [f"c{number}" for number in range(len(file.layout.names))]
    with _for_duckdb(file) as (path, header, separator):
        options = (
            f"header = {header}, {EXACTLY}, "
            f"max_line_size = {max(LEAST_LINE, 8 * (file.longest + len(own)))}, "
            f"compression = '{'gzip' if is_gzip(path) else 'none'}'"
        )
        yield Part(
            name,
            file.layout.names,
            tuple(map(trimmed, own) if file.padded and len(own) <= _MOST_TRIMMED else own),
            f"read_csv(?, delim = ?, columns = ?, {options})",
            [one_file(path), separator, dict.fromkeys(own, "VARCHAR")],
            file.layout.rows,
            lambda row: f":{file.line_of(row)}",
            (*notes, *file.layout.notes),
            ("VARCHAR",) * len(own),
            file.separator,
        )


_MOST_TRIMMED = 1000  # columns that DuckDB trims; more expressions take it more than linearly longer to plan

EXACTLY = "quote = '\"', escape = '\"', auto_detect = false, strict_mode = false, null_padding = false"


@contextmanager
def _for_duckdb(file: CsvFile) -> Iterator[tuple[str, bool, str]]:
    """The file itself, or a temporary copy that holds the rows, without surrounding blanks, and nothing else; whether
    it has a line of names, and its separator."""
    fields = file.layout.fields
    if file.encoding == UTF8 and file.regular and file.plain and not (file.padded and len(fields) > _MOST_TRIMMED):
        yield file.name, True, file.separator
        return
    with tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8", newline="") as copy:
        writer = csv.writer(copy, lineterminator="\n")
        writer.writerows([row.cells[field].strip(" \t") for field in fields] for row in file.rows())
        copy.flush()
        yield copy.name, False, ","


def one_file(name: str) -> str:
    """The name as DuckDB takes it for one file: absolute (so no URL) and escaped (so no pattern)."""
    return glob.escape(os.path.abspath(name))


# -------------------------------------------------------------------------------------------------- JSON lines


@contextmanager
def json_part(name: str, given: str) -> Iterator[Part]:
    """A file with one JSON object on each line; numbers and true/false become text, as in a CSV file."""
    encoding, notes = encoding_of(name, given)
    keys, lines, longest = _check_json(name, encoding)
    if not keys:
        raise DataError(f'{name}: there are no columns; each line must hold an object such as {{"age": 31}}')
    pointers = ["/" + key.replace("~", "~0").replace("/", "~1") for key in keys]
    with _in_utf8(name, encoding) as path:
        yield Part(
            name,
            checked_names(name, keys),
            tuple(trimmed(f"json_extract_string(json, {literal(pointer)})") for pointer in pointers),
            f"read_ndjson_objects(?, maximum_object_size = {max(LEAST_LINE, 4 * longest + 4)})",
            [one_file(path)],
            lines,
            lambda row: f":{_json_line(name, encoding, row)}",
            notes,
            ("VARCHAR",) * len(keys),
        )


def _check_json(name: str, encoding: str) -> tuple[list[str], int, int]:
    """The keys as they first occur, how many objects there are, and the letters of the longest line."""
    keys: dict[str, None] = {}
    count = longest = 0
    with open_text(name, encoding) as file:
        for number, line in enumerate(lines_of(name, file), start=1):
            if not line.strip():
                continue
            try:
                value = json.loads(line, object_pairs_hook=_unique_keys)
            except (ValueError, RecursionError) as error:
                reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
                raise DataError(f"{name}:{number}: not a JSON object ({reason}); correct this line") from None
            if not isinstance(value, dict):
                raise DataError(f'{name}:{number}: the line must hold one JSON object, such as {{"age": 31}}')
            for key, cell in value.items():
                if isinstance(cell, dict | list):
                    raise DataError(
                        f"{name}:{number}: column {key!r} holds lists or objects; only single values make a table"
                    )
            keys.update(dict.fromkeys(value))
            count, longest = count + 1, max(longest, len(line))
    return list(keys), count, longest


@contextmanager
def _in_utf8(name: str, encoding: str) -> Iterator[str]:
    """The file itself, or a temporary copy in UTF-8."""
    if encoding == UTF8:
        yield name
        return
    with (
        tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8", newline="") as copy,
        open_text(name, encoding) as text,
    ):
        shutil.copyfileobj(text, copy)
        copy.flush()
        yield copy.name


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a name occurs twice")
    return value


def _json_line(name: str, encoding: str, row: int) -> int:
    with open_text(name, encoding) as file:
        filled = (number for number, line in enumerate(file, start=1) if line.strip())
        return next(number for position, number in enumerate(filled) if position == row)


# ---------------------------------------------------------------------------------------- typed: Parquet, frames


@contextmanager
def parquet_part(connection: Connection, name: str) -> Iterator[Part]:
    """A Parquet file."""
    import duckdb

    path = one_file(name)
    try:
        with memory_guard(name):
            # Names come from the file: DuckDB would add those of folders (a=5/), and rename 'a' beside 'A'.
            schema = connection.execute("SELECT name, num_children FROM parquet_schema(?)", [path]).fetchall()
            origin = "read_parquet(?, hive_partitioning = false, union_by_name = false)"
            yield _typed_part(connection, name, _outermost(schema), origin, [path])
    except duckdb.Error:
        raise DataError(f"{name}: a damaged or encrypted Parquet file; write it anew") from None


def _outermost(schema: list[tuple[str, int | None]]) -> list[str]:
    """The names of a Parquet file's columns; its schema is a tree, which lists each node before its children.

    >>> _outermost([("schema", 2), ("a", None), ("b", 1), ("inside b", None)])
    ['a', 'b']
    """
    names, within = [], [1]  # how many nodes are still to come at each depth
    for name, children in schema:
        within[-1] -= 1
        if len(within) == 2:
            names.append(name)
        if children:
            within.append(children)
        while len(within) > 1 and not within[-1]:
            within.pop()
    return names


@contextmanager
def frame_part(connection: Connection, frame: Any) -> Iterator[Part]:
    """A pandas, polars or Arrow table that is in memory."""
    import duckdb
    import narwhals as nw

    names = list(getattr(frame, "column_names", getattr(frame, "columns", ())))  # Arrow's columns are cells
    if all(isinstance(name, str) for name in names):
        checked_names("the table", names)  # before narwhals refuses two columns of one name in words of its own
    try:
        wrapped = nw.from_native(frame, eager_only=True)
    except TypeError:
        raise DataError(
            f"cannot read a table from {type(frame).__name__}; pass a file name or a pandas, polars or Arrow table"
        ) from None
    for name in names:
        if not isinstance(name, str):
            raise DataError(f"the table: column name {name!r} is not text; rename the columns with str()")
    pandas = nw.get_native_namespace(wrapped).__name__ == "pandas"
    # pandas needs no Arrow to be read; the others speak Arrow's C stream, which narwhals passes on.
    own = {name: f"c{number}" for number, name in enumerate(names)}
    plain = _plain_pandas(frame, list(own.values())) if pandas else _with_typed_gaps(wrapped.rename(own))
    connection.register("frame", plain)
    try:
        yield _typed_part(connection, "the table", names, "frame", [])
    except duckdb.Error as error:
        raise DataError(f"this table cannot be read ({str(error).splitlines()[0]}); write it to a file first") from None
    finally:
        connection.unregister("frame")


def _plain_pandas(frame: Any, names: list[str]) -> Any:
    """The frame without its index, under these names; columns of mixed Python objects become text."""
    frame = frame.reset_index(drop=True).set_axis(names, axis=1)
    mixed = {name: frame[name].map(str, na_action="ignore") for name in frame.columns if frame[name].dtype == object}
    return frame.assign(**mixed)


def _with_typed_gaps(frame: Any) -> Any:
    """The frame with text columns for those that hold nothing and so have no type, which DuckDB cannot take."""
    import narwhals as nw

    empty = [
        name for name, kind in frame.schema.items() if kind == nw.Unknown and frame[name].null_count() == len(frame)
    ]
    return frame.with_columns(nw.col(name).cast(nw.String) for name in empty) if empty else frame


def _typed_part(connection: Connection, name: str, names: list[str], origin: str, parameters: list[Any]) -> Part:
    """Columns are taken by position, because DuckDB's names know no capitals."""
    if not names:
        raise DataError(f"{name}: there are no columns; name another file")
    own = [f"c{number}" for number in range(len(names))]
    columns = checked_names(name, names)
    origin = f"{origin} AS part({', '.join(own)})"
    described = connection.execute(f"DESCRIBE SELECT {', '.join(own)} FROM {origin}", parameters).fetchall()
    kinds = [kind for _, kind, *_ in described]
    return Part(
        name,
        columns,
        tuple(simplest(name, column, cell, kind) for column, cell, kind in zip(columns, own, kinds, strict=True)),
        origin,
        parameters,
        None,
        lambda row: f": row {row + 1}",
    )
