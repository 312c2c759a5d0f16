"""``clearprop train``: from a table to a judged model in a folder."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clearprop.cli.config import Config
from clearprop.cli.data import (
    SQL,
    Dates,
    DayFirst,
    Decimal,
    Drop,
    Encoding,
    FirstRow,
    Footer,
    Header,
    Kinds,
    Missing,
    Separator,
    Sheet,
    Thousands,
    kinds_of,
    reading,
    rows_in,
)
from clearprop.cli.output import AsJSON, say, say_json, table
from clearprop.cli.resume import NEVER, Resume, go_on_hint, settings_of

if TYPE_CHECKING:
    from clearprop.workflow import Run

_NETWORK, _TRAINING, _ROWS, _RESULTS = "Network", "Training", "Rows", "Results"
_INTERRUPTIONS = "Interruptions"
_LONGEST_TABLE = 40  # columns; the report has all of them
_MOST_CLASSES = 10


class TaskName(StrEnum):
    """What `--task` takes."""

    classification = "classification"
    regression = "regression"


def train(
    context: typer.Context,
    data: Annotated[str, typer.Argument(help="A file or folder, or a built-in data set: moons, iris, digits, ...")],
    target: Annotated[str | None, typer.Option(help="The column to predict. Built-in data sets need none.")] = None,
    task: Annotated[
        TaskName | None,
        typer.Option(help="By default text, or at most 20 different whole numbers, are classes."),
    ] = None,
    sql: SQL = None,
    encoding: Encoding = None,
    separator: Separator = None,
    header: Header = None,
    first_row: FirstRow = None,
    footer: Footer = None,
    sheet: Sheet = None,
    dates: Dates = None,
    missing: Missing = None,
    drop: Drop = None,
    kind: Kinds = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    day_first: DayFirst = None,
    test: Annotated[
        str, typer.Option(help="Fraction of the rows, or a file of rows, to judge on.", rich_help_panel=_ROWS)
    ] = "0.2",
    validation: Annotated[
        str,
        typer.Option(
            help="Fraction of the other rows, or a file of rows, to decide when to stop.", rich_help_panel=_ROWS
        ),
    ] = "0.2",
    split: Annotated[
        str | None,
        typer.Option(
            metavar="time:COLUMN|group:COLUMN",
            help="Put aside the last rows in time, or whole groups of rows; by default rows drawn at random.",
            rich_help_panel=_ROWS,
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="What network and simple models are judged by: accuracy (the default for classes), "
            "balanced_accuracy (with --class-weight balanced), f1_macro, log_loss, roc_auc; r2 (for quantities), "
            "rmse, mae.",
            rich_help_panel=_ROWS,
        ),
    ] = None,
    hidden: Annotated[
        str, typer.Option(help="Units of each hidden layer, as 64,32; 0 for none.", rich_help_panel=_NETWORK)
    ] = "32,32",
    activation: Annotated[
        str,
        typer.Option(
            help="Of the hidden layers: relu, tanh, gelu, ...; one for all, or one for each as relu,tanh.",
            rich_help_panel=_NETWORK,
        ),
    ] = "tanh",
    dropout: Annotated[
        float, typer.Option(min=0.0, help="Share of hidden units dropped in training.", rich_help_panel=_NETWORK)
    ] = 0.0,
    normalization: Annotated[
        str | None, typer.Option(help="batch or layer, before each hidden activation.", rich_help_panel=_NETWORK)
    ] = None,
    dtype: Annotated[str, typer.Option(help="float64 or float32.", rich_help_panel=_NETWORK)] = "float64",
    loss: Annotated[
        str | None,
        typer.Option(
            help="By default crossentropy for classes, mse for quantities; or mae, huber, quantile, hinge, ...",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    optimizer: Annotated[
        str, typer.Option(help="adamw, adam, sgd, rmsprop, lion, lbfgs, ...", rich_help_panel=_TRAINING)
    ] = "adamw",
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="Step size; by default 0.005 for Adam and its relatives, else the optimizer's own.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            help="Change the learning rate: cosine, one_cycle, exponential, step, inverse or warmup.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    weight_decay: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Shrinks weights at each step; by default 10 features/rows for adamw, at most 1.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    l2: Annotated[float, typer.Option(min=0.0, help="Adds l2/2 Σw² to the loss.", rich_help_panel=_TRAINING)] = 0.0,
    epochs: Annotated[
        int, typer.Option(min=1, help="At most; early stopping ends sooner.", rich_help_panel=_TRAINING)
    ] = 200,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows for each step.", rich_help_panel=_TRAINING)] = 32,
    early_stopping: Annotated[
        int,
        typer.Option(
            min=0,
            help="Stop after so many epochs without a lower validation loss and take the best weights; 0 never.",
            rich_help_panel=_TRAINING,
        ),
    ] = 20,
    class_weight: Annotated[
        str | None, typer.Option(help="balanced lets rare classes count for more.", rich_help_panel=_TRAINING)
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            min=0, help="Of splits, first weights and order: same seed, same result.", rich_help_panel=_TRAINING
        ),
    ] = 0,
    repeats: Annotated[
        int,
        typer.Option(
            min=1,
            help="Train with so many seeds, show mean and spread, keep the one with the least validation loss.",
            rich_help_panel=_TRAINING,
        ),
    ] = 1,
    checkpoint_every: Annotated[
        str,
        typer.Option(
            metavar="EPOCHS|SECONDSs",
            help="Save the training so often, as 5 epochs or 30s, in case it is interrupted; 0 never.",
            rich_help_panel=_INTERRUPTIONS,
        ),
    ] = "30s",
    resume: Resume = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Never go on from an older checkpoint because the newest is damaged.",
            rich_help_panel=_INTERRUPTIONS,
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the results; by default runs/NAME-1, -2, ...", rich_help_panel=_RESULTS),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite a run that is in the folder already.", rich_help_panel=_RESULTS)
    ] = False,
    as_json: AsJSON = False,
    config: Config = None,
) -> None:
    """Train a network on DATA, and compare it with a constant and a linear model.

    DATA is CSV (any separator, also gzip), Parquet, JSON lines or a workbook (.xlsx, .xls, .ods), a folder or a
    pattern of such files, or a built-in name. Every column but the target is a feature: numbers, yes or no,
    categories, dates. A fifth of the rows is put aside to judge the network, a fifth of the others to say when to
    stop. The network is better than a simple model if the whole interval of the difference, row by row, is. The
    folder gets the model, the history of each epoch, a report and pictures. If training is interrupted, go on with
    `clearprop train --resume FOLDER`.

        Examples: `clearprop train moons` and `clearprop train flowers.csv --target species`
    """
    from clearprop.options import RunOptions
    from clearprop.runfolder import CHECKPOINTS, report, run_folder, write_run
    from clearprop.train import Progress
    from clearprop.workflow import Checkpoints, load_data, train_repeatedly

    settings = settings_of(context, resume, out)
    test_fraction, test_rows = _fraction_or_file(test)
    validation_fraction, validation_rows = _fraction_or_file(validation)
    options = RunOptions(
        hidden=_widths(hidden),
        activation=tuple(part.strip() for part in activation.split(",")) if "," in activation else activation,
        dropout=dropout,
        normalization=normalization,
        loss=loss,
        optimizer=optimizer,
        learning_rate=learning_rate,
        schedule=schedule,
        weight_decay=weight_decay,
        l2=l2,
        epochs=epochs,
        batch_size=batch_size,
        validation=validation_fraction,
        test=test_fraction,
        early_stopping=early_stopping,
        class_weight=class_weight,
        metric=metric,
        split=split,
        dtype=dtype,
        seed=seed,
        dates=dates,  # type: ignore[arg-type]  # RunOptions checks these four
        missing=missing,  # type: ignore[arg-type]
        drop=tuple(drop or ()),
        kinds=kinds_of(kind),  # type: ignore[arg-type]
        decimal=decimal,  # type: ignore[arg-type]
        thousands=thousands,
        day_first=day_first,
    )
    how = reading(sql, encoding, separator, header, first_row, footer, sheet)
    rows = load_data(data, **how)
    with run_folder(data, resume or out, force=force, resume=resume is not None) as folder, go_on_hint(folder):
        checkpoints = Checkpoints(folder / CHECKPOINTS, checkpoint_every, {"command": settings}, strict)
        runs = train_repeatedly(
            rows,
            options,
            repeats=repeats,
            target=target,
            task=task.value if task else None,
            validation=None if validation_rows is None else rows_in(validation_rows, **how),
            test=None if test_rows is None else rows_in(test_rows, **how),
            callbacks=(Progress(),),
            checkpoints=None if checkpoint_every == NEVER else checkpoints,
        )
        best = min(runs, key=lambda run: run.kept_loss)
        files = write_run(best, folder, repeats=runs, force=force or resume is not None)
    if as_json:
        say_json(report(best, runs) | {"folder": str(folder), "files": [file.name for file in files]})
        return
    _say_data(best, detected=task is None)
    _say_result(best, runs)
    say(f"Results are in {folder}: {', '.join(file.name for file in files)}")


def _widths(text: str) -> tuple[int, ...]:
    try:
        widths = tuple(int(part) for part in text.split(","))
    except ValueError:
        widths = (0, 0)
    if widths == (0,):
        return ()
    if min(widths) < 1:
        raise typer.BadParameter(f"--hidden: {text!r} is not a list of whole numbers of units, such as 32,32")
    return widths


def _fraction_or_file(text: str) -> tuple[float, str | None]:
    try:
        return float(text), None
    except ValueError:
        return 0.2, text


def _say_data(run: "Run", *, detected: bool) -> None:
    from clearprop.answers import preparation_of

    plan = preparation_of(run.saved)
    say(f"{run.data.name}: {len(run.data)} rows, {len(plan.columns)} columns, {run.data.n_features} features")
    what = f"{len(plan.class_names)} classes" if plan.class_names else "a quantity"
    why = " (detected; --task overrules)" if detected else ""
    say(f"target {plan.target!r}: {what}, so this is {run.data.task}{why}")
    say()
    for note in plan.notes:
        say(f"note: {note}")
    if plan.notes:
        say()
    lines = plan.describe()
    say(table([("column", "kind", "treatment"), *lines[:_LONGEST_TABLE]]))
    if len(lines) > _LONGEST_TABLE:
        say(f"and {len(lines) - _LONGEST_TABLE} more columns, all in report.json")
    say()


def _say_result(run: "Run", runs: "list[Run]") -> None:
    from clearprop.answers import preparation_of
    from clearprop.importance import MOST_COLUMNS
    from clearprop.judge.verdict import shown
    from clearprop.runfolder import mean_and_spread

    say(", ".join(f"{count} {part}" for part, count in run.rows.items()) + f" rows, divided {run.split}")
    say(f"{run.saved.model!r}: {run.saved.model.n_parameters} parameters, {run.optimizer}, {run.loss}")
    say(f"{len(run.history)} epochs in {run.seconds:.1f} s, weights of epoch {run.best_epoch}")
    say()
    if len(runs) > 1:
        numbers = [
            (f"{r.options.seed}", shown(r.score), r.judgement.decision, f"{r.kept_loss:.4g}", f"{r.best_epoch}")
            for r in runs
        ]
        say(table([("seed", f"test {run.metric}", "than simple models", "validation loss", "best epoch"), *numbers]))
        mean, spread = mean_and_spread(runs)
        say(f"{run.metric} {shown(mean)} ± {shown(spread)} (mean and standard deviation of {len(runs)} runs)")
        say(f"kept: seed {run.options.seed}, which has the least validation loss")
        say()
    _say_scores(run)
    worth = [(one.column, shown(one.mean), f"± {shown(one.spread)}") for one in run.importances[:10]]
    say(table([(f"{run.importance_metric} lost when shuffled", "mean", "spread"), *worth]))
    n_columns = len(preparation_of(run.saved).columns)
    if n_columns > MOST_COLUMNS:
        say(f"({MOST_COLUMNS} of {n_columns} columns, those with the largest weights, and all others together)")
    say()
    say(f"This network is {run.verdict}.")
    say(f"Diagnosis: {run.diagnosis.summary()}.")
    for finding in run.diagnosis.findings:
        say(f"Remedy: {finding.remedy()}.")


def _say_scores(run: "Run") -> None:
    """The network and the simple models by every metric, the deciding one first; then each class."""
    from clearprop.judge.verdict import shown

    names = [name for name, value in run.scores.items() if isinstance(value, float) and name in run.rivals["linear"]]
    names.sort(key=lambda name: name != run.metric)
    scores = {"network": run.scores, "linear model": run.rivals["linear"], "constant": run.rivals["constant"]}
    heading = ("on the test rows", *(name.replace("_", " ") for name in names))
    say(table([heading, *((who, *(shown(found[name]) for name in names)) for who, found in scores.items())]))
    say(f"judged by {run.metric.replace('_', ' ')}; --metric chooses another")
    say()
    if "classes" in run.scores:
        classes = sorted(run.scores["classes"].items(), key=lambda one: one[1]["recall"])[:_MOST_CLASSES]
        rows = [(name, f"{c['recall']:.3f}", f"{c['precision']:.3f}", f"{c['rows']}") for name, c in classes]
        say(table([("class", "recall", "precision", "test rows"), *rows]))
        if len(run.scores["classes"]) > _MOST_CLASSES:
            say(f"and {len(run.scores['classes']) - _MOST_CLASSES} more classes with higher recall, all in report.json")
        say()
