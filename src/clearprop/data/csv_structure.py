"""The checks before a CSV file is read: is it a text file, with a header, and is every row complete?

Each refusal names file and line. The standard library's `csv` reader judges the structure, because it knows
which line a row is on, whatever blank lines and quoted line breaks come before it.
"""

import csv
import difflib
import os
import stat
from itertools import islice
from pathlib import Path

from clearprop.errors import DataError

_SEPARATORS = ",;\t|"

_OTHER_FORMATS = {
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook; export it as CSV",
    b"PAR1": "a Parquet file; export it as CSV",
    b"\x89PNG": "a PNG picture",
    b"%PDF": "a PDF document",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
}

_REPORTED = 5  # how many bad lines one message names


def nearest_file(path: str) -> str:
    """The half sentence that helps after a misspelt file name; empty if nothing is similar.

    >>> nearest_file("/nowhere/at/all.csv")
    ''
    """
    folder, name = os.path.split(path)
    try:
        neighbours = os.listdir(folder or ".")
    except OSError:
        return ""
    close = difflib.get_close_matches(name, neighbours, n=1, cutoff=0.6)
    return f"did you mean {os.path.join(folder, close[0])!r}?" if close else ""


def look_at(name: str) -> os.stat_result:
    """Refuse what is not a file with something in it."""
    try:
        found = os.stat(name)
    except FileNotFoundError:
        hint = nearest_file(name) or "check the name and the folder"
        raise DataError(f"{name}: there is no such file; {hint}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise DataError(f"{name}: cannot be opened ({reason}); check the path") from None
    if stat.S_ISDIR(found.st_mode):
        raise DataError(f"{name}: this is a folder; name a file in it")
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{name}: this is a device or a pipe, not a file; save its content to a file first")
    if found.st_size == 0:
        raise DataError(f"{name}: the file is empty (0 bytes); it needs a header line and data lines")
    return found


def check_text(name: str) -> None:
    """Refuse what is not UTF-8 text, with the line of the first bad byte."""
    try:
        content = Path(name).read_bytes()
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror}); check its permissions") from None
    for start, what in _OTHER_FORMATS.items():
        if content.startswith(start):
            raise DataError(f"{name}: this looks like {what}")
    zero = content.find(b"\0")
    if zero >= 0:
        line = content.count(b"\n", 0, zero) + 1
        raise DataError(f"{name}:{line}: a zero byte: this is a binary file, or a damaged one")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name}:{line}: byte 0x{content[error.start]:02X} is not UTF-8 text; save the file as UTF-8"
        ) from None


def read_header(name: str) -> tuple[str, list[str]]:
    """The separator and the checked column names."""
    with open(name, encoding="utf-8-sig", newline="") as file:
        first = file.readline()
    outside_quotes = "".join(first.split('"')[::2])
    separator = max(_SEPARATORS, key=outside_quotes.count)  # the comma, if there is none at all
    with open(name, encoding="utf-8-sig", newline="") as file:
        try:
            header = [field.strip() for field in next(csv.reader(file, delimiter=separator), [])]
        except csv.Error as error:
            raise DataError(f"{name}:1: the header cannot be read ({error})") from None
    if not any(header):
        raise DataError(f"{name}:1: the first line is blank; it must hold the column names")
    for number, column in enumerate(header, start=1):
        if not column:
            raise DataError(
                f"{name}:1: column {number} of {len(header)} has no name; name it, or remove the separator "
                "at the end of each line"
            )
        if column in header[: number - 1]:
            raise DataError(f"{name}:1: two columns are called {column!r}; rename one")
    if all(_is_number(column) for column in header) and not _counts_up(header):
        shown = ", ".join(header[:4]) + (", ..." if len(header) > 4 else "")
        raise DataError(f"{name}:1: the first line ({shown}) looks like data; put a line with column names above it")
    return separator, header


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _counts_up(header: list[str]) -> bool:
    """Whether the names are 0, 1, 2, ... or 1, 2, 3, ..., as programs write that have no names."""
    return any(header == [str(start + i) for i in range(len(header))] for start in (0, 1))


def row_lines(name: str, separator: str, header: list[str]) -> list[int]:
    """The line each row starts on, once every row is known to have as many fields as the header."""
    lines: list[int] = []
    wrong: list[tuple[int, int]] = []
    with open(name, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        next(reader)
        start = reader.line_num + 1
        try:
            for row in reader:
                # A blank line is no row, unless there is one column: then it is an empty cell.
                fields = len(row) or int(len(header) == 1)
                if fields:
                    lines.append(start)
                if fields not in (0, len(header)):
                    wrong.append((start, fields))
                start = reader.line_num + 1
        except csv.Error as error:
            raise DataError(f"{name}:{start}: {_plain(str(error))}") from None
    if wrong:
        raise DataError(_ragged(name, header, wrong, every=len(wrong) == len(lines)))
    if not lines:
        raise DataError(f"{name}: the file has a header but no data lines; add at least one")
    return lines


def _plain(error: str) -> str:
    if "unexpected end" in error:
        return 'a quote (") is opened in this row and never closed; close it'
    if "expected after" in error:
        return 'text follows a closing quote ("); double the quotes inside a quoted cell'
    if "field limit" in error:
        return "a cell is longer than 131072 characters; is a quote missing?"
    return error


def _ragged(name: str, header: list[str], wrong: list[tuple[int, int]], *, every: bool) -> str:
    counts = {count for _, count in wrong}
    names = ", ".join(header[:6]) + (", ..." if len(header) > 6 else "")
    text = f"the header has {len(header)} ({names})"
    if header[0].startswith("#"):
        remedy = "remove the comment above the column names"
    elif every and counts == {len(header) + 1}:
        remedy = "is the name of an index column missing?"
    elif min(counts) > len(header):
        remedy = f"is there a separator inside a cell? Put such cells into quotes: {_text_of(name, wrong[0][0])}"
    else:
        remedy = "complete these lines or remove them"
    if len(wrong) == 1:
        line, count = wrong[0]
        return f"{name}:{line}: the row has {count} fields, {text}; {remedy}"
    shown = ", ".join(f"line {line} has {count}" for line, count in wrong[:_REPORTED])
    more = f" and {len(wrong) - _REPORTED} more" if len(wrong) > _REPORTED else ""
    return f"{name}:{wrong[0][0]}: {len(wrong)} rows have the wrong number of fields: {shown}{more}; {text}; {remedy}"


def _text_of(name: str, line: int) -> str:
    with open(name, encoding="utf-8-sig", newline="") as file:
        text = next(islice(file, line - 1, None), "").rstrip("\r\n")
    return text if len(text) <= 60 else text[:57] + "..."
