"""``clearprop diagnose``: what is wrong with a saved network, measured on data."""

from typing import Annotated

import typer

from clearprop.cli.data import SQL, Encoding, FirstRow, Footer, Header, Separator, Sheet, reading, rows_in
from clearprop.cli.explain import Language, LossName, Member, loss_of
from clearprop.cli.output import AsJSON, say, say_json, table

LanguageOption = Annotated[Language, typer.Option("--lang", help="en or zh.")]


def diagnose(
    model: Annotated[str, typer.Argument(help="A model file, or the folder of a run.")],
    data: Annotated[str, typer.Argument(help="A file with features and target, or a built-in data set.")],
    member: Member = 1,
    loss: LossName = None,
    metric: Annotated[
        str | None,
        typer.Option(help="What is judged by, as roc_auc; by default what the run was judged by, or accuracy or r2."),
    ] = None,
    language: LanguageOption = Language.en,
    sql: SQL = None,
    encoding: Encoding = None,
    separator: Separator = None,
    header: Header = None,
    first_row: FirstRow = None,
    footer: Footer = None,
    sheet: Sheet = None,
    as_json: AsJSON = False,
) -> None:
    """Look for dead and saturated units, gradients that vanish or explode, frozen biases, and idle layers.

    A table shows each layer as it is on DATA; the findings follow, each with its reason and a remedy. A
    constant and a linear model, fitted on the same rows (and weighted as in the run's training), show what the
    network has to beat.

    Example: `clearprop diagnose runs/flowers-1 flowers.csv`
    """
    from clearprop.diagnose import diagnose as diagnosis_of
    from clearprop.diagnose.sentences import WORDS
    from clearprop.ensemble import member as member_of
    from clearprop.judge.answers import load_model, preparation_of, rows_for
    from clearprop.runs.folder import judged_by

    saved = load_model(model)
    given = rows_in(data, **reading(sql, encoding, separator, header, first_row, footer, sheet))
    rows = preparation_of(saved).transform(rows_for(saved, given))
    own_metric, weighted = judged_by(model)
    diagnosis = diagnosis_of(
        member_of(saved.model, member),
        rows,
        loss_of(saved, loss),
        metric=metric or own_metric,
        weighted=weighted,
        language=language.value,
    )
    if as_json:
        say_json(diagnosis.to_dict())
        return
    say(WORDS[language.value]["title"].format(rows=diagnosis.rows))
    say(table(diagnosis.table()))
    say()
    for sentence in diagnosis.sentences():
        say(sentence)
