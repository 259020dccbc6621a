"""``bulkps export``."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from bulkps.cli import console
from bulkps.cli.progress import export_progress
from bulkps.cli.run_common import target
from bulkps.cli.signals import interruptible
from bulkps.errors import ExitCode, ExportFailed, UsageProblem
from bulkps.export.exporter import ExportKind, ExportReport, export_mailboxes
from bulkps.run_target import Target
from bulkps.settings import Settings


def execute(
    output: Path | None,
    kind: str,
    no_sizes: bool,
    settings: Settings,
    connection: str | None,
    force: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Export inactive and soft-deleted mailboxes with their holds, sizes, and what can be recovered."""
    if as_json and output is None:
        raise UsageProblem("--json prints a summary and needs -o FILE; to export as JSON, use -o FILE.json")
    there = target(settings, settings.choose_connection(connection), settings.run)
    chosen, sizes = ExportKind(kind), not no_sizes
    if output:
        report = _export(there, output, chosen, sizes=sizes, force=force, quiet=quiet)
        console.as_json(_facts(report)) if as_json else _say(report, str(output))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.csv"
        try:
            report = _export(there, path, chosen, sizes=sizes, force=force, quiet=quiet)
        except ExportFailed as error:
            raise ExportFailed("the export", error.reason, error.advice) from error
        console.pour(report.path)
        _say(report, "stdout")


def _export(
    there: Target, path: Path, kind: ExportKind, *, sizes: bool, force: bool, quiet: bool
) -> ExportReport:
    # No driver is registered: the first signal ends the export, and its temporary files are removed.
    with interruptible(), export_progress(quiet=quiet) as show:
        return export_mailboxes(there, path, kind=kind, sizes=sizes, force=force, on_progress=show)


def _facts(report: ExportReport) -> dict[str, object]:
    return {
        "file": str(report.path),
        "mailboxes": report.mailboxes,
        "kinds": dict(report.kinds),
        "recoverable": dict(report.recoverable),
        "restorable": dict(report.restorable),
        "unread": list(report.unread),
        "simulated": report.simulated,
        "exit_code": int(ExitCode.COMPLETED),
    }


def _say(report: ExportReport, where: str) -> None:
    say = console.say
    if report.simulated:
        say(console.simulated(True))
    say(f"wrote {report.mailboxes} mailbox{'es' * (report.mailboxes != 1)} to {where}")
    for title, counts in (
        ("kind", report.kinds),
        ("recoverable", report.recoverable),
        ("restorable", report.restorable),
    ):
        if counts:
            say(f"{title}: {_listed(counts)}")
    for sentence in report.unread:
        say(f"could not read {sentence}")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
