"""Files as people export them, each with the table that it means: file number k is always the same."""

import gzip
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from strangers.columns import (
    Column,
    dates,
    numbered_classes,
    numbers,
    plain,
    punctuated,
    remarks,
    row_names,
    same_everywhere,
    times,
    words,
    yes_no,
)
from strangers.dice import Dice
from strangers.programs import NARROW, NO_BREAK, PROGRAMS, Program


@dataclass(frozen=True)
class Export:
    """A file, and what it means.

    Attributes
    ----------
    number : int
        Which one.
    program : str
        What wrote it.
    suffix : str
        Of its name.
    lines : tuple of tuples
        Those down to the names (and units) of the columns, one for each row, and those below.
    end : str
        Of a line.
    encoding : str
        How letters are written.
    mark : str
        The byte order mark, or nothing.
    columns : tuple of Column
        The table, in the file's order. The first may have no name.
    target : str
        The column to predict.
    answers : mapping
        What the person who made the file answers, if asked: option -> value.
    undecidable : tuple of str
        Options without which nobody can read the file.
    traits : tuple of str
        What is particular about it.
    """

    number: int
    program: str
    suffix: str
    lines: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    end: str
    encoding: str
    mark: str
    columns: tuple[Column, ...]
    target: str
    answers: Mapping[str, object]
    undecidable: tuple[str, ...]
    traits: tuple[str, ...]

    @property
    def text(self) -> str:
        """The file's text, without a byte order mark."""
        return self.end.join(line for part in self.lines for line in part)

    @property
    def content(self) -> bytes:
        """The file."""
        content = (self.mark + self.text).encode(self.encoding)
        return gzip.compress(content, mtime=0) if self.suffix.endswith(".gz") else content

    def part(self, rows: list[int]) -> "Export":
        """A file of some of the rows, as new rows come."""
        above, lines, _ = self.lines
        columns = tuple(
            replace(
                column, values=tuple(column.values[row] for row in rows), cells=tuple(column.cells[row] for row in rows)
            )
            for column in self.columns
        )
        return replace(self, lines=(above, tuple(lines[row] for row in rows), ("",)), columns=columns)

    def __str__(self) -> str:
        shown = "\n".join(self.text.splitlines()[:8])
        return f"file {self.number} ({self.program}; {self.encoding}; {'; '.join(self.traits)})\n{shown}"


def export(number: int) -> Export:
    """File number `number`.

    >>> export(5).content == export(5).content
    True
    """
    dice = Dice(number)
    program = _settled(dice, dice.pick({program: program.weight for program in PROGRAMS}))
    columns, target, traits = _table(dice, program)
    separator = dice.pick(program.separators)
    end = dice.pick(program.line_ends)
    lines, header, layout = _lines(dice, program, columns, separator, end)
    lines, encoding, mark = _encoded(lines, dice.pick(program.encodings))
    suffix = dice.pick(program.suffixes) + ".gz" * dice.chance(program.gzip)
    above, _, below = lines
    answers = {
        "encoding": encoding,
        "separator": separator,
        "header": header,
        "first_row": 1 + len(above) + sum(line.count("\n") for line in above),
        "footer": sum(line.strip(separator) != "" for line in below),
    }
    for column in columns:
        answers |= column.answers
    return Export(
        number,
        program.name,
        suffix,
        lines,
        end,
        encoding,
        mark,
        tuple(columns),
        target,
        answers,
        _undecidable(columns, separator),
        (*traits, *layout, *(trait for column in columns for trait in column.traits)),
    )


def _settled(dice: Dice, program: Program) -> Program:
    """The program with what is the same in all columns of a file: the order of day and month, thousands, gaps."""
    day_first = dice.chance(0.5)
    dates = {
        form: weight
        for form, weight in program.dates.items()
        if not form.startswith(("%m/", "#m/") if day_first else ("%d/", "#d/", "%d-%m"))
    }
    thousands = dice.pick(program.thousands)
    return replace(
        program,
        dates=dates or program.dates,
        thousands={"": 1.0, thousands: 2.0} if thousands else {"": 1.0},
        gaps={dice.pick(program.gaps): 1.0},
    )


# --------------------------------------------------------------------------------------------------- the table


def _table(dice: Dice, program: Program) -> tuple[list[Column], str, list[str]]:
    rows = dice.whole(100, 300) if dice.chance(0.02) else dice.whole(12, 60)
    width = dice.whole(20, 60) if dice.chance(0.02) else dice.whole(1, 8)
    names = _names(dice, program, width + 1)
    features = [_feature(dice, program, name, rows, only=width == 1) for name in names[1:]]
    target = _target(dice, program, names[0], rows)
    place = dice.pick({width: 7.0, 0: 1.0, dice.whole(0, width): 2.0})
    columns = [*features[:place], target, *features[place:]]
    if dice.chance(0.04) and program.quoting.get("none", 0) == 0:
        columns.insert(dice.whole(0, len(columns)), remarks(dice, program, "notes", rows))
    for kind, probability in (("Year", 0.03), ("Version", 0.02)):
        if dice.chance(probability):
            columns.insert(dice.whole(0, len(columns)), same_everywhere(dice, program, kind, rows))
    form = dice.pick(program.index)
    if form == "time":
        columns.insert(0, dates(dice, program, "timestamp", rows, [False] * rows, rising=True))
    elif form != "none":
        columns.insert(0, row_names(dice, program, form, rows, set(names)))
    traits = ["many rows"] * (rows >= 100) + ["wide"] * (width >= 20) + ["narrow"] * (width == 1)
    return [_with_gaps(dice, program, column) for column in columns], target.name, traits


def _names(dice: Dice, program: Program, count: int) -> list[str]:
    """Different names; many are numbered."""
    pool = program.language.names
    if count > len(pool) // 2:
        return [f"{pool[i % len(pool)]} {i // len(pool) + 1}" for i in range(count)]
    names = dice.some(pool, count)
    if dice.chance(0.01) and "none" not in program.quoting:
        names[0] += "\n(total)"  # a cell of several lines, as Excel wraps long names
    return names


def _feature(dice: Dice, program: Program, name: str, rows: int, *, only: bool) -> Column:
    share = dice.pick({0.0: 6.0, 0.08: 2.0, 0.25: 1.0})
    gaps = [dice.chance(share) for _ in range(rows)]
    gaps = [False] * rows if only or sum(gaps) > rows // 2 else gaps
    kind = "number" if only else dice.pick({"number": 10.0, "words": 3.0, "date": 2.0, "yes/no": 1.0, "time": 0.3})
    if kind == "number":
        return numbers(dice, program, name, rows, gaps)
    if kind == "words":
        return words(dice, program, name, rows, gaps)
    if kind == "date":
        return dates(dice, program, name, rows, gaps)
    if kind == "time":
        return times(dice, program, name, rows, gaps)
    return yes_no(dice, program, name, rows, gaps)


def _target(dice: Dice, program: Program, name: str, rows: int) -> Column:
    none = [False] * rows
    kind = dice.pick({"quantity": 4.0, "words": 3.0, "classes": 1.5, "yes/no": 1.5})
    if kind == "quantity":
        return numbers(dice, program, name, rows, none, quantity=True)
    if kind == "words":
        return words(dice, program, name, rows, none)
    if kind == "classes":
        return numbered_classes(dice, program, name, rows)
    return yes_no(dice, program, name, rows, none)


def _with_gaps(dice: Dice, program: Program, column: Column) -> Column:
    """The column with what the program writes into its gaps."""
    if None not in column.values or column.constant:
        return column
    words = [dice.pick(program.gaps)]
    words += [""] * (words != [""] and not program.name.startswith(("R", "numpy")) and dice.chance(0.06))
    cells = tuple(
        dice.pick(words) if value is None else cell for value, cell in zip(column.values, column.cells, strict=True)
    )
    return replace(column, cells=cells, traits=(*column.traits, f"gaps {' and '.join(map(repr, words))}"))


def _undecidable(columns: list[Column], separator: str) -> tuple[str, ...]:
    """What nobody can know: no cell of the column, no other column and no separator tells."""
    found = set()
    for column in columns:
        others = [other for other in columns if other is not column]
        if column.undecidable == "thousands" and separator != ";":
            marks = [cell for other in others if other.kind in ("number", "classes") for cell in other.cells]
            if not any("." in cell or "," in cell for cell in marks):
                found.add("thousands")
        if column.undecidable == "day_first" and not any("day_first" in other.answers for other in others):
            found.add("day_first")
    return tuple(sorted(found))


# ---------------------------------------------------------------------------------------------------- the lines


Lines = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def _lines(
    dice: Dice, program: Program, columns: list[Column], separator: str, end: str
) -> tuple[Lines, int, list[str]]:
    """All lines, the number (from 1) of the one with the names, and what is particular."""
    quoting = dice.pick(program.quoting)
    if separator == " " and quoting == "none":
        quoting = "words"
    names = [_cell(program, column, column.name, separator, quoting, name=True) for column in columns]
    cells = [
        [_cell(program, column, cell, separator, quoting, gap=value is None) for value, cell in _pairs(column)]
        for column in columns
    ]
    traits = [f"separator {separator!r}", f"quoting {quoting}"]
    if any(trait.startswith("index: without") for trait in columns[0].traits):
        del names[0]
    if separator != " " and dice.chance(program.padded):
        cells = [_padded(column) for column in cells]
        traits.append("padded")
    rows = [separator.join(row) for row in zip(*cells, strict=True)]
    header = separator.join(names)
    if dice.chance(program.commented):
        header = "# " + header
        traits.append("names in a comment")
    nameless = columns[0].name == ""
    if not nameless and dice.chance(program.trailing):
        rows = [row + separator for row in rows]
        header += separator if dice.chance(0.5) else ""
        traits.append("trailing separators" if header.endswith(separator) else "trailing separators below the names")
    names_and_units = [header]
    if not nameless and dice.chance(program.units_row):
        brackets = dice.pick(["[]", "()", ""])
        units = [_unit(dice, column, brackets) for column in columns]
        if sum(unit != "" for unit in units) > 1:
            names_and_units.append(separator.join(units) + separator * header.endswith(separator))
            traits.append("units row")
    above = _above(dice, program, len(columns), separator, dice.pick(program.above), traits)
    below = _below(dice, program, columns, separator, dice.pick(program.below), traits)
    if dice.chance(0.01):
        place = dice.whole(1, len(rows) - 1)
        rows[place] = end + rows[place]
        traits.append("a blank line between")
    last = () if dice.chance(0.1) else ("",)
    return ((*above, *names_and_units), tuple(rows), (*below, *last)), len(above) + 1, traits


def _pairs(column: Column) -> list[tuple[object, str]]:
    return list(zip(column.values, column.cells, strict=True))


def _cell(
    program: Program, column: Column, cell: str, separator: str, quoting: str, *, name: bool = False, gap: bool = False
) -> str:
    """A cell as the program writes it."""
    from_r = program.name.startswith("R")
    bare = not name and (gap if from_r else column.kind in ("number", "classes") or (gap and cell == "NA"))
    bare = bare or (not name and column.kind == "number" and not gap)
    bare = bare or (not name and column.kind in ("row name", "classes") and cell.isdecimal() and not from_r)
    needed = any(sign in cell for sign in (separator, '"', "\n", "\r"))
    if needed or quoting == "all" or (quoting == "words" and not bare):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _padded(cells: list[str]) -> list[str]:
    widest = max(map(len, cells))
    return [cell if '"' in cell else cell.rjust(widest + 1) for cell in cells]


def _unit(dice: Dice, column: Column, brackets: str) -> str:
    if column.kind != "number":
        return ""
    unit = dice.pick(["cm", "V", "mA", "°C", "bar", "1/min", "N", "mm/s"])
    return brackets[:1] + unit + brackets[1:]


def _above(dice: Dice, program: Program, width: int, separator: str, form: str, traits: list[str]) -> list[str]:
    """The lines above the names."""
    title = program.language.title
    if form != "none":
        traits.append(f"above: {form}")
    if form == "sep=":
        return [f"sep={separator}"]
    if form == "title in cells":
        blank = [separator * (width - 1)] if dice.chance(0.5) else []
        return [title + separator * (width - 1), *blank]
    if form == "comments":
        return [f"# {title}", "# started 2023-05-01 10:00:00", *(["# operator: N.N."] if dice.chance(0.5) else [])]
    if form == "account":
        lines = [("Konto", "DE12 3456 7890"), ("Zeitraum", "01.01.2023 - 31.01.2023"), ("Saldo", "1.234,56 EUR")]
        if program.decimal == ".":
            lines = [("Account", "12 3456 7890"), ("Period", "Jan 2023"), ("Balance", "1234.56")]
        return [*(separator.join(line) for line in lines[: dice.whole(1, 3)]), ""]
    return {"none": [], "title": [title], "title, blank": [title, ""]}[form]


def _below(
    dice: Dice, program: Program, columns: list[Column], separator: str, form: str, traits: list[str]
) -> list[str]:
    """The lines below the last row."""
    if form != "none":
        traits.append(f"below: {form}")
    source = program.language.source
    if form == "blank cells":
        return [separator * (len(columns) - 1)] * dice.whole(1, 3)
    if form == "total":
        sums = [""] * len(columns)
        if dice.chance(0.5):
            sums = [_sum(column) for column in columns]
            traits.append("total with sums")
        return [separator.join([program.language.total, *sums[1:]])]
    if form == "rows affected":
        return ["", f"({len(columns[0].cells)} rows affected)"]
    known = {"none": [], "blank": [""], "source": [source], "blank, source": ["", source], "comment": [f"# {source}"]}
    return known[form]


def _sum(column: Column) -> str:
    """What stands in a line of totals."""
    if column.kind != "number" or not any(sign.isdecimal() for sign in "".join(column.cells)):
        return ""
    total = Decimal(sum(value for value in column.values if value is not None)).quantize(Decimal("0.01"))
    return punctuated(plain(total), str(column.answers["decimal"]), "")


def _encoded(lines: Lines, choice: str) -> tuple[Lines, str, str]:
    """The lines, their encoding and the byte order mark; a program that cannot write a letter writes UTF-8."""
    encoding = choice.removeprefix("mark ")
    narrowed = tuple(tuple(line.replace(NARROW, NO_BREAK) for line in part) for part in lines)
    for attempt in (lines, narrowed):
        try:
            "".join(line for part in attempt for line in part).encode(encoding)
        except UnicodeEncodeError:
            continue
        return attempt, encoding, "\ufeff" * choice.startswith("mark ")
    return lines, "utf-8", "\ufeff"


def counts(exports: list[Export]) -> Counter[str]:
    """How many files have each trait, program and encoding."""
    return Counter(trait for one in exports for trait in {*one.traits, one.program, one.encoding})
