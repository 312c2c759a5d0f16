"""A private DuckDB in memory: no extension is fetched, no Python variable seen, no memory taken beyond a limit.

Whatever does not fit the limit goes to a temporary folder, which disappears with the table.
"""

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clearprop.data.memory import free_memory
from clearprop.errors import DataError

Connection = Any
"""A DuckDB connection (DuckDB is imported when the first table is read)."""

_SHARE = 0.5  # of the free memory: DuckDB may use so much; arrays and the network need the rest
_LEAST = 64 << 20  # DuckDB works with less, but hardly
_PER_THREAD = 128 << 20  # below this for each thread it runs out of memory on wide tables


def connect(owner: object) -> Connection:
    """A connection that is closed, with its temporary files, when `owner` is garbage."""
    import duckdb

    limit = max(int(free_memory() * _SHARE), _LEAST)
    folder = tempfile.mkdtemp(prefix="clearprop-")
    config: dict[str, Any] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
        "memory_limit": f"{limit >> 20}MiB",
        "temp_directory": folder,
    }
    if limit < 2 * _PER_THREAD:
        config["threads"] = 1
    connection = duckdb.connect(config=config)
    weakref.finalize(owner, _close, connection, folder)
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
