"""Dates and times as people write them: the style of a column, decided over all its cells.

Most forms can be read in one way only: 2003-03-27 and 2003/3/27 (with ``T``, fractions, a zone), 20030327,
2003年3月27日, 27-Mar-2003, March 27, 2003 and 27 de marzo de 2003. In 03/04/2003 the day or the month comes first,
which one cell that cannot be read otherwise says for its column; with points (27.03.2003) the day does, as where
people write so.
Two digits of a year mean 1969 to 2068, as in C and Python. A time of day may follow, or stand alone.

`read_date` and `read_time` say what a cell means; in SQL, DuckDB calls them for all cells but those that it reads so by
itself.
"""

import datetime
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clearprop.data.database import literal
from clearprop.data.numbers import folded, folded_sql
from clearprop.errors import DataError

if TYPE_CHECKING:
    from clearprop.data.cells import Cell
    from clearprop.data.table import Table

# English, German, French, Spanish; a dot behind an abbreviation is passed over.
_MONTHS = (
    "jan january januar jän jänner janv janvier ene enero",
    "feb february februar feber févr fév février fevrier febrero",
    "mar march mär märz mrz mars marzo",
    "apr april avr avril abr abril",
    "may mai mayo",
    "jun june juni juin junio",
    "jul july juli juil juillet julio",
    "aug august août aout ago agosto",
    "sep sept september septembre septiembre",
    "oct october okt oktober octobre octubre",
    "nov november novembre noviembre",
    "dec december dez dezember déc décembre decembre dic diciembre",
)
MONTH_NAMES = tuple((name, number) for number, names in enumerate(_MONTHS, start=1) for name in names.split())

PIVOT = 69
"""The first two-digit year of the last century."""

# -------------------------------------------------------------------------------------------------------- the patterns

_WEEKDAY = r"(?:(?:Mon|Tue|Tues|Wed|Thu|Thur|Thurs|Fri|Sat|Sun)(?:day|sday|nesday|rsday|urday)?[.,]{0,2} )?"
_YEAR = "([0-9]{4}|[0-9]{2})"
_NAME = "([A-Za-zÀ-ÿ]{3,10})"
_TH = r"(?:st|nd|rd|th|er|º|°|\.)?"
_DAY_MONTH = rf"([0-9]{{1,2}})(?:/([0-9]{{1,2}})/|-([0-9]{{1,2}})-|\. ?([0-9]{{1,2}})\. ?){_YEAR}"
_DATE = (
    rf"{_WEEKDAY}(?:([0-9]{{4}})(?:-([0-9]{{1,2}})-|/([0-9]{{1,2}})/|\.([0-9]{{1,2}})\.)([0-9]{{1,2}})"
    r"|([0-9]{4}) ?年 ?([0-9]{1,2}) ?月 ?([0-9]{1,2}) ?[日号]"
    rf"|{_DAY_MONTH}"
    rf"|([0-9]{{1,2}}){_TH}(?: de |[ /-]?){_NAME}\.?,?(?: de |[ /-]?){_YEAR}"
    rf"|{_NAME}\.?[ -]([0-9]{{1,2}}){_TH},? ?([0-9]{{4}})"
    rf"|([0-9]{{4}})[ -]{_NAME}[ -]([0-9]{{1,2}})"
    r"|([0-9]{4})([0-9]{2})([0-9]{2}))"
)
DATE_PARTS = (
    *("y1", "m1", "m2", "m3", "d1", "y2", "m4", "d2", "first", "slash", "dash", "point", "y3"),
    *("d4", "n1", "y4", "n2", "d5", "y5", "y6", "n3", "d6", "y7", "m7", "d7"),
)
_ZONE = "(?: ?(Z|z|UTC|GMT)| ?([-+])(0[0-9]|1[0-4]):?([0-5][0-9])?)?"
_HALF = r"([AaPp])\.?[Mm]\.?"
_TIME = (
    r"(上午|凌晨|早上|下午|晚上)? ?(?:([0-9]{1,2})[:时時點点hH]([0-9]{2})分?"
    r"(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?|([0-9]{2})秒)?"
    rf"(?: ?{_HALF}| ?Uhr)?|([0-9]{{1,2}}) ?(?:{_HALF}|Uhr|时|時|点)){_ZONE}"
)
TIME_PARTS = ("noon", "h1", "m", "s1", "f", "s2", "half1", "h2", "half2", "utc", "sign", "zh", "zm")

TIME = f"(?:{_TIME})"
DATE = f"(?:{_DATE}(?:(?:[T:]|,? ?){_TIME}|Z)?)"
"""The patterns of folded cells."""

_CLOCK = "([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]"
_ISO = rf"[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}([T ]{_CLOCK}([.][0-9]{{1,6}})?)?)?"
_NUMERIC = "([0-9]{1,2}[.][0-9]{1,2}[.]|[0-9]{1,2}/[0-9]{1,2}/|[0-9]{1,2}-[0-9]{1,2}-)[1-9][0-9]{3}"
_YEAR_FIRST = "[1-9][0-9]{3}(/[0-9]{1,2}/[0-9]{1,2}|年[0-9]{1,2}月[0-9]{1,2}日)"
_PLAIN = rf"({_NUMERIC}|{_YEAR_FIRST})( {_CLOCK})?)?"
"""What DuckDB reads by itself as we do, and many times faster."""

_COULD = "^([^0-9０-９]{0,16}[0-9０-９]{1,4}[^0-9０-９]|[0-9０-９]{8})"
"""How every date and time begins; to see so is quick."""

AFTERNOON = ("p", "P", "下午", "晚上")


def read_date(cell: str, order: str) -> "datetime.datetime | None":
    """The point in time that a text cell means if `order` is that of day and month; with a zone, in UTC."""
    found = re.fullmatch(DATE, folded(cell))
    if found is None:
        return None
    part = dict(zip(DATE_PARTS + TIME_PARTS, found.groups(""), strict=True))
    first, second = part["first"], part["slash"] + part["dash"] + part["point"]
    if first and order == "ymd" and not part["point"]:
        return None
    day, month = (second, first) if order == "mdy" else (first, second)
    year = part["y1"] + part["y2"] + part["y3"] + part["y4"] + part["y5"] + part["y6"] + part["y7"]
    day += part["d1"] + part["d2"] + part["d4"] + part["d5"] + part["d6"] + part["d7"]
    month += part["m1"] + part["m2"] + part["m3"] + part["m4"] + part["m7"]
    name = (part["n1"] + part["n2"] + part["n3"]).lower()
    month += "".join(str(number) for known, number in MONTH_NAMES if known == name)
    century = "" if len(year) == 4 else "19" if int(year) >= PIVOT else "20"
    try:
        midnight = datetime.datetime(int(century + year), int(month), int(day))
        since = microseconds(part) if part["h1"] + part["h2"] else 0
        return None if since is None else midnight + datetime.timedelta(microseconds=since)
    except (ValueError, OverflowError):  # no such day; no month of that name
        return None


def read_time(cell: str) -> float:
    """The seconds since midnight that a text cell means; NaN if it is no time of day."""
    found = re.fullmatch(TIME, folded(cell))
    since = None if found is None else microseconds(dict(zip(TIME_PARTS, found.groups(""), strict=True)))
    return math.nan if since is None else since / 1e6


def microseconds(part: "dict[str, str]") -> "int | None":
    """Since midnight, less those of the zone; None if there is no such time."""
    hour, minute, second = int(part["h1"] + part["h2"]), int(part["m"] or 0), int(part["s1"] + part["s2"] or 0)
    half = part["half1"] + part["half2"] + part["noon"]
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + (12 if half in AFTERNOON else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    zone = int(part["sign"] + "1") * (int(part["zh"] or 0) * 60 + int(part["zm"] or 0))
    return ((hour * 60 + minute - zone) * 60 + second) * 1_000_000 + int(part["f"][:6].ljust(6, "0"))


# -------------------------------------------------------------------------------------------------------------- in SQL


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
    short : bool
        Whether a year has two digits.

    Examples
    --------
    >>> DateStyle("dmy", clock=True).describe()
    'day first'
    """

    order: str = "ymd"
    clock: bool = False
    short: bool = False

    def sql(self, text: str) -> str:
        """SQL: the TIMESTAMP that the text cell `text` means in this style, else NULL; times with a zone in UTC."""
        iso = f"regexp_full_match({text}, {literal(_ISO)}) AND NOT starts_with({text}, '0000')"
        plain = f"regexp_full_match({text}, {literal(_PLAIN)})"
        return (
            f"CASE WHEN {iso} THEN TRY_CAST({text} AS TIMESTAMP) "
            f"WHEN {plain} THEN try_strptime({text}, {self._formats}) "
            f"WHEN regexp_matches({text}, {literal(_COULD)}) THEN date_in({text}, '{self.order}') END"
        )

    @property
    def _formats(self) -> list[str]:
        """Of dates that DuckDB reads as we do."""
        front = "%m{0}%d{0}%Y" if self.order == "mdy" else "%d{0}%m{0}%Y"
        dates = [front.format(mark) for mark in ("." if self.order == "ymd" else "./-")] + ["%Y/%m/%d", "%Y年%m月%d日"]
        return [date + time for date in dates for time in ("", " %H:%M", " %H:%M:%S")]

    def of(self, cell: "Cell") -> str:
        """SQL: the TIMESTAMP that a cell means; a typed cell is a point in time already, or none."""
        if cell.kind == "VARCHAR":
            return self.sql(cell.sql)
        return cell.sql if cell.kind == "TIMESTAMP" else "NULL::TIMESTAMP"

    def describe(self) -> str:
        """The style in words; nothing for the plain one."""
        words = {"dmy": ["day first"], "mdy": ["month first"]}.get(self.order, [])
        return ", ".join([*words, *([f"two-digit years from 19{PIVOT} to 20{PIVOT - 1}"] if self.short else [])])


def time_of_day(cell: "Cell") -> str:
    """SQL: the seconds since midnight that a text cell such as 14:55 or 2:30 PM means, as DOUBLE, else NULL."""
    if cell.kind != "VARCHAR":
        return "NULL::DOUBLE"
    return f"CASE WHEN regexp_matches({cell.sql}, {literal(_COULD)}) THEN time_in({cell.sql}) END"


# ------------------------------------------------------------------------------------------------ deciding for a column

_ORDERED = rf"^{_WEEKDAY}{_DAY_MONTH}(?:[^0-9].*)?$"
_ORDERED_PARTS = ("first", "slash", "dash", "point", "year")
_MOST_ORDERED = 10_000  # there are 31 x 31 days and months, written in three ways
_SHARE = 0.5  # of the cells that must be dates for the others to be mistakes


def date_style(table: "Table", name: str, *, day_first: bool | None = None) -> DateStyle:
    """The style of a column's dates, decided over all its cells; the plain one for a column that is not one of dates.

    Parameters
    ----------
    table : Table
    name : str
        The column.
    day_first : bool, optional
        What the user says of dates that can be read in two ways, in the whole table. A column that proves how it is
        written needs no such word.

    Raises
    ------
    DataError
        Day and month cannot be told apart, and `day_first` does not say.
    """
    cell = table.cell(name)
    order, short = ("ymd", False) if cell.kind != "VARCHAR" else _order_of(table, name, day_first)
    (clock,) = table.one(f"coalesce(bool_or(epoch_us({DateStyle(order).of(cell)}) % 86400000000 <> 0), false)")
    return DateStyle(order, bool(clock), short)


def _order_of(table: "Table", name: str, day_first: bool | None) -> tuple[str, bool]:
    """What comes first, and whether a year has two digits."""
    cell = table.cell(name)
    parts = f"regexp_extract({folded_sql(cell.sql)}, {literal(_ORDERED)}, {list(_ORDERED_PARTS)})"
    # Of a year, all that matters is whether its two digits could be a day.
    year = "CASE WHEN length(p.year) = 4 THEN 'long' WHEN p.year BETWEEN '01' AND '31' THEN 'day' ELSE 'short' END"
    key = f"CASE WHEN p.first <> '' THEN concat_ws('|', p.first, p.slash, p.dash, p.point, {year}) END"
    key = f"CASE WHEN regexp_matches({cell.sql}, '[0-9０-９]') THEN list_transform([{parts}], lambda p: {key})[1] END"
    counts = [(str(shape), count) for shape, count in table.counts(key, _MOST_ORDERED) if shape is not None]
    (cells,) = table.one(f"count(*) FILTER ({cell.sql} IS NOT NULL AND NOT {cell.missing_word})")
    votes = {"dmy": 0, "mdy": 0}
    years, unsettled = [], []
    for shape, count in counts:
        first, slash, dash, point, year = shape.split("|")
        day_like = [int(number) > 12 for number in (first, slash + dash + point)]
        votes["dmy"] += count * (day_like == [True, False])
        votes["mdy"] += count * (day_like == [False, True])
        years.append((year, bool(dash)))
        unsettled += [] if point else [shape]
    short = any(year != "long" for year, _ in years)
    dashed = [year for year, dash in years if dash and year != "long"]
    # 18-01-19 may be a day in 2018 as well: of cells that all may, 18 in front proves nothing.
    year_ahead = bool(dashed) and all(year == "day" for year in dashed) and not votes["mdy"]
    if any(votes.values()) and not year_ahead:
        return max(votes, key=lambda order: votes[order]), short
    if day_first is not None and counts:
        return ("dmy" if day_first else "mdy"), short
    if not unsettled:
        return ("dmy" if counts else "ymd"), short
    if sum(count for _, count in counts) < _SHARE * cells:
        return "ymd", False  # mistakes in a column of something else
    raise _undecided(table, name, key, unsettled, year_ahead)


def _undecided(table: "Table", name: str, key: str, keys: list[str], year_ahead: bool) -> DataError:
    """The refusal that gives both readings of the first such cell."""
    row, text, _ = table.first(name, f"list_contains(?, {key})", [keys]) or (0, "", 0)
    found = [read_date(text, order) for order in ("dmy", "mdy")]
    readings = [f"{when.day} {when:%B %Y}" for when in found if when is not None]
    readings += ["a date with its year in front"] if year_ahead else []
    return DataError(
        f"{table.place(row, name)}: {text!r} may be {' or '.join(readings)}, and no cell of this column says which; "
        "say it: day_first=True (--day-first) or day_first=False (--month-first)"
        + (", or write years with four digits" if year_ahead else "")
    )
