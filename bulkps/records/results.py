"""Results: one row per input row, with the input's own columns unchanged, then the result."""

import csv
import json
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import TextIO

from bulkps.atomic_file import Output, whole_file
from bulkps.engine.item import Item, Phase
from bulkps.errors import RecordFailed
from bulkps.intake import BLANKS, formula_safe
from bulkps.operations.model import Operation
from bulkps.operations.result_columns import ALL_RESULTS_COLUMNS
from bulkps.records.journal import Journal
from bulkps.records.row_mapping import Run

_IDENTITIES = ("source_identity", "target_identity")


def result(item: Item, operation: Operation, run: str) -> dict[str, str]:
    """Return the result of *item*, by result column."""
    ended = item.completed_at
    duration = ended - item.started_at if ended is not None and item.started_at is not None else None
    return {
        "row_number": str(item.row),
        "source_identity": str(item.values.get(operation.source) or ""),
        "target_identity": str(item.values.get(operation.target) or "") if operation.target else "",
        "status": item.status.name,
        "error": item.error,
        "started_at": _time(item.started_at),
        "completed_at": _time(ended if item.started_at is not None else None),
        "duration_seconds": "" if duration is None else f"{duration:.3f}",
        "attempts": str(item.attempts),
        "error_code": item.code,
        "advice": item.advice,
        "warnings": " | ".join(item.warnings),
        "progress": _progress(item, operation),
        "request": _request(item, operation),
        "evidence": json.dumps(item.outputs, ensure_ascii=False) if item.outputs else "",
        "run": run,
    }


def _request(item: Item, operation: Operation) -> str:
    """Return what names an item's request at Exchange, for cmdlets such as Suspend-MailboxRestoreRequest."""
    followed = (item.outputs.get(step.name, {}) for step in operation.steps if step.follow)
    return next((kept["Identity"] for kept in followed if kept.get("Identity")), "")


def _progress(item: Item, operation: Operation) -> str:
    """Return what Exchange last said about an item, and how much it copied."""
    follow = operation.steps[item.step].follow if operation.steps else None
    waits = follow and item.phase is Phase.FOLLOWING and item.progress in follow.waiting
    status = f"{item.progress} (waits for an operator)" if waits else item.progress
    followed = [step for step in operation.steps if step.follow and step.follow.detail]
    far = [
        f"{name} {item.outputs[step.name][name]}"
        for step in followed
        for name in (step.follow.detail.progress if step.follow and step.follow.detail else ())
        if name in item.outputs.get(step.name, {})
    ]
    return ", ".join(filter(None, (status, *far)))


def rows(
    journal: Journal, run: Run, operation: Operation, only: Collection[str] = ()
) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Yield (the input's own cells, the result) for every row, in file order.

    Args:
        journal: Where the run is.
        run: Which run.
        operation: Its operation.
        only: Only rows with one of these statuses (in lower case) or codes; empty for all.
    """
    for item, cells in journal.rows(run.id):
        if not only or item.status.name.lower() in only or item.code in only:
            yield [cells[index] for index in run.carried], result(item, operation, run.id)


def columns(run: Run) -> tuple[list[str], list[str]]:
    """Return the header of a results file: the input's own columns, followed by the result columns.

    The input's own source_identity or target_identity has the same content as the result column, so it is
    written once. Any other own column with the name of a result column is written as ``input_…``, because
    the result must be found under its own name. Import-Csv refuses a file with two headers that differ only
    in case and blanks, so further ones are numbered.
    """
    own = [run.header[index] for index in run.carried]
    folded = {_folded(name) for name in own}
    became = [name for name in ALL_RESULTS_COLUMNS if name not in _IDENTITIES or name not in folded]
    taken = set(became)
    return [_unique(f"input_{name}" if _folded(name) in became else name, taken) for name in own], became


def _folded(header: str) -> str:
    return header.strip(BLANKS).casefold()


def _unique(header: str, taken: set[str]) -> str:
    """Return *header*, or a numbered one if its name is *taken*, and add it to *taken*."""
    found, number = header, 1
    while _folded(found) in taken:
        number += 1
        found = f"{header.strip(BLANKS)}_{number}"
    taken.add(_folded(found))
    return found


def write_csv(
    output: Output, journal: Journal, run: Run, operation: Operation, only: Collection[str] = ()
) -> int:
    """Write a run's results as CSV (UTF-8 with BOM, harmless in a spreadsheet); return how many rows.

    Raises:
        RecordFailed: If it cannot be written.
    """

    def write(file: TextIO) -> int:
        count = 0
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        header, result_columns = columns(run)
        writer.writerow([formula_safe(name) for name in (*header, *result_columns)])
        for own, became in rows(journal, run, operation, only):
            cells = (*own, *(became[name] for name in result_columns))
            writer.writerow([formula_safe(cell) for cell in cells])
            count += 1
        return count

    return _write(output, write, encoding="utf-8-sig", newline="")


def write_json(
    output: Output, journal: Journal, run: Run, operation: Operation, only: Collection[str] = ()
) -> int:
    """Write a run's results as a JSON array of objects; return how many rows.

    Raises:
        RecordFailed: If it cannot be written.
    """

    def write(file: TextIO) -> int:
        count = 0
        header, _ = columns(run)
        file.write("[")
        for own, became in rows(journal, run, operation, only):
            file.write(",\n" if count else "\n")
            told = {"input": dict(zip(header, own, strict=True)), **_typed(became)}
            file.write(json.dumps(told, ensure_ascii=False))
            count += 1
        file.write("\n]\n")
        return count

    return _write(output, write)


def _typed(became: dict[str, str]) -> dict[str, object]:
    """Return result columns with numbers as numbers and missing values as null, for JSON."""
    seconds = became["duration_seconds"]
    return {
        **became,
        "row_number": int(became["row_number"]),
        "attempts": int(became["attempts"]),
        "duration_seconds": float(seconds) if seconds else None,
        "evidence": json.loads(became["evidence"]) if became["evidence"] else None,
    }


def _write(
    output: Output, write: Callable[[TextIO], int], *, encoding: str = "utf-8", newline: str = "\n"
) -> int:
    try:
        with whole_file(output, encoding=encoding, newline=newline) as file:
            return write(file)
    except OSError as error:
        raise RecordFailed(str(output.path), error.strerror or str(error)) from error


def _time(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
