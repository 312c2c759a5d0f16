"""Workbooks of Excel and OpenOffice: one sheet as a table, its cells with the types that they have there.

python-calamine reads them, and gives numbers, texts, dates, times and yes/no as they are stored: a percentage is a
number (12.5 % is 0.125), a formula its last result, an error such as #DIV/0! an empty cell. A column whose cells are
of several types is text: numbers in their shortest form, so that 7 and "7" are the same.
"""

import csv
import datetime
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from clearprop._registry import listed
from clearprop.data.asked import Asked
from clearprop.data.cells import trimmed
from clearprop.data.layout import Layout, Row, Undecided, settle
from clearprop.data.readers import EXACTLY, LEAST_LINE, Part, one_file
from clearprop.errors import DataError

_HIGHEST_HEADER = 40  # names are looked for in so many rows
_EXACT = 2**53  # whole numbers up to this one are what the sheet says
_PASSWORD = "EncryptedPackage".encode("utf-16-le")


@contextmanager
def excel_part(name: str, asked: Asked) -> Iterator[Part]:
    """A sheet of a workbook."""
    label, values, notes = _sheet(name, asked.sheet)
    rows = [Row(line, _texts(cells)) for line, cells in enumerate(values, start=1)]
    layout = _layout(label, rows, asked)
    kept = [row.line for row in rows if layout.has(row)]
    columns = [[values[line - 1][field] for line in kept] for field in layout.fields]
    kinds = list(map(_kind, columns))
    own = [f"c{number}" for number in range(len(kinds))]
    with tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8", newline="") as copy:
        texts = [list(map(_WRITERS[kind], column)) for kind, column in zip(kinds, columns, strict=True)]
        csv.writer(copy, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(zip(*texts, strict=True))
        copy.flush()
        longest = max((len(text) for column in texts for text in column), default=0)
        yield Part(
            label,
            layout.names,
            tuple(trimmed(cell) if kind == "VARCHAR" else cell for cell, kind in zip(own, kinds, strict=True)),
            f"read_csv(?, columns = ?, header = false, {EXACTLY}, max_line_size = "
            f"{max(LEAST_LINE, 8 * (longest + 1) * len(own))})",
            [one_file(copy.name), dict(zip(own, kinds, strict=True))],
            layout.rows,
            lambda row: f":{kept[row]}",
            (*notes, *layout.above, *layout.notes),
            tuple(kinds),
        )


def _sheet(name: str, asked: str | None) -> tuple[str, list[list[Any]], list[str]]:
    """What messages call the sheet, its cells from the first row on, and what is to be said about it."""
    import python_calamine as calamine

    with open(name, "rb") as file:
        try:
            book = calamine.CalamineWorkbook.from_filelike(file)
            found = [sheet.name for sheet in book.sheets_metadata if sheet.typ == calamine.SheetTypeEnum.WorkSheet]
            seen = [
                sheet.name
                for sheet in book.sheets_metadata
                if sheet.name in found and sheet.visible == calamine.SheetVisibleEnum.Visible
            ]
            if not found:
                raise DataError(f"{name}: this workbook has no sheet with cells; name another file")
            if asked is not None and asked not in found:
                raise DataError(f"{name}: there is no sheet {asked!r}; its sheets are {listed(found)} (--sheet)")
            chosen = asked or (seen or found)[0]
            sheet = book.get_sheet_by_name(chosen)
            values = sheet.to_python(skip_empty_area=False)
            merged = sheet.merged_cell_ranges or []
        except (KeyboardInterrupt, SystemExit, DataError):
            raise
        except BaseException as error:  # a fault in calamine's own code is none of Python's `Exception`s
            file.seek(0)
            if isinstance(error, calamine.PasswordError) or _PASSWORD in file.read():
                raise DataError(f"{name}: this workbook is protected by a password; save it without one") from None
            raise DataError(f"{name}: a damaged workbook, or none; save it anew as .xlsx or CSV") from None
    others = [other for other in found if other != chosen]
    label = name if chosen == (seen or found)[0] else f"{name}, sheet {chosen!r}"
    if not any(cell != "" for cells in values for cell in cells):
        hint = f"name another with sheet (--sheet): {listed(others)}" if others else "put the table into it"
        raise DataError(f"{label}: the sheet {chosen!r} is empty; {hint}")
    notes = []
    if others and asked is None:
        notes.append(f"of {len(found)} sheets the first, {chosen!r}, is read; the others are {listed(others)}")
    if _fill_down(values, merged):
        notes.append("cells that are merged over several rows hold the same in each")
    return label, values, notes


def _fill_down(values: list[list[Any]], merged: Sequence[Any]) -> bool:
    """Put the content of cells that reach over several rows into each of these; whether there are any."""
    filled = False
    for (top, left), (bottom, _) in merged:
        for row in range(top + 1, min(bottom + 1, len(values))):
            if left < len(values[row]) and values[top][left] != "" and values[row][left] == "":
                values[row][left] = values[top][left]
                filled = True
    return filled


def _layout(label: str, rows: list[Row], asked: Asked) -> Layout:
    """Where in the sheet the table stands."""
    errors: list[DataError] = []
    for row in rows[: asked.header or _HIGHEST_HEADER]:
        if not row.cells or asked.header not in (None, row.line):
            continue
        try:
            return settle(label, row, rows[row.line :], rows[: row.line - 1], asked, word="row")[0]
        except DataError as error:
            errors.append(error)
    if not errors:
        raise DataError(f"{label}:{asked.header or 1}: this row is empty or missing; it must hold the names")
    raise next((error for error in errors if isinstance(error, Undecided)), errors[0])


# ---------------------------------------------------------------------------------------------------- the cells


def _texts(cells: list[Any]) -> list[str]:
    """The cells as text; none for an empty row."""
    texts = list(map(_text, cells))
    return texts if any(text.strip() for text in texts) else []


def _text(value: Any) -> str:
    """A cell as text.

    >>> [_text(value) for value in (7.0, 0.1, True, datetime.date(2024, 1, 31), datetime.timedelta(hours=30), " x")]
    ['7', '0.1', 'true', '2024-01-31', '30:00:00', ' x']
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) <= _EXACT else repr(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    if isinstance(value, datetime.timedelta):
        hours, seconds = divmod(round(value.total_seconds()), 3600)
        return f"{hours}:{seconds // 60:02}:{seconds % 60:02}"
    return str(value)


def _kind(column: list[Any]) -> str:
    """The type of DuckDB that all cells of a column have, empty ones aside."""
    filled = [value for value in column if not (isinstance(value, str) and not value.strip())]
    types = set(map(type, filled))
    if types == {bool}:
        return "BOOLEAN"
    if types and types <= {int, float}:
        whole = all(float(value).is_integer() and abs(value) <= _EXACT for value in filled)
        return "BIGINT" if whole else "DOUBLE"
    if types and types <= {datetime.date, datetime.datetime}:
        return "TIMESTAMP"
    return "VARCHAR"


def _number(value: Any) -> str:
    return "" if isinstance(value, str) else _text(value)


_WRITERS: dict[str, Callable[[Any], str]] = {
    "BOOLEAN": _number,
    "BIGINT": _number,
    "DOUBLE": _number,
    "TIMESTAMP": _number,
    "VARCHAR": _text,
}
