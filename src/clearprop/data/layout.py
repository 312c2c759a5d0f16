"""Where in a file the table stands: which line has the names, which lines are rows, which fields are columns.

People export more than a table: a title above the names, units below them, a note at the end, a separator after
the last field. What can only be such a thing is passed over and noted; what may be a row or not is refused, with
the option that decides. Text files and sheets of a workbook are looked at by the same rules, as rows of text cells.
"""

import itertools
import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from clearprop._registry import listed
from clearprop.data.asked import Asked
from clearprop.data.cells import MISSING_WORDS
from clearprop.data.names import checked_names
from clearprop.errors import DataError

SAMPLE = 100
"""So many rows below the names show what the columns hold."""

_LONGEST_FOOTER = 20
_REPORTED = 5  # how many bad lines one message names
_UNNAMED = "Unnamed: 0"  # what pandas calls its index, which it writes without a name

_MEASURED = re.compile(r"[\s(+\-−~<>=≈$€£¥￥'.,]*[0-9０-９]")
"""How numbers, dates and times begin, in whatever style."""

_ATOM = (
    "[yzafpnuµμmcdhkMGT]?(?:m|g|s|A|K|mol|cd|Hz|N|Pa|J|W|Wh|V|VA|F|Ω|ohm|T|lm|lx|Bq|Gy|Sv|l|L|bar|t|eV|cal|B|bit|Bd)"
    "|min|h|d|a|yr?s?|years?|days?|hours?|hrs?|minutes?|months?|weeks?|sec|seconds?|ms|°[CFK]?|℃|℉|deg|degrees?|rad|gon"
    "|%|‰|ppm|ppb|dB[A-Z]?|px|in|inch(?:es)?|ft|feet|yd|mi|miles?|lbs?|oz|gal|mph|rpm|bpm|mmHg|atm|psi|knots?|kn|ha"
    "|USD|EUR|CHF|GBP|JPY|CNY|RMB|RUB|PLN|SEK|NOK|DKK|INR|KRW|BRL|CAD|AUD|Euro?|[$€£¥￥₽₩₹]"
    "|Jahre?|Tage?|Stunden?|Stk|Stück|ans?|лет|год|кг|г|см|мм|м|км|руб"
    "|[千万亿]?元|[千万亿]|人|个|個|岁|歳|年|月|日|天|小时|分钟|秒|米|厘米|公里|千米|公斤|千克|克|斤|吨|円|度"
    "|pcs|pieces?|count|units?|persons?|people|points?|pts|cells?"
)
_POWER = "(?:\\^[-−]?[0-9]|[-−][1-9]|[2-4]|[⁻⁰¹²³⁴⁵⁶⁷⁸⁹])*"
_DATE_FORM = "(?i:[dmyjhst.:/ -]*(?:dd|mm|yy|jj|hh|ss)[dmyjhst.:/ -]*)"
_UNIT = re.compile(rf"(?:1|(?:{_ATOM}){_POWER})(?:\s*[/·*. ]\s*(?:{_ATOM}){_POWER})*|[\[(].*[\])]")
_TOTAL = re.compile(
    r"(?:grand |sub-?)?(?:totals?|sum|average|mean|summe|gesamt\w*|insgesamt|mittelwert|somme|totale|suma|razem"
    r"|итого|всего|合\s*计|总\s*计|小\s*计|合\s*計|総\s*計|平均|합\s*계|총\s*계)\s*[:：]?(?:$|\s)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"\(?[0-9]+(?: [^\W\d_]{2,}){2,}")  # (20 rows affected)
_SIGN = re.compile(r"[:：*†#©(\[（※]")


class Undecided(DataError):
    """A file that can be read in two ways; the message names the option that decides.

    Attributes
    ----------
    names : int
        How many columns the table would have.
    """

    names = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a text file or a row of a sheet.

    Attributes
    ----------
    line : int
        Its number, from 1, of the line it begins on.
    cells : sequence of str
        Its fields; none for a blank line.
    """

    line: int
    cells: Sequence[str]

    @property
    def filled(self) -> int:
        """How many fields hold something."""
        return sum(bool(cell.strip()) for cell in self.cells)


@dataclass(frozen=True)
class Layout:
    """Which rows below the names are the table's, and which fields of them.

    Attributes
    ----------
    names : tuple of str
        Of the columns.
    fields : tuple of int
        The place of each column in a row.
    first, last : int
        The lines of the first and the last row.
    rows : int
        How many there are.
    header : tuple of str
        The line of names as it stands there, which may occur again.
    notes, above : tuple of str
        What is passed over, in words; and what of it stands above the names.
    """

    names: tuple[str, ...]
    fields: tuple[int, ...]
    first: int
    last: int
    rows: int
    header: tuple[str, ...]
    notes: tuple[str, ...]
    above: tuple[str, ...] = ()

    def has(self, row: Row) -> bool:
        """Whether this is a row of the table."""
        return self.first <= row.line <= self.last and _is_row(row.cells, self.header)


def _is_row(cells: Sequence[str], header: Sequence[str]) -> bool:
    """Not blank, no comment, and not the names once more."""
    if not cells:
        return False
    if len(header) > 1:
        if cells[0].startswith("#") and len(cells) != len(header):
            return False
        if cells[0].strip() == header[0] and tuple(cell.strip() for cell in cells) == tuple(header):
            return False
    return True


def measured(cell: str) -> bool:
    """Whether the cell begins as a number, an amount, a date or a time does.

    >>> [measured(cell) for cell in ("1,5", "€ 70", "2024-01-31", "(500)", "kg", "n/a")]
    [True, True, True, True, False, False]
    """
    return bool(_MEASURED.match(cell))


def is_unit(cell: str) -> bool:
    """Whether the cell is a unit and hardly anything else.

    >>> [is_unit(cell) for cell in ("kg", "m/s²", "[any word]", "µg/m3", "Bob", "b")]
    [True, True, True, True, False, False]
    """
    return bool(_UNIT.fullmatch(cell.strip()))


@dataclass
class Survey:
    """Goes once over the rows below a line of names; says then what the table is, or why it is none.

    Parameters
    ----------
    name : str
        The file, for messages.
    header : Row
        The line of names.
    above : sequence of str
        Notes about what stands above it.
    asked : Asked
        What is settled already.
    word : str
        What a row is called by who made the file: ``"line"``, or ``"row"`` of a sheet.
    text_of : callable
        The number of a line -> its text, for messages.
    """

    name: str
    header: Row
    above: Sequence[str]
    asked: Asked
    word: str = "line"
    text_of: Callable[[int], str] = field(default=lambda line: "")

    def __post_init__(self) -> None:
        self.names = [cell.strip() for cell in self.header.cells]
        while self.names and not self.names[-1]:
            self.names.pop()
        self.surplus = len(self.header.cells) > len(self.names)  # empty fields after the last column
        self.sample: list[Row] = []
        self.tail: deque[tuple[Row, bool]] = deque()  # the last rows, and whether a blank line is above
        self.empty: list[Row] = []  # rows without content that no other has followed
        self.blank = False
        self.rows = self.comments = 0
        self.repeated: list[int] = []
        self.wrong: list[tuple[int, int]] = []
        self.longer = 0  # rows with one field more
        self.keys: set[str] | None = set()  # their first cells, as long as these differ
        self.after_blank: list[Row] = []
        self.unnamed = {place for place, name in enumerate(self.names) if not name}
        self.used: set[int] = set()  # fields without a name that hold something

    def add(self, row: Row) -> None:
        """The next row, or blank line."""
        if self.asked.first_row is not None and row.line < self.asked.first_row:
            return
        if not row.cells:
            self.blank = True
        elif not any(row.cells) and len(self.names) > 1:
            self.empty.append(row)
        elif _is_row(row.cells, self.names):
            self._add_empty()
            self._add(row)
        elif row.cells[0].startswith("#"):
            self.comments += 1
        else:
            self.repeated.append(row.line)

    def _add_empty(self) -> None:
        """Rows without content are rows if others follow."""
        for row in self.empty:
            self._add(row)
        self.empty.clear()

    def _add(self, row: Row) -> None:
        self.tail.append((row, self.blank))
        if self.blank and len(self.after_blank) < _LONGEST_FOOTER:
            self.after_blank.append(row)
        self.blank = False
        if len(self.tail) > _LONGEST_FOOTER + (self.asked.footer or 0):
            self._take(self.tail.popleft()[0])

    def _take(self, row: Row) -> None:
        """Count a row of the table."""
        cells, width = row.cells, len(self.names)
        self.rows += 1
        if len(self.sample) < SAMPLE:
            self.sample.append(row)
        for place in self.unnamed:
            if place < len(cells) and cells[place].strip():
                self.used.add(place)
        if len(cells) == width:
            return
        if len(cells) == width + 1:
            self.longer += 1
            if self.keys is not None and self.longer == self.rows:
                known = len(self.keys)
                self.keys.add(cells[0])
                if len(self.keys) == known:
                    self.keys = None
        if len(cells) < width or any(cell.strip() for cell in cells[width:]):
            self.wrong.append((row.line, len(cells)))
        else:
            self.surplus = True

    # ------------------------------------------------------------------------------------------ at the end

    def finish(self) -> Layout:
        """The table.

        Raises
        ------
        Undecided
            There are two ways to read it.
        DataError
            A row is incomplete, or a column has no name.
        """
        notes = list(self.above)
        if self.asked.footer == 0 or not (self.rows or self.tail):
            self._add_empty()
        footer = self._footer()
        passed = [self.tail.pop()[0] for _ in range(footer)][::-1]
        last = self.tail[-1][0].line if self.tail else self.header.line
        while self.tail:
            self._take(self.tail.popleft()[0])
        row_names = self._row_names()
        if self.wrong and not row_names:
            raise DataError(self._ragged())
        if not self.rows:
            raise DataError(f"{self.name}: the file has a header but no data lines; add at least one")
        self._one_table(last)
        first = self.sample[0].line
        if self.asked.first_row is None and self._units():
            notes.append(f"{self.word} {first} holds units ({_shown(self.sample[0])}) and is passed over")
            first = self.sample[1].line
            self.rows -= 1
        elif self.asked.first_row is not None and first > self.header.line + 1:
            notes.append(f"the rows begin in {self.word} {first}, as asked for")
        names, fields = self._columns(row_names, notes)
        if self.comments:
            notes.append(f"{self._lines(self.comments)} below the names, beginning with #, {_passed(self.comments)}")
        if self.repeated:
            count = len(self.repeated)
            notes.append(
                f"{self._lines(count)} with the names once more (the first is {self.repeated[0]}) {_passed(count)}"
            )
        if self.empty:
            notes.append(f"{self._lines(len(self.empty))} at the end, of separators only, {_passed(len(self.empty))}")
        if passed:
            where = (
                f"{self.word} {passed[0].line}"
                if footer == 1
                else f"{self.word}s {passed[0].line} to {passed[-1].line}"
            )
            notes.append(f"{where} ({_shown(passed[0])}) below the table {_passed(footer)}")
        return Layout(names, fields, first, last, self.rows, tuple(self.names), tuple(notes))

    def _columns(self, row_names: bool, notes: list[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Names and places of the columns; an unnamed one may be pandas' index, or have no cells."""
        if row_names:
            notes.append(f"the first column has no name, as R writes its row names, and is called {_UNNAMED!r}")
            names = [_free_name(self.names), *self.names]
            return checked_names(self._where, names), tuple(range(len(names)))
        if self.surplus:
            notes.append(f"the {self.word}s end in a separator; the empty field after it is passed over")
        fields = [place for place in range(len(self.names)) if place not in self.unnamed or place in self.used]
        for place in sorted(self.unnamed):
            if place not in self.used:
                if self.word == "line":  # a sheet begins where it likes
                    notes.append(f"field {place + 1} has no name and no cells and is passed over")
            elif place:
                raise DataError(f"{self._where}: column {place + 1} of {len(self.names)} has no name; name it")
        names = [self.names[place] for place in fields]
        if names and not names[0]:
            names[0] = _free_name(names)
            notes.append(f"the first column has no name, as pandas writes its index, and is called {names[0]!r}")
        return checked_names(self._where, names), tuple(fields)

    def _row_names(self) -> bool:
        """Whether each row has one field more than there are names, as R writes: the first cells name the rows.

        Such names differ, and are words, dates or counts, never quantities.
        """
        if not self.wrong or self.longer < max(self.rows, 2) or self.keys is None:
            return False
        if any(_is_number(key) and not key.strip().isdigit() for key in self.keys):
            return False
        if len(self.names) < 2 or len(self.header.cells) > len(self.names):
            return False
        return not (self.asked.first_row is None and self._contrast(shift=1))

    def _units(self) -> bool:
        """Whether the first row holds units; refused if it may hold units, or names, or be a row.

        It is no row if it has text wherever the rows below have numbers, and units it has if they are known ones.
        """
        places = self._contrast()
        if not places:
            return False
        row = self.sample[0]
        if all(is_unit(row.cells[place]) for place in places):
            return True
        raise Undecided(
            f"{self.name}:{row.line}: this {self.word} ({_shown(row)}) has words where the rows below have numbers; "
            f"pass {self._options(header=row.line)} if it holds the names, "
            f"{self._options(first_row=self.sample[1].line)} if it is to be passed over, or "
            f"{self._options(first_row=row.line)} if it is a row"
        )

    def _one_table(self, last: int) -> None:
        """Refuse a row below a blank line that has words wherever the rows above, or those below, have numbers."""
        for row in self.after_blank:
            above = [other for other in self.sample if other.line < row.line]
            if row.line <= last and self.sample[0] is not row and self._words_only([row, *above]):
                raise DataError(
                    f"{self.name}:{row.line}: a second table seems to begin here ({_shown(row)}), below a blank "
                    f"{self.word}; put it into another file"
                )
            below = [other for other in self.sample if other.line > row.line]
            if self.asked.header is None and 0 < len(above) < len(below) and self._words_only([row, *below]):
                raise DataError(
                    f"{self.name}:{row.line}: the names seem to be in this {self.word}, below a blank one; "
                    f"pass header={row.line} (--header {row.line})"
                )

    def _contrast(self, shift: int = 0) -> list[int]:
        """The fields where the first row has a word and all others have numbers, if that is so wherever they have."""
        return self._words_only(self.sample, shift)

    def _words_only(self, rows: Sequence[Row], shift: int = 0) -> list[int]:
        """The fields where the first of the rows has a word and all others numbers, if so wherever they have."""
        first, *others = rows
        if len(others) < 2:
            return []
        places = []
        for place in range(len(self.names) + shift):
            below = [row.cells[place].strip() for row in others if place < len(row.cells)]
            below = [cell for cell in below if cell and cell.lower() not in MISSING_WORDS]
            cell = first.cells[place].strip() if place < len(first.cells) else ""
            if len(below) > 1 and all(map(measured, below)):
                if measured(cell) and not (is_unit(cell) and not cell.isdigit()):  # 1/min is a unit
                    return []
                if cell and cell.lower() not in MISSING_WORDS:
                    places.append(place)
            elif cell in below:
                return []
        return places

    def _footer(self) -> int:
        """How many of the last rows are none, but notes; refused if one may be either."""
        if self.asked.footer is not None:
            return min(self.asked.footer, len(self.tail))
        seen = [*self.sample, *(row for row, _ in self.tail)]
        last = [*reversed(self.tail)]
        likely = next((i for i, (row, _) in enumerate(last) if not self._may_be_note(row)), len(last))
        evident = [blank or self._unlike_rows(row, seen) for row, blank in last[:likely]]
        notes = max((i + 1 for i, proved in enumerate(evident) if proved), default=0)  # below a note, all are notes
        if notes < likely < len(last):
            short = [i for i, (row, _) in enumerate(last[notes:likely], notes) if len(row.cells) < len(self.names)]
            if short:
                row, count = last[short[0]][0], short[-1] + 1
                raise self._undecided_footer(row, "has fewer fields than there are columns", count, "complete it")
        if notes + 1 < len(last) and len(self.names) > 1:
            row = last[notes][0]
            label = next((cell.strip() for cell in row.cells if cell.strip()), "")
            if _TOTAL.match(label) and not any(label == other.cells[0].strip() for other in seen if other is not row):
                raise self._undecided_footer(row, "looks like a total", notes + 1, self._options(footer=notes))
        return notes

    def _may_be_note(self, row: Row) -> bool:
        """Whether the row says little, and that in words."""
        cell = next((cell.strip() for cell in row.cells if cell.strip()), "")
        if len(self.names) < 2 or not cell or cell.lower() in MISSING_WORDS:
            return False
        if measured(cell) and not _SENTENCE.match(cell):
            return False
        return len(row.cells) < len(self.names) or row.filled == 1

    def _unlike_rows(self, note: Row, rows: Iterable[Row]) -> bool:
        """Whether the cells above the note's first word are all numbers, or have none of the signs that it has."""
        place = next(place for place, cell in enumerate(note.cells) if cell.strip())
        rows = [row for row in rows if row.line < note.line]
        if sum(row.filled > 1 for row in rows) <= len(rows) / 2:  # rows say as little
            return False
        above = [row.cells[place].strip() for row in rows if place < len(row.cells)]
        above = [cell for cell in above if cell and cell.lower() not in MISSING_WORDS]
        if len(above) < 2:
            return False
        signs = set(_SIGN.findall(" ".join(note.cells)))
        return all(map(measured, above)) or bool(signs - set(_SIGN.findall(" ".join(above))))

    def _undecided_footer(self, row: Row, why: str, count: int, else_: str) -> Undecided:
        return Undecided(
            f"{self.name}:{row.line}: the last {self.word} ({_shown(row)}) {why}; pass {self._options(footer=count)} "
            f"if it is a note or a total below the table, or {else_} if it is a row"
        )

    # ------------------------------------------------------------------------------------------------ words

    @property
    def _where(self) -> str:
        return f"{self.name}:{self.header.line}"

    def _lines(self, count: int) -> str:
        return f"{count} {self.word}{'s' * (count > 1)}"

    def _options(self, **options: int) -> str:
        return " ".join(f"{name}={value} (--{name.replace('_', '-')} {value})" for name, value in options.items())

    def _ragged(self) -> str:
        wrong, width = self.wrong, len(self.names)
        counts = {count for _, count in wrong}
        text = f"the header has {width} ({listed(self.names, 6)})"
        if len(wrong) == self.rows and counts == {width + 1}:
            remedy = "name the column that has no name"
        elif min(counts) > width:
            remedy = f"is there a separator inside a cell? Put such cells into quotes: {self.text_of(wrong[0][0])}"
        else:
            remedy = f"complete these {self.word}s or remove them"
        if len(wrong) == 1:
            line, count = wrong[0]
            return f"{self.name}:{line}: the row has {count} fields, {text}; {remedy}"
        shown = ", ".join(f"{self.word} {line} has {count}" for line, count in wrong[:_REPORTED])
        more = f" and {len(wrong) - _REPORTED} more" if len(wrong) > _REPORTED else ""
        where = f"{self.name}:{wrong[0][0]}"
        return f"{where}: {len(wrong)} rows have the wrong number of fields: {shown}{more}; {text}; {remedy}"


def _passed(count: int) -> str:
    return f"{'is' if count == 1 else 'are'} passed over"


def _free_name(names: Sequence[str]) -> str:
    """What pandas calls a first column without a name, beside these."""
    if _UNNAMED not in names:
        return _UNNAMED
    return next(name for name in (f"{_UNNAMED}.{i}" for i in range(1, len(names) + 2)) if name not in names)


def _shown(row: Row) -> str:
    cells = listed((cell.strip() for cell in row.cells if cell.strip()), 4)
    return " ".join(cells.split())


# --------------------------------------------------------------------------------------------------- the names


def notes_above(
    name: str, header: Row, rows: Sequence[Row], width: int, asked: Asked, word: str, *, certain: bool
) -> list[str]:
    """What the rows above a header of so many names are, in words.

    A title has fewer fields than there are columns, or leaves some of them empty. One with several fields might be
    the header of another table, so that only numbers below the names (`certain`) prove it.

    Raises
    ------
    Undecided
        A row may be a title or not.
    DataError
        A row is no title.
    """
    titles: list[Row] = []
    comments = 0
    apart = max((row.line for row in rows if not row.cells), default=0)  # the last blank line
    for row in rows:
        alone = row.filled == 1 and (len(row.cells) < width or width > 2)
        comment = row.filled > 0 and row.cells[0].startswith("#")
        if comment and not (row is rows[-1] and len(row.cells) == width > 1 and not certain):
            comments += 1  # otherwise it may hold the names
        elif alone or (row.filled and certain and (row.line < apart or min(len(row.cells), row.filled) < width)):
            titles.append(row)
        elif asked.header is not None:
            titles += [row] * (row.filled > 0)
        elif comment or 0 < len(row.cells) < width or row.filled == 1 < width:
            raise Undecided(
                f"{name}:{header.line}: the names may be in this {word}; pass header={header.line} "
                f"(--header {header.line}) if they are, or correct the {word}s above it"
            )
        elif row.filled:
            raise DataError(f"{name}:{row.line}: this {word} is no title; remove it")
    notes = []
    if comments:
        notes.append(f"{comments} {word}{'s' * (comments > 1)} above the names {_passed(comments)}: a comment")
    if titles:
        where = f"{word} {titles[0].line}"
        if len(titles) > 1:
            where = f"{word}s {titles[0].line} to {titles[-1].line}"
        notes.append(f"{where} ({_shown(titles[0])}) above the names {_passed(len(titles))}")
    return notes


def settle(
    name: str,
    header: Row,
    below: Iterable[Row],
    above: Sequence[Row],
    asked: Asked,
    *,
    word: str = "line",
    least: int = 1,
) -> tuple[Layout, tuple[Row, ...]]:
    """The table with these names, and its first rows.

    Raises
    ------
    DataError
        There is none, or it has fewer than `least` columns; `Undecided` if there may be another one.
    """
    survey = Survey(name, header, (), asked, word)
    if len(survey.names) < least:
        raise DataError(f"{name}: no table")
    for row in below:
        survey.add(row)
    layout = survey.finish()
    sample = tuple(row for row in survey.sample if row.line >= layout.first)
    if asked.header is None:
        refuse_data(name, header, sample, word)
    certain = contrasts(header, sample)
    if len(layout.names) > len(layout.header) and any(row.filled for row in above) and not certain:
        raise DataError(f"{name}:{header.line}: the header has a name too few; name the first column")
    odd = [cell for cell in layout.header if measured(cell) and not re.fullmatch("[0-9]{1,9}", cell)]
    if odd and asked.header is None and any(row.filled for row in above):
        raise DataError(f"{name}:{header.line}: {listed(odd, 4)} look like data; put a {word} with the names above it")
    titles = notes_above(name, header, above, len(layout.fields), asked, word, certain=certain)
    return replace(layout, above=tuple(titles)), sample


def contrasts(header: Row, rows: Sequence[Row]) -> bool:
    """Whether a column has a word as its name and numbers below."""
    for place, cell in enumerate(header.cells):
        below = [row.cells[place].strip() for row in rows if place < len(row.cells) and row.cells[place].strip()]
        if len(below) > 1 and all(map(measured, below)) and cell.strip() and not measured(cell):
            return True
    return False


def refuse_data(name: str, header: Row, rows: Sequence[Row], word: str = "line") -> None:
    """Refuse a header that is a row of data: numbers that name nothing, or values that its columns have again."""
    cells = [cell.strip() for cell in header.cells if cell.strip()]
    numbers = [cell for cell in cells if _is_number(cell)]
    again = sum(
        any(cell.strip() == row.cells[place].strip() for row in rows if place < len(row.cells))
        for place, cell in enumerate(header.cells)
        if cell.strip()
    )
    if not numbers:
        looks = len(cells) > 1 and again == len(cells)
    else:
        whole = [int(cell) for cell in numbers if re.fullmatch("[0-9]{1,9}", cell)]
        rising = [b - a for a, b in itertools.pairwise(whole)]
        named = len(whole) == len(numbers) and (all(d > 0 for d in rising) or all(d < 0 for d in rising))
        counted = numbers == cells and any(whole == list(range(k, k + len(whole))) for k in (0, 1))
        looks = not named or (numbers == cells and not counted) or again > (len(cells) - len(numbers)) / 2
    if looks:
        which = "the first" if header.line == 1 else "this"
        raise DataError(
            f"{name}:{header.line}: {which} {word} ({listed(cells, 4)}) looks like data; put a {word} with the names "
            f"above it, or say header={header.line} (--header {header.line}) if these are the names"
        )


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return text.lower().strip("+-") not in ("nan", "inf", "infinity")
