"""Names for definitions: what the command line offers, the documentation lists and the tests walk."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from clearprop.errors import ConfigurationError, UnknownNameError

T = TypeVar("T")


def did_you_mean(name: str, known: list[str]) -> str:
    """The half sentence that helps after a misspelt name."""
    close = difflib.get_close_matches(str(name).lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}Known: {', '.join(known)}"


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
