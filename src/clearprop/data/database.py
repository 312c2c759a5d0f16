"""A private DuckDB in memory: no extension is fetched, no Python variable seen, no memory taken beyond a limit.

Whatever does not fit the limit goes to a temporary folder, which disappears with the table.
"""

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clearprop.errors import DataError
from clearprop.files.memory import address_space, free_memory

Connection = Any
"""A DuckDB connection (DuckDB is imported when the first table is read)."""

_SHARE = 0.5  # of the free memory: DuckDB may use so much; arrays and the network need the rest
_LEAST = 128 << 20  # free memory below which not even a small table is worth the risk
_RESERVED = 704 << 20  # addresses that DuckDB reserves when it starts, though hardly any memory


def connect(owner: object) -> Connection:
    """A connection that is closed, with its temporary files, when `owner` is garbage.

    Raises
    ------
    DataError
        There is hardly any memory left.
    """
    import duckdb

    from clearprop.data.cells import teach  # which needs this module

    space = address_space()
    if free_memory() < _LEAST or (space is not None and space < _RESERVED + _LEAST):
        needed = (_LEAST if space is None else _RESERVED + _LEAST) / 2**20
        free = min(free_memory(), space or free_memory()) / 2**20
        raise DataError(
            f"reading a table needs {needed:.0f} MiB at least, and {free:.0f} MiB are free for this process; raise its "
            "limit (ulimit -v), or close other programs"
        )
    folder = tempfile.mkdtemp(prefix="clearprop-")
    config: dict[str, Any] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
        "temp_directory": folder,
    }
    if space is not None:
        config["threads"] = 1  # each reserves addresses of its own
    connection = duckdb.connect(config=config)
    weakref.finalize(owner, _close, connection, folder)
    teach(connection)
    connection.execute("SET enable_progress_bar = false")  # it would write on standard output
    connection.execute(f"SET memory_limit = '{int(free_memory() * _SHARE) >> 20}MiB'")
    return connection


def _close(connection: Connection, folder: str) -> None:
    connection.close()
    shutil.rmtree(folder, ignore_errors=True)


def lock(connection: Connection) -> None:
    """From now on: no file, no setting, no extension, whatever a query says."""
    connection.execute("SET enable_external_access = false; SET lock_configuration = true")


@contextmanager
def memory_guard(what: str) -> Iterator[None]:
    """Say in our words that `what` needs more memory or disk than there is."""
    import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, MemoryError):
        raise too_large(what) from None


def too_large(what: str, needed: int | None = None) -> DataError:
    """The refusal of a table that does not fit."""
    amount = f"needs about {needed / 2**30:.2f} GiB" if needed else "needs more memory"
    return DataError(
        f"{what} {amount}, and {free_memory() / 2**30:.2f} GiB are free for this process; take fewer rows or "
        'columns, for example sql="SELECT * FROM data USING SAMPLE 100000 ROWS"'
    )


def quoted(name: str) -> str:
    """`name` as an SQL identifier.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as an SQL string.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
