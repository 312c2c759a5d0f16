"""What the five replays share: a printed number beside ours, a finding with its measurement, a post with all of them.

Nothing here is about a particular post; each has its own package, which reads in this order: `replay` (the post's
system), `findings` (what is wrong in it, measured), `pictures`, and `sentences` (what is said about it).
"""

import datetime
import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.errors import ConfigurationError, SaturationWarning
from clearprop.losses import Loss
from clearprop.model import Sequential

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LANGUAGES = ("en", "zh")
Numbers = Mapping[str, Any]
"""What was measured, by name; a sentence with ``{name:.4f}`` in it shows them."""


@dataclass(frozen=True)
class Text:
    """A sentence in both languages."""

    en: str
    zh: str

    def __call__(self, language: str, numbers: Numbers | None = None) -> str:
        """The sentence in "en" or "zh", with the numbers filled in.

        >>> Text("loss {x:.2f}", "损失 {x:.2f}")("zh", {"x": 0.5})
        '损失 0.50'
        """
        if language not in LANGUAGES:
            raise ConfigurationError(f"the language is {' or '.join(LANGUAGES)}, not {language!r}")
        text: str = getattr(self, language)
        return text if numbers is None else text.format_map(numbers)


@dataclass(frozen=True)
class Printed:
    """A number as the post prints it.

    Parameters
    ----------
    name : str
        What it is, and its key in `Replay.numbers`.
    text : str
        The digits, as printed; empty where the post has the number in no text (only ours is shown then).
    zh : str
        The name in Chinese; default as in English.
    binding : bool
        Whether every digit must be met.  Not where the post drew its start weights without a seed.
    digits : int
        Digits after the point to show where there is no text.
    """

    name: str
    text: str = ""
    zh: str = ""
    binding: bool = True
    digits: int = 4

    def show(self, value: float | None) -> str:
        """`value` with as many digits as the post prints.

        >>> Printed("loss", "0.25").show(0.2512)
        '0.25'
        """
        if value is None:
            return ""
        digits = len(self.text.partition(".")[2]) if self.text else self.digits
        return f"{value + 0.0:.{digits}f}"

    def agrees(self, value: float | None) -> bool | None:
        """Whether every printed digit is met; None where the post prints nothing."""
        return self.show(value) == self.text if self.text and value is not None else None

    def wrong(self, value: float | None) -> bool:
        """Whether a digit that must be met is not.

        A post that prints all 16 digits of a float64 shows how its sums were rounded, which engines and processors do
        differently: the last few units in the last place are no error.
        """
        if not self.binding or value is None or self.agrees(value) is not False:
            return False
        half = 0.5 * 10.0 ** -len(self.text.partition(".")[2])
        return not abs(value - float(self.text)) <= half + 8 * math.ulp(float(self.text))


@dataclass(frozen=True)
class Replay:
    """One run of a post's system.

    Attributes
    ----------
    numbers : dict
        What the post prints of it, by the names of `Post.published`; and more.
    model, loss, training, test
        The trained network, what it was trained with and on; test is None where the post has no test set.
    history : dict of str to array
        What was recorded, by name.
    """

    numbers: dict[str, float]
    model: Sequential
    loss: Loss
    training: Dataset
    test: Dataset | None
    history: dict[str, Array]


@dataclass
class Replays:
    """Both runs of a post, made when first asked for: its findings and pictures share them."""

    make_published: Callable[[], Replay]
    make_corrected: Callable[[], Replay]

    @cached_property
    def published(self) -> Replay:
        """The run with the post's own mistakes."""
        return self.make_published()

    @cached_property
    def corrected(self) -> Replay:
        """The run without them."""
        return self.make_corrected()


Probe = Callable[[Replays], Numbers]
"""Measures one finding; its name is the finding's key."""


@dataclass(frozen=True)
class Row:
    """A published number beside ours."""

    name: Text
    post: str
    published: str
    corrected: str
    agrees: bool | None
    binding: bool
    wrong: bool


@dataclass(frozen=True)
class Finding:
    """A defect of a post, and its effect.

    Attributes
    ----------
    key : str
    text : Text
        With the numbers filled in.
    numbers : dict
        The measurement.
    measured : str
        The date of the measurement if it was not made in this run (it takes long), else "".
    """

    key: str
    text: Text
    numbers: Numbers
    measured: str


@dataclass(frozen=True)
class Post:
    """A tutorial post: its numbers, its replay, its corrected replay, what is wrong in it, and its pictures.

    Attributes
    ----------
    key : str
        "000" to "004".
    title, claim, verdict : Text
    published : sequence of Printed
    as_published, corrected : callable
        Run the post's system, with its defects and without; see each function for its options.
    """

    key: str
    title: Text
    claim: Text
    verdict: Text
    published: Sequence[Printed]
    as_published: Callable[..., Replay]
    corrected: Callable[..., Replay]
    probes: Sequence[Probe]
    sentences: Mapping[str, Text]
    draw: Callable[[Replays, str], "dict[str, Figure]"]
    long: Sequence[Probe] = field(default=())

    def replays(self) -> Replays:
        """Both runs, for `rows`, `findings` and `pictures` to share."""
        return Replays(self.as_published, self.corrected)

    def rows(self, replays: Replays | None = None) -> list[Row]:
        """The table: each published number, ours as published, ours corrected, and whether the digits agree."""
        replays = replays or self.replays()
        ours, better = replays.published.numbers, replays.corrected.numbers
        return [
            Row(
                Text(one.name, one.zh or one.name),
                one.text,
                one.show(ours.get(one.name)),
                one.show(better.get(one.name)),
                one.agrees(ours.get(one.name)),
                one.binding,
                one.wrong(ours.get(one.name)),
            )
            for one in self.published
        ]

    def findings(self, full: bool = False, replays: Replays | None = None) -> list[Finding]:
        """Everything that is wrong in the post, each with its effect measured now.

        What takes long is measured only if `full`; else the stored measurement is given, with its date.
        """
        replays = replays or self.replays()
        found = []
        for probe in (*self.probes, *self.long):
            key = probe.__name__
            stored = stored_measurements().get(self.key, {}).get(key) if probe in self.long and not full else None
            numbers, date = (stored["numbers"], stored["date"]) if stored else (probe(replays), "")
            sentence = self.sentences[key]
            text = Text(*(sentence(language, numbers) for language in LANGUAGES))
            found.append(Finding(key, text, numbers, date))
        return found

    def pictures(self, language: str = "en", replays: Replays | None = None) -> "dict[str, Figure]":
        """The post's figures and what they should have shown, by file name without suffix."""
        from clearprop.posts.drawing import in_language

        drawn = self.draw(replays or self.replays(), language)
        return {name: in_language(figure, language) for name, figure in drawn.items()}


@contextmanager
def expecting_saturation() -> Iterator[None]:
    """Without clearprop's warning of layers that start saturated: the posts' start weights are theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SaturationWarning)
        yield


def stored_measurements() -> dict[str, dict[str, Any]]:
    """Findings that take long, as last measured: {post: {key: {"date": ..., "numbers": ...}}}."""
    found: dict[str, dict[str, Any]] = json.loads(
        files("clearprop.posts").joinpath("measured.json").read_text(encoding="utf-8")
    )
    return found


def measure(posts: Mapping[str, Post]) -> str:
    """All long findings, measured now, as the text of ``measured.json``."""
    today = datetime.date.today().isoformat()
    found = {
        post.key: {probe.__name__: {"date": today, "numbers": probe(post.replays())} for probe in post.long}
        for post in posts.values()
        if post.long
    }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def raised(function: Callable[[], object]) -> str:
    """The error that a call raises, as "TypeError: text"; "" if it raises none.

    >>> raised(lambda: 1 / 0)
    'ZeroDivisionError: division by zero'
    """
    try:
        function()
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return ""
