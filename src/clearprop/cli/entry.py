"""The entry point: commands, and what an error looks like to whoever typed them.

An error is one sentence on stderr and an exit code: 1 a bug, 2 usage, 3 data, 4 model file, 5 diverged or a
check that failed, 6 a file that cannot be written, 130 Ctrl-C.
"""

import sys
import tempfile
import traceback
import warnings
from collections.abc import Sequence
from typing import Annotated, NoReturn, TextIO

import typer

from clearprop._versions import versions
from clearprop.cli.doctor import doctor
from clearprop.cli.evaluate import evaluate
from clearprop.cli.gradcheck import gradcheck
from clearprop.cli.predict import predict
from clearprop.cli.train import train
from clearprop.errors import ClearpropError, ClearpropWarning

INTERRUPTED = 130

app = typer.Typer(
    name="clearprop",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (train, predict, evaluate, gradcheck, doctor):
    app.command()(command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"clearprop {versions()['clearprop']}")
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Neural networks trained by back-propagation: train on a table, predict, judge, check.

    Try `clearprop train moons`, or `clearprop train FILE.csv --target COLUMN`.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; ends the process with the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter is no reason to stop
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other libraries' words mean nothing to whoever uses a command
        warnings.simplefilter("always", ClearpropWarning)
        warnings.showwarning = _show_warning
        try:
            app(args=arguments, prog_name="clearprop")
        except ClearpropError as error:
            _fail(str(error), error.exit_code)
        except MemoryError:
            _fail("this needs more memory than there is; use fewer hidden units, or fewer rows", 2)
        except SystemExit as end:
            if end.code == INTERRUPTED:
                _fail("interrupted", INTERRUPTED)
            raise
        except Exception:
            _fail(f"this is a bug in clearprop; please report it, with what is in {_save_traceback()}", 1)
    sys.exit(0)


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"clearprop: {message}", err=True)
    sys.exit(code)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    typer.echo(f"warning: {message}", err=True)


def _save_traceback() -> str:
    text = traceback.format_exc()
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="clearprop-bug-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
            return file.name
    except OSError:  # nowhere to write: better on the screen than lost
        typer.echo(text, err=True)
        return "the lines above"
