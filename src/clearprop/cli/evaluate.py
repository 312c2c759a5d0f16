"""``clearprop evaluate``: how good a saved model is on rows whose target is known."""

from pathlib import Path
from typing import Annotated, Any

import typer

from clearprop.cli.data import SQL, Encoding, FirstRow, Footer, Header, Separator, Sheet, reading, rows_in
from clearprop.cli.output import AsJSON, say, say_json, table


def evaluate(
    model: Annotated[str, typer.Argument(help="A model file, or the folder of a run.")],
    data: Annotated[str, typer.Argument(help="A file with features and target, or a built-in data set.")],
    out: Annotated[Path | None, typer.Option(help="Folder for pictures and evaluation.json.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an evaluation that is in the folder.")] = False,
    sql: SQL = None,
    encoding: Encoding = None,
    separator: Separator = None,
    header: Header = None,
    first_row: FirstRow = None,
    footer: Footer = None,
    sheet: Sheet = None,
    as_json: AsJSON = False,
) -> None:
    """Compare the model's predictions with the target in DATA.

    Classes: accuracy and its relatives, each class, the confusion matrix, and calibration (of all rows the
    model is 80 % sure of, are 80 % right?). Quantities: r2 and errors in the target's unit. With `--out` also
    as pictures. Use rows that the model was not trained on; on others the numbers are too good.

    Example: `clearprop evaluate runs/flowers-1 new.csv --out check`
    """
    from clearprop.judge.answers import evaluate as scores_of
    from clearprop.judge.answers import load_model, rows_for
    from clearprop.runs.folder import write_evaluation

    saved = load_model(model)
    rows = rows_for(saved, rows_in(data, **reading(sql, encoding, separator, header, first_row, footer, sheet)))
    scores = scores_of(saved, rows)
    document = {"rows": len(rows), "task": rows.task, **scores}
    files = [] if out is None else write_evaluation(saved, rows, scores, out, force=force)
    if as_json:
        say_json(document | {"files": [str(file) for file in files]})
        return
    numbers = [(name.replace("_", " "), f"{value:.4g}") for name, value in scores.items() if isinstance(value, float)]
    say(table([(f"on {len(rows)} rows", "value"), *numbers]))
    if "classes" in scores:
        _say_classes(rows.target_names, scores)
    if files:
        say()
        say(f"In {out}: {', '.join(file.name for file in files)}")


def _say_classes(names: tuple[str, ...], scores: dict[str, Any]) -> None:
    say()
    classes = [
        (name, f"{c['precision']:.3f}", f"{c['recall']:.3f}", f"{c['f1']:.3f}", f"{c['rows']}")
        for name, c in scores["classes"].items()
    ]
    say(table([("class", "precision", "recall", "f1", "rows"), *classes]))
    say()
    counts = [(name, *map(str, row)) for name, row in zip(names, scores["confusion"], strict=True)]
    say(table([("true \\ predicted", *names), *counts]))
    say()
    bins = [
        (f"{b['from']:.1f} to {b['to']:.1f}", f"{b['rows']}", f"{b['confidence']:.3f}", f"{b['accuracy']:.3f}")
        for b in scores["reliability"]
    ]
    say(table([("how sure", "rows", "mean", "right"), *bins]))
