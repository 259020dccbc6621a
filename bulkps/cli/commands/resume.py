"""The options and help of ``bulkps resume``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import continue_options


@click.command()
@continue_options
def command(**given: Any) -> None:
    """Continue RUN where it stopped.

    RUN is the name of a run, the beginning of one, or "last". The input file is no longer needed.
    For rows whose answer was lost, Exchange is checked before anything is sent again.

    Example:

    \b
        bulkps resume last
        bulkps resume 20261124-2130 --config prod.yaml
    """
    from bulkps.cli.run_common import continue_run

    continue_run(**given)
