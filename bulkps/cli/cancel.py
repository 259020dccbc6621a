"""``bulkps cancel``."""

import click

from bulkps.cli import console
from bulkps.cli.options import json_option
from bulkps.cli.run_common import show_report
from bulkps.errors import ExitCode
from bulkps.records import paths
from bulkps.records.journal import Journal
from bulkps.runs.run_service import cancel


@click.command()
@click.argument("run")
@json_option
def command(run: str, as_json: bool) -> None:
    """Cancel RUN: what is in flight ends, the rest is SKIPPED, and the run is over.

    RUN is a run's name, a unique beginning of it, or "last". A process that works on it hears it within two
    seconds; if it died before that, whoever resumes the run hears it. Of a run that nobody works on, what is
    in doubt or at Exchange stays as it is; resume ends it and sends nothing new.

    Example:

    \b
        bulkps cancel last
    """
    with Journal(paths.journal_path()) as journal:
        found = journal.run(run)
        owner = journal.wish(found.id, "cancel")
        if not owner:
            report = cancel(journal, found)
            show_report(journal, report, report.exit_code, as_json=as_json)
            unfinished = report.exit_code is ExitCode.UNFINISHED
            raise SystemExit(int(ExitCode.UNFINISHED if unfinished else ExitCode.COMPLETED))
    console.say(f"asked {owner} to cancel run {found.id}. Next: bulkps show {found.id}")
    if as_json:
        console.as_json({"run": found.id, "asked": owner, "exit_code": 0})
