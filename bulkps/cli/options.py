"""Options and arguments that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bulkps.atomic_file import Output
from bulkps.errors import UsageProblem
from bulkps.operations.loader import choose
from bulkps.operations.model import Operation
from bulkps.settings import Settings, load_settings

F = TypeVar("F", bound=Callable[..., Any])

#: Where the root context keeps the settings file that was named, the connection that its settings use where
#: none is named, and whether JSON is wanted.
CONFIG, CONNECTION, AS_JSON = "bulkps.config", "bulkps.connection", "bulkps.json"

EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)


class _SettingsFile(click.ParamType[Settings, Any]):
    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Settings:
        if isinstance(value, Settings):
            return value
        if ctx is not None:
            ctx.find_root().meta[CONFIG] = value
        return load_settings(Path(value))


def config_option(function: F) -> F:
    """``--config``: the settings; the defaults and the environment where it is not given."""

    def note(ctx: click.Context, param: click.Parameter, value: Settings | None) -> Settings:
        settings = value or load_settings()
        ctx.find_root().meta[CONNECTION] = settings.connection
        return settings

    return click.option(
        "--config",
        "settings",
        type=_SettingsFile(),
        callback=note,
        help="Settings file in YAML (default: $BULKPS_CONFIG, else the embedded simulator).",
    )(function)


def json_option(function: F) -> F:
    """``--json``: one JSON object on standard output."""
    return _json("Print one JSON object to stdout.")(function)


def json_array_option(function: F) -> F:
    """``--json`` where there can be millions of lines; an error is one object all the same."""
    return _json("Print a JSON array to stdout.")(function)


def _json(meaning: str) -> Callable[[F], F]:
    def note(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
        ctx.find_root().meta[AS_JSON] = value
        return value

    # Eager: an error in another option is told as JSON too.
    return click.option("--json", "as_json", is_flag=True, is_eager=True, callback=note, help=meaning)


def encoding_option(function: F) -> F:
    """``--encoding``: how the input is written, where bulkps does not see it."""
    return click.option(
        "--encoding", default="", help="Encoding of FILE, such as cp1250 (default: detected)."
    )(function)


def force_option(function: F) -> F:
    """``--force``: replace files that already exist."""
    return click.option("--force", is_flag=True, help="Overwrite existing output files.")(function)


def output_file(path: Path | None, force: bool) -> Output | None:
    """Return where *path* is written to, or None where none is named.

    Raises:
        UsageProblem: If it cannot be written; nothing was sent.
    """
    if path is None:
        return None
    output = Output(path, force)
    output.check("; nothing was sent")
    return output


def operation_argument(function: F) -> F:
    """The operation's name, as a plain string; see ``chosen``."""
    return click.argument("operation")(function)


def chosen(settings: Settings, name: str) -> Operation:
    """Return the operation called *name*.

    Raises:
        InvalidInput: If its file has problems.
        UsageProblem: If there is none.
    """
    operations, broken = settings.operations(), settings.broken_operations()
    if name.casefold() not in operations and broken:
        if name.casefold() in broken:
            raise broken[name.casefold()]
        unreadable = ", ".join(sorted(error.source for error in broken.values()))
        try:
            return choose(name, operations)
        except UsageProblem as error:
            raise UsageProblem(f"{error}. With problems, and so left out: {unreadable}") from error
    return choose(name, operations)
