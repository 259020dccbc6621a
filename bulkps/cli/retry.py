"""``bulkps retry``."""

from typing import Any

import click

from bulkps.cli.run_common import go_on, going_on


@click.command()
@going_on
def command(**given: Any) -> None:
    """Send the FAILED rows of RUN again, as further attempts of the same run.

    RUN is a run's name, a unique beginning of it, or "last". Rows in doubt are looked up first: what Exchange
    has already is not sent again. Rows whose request somebody removed stay FAILED, and
    so do those that another run completed since or has underway.

    Example:

    \b
        bulkps retry last
        bulkps retry 20261124-2130 --config prod.yaml --until 06:00
    """
    go_on(**given, retry=True)
