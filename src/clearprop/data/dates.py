"""Dates and times as people write them: the style of a column, decided over all its cells."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clearprop.data.cells import Cell
    from clearprop.data.table import Table

_ISO = r"^\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ].*)?$"
_WRITTEN = r"^(\d{1,2}\.\d{1,2}\.\d{4}|\d{4}年\d{1,2}月\d{1,2}日)$"
_FORMATS = "['%d.%m.%Y', '%Y年%m月%d日']"


@dataclass(frozen=True, slots=True)
class DateStyle:
    """How the dates of a column are written.

    Attributes
    ----------
    order : {"ymd", "dmy", "mdy"}
        What comes first in a date such as 03/04/2005: the day, or the month; "ymd" where no date is written so,
        and new ones that are cannot be read. (Dates with a year in front, with the name of a month, and those with
        points, which are day first, need no order.)
    clock : bool
        Whether a cell has a time of day that is not midnight.
    """

    order: str = "ymd"
    clock: bool = False

    def sql(self, text: str) -> str:
        """SQL: the TIMESTAMP that the text cell `text` means in this style, else NULL; times with a zone in UTC."""
        return (
            f"CASE WHEN regexp_matches({text}, '{_ISO}') THEN TRY_CAST({text} AS TIMESTAMP) "
            f"WHEN regexp_matches({text}, '{_WRITTEN}') THEN try_strptime({text}, {_FORMATS}) END"
        )

    def of(self, cell: "Cell") -> str:
        """SQL: the TIMESTAMP that a cell means; a typed cell is a point in time already, or none."""
        if cell.kind == "VARCHAR":
            return self.sql(cell.sql)
        return cell.sql if cell.kind == "TIMESTAMP" else "NULL::TIMESTAMP"

    def describe(self) -> str:
        """The style in words; nothing for the plain one."""
        return ""


def date_style(table: "Table", name: str, *, day_first: bool | None = None) -> DateStyle:
    """The style of a column's dates, decided over all its cells.

    Raises
    ------
    DataError
        Day and month cannot be told apart, and `day_first` does not say.
    """
    return DateStyle()


def time_of_day(cell: "Cell") -> str:
    """SQL: the seconds since midnight that a text cell such as 14:55 or 2:30 PM means, as DOUBLE, else NULL."""
    if cell.kind != "VARCHAR":
        return "NULL::DOUBLE"
    return (
        f"CASE WHEN regexp_full_match({cell.sql}, '([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?') "
        f"THEN epoch(TRY_CAST({cell.sql} AS TIME))::DOUBLE END"
    )
