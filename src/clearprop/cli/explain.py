"""``clearprop explain``: one row through a network, every number beside its formula."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clearprop.cli.data import SQL, Encoding, FirstRow, Footer, Header, Separator, Sheet, reading, rows_in
from clearprop.cli.output import AsJSON, say, say_json, visible
from clearprop.errors import ConfigurationError, DataError, OutputError

if TYPE_CHECKING:
    from clearprop.explain import Explanation
    from clearprop.formats.modelfile import SavedModel


class Language(StrEnum):
    """What `--lang` takes."""

    en = "en"
    zh = "zh"


class Page(StrEnum):
    """What `--format` takes."""

    text = "text"
    markdown = "markdown"
    html = "html"


LossName = Annotated[
    str | None, typer.Option("--loss", help="By default the one that suits the model's answers: crossentropy, mse, ...")
]

Member = Annotated[int, typer.Option(min=1, help="Which network of an ensemble, counted from 1.")]


def explain(
    model: Annotated[str, typer.Argument(help="A model file, the folder of a run, or a post: 000 to 004.")],
    data: Annotated[
        str | None, typer.Argument(help="A file with features and target, or a built-in data set; a post has its own.")
    ] = None,
    row: Annotated[int, typer.Option(min=0, help="Which row of DATA, counted from 0.")] = 0,
    page: Annotated[Page, typer.Option("--format", help="text, markdown or html.")] = Page.text,
    out: Annotated[Path | None, typer.Option(help="File to write; by default the screen.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")] = False,
    language: Annotated[Language, typer.Option("--lang", help="en or zh.")] = Language.en,
    units: Annotated[int, typer.Option(min=1, help="Wider layers show so many units, and the largest.")] = 4,
    full: Annotated[bool, typer.Option("--full", help="Show all units.")] = False,
    member: Member = 1,
    loss: LossName = None,
    optimizer: Annotated[
        str | None, typer.Option(help="Whose first step to show: sgd, adam, ...; by default sgd, or the post's own.")
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
    """Show the chain rule at work on one row: each value, loss term, gradient and update with its formula.

    Beside each gradient stands the numeric one, which knows only the loss. Features are shown as the network
    sees them, and in brackets as they are in DATA. A post is shown at its start weights.

    Examples: `clearprop explain runs/flowers-1 flowers.csv --row 3`, `... --format html --out row3.html` and
    `clearprop explain 000 --lang zh`
    """
    if out is not None and out.exists() and not force:
        raise OutputError(f"{out}: this file exists already; choose another name, or overwrite it with --force")
    shown: dict[str, Any] = {"units": units, "full": full, "language": language.value}
    if data is None:
        explanation = _of_post(model, row, loss, optimizer, shown)
    else:
        how = reading(sql, encoding, separator, header, first_row, footer, sheet)
        explanation = _of_model(model, data, row, member, loss, optimizer, shown, how)
    if out is not None:
        from clearprop.files.atomic import atomic_write

        text = {Page.text: explanation.text, Page.markdown: explanation.markdown, Page.html: explanation.html}[page]()
        atomic_write(out, (text.rstrip("\n") + "\n").encode())
    if as_json:
        say_json(explanation.to_dict() | {"file": str(out) if out else None})
    elif out is not None:
        say(f"The explanation is in {out}")
    elif page is Page.text:
        say(visible(explanation.text(_width())))
    else:
        typer.echo(explanation.markdown() if page is Page.markdown else explanation.html(), nl=False)


def _of_model(
    model: str,
    data: str,
    row: int,
    number: int,
    loss: str | None,
    optimizer: str | None,
    shown: dict[str, Any],
    how: dict[str, Any],
) -> "Explanation":
    from clearprop.ensemble import member as member_of
    from clearprop.explain import explain as explanation_of
    from clearprop.judge.answers import load_model, preparation_of, rows_for

    saved = load_model(model)
    rows = rows_for(saved, rows_in(data, **how))
    if row >= len(rows):
        raise DataError(f"{data}: has no row {row}; it has {len(rows)}, numbered from 0")
    raw = rows.take([row])
    plan = preparation_of(saved)
    prepared = plan.transform(raw)
    names = [f"{name} {value:.6g}" for name, value in zip(raw.feature_names, raw.X[0], strict=True)]
    return explanation_of(
        member_of(saved.model, number),
        prepared.X[0],
        prepared.y[0],
        loss_of(saved, loss),
        optimizer or "sgd",
        feature_names=names,
        target_names=raw.target_names or [f"{plan.target} {value:.6g}" for value in raw.y.reshape(-1)],
        **shown,
    )


def _of_post(key: str, row: int, loss: str | None, optimizer: str | None, shown: dict[str, Any]) -> "Explanation":
    from clearprop.explain import explain as explanation_of
    from clearprop.posts.starts import STARTS

    if key not in STARTS:
        known = ", ".join(STARTS)
        raise ConfigurationError(f"{key}: on which data? Name a table or a data set after the model; posts are {known}")
    start = STARTS[key]()
    data = start.training
    if row >= len(data):
        raise DataError(f"post {key}: has no row {row}; it trains on {len(data)}, numbered from 0")
    return explanation_of(
        start.model,
        data.X[row],
        data.y[row],
        loss or start.loss,
        optimizer or start.optimizer,
        feature_names=data.feature_names,
        target_names=data.target_names if data.n_classes == start.model.n_out else (),
        **shown,
    )


def loss_of(saved: "SavedModel", name: str | None) -> str:
    """The loss of that name, or the first registered one that has the saved model's link."""
    from clearprop.losses import LOSSES

    if name is not None:
        LOSSES[name]
        return name
    return next(known for known, loss in LOSSES.items() if loss.link == saved.link)


def _width() -> int:
    """Of the terminal; into a file or pipe, wide enough that formulas hardly wrap."""
    import shutil
    import sys

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 160
