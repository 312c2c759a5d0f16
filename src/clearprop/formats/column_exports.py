"""How each kind of column is exported: to ONNX, to scikit-learn, to NumPy's text.  A new kind is one class below.

Each class says once more, in another program's operations, what the column's `read` does with a table; the tests
compare them all on random tables.
"""

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from clearprop._types import Value
from clearprop.data.cells import MISSING_WORDS
from clearprop.data.columns import Category, Date, Number, TimeOfDay, YesNo
from clearprop.data.numbers import PLAIN
from clearprop.data.preparation import Preparation
from clearprop.data.words import NO_WORDS, YES_WORDS, folded, meaning, number_in, yes_no_pair
from clearprop.errors import ConfigurationError
from clearprop.formats import plain_rows
from clearprop.formats.onnx_graph import Graph
from clearprop.formats.python_source import listed_text

BLANKS = " \t"
"""What is trimmed from both ends of a cell of text."""

_DAY = 86400.0  # seconds
_YEAR = 365.25  # days
_NOT_A_TIME = -(2.0**63)  # what NumPy's NaT is as a number


@dataclass(frozen=True)
class Spelt:
    """How a word may be written.

    Attributes
    ----------
    exact, alike : tuple of str
        As they are; in small and capital letters, and with any blanks between words.
    number : float or None
        The number that it is, which may have zeros behind the point.
    """

    exact: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    number: float | None = None

    def texts(self) -> list[str]:
        """Texts in small letters, for programs that compare nothing else; a number with up to two zeros more."""
        numbers: list[str] = []
        if self.number is not None:
            digits, whole = f"{self.number:.15g}", self.number == int(self.number)
            numbers = [digits, *(digits + zeros for zeros in ((".0", ".00") if whole else ("0", "00")))]
        return list(dict.fromkeys((*(word.lower() for word in (*self.exact, *self.alike)), *numbers)))

    def pattern(self) -> str:
        """A regular expression that matches them."""
        alike = (r"\s+".join(re.escape(part) for part in word.split()) for word in self.alike)
        words = [*map(re.escape, self.exact), *(f"(?i:{word})" for word in alike)]
        if self.number is not None:
            digits = re.escape(f"{self.number:.15g}")
            words.append(rf"\+?{digits}{'(?:[.]0*)?' if self.number == int(self.number) else '0*'}")
        return "|".join(words)


_TRUTHS = (Spelt(alike=NO_WORDS, number=0.0), Spelt(alike=YES_WORDS, number=1.0))
"""How no and yes are written."""


class ColumnExport(ABC):
    """What other programs do with one column of a table.

    Parameters
    ----------
    column : Column
    fill : tuple of float, optional
        For each feature but the indicator, what stands in a gap; None if gaps are refused.

    Attributes
    ----------
    onnx_type : type
        Of the input: float64 or text.
    taken : str
        What an ONNX graph is given in place of the cell, if that is not the cell as it is.
    """

    onnx_type: ClassVar[Any] = np.float64
    taken: ClassVar[str] = ""

    def __init__(self, column: Any, fill: tuple[float, ...] | None) -> None:
        self.column, self.fill = column, fill

    @abstractmethod
    def onnx(self, graph: Graph, cell: Value) -> list[Value]:
        """The features, each of shape (n, 1) or several side by side; NaN for what clearprop refuses."""

    @abstractmethod
    def sklearn(self) -> tuple[Any, list[Any]]:
        """scikit-learn's own parts that turn the column, of shape (n, 1), into features; and cells to fit them to."""

    @abstractmethod
    def numpy(self, name_of: Callable[[Any], str]) -> str:
        """The call that reads the column; `name_of` gives the name under which the text defines a function."""

    def _filled(self, values: Sequence[Value], gap: Value) -> list[Value]:
        """In a graph, the features with their fill where there is a gap; and the indicator."""
        if self.fill is None:
            return list(values)
        filled = [np.where(gap, fill, value) for fill, value in zip(self.fill, values, strict=True)]
        return [*filled, gap.cast(np.float64)] if self.column.indicator else filled

    def _imputed(self) -> list[Any]:
        """scikit-learn's step that does the same where features are NaN; none if gaps are refused."""
        from sklearn.frozen import FrozenEstimator
        from sklearn.impute import SimpleImputer

        if self.fill is None:
            return []
        k, known = len(self.fill), np.array([self.fill])
        imputer = SimpleImputer(add_indicator=self.column.indicator)  # by the mean, here of one row
        imputer.fit(np.concatenate([known, np.full_like(known, np.nan)]))
        one_indicator = [_function(np.take, indices=[*range(k + 1)], axis=1)] if self.column.indicator and k > 1 else []
        return [FrozenEstimator(imputer), *one_indicator]

    def _call(self, name: str, **options: Any) -> str:
        """The text of a call of `plain_rows` that fills gaps."""
        if self.fill is not None:
            options["fill"] = list(self.fill) if len(self.fill) > 1 else self.fill[0]
        return self._text(name, **options, **({"noted": True} if self.column.indicator else {}))

    def _text(self, name: str, *arguments: Any, **options: Any) -> str:
        """The text of a call of `plain_rows`."""
        texts = [repr(self.column.name), *(listed_text(a) if isinstance(a, list) else repr(a) for a in arguments)]
        texts += [f"{k}={listed_text(v) if isinstance(v, list) else repr(v)}" for k, v in options.items()]
        return f"{name}(rows, {', '.join(texts)})"


class NumberExport(ColumnExport):
    """A number: in ONNX and scikit-learn a number already, NaN where it is missing."""

    def onnx(self, graph: Graph, cell: Value) -> list[Value]:
        """The cell."""
        infinite: Value = graph.node("IsInf", cell, dtype=bool)
        return self._filled([np.where(infinite, np.nan, cell)], graph.node("IsNaN", cell, dtype=bool))

    def sklearn(self) -> tuple[Any, list[Any]]:
        """The cell as float64; text is refused where it could be read otherwise than in Python."""
        no_text = [] if self.column.style == PLAIN else _numbers_alone()
        return _steps(*no_text, _function(np.asarray, dtype=float), *self._imputed()), [0.0, 1.0]

    def numpy(self, name_of: Callable[[Any], str]) -> str:
        """Read as text in the column's style."""
        style = self.column.style
        options = {} if style == PLAIN else {"pattern": style.pattern}
        options |= {mark: getattr(style, mark) for mark in ("decimal", "thousands") if style != PLAIN}
        return self._call(name_of(plain_rows.number), **options)


class YesNoExport(ColumnExport):
    """Words for yes and no, in small or capital letters, or 1 and 0; in a column with gaps, words for these too."""

    onnx_type = np.str_

    def onnx(self, graph: Graph, cell: Value) -> list[Value]:
        """1 where a word for yes stands, 0 where one for no does."""
        no, yes = (_is_one_of(graph, cell, spelt) for spelt in _TRUTHS)
        gap = _is_one_of(graph, cell, Spelt(alike=("", *MISSING_WORDS)))
        return self._filled([np.where(yes, 1.0, np.where(no, 0.0, np.nan))], gap)

    def sklearn(self) -> tuple[Any, list[Any]]:
        """One-hot, then what each word counts."""
        from sklearn.preprocessing import OneHotEncoder

        no, yes = (spelt.texts() for spelt in _TRUTHS)
        gaps = [] if self.fill is None else sorted({"", "nan", "nat", "<na>", *MISSING_WORDS})
        counts = [[0.0]] * len(no) + [[1.0]] * len(yes) + [[fill] for fill in (self.fill or ()) for _ in gaps]
        if self.column.indicator:
            counts = [[*row, float(i >= len(no) + len(yes))] for i, row in enumerate(counts)]
        words = OneHotEncoder(categories=[[*no, *yes, *gaps]], sparse_output=False)
        text = [
            _function(np.asarray, dtype="U"),
            _function(np.strings.strip, chars=BLANKS),
            _function(np.strings.lower),
        ]
        return _steps(*text, words, _function(np.dot, b=np.array(counts))), list(self.column.words)

    def numpy(self, name_of: Callable[[Any], str]) -> str:
        """Read as text."""
        return self._call(name_of(plain_rows.yes_no))


class CategoryExport(ColumnExport):
    """Words, each with a feature; then one for other words, and one for gaps."""

    onnx_type = np.str_

    def onnx(self, graph: Graph, cell: Value) -> list[Value]:
        """1 where the cell is the word."""
        column, gap = self.column, _is_one_of(graph, cell, Spelt(exact=("",)))
        words: list[Value] = [_is_one_of(graph, cell, spelt).cast(np.float64) for spelt in self._spelt()]
        found = [*words]
        if column.other:
            found.append(1.0 - sum(words) - gap.cast(np.float64))
        if column.missing:
            found.append(gap.cast(np.float64))
        return found if self.fill is not None else [np.where(gap, np.nan, feature) for feature in found]

    def sklearn(self) -> tuple[Any, list[Any]]:
        """The number of the word as it is written (-1 for an unknown one), one-hot, then what each counts."""
        from sklearn.impute import MissingIndicator
        from sklearn.pipeline import FeatureUnion
        from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

        column, spelt = self.column, self._spelt()
        small = all(len(word.alike) > 0 for word in spelt)  # so that all may be compared in small letters
        written = [(text, i) for i, word in enumerate(spelt) for text in (word.texts() if small else word.exact)]
        counts = np.zeros((len(written) + 2, len(column.features)))  # of an unknown word, of the written ones, of a gap
        for row, (_, i) in enumerate(written, start=1):
            counts[row, i] = 1.0
        counts[0, len(spelt) : len(spelt) + column.other] = 1.0
        counts[-1, len(column.features) - column.missing :] = 1.0
        texts = [*(text for text, _ in written), ""]
        number = OrdinalEncoder(categories=[texts], handle_unknown="use_encoded_value", unknown_value=-1)
        one_hot = OneHotEncoder(categories=[[*range(-1, len(texts))]], sparse_output=False)
        features = _steps(number, one_hot, _function(np.dot, b=counts))
        if self.fill is None:  # the second part has no feature, but refuses gaps, which the first lets pass
            refusing = MissingIndicator(missing_values="", error_on_new=True)
            features = FeatureUnion([("words", features), ("gaps", refusing)])
        text = [*_text_with_gaps(), *([_function(np.strings.lower)] if small else [])]
        return _steps(*text, _function(np.asarray, dtype=object), features), [*column.values, "-"]

    def numpy(self, name_of: Callable[[Any], str]) -> str:
        """Compared as text."""
        column = self.column
        options: dict[str, Any] = {
            name: list(getattr(column, name)) for name in ("rare", "spellings") if getattr(column, name)
        }
        options |= {"truths": True} if yes_no_pair((*column.values, *column.rare)) else {}
        options |= {name: True for name in ("other", "missing") if getattr(column, name)}
        options |= {"gaps": False} if self.fill is None else {}
        return self._text(name_of(plain_rows.category), list(column.values), **options)

    def _spelt(self) -> "list[Spelt]":
        """How each of the values may be written, as `Vocabulary` tells them apart."""
        known = (*self.column.values, *self.column.rare)
        folds, numbers = Counter(map(folded, known)), Counter(map(number_in, known))
        truths = Counter(map(meaning, known)) if yes_no_pair(known) else Counter()
        found = []
        for value in self.column.values:
            exact = (value, *(spelling for spelling, word in self.column.spellings if word == value))
            alike = tuple(dict.fromkeys(map(folded, exact))) if folds[folded(value)] == 1 else ()
            number = number_in(value) if numbers[number_in(value)] == 1 else None
            truth = meaning(value) if truths[meaning(value)] == 1 else None
            alike += () if truth is None else _TRUTHS[truth].alike
            found.append(Spelt(exact, alike, number if truth is None else float(truth)))
        return found


class DateExport(ColumnExport):
    """A point in time and its place in the calendar."""

    taken = "days since 1970-01-01, with their fraction"

    def onnx(self, graph: Graph, cell: Value) -> list[Value]:
        """Days as numbers, and the calendar by arithmetic."""
        return self._filled(calendar(cell, clock=self.column.clock), graph.node("IsNaN", cell, dtype=bool))

    def sklearn(self) -> tuple[Any, list[Any]]:
        """NumPy's counts of years, months and days since 1970, from which the features are sums."""
        from sklearn.compose import ColumnTransformer

        counts = {"one": _function(np.ones_like, dtype=float)}
        counts |= {"years": _count("Y"), "months": _count("M"), "days": _count("D"), "new_year": _count("Y", "D")}
        counts |= {"weeks": _weeks(), "microseconds": _count("us")}
        season = {"days": 2.0 * np.pi / _YEAR, "new_year": -2.0 * np.pi / _YEAR}
        hand = {"microseconds": 2e-6 * np.pi / _DAY, "days": -2.0 * np.pi}
        features: list[tuple[str, Any, dict[str, float]]] = [
            ("year", "passthrough", {"one": 1970.0, "years": 1.0}),
            ("month", "passthrough", {"one": 1.0, "months": 1.0, "years": -12.0}),
            ("weekday", "passthrough", {"one": 4.0, "days": 1.0, "weeks": -7.0}),
            ("sine_of_year", _function(np.sin), season),
            ("cosine_of_year", _function(np.cos), season),
            ("days", "passthrough", {"microseconds": 1e-6 / _DAY}),
        ]
        if self.column.clock:
            features += [("sine_of_day", _function(np.sin), hand), ("cosine_of_day", _function(np.cos), hand)]
        sums = np.array([[terms.get(name, 0.0) for _, _, terms in features] for name in counts])
        last = ColumnTransformer([(name, function, [i]) for i, (name, function, _) in enumerate(features)])
        steps = _steps(*_time_steps(10), _union(counts), _function(np.dot, b=sums), last)
        return _steps(steps, *self._imputed()), ["2024-01-31", "2023-07-04"]

    def numpy(self, name_of: Callable[[Any], str]) -> str:
        """Read as text."""
        options = {} if self.column.order == "ymd" else {"order": self.column.order}
        return self._call(name_of(plain_rows.date), **options, **({"clock": True} if self.column.clock else {}))


class TimeOfDayExport(ColumnExport):
    """A time of day: a point on a circle."""

    taken = "seconds since midnight"

    def onnx(self, graph: Graph, cell: Value) -> list[Value]:
        """The angle of the clock's hand."""
        angle = cell * (2.0 * np.pi / _DAY)
        return self._filled([np.sin(angle), np.cos(angle)], graph.node("IsNaN", cell, dtype=bool))

    def sklearn(self) -> tuple[Any, list[Any]]:
        """As a point in time on the first day."""
        angle = _function(np.dot, b=np.array([[2e-6 * np.pi / _DAY]]))
        circle = _union({"sine": _function(np.sin), "cosine": _function(np.cos)})
        return _steps(*_time_steps(5, "1970-01-01T"), _count("us"), angle, circle, *self._imputed()), ["14:55", "00:00"]

    def numpy(self, name_of: Callable[[Any], str]) -> str:
        """Read as text."""
        return self._call(name_of(plain_rows.time_of_day))


EXPORTS: dict[type, type[ColumnExport]] = {
    Number: NumberExport,
    YesNo: YesNoExport,
    Category: CategoryExport,
    Date: DateExport,
    TimeOfDay: TimeOfDayExport,
}
"""Kind of column -> how it is exported."""


def column_exports(plan: Preparation) -> list[ColumnExport]:
    """How each of the plan's columns is exported, in order."""
    found = []
    for column, (_, part) in zip(plan.columns, plan.groups, strict=True):
        if type(column) not in EXPORTS:
            raise ConfigurationError(
                f"column {column.name!r} cannot be exported: nothing says how a {column.kind!r} is; add its class to "
                "clearprop.formats.column_exports.EXPORTS, or export to json"
            )
        fill = plan.fill[part][: part.stop - part.start - column.indicator] if plan.fill else None
        found.append(EXPORTS[type(column)](column, fill))
    return found


# --- ONNX -------------------------------------------------------------------------------------------------------------


def _is_one_of(graph: Graph, cell: Value, spelt: Spelt) -> Value:
    """Whether the text, without blanks around it, is the word."""
    return graph.node("RegexFullMatch", cell, dtype=bool, pattern=f"[{BLANKS}]*(?:{spelt.pattern()})[{BLANKS}]*")


def calendar(days: Value, *, clock: bool) -> list[Value]:
    """The features of a date, from its days since 1970-01-01, in arithmetic that an ONNX graph has.

    Year, month and day as Howard Hinnant's `civil_from_days` finds them: in years that begin in March, a leap day
    comes last, so that 146,097 days of 400 years, and the months, are counted by whole divisions.

    >>> [float(value[0]) for value in calendar(np.array([19753.5]), clock=False)][:3]
    [2024.0, 1.0, 3.0]
    """
    day = np.floor(days)
    shifted = day + 719468.0  # days since 0000-03-01
    era = np.floor(shifted / 146097.0)
    of_era = shifted - era * 146097.0
    leaps = np.floor(of_era / 1460.0) - np.floor(of_era / 36524.0) + np.floor(of_era / 146096.0)
    year_of_era = np.floor((of_era - leaps) / 365.0)
    of_year = of_era - (365.0 * year_of_era + np.floor(year_of_era / 4.0) - np.floor(year_of_era / 100.0))
    march_month = np.floor((5.0 * of_year + 2.0) / 153.0)
    month = np.where(march_month < 10.0, march_month + 3.0, march_month - 9.0)
    year = year_of_era + era * 400.0 + np.where(month < 3.0, 1.0, 0.0)
    past = year - 1.0
    new_year = past * 365.0 + np.floor(past / 4.0) - np.floor(past / 100.0) + np.floor(past / 400.0) - 719162.0
    angle = (day - new_year) * (2.0 * np.pi / _YEAR)
    weekday = day + 4.0 - 7.0 * np.floor((day + 3.0) / 7.0)
    turn = (days - day) * (2.0 * np.pi)
    circle = [np.sin(turn), np.cos(turn)] if clock else []
    return [year, month, weekday, np.sin(angle), np.cos(angle), days, *circle]


# --- scikit-learn -----------------------------------------------------------------------------------------------------


def _function(function: Callable[..., Any], **options: Any) -> Any:
    """A step that calls a function of NumPy, which a pickle knows by name: so none of clearprop's is needed."""
    from sklearn.preprocessing import FunctionTransformer

    return FunctionTransformer(function, kw_args=options or None)


def _formatted(pattern: str) -> Any:
    """A step that writes each cell into a text; what is `excluded` only keeps NumPy from storing what no pickle can."""
    return _function(np.vectorize(pattern.format, otypes=["U"], excluded=[1]))


def _steps(*steps: Any) -> Any:
    from sklearn.pipeline import make_pipeline

    return make_pipeline(*steps)


def _union(parts: dict[str, Any]) -> Any:
    from sklearn.pipeline import FeatureUnion

    return FeatureUnion(list(parts.items()))


_TYPE_AND_TEXT = "{0.__class__.__name__}|{0}"
"""A cell with the name of its type, which tells a gap from the word "nan", and a number from text."""


def _numbers_alone() -> list[Any]:
    """Cells as text that is a number; one that was text before keeps the name of its type, and so is refused."""
    gaps = ("NoneType|None", "NAType|<NA>")
    types = ("float", "float64", "float32", "int", "int64", "int32", "Decimal")
    return [
        _formatted(_TYPE_AND_TEXT),
        *(_function(np.strings.replace, old=gap, new="nan") for gap in gaps),
        *(_function(np.strings.replace, old=f"{name}|", new="") for name in types),
    ]


def _text_with_gaps() -> list[Any]:
    """Cells as text without blanks around it, gaps as the empty text."""
    gaps = ("NoneType|None", "float|nan", "float64|nan", "float32|nan", "NAType|<NA>", "NaTType|NaT")
    return [
        _formatted(_TYPE_AND_TEXT),
        *(_function(np.strings.replace, old=gap, new="|") for gap in gaps),
        _function(np.strings.partition, sep="|"),
        _function(np.take, indices=2, axis=0),
        _function(np.strings.strip, chars=BLANKS),
    ]


def _time_steps(least: int, before: str = "") -> list[Any]:
    """Cells as points in time, of which text is written as in ISO 8601, in `least` characters.

    What is shorter is filled up, so that NumPy refuses it, where it would read 20240131 as a year.
    """
    gaps = ("<NA>", "None", "nan")
    padded = [f"{before}{gap:x>{least}}" for gap in ("", "NaT")]
    return [
        _function(np.asarray, dtype="U"),
        _function(np.strings.strip, chars=BLANKS),
        *(_function(np.strings.replace, old=gap, new="NaT") for gap in gaps),
        _formatted(f"{before}{{0:x>{least}}}"),
        *(_function(np.strings.replace, old=gap, new="NaT") for gap in padded),
        _function(np.asarray, dtype="datetime64[us]"),
    ]


def _count(*units: str) -> Any:
    """How many whole years, months, days ... there are since 1970; NaN for no time."""
    from sklearn.impute import SimpleImputer

    whole = (_function(np.asarray, dtype=f"datetime64[{unit}]") for unit in units)
    gaps = SimpleImputer(missing_values=_NOT_A_TIME, strategy="constant", fill_value=np.nan, keep_empty_features=True)
    return _steps(*whole, _function(np.asarray, dtype=float), gaps)


def _weeks() -> Any:
    """How many Mondays there have been since 1970; the half day keeps the division away from whole numbers."""
    sums = np.array([[3.5 / 7.0], [1.0 / 7.0]])
    parts = _union({"one": _function(np.ones_like, dtype=float), "days": _count("D")})
    return _steps(parts, _function(np.dot, b=sums), _function(np.floor))
