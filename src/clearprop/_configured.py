"""Objects that are nothing but their constructor's arguments: layers, losses, optimisers, schedules, initialisers.

Each stores every argument under its own name, so that `repr` reads back and `config` can be saved.
"""

import functools
import inspect
from typing import Any


class Configured:
    """Base of objects described by their constructor's arguments, all stored under the arguments' names."""

    def config(self) -> dict[str, Any]:
        """The constructor's arguments by name."""
        return {name: getattr(self, name) for name in _parameters(self)}

    def __repr__(self) -> str:
        shown = []
        for p in _parameters(self).values():
            value = getattr(self, p.name)
            if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD:
                shown.append(repr(value))
            elif value != p.default:
                shown.append(f"{p.name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Configured) and type(self) is type(other) and self.config() == other.config()

    def __hash__(self) -> int:
        return hash(repr(self))


def _parameters(configured: Configured) -> dict[str, inspect.Parameter]:
    cls: Any = type(configured)
    return _parameters_of(cls)


@functools.cache
def _parameters_of(cls: type) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(cls).parameters)
