"""One file or frame as a query of DuckDB's: names, and cells in their simplest type.

Text cells lose surrounding blanks, and an empty cell is a missing one (NULL). A CSV file is text throughout:
nothing is guessed. Parquet files and frames bring types, of which four are kept: text, numbers (whole ones
apart), yes/no and points in time.
"""

import csv
import glob
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from clearprop.data.cells import simplest, trimmed
from clearprop.data.csv_structure import CsvFile, check_csv
from clearprop.data.database import Connection, literal, memory_guard, quoted
from clearprop.data.files import is_gzip
from clearprop.data.text import lines_of, open_text
from clearprop.errors import DataError

_LEAST_LINE = 2 << 20  # DuckDB's own bound of a line, in bytes


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
    """

    name: str
    columns: tuple[str, ...]
    cells: tuple[str, ...]
    origin: str
    parameters: list[Any]
    rows: int | None
    line_of: Callable[[int], str]


# --------------------------------------------------------------------------------------------------------- CSV


@contextmanager
def csv_part(name: str, encoding: str) -> Iterator[Part]:
    """A CSV file, checked."""
    file = check_csv(name, encoding)
    own = [f"c{number}" for number in range(len(file.header))]
    with _for_duckdb(file) as path:
        options = (
            "header = true, quote = '\"', escape = '\"', auto_detect = false, strict_mode = false, "
            f"null_padding = false, max_line_size = {max(_LEAST_LINE, 8 * (file.longest + len(own)))}, "
            f"compression = '{'gzip' if is_gzip(path) else 'none'}'"
        )
        yield Part(
            name,
            file.header,
            tuple(map(trimmed, own) if file.padded else own),
            f"read_csv(?, delim = ?, columns = ?, {options})",
            [_one_file(path), file.separator, dict.fromkeys(own, "VARCHAR")],
            file.rows,
            lambda row: f":{file.line_of(row)}",
        )


@contextmanager
def _for_duckdb(file: CsvFile) -> Iterator[str]:
    """The file itself, or a temporary copy in UTF-8 whose lines all end the same way."""
    if file.encoding == "utf-8-sig" and file.regular:
        yield file.name
        return
    with (
        tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8", newline="") as copy,
        open_text(file.name, file.encoding) as text,
    ):
        rows = csv.reader(text, delimiter=file.separator, strict=True)
        blank = [""] if len(file.header) == 1 else []  # in a single column a blank line is an empty cell
        writer = csv.writer(copy, delimiter=file.separator, lineterminator="\n")
        writer.writerows(row or blank for row in rows if row or blank)
        copy.flush()
        yield copy.name


def _one_file(name: str) -> str:
    """The name as DuckDB takes it for one file: absolute (so no URL) and escaped (so no pattern)."""
    return glob.escape(os.path.abspath(name))


# -------------------------------------------------------------------------------------------------- JSON lines


@contextmanager
def json_part(connection: Connection, name: str, encoding: str) -> Iterator[Part]:
    """A file with one JSON object on each line; numbers and true/false become text, as in a CSV file."""
    import duckdb

    lines, longest = _check_json(name, encoding)
    origin = f"read_ndjson_objects(?, maximum_object_size = {max(_LEAST_LINE, 4 * longest + 4)})"
    path = _one_file(name)
    try:
        with memory_guard(name):
            found = connection.execute(
                f"SELECT key, bool_or(kind IN ('OBJECT', 'ARRAY')) FROM (SELECT unnest(json_keys(json)) AS key, "
                f"unnest(list_transform(json_keys(json), lambda k: json_type(json, '/' || replace(replace(k, '~', "
                f"'~0'), '/', '~1')))) AS kind FROM {origin}) GROUP BY key",
                [path],
            ).fetchall()
            first = connection.execute(f"SELECT json_keys(json) FROM {origin} LIMIT 1", [path]).fetchone()
    except duckdb.Error:
        raise DataError(f"{name}: cannot be read as JSON lines; write it anew, one object on each line") from None
    for key, nested in found:
        if nested:
            raise DataError(f"{name}: column {key!r} holds lists or objects; only single values make a table")
    if not found:
        raise DataError(f'{name}: there are no columns; each line must hold an object such as {{"age": 31}}')
    order = {key: position for position, key in enumerate(first[0] if first else [])}
    keys = sorted((key for key, _ in found), key=lambda key: (order.get(key, len(order)), key))
    pointers = ["/" + key.replace("~", "~0").replace("/", "~1") for key in keys]
    yield Part(
        name,
        tuple(keys),
        tuple(trimmed(f"json_extract_string(json, {literal(pointer)})") for pointer in pointers),
        origin,
        [path],
        lines,
        lambda row: f":{_json_line(name, encoding, row)}",
    )


def _check_json(name: str, encoding: str) -> tuple[int, int]:
    """How many objects there are, and the letters of the longest; each line must hold one."""
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
            count, longest = count + 1, max(longest, len(line))
    return count, longest


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

    try:
        with memory_guard(name):
            yield _typed_part(connection, name, "read_parquet(?)", [_one_file(name)])
    except duckdb.Error:
        raise DataError(f"{name}: a damaged or encrypted Parquet file; write it anew") from None


@contextmanager
def frame_part(connection: Connection, frame: Any) -> Iterator[Part]:
    """A pandas, polars or Arrow table that is in memory."""
    import duckdb
    import narwhals as nw

    names = list(getattr(frame, "columns", ()))
    twice = [name for name in names if isinstance(name, str) and names.count(name) > 1]
    if twice:
        raise DataError(f"the table: two columns are called {twice[0]!r}; rename one")
    try:
        wrapped = nw.from_native(frame, eager_only=True)
    except TypeError:
        raise DataError(
            f"cannot read a table from {type(frame).__name__}; pass a file name or a pandas, polars or Arrow table"
        ) from None
    for name in wrapped.columns:
        if not isinstance(name, str):
            raise DataError(f"the table: column name {name!r} is not text; rename the columns with str()")
    pandas = nw.get_native_namespace(wrapped).__name__ == "pandas"
    # pandas needs no Arrow to be read; the others speak Arrow's C stream, which narwhals passes on.
    connection.register("frame", _plain_pandas(frame) if pandas else wrapped)
    try:
        yield _typed_part(connection, "the table", "frame", [])
    except duckdb.Error as error:
        raise DataError(f"this table cannot be read ({str(error).splitlines()[0]}); write it to a file first") from None
    finally:
        connection.unregister("frame")


def _plain_pandas(frame: Any) -> Any:
    """The frame without its index; columns of mixed Python objects become text."""
    frame = frame.reset_index(drop=True)
    mixed = {name: frame[name].map(str, na_action="ignore") for name in frame.columns if frame[name].dtype == object}
    return frame.assign(**mixed)


def _typed_part(connection: Connection, name: str, origin: str, parameters: list[Any]) -> Part:
    described = connection.execute(f"DESCRIBE SELECT * FROM {origin}", parameters).fetchall()
    if not described:
        raise DataError(f"{name}: there are no columns; name another file")
    return Part(
        name,
        tuple(column.strip() for column, *_ in described),
        tuple(simplest(name, column, quoted(column), kind) for column, kind, *_ in described),
        origin,
        parameters,
        None,
        lambda row: f": row {row + 1}",
    )
