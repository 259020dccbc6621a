"""``bulkps resume``."""

from dataclasses import replace
from pathlib import Path

import click

from bulkps.cli.options import NEW_FILE, config_option, json_option
from bulkps.cli.running import show_report, target, work
from bulkps.library.runs import options_of
from bulkps.records import home
from bulkps.records.journal import Journal
from bulkps.settings import Settings


@click.command()
@click.argument("run")
@config_option
@click.option("--results", type=NEW_FILE, help="Write results here (.csv or .json).")
@click.option("--quiet", is_flag=True, help="No progress.")
@json_option
def command(run: str, settings: Settings, results: Path | None, quiet: bool, as_json: bool) -> None:
    """Go on with RUN where it stopped: send what was not sent, follow what Exchange works on.

    RUN is a run's name, a unique beginning of it, or "last". The file is not needed any more. What was in
    flight when its process ended is in doubt; it is not sent again.

    Example:

    \b
        bulkps resume last
        bulkps resume 20261124-2130 --config prod.yaml
    """
    journal = Journal(home.journal_path())
    try:
        found = journal.run(run)
        there = target(
            settings, settings.choose_connection(found.connection), replace(options_of(found), wait=True)
        )
        report, code = work(journal, found, there, results, quiet=quiet)
        show_report(journal, report, code, as_json=as_json)
    finally:
        journal.close()
    raise SystemExit(int(code))
