"""``bulkps undo``."""

from pathlib import Path

from bulkps.cli import console
from bulkps.cli.confirmation import asks
from bulkps.cli.dry_run_output import nothing_sent, show_plan
from bulkps.cli.run_common import target, work
from bulkps.cli.run_report import show_report
from bulkps.cli.shared_option_values import output_file
from bulkps.errors import ExitCode
from bulkps.runs import RunService, options_of
from bulkps.runs.run_service import ASKS
from bulkps.runs.undo import EVEN_IF_CHANGED
from bulkps.settings import Settings
from bulkps.visible_text import visible


def execute(
    run: str,
    settings: Settings,
    *,
    dry_run: bool,
    yes: bool,
    even_if_changed: bool,
    results: Path | None,
    force: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Set back what RUN changed, as a run of its own."""
    output = output_file(results, force)
    with RunService() as service:
        undone = service.run(run)
        undo = service.undo(undone)
        for sentence in undo.cannot:
            console.say(visible(sentence))
        there = target(settings, settings.choose_connection(undone.connection), options_of(undone))
        if dry_run:
            nothing = nothing_sent(undo.operation, there.name, there.connection, ExitCode.COMPLETED)
            planned = (undo.report, undo.operation, undo.rows, there, nothing)
            show_plan(*planned, again=True, compares=True, as_json=as_json)
            return
        invocation = {**undo.invocation, EVEN_IF_CHANGED: even_if_changed}
        if asks(undo.operation, yes=yes):
            invocation[ASKS] = True
        with service.new_run(
            *(undo.operation, undo.report, undo.rows, there), again=True, invocation=invocation
        ) as created:
            if not quiet:
                rows = f"{undo.report.rows} row{'s' * (undo.report.rows != 1)}"
                console.say(f"run {created.id}: sets back {rows} of run {undone.id}")
            ended, code = work(service, created, there, output, quiet=quiet)
        show_report(service.details(ended.run), ended, code, as_json=as_json, passwords=None)
    raise SystemExit(int(code))
