"""The entry point: commands, and the exit code of whatever can happen.

0 all is well, 1 a bug, 2 usage, 3 data, 4 model file, 5 diverged or a check that failed, 6 a file that cannot
be written, 130 Ctrl-C, 143 terminated. No traceback reaches the terminal.
"""

import atexit
import errno
import os
import signal
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import FrameType
from typing import Annotated, NoReturn, TextIO

import typer

from clearprop._versions import versions
from clearprop.cli.compare import compare
from clearprop.cli.diagnose import diagnose
from clearprop.cli.doctor import doctor
from clearprop.cli.evaluate import evaluate
from clearprop.cli.explain import explain
from clearprop.cli.export import export
from clearprop.cli.failures import fail
from clearprop.cli.gradcheck import gradcheck
from clearprop.cli.output import visible
from clearprop.cli.predict import predict
from clearprop.cli.reproduce import reproduce
from clearprop.cli.train import train
from clearprop.errors import ClearpropError, ClearpropWarning, SeveralDataErrors

BUG, USAGE, UNWRITTEN, INTERRUPTED, TERMINATED = 1, 2, 6, 130, 143

app = typer.Typer(
    name="clearprop",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (train, predict, evaluate, export, explain, diagnose, compare, reproduce, gradcheck, doctor):
    app.command()(command)


class _Terminated(BaseException):
    """SIGTERM, on its way through every `finally`."""


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

    Exit codes: 0 ok, 1 a bug, 2 usage, 3 data, 4 model file, 5 diverged or a failed check, 6 a file that
    cannot be written, 130 interrupted, 143 terminated.
    """


def run() -> NoReturn:
    """`main` as a process, which ends once all is written: Python would first take 1,700 modules apart, for 0.4 s."""
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or UNWRITTEN
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; ends with the exit code as `SystemExit`."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in typed
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter is no reason to stop
    with ExitStack() as ending:
        if threading.current_thread() is threading.main_thread():
            former = signal.signal(signal.SIGTERM, _terminate_if_it_is(os.getpid()))
            ending.callback(signal.signal, signal.SIGTERM, former or signal.SIG_DFL)  # None: not one of Python's
        _run(typed, as_json)


def _run(typed: list[str], as_json: bool) -> NoReturn:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other libraries' words mean nothing to whoever uses a command
        warnings.simplefilter("always", ClearpropWarning)
        warnings.showwarning = _show_warning
        try:
            code = app(args=typed, prog_name="clearprop", standalone_mode=False)
        except SeveralDataErrors as error:
            fail(str(error), error.exit_code, as_json=as_json, several=[str(one) for one in error.errors])
        except ClearpropError as error:
            fail(str(error), error.exit_code, as_json=as_json)
        except MemoryError:
            fail("this needs more memory than there is; use fewer hidden units, or fewer rows", 2, as_json=as_json)
        except KeyboardInterrupt:
            fail("interrupted", INTERRUPTED, as_json=as_json)
        except _Terminated:
            fail("terminated", TERMINATED, as_json=as_json)
        except SystemExit:  # only when nobody reads stdout any more, as in `clearprop predict ... | head`
            _leave_quietly()
        except Exception as error:
            if hasattr(error, "format_message"):  # what Typer raises for a command line it does not understand
                _misused(error, as_json)
            if isinstance(error, OSError) and error.filename is not None:
                fail(f"{error.filename}: {error.strerror}; check the path", UNWRITTEN, as_json=as_json)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
                fail(f"what is printed cannot be written: {error.strerror}; free some space", UNWRITTEN, as_json=False)
            text = f"this is a bug in clearprop; please report it, with what is in {_save_traceback()}"
            fail(text, BUG, as_json=as_json)
    if code == INTERRUPTED:  # Typer's own word for Ctrl-C
        fail("interrupted", INTERRUPTED, as_json=as_json)
    sys.exit(code if isinstance(code, int) else 0)


def _misused(error: Exception, as_json: bool) -> NoReturn:
    message: str = error.format_message()  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError" and not as_json:
        if message:
            typer.echo(message, err=True)
        sys.exit(USAGE)
    remedy = f"see `{context.command_path if context else 'clearprop'} --help`"
    nearest = getattr(error, "possibilities", None)
    if nearest:  # a misspelt option
        message = f"no such option {error.option_name}"  # type: ignore[attr-defined]
        remedy = f"did you mean {nearest[0]}? {remedy.capitalize()}"
    fail(f"{' '.join(message.split()).rstrip('.')}; {remedy}", USAGE, as_json=as_json)


def _terminate_if_it_is(process: int) -> Callable[[int, FrameType | None], None]:
    """A handler that ends this command; what is forked from it, as a pool's workers are, dies as if there were none.

    Raised there, the exception could be lost in a finalizer, and who waits for the worker's end would wait for ever.
    """

    def terminate(number: int, frame: FrameType | None) -> None:
        if os.getpid() == process:
            raise _Terminated
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    return terminate


def _leave_quietly() -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # so that the last flush finds somebody
    sys.exit(0)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    typer.echo(f"warning: {visible(str(message), in_a_line=True)}", err=True)


def _save_traceback() -> str:
    text = traceback.format_exc()
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="clearprop-bug-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
            return file.name
    except OSError:  # nowhere to write: better in the message than lost
        return f"this line: {text.strip().splitlines()[-1][:200]}"
