"""What ``run`` and ``resume`` share: interrupts, progress, and the report at the end."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from bulkps.cli import render
from bulkps.cli.progress import progress
from bulkps.credentials import password
from bulkps.engine.driver import Driver
from bulkps.engine.events import StopReason
from bulkps.engine.policy import BulkOperationConfig
from bulkps.engine.status import BulkItemStatus
from bulkps.errors import ExitCode
from bulkps.library.runs import RunReport, Target, operation_of, proceed
from bulkps.records.journal import Journal, Run
from bulkps.records.results import rows
from bulkps.sessions.connection import Connection
from bulkps.settings import Settings


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
    return Target(name, found, password(name, found, ask), config, settings.catalogue)


class _Interrupts:
    """The first Ctrl-C lets what is in flight end; the second ends it."""

    def __init__(self) -> None:
        self.driver: Driver | None = None
        self.asked = False

    def register(self, driver: Driver) -> None:
        self.driver = driver

    def take(self, number: int, frame: FrameType | None) -> None:
        if self.asked or self.driver is None:
            raise KeyboardInterrupt
        self.asked = True
        self.driver.pause()
        click.echo("\nPausing: what is in flight ends. Ctrl-C again to stop at once.", err=True)


@contextmanager
def _interruptible() -> Iterator[_Interrupts]:
    interrupts = _Interrupts()
    before = signal.signal(signal.SIGINT, interrupts.take)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)


def work(
    journal: Journal, run: Run, there: Target, results: Path | None, *, quiet: bool
) -> tuple[RunReport, ExitCode]:
    """Work on *run* with progress and Ctrl-C; return how it stands and the exit code."""
    counts = journal.counts(run.id)
    over = sum(
        counts[one]
        for one in BulkItemStatus
        if one not in (BulkItemStatus.PENDING, BulkItemStatus.IN_PROGRESS)
    )
    with (
        _interruptible() as interrupts,
        progress(run.operation, sum(counts.values()), over, quiet=quiet) as show,
    ):
        report = proceed(
            journal, run, there, on_changes=show, on_driver=interrupts.register, results_path=results
        )
    unfinished = report.exit_code is ExitCode.UNFINISHED
    return report, ExitCode.INTERRUPTED if interrupts.asked and unfinished else report.exit_code


def show_report(journal: Journal, report: RunReport, code: ExitCode, *, as_json: bool) -> None:
    """Print how a run stands: the table to stdout, where things lie and what comes next to stderr."""
    if as_json:
        render.as_json(render.run_json(report, code))
    else:
        _show_table(journal, report)
    say = render.say
    if report.run.simulated:
        say(render.simulated(True))
    say(f"results: {report.results}")
    say(f"audit:   {report.run.audit}")
    say(f"journal: {journal.path}")
    if report.finish.detail:
        say(f"stopped: {report.finish.reason.value}: {report.finish.detail}")
    if report.finish.advice:
        say(f"advice:  {report.finish.advice}")
    if code in (ExitCode.UNFINISHED, ExitCode.INTERRUPTED, ExitCode.CANNOT_CONNECT):
        _say_next(report)


def _say_next(report: RunReport) -> None:
    left = report.counts[BulkItemStatus.PENDING] + report.counts[BulkItemStatus.IN_PROGRESS]
    if left:
        # A pause needs no explanation; anything else has said its own above.
        sent = "" if report.finish.reason is not StopReason.CANNOT_CONNECT else " (nothing was sent)"
        render.say(
            f"{left} row{'s' * (left != 1)} not at their end{sent}. Next: bulkps resume {report.run.id}"
        )


def _show_table(journal: Journal, report: RunReport) -> None:
    run = report.run
    click.echo(f"run {run.id}  {render.simulated(run.simulated)}".rstrip())
    click.echo(render.counts_table(report.counts))
    failed = report.counts[BulkItemStatus.FAILED]
    if not failed:
        return
    shown = []
    for _, became in rows(journal, run, operation_of(run), BulkItemStatus.FAILED):
        shown.append((became["row_number"], became["source_identity"], became["error_code"], became["error"]))
        advice = became["advice"]
        if advice:
            shown.append(("", "", "", f"-> {advice}"))
        if len(shown) >= 2 * render.SHOWN_FAILURES:
            break
    click.echo()
    click.echo(
        render.table([(*row[:3], _cut(row[3])) for row in shown], ("row", "source", "code", "what happened"))
    )
    if failed > render.SHOWN_FAILURES:
        render.say(f"{failed} rows failed; bulkps results {run.id} --only failed shows them all")


def _cut(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= 160 else one_line[:157] + "..."
