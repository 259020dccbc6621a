"""What ``run``, ``resume`` and ``retry`` share: interrupts, progress, and the report at the end."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import click

from bulkps.atomic_file import Output
from bulkps.cli import console
from bulkps.cli.confirmation import asks, asks_first, question
from bulkps.cli.password_options import check_options, password_file, password_settings, say_passwords
from bulkps.cli.printed_command import next_command, settings_file
from bulkps.cli.progress import progress
from bulkps.cli.run_report import show_report
from bulkps.cli.shared_option_values import output_file
from bulkps.cli.signals import interruptible
from bulkps.cli.time_limit import ends_at
from bulkps.credentials import credentials
from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.item_status import BulkItemStatus
from bulkps.errors import ExitCode, RecordFailed
from bulkps.passwords.password_file import PasswordFile
from bulkps.run_target import Target, connection_warnings
from bulkps.runs import Orders, Run, RunReport, RunService, operation_of, options_of
from bulkps.sessions.connection import Connection
from bulkps.settings import Settings


def target(settings: Settings, connection: tuple[str, Connection], config: BulkOperationConfig) -> Target:
    """Return the target of a run; a password that is not stored is asked for on a terminal.

    Raises:
        CannotConnect: If a password is needed and cannot be obtained.
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
    service: RunService,
    run: Run,
    there: Target,
    results: Output | None,
    *,
    quiet: bool,
    retry: bool = False,
    ends_at: float | None = None,
    passwords: PasswordFile | None = None,
) -> tuple[RunReport, ExitCode]:
    """Work on *run* with progress and Ctrl-C; return its report and the exit code."""
    counts = service.counts(run)
    total = sum(counts.values())
    begun = [BulkItemStatus.PENDING, BulkItemStatus.IN_PROGRESS, *([BulkItemStatus.FAILED] if retry else [])]
    over = total - sum(counts[status] for status in begun)
    told = {"passwords": password_settings()} if password_settings() else {}
    service.keep(run, invocation={**run.invocation, **settings_file()}, **told)
    if over < total and not quiet:
        _say_reading(run)
    try:
        with interruptible() as interrupts, progress(run.operation, total, over, quiet=quiet) as shown:
            saved = passwords is not None
            orders = Orders(
                on_changes=shown.show,
                on_reading=shown.reading,
                on_driver=interrupts.register,
                ends_at=ends_at,
                passwords=passwords,
                confirm=question(service, run, shown.hidden, passwords=saved) if asks_first(run) else None,
            )
            report = service.work(run, there, orders, retry=retry, output=results)
    except (RecordFailed, KeyboardInterrupt):
        say_passwords(passwords)
        if _looks_first(service.run(run.id)):
            console.say("Pre-flight was not finished: nothing was sent.")
        console.say(f"To continue: {next_command(service.run(run.id))}")
        raise
    unfinished = report.exit_code is ExitCode.UNFINISHED
    return report, ExitCode.INTERRUPTED if interrupts.times and unfinished else report.exit_code


def _looks_first(run: Run) -> bool:
    """Return whether *run* reads Exchange before it sends anything."""
    operation = operation_of(run)
    wanted = options_of(run).preflight or not operation.steps
    return bool(operation.preflight) and wanted and not run.preflight


def _say_reading(run: Run) -> None:
    """Say what is read before anything is sent, because it can take minutes."""
    if _looks_first(run):
        console.say("Pre-flight: reading Exchange. Nothing has been changed yet.")
    elif operation_of(run).reads_state and options_of(run).preflight:
        console.say("Reading the present state from Exchange, before anything else is sent.")


def continue_run(
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
    """Work on a run that is in the journal, show its report, and exit with its exit code.

    The other options say where generated passwords are saved.
    """
    end, output = ends_at(until, max_duration), output_file(results, force)
    with RunService() as service:
        found = service.run(run)
        operation = operation_of(found)
        check_options(operation, handing, results)
        waits = service.counts(found)[BulkItemStatus.PENDING]
        if waits and asks_first(found) and not asks(operation, yes=yes):
            found = service.confirmed(found)
        there = target(
            settings, settings.choose_connection(found.connection), replace(options_of(found), wait=True)
        )
        passwords = password_file(handing)
        _warn(found, there, "retry" if retry else "resume", saved=passwords is not None)
        with service.passwords_of(found, passwords):
            report, code = work(
                service, found, there, output, quiet=quiet, retry=retry, ends_at=end, passwords=passwords
            )
        show_report(service.details(report.run), report, code, as_json=as_json, passwords=passwords)
    raise SystemExit(int(code))


def _warn(run: Run, there: Target, command: str, *, saved: bool) -> None:
    """Say what continuing *run* cannot bring back: an embedded tenant, passwords that are not *saved*."""
    if there.connection.embedded:
        console.say(
            "The embedded simulator starts with a new tenant for every command: requests from earlier "
            "commands no longer exist. To rehearse a resume, use bulkps simulate, which keeps its tenant."
        )
    if run.passwords and not saved:
        console.say(
            "warning: this run saved its passwords. New passwords are lost unless you add --passwords "
            f"FILE: {next_command(run, command)}"
        )
