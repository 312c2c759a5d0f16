"""A table: named columns whose cells a private DuckDB holds, with the file and line of each.

The cells stay in DuckDB, which puts them on disk if there are too many. What they mean is decided by
`Preparation`, which asks for them as text, numbers or dates, and for the place of one it does not understand.
"""

import bisect
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from clearprop._registry import did_you_mean, listed
from clearprop._types import Array
from clearprop.data.cells import Cell
from clearprop.data.database import Connection, memory_guard
from clearprop.errors import ClearpropError, DataError


@dataclass(frozen=True)
class Origin:
    """Where rows come from: a file's name, how many rows it gave, how to find the line of one, what separates cells."""

    name: str
    rows: int
    line_of: Callable[[int], str]
    separator: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of cells that DuckDB holds.

    Attributes
    ----------
    path : str
        Where it came from, as given.
    cells : dict of str to Cell
        Column name -> its cell in SQL, in the table's order.
    origins : tuple of Origin
        The files, in the rows' order.
    relation : str
        The table in DuckDB, which has the rows in order.
    connection : duckdb.DuckDBPyConnection
        To ask it.
    owner : object
        Closes the connection when no table refers to it any more.
    start, stop : int
        The rows of the relation that this table is.
    """

    path: str
    cells: dict[str, Cell]
    origins: tuple[Origin, ...]
    relation: str
    connection: Connection = field(repr=False)
    owner: object = field(repr=False)
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in the file's order."""
        return tuple(self.cells)

    def cell(self, column: str) -> Cell:
        """The cell of a column.

        Raises
        ------
        DataError
            There is no such column.
        """
        if column not in self.cells:
            raise DataError(f"{self.path}: there is no column {column!r}; {did_you_mean(column, list(self.names))}")
        return self.cells[column]

    def place(self, row: int, column: str) -> str:
        """Where a cell is, for messages: ``"file:line: column 'name'"``."""
        ends = list(itertools.accumulate(origin.rows for origin in self.origins))
        which = bisect.bisect_right(ends, self.start + row)
        origin = self.origins[which]
        try:
            line = origin.line_of(self.start + row - ends[which] + origin.rows)
        except (ClearpropError, StopIteration):  # the file has changed since
            line = f": row {self.start + row - ends[which] + origin.rows + 1}"
        return f"{origin.name}{line}: column {listed([column])!r}"  # a long name is cut

    def batches(self, rows: int) -> Iterator["Table"]:
        """The table in pieces of at most `rows` rows."""
        for start in range(self.start, self.stop, rows):
            yield replace(self, start=start, stop=min(start + rows, self.stop))

    def text(self, column: str) -> Array:
        """A column's cells as text; a missing one is ``""``."""
        return np.asarray(self.values(f"coalesce({self.cell(column).text}, '')"), dtype=object)

    def text_at(self, row: int, column: str) -> str:
        """One cell as text."""
        here = replace(self, start=self.start + row, stop=self.start + row + 1)
        return str(here.text(column)[0])

    # --------------------------------------------------------------------------------------- asking DuckDB

    def values(self, expression: str, parameters: list[Any] | None = None) -> Array:
        """An SQL expression of the cells, for each row in order."""
        with memory_guard(self.path):
            found = self.connection.execute(f"SELECT {expression} AS v FROM {self._rows}", parameters or [])
            return np.asarray(found.fetchnumpy()["v"])

    def one(self, expressions: str, parameters: list[Any] | None = None) -> tuple[Any, ...]:
        """SQL aggregates over all rows."""
        with memory_guard(self.path):
            found = self.connection.execute(f"SELECT {expressions} FROM {self._rows}", parameters or []).fetchone()
        return tuple(found)

    def counts(self, expression: str, most: int | None = None) -> list[tuple[Any, int]]:
        """The distinct values of an SQL expression and how often each occurs, the most frequent first."""
        limit = "" if most is None else f" LIMIT {most}"
        query = f"SELECT {expression} AS v, count(*) AS n FROM {self._rows} GROUP BY v ORDER BY n DESC, v{limit}"
        with memory_guard(self.path):
            return [tuple(pair) for pair in self.connection.execute(query).fetchall()]

    def distinct(self, expression: str) -> int:
        """How many distinct values an SQL expression has, NULL aside."""
        query = f"SELECT count(v) FROM (SELECT DISTINCT {expression} AS v FROM {self._rows})"
        with memory_guard(self.path):
            return int(self.connection.execute(query).fetchone()[0])

    def first(self, column: str, condition: str, parameters: list[Any] | None = None) -> tuple[int, str, int] | None:
        """The first row where an SQL condition holds, the cell's text there, and for how many rows it does."""
        query = (
            f"SELECT min(rowid) - {self.start}, arg_min(coalesce({self.cell(column).text}, ''), rowid), count(*) "
            f"FROM {self._rows} AND {condition}"
        )
        with memory_guard(self.path):
            row, text, count = self.connection.execute(query, parameters or []).fetchone()
        return None if not count else (int(row), str(text), int(count))

    @property
    def _rows(self) -> str:
        return f"{self.relation} WHERE rowid >= {self.start} AND rowid < {self.stop}"
