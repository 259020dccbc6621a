"""The output of ``run --dry-run``: the cmdlets that the run would send."""

from collections.abc import Iterable, Iterator, Mapping

from bulkps.cli import console
from bulkps.intake import CheckReport, InputRow
from bulkps.operations.model import Operation
from bulkps.run_target import Target, check_target
from bulkps.runs import RunService
from bulkps.runs.dry_run import PlannedRow, Preview
from bulkps.visible_text import visible


def show_plan(
    report: CheckReport,
    operation: Operation,
    rows: Iterable[InputRow],
    there: Target,
    nothing: Mapping[str, object],
    *,
    again: bool,
    as_json: bool,
) -> None:
    """Show what a run would send, and which rows it would skip.

    Args:
        report: The report of the file's check.
        operation: The operation.
        rows: The file's rows.
        there: The target.
        nothing: The JSON object's values for a run that sent nothing.
        again: Whether rows that another run completed would be done again.
        as_json: Whether JSON is wanted.
    """
    check_target(operation, there)
    preview = Preview(operation, there, again=again)
    if preview.reads:
        console.say(
            "Reading Exchange, because --onmicrosoft-fallback depends on the domains. Nothing is changed."
        )
    with RunService() as service:
        planned = preview.rows(service, report, rows)
        skipped = _as_json(report, planned, nothing) if as_json else _as_lines(planned)
    for sentence in preview.unread:
        console.say(f"could not read {visible(sentence)}; so the names are those of the rows")
    console.say(_summary(report, operation, preview, skipped))


def _as_lines(planned: Iterable[PlannedRow]) -> int:
    skipped = 0
    for row in planned:
        if not row.cmdlets:
            skipped += 1
            console.show(f"row {row.item.row}: SKIPPED ({row.item.code}): {visible(row.item.error)}")
        if row.why:
            console.show(f"row {row.item.row}: {visible(row.why)}")
        for cmdlet in row.cmdlets:
            console.show(f"row {row.item.row}: {cmdlet.line()}")
    return skipped


def _as_json(report: CheckReport, planned: Iterator[PlannedRow], nothing: Mapping[str, object]) -> int:
    plan, skipped, changed = [], [], []
    for row in planned:
        number = row.item.row
        plan += [{"row": number, "cmdlet": one.name, "parameters": one.shown()} for one in row.cmdlets]
        if not row.cmdlets:
            skipped.append({"row": number, "code": row.item.code, "error": row.item.error})
        if row.why:
            changed.append({"row": number, "why": row.why})
    told = {"rows": report.rows, "plan": plan, "skipped": skipped, "changed": changed}
    console.as_json({**nothing, **told, **console.remarks_json(report)})
    return len(skipped)


def _summary(report: CheckReport, operation: Operation, preview: Preview, skipped: int) -> str:
    rows = f"{report.rows} row{'s' * (report.rows != 1)}"
    left_out = f" ({skipped} of them SKIPPED)" if skipped else ""
    config = preview.target.config
    later = (
        f" Pre-flight may still skip rows: bulkps validate {operation.name} finds them."
        if operation.preflight and config.preflight
        else ""
    )
    return f"dry run: {rows}{left_out}, nothing was sent.{later}"
