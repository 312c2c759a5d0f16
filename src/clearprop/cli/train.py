"""``clearprop train``: from a table to a judged model in a folder."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clearprop.cli.output import say, table


class TaskName(StrEnum):
    """What `--task` takes."""

    classification = "classification"
    regression = "regression"


def _widths(text: str) -> tuple[int, ...]:
    try:
        widths = tuple(int(part) for part in text.split(","))
    except ValueError:
        widths = (0,)
    if min(widths) < 1:
        raise typer.BadParameter(f"{text!r} is not a list of whole numbers of units, such as 32,32")
    return widths


def train(
    data: Annotated[str, typer.Argument(help="A CSV file, or a built-in data set: moons, iris, digits, ...")],
    target: Annotated[str | None, typer.Option(help="The column to predict. Built-in data sets need none.")] = None,
    task: Annotated[
        TaskName | None,
        typer.Option(help="By default text, or at most 20 different whole numbers, are classes."),
    ] = None,
    hidden: Annotated[str, typer.Option(help="Units of each hidden layer, separated by commas.")] = "32,32",
    activation: Annotated[str, typer.Option(help="Activation of the hidden layers.")] = "tanh",
    epochs: Annotated[
        int, typer.Option(min=1, help="At most; training stops earlier when the validation loss stops falling.")
    ] = 200,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows for each step.")] = 32,
    learning_rate: Annotated[
        float | None, typer.Option(help="Step size; by default 0.01 for Adam, the optimizer's own for others.")
    ] = None,
    optimizer: Annotated[str, typer.Option(help="Optimizer: adam, sgd, rmsprop, lbfgs, ...")] = "adam",
    seed: Annotated[int, typer.Option(min=0, help="Of splits, first weights and order: same seed, same result.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for the results; by default runs/NAME-1, -2, ...")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a run that is in the folder already.")] = False,
) -> None:
    """Train a network on DATA, and compare it with a constant and a linear model.

    Every column but the target is a feature and must hold numbers. A fifth of the rows is put aside to judge
    the network, a fifth of the others to say when to stop. The folder gets the model, the history of each
    epoch, a report and pictures.

    Examples: `clearprop train moons` and `clearprop train flowers.csv --target species`
    """
    from clearprop.answers import preparation_of
    from clearprop.runfolder import run_folder, write_run
    from clearprop.train import Progress
    from clearprop.workflow import RunOptions, load_data, train_run

    options = RunOptions(
        hidden=_widths(hidden),
        activation=activation,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        learning_rate=learning_rate,
        seed=seed,
    )
    rows = load_data(data)
    with run_folder(data, out, force=force) as folder:
        run = train_run(rows, options, target=target, task=task.value if task else None, callbacks=(Progress(),))
        files = write_run(run, folder, force=force)
    plan = preparation_of(run.saved)
    what = f"{len(plan.class_names)} classes" if plan.class_names else "a quantity"
    say(f"{run.data.name}: {len(run.data)} rows, {run.data.n_features} features, target {plan.target!r}: {what}")
    if plan.constant:
        say(f"constant in the training rows, so of no use: {', '.join(plan.constant)}")
    say(", ".join(f"{count} {part}" for part, count in run.rows.items()) + " rows")
    parameters = run.saved.model.n_parameters
    say(f"{parameters} parameters, {len(run.history)} epochs in {run.seconds:.1f} s, best epoch {run.best_epoch}")
    say()
    scores = {"network": run.score, "linear model": run.baselines["linear"], "constant": run.baselines["constant"]}
    say(table([("on the test rows", run.metric), *((name, f"{value:.3f}") for name, value in scores.items())]))
    say()
    say(f"This network is {run.verdict}.")
    say(f"Results are in {folder}: {', '.join(file.name for file in files)}")
