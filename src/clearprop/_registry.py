"""Names for definitions: what the command line offers, the documentation lists and the tests walk."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from clearprop.errors import ConfigurationError, UnknownNameError

T = TypeVar("T")


def listed(names: Iterable[str], at_most: int = 20) -> str:
    """Names for a message: long ones cut, and no more than `at_most` of them.

    >>> listed(["age", "height", "weight"], at_most=2)
    'age, height, ...'
    """
    names = list(names)
    shown = [name if len(name) <= 40 else f"{name[:37]}..." for name in map(str, names[:at_most])]
    return ", ".join(shown) + (", ..." if len(names) > at_most else "")


def did_you_mean(name: str, known: list[str]) -> str:
    """The half sentence that helps after a misspelt name."""
    close = difflib.get_close_matches(str(name).lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean {listed(close)!r}? " if close else ""
    return f"{hint}Known: {listed(known, 60)}"


class Registry(Mapping[str, T], Generic[T]):
    """Definitions of one kind by name.

    A lookup of an unknown name raises `UnknownNameError` and suggests the nearest one.

    >>> fruit = Registry("fruit")
    >>> fruit.register("apple", 1)
    1
    >>> fruit["aple"]
    Traceback (most recent call last):
    clearprop.errors.UnknownNameError: no fruit 'aple'; did you mean 'apple'? Known: apple
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._definitions: dict[str, T] = {}

    def register(self, name: str, definition: T) -> T:
        """Add `definition` under `name`, which must be new; returns it."""
        if name in self._definitions:
            raise ConfigurationError(f"there is a {self.kind} {name!r} already; choose another name")
        self._definitions[name] = definition
        return definition

    def __getitem__(self, name: str) -> T:
        try:
            return self._definitions[name]
        except KeyError:
            raise UnknownNameError(f"no {self.kind} {name!r}; {did_you_mean(name, list(self._definitions))}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._definitions  # Mapping's own would catch KeyError, at the price of a suggestion

    def __iter__(self) -> Iterator[str]:
        return iter(self._definitions)

    def __len__(self) -> int:
        return len(self._definitions)
