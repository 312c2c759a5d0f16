"""The checks before a CSV file is read: where is the table in it, and is every row complete?

Each refusal names file and line. DuckDB, which reads the cells, is fast but forgiving: it may drop a row or a
field that does not fit. So the structure is judged here, by counting separators where there are no quotes and
by the standard library's `csv` reader where there are, and the two must find the same number of rows.
"""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from clearprop.data.asked import NOTHING, Asked
from clearprop.data.layout import SAMPLE, Layout, Row, Survey, Undecided, measured, refuse_data, settle
from clearprop.data.text import lines_of, open_text
from clearprop.errors import DataError

_USUAL = ",;\t|"
_UNUSUAL = ":^~\x01\x1f "  # only if none of the usual ones cuts the file into a table
_WORDS = {"\t": "tab", " ": "blank"}

_HIGHEST_HEADER = 40  # names are looked for in so many lines
_CHUNK = 1 << 20
_MOST_LETTERS = 1 << 26  # of the lines that are looked at in every way
_TAIL = 40  # so many last lines are looked at
_LINE_END = re.compile("\r\n|\r|\n")
_COMMENT = re.compile("#+[ \t]+")
_DECLARED = re.compile('"?sep=(.)"?[\r\n]*')  # Excel's first line
_DECIMAL_COMMA = re.compile(r"\s*[-+]?[\d.' ]*\d,\d+\s*\S{0,3}\s*")


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose every row is complete.

    Attributes
    ----------
    name, encoding : str
        What to open.
    separator : str
        Between fields; a blank stands for any number of them.
    layout : Layout
        Which lines are the rows, and which fields the columns.
    body : int
        How many lines there are up to the names, these included.
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
    layout: Layout
    body: int
    longest: int = 0
    regular: bool = True
    padded: bool = True

    @property
    def plain(self) -> bool:
        """Whether the file is names in its first line and rows, nothing else."""
        return not self.layout.notes and self.layout.first > 1 and self.body == 1 and self.separator != " "

    def rows(self) -> Iterator[Row]:
        """The table's rows."""
        with open_text(self.name, self.encoding) as file:
            lines = islice(lines_of(self.name, file), self.body, None)
            single = len(self.layout.header) == 1
            for row, _ in _parsed(self.name, lines, self.body, self.separator, single=single):
                if row.line > self.layout.last:
                    return
                if self.layout.has(row):
                    yield row

    def line_of(self, row: int) -> int:
        """The line that row number `row` (from 0) starts on, found by reading the file again."""
        return next(islice(self.rows(), row, None)).line


def check_csv(name: str, encoding: str, asked: Asked = NOTHING) -> CsvFile:
    """Where the table is in a file, or a refusal that names the line."""
    head = _Head(name, encoding, asked)
    best = head.best()
    if best.plain:
        counted = _count_lines(name, encoding, best, asked)
        if counted is not None:
            return counted
    return _count_parsed(name, encoding, best, asked)


# ------------------------------------------------------------------------------------- how the file may be read


_PLAIN, _MORE, _TITLED, _ROW_NAMES, _FAULTY = range(5)
"""Names and rows; something beside them; lines above the names; names fewer than fields; no table at all."""


@dataclass(frozen=True)
class _Reading:
    """A separator and a line of names that make a table of the lines seen so far."""

    separator: str
    header: Row
    body: int  # lines up to the names, these included
    above: tuple[str, ...]
    sample: tuple[Row, ...]
    oddity: int  # one of the above

    @property
    def plain(self) -> bool:
        return self.oddity == _PLAIN and self.body == self.header.line == 1 and self.separator != " "

    def foreign(self, separators: Iterable[str]) -> int:
        """In how many cells of the rows there are other separators; a decimal comma is none."""
        others = set(separators) - {self.separator}
        cells = [cell for row in self.sample for cell in row.cells]
        return sum(bool(others.intersection(cell)) and not _DECIMAL_COMMA.fullmatch(cell) for cell in cells)


class _Head:
    """The first lines of a file, read in every way that may be meant."""

    def __init__(self, name: str, encoding: str, asked: Asked) -> None:
        self.name, self.asked = name, asked
        count = SAMPLE + max(_HIGHEST_HEADER, asked.header or 0, asked.first_row or 0)
        with open_text(name, encoding) as file:
            lines = lines_of(name, file)
            self.lines: list[str] = []
            letters = 0
            while len(self.lines) < count and letters < _MOST_LETTERS and (line := next(lines, "")):
                self.lines.append(line)
                letters += len(line)
            self.whole = next(lines, None) is None
        self.declared = _DECLARED.fullmatch(self.lines[0]) if self.lines else None
        self.notes = [f"line 1 says that the separator is {self.declared[1]!r}"] if self.declared else []

    def best(self) -> _Reading:
        """The reading that explains all lines, the simplest one; if none does, the one whose fault is to be named.

        Raises
        ------
        Undecided
            Two are as simple.
        """
        start = bool(self.declared)
        first = next((line for line in self.lines[start:] if line.strip()), "")
        if not first:
            raise DataError(f"{self.name}:1: the first line is blank; it must hold the column names")
        given = self.asked.separator or (self.declared and self.declared[1])
        undecided: list[Undecided] = []
        for separators in [given] if given else [_USUAL, _UNUSUAL]:
            found = []
            for separator in separators:
                if given or any(separator in line for line in self.lines):
                    try:
                        found.append(self._reading(separator, least=1 if given else 2))
                    except Undecided as error:
                        undecided.append(error)
                    except DataError:
                        pass
            simplest = min((reading.oddity for reading in found), default=_FAULTY)
            found = [reading for reading in found if reading.oddity == simplest]
            # A separator that cuts the lines into fewer columns than another is none.
            columns = max((len(reading.header.cells) for reading in found), default=0)
            question = max(undecided, key=lambda error: error.names, default=None)
            if question is not None and simplest >= _TITLED and question.names > columns:
                raise question
            if len(found) > 1:
                clean = [reading for reading in found if not reading.foreign(separators)]
                if len(clean) != 1:
                    raise self._several(found)
                found = clean
            if found:
                return found[0]
        most = given or max(_USUAL, key=lambda separator: _outside_quotes(first).count(separator))
        return self._reading(most, least=1, faulty=True)

    def _several(self, found: list[_Reading]) -> Undecided:
        options = [
            f"separator={reading.separator!r} (--separator {_WORDS.get(reading.separator, repr(reading.separator))}) "
            f"gives {len(reading.header.cells)} columns"
            for reading in found
        ]
        return Undecided(f"{self.name}: two separators make a table of this file; name one: {', '.join(options)}")

    def _reading(self, separator: str, *, least: int, faulty: bool = False) -> _Reading:
        """The lines, cut by this separator, with the names in the first line that makes a table of those below."""
        errors: list[DataError] = []
        fault = None  # the first line that has as many fields as most, if none makes a table
        widths = [len(_fields(line, separator)) for line in self.lines if line.strip()] if faulty else [1]
        usual = max(widths, key=widths.count)
        lines = [i for i, line in enumerate(self.lines[: self.asked.header or _HIGHEST_HEADER]) if line.strip()]
        if self.asked.header is not None:
            lines = [i for i in lines if i + 1 == self.asked.header]
        elif separator not in _USUAL and self.asked.separator is None:
            lines = [i for i in lines if not set(_USUAL).intersection(_outside_quotes(self.lines[i]))]
        lines = lines[bool(self.declared and lines and not lines[0]) :]
        for above in sorted(lines, key=lambda i: bool(_COMMENT.match(self.lines[i]))):  # names in a comment come last
            try:
                comment = _COMMENT.match(self.lines[above])
                first = self.lines[above][comment.end() :] if comment else self.lines[above]
                rows = _parsed(self.name, [first, *self.lines[above + 1 :]], above, separator)
                header, _ = next(rows)
                end = above + 1 + sum(len(_LINE_END.findall(cell)) for cell in header.cells)
                names = not any(map(measured, header.cells))
                if fault is None or (names and len(fault.header.cells) < usual <= len(header.cells)):
                    fault = _Reading(separator, header, end, tuple(self.notes), (), _FAULTY)
                return self._below(separator, header, end, least)
            except DataError as error:
                errors.append(error)
        if not errors:
            raise DataError(
                f"{self.name}:{self.asked.header or 1}: this line is blank or missing; it must hold the names"
            )
        if faulty and fault is not None:
            return fault
        raise next((error for error in errors if isinstance(error, Undecided)), errors[0])

    def _below(self, separator: str, header: Row, end: int, least: int) -> _Reading:
        """The reading with these names."""
        asked = self.asked if self.whole else replace(self.asked, footer=0)
        single = sum(bool(cell.strip()) for cell in header.cells) == 1
        below = _parsed(self.name, self.lines[end:], end, separator, single=single, whole=self.whole)
        above = [Row(i, _fields(line, separator)) for i, line in enumerate(self.lines[: header.line - 1], start=1)]
        above = above[bool(self.declared) :]
        try:
            layout, sample = settle(self.name, header, (row for row, _ in below), above, asked, least=least)
        except Undecided as error:
            error.names = len(header.cells)
            raise
        notes = [*self.notes, *layout.above]
        if _COMMENT.match(self.lines[header.line - 1]):
            notes.append("the names are in a comment")
        row_names = len(layout.names) > len(layout.header)
        oddity = _ROW_NAMES if row_names else _TITLED if notes else _MORE if layout.notes else _PLAIN
        return _Reading(separator, header, end, tuple(notes), sample, oddity)


def _fields(line: str, separator: str) -> list[str]:
    """One line cut into fields; one that cannot be is a single field."""
    try:
        return next(csv.reader([line.strip()], delimiter=separator), [])
    except csv.Error:
        return [line.strip()]


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


# --------------------------------------------------------------------------------------------------- the rows


def _parsed(
    name: str, lines: Iterable[str], before: int, separator: str, *, single: bool = False, whole: bool = True
) -> Iterator[tuple[Row, int]]:
    """The rows of lines, of which the first is number `before` + 1, and how many letters each has.

    A blank line has no cells, unless there is a single column: then it is an empty cell. If these are not the
    `whole` of the lines, the last row may be cut off and is left out.
    """
    if separator == " ":
        reader = csv.reader((line.strip() for line in lines), delimiter=" ", skipinitialspace=True, strict=True)
    else:
        reader = csv.reader(lines, delimiter=separator, strict=True)
    start = before + 1
    try:
        for cells in reader:
            yield Row(start, cells or [""] * single), sum(map(len, cells))
            start = before + reader.line_num + 1
    except csv.Error as error:
        if whole or "unexpected end" not in str(error):
            raise DataError(f"{name}:{start}: {_plain(str(error))}") from None


def _count_lines(name: str, encoding: str, reading: _Reading, asked: Asked) -> CsvFile | None:
    """The file with its rows counted, where a row is a line.

    None if the lines end in different ways, or a line is not one complete row by itself, or the last ones may be
    none: then the whole file has to be parsed, to see what is wrong, or to follow cells over several lines.
    """
    separator, width = reading.separator, len(reading.header.cells)
    rows, longest, rest = -1, 0, ""  # the header is no row
    windows = newlines = 0
    padded = False
    names = ""
    tail: deque[str] = deque(maxlen=_TAIL)
    blanks = _blanks_beside(separator)
    with open_text(name, encoding) as file:
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
            complete = _complete(lines, separator, width)
            if complete is None or len(rest) > csv.field_size_limit():
                return None
            names = names or (lines[0] if lines else "")
            if width > 1 and lines.count(names) > (rows < 0):  # the names once more
                return None
            tail.extend(lines[-_TAIL:])
            rows, longest = rows + complete, max(longest, max(map(len, lines), default=0))
    complete = _complete([rest] if rest else [], separator, width)
    if complete is None or rows + complete < 1:
        return None
    padded = padded or rest.endswith((" ", "\t"))
    survey = Survey(name, reading.header, (), asked)
    for row in reading.sample:
        survey.add(row)
    later = [*tail, rest] if rest else [*tail]
    for row, _ in _parsed(name, later, newlines - len(tail), separator, single=width == 1):
        if row.line > reading.sample[-1].line:
            survey.add(row)
    found = survey.finish()
    if found.notes:
        return None
    layout = replace(found, first=2, last=newlines + 1, rows=rows + complete)
    return CsvFile(name, encoding, separator, layout, 1, max(longest, len(rest)), True, padded)


def _blanks_beside(separator: str) -> list[str]:
    """Where a cell has a blank at its end: beside a separator, a quote or a line end."""
    return [pair for edge in (separator, '"', "\n") for blank in " \t" for pair in (edge + blank, blank + edge)]


def _complete(lines: Sequence[str], separator: str, width: int) -> int | None:
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


def _count_parsed(name: str, encoding: str, reading: _Reading, asked: Asked) -> CsvFile:
    """The file with its rows counted by the `csv` reader; raises what is wrong with them."""
    longest = 0
    ends: set[str] = set()

    def text_of(line: int) -> str:
        with open_text(name, encoding) as file:
            text = next(islice(file, line - 1, None), "").rstrip("\r\n")
        return text if len(text) <= 60 else text[:57] + "..."

    survey = Survey(name, reading.header, reading.above, asked, text_of=text_of)
    with open_text(name, encoding) as file:
        lines = islice(_noting_ends(lines_of(name, file), ends), reading.body, None)
        for row, letters in _parsed(name, lines, reading.body, reading.separator, single=len(survey.names) == 1):
            survey.add(row)
            longest = max(longest, letters)
    layout = survey.finish()
    if asked.header is None:
        refuse_data(name, reading.header, survey.sample)
    return CsvFile(name, encoding, reading.separator, layout, reading.body, longest, ends - {""} < {"\n", "\r\n"})


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
