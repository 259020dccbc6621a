"""The options and help of ``bulkps export``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import (
    NEW_FILE,
    config_option,
    connection_option,
    force_option,
    json_option,
    quiet_option,
)

#: The values of ``ExportKind``. The enumeration is not loaded for help.
KINDS = ("inactive", "soft-deleted", "all")


@click.command()
@click.option("-o", "--output", type=NEW_FILE, help="Output file (.csv or .json; default: stdout).")
@click.option("--kind", type=click.Choice(KINDS), default="all", help="Mailboxes to export (default: all).")
@click.option("--no-sizes", is_flag=True, help="Do not read sizes, which take a cmdlet per mailbox.")
@config_option
@connection_option
@force_option
@quiet_option
@json_option
def command(**given: Any) -> None:
    """Export inactive and soft-deleted mailboxes with their holds, sizes, and what can be recovered.

    Changes nothing in Exchange. The CSV is input for recovery and restore: fill in target_upn and delete the
    rows that you do not want. The file is written completely or not at all. Exit code 0, 5 if no session
    could be opened, 6 if the export was interrupted.

    Example:

    \b
        bulkps export -o leavers.csv --config prod.yaml
        bulkps validate recovery leavers.csv --config prod.yaml
        bulkps run recovery leavers.csv --config prod.yaml
    """
    from bulkps.cli.export import execute

    execute(**given)
