"""``clearprop train``: from a table to a judged model in a folder."""

from typing import TYPE_CHECKING, Annotated, Any

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
    reading,
    rows_in,
)
from clearprop.cli.output import AsJSON, say, say_json
from clearprop.cli.resume import NEVER, Resume, go_on_hint, settings_of
from clearprop.cli.run_report import say_data, say_result
from clearprop.cli.training_options import (
    L2,
    Activation,
    BatchSize,
    CheckpointEvery,
    ClassWeight,
    Dropout,
    DType,
    EarlyStopping,
    Epochs,
    Force,
    Hidden,
    LearningRate,
    Loss,
    Metric,
    Normalization,
    Optimizer,
    Out,
    Repeats,
    Schedule,
    Seed,
    Split,
    Strict,
    Task,
    Test,
    Validation,
    WeightDecay,
    fraction_or_file,
    run_options,
)

if TYPE_CHECKING:
    from clearprop.data import Dataset, Table


def train(
    context: typer.Context,
    data: Annotated[str, typer.Argument(help="A file or folder, or a built-in data set: moons, iris, digits, ...")],
    target: Annotated[str | None, typer.Option(help="The column to predict. Built-in data sets need none.")] = None,
    task: Task = None,
    sql: SQL = None,
    encoding: Encoding = None,
    separator: Separator = None,
    header: Header = None,
    first_row: FirstRow = None,
    footer: Footer = None,
    sheet: Sheet = None,
    dates: Dates = "expand",
    missing: Missing = "median",
    drop: Drop = None,
    kind: Kinds = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    day_first: DayFirst = None,
    test: Test = "0.2",
    validation: Validation = "0.2",
    split: Split = None,
    metric: Metric = None,
    hidden: Hidden = "32,32",
    activation: Activation = "tanh",
    dropout: Dropout = 0.0,
    normalization: Normalization = None,
    dtype: DType = "float64",
    loss: Loss = None,
    optimizer: Optimizer = "adamw",
    learning_rate: LearningRate = None,
    schedule: Schedule = None,
    weight_decay: WeightDecay = None,
    l2: L2 = 0.0,
    epochs: Epochs = 200,
    batch_size: BatchSize = 32,
    early_stopping: EarlyStopping = 20,
    class_weight: ClassWeight = None,
    seed: Seed = 0,
    repeats: Repeats = 1,
    checkpoint_every: CheckpointEvery = "30s",
    resume: Resume = None,
    strict: Strict = False,
    out: Out = None,
    force: Force = False,
    as_json: AsJSON = False,
    config: Config = None,
) -> None:
    """Train a network on DATA, and compare it with a constant and a linear model.

    DATA is CSV (any separator, also gzip), Parquet, JSON lines or a workbook (.xlsx, .xls, .ods), a folder or a pattern
    of such files, or a built-in name. Every column but the target is a feature: numbers, yes or no, categories, dates.
    Gaps are filled in, columns that only name the rows and rows without a target are left out; what is done is printed,
    with counts, and kept in the model's plan. A fifth of the rows is put aside to judge the network, a fifth of the
    others to say when to stop. The network is better than a simple model if the whole interval of the difference, row
    by row, is. The folder gets the model, the history of each epoch, a report and pictures. If training is interrupted,
    go on with `clearprop train --resume FOLDER`.

        Examples: `clearprop train moons` and `clearprop train flowers.csv --target species`
    """
    from clearprop.runs.folder import CHECKPOINTS, report, run_folder, write_run
    from clearprop.runs.parts import load_data
    from clearprop.runs.training import Checkpoints, train_repeatedly
    from clearprop.train import Progress

    settings = settings_of(context, resume, out)
    options = run_options(context.params)
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
            validation=_own_rows(validation, how),
            test=_own_rows(test, how),
            callbacks=(Progress(),),
            checkpoints=None if checkpoint_every == NEVER else checkpoints,
        )
        best = min(runs, key=lambda run: run.kept_loss)
        files = write_run(best, folder, repeats=runs, force=force or resume is not None)
    if as_json:
        say_json(report(best, runs) | {"folder": str(folder), "files": [file.name for file in files]})
        return
    say_data(best, detected=task is None)
    say_result(best, runs)
    say(f"Results are in {folder}: {', '.join(file.name for file in files)}")


def _own_rows(text: str, how: "dict[str, Any]") -> "Dataset | Table | None":
    """Rows that come in a file of their own."""
    _, file = fraction_or_file(text)
    return None if file is None else rows_in(file, **how)
