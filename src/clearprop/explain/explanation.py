"""What `explain` finds, as data; `clearprop.explain.pages` shows it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from clearprop._registry import did_you_mean
from clearprop._types import Array
from clearprop.errors import ConfigurationError, UnknownNameError
from clearprop.explain.formula import shown
from clearprop.explain.sentences import SENTENCES


@dataclass(frozen=True)
class Number:
    """One number, and where it comes from.

    Attributes
    ----------
    name : str
        "z₁[0]": element 0 of the first dense layer's pre-activations.
    value : float
    formula, numbers : str
        How it was computed, with names and with numbers; empty for what is given.
    numeric : float or None
        Of a gradient: the numeric one.
    agrees : bool or None
        Whether the two are the same, but for rounding.
    note : str
        The name of the feature or class.
    largest : bool
        Shown out of turn, being the largest of many.
    replaces : bool
        Whether this is a new value of what has the name.
    """

    name: str
    value: float
    formula: str = ""
    numbers: str = ""
    numeric: float | None = None
    agrees: bool | None = None
    note: str = ""
    largest: bool = False
    replaces: bool = False

    def __str__(self) -> str:
        return f"{self.name} {'←' if self.replaces else '='} {self.equation}"

    @property
    def equation(self) -> str:
        """Formula = with numbers = value."""
        value = shown(self.value, 6)
        parts = [self.formula, self.numbers if self.numbers != value else "", value]
        return " = ".join(part for part in parts if part)


@dataclass(frozen=True)
class Group:
    """Numbers that belong together.

    Attributes
    ----------
    title : str
        Its sentence, by name; empty for the numbers of one array.
    about : dict
        What the sentence's gaps are filled with.
    formula : str
        The definition's own words.
    numbers : tuple of Number
    more : int
        How many numbers of the array are not shown.
    groups : tuple of Group
    remark : str
        A sentence, by name.
    """

    title: str
    about: dict[str, str] = field(default_factory=dict)
    formula: str = ""
    numbers: tuple[Number, ...] = ()
    more: int = 0
    groups: tuple["Group", ...] = ()
    remark: str = ""

    def walk(self) -> Iterator["Group"]:
        """This group, and all groups inside it."""
        yield self
        for group in self.groups:
            yield from group.walk()


@dataclass(frozen=True)
class Explanation:
    """One row through a network; prints as a tree, and shows itself in notebooks.

    Attributes
    ----------
    groups : tuple of Group
        Input, forward, loss, backward, update.
    arrays : dict
        Every array by name, also what the groups leave out: "x", "z₁", "a₁", ..., "L", "dz₁", "dW₁", ..., and the
        parameters after the update, "W₁", ...
    about : dict
        The model, the loss, the optimiser and the witness, as text.
    language : {"en", "zh"}
    """

    groups: tuple[Group, ...]
    arrays: dict[str, Array]
    about: dict[str, str]
    language: str = "en"

    def __post_init__(self) -> None:
        if self.language not in SENTENCES:
            known = did_you_mean(self.language, list(SENTENCES))
            raise ConfigurationError(f"there is no language {self.language!r}; {known}")

    def __getitem__(self, name: str) -> list[Number]:
        """The numbers shown of the array of that name."""
        found = [n for group in self.walk() for n in group.numbers if n.name.partition("[")[0] == name]
        if not found:
            known = sorted({n.name.partition("[")[0] for group in self.walk() for n in group.numbers})
            raise UnknownNameError(f"nothing here is called {name!r}; {did_you_mean(name, known)}")
        return found

    def walk(self) -> Iterator[Group]:
        """All groups, outer before inner."""
        for group in self.groups:
            yield from group.walk()

    @property
    def gradients(self) -> list[Number]:
        """The numbers that have a witness."""
        return [n for group in self.walk() for n in group.numbers if n.agrees is not None]

    @property
    def agrees(self) -> bool:
        """Whether every gradient shown is what the numeric one says."""
        return all(n.agrees for n in self.gradients)

    def say(self, sentence: str, **about: str) -> str:
        """A sentence in the explanation's language."""
        return SENTENCES[self.language][sentence].format(**about)

    def heading(self) -> tuple[str, list[str]]:
        """The title, and the sentences under it."""
        numbers = self.gradients
        differences = [abs(n.value - (n.numeric or 0.0)) for n in numbers]
        verdict = self.say(
            "verdict",
            right=str(sum(bool(n.agrees) for n in numbers)),
            checked=str(len(numbers)),
            worst=shown(max(differences, default=0.0), 2),
        )
        about = {**self.about, "witness": self.say(self.about["witness"])}
        sentences = [self.say("notation"), self.say("setting", **about), verdict]
        wrong = next((n.name for n in numbers if not n.agrees), None)
        return self.say("title", **about), [*sentences, *([self.say("first", name=wrong)] if wrong else [])]

    def text(self, width: int = 160) -> str:
        """A tree for the terminal."""
        from clearprop.explain.pages import tree

        return tree(self, width)

    def markdown(self) -> str:
        """Headings and lists."""
        from clearprop.explain.pages import markdown

        return markdown(self)

    def html(self) -> str:
        """A page that needs nothing else, whose parts fold."""
        from clearprop.explain.pages import html

        return html(self)

    def in_language(self, language: str) -> "Explanation":
        """The same in another language."""
        return replace(self, language=language)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON can hold them."""
        return {
            **self.about,
            "agrees": self.agrees,
            "groups": [self._plain(group) for group in self.groups],
        }

    def _plain(self, group: Group) -> dict[str, Any]:
        numbers = [
            {key: value for key, value in vars(n).items() if value not in ("", None, False) or key == "value"}
            for n in group.numbers
        ]
        plain: dict[str, Any] = {"title": self.title_of(group), "formula": group.formula, "remark": ""}
        plain["remark"] = self.say(group.remark, **group.about) if group.remark else ""
        plain = {key: value for key, value in plain.items() if value}
        if numbers:
            plain |= {"numbers": numbers, "left_out": group.more}
        return plain | ({"groups": [self._plain(inner) for inner in group.groups]} if group.groups else {})

    def title_of(self, group: Group) -> str:
        """Its sentence, or the name of the array it shows."""
        if group.title:
            return self.say(group.title, **group.about)
        return group.about.get("name") or group.numbers[0].name.partition("[")[0]

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        from clearprop.explain.pages import fragment

        return fragment(self)
