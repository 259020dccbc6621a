"""The options and help of ``bulkps retry``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import continue_options


@click.command()
@continue_options
def command(**given: Any) -> None:
    """Send the failed rows of RUN again, as part of the same run.

    RUN is the name of a run, the beginning of one, or "last". For rows in doubt,
    Exchange is checked first, and nothing that already happened is sent again. Rows whose request was removed
    stay failed, and so do rows that another run has completed since or is working on.

    Example:

    \b
        bulkps retry last
        bulkps retry 20261124-2130 --config prod.yaml --until 06:00
    """
    from bulkps.cli.run_common import continue_run

    continue_run(**given, retry=True)
