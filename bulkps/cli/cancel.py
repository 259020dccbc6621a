"""``bulkps cancel``."""

from bulkps.cli import console
from bulkps.cli.run_report import show_report
from bulkps.errors import ExitCode
from bulkps.runs import RunService


def execute(run: str, as_json: bool) -> None:
    """Cancel RUN: rows in progress finish, the others are skipped."""
    with RunService() as service:
        found = service.run(run)
        owner = service.ask(found.id, "cancel")
        if not owner:
            report = service.cancel(found)
            show_report(service.details(report.run), report, report.exit_code, as_json=as_json)
            unfinished = report.exit_code is ExitCode.UNFINISHED
            raise SystemExit(int(ExitCode.UNFINISHED if unfinished else ExitCode.COMPLETED))
    console.say(f"asked {owner} to cancel run {found.id}. To see when it has stopped: bulkps show {found.id}")
    if as_json:
        console.as_json({"run": found.id, "asked": owner, "exit_code": 0})
