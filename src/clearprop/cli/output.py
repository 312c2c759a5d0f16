"""How commands print: aligned plain text, the same on a terminal, in a file and in a pipe."""

import unicodedata
from collections.abc import Iterable, Sequence

import typer

NUMERIC = set("0123456789.+-e%,")


def width(text: str) -> int:
    """How many places `text` takes on a terminal; East Asian characters take two.

    >>> width("abc"), width("花")
    (3, 2)
    """
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)


def table(rows: Iterable[Sequence[str]]) -> str:
    """Rows as aligned columns, numbers to the right.

    >>> print(table([("model", "accuracy"), ("network", "0.967"), ("constant", "0.333")]))
    model     accuracy
    network      0.967
    constant     0.333
    """
    cells = [[str(cell) for cell in row] for row in rows]
    columns = list(zip(*cells, strict=True))
    widths = [max(map(width, column)) for column in columns]
    right = [any(set(cell) <= NUMERIC and cell for cell in column[1:]) for column in columns]
    lines = []
    for row in cells:
        padded = [
            " " * (w - width(cell)) + cell if to_right else cell + " " * (w - width(cell))
            for cell, w, to_right in zip(row, widths, right, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def say(text: str = "") -> None:
    """Print a line on stdout."""
    typer.echo(text)
