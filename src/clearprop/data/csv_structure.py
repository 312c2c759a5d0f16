"""The checks before a CSV file is read: has it a header, and is every row complete?

Each refusal names file and line. DuckDB, which reads the cells, is fast but forgiving: it may drop a row or a
field that does not fit. So the structure is judged here, by counting separators where there are no quotes and
by the standard library's `csv` reader where there are, and the two must find the same number of rows.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from clearprop._registry import listed
from clearprop.data.text import lines_of, open_text
from clearprop.errors import DataError

_SEPARATORS = ",;\t|"
_UNUSUAL = ":^~\x01\x1f "  # only if the first data line is cut into as many fields as the header

_REPORTED = 5  # how many bad lines one message names
_CHUNK = 1 << 20


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose every row is complete.

    Attributes
    ----------
    name, encoding : str
        What to open.
    separator : str
        Between fields.
    header : tuple of str
        The column names.
    rows : int
        How many there are.
    longest : int
        An upper bound of the letters in one row.
    regular : bool
        Whether all lines end the same way, with ``\\n`` or ``\\r\\n``.
    padded : bool
        Whether some cells may begin or end with a blank.
    """

    name: str
    encoding: str
    separator: str
    header: tuple[str, ...]
    rows: int = 0
    longest: int = 0
    regular: bool = True
    padded: bool = True

    def line_of(self, row: int) -> int:
        """The line that row number `row` (from 0) starts on, found by reading the file again."""
        with open_text(self.name, self.encoding) as file:
            starts = (start for start, fields, _ in _rows(self, file) if fields)
            return next(islice(starts, row, None))


def check_csv(name: str, encoding: str) -> CsvFile:
    """Header and rows of a file, or a refusal that names the line."""
    separator, header = read_header(name, encoding)
    file = CsvFile(name, encoding, separator, tuple(header))
    checked = _count_lines(file) or _count_parsed(file)
    if not checked.rows:
        raise DataError(f"{name}: the file has a header but no data lines; add at least one")
    return checked


# ------------------------------------------------------------------------------------------------- the header


def read_header(name: str, encoding: str) -> tuple[str, list[str]]:
    """The separator and the checked column names."""
    with open_text(name, encoding) as file:
        lines = lines_of(name, file)
        first, second = next(lines, ""), next(lines, "")
    separator = _separator(first, second)
    with open_text(name, encoding) as file:
        try:
            header = [field.strip() for field in next(csv.reader(lines_of(name, file), delimiter=separator), [])]
        except csv.Error as error:
            raise DataError(f"{name}:1: the header cannot be read: {_plain(str(error))}") from None
    if not any(header):
        raise DataError(f"{name}:1: the first line is blank; it must hold the column names")
    for number, column in enumerate(header, start=1):
        if not column:
            raise DataError(
                f"{name}:1: column {number} of {len(header)} has no name; name it, or remove the separator "
                "at the end of each line"
            )
    if len(set(header)) < len(header):
        twice = next(column for number, column in enumerate(header) if column in header[:number])
        raise DataError(f"{name}:1: two columns are called {twice!r}; rename one")
    if all(_is_number(column) for column in header) and not _counts_up(header):
        shown = listed(header, 4)
        raise DataError(f"{name}:1: the first line ({shown}) looks like data; put a line with column names above it")
    return separator, header


def _separator(first: str, second: str) -> str:
    """What the header line has most of; the comma, if it has none of the usual ones and no unusual one fits."""
    counts = {separator: _outside_quotes(first).count(separator) for separator in _SEPARATORS}
    if any(counts.values()):
        return max(_SEPARATORS, key=lambda separator: counts[separator])
    for separator in _UNUSUAL:
        count = _outside_quotes(first.strip()).count(separator)
        if count and count == _outside_quotes(second.strip()).count(separator):
            return separator
    return ","


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _counts_up(header: list[str]) -> bool:
    """Whether the names are 0, 1, 2, ... or 1, 2, 3, ..., as programs write that have no names."""
    return any(header == [str(start + i) for i in range(len(header))] for start in (0, 1))


# --------------------------------------------------------------------------------------------------- the rows


def _count_lines(checked: CsvFile) -> CsvFile | None:
    """The file with its rows counted, where a row is a line.

    None if the lines end in different ways, or a line is not one complete row by itself: then the whole file has
    to be parsed, to see what is wrong, or to follow cells over several lines.
    """
    width = len(checked.header)
    rows, longest, rest = -1, 0, ""  # the header is no row
    windows = newlines = 0
    padded = False
    blanks = _blanks_beside(checked.separator)
    with open_text(checked.name, checked.encoding) as file:
        while chunk := file.read(_CHUNK):
            if chunk.endswith("\r"):
                chunk += file.read(1)
            text = chunk.replace("\r\n", "\n")
            windows += len(chunk) - len(text)  # how many \r\n there were: none, or all
            newlines += text.count("\n")
            if windows not in (0, newlines) or "\0" in text or "\r" in text:
                return None
            text = "\n" + rest + text
            padded = padded or any(blank in text for blank in blanks)
            _, *lines, rest = text.split("\n")
            complete = _complete(lines, checked.separator, width)
            if complete is None or len(rest) > csv.field_size_limit():
                return None
            rows, longest = rows + complete, max(longest, max(map(len, lines), default=0))
    complete = _complete([rest] if rest else [], checked.separator, width)
    if complete is None:
        return None
    padded = padded or rest.endswith((" ", "\t"))
    return replace(checked, rows=rows + complete, longest=max(longest, len(rest)), padded=padded)


def _blanks_beside(separator: str) -> list[str]:
    """Where a cell has a blank at its end: beside a separator, a quote or a line end."""
    return [pair for edge in (separator, '"', "\n") for blank in " \t" for pair in (edge + blank, blank + edge)]


def _complete(lines: list[str], separator: str, width: int) -> int | None:
    """How many rows the lines are; None if one of them is not a complete row, or very long.

    A line without quotes has one separator less than fields; counting these is several times as fast as parsing.
    """
    if any(len(line) > csv.field_size_limit() for line in lines):
        return None
    quoted = [line for line in lines if '"' in line]
    if quoted:
        try:
            fields = [len(row) for row in csv.reader(quoted, delimiter=separator, strict=True)]
        except csv.Error:
            return None
        # A row over several lines would make rows fewer than lines.
        if len(fields) < len(quoted) or fields.count(width) < len(quoted):
            return None
        lines = [line for line in lines if '"' not in line]
    rows = [line.count(separator) for line in lines].count(width - 1)
    blank = lines.count("") if width > 1 else 0  # in a single column a blank line is an empty cell
    return rows + len(quoted) if rows + blank == len(lines) else None


def _count_parsed(checked: CsvFile) -> CsvFile:
    """The file with its rows counted by the `csv` reader; raises what is wrong with them."""
    rows = longest = 0
    wrong: list[tuple[int, int]] = []
    ends: set[str] = set()
    with open_text(checked.name, checked.encoding) as file:
        for start, fields, letters in _rows(checked, _noting_ends(lines_of(checked.name, file), ends)):
            # A blank line is no row, unless there is one column: then it is an empty cell.
            rows += fields > 0
            longest = max(longest, letters)
            if fields not in (0, len(checked.header)):
                wrong.append((start, fields))
    if wrong:
        raise DataError(_ragged(checked, wrong, every=len(wrong) == rows))
    return replace(checked, rows=rows, longest=longest, regular=ends - {""} < {"\n", "\r\n"})


def _rows(checked: CsvFile, lines: Iterable[str]) -> Iterator[tuple[int, int, int]]:
    """For each row below the header: the line it starts on, its fields (0: a blank line) and letters."""
    reader = csv.reader(lines, delimiter=checked.separator, strict=True)
    single = int(len(checked.header) == 1)
    start = 1
    try:
        next(reader)
        start = reader.line_num + 1
        for row in reader:
            yield start, len(row) or single, sum(map(len, row))
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{checked.name}:{start}: {_plain(str(error))}") from None


def _noting_ends(lines: Iterable[str], ends: set[str]) -> Iterator[str]:
    """The lines as they are; how they end goes into `ends`."""
    for line in lines:
        ends.add(line[len(line.rstrip("\r\n")) :][-2:])
        yield line


def _plain(error: str) -> str:
    if "unexpected end" in error:
        return 'a quote (") is opened in this row and never closed; close it'
    if "expected after" in error:
        return 'text follows a closing quote ("); double the quotes inside a quoted cell'
    if "field limit" in error:
        return "a cell is longer than 131072 characters; is a quote missing?"
    return error


def _ragged(checked: CsvFile, wrong: list[tuple[int, int]], *, every: bool) -> str:
    name, header = checked.name, checked.header
    counts = {count for _, count in wrong}
    text = f"the header has {len(header)} ({listed(header, 6)})"
    if header[0].startswith("#"):
        remedy = "remove the comment above the column names"
    elif every and counts == {len(header) + 1}:
        remedy = "is the name of an index column missing?"
    elif min(counts) > len(header):
        remedy = f"is there a separator inside a cell? Put such cells into quotes: {_text_of(checked, wrong[0][0])}"
    else:
        remedy = "complete these lines or remove them"
    if len(wrong) == 1:
        line, count = wrong[0]
        return f"{name}:{line}: the row has {count} fields, {text}; {remedy}"
    shown = ", ".join(f"line {line} has {count}" for line, count in wrong[:_REPORTED])
    more = f" and {len(wrong) - _REPORTED} more" if len(wrong) > _REPORTED else ""
    return f"{name}:{wrong[0][0]}: {len(wrong)} rows have the wrong number of fields: {shown}{more}; {text}; {remedy}"


def _text_of(checked: CsvFile, line: int) -> str:
    with open_text(checked.name, checked.encoding) as file:
        text = next(islice(file, line - 1, None), "").rstrip("\r\n")
    return text if len(text) <= 60 else text[:57] + "..."
