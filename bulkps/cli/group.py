"""The group: its commands, and how an error becomes a message and an exit code."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NoReturn

import click

from bulkps.cli.commands.shared_options import AS_JSON
from bulkps.errors import BulkpsError, ExitCode
from bulkps.visible_text import json_text, visible

#: Each command, a module of ``bulkps.cli.commands``, with the first sentence of its help, in the order in
#: which people need them. ``bulkps --help`` prints this table without loading the modules.
COMMANDS: Mapping[str, str] = {
    "run": "Check every row of FILE, then run OPERATION for each of them.",
    "resume": "Continue RUN where it stopped.",
    "retry": "Send the failed rows of RUN again, as part of the same run.",
    "undo": "Set back what RUN changed, as a run of its own.",
    "pause": "Pause RUN: rows in progress finish, the others stay pending.",
    "cancel": "Cancel RUN: rows in progress finish, the others are skipped.",
    "check": "Check every row of FILE for OPERATION without connecting to Exchange.",
    "validate": "Check FILE against Exchange and report what would fail.",
    "export": (
        "Export inactive and soft-deleted mailboxes with their holds, sizes, and what can be recovered."
    ),
    "template": "Write a CSV template for OPERATION with an example row.",
    "operations": "List the operations, or show the columns, steps and cmdlets of one.",
    "runs": "List the runs in the journal, newest first.",
    "show": "Show the state of RUN, the status of its rows, and where its files are.",
    "results": "Write the results of RUN: the columns of the input, then the result of each row.",
    "audit": "Show or verify the audit log of a run.",
    "passwords": "Decrypt FILE, written with --passwords-prompt, and print its passwords as CSV.",
    "explain": "Explain what CODE means and what to do about it.",
    "doctor": "Test a connection: open a session and show what it offers and what is missing.",
    "simulate": "Run the simulated Exchange tenant for other processes until Ctrl-C.",
}


class BulkpsGroup(click.Group):
    """Loads only the requested command, and turns bulkps's errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None if there is none with this name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"bulkps.cli.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands as click does, but from the table."""
        limit = formatter.width - 6 - max(map(len, COMMANDS))
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, click.Command(name, help=sentence).get_short_help_str(limit))
                    for name, sentence in COMMANDS.items()
                ]
            )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; if it is misspelt, suggest similar ones."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            # click only suggests commands that are loaded.
            raise click.NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note whether JSON is wanted, because click reads no options of an invalid command line."""
        ctx.meta[AS_JSON] = "--json" in args
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            _leave_usage(ctx, error)
        except KeyboardInterrupt:
            # --help and --version take a moment, too.
            click.echo("Interrupted.", err=True)
            ctx.exit(int(ExitCode.INTERRUPTED))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a bulkps error becomes its message on standard error and its exit code."""
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
    # With --json, an object is printed whatever happens. A command that has printed its own object raises no
    # bulkps error after that.
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
    # On Windows, a redirected stream has the ANSI code page: a display name outside it must not end a run.
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Callable[..., None] | None = getattr(stream, "reconfigure", None)
        if reconfigure and (getattr(stream, "encoding", "") or "").lower().replace("-", "") != "utf8":
            reconfigure(errors="replace")
