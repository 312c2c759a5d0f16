"""Which words are one word: other ways of writing a number, yes and no, blanks, forms of a letter.

A file may say ``Yes``, ``yes`` and ``NO``, or ``1`` where another says ``1.0``. What was written stays the name; what
is compared is what it means. Other words that differ in capitals are two in the table that a plan is made of, and both
are named; in new rows such a word is the known one that is like it, if there is but one.
"""

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from clearprop.data.cells import CODE, MISSING_WORDS
from clearprop.data.numbers import PLAIN, NumberStyle

YES_NO = (
    ("no", "yes"),
    ("false", "true"),
    ("n", "y"),
    ("f", "t"),
    ("否", "是"),
    ("假", "真"),
    ("nein", "ja"),
    ("n", "j"),
    ("falsch", "wahr"),
    ("non", "oui"),
    ("faux", "vrai"),
    ("no", "sí"),
    ("no", "si"),
    ("no", "sì"),
    ("falso", "verdadero"),
    ("não", "sim"),
    ("nee", "ja"),
    ("нет", "да"),
    ("いいえ", "はい"),
    ("아니요", "예"),
)
"""Pairs of words, in small letters, that mean 0 and 1."""

NO_WORDS = tuple(dict.fromkeys(no for no, _ in YES_NO))
YES_WORDS = tuple(dict.fromkeys(yes for _, yes in YES_NO))

_MIXED = (("no", "n", "false"), ("yes", "y", "true"))  # which one column may hold together, beside 0 and 1
_CODE = re.compile(CODE)
_FULL_WIDTH = re.compile("[\uff00-\uffef\u3000]+")


def plain(word: str) -> str:
    """The word without what cannot be seen, or hardly: repeated blanks, full-width and composed letters.

    >>> plain("New  YORK"), plain("Ａ１")
    ('New YORK', 'A1')
    """
    narrow = _FULL_WIDTH.sub(lambda found: unicodedata.normalize("NFKC", found[0]), word)
    return " ".join(unicodedata.normalize("NFC", narrow).split())


def folded(word: str) -> str:
    """The word as `plain` gives it, in small letters.

    >>> folded("New  YORK")
    'new york'
    """
    return unicodedata.normalize("NFC", plain(word).casefold())


def number_in(word: str, style: NumberStyle = PLAIN) -> float | None:
    """The number that the word is; None if it is none, or a name made of digits.

    >>> number_in("1.0"), number_in("007"), number_in("one")
    (1.0, None, None)
    """
    number = PLAIN.read(word)
    if number != number:
        number = style.read(word)
    return None if number != number or _CODE.search(word) else number + 0.0  # -0 is 0


def meaning(word: str) -> bool | None:
    """Whether the word, in any language that is known, or 0 or 1, means yes; None if neither yes nor no."""
    small = folded(word)
    if small in YES_WORDS or small in NO_WORDS:
        return small in YES_WORDS
    number = number_in(word)
    return bool(number) if number in (0.0, 1.0) else None


def yes_no_pair(words: Iterable[str]) -> tuple[str, str] | None:
    """The pair of `YES_NO` that these are, both of them; of mixed ones (yes, True, 0) the first.

    >>> yes_no_pair(["Yes", "NO"]), yes_no_pair(["true", "no", "1"]), yes_no_pair(["0", "1"]), yes_no_pair(["yes"])
    (('no', 'yes'), ('no', 'yes'), None, None)
    """
    found = {folded(word) for word in words}
    for pair in YES_NO:
        if found == set(pair):
            return pair
    spoken = {word for word in found if number_in(word) not in (0.0, 1.0)}
    mixes = spoken <= {*_MIXED[0], *_MIXED[1]} or any(spoken <= set(pair) for pair in YES_NO)
    if not spoken or not mixes or {meaning(word) for word in found} != {False, True}:
        return None
    return next((pair for pair in YES_NO if spoken <= set(pair)), YES_NO[0])


@dataclass(frozen=True)
class Value:
    """What different spellings mean in common.

    Attributes
    ----------
    name : str
        The most frequent spelling.
    count : int
        Of the cells.
    spellings : tuple of (str, int)
        All, with their counts, the most frequent first.
    """

    name: str
    count: int
    spellings: tuple[tuple[str, int], ...]

    def described(self) -> str:
        """The merged spellings, for the plan."""
        shown = [f"{spelling!r} ({count})" for spelling, count in self.spellings[:4]]
        more = len(self.spellings) - len(shown)
        return f"{', '.join(shown)}{f' and {more} more' if more else ''} are one value"


def values_of(counted: Sequence[tuple[str, int]], style: NumberStyle = PLAIN) -> list[Value]:
    """The different values among words and their counts, the most frequent first.

    Where all words are numbers, those that are equal are one value; where all mean yes or no, those that mean the same;
    else those that differ in blanks or forms of letters only. Words that differ in capitals stay two: a file may mean
    it so, as phonetic alphabets do (had and hAd), and whoever did not sees both named.

    >>> [value.name for value in values_of([("yes", 5), ("NO", 4), ("Yes", 3), ("no", 1)])]
    ['yes', 'NO']
    >>> [value.name for value in values_of([("1", 5), ("2.0", 4), ("1.0", 3)])]
    ['1', '2.0']
    """
    words = [word for word, _ in counted]
    key: Callable[[str], object] = plain
    if all(number_in(word, style) is not None for word in words):
        key = lambda word: number_in(word, style)  # noqa: E731
    elif yes_no_pair(words):
        key = meaning
    elif all(meaning(word) is not None for word in words):  # yes and YES, and no word for no
        key = folded
    groups: dict[object, list[tuple[str, int]]] = {}
    for word, count in counted:
        groups.setdefault(key(word), []).append((word, count))
    values = []
    for group in groups.values():
        group.sort(key=lambda pair: (-pair[1], pair[0]))
        values.append(Value(group[0][0], sum(count for _, count in group), tuple(group)))
    return sorted(values, key=lambda value: (-value.count, value.name))


def said_of(values: Sequence[Value]) -> str:
    """What is to be known of how values are written: in several ways, or with other capitals; nothing if neither.

    >>> said_of(values_of([("1", 5), ("2", 4), ("1.0", 3)])), said_of(values_of([("a", 5), ("A", 4)]))
    ("'1' (5), '1.0' (3) are one value", "'a' (5), 'A' (4) differ in capitals only and are different values")
    """
    alike: dict[str, list[Value]] = {}
    for value in values:
        alike.setdefault(folded(value.name), []).append(value)
    several = [value.described() for value in values if len(value.spellings) > 1]
    several += [
        ", ".join(f"{value.name!r} ({value.count})" for value in group[:4])
        + " differ in capitals only and are different values"
        for group in alike.values()
        if len(group) > 1
    ]
    more = f"; and so are those of {len(several) - 4} more values" if len(several) > 4 else ""
    return "; ".join(several[:4]) + more


class Vocabulary:
    """The words that a column may hold, and which other spellings mean them.

    A word that is known as it is written is that one. Another is the one known word that is the same number, means the
    same of yes and no, or differs in capitals, blanks or forms of letters only.

    >>> known = Vocabulary(["setosa", "1", "1.10"])
    >>> known.index("Setosa"), known.index("1.0"), known.index("1.1"), known.index("rose")
    (0, 1, 2, None)
    """

    def __init__(self, words: Sequence[str], style: NumberStyle = PLAIN) -> None:
        self._exact = {word: i for i, word in enumerate(words)}
        keys: list[Callable[[str], object]] = [lambda word: number_in(word, style), folded]
        if len(words) == 2 and {meaning(word) for word in words} == {False, True}:
            keys.insert(0, meaning)
        self._others = [(key, _unique(map(key, words))) for key in keys]

    def index(self, word: str) -> int | None:
        """The position of the word that this is a spelling of; None if there is none, or more than one."""
        if word in self._exact:
            return self._exact[word]
        found = (positions.get(key(word)) for key, positions in self._others)
        return next((position for position in found if position is not None), None)


def _unique(keys: Iterable[object]) -> dict[object, int]:
    """Key -> position, of those that occur once."""
    positions: dict[object, int] = {}
    twice = set()
    for position, key in enumerate(keys):
        if key in positions:
            twice.add(key)
        positions.setdefault(key, position)
    return {key: position for key, position in positions.items() if key is not None and key not in twice}


def is_gap(word: str) -> bool:
    """Whether the word says that a value is missing, in a column where words are no values."""
    return word.lower() in MISSING_WORDS


def exactly(values: Sequence[str]) -> dict[str, int]:
    """Word -> its number from 1, as `Block.positions` takes it."""
    return dict(zip(values, itertools.count(1), strict=False))
