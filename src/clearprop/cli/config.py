"""``--config FILE.toml``: the options of a command in a file; what is typed on the command line wins."""

import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from clearprop._registry import did_you_mean
from clearprop.errors import ConfigurationError


def read_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take the file's entries as the defaults of the command's options (a Typer callback).

    Raises
    ------
    ConfigurationError
        No such file, not TOML, or an entry that is no option.
    """
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            entries = tomllib.load(file)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}); check the name") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: is not TOML: {error}; write lines such as epochs = 50") from None
    known = {_shown_name(p): p for p in context.command.params if _shown_name(p) not in ("config", "help")}
    defaults = {}
    for key, value in entries.items():
        name = key.replace("-", "_")
        if name not in known:
            hint = did_you_mean(name, list(known))
            raise ConfigurationError(f"{path}: there is no option {key!r}; {hint}")
        option = known[name]
        defaults[str(option.name)] = _as_typed(path, key, value, several=bool(getattr(option, "multiple", False)))
    context.default_map = {**(context.default_map or {}), **defaults}
    return path


def _shown_name(parameter: Any) -> str:
    """``--batch-size`` -> ``batch_size``; an argument's own name."""
    return str(max(parameter.opts, key=len)).lstrip("-").replace("-", "_")


def _as_typed(path: Path, key: str, value: Any, *, several: bool) -> Any:
    """The value as it would be typed; ``hidden = [64, 32]`` may be written as a list."""
    if isinstance(value, dict):
        raise ConfigurationError(f"{path}: {key} is a table; options are not grouped, write them at the top")
    if isinstance(value, list):
        return [str(item) for item in value] if several else ",".join(map(str, value))
    if several:
        return [str(value)]
    return value if isinstance(value, bool) else str(value)


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE.toml",
        callback=read_config,
        is_eager=True,
        rich_help_panel="Options in a file",
        help="Take options from a TOML file, by the same names; the command line wins.",
    ),
]
