"""``bulkps retry``."""

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
    """Send the FAILED rows of RUN again, as further attempts of the same run.

    RUN is a run's name, a unique beginning of it, or "last". Rows in doubt are looked up first: what Exchange
    has already is not sent again. Rows whose request somebody removed stay FAILED.

    Example:

    \b
        bulkps retry last
        bulkps retry 20261124-2130 --config prod.yaml --until 06:00
    """
    go_on(run, settings, results, quiet=quiet, as_json=as_json, retry=True, **window)
