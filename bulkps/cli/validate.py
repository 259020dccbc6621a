"""``bulkps validate``: checks a file and reads Exchange (pre-flight alone)."""

from pathlib import Path
from typing import Any

from bulkps import intake
from bulkps.cli import console
from bulkps.cli.printed_command import invocation
from bulkps.cli.run_and_validate_options import configured, values_everywhere, with_values
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
    if found.preflight is None:
        raise UsageProblem(
            f"there are no pre-flight checks for {found.name}; to check the cells: bulkps check "
            f"{found.name} {file}"
        )
    problems, output = (output_file(given[name], given["force"]) for name in ("problems", "results"))
    everywhere = values_everywhere(found, given["everywhere"])
    asked = with_values(found, everywhere)
    report = intake.check(
        file,
        asked,
        strict_columns=given["strict_columns"],
        problems=problems,
        encoding=given["encoding"],
    )
    if not report.sound:
        if as_json:
            console.as_json(console.check_json(report))
        console.check_report(report, given["problems"])
        raise SystemExit(int(ExitCode.INVALID_INPUT))
    for remark in report.remarks():
        console.say(remark)
    there = target(settings, settings.choose_connection(given["connection"]), configured(settings.run, given))
    rows = intake.filled(intake.rows(file, asked, report), everywhere, found, report)
    report = intake.with_columns(report, everywhere, found)
    said = invocation(given)
    with (
        RunService() as service,
        service.new_run(found, report, rows, there, checks=True, invocation=said) as run,
    ):
        ended, code = work(service, run, there, output, quiet=given["quiet"])
        details = service.details(ended.run)
        show_report(details, ended, code, as_json=as_json, remarks=console.remarks_json(report))
    raise SystemExit(int(code))
