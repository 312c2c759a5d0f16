"""``clearprop train --resume RUN``: an interrupted run's settings are the defaults, and may not be contradicted."""

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from clearprop.errors import CheckpointError, ConfigurationError

NEVER = "0"
_FREE = ("checkpoint_every", "resume", "strict", "out", "force", "as_json", "config")  # may differ: no result does


def read_settings(context: typer.Context, run: Path | None) -> Path | None:
    """Take the run's settings as the defaults of the command's options (a Typer callback)."""
    if run is not None:
        command = _saved(run)
        names = {str(parameter.name) for parameter in context.command.params}
        known = {name: value for name, value in command.items() if name in names and value is not None}
        context.default_map = {**known, **(context.default_map or {})}
    return run


def settings_of(context: typer.Context, resume: Path | None, out: Path | None) -> dict[str, Any]:
    """The settings that the run's results depend on; with `resume`, they are those of the interrupted run.

    Raises
    ------
    ConfigurationError
        They are not, or `out` is given too.
    """
    given = {name: _plain(value) for name, value in context.params.items() if name not in _FREE[1:]}
    if resume is None:
        return given
    if out is not None:
        raise ConfigurationError(f"--out: the run goes on in its own folder {resume}; leave it out")
    saved = _saved(resume)
    options = {str(parameter.name): max(parameter.opts, key=len) for parameter in context.command.params}
    for name, value in given.items():
        if name not in _FREE and saved.get(name) != value:
            shown = options[name] if options[name].startswith("-") else options[name].upper()
            raise ConfigurationError(
                f"{resume}: {shown} was {_said(saved.get(name))} in this run, not {_said(value)}; leave it out, or "
                "start a new run"
            )
    return given


def _saved(run: Path) -> dict[str, Any]:
    from clearprop.runs.folder import unfinished

    saved = unfinished(run)
    command = saved.settings.get("command")
    if not isinstance(command, dict):
        raise CheckpointError(
            f"{saved.path}: this checkpoint was not written by `clearprop train`; resume it in Python"
        )
    return command


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, enum.Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def _said(value: Any) -> str:
    return "not given" if value in (None, []) else ",".join(map(str, value)) if isinstance(value, list) else str(value)


@contextmanager
def go_on_hint(folder: Path) -> Iterator[None]:
    """However the block ends, say how to go on, unless it would end in the same way."""
    from clearprop.errors import ConfigurationError, DataError, DivergenceError, ShapeError
    from clearprop.runs.folder import CHECKPOINTS

    try:
        yield
    except BaseException as error:
        again = isinstance(error, ConfigurationError | DataError | DivergenceError | ShapeError)
        if not again and any((folder / CHECKPOINTS).glob("*/*.safetensors")):
            typer.echo(f"the training is saved; go on with: clearprop train --resume {folder}", err=True)
        raise


Resume = Annotated[
    Path | None,
    typer.Option(
        "--resume",
        metavar="RUN",
        callback=read_settings,
        is_eager=True,
        rich_help_panel="Interruptions",
        help="Go on with the interrupted run in this folder, with its settings, to the same result.",
    ),
]
