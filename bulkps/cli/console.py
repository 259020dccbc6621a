"""Output for people and runbooks: tables, problems, reports. Results go to stdout, messages to stderr."""

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulkps.cli.tables import fitting, terminal_width
from bulkps.engine.item_status import BulkItemStatus
from bulkps.errors import ExitCode
from bulkps.intake import CheckReport, Problem
from bulkps.visible_text import json_text, visible

if TYPE_CHECKING:
    from bulkps.passwords.password_file import PasswordFile
    from bulkps.runs import RunDetails, RunReport

#: The key of the warnings in the root context.
_WARNINGS = "bulkps.warnings"
#: For how many rows the JSON object contains the warnings.
SHOWN_WARNINGS = 50
#: How many messages about the problems of a file are printed.
_SHOWN_PROBLEMS = 50
#: How many characters of an error or advice are shown.
_SHOWN_TEXT = 1000


def say(text: str) -> None:
    """Print a message for people."""
    click.echo(visible(text, lines=True), err=True)


def show(text: str = "") -> None:
    """Print text for people to stdout."""
    click.echo(visible(text, lines=True))


def warn(sentence: str) -> None:
    """Print a warning about the connection; the JSON object contains it too."""
    say(f"warning: {sentence}")
    context = click.get_current_context()
    context.find_root().meta.setdefault(_WARNINGS, []).append(sentence)


def show_table(rows: Iterable[Sequence[object]], headers: Sequence[str]) -> None:
    """Print rows to stdout as a table that fits the terminal; text stays in its cell."""
    shown = [[visible(short(cell)) for cell in row] for row in rows]
    # Not by show(), which would print the colours of the states as text.
    click.echo(fitting(shown, headers, terminal_width()))


def short(text: object, longest: int = _SHOWN_TEXT) -> str:
    """Return *text*, shortened if it is too long for a terminal."""
    whole = str(text)
    return whole if len(whole) <= longest else f"{whole[:longest]}\u2026 ({len(whole):,} characters)"


def as_json(data: Mapping[str, object]) -> None:
    """Print one JSON object to stdout."""
    warnings = click.get_current_context().find_root().meta.get(_WARNINGS)
    if warnings:
        data = {**data, "connection_warnings": warnings}
    click.echo(json_text(data, indent=2))


def pour(path: Path) -> None:
    """Print a file to stdout: unchanged, except that control characters are escaped for a terminal."""
    if sys.stdout.isatty():
        with path.open(encoding="utf-8-sig", newline="") as text:
            for line in text:
                show(line.rstrip("\r\n"))
        return
    # As bytes: a text stdout on Windows would double carriage returns and lose characters of other code
    # pages.
    with path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)


def check_report(report: CheckReport, problems_file: Path | None, *, sends: bool = True) -> None:
    """Print what was found in a file.

    Args:
        report: What was found.
        problems_file: Where all problems are.
        sends: Whether the command would send anything if the file were valid.
    """
    for remark in report.remarks():
        say(remark)
    if report.sound:
        say(f"{report.path}: {report.rows} row{'s' * (report.rows != 1)}, all valid for {report.operation}")
        return
    count = report.problem_count
    say(f"{report.path}: {count} problem{'s' * (count != 1)}{', nothing was sent' * sends}")
    for sentence in report.groups.sentences(_SHOWN_PROBLEMS):
        say(f"  {sentence}")
    if problems_file:
        say(f"All problems, one per line: {problems_file}")
    elif report.groups.is_condensed(_SHOWN_PROBLEMS):
        say("To write all problems to a file, one per line, add --problems FILE")


def check_json(report: CheckReport) -> dict[str, object]:
    """Return a check's result for a runbook."""
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
    """Return the notes and warnings about a file, whether or not anything is wrong with it."""
    return {
        "notes": list(report.notes),
        "cell_warning_count": report.warning_count,
        "cell_warnings": [_problem_json(problem) for problem in report.warnings],
    }


def _problem_json(problem: Problem) -> dict[str, object]:
    return {
        "row": problem.row,
        "column": problem.column,
        "found": problem.found,
        "expected": problem.expected,
    }


def run_json(
    report: "RunReport", exit_code: ExitCode, passwords: "PasswordFile | None", details: "RunDetails"
) -> dict[str, object]:
    """Return a run's result for a runbook."""
    warned = details.warned(SHOWN_WARNINGS)
    return {
        "run": report.run.id,
        "operation": report.run.operation,
        "connection": report.run.connection,
        "simulated": report.run.simulated,
        "counts": totals(report.counts),
        "warned": warned.count,
        "row_warnings": [{"row": row, "warnings": list(told)} for row, _, told in warned.first],
        "done_already": report.settled,
        "done_differently": report.differing,
        "items_left_behind": report.left_behind,
        "exit_code": int(exit_code),
        "preflight": dict(report.run.preflight),
        "stopped": report.finish.reason.value,
        "detail": report.finish.detail,
        "results": str(report.results) if report.results else None,
        "audit": report.run.audit,
        "journal": str(details.journal.path),
        "passwords": str(passwords.path) if passwords and passwords.count else None,
    }


def simulated(is_simulated: bool) -> str:
    """Return the words that every output of a simulated run contains."""
    return "SIMULATED (no real Exchange was touched)" if is_simulated else ""


def totals(counts: Mapping[BulkItemStatus, int]) -> dict[str, int]:
    """Return counts by the names of the statuses, in upper case."""
    return {status.name: counts[status] for status in BulkItemStatus}


def show_counts(counts: Mapping[BulkItemStatus, int]) -> None:
    """Print the totals to stdout."""
    rows = [(status.name, counts[status]) for status in BulkItemStatus if counts[status]]
    show_table([*rows, ("total", sum(counts.values()))], ("status", "rows"))


def local_time(at: float | None) -> str:
    """Return epoch seconds as local time."""
    return "" if at is None else datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
