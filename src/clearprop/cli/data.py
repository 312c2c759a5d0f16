"""Options that say how a table is read: what `train`, `predict`, `evaluate` and others share."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from clearprop.cli.output import visible

if TYPE_CHECKING:
    from clearprop.data import Dataset, Table

PANEL = "Reading the table"

SQL = Annotated[
    str | None,
    typer.Option(
        "--sql",
        metavar="QUERY",
        help="Use what this SELECT returns; it calls the table data: `SELECT * FROM data WHERE year > 2020`.",
        rich_help_panel=PANEL,
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(help="Of text files, as gbk or cp1252; by default UTF-8.", rich_help_panel=PANEL),
]
Separator = Annotated[
    str | None,
    typer.Option(
        metavar="LETTER",
        help="Between the fields of a text file: one letter, tab or blank; by default what makes a table of all lines.",
        rich_help_panel=PANEL,
    ),
]
Header = Annotated[
    int | None,
    typer.Option(
        metavar="LINE",
        help="The line with the column names; by default the first that makes a table of those below.",
        rich_help_panel=PANEL,
    ),
]
FirstRow = Annotated[
    int | None,
    typer.Option(
        metavar="LINE", help="The line of the first row, if others stand below the names.", rich_help_panel=PANEL
    ),
]
Footer = Annotated[
    int | None,
    typer.Option(
        metavar="LINES", help="How many lines at the end are no rows, but notes or a total.", rich_help_panel=PANEL
    ),
]
Sheet = Annotated[
    str | None, typer.Option(metavar="NAME", help="Of a workbook; by default the first.", rich_help_panel=PANEL)
]
Dates = Annotated[
    str,
    typer.Option(
        help="expand turns dates into year, month, weekday, season and days; refuse tells where the first stands.",
        rich_help_panel=PANEL,
    ),
]
Missing = Annotated[
    str,
    typer.Option(
        help="median fills missing cells in and notes where, and leaves rows without target out; refuse tells where "
        "the first stands.",
        rich_help_panel=PANEL,
    ),
]
Drop = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="Leave this column out; may be repeated.", rich_help_panel=PANEL),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        metavar="COLUMN=KIND",
        help="What a column is, where its cells mislead: number, yes/no, category, date or time; may be repeated.",
        rich_help_panel=PANEL,
    ),
]
Decimal = Annotated[
    str | None,
    typer.Option(
        metavar="MARK",
        help="What stands before decimals, . or a comma, where cells such as 1,234 can be read in two ways.",
        rich_help_panel=PANEL,
    ),
]
Thousands = Annotated[
    str | None,
    typer.Option(
        metavar="MARK",
        help="What stands between thousands: a comma, . ' or a blank, where cells can be read in two ways.",
        rich_help_panel=PANEL,
    ),
]
DayFirst = Annotated[
    bool | None,
    typer.Option(
        "--day-first/--month-first",
        help="Whether 03/04/2005 is in April or in March, where no cell shows it.",
        rich_help_panel=PANEL,
    ),
]


def reading(
    sql: str | None,
    encoding: str | None,
    separator: str | None,
    header: int | None,
    first_row: int | None,
    footer: int | None,
    sheet: str | None,
) -> dict[str, Any]:
    """The options that say how a file is read, as `read_table` takes them."""
    return locals()


def rows_in(name: str, **how: Any) -> "Dataset | Table":
    """What `load_data` gives. How the file was read is said on stderr, apart from what the command prints."""
    from clearprop.runs.parts import load_data

    rows = load_data(name, **how)
    for note in getattr(rows, "notes", ()):
        typer.echo(f"note: {visible(note, in_a_line=True)}", err=True)
    return rows


def kinds_of(given: list[str] | None) -> dict[str, str]:
    """``["zip=category"]`` as a dictionary.

    >>> kinds_of(["zip=category", "a=b=number"])
    {'zip': 'category', 'a=b': 'number'}
    """
    found = {}
    for text in given or ():
        column, equals, kind = text.rpartition("=")
        if not equals:
            raise typer.BadParameter(f"--kind: {text!r} is not of the form COLUMN=KIND, such as zip=category")
        found[column] = kind
    return found
