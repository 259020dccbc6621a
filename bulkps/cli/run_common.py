"""What ``run`` and ``resume`` share: interrupts, progress, and the report at the end."""

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from bulkps.atomic_file import Output
from bulkps.cli import console
from bulkps.cli.confirmation import asks, asks_first, confirmed, consequences, question
from bulkps.cli.options import NEW_FILE, config_option, force_option, json_option, output_file
from bulkps.cli.password_options import (
    check_options,
    handed_out,
    password_file,
    passwords_options,
    say_passwords,
)
from bulkps.cli.preflight_options import say_found
from bulkps.cli.printed_command import next_command, rows_again, settings_file
from bulkps.cli.progress import progress
from bulkps.cli.signals import interruptible
from bulkps.cli.time_limit import ends_at, window_options
from bulkps.credentials import credentials
from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.item import DONE_DIFFERENTLY, ITEMS_LEFT_BEHIND
from bulkps.engine.status import BulkItemStatus
from bulkps.errors import ExitCode, RecordFailed
from bulkps.passwords.password_file import PasswordFile
from bulkps.passwords.password_provisioning import handing_out
from bulkps.preflight.findings import Code
from bulkps.records import paths
from bulkps.records.changes import keep_facts
from bulkps.records.journal import Journal
from bulkps.records.results import rows
from bulkps.records.row_mapping import Run
from bulkps.records.run_queries import warned_rows
from bulkps.run_target import Target, connection_warnings
from bulkps.runs.run_service import RunReport, operation_of, options_of, proceed
from bulkps.sessions.connection import Connection
from bulkps.settings import Settings
from bulkps.visible_text import visible

F = TypeVar("F", bound=Callable[..., Any])

#: What pre-flight finds, as result codes.
_FOUND = frozenset(code.value for code in Code)
#: How many characters of a source a table shows; a DistinguishedName has some more.
_SHOWN_SOURCE = 200
_DIFFERENTLY = frozenset({DONE_DIFFERENTLY})


def target(settings: Settings, connection: tuple[str, Connection], config: BulkOperationConfig) -> Target:
    """Return where a run goes; a password that nobody stored is asked for on a terminal.

    Raises:
        CannotConnect: If a password is needed and nowhere to be had.
    """
    name, found = connection
    ask = (
        (lambda question: str(click.prompt(question, hide_input=True, err=True)))
        if sys.stdin.isatty()
        else None
    )
    for sentence in connection_warnings(name, found):
        console.warn(sentence)
    return Target(name, found, credentials(name, settings.connections, ask), config, settings.catalogue)


def work(
    journal: Journal,
    run: Run,
    there: Target,
    results: Output | None,
    *,
    quiet: bool,
    retry: bool = False,
    ends_at: float | None = None,
    passwords: PasswordFile | None = None,
) -> tuple[RunReport, ExitCode]:
    """Work on *run* with progress and Ctrl-C; return how it stands and the exit code."""
    counts = journal.counts(run.id)
    total = sum(counts.values())
    begun = [BulkItemStatus.PENDING, BulkItemStatus.IN_PROGRESS, *([BulkItemStatus.FAILED] if retry else [])]
    over = total - sum(counts[status] for status in begun)
    looks = _looks_first(run)
    told = {"passwords": handed_out()} if handed_out() else {}
    with journal.writing() as connection:
        keep_facts(connection, run.id, invocation={**run.invocation, **settings_file()}, **told)
    if looks and not quiet:
        console.say("Pre-flight: reading Exchange. Nothing has been changed yet.")
    try:
        with interruptible() as interrupts, progress(run.operation, total, over, quiet=quiet) as shown:
            saved = passwords is not None
            report = proceed(
                journal,
                run,
                there,
                retry=retry,
                on_changes=shown.show,
                on_reading=shown.reading,
                on_driver=interrupts.register,
                output=results,
                ends_at=ends_at,
                passwords=passwords,
                confirm=question(journal, run, shown.hidden, passwords=saved) if asks_first(run) else None,
            )
    except (RecordFailed, KeyboardInterrupt):
        say_passwords(passwords)
        if looks and not journal.run(run.id).preflight:
            console.say("Pre-flight was not finished: nothing was sent.")
        console.say(f"To continue: {next_command(journal.run(run.id))}")
        raise
    unfinished = report.exit_code is ExitCode.UNFINISHED
    return report, ExitCode.INTERRUPTED if interrupts.times and unfinished else report.exit_code


def _looks_first(run: Run) -> bool:
    """Return whether Exchange is read before anything of *run* is sent."""
    operation = operation_of(run)
    wanted = options_of(run).preflight or not operation.steps
    return bool(operation.preflight) and wanted and not run.preflight


def going_on(function: F) -> F:
    """What resume and retry are told: the arguments of ``go_on``."""
    results = click.option("--results", type=NEW_FILE, help="Write the results to this file (.csv or .json).")
    quiet = click.option("--quiet", is_flag=True, help="Do not show progress.")
    # The last one put on is the first one shown.
    yes = click.option(
        "--yes", is_flag=True, help="Do not ask for confirmation if the run was never confirmed."
    )
    own = (json_option, quiet, force_option, results, passwords_options, window_options, yes, config_option)
    for option in (*own, click.argument("run")):
        function = option(function)
    return function


def go_on(
    run: str,
    settings: Settings,
    *,
    results: Path | None,
    force: bool,
    quiet: bool,
    as_json: bool,
    yes: bool = False,
    retry: bool = False,
    until: float | None = None,
    max_duration: float | None = None,
    **handing: Any,
) -> NoReturn:
    """Work on a run that is in the journal, show how it stands, and leave with its exit code.

    What is not named here says where generated passwords go.
    """
    end, output = ends_at(until, max_duration), output_file(results, force)
    with Journal(paths.journal_path()) as journal:
        found = journal.run(run)
        operation = operation_of(found)
        check_options(operation, handing, results)
        waits = journal.counts(found.id)[BulkItemStatus.PENDING]
        if waits and asks_first(found) and not asks(operation, yes=yes):
            found = confirmed(journal, found)
        there = target(
            settings, settings.choose_connection(found.connection), replace(options_of(found), wait=True)
        )
        passwords = password_file(handing)
        if found.passwords and passwords is None:
            console.say(
                "warning: this run saved its passwords. New passwords are lost unless you add --passwords "
                f"FILE: {next_command(found, 'retry' if retry else 'resume')}"
            )
        with handing_out(operation, passwords):
            report, code = work(
                journal, found, there, output, quiet=quiet, retry=retry, ends_at=end, passwords=passwords
            )
        show_report(journal, report, code, as_json=as_json, passwords=passwords)
    raise SystemExit(int(code))


def show_report(
    journal: Journal,
    report: RunReport,
    code: ExitCode,
    *,
    as_json: bool,
    passwords: PasswordFile | None = None,
    remarks: Mapping[str, object] | None = None,
) -> None:
    """Print how a run stands: the table to stdout, where things lie and what comes next to stderr.

    Args:
        journal: Where it is kept.
        report: How it stands.
        code: What the command ends with.
        as_json: Whether stdout gets JSON.
        passwords: Where its passwords were written.
        remarks: What is to be known of its file, for JSON; people have been told.
    """
    if as_json:
        warned = warned_rows(journal, report.run.id, console.SHOWN_WARNINGS)
        console.as_json({**console.run_json(report, code, passwords, warned), **(remarks or {})})
    else:
        _show_table(journal, report)
        say_found(report.run.preflight)
    say = console.say
    if report.run.simulated:
        say(console.simulated(True))
    _say_other_runs(report)
    say(f"results: {report.results or 'not written'}")
    say(f"audit:   {report.run.audit}")
    say(f"journal: {journal.path}")
    say_passwords(passwords)
    _say_consequences(report, passwords)
    if report.finish.detail:
        say(f"stopped: {report.finish.reason.value}: {visible(console.short(report.finish.detail))}")
    if report.finish.advice:
        say(f"advice:  {visible(report.finish.advice.strip())}")
    if report.left_behind:
        say(
            f"{_rows(report.left_behind)} COMPLETED at Exchange with items left behind; do what the advice "
            f"says. All of them: bulkps results {report.run.id} --only {ITEMS_LEFT_BEHIND}"
        )
    _say_blocked(report)
    if code in (ExitCode.UNFINISHED, ExitCode.INTERRUPTED, ExitCode.CANNOT_CONNECT):
        _say_next(report, code)
    elif report.counts[BulkItemStatus.FAILED] and report.sends:
        failed = _rows(report.counts[BulkItemStatus.FAILED])
        say(f"{failed} failed. Fix the cause in Exchange, then run: {next_command(report.run, 'retry')}")
        rest = "failed,skipped" if _unsettled(report) else "failed"
        say(f"To correct the rows themselves: {rows_again(report.run, rest)}")


def _unsettled(report: RunReport) -> int:
    """Return how many rows are SKIPPED for another reason than that other runs did them."""
    return report.counts[BulkItemStatus.SKIPPED] - report.settled - report.differing


def _say_consequences(report: RunReport, passwords: PasswordFile | None) -> None:
    """Say what remains to be done by a person for what was completed."""
    if report.counts[BulkItemStatus.COMPLETED] and report.sends:
        for sentence in consequences(operation_of(report.run), passwords=passwords is not None):
            console.say(f"remember: {sentence}")


def _say_other_runs(report: RunReport) -> None:
    """Say which rows were not sent because of what other runs did."""
    if report.settled:
        again = "" if operation_of(report.run).one_way else "; --again does them once more"
        console.say(
            f"{_rows(report.settled)} SKIPPED: completed by earlier runs, as the results say (done-already)"
            f"{again}"
        )
    if report.differing:
        again = "" if operation_of(report.run).one_way else ", or --again does them once more"
        console.say(
            f"{_rows(report.differing)} SKIPPED: completed by earlier runs with other values "
            f"(done-differently). Nothing was sent for them: do what the advice says{again}. All of them: "
            f"bulkps results {report.run.id} --only skipped"
        )
    if report.left:
        console.say(
            f"{_rows(report.left)} not sent again: another run did the same since, or has it underway; what "
            "that run left open, its own resume or retry brings to an end (bulkps runs lists them)"
        )


def _say_blocked(report: RunReport) -> None:
    blocked = int(report.run.preflight.get("blocked", 0))
    if blocked and report.sends:
        again = rows_again(report.run, "skipped")
        console.say(f"{_rows(blocked)} SKIPPED by pre-flight. Fix the cause, then: {again}")
    elif blocked:
        console.say(f"{_rows(blocked)} would fail; nothing was sent")


def _say_next(report: RunReport, code: ExitCode) -> None:
    left = report.counts[BulkItemStatus.PENDING] + report.counts[BulkItemStatus.IN_PROGRESS]
    if left:
        sent = " (nothing was sent)" if code is ExitCode.CANNOT_CONNECT else ""
        console.say(f"{_rows(left)} not finished{sent}. To continue: {next_command(report.run)}")


def _rows(count: int) -> str:
    return f"{count} row{'s' * (count != 1)}"


def _show_table(journal: Journal, report: RunReport) -> None:
    run = report.run
    console.show(f"run {run.id}  {console.simulated(run.simulated)}".rstrip())
    console.show(console.counts_table(report.counts))
    failed = report.counts[BulkItemStatus.FAILED]
    if failed:
        _show_rows(journal, run, BulkItemStatus.FAILED, "what happened")
    if failed > console.SHOWN_FAILURES:
        console.say(f"{failed} rows failed; bulkps results {run.id} --only failed shows them all")
    if report.left_behind:
        left = frozenset({ITEMS_LEFT_BEHIND})
        _show_rows(journal, run, BulkItemStatus.COMPLETED, "what was left behind", left)
    _show_warned(journal, run)
    if report.differing:
        _show_rows(journal, run, BulkItemStatus.SKIPPED, "what was not done", _DIFFERENTLY)
    blocked = int(run.preflight.get("blocked", 0)) if report.sends else 0
    if blocked:
        _show_rows(journal, run, BulkItemStatus.SKIPPED, "why pre-flight skipped it", _FOUND)
    if blocked > console.SHOWN_FAILURES:
        console.say(f"{blocked} rows were SKIPPED; bulkps results {run.id} --only skipped shows them all")


def _show_warned(journal: Journal, run: Run) -> None:
    """Print the warnings of the first COMPLETED rows that have some."""
    found = warned_rows(journal, run.id, console.SHOWN_FAILURES)
    if not found.count:
        return
    source = operation_of(run).source
    shown = [
        (row, console.short(values.get(source) or "", _SHOWN_SOURCE), console.wrapped(warning))
        for row, values, warnings in found.first
        for warning in warnings
    ]
    console.show()
    console.show(console.table(shown, ("row", "source", "warning of a completed row")))
    more = "" if found.count <= len(found.first) else f"; bulkps results {run.id} --only completed shows all"
    console.say(f"{_rows(found.count)} COMPLETED with warnings{more}")


def _show_rows(
    journal: Journal, run: Run, status: BulkItemStatus, title: str, codes: Collection[str] = ()
) -> None:
    """Print the first rows that ended so, with one of these codes: what was found, and what to do."""
    shown = []
    for _, became in rows(journal, run, operation_of(run), [status.name.lower()]):
        if codes and became["error_code"].partition(";")[0] not in codes:
            continue
        source = console.short(became["source_identity"], _SHOWN_SOURCE)
        shown.append((became["row_number"], source, became["error_code"], became["error"]))
        if became["advice"]:
            shown.append(("", "", "", f"-> {became['advice']}"))
        if len(shown) >= 2 * console.SHOWN_FAILURES:
            break
    console.show()
    console.show(
        console.table(
            [(*row[:3], console.wrapped(row[3])) for row in shown], ("row", "source", "code", title)
        )
    )
