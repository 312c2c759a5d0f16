"""Columns: what they mean, cell by cell, and how one program writes that."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from strangers.dice import Dice
from strangers.programs import NO_BREAK, Program

MINUS = "\N{MINUS SIGN}"
FULL_WIDTH = str.maketrans("0123456789.,-", "０１２３４５６７８９．，－")


@dataclass(frozen=True)
class Column:
    """A column of a table and of the file.

    Attributes
    ----------
    name : str
        As the file has it, or should; empty if the program writes none.
    kind : str
        "number", "date", "time", "yes/no", "words", or "row name", which says nothing about the row.
    values : tuple
        What the cells mean, None for a gap: floats, datetimes, seconds of the day, booleans, words.
    cells : tuple of str
        What the program writes.
    traits : tuple of str
        What is particular.
    undecidable : str
        The option without which nobody can know what the cells mean, if there is one.
    answers : mapping
        What the person who wrote the column knows.
    """

    name: str
    kind: str
    values: tuple[Any, ...]
    cells: tuple[str, ...]
    traits: tuple[str, ...] = ()
    undecidable: str = ""
    answers: Mapping[str, object] = field(default_factory=dict)

    @property
    def constant(self) -> bool:
        """Whether it says the same in every row."""
        return len(set(self.values)) == 1


# ------------------------------------------------------------------------------------------------------ numbers

SIZES = {
    "measure": 6.0,
    "grams": 0.7,
    "money": 4.0,
    "whole": 4.0,
    "thousands": 0.7,
    "digits": 3.0,
    "tiny": 0.5,
    "large": 1.0,
}
DRESSES = {
    "behind": 5.0,
    "before": 2.0,
    "brackets": 1.0,
    "magnitude": 1.0,
    "minus": 0.7,
    "full width": 0.5,
}


def numbers(dice: Dice, program: Program, name: str, rows: int, gaps: list[bool], *, quantity: bool = False) -> Column:
    """A column of numbers; a `quantity` is no small whole number, which a target would take for a class."""
    size = dice.pick(SIZES if not quantity else SIZES | {"whole": 0.0})
    traits = [size]
    values = [_value(dice, size) for _ in range(rows)]
    if size in ("measure", "grams", "money") and dice.chance(0.3):
        values = [-value if dice.chance(0.4) else value for value in values]
    by_hand = size not in ("digits", "tiny") and dice.chance(program.by_hand)
    dress = dice.pick(DRESSES) if by_hand else dice.pick(program.numbers)
    decimal = program.decimal
    thousands = dice.pick(program.thousands) if size in ("money", "thousands", "large", "whole") else ""
    if dress == "magnitude" and program.language.magnitudes and size != "whole":
        return _shortened(dice, program, name, values, gaps, quantity=quantity)
    fixed = size != "digits" and dice.chance(0.6)
    if dress == "full width" and not program.name.startswith(("Excel, Chi", "Excel, Jap")):
        dress = "behind"
    most = max(len(plain(value).partition(".")[2]) for value in values)
    texts = [plain(abs(value), most if size in ("grams", "tiny") or fixed else None) for value in values]
    if size == "whole" and dress == "float" and any(gaps):
        texts = [f"{text}.0" for text in texts]  # what pandas makes of whole numbers beside a gap
    if size == "tiny" or dress == "exponent":
        exponent = dice.pick(["e", "E"]) if dress != "exponent" else "e"
        texts = [f"{abs(value):.{18 if dress == 'exponent' else 3}{exponent}}" for value in values]
        values = [Decimal(text) * (-1 if value < 0 else 1) for text, value in zip(texts, values, strict=True)]
    if dress == "no zero":
        texts = [text.removeprefix("0") if text.startswith("0.") else text for text in texts]
    texts = [punctuated(text, decimal, thousands) for text in texts]
    cells = _dressed(dice, program, dress, [value < 0 and value != 0 for value in values], texts)
    if thousands and any(thousands in text for text in texts):
        traits.append(f"thousands {thousands!a}")
    traits += [dress] if dress else []
    asks = "" if by_hand else _number_question(texts)
    answers = {"decimal": decimal} | ({"thousands": thousands} if thousands else {})
    meant = tuple(None if gap else float(value) for gap, value in zip(gaps, values, strict=True))
    return Column(name, "number", meant, tuple(cells), tuple(traits), asks, answers)


def _value(dice: Dice, size: str) -> Decimal:
    if size == "measure":
        places = dice.whole(1, 3)
        return Decimal(dice.whole(1, 10 ** dice.whole(2, 5))) / 10**places
    if size == "grams":
        return Decimal(dice.whole(1_000, 999_999)) / 1000
    if size == "thousands":
        return Decimal(dice.whole(1_000, 999_999))
    if size == "money":
        return Decimal(dice.whole(100, 10 ** dice.whole(4, 8))) / 100
    if size == "whole":
        return Decimal(dice.whole(0, 10 ** dice.whole(1, 5)))
    if size == "large":
        return Decimal(dice.whole(1_000, 10 ** dice.whole(5, 10)))
    if size == "tiny":
        return Decimal(dice.whole(1, 9999)) / 10**12
    return Decimal(repr(dice.share() * 10 ** dice.whole(0, 4)))  # all digits of a float


def plain(value: Decimal, places: int | None = None) -> str:
    """As digits with a point, with so many behind it, or as few as it has.

    >>> plain(Decimal("1.50")), plain(Decimal(1500)), plain(Decimal("1.5"), 3)
    ('1.5', '1500', '1.500')
    """
    if places is not None:
        return f"{value:.{places}f}"
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def punctuated(text: str, decimal: str, thousands: str) -> str:
    """With another sign before the decimals, and one between the thousands.

    >>> punctuated("1234.5", ",", ".")
    '1.234,5'
    """
    whole, point, part = text.partition(".")
    if thousands and whole.isdigit():
        first = len(whole) % 3 or 3
        groups = [whole[:first], *(whole[i : i + 3] for i in range(first, len(whole), 3))]
        whole = thousands.join(groups)
    return whole + point.replace(".", decimal) + part


def _dressed(dice: Dice, program: Program, dress: str, negative: list[bool], texts: list[str]) -> list[str]:
    language = program.language
    if dress == "before" and language.before:
        unit = dice.pick(language.before)
        minus = dice.pick(["-" + unit, unit + "-"])
        return [(minus if below else unit) + text for below, text in zip(negative, texts, strict=True)]
    if dress in ("behind", "before"):
        unit = dice.pick(language.behind)
        if dice.chance(0.2):
            unit = unit.replace(" ", NO_BREAK)
        return [("-" if below else "") + text + unit for below, text in zip(negative, texts, strict=True)]
    if dress == "brackets":
        unit = dice.pick(language.before) if language.before and dice.chance(0.3) else ""
        return [f"({unit}{text})" if below else unit + text for below, text in zip(negative, texts, strict=True)]
    if dress == "minus behind":
        return [text + ("-" if below else "") for below, text in zip(negative, texts, strict=True)]
    sign = MINUS if dress == "minus" else "-"
    cells = [(sign if below else "") + text for below, text in zip(negative, texts, strict=True)]
    return [cell.translate(FULL_WIDTH) for cell in cells] if dress == "full width" else cells


def _shortened(
    dice: Dice, program: Program, name: str, values: list[Decimal], gaps: list[bool], *, quantity: bool
) -> Column:
    """Such as 13.5k and 1.2M: most cells with a magnitude, some perhaps without."""
    marks: Mapping[str, int] = program.language.magnitudes
    mark = dice.pick(list(marks))
    mixed, places = dice.chance(0.3), dice.whole(1, 2)
    cells, meant = [], []
    for gap, value in zip(gaps, values, strict=True):
        mantissa = Decimal(int(abs(value) * 10) % 9990 + 1) / 10
        here = dice.pick([*marks, ""]) if mixed else mark
        cells.append(punctuated(plain(mantissa, places), program.decimal, "") + here)
        meant.append(None if gap else float(mantissa.scaleb(marks.get(here, 0))))
    return Column(name, "number", tuple(meant), tuple(cells), ("magnitude",), "", {"decimal": program.decimal})


def _number_question(texts: list[str]) -> str:
    """1,234 in every cell may be 1234 or 1.234."""
    return "thousands" if all(re.fullmatch(r"[1-9]\d{0,2},\d{3}", text) for text in texts) else ""


# ------------------------------------------------------------------------------------------------ dates and times


def dates(dice: Dice, program: Program, name: str, rows: int, gaps: list[bool], *, rising: bool = False) -> Column:
    """A column of dates, perhaps with times, in one format; `rising` as in a log."""
    form = dice.pick(program.dates)
    ordered = bool(re.match(r"[%#]d[/-][%#]m|[%#]m[/-][%#]d", form))
    early = ordered and dice.chance(0.15)
    start = datetime(2001 + dice.whole(0, 20), 1 + dice.whole(0, 11), 1)
    finest = 1 if "%S" in form else 60 if "%M" in form else 86400
    step = timedelta(seconds=finest * dice.pick([1, 7, 60]))
    points = []
    for row in range(rows):
        at = start + row * step if rising else start + timedelta(days=dice.whole(0, 1500), seconds=dice.whole(0, 86399))
        if early:
            at = at.replace(day=1 + at.day % 12)
        points.append(at if ".%f" not in form else at + timedelta(microseconds=1000 * dice.whole(0, 999)))
    points = [_kept(at, form) for at in points]
    cells = tuple(moment(at, form) for at in points)
    told = any(at.day > 12 for at, gap in zip(points, gaps, strict=True) if not gap)
    asks = "day_first" if ordered and not told else ""
    answers = {"day_first": bool(re.match(r"[%#]d", form))} if ordered else {}
    meant = tuple(None if gap else at for gap, at in zip(gaps, points, strict=True))
    return Column(name, "date", meant, cells, (form,), asks, answers)


MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def moment(at: datetime, form: str) -> str:
    """strftime in English on every machine, with ``#d``, ``#m``, ``#I`` for numbers without a zero.

    >>> moment(datetime(2018, 1, 9, 14, 5), "#m/#d/%Y #I:%M %p")
    '1/9/2018 2:05 PM'
    """
    month = MONTHS[at.month - 1]
    for sign, text in {
        "%b": month[:3].upper() if "%d%b%Y" in form else month[:3],
        "%B": month,
        "%p": "AM" if at.hour < 12 else "PM",
        "#d": str(at.day),
        "#m": str(at.month),
        "#I": str((at.hour + 11) % 12 + 1),
        "%Y": f"{at.year:04}",
        "%y": f"{at.year % 100:02}",
        "%m": f"{at.month:02}",
        "%d": f"{at.day:02}",
        "%H": f"{at.hour:02}",
        "%M": f"{at.minute:02}",
        "%S": f"{at.second:02}",
        "%f": f"{at.microsecond // 1000:03}",
    }.items():
        form = form.replace(sign, text)
    return form


def _kept(at: datetime, form: str) -> datetime:
    """What of a moment the format writes."""
    if "%H" not in form and "#I" not in form:
        return at.replace(hour=0, minute=0, second=0, microsecond=0)
    at = at if "%S" in form else at.replace(second=0)
    return at if "%f" in form else at.replace(microsecond=0)


def times(dice: Dice, program: Program, name: str, rows: int, gaps: list[bool]) -> Column:
    """A column of times of the day."""
    form = dice.pick({"%H:%M": 2.0, "%H:%M:%S": 2.0, "#I:%M %p": 0.5 if program.language.title.isascii() else 0.0})
    day = datetime(2000, 1, 1)
    points = [_kept(day + timedelta(seconds=dice.whole(0, 86399)), form) for _ in range(rows)]
    cells = tuple(moment(at, form) for at in points)
    meant = tuple(None if gap else (at - day).total_seconds() for gap, at in zip(gaps, points, strict=True))
    return Column(name, "time", meant, cells, (form,))


# ----------------------------------------------------------------------------------------------------------- words


def yes_no(dice: Dice, program: Program, name: str, rows: int, gaps: list[bool]) -> Column:
    """Two words, sometimes typed by several people."""
    pair = dice.pick([*program.language.yes_no, ("0", "1")])
    mixed = pair[0].isascii() and pair[0].isalpha() and dice.chance(program.by_hand)
    truths = _every_one(dice, [False, True], rows, gaps)
    cells = []
    for truth in truths:
        word = pair[truth]
        if mixed and dice.chance(0.3):
            word = dice.pick([str.lower, str.upper, str.title])(word)
        cells.append(word)
    meant = tuple(None if gap else truth for gap, truth in zip(gaps, truths, strict=True))
    traits = ("/".join(pair).lower(), *(("mixed capitals",) if mixed else ()))
    return Column(name, "yes/no", meant, tuple(cells), traits)


def words(dice: Dice, program: Program, name: str, rows: int, gaps: list[bool]) -> Column:
    """A few words that come again and again, or codes with leading zeros."""
    values = dice.pick([*program.language.words, *program.language.words, ("01234", "00123", "10115")])
    cells = _every_one(dice, list(values), rows, gaps)
    meant = tuple(None if gap else word for gap, word in zip(gaps, cells, strict=True))
    return Column(name, "words", meant, tuple(cells), ("codes",) if values[0] == "01234" else ())


def numbered_classes(dice: Dice, program: Program, name: str, rows: int) -> Column:
    """Classes called 0, 1, 2, of which one export may have made 0.0, 1.0, 2.0."""
    count = dice.whole(2, 4)
    start = dice.whole(0, 1)
    classes = _every_one(dice, list(range(start, start + count)), rows, [False] * rows)
    floats = dice.pick({0.0: 4.0, 1.0: 1.0, 0.25: 1.0})
    cells = tuple(f"{number}{program.decimal}0" if dice.chance(floats) else str(number) for number in classes)
    traits = ("1 and 1.0",) if len(set(cells)) > count else ()
    return Column(name, "classes", tuple(map(float, classes)), cells, traits, "", {"decimal": program.decimal})


def _every_one(dice: Dice, values: list[Any], rows: int, gaps: list[bool]) -> list[Any]:
    """Random values of which each occurs twice at least, where there are rows enough."""
    known = [row for row in range(rows) if not gaps[row]]
    drawn = [dice.pick(values) for _ in range(rows)]
    for row, value in zip(dice.some(known, min(len(known), 2 * len(values))), values * 2, strict=False):
        drawn[row] = value
    return drawn


# -------------------------------------------------------------------------------------------------- names of rows


def same_everywhere(dice: Dice, program: Program, name: str, rows: int) -> Column:
    """A column that says the same in every row, or nothing."""
    values = dice.pick(program.language.words)
    cell = dice.pick({"2023": 1.0, "1": 1.0, values[0]: 2.0})
    if dice.chance(0.3):
        return Column(name, "words", (None,) * rows, ("",) * rows, ("empty",))
    return Column(name, "words", (cell,) * rows, (cell,) * rows, ("constant",))


def row_names(dice: Dice, program: Program, form: str, rows: int, taken: set[str]) -> Column:
    """A column that numbers or names the rows: `form` is one of a program's choices of an index."""
    start = dice.whole(0, 1)
    count = [str(start + row) for row in range(rows)]
    name = {"index": "index", "Unnamed: 0": "Unnamed: 0"}.get(form, "")
    if form == "id":
        start = dice.pick([1, 1, 1000, 48213])
        cells = [str(start + row) for row in range(rows)]
        name = dice.pick([free for free in ("id", "ID", "user_id", "PassengerId", "key") if free not in taken])
    elif form == "rising":
        at, cells = 0, []
        for _ in range(rows):
            at += dice.pick({1: 8.0, 2: 1.0, 5: 0.3})
            cells.append(str(at))
        name = dice.pick({"Nr.": 1.0, "No": 1.0, "Index": 1.0, "sample": 1.0, "id": 1.0})
    elif form == "key":
        cells = [f"{dice.pick('ABCDEFGH')}-{dice.whole(100, 999)}-{row * 37 % 1000:03}" for row in range(rows)]
        name = dice.pick({"key": 1.0, "order no": 1.0, "Customer ID": 1.0})
    elif form.endswith("words"):
        people = program.language.people
        cells = [f"{dice.pick(people)} {dice.pick(people)} {row + 1}" for row in range(rows)]
    elif form.endswith("filtered") or (form in ("index", "Unnamed: 0") and dice.chance(0.4)):
        kept = sorted(dice.some(range(3 * rows), rows))
        cells = [str(row) for row in kept]
    elif form.endswith("sorted"):
        cells = [str(row) for row in dice.some(range(dice.pick([rows, 3 * rows])), rows)]
    else:
        cells = count
    return Column(name, "row name", tuple(cells), tuple(cells), (f"index: {form}",))


def remarks(dice: Dice, program: Program, name: str, rows: int) -> Column:
    """A text of its own in every row, with whatever a person types."""
    people = program.language.people
    rests = ("", ", ok", "; again", ' "sic"', "\nsecond line", " - (n/a)", " 5 %", "\ttab", "'s", " #3", "\n\nend")
    cells = tuple(f"{dice.pick(people)} {row * 7 % 100}{dice.pick(rests)}" for row in range(rows))
    return Column(name, "row name", cells, cells, ("remarks",))


def angle(seconds: float) -> tuple[float, float]:
    """Sine and cosine of the time of day."""
    turn = 2.0 * math.pi * seconds / 86400.0
    return math.sin(turn), math.cos(turn)
