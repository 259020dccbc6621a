"""``bulkps resume``."""

from pathlib import Path
from typing import Any

import click

from bulkps.cli.options import NEW_FILE, config_option, json_option
from bulkps.cli.running import go_on
from bulkps.cli.window import window_options
from bulkps.settings import Settings


@click.command()
@click.argument("run")
@config_option
@window_options
@click.option("--results", type=NEW_FILE, help="Write results here (.csv or .json).")
@click.option("--quiet", is_flag=True, help="No progress.")
@json_option
def command(
    run: str, settings: Settings, results: Path | None, quiet: bool, as_json: bool, **window: Any
) -> None:
    """Go on with RUN where it stopped: send what was not sent, follow what Exchange works on.

    RUN is a run's name, a unique beginning of it, or "last". The file is not needed any more. What was in
    flight when its process ended is looked up before anything is sent again.

    Example:

    \b
        bulkps resume last
        bulkps resume 20261124-2130 --config prod.yaml
    """
    go_on(run, settings, results, quiet=quiet, as_json=as_json, **window)
