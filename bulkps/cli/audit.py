"""``bulkps audit``."""

import itertools
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bulkps.cli import console
from bulkps.errors import ExitCode, RunNotFound, UsageProblem
from bulkps.records import paths
from bulkps.records.audit_verify import Finding, Known, Verdict, verify
from bulkps.records.journal import Journal
from bulkps.records.row_mapping import Run
from bulkps.visible_text import harmless_json, visible

#: How many findings are shown.
SHOWN = 50
#: In so many lines a log says whose it is.
_LOOKED_AT = 1000


def execute_verify(log: str, as_json: bool) -> None:
    """Find lines of an audit log that were changed, removed, inserted, moved or cut off."""
    path, run = _find(log)
    lines: Iterable[bytes] = _lines(path)
    if not run:
        run, lines = _whose(lines, path)
    verdict = verify(lines, run, lambda: _known(run))
    code = ExitCode.COMPLETED if verdict.sound else ExitCode.SOME_FAILED
    if as_json:
        console.as_json(_verdict_json(path, run, verdict, code))
    else:
        _show_verdict(path, verdict)
    raise SystemExit(int(code))


def execute_show(log: str, row: int | None, events: tuple[str, ...], as_json: bool) -> None:
    """Print an audit log as a table: time, event, row, code."""
    unreadable: list[int] = []
    entries = (
        (text, entry)
        for text, entry in _entries(_lines(_find(log)[0]), unreadable)
        if (row is None or entry.get("row") == row) and (not events or entry.get("event") in events)
    )
    count = _pour_json(text for text, _ in entries) if as_json else _pour(entry for _, entry in entries)
    if not count and (row is not None or events):
        console.say("no line is about that")
    if unreadable:
        console.say(
            f"{len(unreadable)} lines cannot be read, the first is line {unreadable[0]}; "
            f"'bulkps audit verify {log}' says more"
        )
        raise SystemExit(int(ExitCode.SOME_FAILED))


# --- which log ----------------------------------------------------------------------------------------


def _find(log: str) -> tuple[Path, str]:
    """Return the file that *log*, a run or a file, means, and the run that it has to be of, if that is known.

    Raises:
        UsageProblem: If there is none.
    """
    path = Path(log)
    if log != "last" and _is_there(path):
        # A run's own log, and not a copy, is of that run whatever its lines say.
        owner = _run_called(path.stem)
        return path, owner.id if owner and Path(owner.audit).resolve() == path.resolve() else ""
    if path.name != log or path.suffix == ".jsonl":
        raise UsageProblem(f"there is no file {log}")
    with Journal(paths.journal_path()) as journal:
        run = journal.run(log)
    path = Path(run.audit)
    if _is_there(path):
        return path, run.id
    if not run.audit_lines:
        raise UsageProblem(f"run {run.id} has no audit log yet: nothing of it was ever sent")
    raise UsageProblem(
        f"{path} is gone, and the journal knows {run.audit_lines} lines of it: put it back from a copy and "
        "find out who removed it"
    )


def _is_there(path: Path) -> bool:
    try:
        # Not is_file: a pipe is as good, as in verify <(zcat copy.jsonl.gz).
        return path.exists() and not path.is_dir()
    except (OSError, ValueError):
        return False


def _lines(path: Path) -> Iterator[bytes]:
    # As a generator: what goes wrong while a line is printed, such as a pipe that is closed, is not met here.
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise UsageProblem(f"cannot read {path}: {error.strerror or error}") from error


def _whose(lines: Iterable[bytes], path: Path) -> tuple[str, Iterable[bytes]]:
    """Return the run that a log says it is of, and all its lines; if it says none, the file's name."""
    rest = iter(lines)
    looked_at = []
    for raw in itertools.islice(rest, _LOOKED_AT):
        looked_at.append(raw)
        run = (_entry(raw) or {}).get("run")
        # A name that cannot be printed is none that bulkps gave.
        if isinstance(run, str) and run and run.isprintable():
            return run, itertools.chain(looked_at, rest)
    return path.stem, itertools.chain(looked_at, rest)


def _known(name: str) -> Known | None:
    run = _run_called(name)
    return Known.of(run) if run else None


def _run_called(name: str) -> Run | None:
    """Return the run of just this name, or None; a journal is not made for that."""
    path = paths.journal_path()
    if not path.exists():
        return None
    with Journal(path) as journal:
        try:
            found = journal.run(name)
        except RunNotFound:
            return None
    return found if found.id == name else None


# --- what is printed ----------------------------------------------------------------------------------


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
        console.show(f"{path}: {lines}, the chain is whole")
        return
    count = len(verdict.findings)
    console.show(f"{path}: {lines}, {count} finding{'s' * (count != 1)}: it is not the log that was written")
    shown = verdict.findings[:SHOWN]
    for finding in shown:
        console.show(f"  {finding.sentence()}")
    if verdict.rest_sound:
        console.show("  the rest is sound by itself")
    if count > SHOWN:
        console.show(f"  and {count - SHOWN} more")
    for kind, advice in {finding.kind: finding.kind.advice for finding in shown}.items():
        console.show(f"-> {kind.value}: {advice}")


def _entries(lines: Iterable[bytes], unreadable: list[int]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, raw in enumerate(lines, 1):
        entry = _entry(raw)
        if entry is None:
            unreadable.append(number)
        else:
            yield raw.decode("utf-8").strip(), entry


def _entry(raw: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


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
    """Return it on one line, without what could play with a terminal."""
    return visible(said)
