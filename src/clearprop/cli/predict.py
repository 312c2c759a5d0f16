"""``clearprop predict``: a saved model's answers for new rows, as CSV."""

import csv
import io
from pathlib import Path
from typing import Annotated

import typer

from clearprop.errors import OutputError


def predict(
    model: Annotated[str, typer.Argument(help="A model file, or the folder of a run.")],
    data: Annotated[str, typer.Argument(help="A CSV file with the model's features, or a built-in data set.")],
    out: Annotated[Path | None, typer.Option(help="CSV file to write; by default the screen.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")] = False,
) -> None:
    """Predict the target for each row of DATA, in order.

    For classes, the probability of each follows. Columns may come in any order, and other columns are
    ignored; the target need not be among them.

    Example: `clearprop predict runs/flowers-1 new.csv --out answers.csv`
    """
    from clearprop.answers import column_names, features_for, load_model, prediction_rows, predictions
    from clearprop.store import atomic_write
    from clearprop.workflow import load_data

    if out is not None and out.exists() and not force:
        raise OutputError(f"{out}: this file exists already; choose another name, or overwrite it with --force")
    saved = load_model(model)
    answers = predictions(saved, features_for(saved, load_data(data)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column_names(saved))
    writer.writerows(prediction_rows(saved, answers))
    if out is None:
        typer.echo(text.getvalue(), nl=False)
    else:
        atomic_write(out, text.getvalue().encode())
        typer.echo(f"{len(answers)} predictions are in {out}")
