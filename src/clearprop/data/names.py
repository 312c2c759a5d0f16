"""Column names as every reader gives them: as the file writes them, without the blanks around them."""

from collections.abc import Iterable

from clearprop._registry import listed
from clearprop.errors import DataError


def checked_names(where: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names without surrounding blanks (spaces, tabs, line breaks); none may be empty or occur twice.

    Names that differ in capitals only are different names.

    >>> checked_names("t.csv:1", [" age", "Age", "5 %"])
    ('age', 'Age', '5 %')
    >>> checked_names("t.csv:1", ["a", "b", "a "])
    Traceback (most recent call last):
    clearprop.errors.DataError: t.csv:1: two columns are called 'a' (1 and 3); rename one
    """
    trimmed = tuple(name.strip() for name in names)
    first: dict[str, int] = {}
    for number, name in enumerate(trimmed, start=1):
        if not name:
            raise DataError(f"{where}: column {number} of {len(trimmed)} has no name; name it")
        if first.setdefault(name, number) != number:
            shown = listed([name])
            raise DataError(f"{where}: two columns are called {shown!r} ({first[name]} and {number}); rename one")
    return trimmed
