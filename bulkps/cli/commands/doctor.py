"""The options and help of ``bulkps doctor``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import config_option, connection_option, json_option


@click.command()
@config_option
@connection_option
@click.option("--operation", "names", multiple=True, help="Check only this operation. Can be repeated.")
@json_option
def command(**given: Any) -> None:
    """Test a connection: open a session and show what it offers and what is missing.

    Reports for each operation whether this account has every cmdlet and parameter that it needs (RBAC can
    remove both). Changes nothing. Exit code 0 if nothing is missing, 5 if no session could be opened or an
    operation cannot run. Cmdlets that only pre-flight needs do not count, nor do operations that this kind of
    Exchange does not have.

    Example:

    \b
        bulkps doctor
        bulkps doctor --config prod.yaml --connection onprem --operation restore
    """
    from bulkps.cli.doctor import execute

    execute(**given)
