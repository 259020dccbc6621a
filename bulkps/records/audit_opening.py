"""An audit log that is gone on with: all of it is checked, and what it knows beyond the journal is told.

The log is written before the journal. So after a crash between the two it is ahead by what was about to be
sent; and it is ahead by much more where the journal was put back from a backup. Which of both it was cannot
be told, so of each row that such lines announce it is not known whether it was sent.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bulkps.engine.events import ItemEvent, RunEvent
from bulkps.errors import RecordFailed
from bulkps.records.audit import FIRST
from bulkps.records.audit_verify import Finding, Known, is_over, verify

_PUT_BACK = (
    "'bulkps audit verify {run}' says where; find out who changed it and put it back from a copy, then resume"
)

#: Events with which a sitting begins to write.
BEGINNINGS = frozenset(
    {RunEvent.RUN_STARTED, RunEvent.RUN_RETRY_ASKED, RunEvent.RUN_REST_SKIPPED, RunEvent.AUDIT_AHEAD}
)


@dataclass(frozen=True)
class Announced:
    """What lines that the journal does not know say of one row.

    Attributes:
        key: The item's key.
        step: The step that it was about to be sent in, as an index.
        attempt: How often that step had been sent.
        at: Epoch seconds at which it was announced.
        outputs: What was kept of Exchange's answers, by step name, as far as the lines say it.
    """

    key: str
    step: int
    attempt: int
    at: float
    outputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ahead:
    """The end of a log as it is gone on with.

    Attributes:
        lines: How many lines it has.
        head: The hash of the last.
        unknown: How many of them the journal did not know.
        sitting: The highest number of a sitting in those; 0 if there are none.
        announced: The rows that those announce.
        cut: How many bytes of a last line that was cut short were taken off.
        operation: SHA-256 of the operation's text as the first line has it; empty if there is no line.
    """

    lines: int
    head: str
    unknown: int
    sitting: int
    announced: tuple[Announced, ...]
    cut: int
    operation: str = ""


def operation_digest(text: str) -> str:
    """Return what the first line of a log says of the operation: the SHA-256 of its text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def check_log(path: Path, run: str, known: Known, state: str) -> Ahead:
    """Check all of a run's log, make its end whole, and return what it knows beyond the journal.

    Args:
        path: The log.
        run: The run's name.
        known: What the journal knows of it.
        state: The state in which the journal has the run.

    Raises:
        RecordFailed: If it is not the log that was written; nothing was changed.
    """
    if not path.exists():
        if known.lines:
            raise _changed(path, run, f"it is gone, and the journal knows {known.lines} lines of it")
        return Ahead(0, FIRST, 0, 0, (), 0)
    try:
        with path.open("rb") as file:
            verdict = verify(file, run, lambda: Known(known.lines, known.head, over=False))
        if verdict.findings:
            raise _changed(path, run, _first(verdict.findings))
        return _end(path, run, known, state)
    except OSError as error:
        raise RecordFailed(str(path), error.strerror or str(error)) from error


def _end(path: Path, run: str, known: Known, state: str) -> Ahead:
    count, whole, head, sitting = 0, 0, FIRST, 0
    operation, stopped = "", False
    unknown: list[dict[str, Any]] = []
    with path.open("rb") as file:
        for raw in file:
            if not raw.endswith(b"\n"):
                break
            count, whole = count + 1, whole + len(raw)
            head = hashlib.sha256(raw[:-1]).hexdigest()
            if count == 1:
                operation = str(json.loads(raw).get("operation_sha256") or "")
            if count == known.lines:
                entry = json.loads(raw)
                sitting, stopped = int(entry.get("sitting") or 0), entry.get("event") == RunEvent.RUN_STOPPED
            if count > known.lines:
                unknown.append(json.loads(raw))
    cut = path.stat().st_size - whole
    over = is_over(state) or stopped
    problem = _implausible(unknown, sitting, over=over)
    if not problem and over and cut:
        problem = f"{cut} bytes stand behind its last line, and the run had stopped in order"
    if problem:
        raise _changed(path, run, problem)
    if cut:
        os.truncate(path, whole)
    sitting = max((int(entry["sitting"]) for entry in unknown), default=0)
    return Ahead(count, head, len(unknown), sitting, tuple(_announced(unknown)), cut, operation)


def _implausible(unknown: Iterable[Mapping[str, Any]], known: int, *, over: bool) -> str:
    """Return why lines that the journal does not know cannot be of a sitting of bulkps, or an empty string.

    Args:
        unknown: The lines.
        known: The sitting that wrote the last line which the journal knows.
        over: Whether that sitting stopped in order.
    """
    last = known
    for entry in unknown:
        sitting = entry.get("sitting")
        where = f"line {entry['line']}, which the journal does not know,"
        if type(sitting) is not int or sitting < last:
            return f"{where} is of no sitting that can have written it"
        if sitting > last and entry.get("event") not in BEGINNINGS:
            return f"{where} begins no sitting"
        if sitting == known and over:
            # Whatever that sitting wrote, the journal knew of when it stopped.
            return f"{where} stands behind the end of its sitting"
        last = sitting
    return ""


def _announced(unknown: Iterable[Mapping[str, Any]]) -> Iterator[Announced]:
    sent: dict[str, Announced] = {}
    outputs: dict[str, Mapping[str, Mapping[str, str]]] = {}
    for entry in unknown:
        key = str(entry.get("key") or "")
        if isinstance(entry.get("outputs"), dict):
            outputs[key] = entry["outputs"]
        if entry.get("event") == ItemEvent.SENDING:
            at = datetime.fromisoformat(str(entry["at"])).timestamp()
            sent[key] = Announced(key, int(entry.get("step") or 0), int(entry.get("attempt") or 1), at)
    for key, one in sent.items():
        yield replace(one, outputs=outputs.get(key, {}))


def _first(findings: tuple[Finding, ...]) -> str:
    more = f" ({len(findings) - 1} more)" if len(findings) > 1 else ""
    return findings[0].sentence() + more


def _changed(path: Path, run: str, what: str) -> RecordFailed:
    return RecordFailed(str(path), f"the audit log was changed: {what}", _PUT_BACK.format(run=run))
