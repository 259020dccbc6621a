"""Options and arguments that several commands share.

Modules that load settings or a database are only imported when a value is converted, as in the commands.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bulkps.cli.time_limit import window_options

if TYPE_CHECKING:
    from bulkps.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

#: Keys in the root context: the settings file that was given, the default connection of its settings, and
#: whether JSON is wanted.
CONFIG, CONNECTION, AS_JSON = "bulkps.config", "bulkps.connection", "bulkps.json"

EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)


class _SettingsFile(click.ParamType["Settings", Any]):
    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "Settings":
        from bulkps.settings import Settings, load_settings

        if isinstance(value, Settings):
            return value
        if ctx is not None:
            ctx.find_root().meta[CONFIG] = value
        return load_settings(Path(value))


connection_option = click.option("--connection", help="Connection to use (default: the one in the settings).")
quiet_option = click.option("--quiet", is_flag=True, help="Do not show progress.")


def config_option(function: F) -> F:
    """``--config``: the settings; without it, the defaults and the environment."""

    def read(ctx: click.Context, param: click.Parameter, value: "Settings | None") -> "Settings":
        return settings_or_default(ctx, value)

    return _config(read)(function)


def group_config_option(function: F) -> F:
    """``--config`` of a group: None if it is not given.

    Options of a group are read before the help of a command in it. So that help stays fast, the defaults are
    only loaded by ``settings_or_default``.
    """
    return _config(None)(function)


def _config(callback: Callable[..., "Settings"] | None) -> Callable[[F], F]:
    return click.option(
        "--config",
        "settings",
        type=_SettingsFile(),
        callback=callback,
        help="Settings file in YAML (default: $BULKPS_CONFIG, else the embedded simulator).",
    )


def settings_or_default(ctx: click.Context, named: "Settings | None") -> "Settings":
    """Return the *named* settings, or the defaults, and note the connection that they use."""
    from bulkps.settings import load_settings

    settings = named or load_settings()
    ctx.find_root().meta[CONNECTION] = settings.connection
    return settings


def json_option(function: F) -> F:
    """``--json``: one JSON object on standard output."""
    return _json("Print one JSON object to stdout.")(function)


def json_array_option(function: F) -> F:
    """``--json`` for output of possibly millions of lines; an error is still one object."""
    return _json("Print a JSON array to stdout.")(function)


def _json(meaning: str) -> Callable[[F], F]:
    def note(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
        ctx.find_root().meta[AS_JSON] = value
        return value

    # Eager, so that an error in another option is also reported as JSON.
    return click.option("--json", "as_json", is_flag=True, is_eager=True, callback=note, help=meaning)


def encoding_option(function: F) -> F:
    """``--encoding``: the input's encoding, if bulkps cannot detect it."""
    return click.option(
        "--encoding", default="", help="Encoding of FILE, such as cp1250 (default: detected)."
    )(function)


def force_option(function: F) -> F:
    """``--force``: replace files that already exist."""
    return click.option("--force", is_flag=True, help="Overwrite existing output files.")(function)


def operation_argument(function: F) -> F:
    """The operation's name, as a plain string; ``options.chosen`` finds it."""
    return click.argument("operation")(function)


def validation_options(function: F) -> F:
    """``--set``, ``--sizes`` and ``--onmicrosoft-fallback``, which ``run`` and ``validate`` share."""
    options = (
        click.option(
            "--set",
            "everywhere",
            multiple=True,
            metavar="COLUMN=VALUE",
            help="Value for a column that a row leaves empty. Can be repeated.",
        ),
        click.option(
            "--sizes/--no-sizes",
            default=None,
            help="Whether pre-flight reads mailbox sizes (default: only for a few rows).",
        ),
        click.option(
            "--onmicrosoft-fallback",
            is_flag=True,
            help="Create accounts of a federated domain in the .onmicrosoft.com domain instead.",
        ),
    )
    return _with(options, function)


def passwords_options(function: F) -> F:
    """``--passwords`` and its three variants: the arguments of ``check_options`` and ``password_file``."""
    options = (
        click.option(
            "--passwords",
            type=NEW_FILE,
            help="Write generated passwords to this new CSV file. Add one of the next three options.",
        ),
        click.option(
            "--passwords-for",
            type=EXISTING_FILE,
            help="Encrypt them for this certificate (RSA, PEM or DER); Unprotect-CmsMessage decrypts them.",
        ),
        click.option(
            "--passwords-prompt",
            is_flag=True,
            help="Encrypt them with a passphrase that you type; 'bulkps passwords' decrypts them.",
        ),
        click.option(
            "--passwords-plain",
            is_flag=True,
            help="Write them unencrypted. Anyone who reads the file can sign in as these users.",
        ),
    )
    return _with(options, function)


def continue_options(function: F) -> F:
    """The options of resume and retry: the arguments of ``run_common.continue_run``."""
    options = (
        click.argument("run"),
        config_option,
        click.option(
            "--yes", is_flag=True, help="Do not ask for confirmation if the run was never confirmed."
        ),
        window_options,
        passwords_options,
        report_options,
    )
    return _with(options, function)


def file_options(function: F) -> F:
    """How an input file is checked: ``--encoding``, ``--strict-columns`` and ``--problems``."""
    options = (
        encoding_option,
        click.option("--strict-columns", is_flag=True, help="Refuse unknown columns."),
        click.option("--problems", type=NEW_FILE, help="Write all problems found in FILE to this CSV file."),
    )
    return _with(options, function)


def report_options(function: F) -> F:
    """What a run reports, and where: ``--results``, ``--force``, ``--quiet`` and ``--json``."""
    options = (
        click.option("--results", type=NEW_FILE, help="Write the results to this file (.csv or .json)."),
        force_option,
        quiet_option,
        json_option,
    )
    return _with(options, function)


def _with(options: tuple[Callable[[F], F], ...], function: F) -> F:
    # The decorator that is applied last is shown first.
    for option in reversed(options):
        function = option(function)
    return function
