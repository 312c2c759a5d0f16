"""A table: named columns whose cells a private DuckDB holds, with the file and line of each.

The cells stay in DuckDB, which puts them on disk if there are too many. What they mean is decided by
`Preparation`, which asks for them as text, numbers or dates, and for the place of one it does not understand.
"""

import bisect
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from clearprop._registry import did_you_mean, listed
from clearprop._types import Array
from clearprop.data.cells import Cell
from clearprop.data.database import Connection, memory_guard
from clearprop.errors import ClearpropError, DataError

_CELLS_TOGETHER = 1 << 20  # asked for in one query: one column of a tall table, many of a wide one
_COLUMNS_TOGETHER = 1000  # planning a query takes longer than linearly in its columns
_NUMBERS = itertools.count(1)  # no two relations of one connection have the same name


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
    notes : tuple of str
        How the files were read, where that needs saying: "t.csv: line 1 (Sales) is above the names and is passed over".
    """

    path: str
    cells: dict[str, Cell]
    origins: tuple[Origin, ...]
    relation: str
    connection: Connection = field(repr=False)
    owner: object = field(repr=False)
    start: int
    stop: int
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in the file's order."""
        return tuple(self.cells)

    def name_of(self, column: str) -> str:
        """A column's name as the table has it: without the blanks that a file or frame has around it."""
        return column if column in self.cells else column.strip()

    def cell(self, column: str) -> Cell:
        """The cell of a column.

        Raises
        ------
        DataError
            There is no such column.
        """
        name = self.name_of(column)
        if name not in self.cells:
            raise DataError(f"{self.path}: there is no column {column!r}; {did_you_mean(column, list(self.names))}")
        return self.cells[name]

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

    def where(self, condition: str) -> "Table":
        """The rows for which an SQL condition holds; the places of their cells are still those in the files."""
        relation = f"rows_{next(_NUMBERS)}"
        with memory_guard(self.path):
            self.connection.execute(f"CREATE TABLE {relation} AS SELECT * FROM {self.rows} AND ({condition})")
            found = self.connection.execute(f"SELECT rowid AS row FROM {self.rows} AND ({condition})")
        kept = np.sort(np.asarray(found.fetchnumpy()["row"]))
        ends = list(itertools.accumulate(origin.rows for origin in self.origins))
        origins = []
        for origin, end, rows in zip(self.origins, ends, np.split(kept, np.searchsorted(kept, ends)), strict=False):
            own = rows - (end - origin.rows)
            origins.append(replace(origin, rows=len(own), line_of=functools.partial(_line_of, origin, own)))
        return replace(self, relation=relation, origins=tuple(origins), start=0, stop=len(kept))

    def text(self, column: str) -> Array:
        """A column's cells as text; a missing one is ``""``."""
        return np.asarray(self.values(f"coalesce({self.cell(column).text}, '')"), dtype=object)

    def text_at(self, row: int, column: str) -> str:
        """One cell as text."""
        here = replace(self, start=self.start + row, stop=self.start + row + 1)
        return str(here.text(column)[0])

    def blocks(self, columns: Iterable[str]) -> Iterator["Block"]:
        """Columns to ask together: of one type, and in one query as many as are answered fastest."""
        most = min(max(_CELLS_TOGETHER // len(self), 1), _COLUMNS_TOGETHER)
        kinds: dict[str, list[str]] = {}
        for column in columns:
            kinds.setdefault(self.cell(column).kind, []).append(column)
        for names in kinds.values():
            for start in range(0, len(names), most):
                yield Block(self, tuple(names[start : start + most]))

    # --------------------------------------------------------------------------------------- asking DuckDB

    def values(self, expression: str, parameters: list[Any] | None = None) -> Array:
        """An SQL expression of the cells, for each row in order."""
        with memory_guard(self.path):
            found = self.connection.execute(f"SELECT {expression} AS v FROM {self.rows}", parameters or [])
            return np.asarray(found.fetchnumpy()["v"])

    def one(self, expressions: str, parameters: list[Any] | None = None) -> tuple[Any, ...]:
        """SQL aggregates over all rows."""
        with memory_guard(self.path):
            found = self.connection.execute(f"SELECT {expressions} FROM {self.rows}", parameters or []).fetchone()
        return tuple(found)

    def counts(self, expression: str, most: int | None = None) -> list[tuple[Any, int]]:
        """The distinct values of an SQL expression and how often each occurs, the most frequent first."""
        limit = "" if most is None else f" LIMIT {most}"
        query = f"SELECT {expression} AS v, count(*) AS n FROM {self.rows} GROUP BY v ORDER BY n DESC, v{limit}"
        with memory_guard(self.path):
            return [tuple(pair) for pair in self.connection.execute(query).fetchall()]

    def distinct(self, expression: str) -> int:
        """How many distinct values an SQL expression has, NULL aside."""
        query = f"SELECT count(v) FROM (SELECT DISTINCT {expression} AS v FROM {self.rows})"
        with memory_guard(self.path):
            return int(self.connection.execute(query).fetchone()[0])

    def first(self, column: str, condition: str, parameters: list[Any] | None = None) -> tuple[int, str, int] | None:
        """The first row where an SQL condition holds, the cell's text there, and for how many rows it does."""
        query = (
            f"SELECT min(rowid) - {self.start}, arg_min(coalesce({self.cell(column).text}, ''), rowid), count(*) "
            f"FROM {self.rows} AND {condition}"
        )
        with memory_guard(self.path):
            row, text, count = self.connection.execute(query, parameters or []).fetchone()
        return None if not count else (int(row), str(text), int(count))

    @property
    def rows(self) -> str:
        """The table's rows, as SQL has them after FROM."""
        return f"{self.relation} WHERE rowid >= {self.start} AND rowid < {self.stop}"


def _line_of(origin: Origin, kept: Array, row: int) -> str:
    """Where a row of those kept is in its file."""
    return origin.line_of(int(kept[row]))


@dataclass(frozen=True)
class Block:
    """Columns of one type that are asked together: what takes a query for each column is slow in a wide table.

    In the SQL that its methods take a cell is called ``v``; `cell` reads it as text, number or date.
    """

    table: Table
    names: tuple[str, ...]

    @property
    def cell(self) -> Cell:
        """A cell of these columns."""
        return Cell("v", self.table.cell(self.names[0]).kind)

    def each(self, aggregates: str, x: str = "NULL") -> dict[str, tuple[Any, ...]]:
        """SQL aggregates over all rows, for each column; what they call ``x`` is read once from each cell."""
        found = self._ask(f"SELECT i, {aggregates} FROM (SELECT *, {x} AS x FROM {self._cells}) GROUP BY i").fetchall()
        return {self.names[i]: tuple(answers) for i, *answers in found}

    def first(self, condition: str) -> dict[str, tuple[int, str, int]]:
        """For each column in which an SQL condition holds: the first row, the text there, and for how many rows."""
        found = self._ask(
            f"SELECT i, min(row), arg_min(coalesce({self.cell.text}, ''), row), count(*) FROM {self._cells} "
            f"WHERE {condition} GROUP BY i ORDER BY i"
        ).fetchall()
        return {self.names[i]: (int(row), str(text), int(count)) for i, row, text, count in found}

    def counts(self) -> dict[str, list[tuple[str, int]]]:
        """The different texts of each column and how often each occurs, the most frequent first."""
        text = self.cell.text
        found = self._ask(
            f"SELECT i, {text} AS word, count(*) AS n FROM {self._cells} WHERE v IS NOT NULL "
            "GROUP BY i, word ORDER BY i, n DESC, word"
        ).fetchall()
        counted: dict[str, list[tuple[str, int]]] = {name: [] for name in self.names}
        for i, word, n in found:
            counted[self.names[i]].append((word, n))
        return counted

    def values(self, expression: str) -> Array:
        """An SQL expression of a cell, shape (rows, columns)."""
        found = self._ask(f"SELECT {expression} AS x FROM {self._cells}").fetchnumpy()["x"]
        return np.asarray(found).reshape(len(self.table), len(self.names))

    def positions(self, words: Sequence[Mapping[str, int]]) -> Array:
        """For each cell the number that its column's `words` give its text, else 0; -1 where it is missing."""
        columns, known, numbers = _flat(words)
        found = self._ask(
            f"SELECT row, i, CASE WHEN v IS NULL THEN -1 ELSE coalesce(number, 0) END AS number FROM {self._cells} "
            "LEFT JOIN (SELECT unnest(?) AS own, unnest(?) AS word, unnest(?) AS number) "
            f"ON i = own AND {self.cell.text} = word",
            [columns, known, numbers],
        ).fetchnumpy()
        positions = np.empty((len(self.table), len(self.names)), dtype=np.int64)
        positions[np.asarray(found["row"]), np.asarray(found["i"])] = np.asarray(found["number"])
        return positions

    def others(self, words: Sequence[Mapping[str, int]]) -> list[list[str]]:
        """The different texts of each column that are not among its `words`."""
        columns, known, _ = _flat(words)
        text = self.cell.text
        found = self._ask(
            f"SELECT DISTINCT i, {text} AS text FROM {self._cells} "
            f"ANTI JOIN (SELECT unnest(?) AS own, unnest(?) AS word) ON i = own AND {text} = word "
            "WHERE v IS NOT NULL ORDER BY i, text",
            [columns, known],
        ).fetchall()
        others: list[list[str]] = [[] for _ in self.names]
        for i, text in found:
            others[i].append(text)
        return others

    def _ask(self, query: str, parameters: list[Any] | None = None) -> Any:
        with memory_guard(self.table.path):
            return self.table.connection.execute(query, parameters or [])

    @property
    def _cells(self) -> str:
        """One row for each cell: itself, the number of its column, and of its row."""
        cells = [self.table.cell(name).sql for name in self.names]
        several = f"unnest([{', '.join(cells)}]) AS v, unnest(range({len(cells)})) AS i"
        one = f"{cells[0]} AS v, 0 AS i"  # the same, and faster in a tall table
        rows = self.table.rows
        return f"(SELECT {several if len(cells) > 1 else one}, rowid - {self.table.start} AS row FROM {rows})"


def _flat(words: Sequence[Mapping[str, int]]) -> tuple[list[int], list[str], list[int]]:
    """Number of the column, word, and the word's own number."""
    entries = [(i, word, number) for i, known in enumerate(words) for word, number in known.items()]
    return [i for i, *_ in entries], [word for _, word, _ in entries], [number for *_, number in entries]
