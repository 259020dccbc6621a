"""What ``run`` and ``resume`` share: interrupts, progress, and the report at the end."""

import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from bulkps.cli import render
from bulkps.cli.beforehand import say_found
from bulkps.cli.handingout import (
    check_options,
    handed_out,
    password_file,
    passwords_options,
    quoted,
    same_again,
    say_passwords,
)
from bulkps.cli.interrupts import interruptible
from bulkps.cli.options import CONFIG, NEW_FILE, config_option, force_option, json_option, output_file
from bulkps.cli.progress import progress
from bulkps.cli.window import ends_at, window_options
from bulkps.credentials import credentials
from bulkps.engine.policy import BulkOperationConfig
from bulkps.engine.status import BulkItemStatus
from bulkps.errors import ExitCode, RecordFailed
from bulkps.exchange.findings import Code
from bulkps.library.passwords import handing_out
from bulkps.library.runs import RunReport, operation_of, options_of, proceed
from bulkps.library.target import Target
from bulkps.records import home
from bulkps.records.changes import keep_facts
from bulkps.records.journal import Journal
from bulkps.records.passwords import PasswordFile
from bulkps.records.results import rows
from bulkps.records.rows import Run
from bulkps.sessions.connection import Connection
from bulkps.settings import Settings
from bulkps.whole import Output

F = TypeVar("F", bound=Callable[..., Any])

#: What pre-flight finds, as result codes.
_FOUND = frozenset(code.value for code in Code)


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
    return Target(name, found, credentials(name, found, ask), config, settings.catalogue)


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
    if told := handed_out():
        with journal.writing() as connection:
            keep_facts(connection, run.id, passwords=told)
    if looks and not quiet:
        sends = bool(operation_of(run).steps)
        rest = " first; nothing is sent before that is done" if sends else "; nothing is changed"
        render.say(f"pre-flight: Exchange is read{rest}")
    try:
        with interruptible() as interrupts, progress(run.operation, total, over, quiet=quiet) as show:
            report = proceed(
                journal,
                run,
                there,
                retry=retry,
                on_changes=show,
                on_driver=interrupts.register,
                output=results,
                ends_at=ends_at,
                passwords=passwords,
            )
    except (RecordFailed, KeyboardInterrupt):
        say_passwords(passwords)
        if looks and not journal.run(run.id).preflight:
            render.say("pre-flight was not done yet: nothing was sent")
        render.say(f"Next: {next_command(run.id)}")
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
    results = click.option("--results", type=NEW_FILE, help="Write results here (.csv or .json).")
    quiet = click.option("--quiet", is_flag=True, help="No progress.")
    # The last one put on is the first one shown.
    own = (json_option, quiet, force_option, results, passwords_options, window_options, config_option)
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
    retry: bool = False,
    until: float | None = None,
    max_duration: float | None = None,
    **handing: Any,
) -> NoReturn:
    """Work on a run that is in the journal, show how it stands, and leave with its exit code.

    What is not named here says where generated passwords go.
    """
    end, output = ends_at(until, max_duration), output_file(results, force)
    with Journal(home.journal_path()) as journal:
        found = journal.run(run)
        operation = operation_of(found)
        check_options(operation, handing, results)
        there = target(
            settings, settings.choose_connection(found.connection), replace(options_of(found), wait=True)
        )
        passwords = password_file(handing)
        if found.passwords and passwords is None:
            render.say(
                "warning: this run handed its passwords out, and those that are made now nobody will see. To "
                f"have them: bulkps {'retry' if retry else 'resume'} {found.id}{_same_config()}"
                f"{same_again(found.passwords)}"
            )
        with handing_out(operation, passwords):
            report, code = work(
                journal, found, there, output, quiet=quiet, retry=retry, ends_at=end, passwords=passwords
            )
        show_report(journal, report, code, as_json=as_json, passwords=passwords)
    raise SystemExit(int(code))


def next_command(run: str, command: str = "resume") -> str:
    """Return the command that goes on with a run as this one did: its settings, its passwords."""
    return f"bulkps {command} {run}{_same_config()}{same_again(handed_out())}"


def _same_config() -> str:
    config = click.get_current_context().find_root().meta.get(CONFIG)
    return f" --config {quoted(config)}" if config else ""


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
        render.as_json({**render.run_json(report, code, passwords), **(remarks or {})})
    else:
        _show_table(journal, report)
        say_found(report.run.preflight)
    say = render.say
    if report.run.simulated:
        say(render.simulated(True))
    _say_other_runs(report)
    say(f"results: {report.results or 'not written'}")
    say(f"audit:   {report.run.audit}")
    say(f"journal: {journal.path}")
    say_passwords(passwords)
    if report.finish.detail:
        say(f"stopped: {report.finish.reason.value}: {report.finish.detail}")
    if report.finish.advice:
        say(f"advice:  {report.finish.advice}")
    _say_blocked(report)
    if code in (ExitCode.UNFINISHED, ExitCode.INTERRUPTED, ExitCode.CANNOT_CONNECT):
        _say_next(report, code)
    elif report.counts[BulkItemStatus.FAILED] and report.sends:
        command = next_command(report.run.id, "retry")
        say(f"{_rows(report.counts[BulkItemStatus.FAILED])} failed. Once mended in Exchange, next: {command}")
        say(f"Where the row itself has to be mended: {_as_input(report, 'failed')}")


def _say_other_runs(report: RunReport) -> None:
    """Say which rows were not sent because of what other runs did."""
    if report.settled:
        again = "" if operation_of(report.run).one_way else "; --again does them once more"
        render.say(
            f"{_rows(report.settled)} SKIPPED: completed by earlier runs, as the results say (done-already)"
            f"{again}"
        )
    if report.left:
        render.say(
            f"{_rows(report.left)} not sent again: another run did the same since, or has it underway; what "
            "that run left open, its own resume or retry brings to an end (bulkps runs lists them)"
        )


def _say_blocked(report: RunReport) -> None:
    blocked = int(report.run.preflight.get("blocked", 0))
    if blocked and report.sends:
        render.say(f"{_rows(blocked)} SKIPPED by pre-flight. Once mended: {_as_input(report, 'skipped')}")
    elif blocked:
        render.say(f"{_rows(blocked)} would fail; nothing was sent")


def _as_input(report: RunReport, status: str) -> str:
    return (
        f"bulkps results {report.run.id} --only {status} -o rest.csv, then bulkps run {report.run.operation} "
        f"rest.csv{_same_config()}"
    )


def _say_next(report: RunReport, code: ExitCode) -> None:
    left = report.counts[BulkItemStatus.PENDING] + report.counts[BulkItemStatus.IN_PROGRESS]
    if left:
        sent = " (nothing was sent)" if code is ExitCode.CANNOT_CONNECT else ""
        command = next_command(report.run.id)
        render.say(f"{_rows(left)} not at their end{sent}. Next: {command}")


def _rows(count: int) -> str:
    return f"{count} row{'s' * (count != 1)}"


def _show_table(journal: Journal, report: RunReport) -> None:
    run = report.run
    click.echo(f"run {run.id}  {render.simulated(run.simulated)}".rstrip())
    click.echo(render.counts_table(report.counts))
    failed = report.counts[BulkItemStatus.FAILED]
    if failed:
        _show_rows(journal, run, BulkItemStatus.FAILED, "what happened")
    if failed > render.SHOWN_FAILURES:
        render.say(f"{failed} rows failed; bulkps results {run.id} --only failed shows them all")
    blocked = int(run.preflight.get("blocked", 0)) if report.sends else 0
    if blocked:
        _show_rows(journal, run, BulkItemStatus.SKIPPED, "why pre-flight skipped it")
    if blocked > render.SHOWN_FAILURES:
        render.say(f"{blocked} rows were SKIPPED; bulkps results {run.id} --only skipped shows them all")


def _show_rows(journal: Journal, run: Run, status: BulkItemStatus, title: str) -> None:
    """Print the first rows that ended so: what was found, and what to do."""
    shown = []
    for _, became in rows(journal, run, operation_of(run), status):
        if status is BulkItemStatus.SKIPPED and became["error_code"].partition(";")[0] not in _FOUND:
            continue
        shown.append((became["row_number"], became["source_identity"], became["error_code"], became["error"]))
        if became["advice"]:
            shown.append(("", "", "", f"-> {became['advice']}"))
        if len(shown) >= 2 * render.SHOWN_FAILURES:
            break
    click.echo()
    click.echo(
        render.table([(*row[:3], _wrapped(row[3])) for row in shown], ("row", "source", "code", title))
    )


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(" ".join(text.split()), 90))
