"""``clearprop compare``: the same network here and in the other libraries that are installed."""

from typing import Annotated

import typer

from clearprop.cli.data import SQL, Encoding, FirstRow, Footer, Header, Separator, Sheet, reading, rows_in
from clearprop.cli.output import AsJSON, say, say_json, table
from clearprop.cli.training_options import widths


def compare(
    data: Annotated[str, typer.Argument(help="A file or folder, or a built-in data set: moons, iris, digits, ...")],
    target: Annotated[str | None, typer.Option(help="The column to predict. Built-in data sets need none.")] = None,
    hidden: Annotated[str, typer.Option(help="Units of each hidden layer, as 64,32; 0 for none.")] = "32,32",
    activation: Annotated[str, typer.Option(help="tanh, relu or sigmoid.")] = "tanh",
    optimizer: Annotated[str, typer.Option(help="sgd or adam.")] = "sgd",
    learning_rate: Annotated[
        float | None, typer.Option(min=0.0, help="By default 0.05 for sgd, 0.005 for adam.")
    ] = None,
    momentum: Annotated[float, typer.Option(min=0.0, max=0.999, help="Of sgd.")] = 0.9,
    nesterov: Annotated[bool, typer.Option("--nesterov", help="Nesterov's momentum.")] = False,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the data.")] = 20,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows for each step.")] = 32,
    rounds: Annotated[int, typer.Option(min=1, help="Timed runs of each library, which take turns.")] = 5,
    library: Annotated[
        list[str] | None,
        typer.Option(help="scikit-learn, PyTorch or Keras; may be repeated. By default all that are installed."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of split, order and first weights.")] = 0,
    sql: SQL = None,
    encoding: Encoding = None,
    separator: Separator = None,
    header: Header = None,
    first_row: FirstRow = None,
    footer: Footer = None,
    sheet: Sheet = None,
    as_json: AsJSON = False,
) -> None:
    """Train one network here, in scikit-learn, and in PyTorch and Keras if they are installed.

    All start with the same weights and take the same batches, in float64, so the results must agree; the last
    column says by how much the weights differ in the end. Times are medians of runs that take turns.

    Examples: `clearprop compare digits` and `clearprop compare flowers.csv --target species --nesterov`
    """
    from clearprop.compare import compare as comparison_of
    from clearprop.data import Dataset, Preparation
    from clearprop.errors import ConfigurationError

    rows = rows_in(data, **reading(sql, encoding, separator, header, first_row, footer, sheet))
    if not isinstance(rows, Dataset):
        if target is None:
            raise ConfigurationError(f"{data}: which column is to be predicted? Pass target (--target)")
        _, rows = Preparation.settle(rows, target)
    elif target is not None:
        raise ConfigurationError(f"{data} has its target already; leave --target out")
    comparison = comparison_of(
        rows,
        widths(hidden),
        activation=activation,
        optimizer=optimizer,
        learning_rate=learning_rate,
        momentum=momentum,
        nesterov=nesterov,
        epochs=epochs,
        batch_size=batch_size,
        rounds=rounds,
        libraries=library,
        seed=seed,
    )
    if as_json:
        say_json(comparison.to_dict())
        return
    say(table(comparison.table()))
    say()
    for sentence in comparison.sentences():
        say(sentence)
