"""The options and help of ``bulkps show``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import json_option


@click.command()
@click.argument("run")
@json_option
def command(**given: Any) -> None:
    """Show the state of RUN, the status of its rows, and where its files are.

    RUN is the name of a run, the beginning of one, or "last".

    Example:

    \b
        bulkps show last
    """
    from bulkps.cli.show import execute

    execute(**given)
