"""The group: its commands, and how an error becomes a sentence and an exit code."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NoReturn

import click

from bulkps.cli.options import AS_JSON
from bulkps.errors import BulkpsError, ExitCode
from bulkps.visible_text import json_text, visible

#: Command name to module. Loaded when asked for, so that ``bulkps --help`` does not load PSRP and a database.
COMMANDS: Mapping[str, str] = {
    "run": "run",
    "resume": "resume",
    "retry": "retry",
    "pause": "pause",
    "cancel": "cancel",
    "check": "check",
    "validate": "validate",
    "export": "export",
    "template": "template",
    "operations": "operations",
    "runs": "runs",
    "show": "show",
    "results": "results",
    "audit": "audit",
    "passwords": "passwords",
    "explain": "explain",
    "doctor": "doctor",
    "simulate": "simulate",
}


class BulkpsGroup(click.Group):
    """Loads commands when they are asked for and turns our errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None if there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"bulkps.cli.{COMMANDS[cmd_name]}")
        command: click.Command = module.command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note whether JSON is asked for: of a command line that is wrong no option is read."""
        ctx.meta[AS_JSON] = "--json" in args
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            _leave_usage(ctx, error)
        except KeyboardInterrupt:
            # --help loads every command.
            click.echo("Interrupted.", err=True)
            ctx.exit(int(ExitCode.INTERRUPTED))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of ours becomes its sentence on standard error and its exit code."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            _leave_usage(ctx, error)
        except BulkpsError as error:
            click.echo(visible(f"Error: {error}", lines=True), err=True)
            _leave(ctx, error.exit_code, str(error))
        except (KeyboardInterrupt, click.Abort):
            click.echo("Interrupted.", err=True)
            _leave(ctx, ExitCode.INTERRUPTED, "interrupted")


def _leave_usage(ctx: click.Context, error: click.UsageError) -> NoReturn:
    if not ctx.meta[AS_JSON]:
        raise error
    error.show()
    _leave(ctx, ExitCode.USAGE, error.format_message())
    raise error


def _leave(ctx: click.Context, code: ExitCode, error: str) -> None:
    # Whoever asked for JSON gets an object whatever happens; a command that has printed its own raises
    # no error of ours after that.
    if ctx.meta.get(AS_JSON):
        click.echo(json_text({"error": error, "exit_code": int(code)}, indent=2))
    ctx.exit(int(code))


@click.group(
    cls=BulkpsGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="bulkps", message="bulkps %(version)s")
def cli() -> None:
    """Recover or restore Exchange mailboxes from a CSV file and report the result of every row.

    Without --config, everything runs against the embedded simulator, and the output says so.

    Example:

    \b
        bulkps check restore leavers.csv
        bulkps run restore leavers.csv
        bulkps results last --only failed
    """
    _lose_no_line()


def _lose_no_line() -> None:
    # A redirected stream on Windows has the ANSI code page: a display name beyond it must not end a run.
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Callable[..., None] | None = getattr(stream, "reconfigure", None)
        if reconfigure and (getattr(stream, "encoding", "") or "").lower().replace("-", "") != "utf8":
            reconfigure(errors="replace")
