"""Numbers as people write them: the style of a column, decided over all its cells.

A style is a decimal mark, a mark between thousands, and a currency or unit. Whatever the style, a number may have a
sign in front or behind, or stand in brackets, which mean minus; its digits may be of full width; and ``13.5k``,
``1.2 Mio.`` and ``134.7万`` are multiplied out exactly, by their exponents. `read_number` says what a cell means; in
SQL, DuckDB calls it for all cells that are not regular, which it reads by itself.

`number_style` looks at the shapes of all cells (every digit a 9), of which there are few even where there are
millions of cells, and asks which styles explain them. Where several do and give different numbers, nobody can know.
"""

import functools
import math
import re
import weakref
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clearprop.data.database import literal
from clearprop.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from clearprop.data.cells import Cell
    from clearprop.data.table import Table

# --------------------------------------------------------------------------------------------------- how it is written

_BLANKS = "\u00a0\u202f\u2009\u2007\u2008\u2002\u2003\u2005\u2006\u200a\u3000"
FOLDED = _BLANKS + "０１２３４５６７８９．，％＋－（）￥＄：／−–‐‑’ʼ＇µºﾟ˚"
PLAINER = " " * len(_BLANKS) + "0123456789.,%+-()¥$:/----''\x27μ°°°"
"""Characters that mean the same: blanks, digits and signs of full width, the minus, the apostrophe."""

_WHITE = " \t\n\r\f\v"

MAGNITUDES = (
    *(("k", 3), ("K", 3), ("m", 6), ("M", 6), ("b", 9), ("B", 9), ("千", 3), ("万", 4), ("百万", 6), ("千万", 7)),
    *(("亿", 8), ("十亿", 9), ("萬", 4), ("億", 8), ("thousand", 3), ("Tsd", 3), ("tsd", 3), ("lakh", 5), ("lakhs", 5)),
    *(("mn", 6), ("mln", 6), ("Mln", 6), ("mio", 6), ("Mio", 6), ("Mill", 6), ("million", 6), ("millions", 6)),
    *(("Million", 6), ("Millionen", 6), ("crore", 7), ("crores", 7), ("bn", 9), ("Bn", 9), ("mrd", 9), ("Mrd", 9)),
    *(("тыс", 3), ("млн", 6), ("млрд", 9), ("tys", 3), ("mld", 9), ("Mld", 9)),
    *(("billion", 9), ("billions", 9), ("Milliarde", 9), ("Milliarden", 9), ("trillion", 12)),
)
"""What multiplies a number, and the power of ten. Letters stand right behind it (``5 K`` is a temperature), unless
there is a currency; m and b, which are units too, count with a currency only."""

_LETTERS, _MONEY_LETTERS = "kKMB千", "kKmMbB千"
_WORDS = tuple(word for word, _ in MAGNITUDES if word not in _MONEY_LETTERS)

_MONEY_WORDS = (
    "$ € £ ¥ ₹ ₽ ₩ ₺ ₫ ฿ ₪ ₴ ₦ ₱ 元 円 원 US$ R$ A$ AU$ C$ CA$ HK$ NT$ S$ NZ$ MX$ Fr SFr Rs kr zł Kč Ft RMB USD EUR "
    "GBP JPY CNY CHF AUD CAD NZD HKD SGD SEK NOK DKK PLN CZK HUF RON BGN TRY RUB UAH INR IDR MYR THB PHP VND KRW TWD "
    "BRL MXN ARS CLP COP ZAR EGP NGN KES ILS SAR AED PKR BDT"
)
CURRENCIES = tuple(_MONEY_WORDS.split())
"""These may stand in front of a number too; any other word there (Room 12, K0001) makes it a name."""

_UNIT_WORDS = (
    "% ‰ ° °C °F ℃ ℉ mm cm dm m km in inch inches ft feet yd mi mile mg μg g kg t lb lbs oz ml mL cl dl l L gal ms s "
    "sec min mins h hr hrs hour day d week wk month year yr Hz kHz MHz GHz W kW MW Wh kWh MWh V mV mA Pa hPa kPa MPa "
    "bar mbar mmHg psi kB KB MB GB TB km/h kmh mph m/s kn cal kcal J kJ m² m³ cm² cm³ km² m2 m3 km2 ha mol mmol/l "
    "mmol/L mg/dl mg/dL 岁 米 厘米 公里 千米 公斤 千克 克 斤 吨 升 毫升 小时 分钟 秒 天 月 个月 年 人"
)
_UNITS = {*_UNIT_WORDS.split(), *CURRENCIES}
"""Of a column with several of these, a person says that its units differ; of other words, that they are words."""

_NOT_IN_UNITS = r"0-9<>~±=+,;:\-()\[\]{}|\\_@#&*\x22!?\t\n\r\f\v"
_CUBED = r"[mt]\^?[23]"  # m2, ft^3
_UNIT = rf"(?:[^ .'/^{_NOT_IN_UNITS}][^{_NOT_IN_UNITS}]{{0,23}}?(?:{_CUBED})?|{_CUBED})"
_NO_UNIT = re.compile(r"[ap]\.?m\.?|uhr|o'clock|st|nd|rd|th", re.IGNORECASE)  # 2 pm and 14 Uhr are times, 1st is a word

_EXPONENT = "(?:[eE][-+]?[0-9]+)?"


def folded(text: str) -> str:
    """The cell in plain characters, without surrounding blanks."""
    return text.translate(str.maketrans(FOLDED, PLAINER)).strip(" \t\n\r\f\v")


def folded_sql(text: str) -> str:
    """The same in SQL, where translating is slow, so that only cells that need it pay for it."""
    exotic = f"regexp_matches({text}, {literal(f'[{FOLDED}]')})"
    plainer = f"CASE WHEN {exotic} THEN translate({text}, {literal(FOLDED)}, {literal(PLAINER)}) ELSE {text} END"
    return f"trim({plainer}, {literal(_WHITE)})"


def _digits(decimal: str, thousands: str) -> str:
    """The pattern of a number's digits: with separators, groups of three (in India of two, but for the last)."""
    whole, point = "[0-9]+", re.escape(decimal)
    if thousands:
        mark = re.escape(thousands)
        whole = f"(?:[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+|[0-9]+)"
        if thousands == ",":
            whole = f"(?:[1-9][0-9]?(?:,[0-9]{{2}})+,[0-9]{{3}}|{whole})"
    return f"(?:{whole}(?:{point}[0-9]+)?|{point}[0-9]+)"


def _stem(unit: str) -> str:
    """The unit without the s of the plural."""
    return unit[:-1] if len(unit) > 2 and unit.endswith("s") else unit


_STEMS = set(map(_stem, _UNITS))


def _unit_pattern(unit: str) -> str:
    """The unit with or without plural and full stop."""
    stem = _stem(unit)
    return f"{re.escape(stem)}{'s?' if stem.isalpha() else ''}\\.?"


@functools.cache
def number_pattern(decimal: str, thousands: str, unit: str) -> str:
    """The pattern of a folded cell in a style; its groups are two signs, the number, its magnitude (as a letter or as a
    word), what may close it, and a bracket.

    It is Python's and SQL's (RE2), so it looks neither ahead nor back.
    """
    number = f"({_digits(decimal, thousands)}{_EXPONENT})"
    words = "|".join(_WORDS)
    closing = f"(-|{re.escape(decimal)}|[.,]--?)?"  # 5- is minus 5; 5.- and 5,-- are prices without cents
    if not unit:
        return rf"([-+(]?) ?([-+(]?) ?{number}(?:([{_LETTERS}])| ?({words})\.?|{closing})(\)?)"
    own = _unit_pattern(unit)
    letters = "".join(letter for letter in (_MONEY_LETTERS if unit in CURRENCIES else _LETTERS) if letter != unit)
    if unit in CURRENCIES:
        front, letter = f"(?:{own} ?)?", f" ?([{letters}])(?: ?{own})?"
    else:
        front, letter = "", f"([{letters}])(?: {own})?"
    behind = rf"(?:{letter}| ?({words})\.?(?: ?{own})?|{closing}(?: ?{own})?)"
    return rf"([-+(]?) ?{front}([-+(]?) ?{number}{behind}(\)?)"


def read_number(cell: str, pattern: str, decimal: str, thousands: str) -> float:
    """What a text cell means in the style that `pattern` is made of; NaN if it is no number."""
    found = re.fullmatch(pattern, folded(cell))
    if found is None:
        return math.nan
    first, second, number, letter, word, closing, bracket = (group or "" for group in found.groups())
    sign = first + second + ("-" if closing == "-" else "") + bracket
    if sign not in ("", "+", "-", "()"):
        return math.nan
    digits = number.replace(thousands, "").replace(decimal, ".")
    power = "".join(f"e{power}" for name, power in MAGNITUDES if name == letter + word)
    try:
        value = float(("-" if sign in ("-", "()") else "") + digits + power)
    except ValueError:  # 1e3k
        return math.nan
    return value if math.isfinite(value) else math.nan


# -------------------------------------------------------------------------------------------------------------- a style


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How the numbers of a column are written.

    Attributes
    ----------
    decimal : {".", ","}
        What stands before the decimals.
    thousands : {"", ",", ".", "'", " "}
        What stands between groups of three digits.
    unit : str
        The currency or unit that cells have, before or behind the number; nothing for bare numbers.

    Examples
    --------
    >>> NumberStyle(",", ".", "CHF").read("1.234,50 CHF"), NumberStyle(",", ".", "CHF").read("1,234.50")
    (1234.5, nan)
    >>> PLAIN.read("(500)"), PLAIN.read("13.5k"), PLAIN.read("135-145")
    (-500.0, 13500.0, nan)
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""

    def sql(self, text: str) -> str:
        """SQL: the finite float64 that the text cell `text` means in this style, else NULL."""
        cast = f"TRY_CAST({text} AS DOUBLE)"
        sound = f"isfinite({cast}) AND NOT contains({text}, '_') AND NOT contains({text}, '+-')"
        pattern, odd = literal(self.pattern), literal(f"[{FOLDED}{_WHITE}]")
        could = f"regexp_full_match({text}, {pattern}) OR regexp_matches({text}, {odd})"
        style = ", ".join(literal(part) for part in (self.decimal, self.thousands, self.unit))
        branches = [f"WHEN {sound} THEN {cast}"] if self.decimal == "." else []
        if self != PLAIN:
            digits = f"regexp_extract({text}, {literal(self._regular)}, 1)"
            number = f"TRY_CAST({self._plain_digits(digits)} AS DOUBLE)"
            branches.append(f"WHEN isfinite({number}) THEN {number}")
        return f"CASE {' '.join(branches)} WHEN {could} THEN number_in({text}, {style}) END"

    @property
    def _regular(self) -> str:
        """The pattern of most cells: digits, separators, a sign in front, and the unit."""
        number = f"([-+]?{_digits(self.decimal, self.thousands)}{_EXPONENT})"
        own = _unit_pattern(self.unit)
        front = f"(?:{own} ?)?" if self.unit in CURRENCIES else ""
        return f"^{front}{number}(?: ?{own})?$" if self.unit else f"^{number}$"

    def _plain_digits(self, number: str) -> str:
        """SQL: the number without separators, with a decimal point."""
        if self.thousands:
            number = f"replace({number}, {literal(self.thousands)}, '')"
        return f"replace({number}, ',', '.')" if self.decimal == "," else number

    @property
    def pattern(self) -> str:
        """See `number_pattern`."""
        return number_pattern(self.decimal, self.thousands, self.unit)

    def of(self, cell: "Cell") -> str:
        """SQL: the finite float64 that a cell means; a typed cell is a number already, or none."""
        if cell.kind == "VARCHAR":
            return self.sql(cell.sql)
        if cell.kind in ("BIGINT", "DOUBLE"):
            return f"CASE WHEN isfinite({cell.sql}::DOUBLE) THEN {cell.sql}::DOUBLE END"
        return "NULL::DOUBLE"

    def read(self, cell: str) -> float:
        """What the text cell means, as `sql` says it; NaN for what is no number in this style."""
        return read_number(cell, self.pattern, self.decimal, self.thousands)

    def describe(self) -> str:
        """The style in words; nothing for the plain one.

        >>> NumberStyle(",", ".", "CHF").describe()
        'decimal comma, thousands with points, in CHF'
        """
        marks = {",": "commas", ".": "points", "'": "apostrophes", " ": "blanks"}
        words = ["decimal comma"] if self.decimal == "," else []
        words += [f"thousands with {marks[self.thousands]}"] if self.thousands else []
        return ", ".join([*words, *([f"in {self.unit}"] if self.unit else [])])


PLAIN = NumberStyle()
"""As programs write numbers: 1234.5"""

PLAIN_NUMBER = PLAIN.pattern


# ------------------------------------------------------------------------------------------------ deciding for a column

_CANDIDATES = ((".", ""), (",", ""), (".", ","), (",", "."), (".", "'"), (",", "'"), (".", " "), (",", " "))
"""Decimal mark and thousands, the simplest first."""

_MOST_SHAPES = 5_000  # a column of numbers has hundreds at most
_SHARE = 0.5  # of the cells that must be numbers for the others to be mistakes
_MOSTLY = 0.9  # of the cells that must be in one unit for a word that is no known unit to be a mistake

_LIKE = rf"^([^0-9]{{0,8}})([0-9](?:[0-9.,\x27 ]*[0-9])?{_EXPONENT})([^0-9]{{0,24}}(?:{_CUBED})?[^0-9]?)$"
"""Anything in front, digits, anything behind."""

_MONEY = "|".join(sorted(map(re.escape, CURRENCIES), key=len, reverse=True))
_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_FRONT = re.compile(rf"[-+(]? ?(?:(?P<unit>{_MONEY})\.?)? ?[-+(]? ?")
_CLOSING = r"(?:-|[.,]-{0,2})?"
_BEHIND_MONEY = re.compile(rf"(?:{_CLOSING}| ?[{_MONEY_LETTERS}]| ?(?:{_WORD})\.?) ?(?:(?P<unit>{_MONEY})\.?)?\)?")
_BEHIND = re.compile(
    rf"(?:(?:[{_LETTERS}](?=$|[ )])| ?(?:{_WORD})\.?(?![a-z]))?|{_CLOSING}) ?(?:(?P<unit>{_UNIT})\.?)?\)?"
)


@dataclass(frozen=True, slots=True)
class Shape:
    """Cells that differ in their digits alone.

    Attributes
    ----------
    key : str
        What SQL calls them: front, number, and what is behind.
    number : str
        The number with each digit a 9, but for a 0 in front.
    unit : str
        Currency or unit, without a full stop.
    count : int
        How many cells there are.
    """

    key: str
    number: str
    unit: str
    count: int


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
        What the user says of numbers that can be read in two ways, in the whole table. A column that proves how
        it is written needs no such word.
    chosen : bool
        Whether the user says that this is a column of numbers: cells without the unit of the others then count
        in that unit, where otherwise they are refused.

    Raises
    ------
    DataError
        The cells have two readings, or two units.
    ConfigurationError
        The two marks are none, or the same.
    """
    check_marks(decimal, thousands)
    cell = table.cell(name)
    if cell.kind != "VARCHAR" or table.one(plainly(cell))[0]:
        return PLAIN
    key = _key_sql(cell.sql)
    shapes = _shapes(table.counts(key, _MOST_SHAPES))
    (cells,) = table.one(f"count(*) FILTER ({cell.sql} IS NOT NULL AND NOT {cell.missing_word})")
    least = 1 if chosen else _SHARE * cells
    if sum(shape.count for shape in shapes) < least or not shapes:
        return PLAIN
    unit = _unit_of(table, name, key, shapes, least, chosen)
    if unit is None:
        return PLAIN
    own = [shape for shape in shapes if not shape.unit or _stem(shape.unit) == _stem(unit)]
    counted = {marks: sum(shape.count for shape in own if _value(marks, shape.number)) for marks in _CANDIDATES}
    most = max(counted.values())
    if most < least or not most or _is_name(own):
        return PLAIN
    readings: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for marks in _CANDIDATES:
        if counted[marks] == most:
            readings.setdefault(tuple(_value(marks, shape.number) for shape in own), []).append(marks)
    if decimal is None and thousands is None:
        decimal = _decimal_of(table) if len(readings) > 1 else None
    said = [styles for styles in readings.values() if any(_is_said(marks, decimal, thousands) for marks in styles)]
    first, *others = [NumberStyle(*styles[0], unit) for styles in (said if len(said) == 1 else readings.values())]
    bare = all(re.fullmatch(r"[-+]?\|[^|]*\|", shape.key) for shape in own)  # programs write neither units nor 1.2k
    plain = bare and first == PLAIN and decimal is None and not _foreign(table)
    for other in [] if plain else others:
        twofold = [shape.key for shape in own if _differ(first, other, shape.number)]
        if twofold:
            raise _undecided(table, name, key, twofold, first, other)
    return first


def check_marks(decimal: str | None, thousands: str | None) -> None:
    """Refuse marks that no one writes.

    >>> check_marks(",", ".")
    """
    if decimal not in (None, ".", ","):
        raise ConfigurationError(f"decimal={decimal!r} must be '.' or ','")
    if thousands not in (None, "", ",", ".", "'", " "):
        raise ConfigurationError(f"thousands={thousands!r} must be ',', '.', \"'\", ' ', or '' for none")
    if decimal is not None and decimal == thousands:
        raise ConfigurationError(f"decimal={decimal!r} and thousands={thousands!r} must differ; leave one of them out")


def plainly(cell: "Cell") -> str:
    """SQL of an aggregate: whether all cells are numbers as programs write them, or words for a missing value.

    Not so if all that have a point have three digits behind it, as 1.234 has: that may be a thousand.
    """
    number = f"TRY_CAST({cell.sql} AS DOUBLE)"
    point = f"strpos({cell.sql}, '.')"
    groups = f"coalesce(bool_and({point} = 0 OR {point} = length({cell.sql}) - 3) AND bool_or({point} > 0), false)"
    sound = f"isfinite({number}) AND NOT contains({cell.sql}, '_') AND NOT contains({cell.sql}, '+-')"
    wrong = f"{cell.sql} IS NOT NULL AND NOT coalesce({sound}, false) AND NOT {cell.missing_word}"
    return f"count(*) FILTER ({wrong}) = 0 AND NOT {groups}"


def _key_sql(text: str) -> str:
    """SQL: what all cells of one shape have in common; NULL for a cell that is like no number."""
    parts = f"regexp_extract({folded_sql(text)}, {literal(_LIKE)}, ['f', 'n', 'b'])"
    # A 0 in front is remembered: 0.123 can have no thousands.
    mask = "translate(regexp_replace(p.n, '^0', 'z'), '012345678', '999999999')"
    key = f"CASE WHEN p.n <> '' THEN concat_ws('|', p.f, {mask}, p.b) END"
    return f"CASE WHEN regexp_matches({text}, '[0-9０-９]') THEN list_transform([{parts}], lambda p: {key})[1] END"


def _shapes(counts: Iterable[tuple[str | None, int]]) -> list[Shape]:
    """Those that are numbers, perhaps with a unit."""
    shapes = []
    for key, count in counts:
        if key is None or key.count("|") != 2:
            continue
        front, number, behind = key.split("|")
        found = _number_and_unit(front, "0" + number[1:] if number[0] == "z" else number, behind)
        if found is not None:
            shapes.append(Shape(key, *found, count))
    return shapes


def number_and_unit(text: str) -> tuple[str, str] | None:
    """The digits of a cell, with separators, and its unit; None for a cell that is no number in any style.

    >>> number_and_unit("1.234,50 CHF"), number_and_unit("Room 12")
    (('1.234,50', 'CHF'), None)
    """
    found = re.fullmatch(_LIKE, folded(text))
    return None if found is None else _number_and_unit(*found.groups())


def _number_and_unit(front: str, number: str, behind: str) -> tuple[str, str] | None:
    found = _FRONT.fullmatch(front)
    if found is None and front[-1:] in (".", ","):
        number, found = front[-1] + number, _FRONT.fullmatch(front[:-1])
    unit = None if found is None else _unit_in(found["unit"], behind)
    return None if unit is None else (number, unit)


def is_unit(word: str) -> bool:
    """Whether a word behind a number is a unit or a currency that is known.

    >>> is_unit("years"), is_unit("more")
    (True, False)
    """
    return _stem(word) in _STEMS


def styles_of(number: str) -> list[NumberStyle]:
    """The styles in which digits with separators are a number, the simplest first."""
    return [NumberStyle(*marks) for marks in _CANDIDATES if _value(marks, number)]


def _unit_in(money: str | None, behind: str) -> str | None:
    """The unit of a number with `money` in front and something behind it; None if that makes it no number."""
    found = _BEHIND_MONEY.fullmatch(behind)
    if found is not None and (money or found["unit"]):
        units = {money, found["unit"]} - {None}
        return units.pop() if len(units) == 1 else None
    found = None if money else _BEHIND.fullmatch(behind)
    if found is None:
        return None
    unit = (found["unit"] or "").rstrip(". ")
    return None if _NO_UNIT.fullmatch(unit) else unit


def _unit_of(table: "Table", name: str, key: str, shapes: list[Shape], least: float, chosen: bool) -> str | None:
    """The unit of a column, "" if it has none; None if what stands behind its numbers makes them words."""
    spelled: Counter[str] = Counter()
    for shape in shapes:
        spelled[shape.unit] += shape.count
    bare = spelled.pop("", 0)
    if not spelled:
        return ""
    cells: Counter[str] = Counter()
    for unit, count in spelled.items():
        cells[_stem(unit)] += count
    stem, most = cells.most_common(1)[0]
    unit = next(unit for unit, _ in spelled.most_common() if _stem(unit) == stem)
    if len(cells) > 1:
        if not cells.keys() <= _STEMS and most < _MOSTLY * (sum(cells.values()) + bare):
            return "" if bare >= least else None
        second = next(other for other, _ in spelled.most_common() if _stem(other) != stem)
        here, there = (_first(table, name, key, [s.key for s in shapes if s.unit == u]) for u in (unit, second))
        raise DataError(
            f"{there[0]}: {there[1]!r} is in {second!r}, and {here[1]!r} in {unit!r} ({here[0].split(': column')[0]}); "
            "write the column in one unit, or each unit in a column of its own"
        )
    if not bare or chosen:
        return unit
    if bare > most:
        return ""  # the column's reader refuses the few with a unit
    if len(unit) == 1 and unit.isalpha() and unit.isascii() and unit not in _UNITS:
        return None  # 12 and 12A are names
    place, text = _first(table, name, key, [shape.key for shape in shapes if not shape.unit])
    raise DataError(
        f"{place}: {text!r} has no unit, and {most} cells of this column are in {unit!r}; write the unit in every cell "
        f"or in none, or, if it holds for all of them, say that the column is one of numbers: "
        f"kinds={{{name!r}: 'number'}} (--kind {name}=number)"
    )


def _first(table: "Table", name: str, key: str, keys: list[str]) -> tuple[str, str]:
    """Where the first cell of these shapes is, and its text."""
    row, text, _ = table.first(name, f"list_contains(?, {key})", [keys]) or (0, "", 0)
    return table.place(row, name), text


@functools.cache
def _number(decimal: str, thousands: str) -> re.Pattern[str]:
    return re.compile(_digits(decimal, thousands) + _EXPONENT)


def _value(marks: tuple[str, str], number: str) -> str:
    """The number without separators, with a decimal point; nothing if it is not written with these marks."""
    decimal, thousands = marks
    grouped = thousands and thousands in number and "e" in number.lower()  # nobody writes 1,234e5 for a number so large
    if grouped or not _number(*marks).fullmatch(number):
        return ""
    return number.replace(thousands, "").replace(decimal, ".") if thousands else number.replace(decimal, ".")


def _differ(one: NumberStyle, other: NumberStyle, number: str) -> bool:
    """Whether both styles read the number, and read two."""
    here, there = (_value((style.decimal, style.thousands), number) for style in (one, other))
    return bool(here and there) and here != there


def _is_said(marks: tuple[str, str], decimal: str | None, thousands: str | None) -> bool:
    return decimal in (None, marks[0]) and thousands in (None, marks[1])


def _is_name(shapes: list[Shape]) -> bool:
    """Whether all cells are three or more groups of three digits: a telephone number or the like."""
    numbers = {shape.number for shape in shapes}
    return len(numbers) == 1 and re.fullmatch(r"999([ .]999){2,}", numbers.pop()) is not None and not shapes[0].unit


def _undecided(
    table: "Table", name: str, key: str, keys: list[str], first: NumberStyle, other: NumberStyle
) -> DataError:
    """The refusal that gives both readings of the first such cell."""
    place, text = _first(table, name, key, keys)
    mark = next(mark for mark in folded(text) if mark in ".,")
    decimal, thousands = (first, other) if first.decimal == mark else (other, first)
    small, large = f"{decimal.read(text):.15g}", f"{thousands.read(text):.15g}"
    return DataError(
        f"{place}: {text!r} may be {small} or {large}, and no cell of this column says which; say it: decimal={mark!r} "
        f"(--decimal {mark}) for {small}, thousands={mark!r} (--thousands {mark}) for {large}"
    )


# ---------------------------------------------------------------------------------------------- the rest of the table

_PROOF = r"^[^0-9]{0,8}(?:0MARK[0-9]+|[0-9]+MARK(?:[0-9]{1,2}|[0-9]{4,}))(?:[^0-9].{0,24})?$"

_DECIMALS: "weakref.WeakKeyDictionary[Table, str | None]" = weakref.WeakKeyDictionary()


def _decimal_of(table: "Table") -> str | None:
    """The decimal mark that columns of the table prove, for a file has one; None if none does, or they differ."""
    if table not in _DECIMALS:
        text = [column for column, cell in table.cells.items() if cell.kind == "VARCHAR"]
        proofs = [
            f"bool_or(regexp_matches({table.cells[column].sql}, {literal(_PROOF.replace('MARK', mark))}))"
            for column in text
            for mark in ("[.]", ",")
        ]
        proven = dict(
            zip(((column, mark) for column in text for mark in ".,"), table.one(", ".join(proofs)), strict=True)
        )
        _DECIMALS[table] = None  # while the columns are asked
        found = {mark for (column, mark), proof in proven.items() if proof and _proves(table, column, mark)}
        _DECIMALS[table] = found.pop() if len(found) == 1 else None
    return _DECIMALS[table]


def _proves(table: "Table", name: str, mark: str) -> bool:
    """Whether a column is one of numbers with this decimal mark."""
    try:
        style = number_style(table, name)
    except DataError:
        return False
    (cells, numbers) = table.one(f"count({table.cells[name].sql}), count({style.of(table.cells[name])})")
    return style.decimal == mark and numbers >= _SHARE * cells


def _foreign(table: "Table") -> bool:
    """Whether a file is written by a program that decides for the decimal comma, and so separates cells otherwise."""
    return any(origin.separator in (";", "\t") for origin in table.origins)
