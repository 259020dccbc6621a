"""The output of ``run --dry-run``: the cmdlets that the run would send."""

from collections.abc import Iterable, Iterator, Mapping

from bulkps.cli import console
from bulkps.engine.item_status import BulkItemStatus
from bulkps.errors import ExitCode
from bulkps.intake import CheckReport, InputRow
from bulkps.operations.current_state import Compared
from bulkps.operations.model import Operation
from bulkps.preflight.row_comparison import shown
from bulkps.run_target import Target, check_target
from bulkps.runs import RunService
from bulkps.runs.dry_run import PlannedRow, Preview
from bulkps.sessions.connection import Connection
from bulkps.visible_text import visible


def show_plan(
    report: CheckReport,
    operation: Operation,
    rows: Iterable[InputRow],
    there: Target,
    nothing: Mapping[str, object],
    *,
    again: bool,
    compares: bool,
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
        compares: Whether what is there is read and shown.
        as_json: Whether JSON is wanted.
    """
    check_target(operation, there)
    preview = Preview(operation, there, again=again, compares=compares)
    if compares:
        console.say("Reading Exchange. Nothing is changed.")
    if preview.reads:
        console.say(
            "Reading Exchange, because --onmicrosoft-fallback depends on the domains. Nothing is changed."
        )
    with RunService() as service:
        planned = preview.rows(service, report, rows)
        skipped = _as_json(report, planned, nothing) if as_json else _as_lines(planned)
    for sentence in preview.unread:
        then = "nothing is known of some rows" if compares else "so the names are those of the rows"
        console.say(f"could not read {visible(sentence)}; {then}")
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
        for one in row.compared if row.cmdlets else ():
            console.show(f"    {one.property}: {visible(_difference(one))}")
    return skipped


def _difference(one: Compared) -> str:
    if one.same:
        return f"{shown(one.present)} (already so)"
    present = shown(one.present) if one.present is not None or one.same is False else "not known"
    return f"{present} → {shown(one.wanted)}"


def _as_json(report: CheckReport, planned: Iterator[PlannedRow], nothing: Mapping[str, object]) -> int:
    plan, skipped, changed, compared = [], [], [], list[dict[str, object]]()
    for row in planned:
        number = row.item.row
        plan += [{"row": number, "cmdlet": one.name, "parameters": one.shown()} for one in row.cmdlets]
        if not row.cmdlets:
            skipped.append({"row": number, "code": row.item.code, "error": row.item.error})
        if row.why:
            changed.append({"row": number, "why": row.why})
        compared += [{"row": number, **_compared_json(one)} for one in row.compared]
    told = {
        "rows": report.rows,
        "plan": plan,
        "skipped": skipped,
        "changed": changed,
        "compared": compared,
    }
    console.as_json({**nothing, **told, **console.remarks_json(report)})
    return len(skipped)


def _compared_json(one: Compared) -> dict[str, object]:
    # A list stays a list; everything else that JSON does not have is shown as text.
    present = one.present if isinstance(one.present, bool | int | None) else shown(one.present)
    return {"property": one.property, "present": present, "wanted": shown(one.wanted), "same": one.same}


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


def nothing_sent(
    operation: Operation, name: str, connection: Connection, code: ExitCode
) -> dict[str, object]:
    """Return the JSON object's values for a command that sent nothing.

    Args:
        operation: The operation.
        name: The connection's name.
        connection: The connection.
        code: The exit code.
    """
    return {
        "run": None,
        "operation": operation.name,
        "connection": name,
        "simulated": connection.simulated,
        "counts": console.totals(dict.fromkeys(BulkItemStatus, 0)),
        "exit_code": int(code),
        "results": None,
        "audit": None,
        "passwords": None,
    }
