"""The options and help of ``bulkps undo``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import config_option, report_options


@click.command()
@click.argument("run")
@config_option
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before an operation that cannot be undone.")
@click.option("--even-if-changed", is_flag=True, help="Also set back what somebody has changed since.")
@report_options
def command(**given: Any) -> None:
    """Set back what RUN changed, as a run of its own.

    RUN is the name of a run, the beginning of one, or "last". It has to be finished, and its operation must
    have read what was there before (such as Set-Mailbox). The rows are set back in reverse order. A row whose
    properties are not as RUN left them is skipped: somebody has changed them since. What cannot be set back
    is said before anything is sent. An undo can be undone.

    Example:

    \b
        bulkps undo last --dry-run
        bulkps undo 20261124-2130 --config prod.yaml
    """
    from bulkps.cli.undo import execute

    execute(**given)
