"""``bulkps audit``."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bulkps.cli import console
from bulkps.errors import ExitCode
from bulkps.runs.audit_logs import Finding, Verdict, entries, find_log, verified
from bulkps.visible_text import harmless_json, visible

#: How many findings are shown.
SHOWN = 50


def execute_verify(log: str, as_json: bool) -> None:
    """Find lines of an audit log that were changed, removed, inserted, moved or cut off."""
    path, run, verdict = verified(log)
    code = ExitCode.COMPLETED if verdict.sound else ExitCode.SOME_FAILED
    if as_json:
        console.as_json(_verdict_json(path, run, verdict, code))
    else:
        _show_verdict(path, verdict)
    raise SystemExit(int(code))


def execute_show(log: str, row: int | None, events: tuple[str, ...], as_json: bool) -> None:
    """Print an audit log as a table: time, event, row, code."""
    unreadable: list[int] = []
    chosen = (
        (text, entry)
        for text, entry in entries(find_log(log)[0], unreadable)
        if (row is None or entry.get("row") == row) and (not events or entry.get("event") in events)
    )
    count = _pour_json(text for text, _ in chosen) if as_json else _pour(entry for _, entry in chosen)
    if not count and (row is not None or events):
        console.say("no line matches --row and --event")
    if unreadable:
        console.say(
            f"{len(unreadable)} lines cannot be read, the first is line {unreadable[0]}; "
            f"'bulkps audit verify {log}' shows more"
        )
        raise SystemExit(int(ExitCode.SOME_FAILED))


def _verdict_json(path: Path, run: str, verdict: Verdict, code: ExitCode) -> dict[str, object]:
    return {
        "file": str(path),
        "run": run,
        "lines": verdict.lines,
        "sound": verdict.sound,
        "finding_count": len(verdict.findings),
        "rest_sound": verdict.rest_sound,
        "findings": [_finding_json(finding) for finding in verdict.findings[:SHOWN]],
        "notes": list(verdict.notes),
        "exit_code": int(code),
    }


def _finding_json(finding: Finding) -> dict[str, object]:
    return {
        "line": finding.line,
        "last_line": finding.last,
        "kind": finding.kind.value,
        "found": finding.found,
        "expected": finding.expected,
        "advice": finding.kind.advice,
    }


def _show_verdict(path: Path, verdict: Verdict) -> None:
    for note in verdict.notes:
        console.say(f"note: {note}")
    lines = f"{verdict.lines} line{'s' * (verdict.lines != 1)}"
    if verdict.sound:
        console.show(f"{path}: {lines}, the chain is intact")
        return
    count = len(verdict.findings)
    console.show(
        f"{path}: {lines}, {count} finding{'s' * (count != 1)}: the log was changed after it was written"
    )
    shown = verdict.findings[:SHOWN]
    for finding in shown:
        console.show(f"  {finding.sentence()}")
    if verdict.rest_sound:
        console.show("  the rest is intact")
    if count > SHOWN:
        console.show(f"  and {count - SHOWN} more")
    for kind, advice in {finding.kind: finding.kind.advice for finding in shown}.items():
        console.show(f"-> {kind.value}: {advice}")


def _pour_json(texts: Iterable[str]) -> int:
    count = 0
    for count, text in enumerate(texts, 1):
        click.echo(f"{'[' if count == 1 else ','}\n{harmless_json(text)}", nl=False)
    click.echo("\n]" if count else "[]")
    return count


def _pour(entries: Iterable[dict[str, Any]]) -> int:
    count = 0
    for entry in entries:
        count += 1
        row = f"row {_plain(entry['row'])}" if "row" in entry else ""
        words = ": ".join(_plain(entry[name]) for name in ("code", "message") if entry.get(name))
        line = f"{_local(entry.get('at'))}  {_plain(entry.get('event', '')):<22}  {row:<10}  {words}"
        console.show(line.rstrip())
    return count


def _local(at: object) -> str:
    try:
        return datetime.fromisoformat(str(at)).astimezone().isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return _plain(at)


def _plain(said: object) -> str:
    """Return it on one line, without control characters for a terminal."""
    return visible(said)
