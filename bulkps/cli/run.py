"""``bulkps run``."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bulkps.cli import console
from bulkps.cli.checked_input import checked_input
from bulkps.cli.confirmation import asks
from bulkps.cli.dry_run_output import nothing_sent, show_plan
from bulkps.cli.password_options import check_options, password_file
from bulkps.cli.printed_command import invocation
from bulkps.cli.run_and_validate_options import (
    check_compare,
    configured,
)
from bulkps.cli.run_common import target, work
from bulkps.cli.run_report import show_report
from bulkps.cli.shared_option_values import (
    chosen,
    output_file,
)
from bulkps.cli.time_limit import ends_at
from bulkps.engine.config import BulkOperationConfig
from bulkps.errors import ExitCode, UsageProblem
from bulkps.intake import CheckReport, InputRow
from bulkps.operations.model import Operation
from bulkps.run_target import Target, check_target
from bulkps.runs import RunService
from bulkps.sessions.connection import Connection, Credentials
from bulkps.settings import Settings


def execute(operation: str, file: Path, settings: Settings, as_json: bool, **given: Any) -> None:
    """Check every row of FILE, then run OPERATION for each of them."""
    found = chosen(settings, operation)
    check_compare(found, compare=given["compare"], dry_run=given["dry_run"])
    for output in (given["problems"], given["results"]):
        _spare(file, output)
    given["output"] = output_file(given["results"], given["force"])
    check_options(found, given, file, given["results"], given["problems"])
    connection = settings.choose_connection(given["connection"])
    refused = nothing_sent(found, *connection, ExitCode.INVALID_INPUT)
    checked = checked_input(found, file, given, refused, as_json=as_json)
    report, rows, found = checked.report, checked.rows, checked.operation
    if given["dry_run"]:
        nothing = {**nothing_sent(found, *connection, ExitCode.COMPLETED), **console.remarks_json(report)}
        compares = given["compare"]
        there = _rehearsed(settings, connection, given)
        again = given["again"]
        show_plan(report, found, rows, there, nothing, again=again, compares=compares, as_json=as_json)
        return
    given["asks"] = asks(found, yes=given["yes"])
    there = target(settings, connection, _config(settings.run, given))
    _run_rows(report, found, rows, there, given, as_json)


def _run_rows(
    report: CheckReport,
    operation: Operation,
    rows: Iterable[InputRow],
    there: Target,
    given: dict[str, Any],
    as_json: bool,
) -> None:
    check_target(operation, there)
    passwords = password_file(given)
    with RunService() as service:
        with service.new_run(
            *(operation, report, rows, there),
            again=given["again"],
            invocation=invocation(given),
            passwords=passwords,
        ) as run:
            if not given["quiet"]:
                console.say(
                    f"run {run.id}: {report.rows} row{'s' * (report.rows != 1)} with connection {there.name}"
                )
            end = ends_at(given["until"], given["max_duration"])
            ended, code = work(
                service,
                run,
                there,
                given["output"],
                quiet=given["quiet"],
                ends_at=end,
                passwords=passwords,
            )
        remarks, details = console.remarks_json(report), service.details(ended.run)
        show_report(details, ended, code, as_json=as_json, passwords=passwords, remarks=remarks)
    raise SystemExit(int(code))


def _spare(file: Path, output: Path | None) -> None:
    if output is not None and output.exists() and output.samefile(file):
        raise UsageProblem(f"{output} is the input file; choose another name; nothing was sent or written")


def _rehearsed(settings: Settings, connection: tuple[str, Connection], given: dict[str, Any]) -> Target:
    """Return the target of the run; a password is only asked for if Exchange is read."""
    config = _config(settings.run, given)
    if config.onmicrosoft_fallback or given["compare"]:
        return target(settings, connection, config)
    return Target(*connection, Credentials(), config, settings.catalogue)


def _config(config: BulkOperationConfig, given: dict[str, Any]) -> BulkOperationConfig:
    """Return *config* with the options of the command line."""
    changed: dict[str, Any] = {
        name: given[name] for name in ("batch_size", "max_sessions") if given[name] is not None
    }
    if given["parallel"] is not None:
        changed["parallel_execution"] = given["parallel"]
    elif given["max_sessions"] is not None:
        changed["parallel_execution"] = given["max_sessions"] > 1
    if given["stop_on_error"]:
        changed["stop_on_error"] = True
    if given["no_wait"]:
        changed["wait"] = False
    return replace(configured(config, given), **changed)
