"""What an error looks like to whoever typed the command: one sentence on stderr, or one JSON document on stdout.

Every message is built alike, place first, remedy last: ``flowers.csv:3: column 'width': 'wide' is not a
number; correct it``. So the document for programs can give the parts by themselves.
"""

import json
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer

from clearprop.cli.output import visible

KINDS = {
    1: "bug",
    2: "usage",
    3: "data",
    4: "model file",
    5: "diverged",
    6: "input/output",
    130: "interrupted",
    143: "terminated",
}
"""What the exit codes mean; 5 is also a check that failed."""

_PLACE = re.compile(
    r"""(?P<place>
        # a file, perhaps with sheet, line and column
        [^:\s][^:]*\.\w+(?:,\ sheet\ '[^']*')?(?::\d+)?(?::\ column\ '(?:[^'\\]|\\.)*')?
        | [^:\s]*[/\\][^:]*                                    # a path
        | column\ '(?:[^'\\]|\\.)*'
    ):\ """,
    re.VERBOSE,
)


def parts(message: str) -> tuple[str | None, str | None]:
    """Place and remedy in a message, None where it names none.

    >>> parts("t.csv:3: column 'a': 'x' is not a number; correct it")
    ("t.csv:3: column 'a'", 'correct it')
    >>> parts("no loss 'mze'; did you mean 'mse'? Known: mse, mae")
    (None, "did you mean 'mse'? Known: mse, mae")
    """
    place = _PLACE.match(message)
    _, found, remedy = message.rpartition("; ")
    return place["place"] if place else None, remedy if found else None


def fail(message: str, code: int, *, as_json: bool, several: Sequence[str] = ()) -> NoReturn:
    """Print the error, which may list `several` of which each has its own place and remedy, and end the process."""
    lines = message.split("\n  ") if several else [message]
    message = "\n  ".join(visible(line, in_a_line=True) for line in lines)
    if as_json:
        error = {"code": code, "kind": KINDS[code], **_document(message)}
        if several:
            error["errors"] = [_document(visible(one, in_a_line=True)) for one in several]
        typer.echo(json.dumps({"error": error}, ensure_ascii=False))
    else:
        typer.echo(f"clearprop: {message}", err=True)
    sys.exit(code)


def _document(message: str) -> dict[str, Any]:
    place, remedy = parts(message)
    return {"message": message, "place": place, "remedy": remedy}
