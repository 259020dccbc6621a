"""The options and help of ``bulkps passwords``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import EXISTING_FILE


@click.command()
@click.argument("file", type=EXISTING_FILE)
@click.option("--row", type=click.IntRange(1), help="Show only this row of the input.")
def command(**given: Any) -> None:
    """Decrypt FILE, written with --passwords-prompt, and print its passwords as CSV.

    Asks for the passphrase. If a row was sent more than once, it has several lines: use the last one, or an
    earlier one if the last answer was lost.

    Example:

    \b
        bulkps passwords out.csv
        bulkps passwords out.csv --row 7
    """
    from bulkps.cli.passwords import execute

    execute(**given)
