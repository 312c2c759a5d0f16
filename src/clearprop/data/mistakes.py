"""Cells that do not fit their column: what they are, and what to do about them.

Each function answers with ``"reason; remedy"``.
"""

import math
import re

from clearprop.data.cells import MISSING_WORDS
from clearprop.data.dates import DATE, DateStyle, read_date, read_time
from clearprop.data.numbers import PLAIN, NumberStyle, folded, is_unit, number_and_unit, styles_of

FILLED = "if it stands for a missing value, have gaps filled: missing='median' (--missing median)"

_UNIT = r"[^0-9<>~±]{0,12}"
_NUMBER = rf"{_UNIT}[0-9](?:[0-9.,\x27 ]*[0-9])?{_UNIT}"
_FIRST = rf"(?:[^0-9<>~±A-Za-zÀ-ÿ]{{0,3}}|(?:CHF|EUR|USD|GBP|Fr\.|Rs\.?) ?){_NUMBER.removeprefix(_UNIT)}"
"""Not a letter in front: A-628-000 is a name."""
_TO = r"(?:-|[–—~]|\.{2,3}|…| to | bis | à | a |至|到)"
_ABOUT = (
    r"(?:~|≈|∼|[Cc]a\.?|c\.|[Cc]irca|[Aa]bout|[Aa]pprox\.?|approximately|[Aa]round|etwa|rund|env\.?|environ|约|大约)"
)
_BEYOND = (
    r"(?:[<>≤≥＜＞]=?|=[<>]|[Uu]nder|[Oo]ver|[Bb]elow|[Aa]bove|[Ll]ess than|[Mm]ore than|[Aa]t least|[Aa]t most|"
    r"[Uu]p to|unter|über|bis|[Mm]in\.?|[Mm]ax\.?|不足|超过|少于|多于|小于|大于)"
)
_OR_MORE = r" ?(?:\+|and (?:over|above|more|up|under|below)|or (?:more|less|over|under)|以上|以下|及以上|und mehr)"

_INEXACT = (
    (rf"[-+]?{_FIRST} ?{_TO} ?{_NUMBER}", "a range", "write its middle, or its two ends in two columns"),
    (rf"{_NUMBER} ?(?:±|\+/-|\+-) ?{_NUMBER}", "a number and its error", "write them in two columns"),
    (rf"{_ABOUT} ?[-+]?{_NUMBER}", "an approximate number", "write the number alone"),
    (rf"{_BEYOND} ?[-+]?{_NUMBER}", "a bound", "write a number, or leave it empty"),
    (rf"[-+]?{_NUMBER}{_OR_MORE}{_UNIT}", "a bound", "write a number, or leave it empty"),
    (r"[0-9]+ ?/ ?[0-9]+", "a fraction", "write it as a decimal number"),
)

INEXACT = "^(?:" + "|".join(pattern for pattern, _, _ in _INEXACT) + ")$"
"""A cell that says something about a number, but not which one: a range, a bound, an approximate number. RE2's too."""

_WORDS = "or treat the column as words (--kind COLUMN=category)"


def not_a_number(text: str, style: NumberStyle = PLAIN) -> str:
    """What is wrong with a cell of a column of numbers.

    >>> not_a_number("135-145")
    'is a range, no number; write its middle, or its two ends in two columns, or treat the column as words (--kind \
COLUMN=category)'
    >>> not_a_number("7 EUR", NumberStyle(unit="CHF"))
    "is in 'EUR', the column in 'CHF'; write the column in one unit"
    """
    if text.lower() in MISSING_WORDS:
        return f"is not a number; {FILLED}"
    found = number_and_unit(text)
    if found is not None:
        return _otherwise_written(text, *found, style)
    for pattern, what, remedy in _INEXACT:
        if re.fullmatch(pattern, folded(text)):
            return f"is {what}, no number; {remedy}, {_WORDS}"
    if re.fullmatch(DATE, folded(text)) or not math.isnan(read_time(text)):
        return f"is a date or a time, no number; correct it, leave the column out, {_WORDS}"
    if re.fullmatch(r"[-+]?[0-9]+(?:_[0-9]+)+", text):
        return "is not a number; write thousands without separators, as in 1234"
    if _infinite(text):
        return "is not a number; infinite values cannot be learned from, correct it"
    return f"is not a number; correct it, leave the column out, {_WORDS}"


def _otherwise_written(text: str, number: str, unit: str, style: NumberStyle) -> str:
    """Of a number in another style than the column's."""
    if unit != style.unit and unit:
        rest = f"the column in {style.unit!r}" if style.unit else "the other cells have no unit"
        return f"is in {unit!r}, {rest}; write the column in one unit"
    if _infinite(text):
        return "is not a number; infinite values cannot be learned from, correct it"
    own = style.describe().split(", in ")[0] if style.decimal == "," or style.thousands else "decimal point"
    others = [other.describe() or "decimal point" for other in styles_of(number)]
    if not others:
        return f"is not a number; correct it, leave the column out, {_WORDS}"
    return f"is not a number with {own}, as the column's others are, but with {others[0]}; write them in one way"


def is_a_word(text: str) -> bool:
    """Whether a cell among numbers is none that is written otherwise: no digits, or behind them what is no unit.

    >>> is_a_word("many"), is_a_word("5more"), is_a_word("5 kg"), is_a_word("1_000"), is_a_word("inf")
    (True, True, False, False, False)
    """
    if not re.search("[0-9]", folded(text)):
        return not _infinite(text)
    found = number_and_unit(text)
    return found is not None and found[1] != "" and not is_unit(found[1])


def is_inexact(text: str) -> bool:
    """Whether a cell is a range, a bound or the like.

    >>> is_inexact("5 or more"), is_inexact("1_000")
    (True, False)
    """
    return re.fullmatch(INEXACT, folded(text)) is not None


def _infinite(text: str) -> bool:
    try:
        return math.isinf(float(text))
    except ValueError:
        return False


def not_a_date(text: str, style: DateStyle) -> str:
    """What is wrong with a cell of a column of dates.

    >>> not_a_date("31.02.2003", DateStyle())
    'is no day of the calendar; correct it'
    """
    if text.lower() in MISSING_WORDS:
        return f"is not a date; {FILLED}"
    if re.fullmatch(DATE, folded(text)):
        if any(read_date(text, order) for order in ("dmy", "mdy")):
            said = "day first" if style.order == "dmy" else "month first"
            known = f"is no date with the {said}, as the column's others are" if style.order != "ymd" else ""
            return f"{known or 'may be day and month or month and day'}; write it as 2024-01-31"
        return "is no day of the calendar; correct it"
    if not math.isnan(read_time(text)):
        return "is a time without a date; correct it, or leave the column out"
    return "is not a date; write it as 2024-01-31, or leave the column out"


def not_a_time(text: str) -> str:
    """What is wrong with a cell of a column of times of day.

    >>> not_a_time("25:30")
    'is a duration, no time of day; write it as a number of hours or minutes'
    """
    if text.lower() in MISSING_WORDS:
        return f"is not a time of day; {FILLED}"
    if re.fullmatch(r"[0-9]+:[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?)?", folded(text)):
        return "is a duration, no time of day; write it as a number of hours or minutes"
    return "is not a time of day; write it as 14:55, or leave the column out"
