"""The options and help of ``bulkps pause``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import json_option


@click.command()
@click.argument("run")
@json_option
def command(**given: Any) -> None:
    """Pause RUN: rows in progress finish, the others stay pending.

    RUN is the name of a run, the beginning of one, or "last". The run stops within two seconds once
    the rows in progress have finished. "bulkps resume" continues it.

    Example:

    \b
        bulkps pause last
    """
    from bulkps.cli.pause import execute

    execute(**given)
