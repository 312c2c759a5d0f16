"""The cells of one column as SQL: as text, as numbers, as points in time.

What does not fit becomes NULL, never something else: ``1_000``, ``1,5``, ``nan`` and ``1e400`` are no
numbers, ``epoch`` is no date.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clearprop.data.database import Connection, literal
from clearprop.data.dates import DateStyle, read_date, read_time
from clearprop.data.numbers import PLAIN, number_pattern, read_number
from clearprop.errors import DataError

MISSING_WORDS = (
    *(
        "na",
        "n/a",
        "#n/a",
        "n.a.",
        "<na>",
        "nan",
        "nat",
        "null",
        "(null)",
        "none",
        "missing",
        "unknown",
        "k.a.",
        "k. a.",
    ),
    *("?", "-", "\\n", "--", "---", "–", "—", ".", "..", "...", "…", "未知", "缺失", "不详"),
    *("#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!"),
)
"""In a column of numbers (or dates) these stand for a missing value; in a column of words they are words.

Words that may as well mean nothing, so zero (keine, nil, 无), are not among them.
"""

AMBIGUOUS_DATE = r"^\d{1,2}[/-]\d{1,2}[/-](\d{2}|\d{4})( .*)?$"
"""A day and a month, in an order that only the writer knows."""

CODE = r"^[+-]?(0\d|\d{16,}$)"
"""Digits that are no quantity: 00123 would lose its zeros as a number, and a long one its last digits."""

_DIGITS = r"[+-]?(\d+|\d{1,3}([,\x27 ]\d{3})+)([.,]\d+)?"  # \x27: an apostrophe
WRITTEN_NUMBER = rf"^[$€£¥￥]?\s*{_DIGITS}\s*[%$€£¥￥元]?$|^[+-]?\d{{1,3}}(\.\d{{3}})+(,\d+)?$|^[+-]?\d[\d_]*$"
"""A number with a decimal comma, thousands separators, a currency or a percent sign."""


@dataclass(frozen=True)
class Cell:
    """A column's cell.

    Attributes
    ----------
    sql : str
        The column.
    kind : str
        Its type in DuckDB: VARCHAR, BIGINT, DOUBLE, BOOLEAN or TIMESTAMP.
    """

    sql: str
    kind: str

    @property
    def text(self) -> str:
        """As text; numbers in the shortest form that gives them back."""
        if self.kind == "DOUBLE":  # 1 is 1, whether or not its column holds fractions
            whole = f"{self.sql} = floor({self.sql}) AND abs({self.sql}) < 1e15"
            return f"CASE WHEN {whole} THEN {self.sql}::BIGINT::VARCHAR ELSE {self.sql}::VARCHAR END"
        return self.sql if self.kind == "VARCHAR" else f"{self.sql}::VARCHAR"

    @property
    def number(self) -> str:
        """As a finite float64, if it is written as programs write numbers."""
        return PLAIN.of(self)

    @property
    def date(self) -> str:
        """As a point in time, if day and month can be told apart in it; times with a zone in UTC."""
        return DateStyle().of(self)

    @property
    def missing_word(self) -> str:
        """Whether the cell says in words that the value is missing."""
        if self.kind != "VARCHAR":
            return "false"
        return f"coalesce(lower({self.sql}) IN ({', '.join(map(literal, MISSING_WORDS))}), false)"

    def matches(self, pattern: str) -> str:
        """Whether the cell is text of this form."""
        if self.kind not in ("VARCHAR", "BIGINT"):
            return "false"
        return f"coalesce(regexp_matches({self.text}, '{pattern}'), false)"


def teach(connection: Connection) -> None:
    """Tell DuckDB what irregular cells mean, in the words of `read_number`, `read_date` and `read_time`.

    So there is one definition of it, in Python; most cells of a table are few different ones, or regular.
    """
    functions: dict[str, tuple[Callable[..., Any], list[str], str]] = {
        "number_in": (number_in, ["VARCHAR"] * 4, "DOUBLE"),
        "date_in": (read_date, ["VARCHAR"] * 2, "TIMESTAMP"),
        "time_in": (lambda text: _known(read_time(text)), ["VARCHAR"], "DOUBLE"),
    }
    for name, (function, parameters, result) in functions.items():
        connection.create_function(
            name, functools.lru_cache(_REMEMBERED)(function), parameters, result, null_handling="special"
        )


_REMEMBERED = 1 << 16  # different cells


def number_in(text: str, decimal: str, thousands: str, unit: str) -> float | None:
    """The number that a cell is in a style; None if it is none."""
    return _known(read_number(text, number_pattern(decimal, thousands, unit), decimal, thousands))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def trimmed(cell: str) -> str:
    """The SQL of a text cell without surrounding blanks; an empty one is missing."""
    return f"nullif(trim({cell}, ' \t'), '')"


def simplest(source: str, column: str, cell: str, kind: str) -> str:
    """The SQL of a typed cell as VARCHAR, BIGINT, DOUBLE, BOOLEAN or TIMESTAMP.

    Raises
    ------
    DataError
        A type that is none of these.
    """
    family = kind.split("(")[0]
    if kind.endswith("]") or family in _NO_CELLS:
        raise DataError(f"{source}: column {column!r} has type {kind.lower()}, no number, text or date; leave it out")
    if family in _WHOLE:
        return f"{cell}::BIGINT"
    if family in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN NOT isnan({cell}) THEN {cell}::DOUBLE END"
    if family == "DECIMAL":
        return f"{cell}::VARCHAR::DOUBLE"  # by way of text, so that it is the nearest number
    if family == "BOOLEAN":
        return cell
    if family == "TIMESTAMP WITH TIME ZONE":
        return f"make_timestamp(epoch_us({cell}))"
    if family == "DATE" or family.startswith("TIMESTAMP"):
        return f"{cell}::TIMESTAMP"
    return trimmed(f"{cell}::VARCHAR")


_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
_NO_CELLS = (
    *("STRUCT", "MAP", "UNION", "LIST", "BLOB", "BIT", "BITSTRING", "INTERVAL", "VARIANT"),
    *("TIME WITH TIME ZONE", "GEOMETRY"),
)
