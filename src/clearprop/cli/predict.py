"""``clearprop predict``: a saved model's answers for new rows, as CSV or Parquet."""

from pathlib import Path
from typing import Annotated

import typer

from clearprop.cli.data import SQL, Encoding, FirstRow, Footer, Header, Separator, Sheet, reading, rows_in
from clearprop.cli.output import AsJSON, say, say_json, visible
from clearprop.errors import OutputError


def predict(
    model: Annotated[str, typer.Argument(help="A model file, or the folder of a run.")],
    data: Annotated[str, typer.Argument(help="A file with the model's columns, or a built-in data set.")],
    out: Annotated[
        Path | None, typer.Option(help="File to write, .csv or .parquet; by default CSV on the screen.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")] = False,
    join: Annotated[bool, typer.Option("--join", help="Write DATA's own columns too, before the predictions.")] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            help="For two classes: answer the second one where its probability is at least P; by default the more "
            "probable one.",
        ),
    ] = None,
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
    ignored; the target need not be among them. With `--join` the predictions stand behind DATA's own columns; one
    whose name is taken, as the target's if DATA has it, is called "NAME (predicted)".

    Examples: `clearprop predict runs/flowers-1 new.csv --out answers.csv` and `... --join --out answers.parquet`
    """
    from clearprop.formats.saved import check_threshold
    from clearprop.formats.tables import csv_text, json_cells, write_table
    from clearprop.judge.answers import answer_table, joined, load_model, predictions_for

    if out is not None and out.exists() and not force:
        raise OutputError(f"{out}: this file exists already; choose another name, or overwrite it with --force")
    saved = load_model(model)
    check_threshold(saved, threshold)
    table = rows_in(data, **reading(sql, encoding, separator, header, first_row, footer, sheet))
    columns = answer_table(saved, predictions_for(saved, table), threshold)
    rows = len(next(iter(columns.values())))
    notes = []
    if threshold is not None:
        notes.append(f"the answer is {saved.classes[1]} where P({saved.classes[1]}) is at least {threshold:g}")
    if join:
        names = list(columns)
        columns = joined(table, columns)
        renamed = zip(names, list(columns)[-len(names) :], strict=True)
        notes += [
            f"there is a column {old!r} already; the predicted one is {new!r}" for old, new in renamed if old != new
        ]
    if out is not None:
        write_table(columns, out)
    if as_json:
        answers = {} if out else {"predictions": {name: json_cells(column) for name, column in columns.items()}}
        said = {"notes": notes} if notes else {}
        say_json({"rows": rows, "columns": list(columns), "file": str(out) if out else None, **said, **answers})
        return
    for note in notes:  # not among the predictions, which may go to another program
        typer.echo(visible(note), err=True)
    if out is not None:
        say(f"{rows} predictions are in {out}")
    else:
        for text in csv_text(columns):
            typer.echo(text, nl=False)
