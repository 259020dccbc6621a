"""The options and help of ``bulkps cancel``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import json_option


@click.command()
@click.argument("run")
@json_option
def command(**given: Any) -> None:
    """Cancel RUN: rows in progress finish, the others are skipped.

    RUN is the name of a run, the beginning of one, or "last". The run stops within two seconds once
    the rows in progress have finished. If no process is working on it, rows in doubt and requests at Exchange
    stay as they are; "bulkps resume" finishes them and sends nothing new.

    Example:

    \b
        bulkps cancel last
    """
    from bulkps.cli.cancel import execute

    execute(**given)
