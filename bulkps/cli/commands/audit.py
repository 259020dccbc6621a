"""The options and help of ``bulkps audit``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import json_array_option, json_option

_LOG = click.argument("log", metavar="RUN|FILE")


@click.group()
def command() -> None:
    """Show or verify the audit log of a run.

    The log is JSON Lines. Every line contains the SHA-256 of the previous line, and the journal contains that
    of the last line.

    Example:

    \b
        bulkps audit verify last
        bulkps audit show last --row 7
    """


@command.command("verify")
@_LOG
@json_option
def verify_command(**given: Any) -> None:
    """Find lines of an audit log that were changed, removed, inserted, moved or cut off.

    RUN is the name of a run, the beginning of one, or "last"; FILE is a log or a copy of one. Lines missing
    at the end, and a log whose hashes were all recalculated, are found only if the journal knows the run.
    Exit code 0 if the log is intact, 4 if not.

    Example:

    \b
        bulkps audit verify last
        bulkps audit verify copy.jsonl --json
    """
    from bulkps.cli.audit import execute_verify

    execute_verify(**given)


@command.command("show")
@_LOG
@click.option("--row", type=click.IntRange(1), help="Show only this row of the input.")
@click.option(
    "--event", "events", multiple=True, help="Show only this event, such as item.failed. Can be repeated."
)
@json_array_option
def show_command(**given: Any) -> None:
    """Print an audit log as a table: time, event, row, code.

    RUN is the name of a run, the beginning of one, or "last"; FILE is a log or a copy of one. The log is not
    verified: "bulkps audit verify" does that.

    Example:

    \b
        bulkps audit show last
        bulkps audit show last --event item.failed --event item.in-doubt --json
    """
    from bulkps.cli.audit import execute_show

    execute_show(**given)
