"""The options and help of ``bulkps check``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import (
    EXISTING_FILE,
    config_option,
    file_options,
    force_option,
    json_option,
    operation_argument,
)


@click.command()
@operation_argument
@click.argument("file", type=EXISTING_FILE)
@config_option
@file_options
@force_option
@json_option
def command(**given: Any) -> None:
    """Check every row of FILE for OPERATION without connecting to Exchange.

    Exit code 0 if all rows are valid, 3 if not.

    Example:

    \b
        bulkps check restore leavers.csv
        bulkps check recovery leavers.csv --problems problems.csv
    """
    from bulkps.cli.check import execute

    execute(**given)
