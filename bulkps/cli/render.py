"""What people and runbooks read: tables, problems, reports. Results go to stdout, messages to stderr."""

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from tabulate import tabulate

from bulkps.engine.status import BulkItemStatus
from bulkps.errors import ExitCode
from bulkps.intake import CheckReport, Problem
from bulkps.records import home

if TYPE_CHECKING:
    from bulkps.library.runs import RunReport
    from bulkps.records.passwords import PasswordFile

#: How many failed rows the table shows.
SHOWN_FAILURES = 20


def say(text: str) -> None:
    """Print a message for people."""
    click.echo(text, err=True)


def table(rows: Iterable[Sequence[object]], headers: Sequence[str]) -> str:
    """Return rows as a plain table; cells stay as they are."""
    return tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True)


def as_json(data: Mapping[str, object]) -> None:
    """Print one JSON object to stdout."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))


def pour(path: Path) -> None:
    """Print a file to stdout as it is."""
    # As bytes: a text stdout on Windows would double every carriage return and lose what its code page lacks.
    with path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)


def check_report(report: CheckReport, problems_file: Path | None) -> None:
    """Print what was found in a file."""
    for remark in report.remarks():
        say(remark)
    if report.sound:
        say(f"{report.path}: {report.rows} row{'s' * (report.rows != 1)}, all sound for {report.operation}")
        return
    count = report.problem_count
    say(f"{report.path}: {count} problem{'s' * (count != 1)}, nothing was sent")
    for sentence in report.sentences():
        say(f"  {sentence}")
    if problems_file:
        say(f"all of them: {problems_file}")
    elif count > len(report.problems):
        say("--problems FILE writes all of them")


def check_json(report: CheckReport) -> dict[str, object]:
    """Return a check's outcome for a runbook."""
    return {
        "file": str(report.path),
        "operation": report.operation,
        "rows": report.rows,
        "sound": report.sound,
        "problem_count": report.problem_count,
        "problems": [_problem_json(problem) for problem in report.problems],
        **remarks_json(report),
        "exit_code": int(ExitCode.COMPLETED if report.sound else ExitCode.INVALID_INPUT),
    }


def remarks_json(report: CheckReport) -> dict[str, object]:
    """Return what a person should know of a file, whether or not anything is wrong with it."""
    return {
        "notes": list(report.notes),
        "warning_count": report.warning_count,
        "warnings": [_problem_json(problem) for problem in report.warnings],
    }


def _problem_json(problem: Problem) -> dict[str, object]:
    return {
        "row": problem.row,
        "column": problem.column,
        "found": problem.found,
        "expected": problem.expected,
    }


def run_json(
    report: "RunReport", exit_code: ExitCode, passwords: "PasswordFile | None" = None
) -> dict[str, object]:
    """Return a run's outcome for a runbook."""
    return {
        "run": report.run.id,
        "operation": report.run.operation,
        "connection": report.run.connection,
        "simulated": report.run.simulated,
        "counts": totals(report.counts),
        "exit_code": int(exit_code),
        "preflight": dict(report.run.preflight),
        "stopped": report.finish.reason.value,
        "detail": report.finish.detail,
        "results": str(report.results) if report.results else None,
        "audit": report.run.audit,
        "journal": str(home.journal_path()),
        "passwords": str(passwords.path) if passwords and passwords.count else None,
    }


def simulated(is_simulated: bool) -> str:
    """Return the words that no simulated output goes without."""
    return "SIMULATED (no real Exchange was touched)" if is_simulated else ""


def totals(counts: Mapping[BulkItemStatus, int]) -> dict[str, int]:
    """Return counts by the seed's names in upper case."""
    return {status.name: counts[status] for status in BulkItemStatus}


def counts_table(counts: Mapping[BulkItemStatus, int]) -> str:
    """Return the totals as a table."""
    rows = [(status.name, counts[status]) for status in BulkItemStatus if counts[status]]
    return table([*rows, ("total", sum(counts.values()))], ("status", "rows"))


def local_time(at: float | None) -> str:
    """Return epoch seconds as people here read them."""
    return "" if at is None else datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
