"""The options and help of ``bulkps run``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import (
    EXISTING_FILE,
    config_option,
    connection_option,
    file_options,
    operation_argument,
    passwords_options,
    report_options,
    validation_options,
)
from bulkps.cli.time_limit import window_options


@click.command()
@operation_argument
@click.argument("file", type=EXISTING_FILE)
@config_option
@connection_option
@click.option("--dry-run", is_flag=True, help="Show the cmdlets that would be sent, and send nothing.")
@click.option("--compare", is_flag=True, help="With --dry-run: read what is there, and show what changes.")
@click.option("--yes", is_flag=True, help="Do not ask before an operation that cannot be undone.")
@click.option("--no-wait", is_flag=True, help="Exit without waiting for Exchange; 'bulkps resume' continues.")
@click.option("--batch-size", type=click.IntRange(1), help="Rows to send to a session at once.")
@click.option("--parallel/--no-parallel", default=None, help="Use more than one session.")
@click.option(
    "--max-sessions", type=click.IntRange(1), help="Maximum number of sessions; implies --parallel."
)
@click.option("--stop-on-error", is_flag=True, help="Stop at the first failed row and skip the rest.")
@click.option("--again", is_flag=True, help="Process rows again even if another run already did.")
@validation_options
@click.option("--skip-preflight", is_flag=True, help="Skip pre-flight checks (recorded in the audit log).")
@click.option(
    "--require-clean",
    is_flag=True,
    help="Send nothing if pre-flight finds a blocker or cannot check for one.",
)
@window_options
@passwords_options
@file_options
@report_options
def command(**given: Any) -> None:
    """Check every row of FILE, then run OPERATION for each of them.

    Nothing is sent unless every row is valid. Before a recovery or restore, pre-flight reads Exchange and
    skips rows that would fail, as "bulkps validate" reports them. Rows that another run already completed are
    skipped too. "bulkps resume" continues an interrupted run.

    Example:

    \b
        bulkps run restore leavers.csv --dry-run
        bulkps run Set-CASMailbox cas.csv --config prod.yaml --dry-run --compare
        bulkps run restore leavers.csv --config prod.yaml --max-sessions 3
        bulkps run recovery leavers.csv --config prod.yaml --yes --json
        bulkps run restore leavers.csv --config prod.yaml --until 06:00
        bulkps run recovery leavers.csv --config prod.yaml --passwords out.csv --passwords-for desk.cer
    """
    from bulkps.cli.run import execute

    execute(**given)
