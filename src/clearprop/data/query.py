"""A query over a table: one SELECT, which can read the table and nothing else.

The connection is locked by now (no files, no settings, no extensions), so whatever a query says, it can at
worst fail. That it must be a SELECT is for the writer's sake: a mistyped word should not look like an answer.
"""

from dataclasses import replace

from clearprop._registry import listed
from clearprop.data.cells import CODE, Cell, simplest
from clearprop.data.database import memory_guard, quoted
from clearprop.data.names import checked_names
from clearprop.data.table import Origin, Table
from clearprop.errors import ConfigurationError, DataError

_RESULT = "answer"


def run_query(table: Table, sql: str) -> Table:
    """The answer to `sql`, in which `table` is called ``data``; the cells of `table` are given up."""
    import duckdb

    connection = table.connection
    query = _checked(table, sql)
    folded: dict[str, str] = {}
    for name in table.names:
        other = folded.setdefault(_folded(name), name)
        if other != name:
            raise DataError(f"{table.path}: a query cannot tell the columns {other!r} and {name!r} apart; rename one")
    typed = ", ".join(f"{_typed(table, name)} AS {quoted(name)}" for name in table.names)
    source = f"{table.path} (query)"
    try:
        with memory_guard(table.path):
            connection.execute(f"CREATE VIEW data AS SELECT {typed} FROM {table.relation}")
            described = [(name, kind) for name, kind, *_ in connection.execute(f"DESCRIBE {query}").fetchall()]
            names = [name for name, _ in described]
            if len(set(names)) < len(names):
                raise ConfigurationError(f"the query has two columns of one name: {listed(names)}; name them with AS")
            names = list(checked_names(source, names))
            own = [f"q{i}" for i in range(len(names))]
            cells = ", ".join(
                f"{simplest(source, name, cell, kind)} AS c{i}"
                for i, (cell, (name, kind)) in enumerate(zip(own, described, strict=True))
            )
            (rows,) = connection.execute(
                f"CREATE TABLE {_RESULT} AS SELECT {cells} FROM ({query}\n) AS asked({', '.join(own)})"
            ).fetchone()
            connection.execute(f"DROP VIEW data; DROP TABLE {table.relation}")
            kinds = [kind for _, kind, *_ in connection.execute(f"DESCRIBE {_RESULT}").fetchall()]
    except duckdb.Error as error:
        raise ConfigurationError(f"the query does not work: {_plain(error)}; {_help(table)}") from None
    if not rows:
        raise DataError(f"{source}: the query gives no rows; loosen its conditions")
    columns = {name: Cell(f"c{i}", kind) for i, (name, kind) in enumerate(zip(names, kinds, strict=True))}
    origins = (Origin(source, rows, lambda row: f": row {row + 1}"),)
    return replace(table, path=source, cells=columns, origins=origins, relation=_RESULT, start=0, stop=rows)


def _checked(table: Table, sql: str) -> str:
    """The text of the one SELECT."""
    import duckdb

    try:
        statements = table.connection.extract_statements(sql)
    except duckdb.Error as error:
        raise ConfigurationError(f"the query cannot be read: {_plain(error)}; {_help(table)}") from None
    if len(statements) != 1 or statements[0].type.name != "SELECT":
        raise ConfigurationError(f"the query must be one SELECT and nothing else; {_help(table)}")
    return str(statements[0].query).rstrip().rstrip(";")


def _folded(name: str) -> str:
    """The name as SQL compares it, which knows no capitals (of ASCII; others differ)."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)


def _typed(table: Table, name: str) -> str:
    """A column as the query sees it: text that is all numbers, written plainly, as numbers."""
    cell = table.cells[name]
    if cell.kind != "VARCHAR":
        return cell.sql
    whole, number, some = table.one(
        f"bool_and(regexp_matches({cell.sql}, '^-?(0|[1-9][0-9]{{0,14}})$')), "
        f"bool_and({cell.number} IS NOT NULL AND NOT {cell.matches(CODE)}) FILTER ({cell.sql} IS NOT NULL), "
        f"count({cell.sql})"
    )
    if some and whole:
        return f"{cell.sql}::BIGINT"
    return f"{cell.sql}::DOUBLE" if some and number else cell.sql


def _plain(error: Exception) -> str:
    """The first line of a database error without the name of its kind."""
    text = str(error).splitlines()[0]
    return text.split("Error: ", 1)[-1].rstrip(".! ")


def _help(table: Table) -> str:
    names = listed(map(quoted, table.names), 8)
    return f"the table is called data, its columns are {names}"
