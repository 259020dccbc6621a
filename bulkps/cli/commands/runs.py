"""The options and help of ``bulkps runs``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import json_option


@click.command()
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="Maximum number of runs to list."
)
@json_option
def command(**given: Any) -> None:
    """List the runs in the journal, newest first.

    Example:

    \b
        bulkps runs
        bulkps runs --json
    """
    from bulkps.cli.runs import execute

    execute(**given)
