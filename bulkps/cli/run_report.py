"""The report at the end of a command about a run: tables, totals, JSON, and the next commands."""

from collections.abc import Mapping

from bulkps.cli import console
from bulkps.cli.confirmation import consequences
from bulkps.cli.password_options import say_passwords
from bulkps.cli.printed_command import next_command, rows_again
from bulkps.cli.row_groups import say_explained, show_rows
from bulkps.cli.run_and_validate_options import say_found
from bulkps.engine.item import FAILED_AT_EXCHANGE, ITEMS_LEFT_BEHIND
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.machine_messages import StopReason
from bulkps.errors import ExitCode
from bulkps.passwords.password_file import PasswordFile
from bulkps.preflight.findings import Code
from bulkps.runs import RunDetails, RunReport, operation_of
from bulkps.visible_text import visible


def show_report(
    details: RunDetails,
    report: RunReport,
    code: ExitCode,
    *,
    as_json: bool,
    passwords: PasswordFile | None = None,
    remarks: Mapping[str, object] | None = None,
) -> None:
    """Print the report of a run: the table to stdout, paths and next commands to stderr.

    Args:
        details: Further details of the run.
        report: The report.
        code: The exit code of the command.
        as_json: Whether stdout gets JSON.
        passwords: The file of its passwords.
        remarks: The notes about its file, for JSON; on a terminal they are already printed.
    """
    following = _following(details, report, code)
    if as_json:
        told = {
            **console.run_json(report, code, passwords, details),
            **_attention_json(details),
            "remember": _consequences(report, passwords),
            "next": [command for _, command in following],
        }
        console.as_json({**told, **(remarks or {})})
    else:
        _show_table(details, report)
    if report.run.simulated:
        console.say(console.simulated(True))
    _say_other_runs(report)
    _say_where(details, report, passwords)
    for sentence in _consequences(report, passwords):
        console.say(f"remember: {sentence}")
    _say_why(report)
    for sentence, command in following:
        console.say(f"{sentence} {command}")
    _say_of_blocked(report)


def _say_where(details: RunDetails, report: RunReport, passwords: PasswordFile | None) -> None:
    console.say(f"results: {report.results or 'not written'}")
    console.say(f"audit:   {report.run.audit}")
    console.say(f"journal: {details.journal.path}")
    say_passwords(passwords)


def _say_why(report: RunReport) -> None:
    """Print why the run stopped, and how many rows have items left behind."""
    if report.finish.detail:
        console.say(f"stopped: {report.finish.reason.value}: {visible(console.short(report.finish.detail))}")
    if report.finish.advice:
        console.say(f"advice:  {visible(report.finish.advice.strip())}")
    if report.left_behind:
        console.say(
            f"{_rows(report.left_behind)} COMPLETED at Exchange with items left behind; follow the advice. "
            f"To list these rows: bulkps results {report.run.id} --only {ITEMS_LEFT_BEHIND}"
        )


def _following(details: RunDetails, report: RunReport, code: ExitCode) -> list[tuple[str, str]]:
    """Return what can be done next: for each a sentence and the command that follows it."""
    run, blocked, found = report.run, _blocked(report) if report.sends else 0, []
    if blocked:
        told = f"{_rows(blocked)} SKIPPED by pre-flight. Fix the cause, then:"
        found.append((told, rows_again(run, "skipped")))
    failed = report.counts[BulkItemStatus.FAILED] if report.sends else 0
    cancelled = details.coded(BulkItemStatus.SKIPPED, StopReason.CANCELLED.value)
    if code in (ExitCode.UNFINISHED, ExitCode.INTERRUPTED, ExitCode.CANNOT_CONNECT):
        left = report.counts[BulkItemStatus.PENDING] + report.counts[BulkItemStatus.IN_PROGRESS]
        sent = " (nothing was sent)" if code is ExitCode.CANNOT_CONNECT else ""
        if left:
            found.append((f"{_rows(left)} not finished{sent}. To continue:", next_command(run)))
    elif failed:
        told = f"{_rows(failed)} failed. Fix the cause in Exchange, then run:"
        found.append((told, next_command(run, "retry")))
        # If a row failed at Exchange, its request exists: retry continues it, a new file cannot.
        if failed > details.coded(BulkItemStatus.FAILED, FAILED_AT_EXCHANGE):
            rest = "failed,skipped" if _unsettled(report) else "failed"
            found.append(("To correct the rows themselves:", rows_again(run, rest)))
    elif cancelled and report.sends:
        told = f"{_rows(cancelled)} SKIPPED: the run was cancelled before they were sent. To send them:"
        found.append((told, rows_again(run, "skipped")))
    return found


def _attention_json(details: RunDetails) -> dict[str, object]:
    """Return the first rows that need attention, for a runbook."""
    found, source = details.attention(console.SHOWN_WARNINGS), details.operation.source
    told = [
        {
            "row": item.row,
            "source": str(item.values.get(source) or ""),
            "status": item.status.name,
            "code": item.code,
            "error": item.error,
            "advice": item.advice,
        }
        for item in found.first
    ]
    return {"attention": found.count, "rows": told}


def _unsettled(report: RunReport) -> int:
    """Return how many rows are SKIPPED for a reason other than another run."""
    done = report.settled + report.differing + report.already_so
    return report.counts[BulkItemStatus.SKIPPED] - done


def _consequences(report: RunReport, passwords: PasswordFile | None) -> list[str]:
    if not (report.counts[BulkItemStatus.COMPLETED] and report.sends):
        return []
    return consequences(operation_of(report.run), passwords=passwords is not None)


def _say_other_runs(report: RunReport) -> None:
    """Print which rows were not sent because it is done already, by another run or by anybody."""
    if report.already_so:
        console.say(
            f"{_rows(report.already_so)} SKIPPED: Exchange already shows what they ask for (already-so); "
            "nothing was sent for them"
        )
    if report.settled:
        again = "" if operation_of(report.run).one_way else "; to do them again, add --again"
        console.say(
            f"{_rows(report.settled)} SKIPPED: completed by earlier runs; the results name them "
            f"(done-already){again}"
        )
    if report.differing:
        again = "" if operation_of(report.run).one_way else ", or add --again to do them again"
        console.say(
            f"{_rows(report.differing)} SKIPPED: completed by earlier runs with other values "
            f"(done-differently). Nothing was sent for them: follow the advice{again}. To list them: "
            f"bulkps results {report.run.id} --only skipped"
        )
    if report.left:
        console.say(
            f"{_rows(report.left)} not sent again: another run has done the same since, or is working on "
            "it. To finish what that run left open, resume or retry it (bulkps runs lists the runs)"
        )


def _blocked(report: RunReport) -> int:
    """Return in how many rows pre-flight found blockers."""
    return int(report.run.preflight.get("blocked", 0))


def _say_of_blocked(report: RunReport) -> None:
    blocked = _blocked(report)
    if blocked and not report.sends:
        console.say(f"{_rows(blocked)} would fail; nothing was sent")
    elif blocked and Code.REQUEST_EXISTS.value in (report.run.preflight.get("findings") or {}):
        console.say(
            f"{Code.REQUEST_EXISTS.value}: a new file does not help. To continue the request, use bulkps "
            "retry with the run that created it; bulkps runs lists the runs"
        )


def _rows(count: int) -> str:
    return f"{count} row{'s' * (count != 1)}"


def _show_table(details: RunDetails, report: RunReport) -> None:
    run = report.run
    console.show(f"run {run.id}  {console.simulated(run.simulated)}".rstrip())
    console.show_counts(report.counts)
    codes = show_rows(details)
    if warned := details.warned(0).count:
        console.say(f"{_rows(warned)} COMPLETED with warnings")
    say_explained([*codes, *say_found(run.preflight)])
