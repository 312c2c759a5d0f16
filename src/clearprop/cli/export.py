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

    * onnx: a graph with one input for each column, for any ONNX runtime (needs `pip install "clearprop[onnx]"`).

    * sklearn: a fitted scikit-learn pipeline with its own MLP, written by joblib. Such a file is a pickle: loading it
    runs code, so load only files that you wrote yourself.

    * python: a short script that rebuilds the model with clearprop.

    * numpy: a module that needs nothing but NumPy, with a function `predict(rows)`.

    * json: numbers and architecture as plain text.

    Columns of dates go to python, numpy and json only.

    Example: `clearprop export runs/flowers-1 --to onnx --out flowers.onnx`
    """
    from clearprop.answers import load_model

    if out.exists() and not force:
        raise OutputError(f"{out}: this file exists already; choose another name, or overwrite it with --force")
    _write(load_model(model), to, out)
    if as_json:
        say_json({"format": to.value, "file": str(out)})
    else:
        say(f"{out} is {_WHAT[to]}")


def _write(saved: "SavedModel", to: Format, out: Path) -> None:
    from clearprop.store import atomic_file, atomic_write

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
