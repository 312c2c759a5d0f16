"""Options of `clearprop train`: which rows judge, which network, how it learns, and where its run is kept."""

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clearprop.cli.data import kinds_of

if TYPE_CHECKING:
    from clearprop.runs.options import RunOptions

_NETWORK, _TRAINING, _ROWS, _RESULTS = "Network", "Training", "Rows", "Results"
_INTERRUPTIONS = "Interruptions"


class TaskName(StrEnum):
    """What `--task` takes."""

    classification = "classification"
    regression = "regression"


Task = Annotated[
    TaskName | None,
    typer.Option(help="By default text, or at most 20 different whole numbers, are classes."),
]
Test = Annotated[str, typer.Option(help="Fraction of the rows, or a file of rows, to judge on.", rich_help_panel=_ROWS)]
Validation = Annotated[
    str,
    typer.Option(help="Fraction of the other rows, or a file of rows, to decide when to stop.", rich_help_panel=_ROWS),
]
Split = Annotated[
    str | None,
    typer.Option(
        metavar="time:COLUMN|group:COLUMN",
        help="Put aside the last rows in time, or whole groups of rows; by default rows drawn at random.",
        rich_help_panel=_ROWS,
    ),
]
Metric = Annotated[
    str | None,
    typer.Option(
        help="What network and simple models are judged by: accuracy (the default for classes), "
        "balanced_accuracy (with --class-weight balanced), f1_macro, log_loss, roc_auc; r2 (for quantities), "
        "rmse, mae.",
        rich_help_panel=_ROWS,
    ),
]
Hidden = Annotated[
    str, typer.Option(help="Units of each hidden layer, as 64,32; 0 for none.", rich_help_panel=_NETWORK)
]
Activation = Annotated[
    str,
    typer.Option(
        help="Of the hidden layers: relu, tanh, gelu, ...; one for all, or one for each as relu,tanh.",
        rich_help_panel=_NETWORK,
    ),
]
Dropout = Annotated[
    float, typer.Option(min=0.0, help="Share of hidden units dropped in training.", rich_help_panel=_NETWORK)
]
Normalization = Annotated[
    str | None, typer.Option(help="batch or layer, before each hidden activation.", rich_help_panel=_NETWORK)
]
DType = Annotated[str, typer.Option(help="float64 or float32.", rich_help_panel=_NETWORK)]
Loss = Annotated[
    str | None,
    typer.Option(
        help="By default crossentropy for classes, mse for quantities; or mae, huber, quantile, hinge, ...",
        rich_help_panel=_TRAINING,
    ),
]
Optimizer = Annotated[str, typer.Option(help="adamw, adam, sgd, rmsprop, lion, lbfgs, ...", rich_help_panel=_TRAINING)]
LearningRate = Annotated[
    float | None,
    typer.Option(
        help="Step size; by default 0.005 for Adam and its relatives, else the optimizer's own.",
        rich_help_panel=_TRAINING,
    ),
]
Schedule = Annotated[
    str | None,
    typer.Option(
        help="Change the learning rate: cosine, one_cycle, exponential, step, inverse or warmup.",
        rich_help_panel=_TRAINING,
    ),
]
WeightDecay = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        help="Shrinks weights at each step; by default 10 features/rows for adamw, at most 1.",
        rich_help_panel=_TRAINING,
    ),
]
L2 = Annotated[float, typer.Option(min=0.0, help="Adds l2/2 Σw² to the loss.", rich_help_panel=_TRAINING)]
Epochs = Annotated[int, typer.Option(min=1, help="At most; early stopping ends sooner.", rich_help_panel=_TRAINING)]
BatchSize = Annotated[int, typer.Option(min=1, help="Rows for each step.", rich_help_panel=_TRAINING)]
EarlyStopping = Annotated[
    int,
    typer.Option(
        min=0,
        help="Stop after so many epochs without a lower validation loss and take the best weights; 0 never.",
        rich_help_panel=_TRAINING,
    ),
]
ClassWeight = Annotated[
    str | None, typer.Option(help="balanced lets rare classes count for more.", rich_help_panel=_TRAINING)
]
Seed = Annotated[
    int,
    typer.Option(min=0, help="Of splits, first weights and order: same seed, same result.", rich_help_panel=_TRAINING),
]
Repeats = Annotated[
    int,
    typer.Option(
        min=1,
        help="Train with so many seeds, show mean and spread, keep the one with the least validation loss.",
        rich_help_panel=_TRAINING,
    ),
]
CheckpointEvery = Annotated[
    str,
    typer.Option(
        metavar="EPOCHS|SECONDSs",
        help="Save the training so often, as 5 epochs or 30s, in case it is interrupted; 0 never.",
        rich_help_panel=_INTERRUPTIONS,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Never go on from an older checkpoint because the newest is damaged.",
        rich_help_panel=_INTERRUPTIONS,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(help="Folder for the results; by default runs/NAME-1, -2, ...", rich_help_panel=_RESULTS),
]
Force = Annotated[
    bool, typer.Option("--force", help="Overwrite a run that is in the folder already.", rich_help_panel=_RESULTS)
]


def run_options(given: Mapping[str, Any]) -> "RunOptions":
    """What was typed, by the options' names, as the options of a run; most are taken as they are."""
    from clearprop.runs.options import RunOptions

    activation = given["activation"]
    read: dict[str, Any] = {
        "hidden": widths(given["hidden"]),
        "activation": tuple(part.strip() for part in activation.split(",")) if "," in activation else activation,
        "validation": fraction_or_file(given["validation"])[0],
        "test": fraction_or_file(given["test"])[0],
        "drop": tuple(given["drop"] or ()),
        "kinds": kinds_of(given["kind"]),
    }
    as_they_are: dict[str, Any] = {
        field.name: given[field.name] for field in fields(RunOptions) if field.name not in read
    }
    return RunOptions(**as_they_are, **read)


def widths(text: str) -> tuple[int, ...]:
    """The units of each hidden layer.

    >>> widths("64,32"), widths("0")
    ((64, 32), ())
    """
    try:
        units = tuple(int(part) for part in text.split(","))
    except ValueError:
        units = (0, 0)
    if units == (0,):
        return ()
    if min(units) < 1:
        raise typer.BadParameter(f"--hidden: {text!r} is not a list of whole numbers of units, such as 32,32")
    return units


def fraction_or_file(text: str) -> tuple[float, str | None]:
    """The fraction of the rows, or the default one and the file with rows of their own.

    >>> fraction_or_file("0.1"), fraction_or_file("held-out.csv")
    ((0.1, None), (0.2, 'held-out.csv'))
    """
    try:
        return float(text), None
    except ValueError:
        return 0.2, text
