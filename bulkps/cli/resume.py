"""``bulkps resume``."""

from typing import Any

import click

from bulkps.cli.run_common import go_on, going_on


@click.command()
@going_on
def command(**given: Any) -> None:
    """Go on with RUN where it stopped: send what was not sent, follow what Exchange works on.

    RUN is a run's name, a unique beginning of it, or "last". The file is not needed any more. What was in
    flight when its process ended is looked up before anything is sent again.

    Example:

    \b
        bulkps resume last
        bulkps resume 20261124-2130 --config prod.yaml
    """
    go_on(**given)
