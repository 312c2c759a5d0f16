"""``clearprop export``: a saved model for another program."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clearprop.cli.output import AsJSON, say, say_json
from clearprop.errors import OutputError

if TYPE_CHECKING:
    from clearprop.formats import SavedModel


class Format(StrEnum):
    """What a model can be written as."""

    onnx = "onnx"
    sklearn = "sklearn"
    python = "python"
    numpy = "numpy"
    json = "json"


_WHAT = {
    Format.onnx: "an ONNX graph with an input for each column",
    Format.sklearn: "a scikit-learn pipeline, for joblib.load; load such files only if you wrote them",
    Format.python: "a Python script that rebuilds the model with clearprop",
    Format.numpy: "a Python module that needs NumPy alone, with predict(rows)",
    Format.json: "a JSON document, for any program",
}


def export(
    model: Annotated[str, typer.Argument(help="A model file, or the folder of a run.")],
    to: Annotated[Format, typer.Option("--to", help="What to write.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")] = False,
    as_json: AsJSON = False,
) -> None:
    """Write a saved model for another program, with all that it does to the columns of a table.

    Columns have their names everywhere, so that a table may have them in any order, and others besides.

    * onnx: a graph with one input for each column, for any ONNX runtime (needs `pip install "clearprop[onnx]"`).
    Numbers are float64 there, NaN where they are missing, not text; words are text, of which blanks are trimmed, and
    yes and no may have capitals; a date is the days since 1970-01-01, a time of day the seconds since midnight.

    * sklearn: a fitted scikit-learn pipeline of its own parts alone, written by joblib. It takes pandas, polars and
    Arrow tables: numbers as numbers, not text, words as text, dates as dates or as in ISO 8601; of an array it knows
    nothing but the width. Such a file is a pickle: loading it runs code, so load only files that you wrote yourself.

    * python: a short script that rebuilds the model with clearprop, and reads tables as `clearprop predict` does.

    * numpy: a module that needs nothing but NumPy, with a function `predict(rows)` for lists of cells by name, or a
    pandas, polars or Arrow table. It reads cells as `clearprop predict` does.

    * json: numbers and architecture as plain text; who reads it must find the columns by the names that it has.

    Example: `clearprop export runs/flowers-1 --to onnx --out flowers.onnx`
    """
    from clearprop.judge.answers import load_model

    if out.exists() and not force:
        raise OutputError(f"{out}: this file exists already; choose another name, or overwrite it with --force")
    _write(load_model(model), to, out)
    if as_json:
        say_json({"format": to.value, "file": str(out)})
    else:
        say(f"{out} is {_WHAT[to]}")


def _write(saved: "SavedModel", to: Format, out: Path) -> None:
    from clearprop.files.atomic import atomic_file, atomic_write

    if to is Format.onnx:
        from clearprop.formats.onnx import to_onnx

        to_onnx(saved, out)
    elif to is Format.sklearn:
        import joblib

        from clearprop.formats.sklearn import to_sklearn

        pipeline = to_sklearn(saved)
        with atomic_file(out) as temporary:
            joblib.dump(pipeline, temporary)
    else:
        from clearprop.formats.json_format import to_json
        from clearprop.formats.numpy_source import to_numpy
        from clearprop.formats.python_source import to_python

        write = {Format.python: to_python, Format.numpy: to_numpy, Format.json: to_json}[to]
        atomic_write(out, write(saved).encode())
