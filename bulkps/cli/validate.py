"""``bulkps validate``: checks a file and reads Exchange (pre-flight alone)."""

from pathlib import Path
from typing import Any

from bulkps.cli import console
from bulkps.cli.checked_input import checked_input
from bulkps.cli.dry_run_output import nothing_sent, show_plan
from bulkps.cli.printed_command import invocation
from bulkps.cli.run_and_validate_options import configured
from bulkps.cli.run_common import target, work
from bulkps.cli.run_report import show_report
from bulkps.cli.shared_option_values import (
    chosen,
    output_file,
)
from bulkps.errors import ExitCode, UsageProblem
from bulkps.runs import RunService
from bulkps.settings import Settings


def execute(operation: str, file: Path, settings: Settings, as_json: bool, **given: Any) -> None:
    """Check FILE against Exchange and report what would fail. Changes nothing."""
    found = chosen(settings, operation)
    if found.preflight is None and not found.reads_state:
        raise UsageProblem(
            f"there are no pre-flight checks for {found.name}; to check the cells: bulkps check "
            f"{found.name} {file}"
        )
    output = output_file(given["results"], given["force"])
    checked = checked_input(found, file, given, {}, as_json=as_json)
    report, rows, found = checked.report, checked.rows, checked.operation
    there = target(settings, settings.choose_connection(given["connection"]), configured(settings.run, given))
    if found.preflight is None:
        nothing = nothing_sent(found, there.name, there.connection, ExitCode.COMPLETED)
        nothing |= console.remarks_json(report)
        show_plan(report, found, rows, there, nothing, again=True, compares=True, as_json=as_json)
        return
    said = invocation(given)
    with (
        RunService() as service,
        service.new_run(found, report, rows, there, checks=True, invocation=said) as run,
    ):
        ended, code = work(service, run, there, output, quiet=given["quiet"])
        details = service.details(ended.run)
        show_report(details, ended, code, as_json=as_json, remarks=console.remarks_json(report))
    raise SystemExit(int(code))
