"""The package as a building: its files, their rooms and storeys, and who imports whom, read from the source itself."""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
PACKAGE = "clearprop"


@cache
def files() -> dict[str, Path]:
    """Each module by its name; a package stands for its `__init__.py`."""
    found = {}
    for path in sorted((SOURCE / PACKAGE).rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def lines(module: str) -> int:
    """How many lines a file has."""
    return len(files()[module].read_text("utf8").splitlines())


@cache
def _imported_names(module: str, later: bool) -> tuple[tuple[str, str, str], ...]:
    """(module, name in it, name here) of what a file imports of this package; with `later`, inside functions too."""

    def walk(nodes: Iterator[ast.AST]) -> Iterator[tuple[str, str, str]]:
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == PACKAGE:
                assert node.module is not None and not node.level, f"{module} imports relatively"
                yield from ((node.module, alias.name, alias.asname or alias.name) for alias in node.names)
            elif isinstance(node, ast.Import):
                names = (alias.name for alias in node.names)
                yield from ((name, "", name) for name in names if name.partition(".")[0] == PACKAGE)
            elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                yield from walk(iter(node.orelse))
            elif later or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                yield from walk(ast.iter_child_nodes(node))

    return tuple(walk(ast.iter_child_nodes(ast.parse(files()[module].read_text("utf8")))))


def defined_in(module: str, name: str) -> str:
    """The file that defines `name`, which `module` has: a package's `__init__` often only passes on.

    >>> defined_in("clearprop.ops", "affine")
    'clearprop.ops.linear'
    """
    if f"{module}.{name}" in files():
        return f"{module}.{name}"
    if files()[module].name == "__init__.py":
        for origin, original, here in _imported_names(module, False):
            if here == name:
                return defined_in(origin, original)
    return module


@cache
def passes_on(module: str) -> bool:
    """Whether a file defines nothing: it imports, so that others find what it imports under its own name."""
    body = ast.parse(files()[module].read_text("utf8")).body[1:]  # after the docstring
    return all(isinstance(node, ast.ImportFrom | ast.Import) or "__all__" in ast.unparse(node) for node in body)


def imports(module: str, *, later: bool = False) -> set[str]:
    """The files that define what `module` imports when it is imported itself; with `later`, also when it is called.

    What is imported for the types alone does not count.
    """
    found = {defined_in(origin, name) for origin, name, _ in _imported_names(module, later)}
    return set().union(*(imports(one) if passes_on(one) else {one} for one in found)) - {module}


def storeys() -> list[list[str]]:
    """The rooms of each storey, the highest first: the contract in pyproject.toml, which import-linter holds."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["tool"]["importlinter"]["contracts"][0]
    return [[room.strip() for room in storey.split("|")] for storey in contract["layers"]]


def room_of(module: str) -> str:
    """The room that a file is in: the package or file at the root of the package."""
    return module.split(".")[1] if "." in module else PACKAGE


def arrows(*, later: bool = True) -> dict[tuple[str, str], int]:
    """For each two rooms of which the first uses the second: how many imports of one file by another that is."""
    found: dict[tuple[str, str], int] = {}
    rooms = {room for storey in storeys() for room in storey}
    for module in files():
        for origin in {defined_in(origin, name) for origin, name, _ in _imported_names(module, later)}:
            pair = room_of(module), room_of(origin)
            if pair[0] != pair[1] and rooms.issuperset(pair):
                found[pair] = found.get(pair, 0) + 1
    return found
