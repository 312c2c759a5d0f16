"""How commands print: aligned plain text, the same on a terminal, in a file and in a pipe; or one JSON document."""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

NUMERIC = set("0123456789.+-−±e%, ")

AsJSON = Annotated[bool, typer.Option("--json", help="Print one JSON document instead, errors included.")]
"""What every command takes."""


def width(text: str) -> int:
    """How many places `text` takes on a terminal; East Asian characters take two.

    >>> width("abc"), width("花")
    (3, 2)
    """
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)


def table(rows: Iterable[Sequence[str]]) -> str:
    """Rows as aligned columns, numbers to the right; control characters and line breaks become visible.

    >>> print(table([("model", "accuracy"), ("network", "0.967"), ("constant", "0.333")]))
    model     accuracy
    network      0.967
    constant     0.333
    """
    cells = [[visible(str(cell), in_a_line=True) for cell in row] for row in rows]
    columns = list(zip(*cells, strict=True))
    widths = [max(map(width, column)) for column in columns]
    right = [any(set(cell) <= NUMERIC and cell.strip() for cell in column[1:]) for column in columns]
    lines = []
    for row in cells:
        padded = [
            " " * (w - width(cell)) + cell if to_right else cell + " " * (w - width(cell))
            for cell, w, to_right in zip(row, widths, right, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def visible(text: str, *, in_a_line: bool = False) -> str:
    """`text` without what could move a terminal's cursor or hide what follows; also without line breaks and tabs.

    >>> visible("a\\x1b[31mb\\n"), visible("net\\nweight", in_a_line=True)
    ('a\\\\x1b[31mb\\n', 'net\\\\nweight')
    """
    kept = "" if in_a_line else "\n\t"
    hidden = ("Cc", "Cf", "Cs", "Co", "Cn", *(("Zl", "Zp") if in_a_line else ()))
    return "".join(
        c if c in kept or unicodedata.category(c) not in hidden else c.encode("unicode_escape").decode() for c in text
    )


def say(text: str = "") -> None:
    """Print a line on stdout."""
    typer.echo(text)


def say_json(document: dict[str, Any]) -> None:
    """Print the JSON document on stdout."""
    typer.echo(json.dumps(document, ensure_ascii=False, allow_nan=False))
