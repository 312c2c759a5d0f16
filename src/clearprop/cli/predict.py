"""``clearprop predict``: a saved model's answers for new rows, as CSV or Parquet."""

from pathlib import Path
from typing import Annotated

import typer

from clearprop.cli.data import SQL, Encoding, FirstRow, Footer, Header, Separator, Sheet, reading
from clearprop.cli.output import AsJSON, say, say_json
from clearprop.errors import OutputError


def predict(
    model: Annotated[str, typer.Argument(help="A model file, or the folder of a run.")],
    data: Annotated[str, typer.Argument(help="A file with the model's columns, or a built-in data set.")],
    out: Annotated[
        Path | None, typer.Option(help="File to write, .csv or .parquet; by default CSV on the screen.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")] = False,
    sql: SQL = None,
    encoding: Encoding = None,
    separator: Separator = None,
    header: Header = None,
    first_row: FirstRow = None,
    footer: Footer = None,
    sheet: Sheet = None,
    as_json: AsJSON = False,
) -> None:
    """Predict the target for each row of DATA, in order.

    For classes, the probability of each follows. Columns may come in any order, and other columns are
    ignored; the target need not be among them.

    Examples: `clearprop predict runs/flowers-1 new.csv --out answers.csv` and `... --out answers.parquet`
    """
    from clearprop.answers import answer_table, load_model, predictions_for
    from clearprop.formats.tables import csv_text, write_table
    from clearprop.workflow import load_data

    if out is not None and out.exists() and not force:
        raise OutputError(f"{out}: this file exists already; choose another name, or overwrite it with --force")
    saved = load_model(model)
    columns = answer_table(
        saved,
        predictions_for(saved, load_data(data, **reading(sql, encoding, separator, header, first_row, footer, sheet))),
    )
    rows = len(next(iter(columns.values())))
    if out is not None:
        write_table(columns, out)
    if as_json:
        answers = {} if out else {"predictions": {name: column.tolist() for name, column in columns.items()}}
        say_json({"rows": rows, "columns": list(columns), "file": str(out) if out else None, **answers})
    elif out is not None:
        say(f"{rows} predictions are in {out}")
    else:
        for text in csv_text(columns):
            typer.echo(text, nl=False)
