"""The options and help of ``bulkps template``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import NEW_FILE, config_option, force_option, operation_argument


@click.command()
@operation_argument
@click.option("-o", "--output", type=NEW_FILE, help="Output file (default: stdout).")
@click.option("--rows", type=click.IntRange(1), help="Number of rows for the simulated tenant.")
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Seed of the simulated tenant, with --rows."
)
@click.option("--all-columns", is_flag=True, help="Include rarely used columns.")
@click.option(
    "--columns",
    metavar="A,B,…",
    help="Only these columns and the required ones.",
)
@force_option
@config_option
def command(**given: Any) -> None:
    """Write a CSV template for OPERATION with an example row.

    With --rows, every row names mailboxes that exist in the simulated tenant, for a rehearsal.

    Example:

    \b
        bulkps template restore -o leavers.csv
        bulkps template restore --all-columns -o archives.csv
        bulkps template Set-CASMailbox --columns Identity,ImapEnabled -o imap.csv
        bulkps template recovery --rows 200 -o rehearsal.csv
    """
    from bulkps.cli.template import execute

    execute(**given)
