"""``bulkps cancel``."""

import click

from bulkps.cli import console
from bulkps.cli.options import json_option
from bulkps.cli.run_report import show_report
from bulkps.errors import ExitCode
from bulkps.runs import RunService


@click.command()
@click.argument("run")
@json_option
def command(run: str, as_json: bool) -> None:
    """Cancel RUN: rows in progress finish, the others are skipped.

    RUN is the name of a run, the beginning of one, or "last". The run stops within two seconds once
    the rows in progress have finished. If no process is working on it, rows in doubt and requests at Exchange
    stay as they are; "bulkps resume" brings them to their end and sends nothing new.

    Example:

    \b
        bulkps cancel last
    """
    with RunService() as service:
        found = service.run(run)
        owner = service.ask(found.id, "cancel")
        if not owner:
            report = service.cancel(found)
            show_report(service.details(report.run), report, report.exit_code, as_json=as_json)
            unfinished = report.exit_code is ExitCode.UNFINISHED
            raise SystemExit(int(ExitCode.UNFINISHED if unfinished else ExitCode.COMPLETED))
    console.say(f"asked {owner} to cancel run {found.id}. Next: bulkps show {found.id}")
    if as_json:
        console.as_json({"run": found.id, "asked": owner, "exit_code": 0})
