"""A table from a file, read honestly: every cell as text, every line accounted for.

Readers that guess are dangerous: they turn ``00123`` into 123, fill short rows up, take a data line for
the header, or drop what does not fit. Here nothing is guessed but the separator, which the header line
shows, and nothing is dropped. The standard library's `csv` reader checks the structure and knows the line
of each row; DuckDB reads the cells; the two must count the same number of rows. What a cell means is
decided later, by `Preparation`, which can then say file, line and column of what it does not understand.
"""

import glob
import os
from dataclasses import dataclass

import numpy as np

from clearprop._types import Array
from clearprop.data.csv_structure import check_text, look_at, read_header, row_lines
from clearprop.errors import DataError


@dataclass(frozen=True, eq=False)
class Table:
    """Cells as text, by column.

    Attributes
    ----------
    columns : dict of str to array of str
        Name -> cells, without surrounding blanks; an empty cell is ``""``.
    line : array of int
        The line of the file each row starts on.
    path : str
        Where it came from, as given.
    """

    columns: dict[str, Array]
    line: Array
    path: str

    def __len__(self) -> int:
        return len(self.line)

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in the file's order."""
        return tuple(self.columns)

    def place(self, row: int, column: str) -> str:
        """Where a cell is, for messages: ``"file:line: column 'name'"``."""
        return f"{self.path}:{self.line[row]}: column {column!r}"


def read_table(path: str | os.PathLike[str]) -> Table:
    """Read a CSV file.

    The first line holds the column names; it also shows the separator: comma, semicolon, tab or ``|``,
    whichever it has most of. Text is UTF-8, with or without byte order mark; lines may end either way;
    cells may be quoted with ``"`` and may then hold separators and line breaks. Blank lines are skipped.

    Parameters
    ----------
    path : path
        The file.

    Raises
    ------
    DataError
        No such file, not a text file, no header, a column name missing or repeated, a row with too few or
        too many fields; the message has file and line.

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "flowers.csv"
    >>> _ = file.write_text("petal;species\\n1,5;setosa\\n4,5;virginica\\n")
    >>> read_table(file).columns["species"]
    array(['setosa', 'virginica'], dtype=object)
    """
    name = os.fspath(path)
    before = look_at(name)
    check_text(name)
    separator, header = read_header(name)
    lines = row_lines(name, separator, header)
    cells = _read_cells(name, separator, len(header))
    after = os.stat(name)
    unchanged = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    if not unchanged or any(len(column) != len(lines) for column in cells):
        found = len(cells[0])
        reason = f"{found} rows were found but {len(lines)} were counted" if unchanged else "the file changed"
        raise DataError(f"{name}: {reason} while it was read; read it again, or save it anew as plain CSV")
    return Table(dict(zip(header, cells, strict=True)), np.array(lines), name)


def _read_cells(name: str, separator: str, n_columns: int) -> list[Array]:
    """All cells as text, by DuckDB, which is told to guess nothing: the structure is known by now."""
    import duckdb

    # A file name is a parameter, absolute (so no URL) and escaped (so no glob pattern).
    where = glob.escape(os.path.abspath(name))
    safe: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "threads": 1,
    }
    with duckdb.connect(config=safe) as connection:
        query = (
            "SELECT coalesce(trim(columns(*), ' \t'), '') FROM read_csv(?, delim = ?, columns = ?, "
            "header = true, quote = '\"', escape = '\"', auto_detect = false, strict_mode = false, "
            "null_padding = false, compression = 'none', max_line_size = 1000000000)"
        )
        try:
            found = connection.execute(
                query, [where, separator, {f"c{i}": "VARCHAR" for i in range(n_columns)}]
            ).fetchnumpy()
        except duckdb.Error:
            raise DataError(f"{name}: cannot be read as CSV; save it anew as plain CSV in UTF-8") from None
    return [np.asarray(column, dtype=object) for column in found.values()]
