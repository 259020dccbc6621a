"""Opens an audit log to continue it: checks all of it, and returns what it has beyond the journal.

The log is written before the journal. After a crash between the two it is ahead by what was about to be sent.
If the journal was restored from a backup, it is ahead by much more. The two cases cannot be told apart, so it
is not known whether the rows that such lines announce were sent.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bulkps.engine.recorded_events import ItemEvent, RunEvent
from bulkps.errors import RecordFailed
from bulkps.records.audit import FIRST
from bulkps.records.audit_verify import Finding, Known, is_over, verify

_PUT_BACK = (
    "to see where: bulkps audit verify {run}. Find out who changed it, restore it from a backup, then resume"
)

#: The events that can be the first of a sitting.
BEGINNINGS = frozenset(
    {RunEvent.RUN_STARTED, RunEvent.RUN_RETRY_ASKED, RunEvent.RUN_REST_SKIPPED, RunEvent.AUDIT_AHEAD}
)


@dataclass(frozen=True)
class Announced:
    """What lines that the journal does not have say about one row.

    Attributes:
        key: The item's key.
        step: The index of the step that was about to be sent.
        attempt: How often that step had been sent.
        at: Epoch seconds at which it was announced.
        outputs: What was kept of Exchange's answers, by step name, as far as the lines have it.
    """

    key: str
    step: int
    attempt: int
    at: float
    outputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ahead:
    """The end of a log that is being continued.

    Attributes:
        lines: How many lines it has.
        head: The hash of the last.
        unknown: How many of them the journal did not have.
        sitting: The highest sitting number in those; 0 if there are none.
        announced: The rows that those lines announce.
        cut: How many bytes of an incomplete last line were removed.
        operation: SHA-256 of the operation's text, from the first line; empty if there is no line.
    """

    lines: int
    head: str
    unknown: int
    sitting: int
    announced: tuple[Announced, ...]
    cut: int
    operation: str = ""


def operation_digest(text: str) -> str:
    """Return what the first line of a log says about the operation: the SHA-256 of its text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def check_log(path: Path, run: str, known: Known, state: str) -> Ahead:
    """Check all of a run's log, repair an incomplete end, and return what it has beyond the journal.

    Args:
        path: The log.
        run: The run's name.
        known: What the journal knows about it.
        state: The state of the run in the journal.

    Raises:
        RecordFailed: If the log was changed since it was written; this function changed nothing.
    """
    if not path.exists():
        if known.lines:
            raise _changed(path, run, f"the file is missing, but the journal knows {known.lines} lines of it")
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
        problem = f"{cut} bytes follow its last line, although the run had stopped properly"
    if problem:
        raise _changed(path, run, problem)
    if cut:
        os.truncate(path, whole)
    sitting = max((int(entry["sitting"]) for entry in unknown), default=0)
    return Ahead(count, head, len(unknown), sitting, tuple(_announced(unknown)), cut, operation)


def _implausible(unknown: Iterable[Mapping[str, Any]], known: int, *, over: bool) -> str:
    """Return why lines that the journal does not have cannot come from bulkps, or an empty string.

    Args:
        unknown: The lines.
        known: The sitting that wrote the last line that the journal has.
        over: Whether that sitting stopped properly.
    """
    last = known
    for entry in unknown:
        sitting = entry.get("sitting")
        where = f"line {entry['line']}, which is not in the journal,"
        if type(sitting) is not int or sitting < last:
            return f"{where} has a sitting number that cannot be right"
        if sitting > last and entry.get("event") not in BEGINNINGS:
            return f"{where} cannot be the first line of a sitting"
        if sitting == known and over:
            # When that sitting stopped, the journal had everything that it wrote.
            return f"{where} comes after the end of its sitting"
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
