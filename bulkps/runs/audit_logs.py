"""Finds audit logs by the name of a run or of a file, checks them and reads them."""

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bulkps.errors import RunNotFound, UsageProblem
from bulkps.records.audit_verify import Finding, Known, Verdict, verify
from bulkps.records.row_mapping import Run
from bulkps.runs.run_service import RunService

__all__ = ["Finding", "Verdict", "entries", "find_log", "verified"]

#: How many lines are searched for the run's name.
_LOOKED_AT = 1000


def verified(log: str) -> tuple[Path, str, Verdict]:
    """Return the file that *log* names, its run, and what is wrong with it.

    Args:
        log: A run's name, the beginning of one, ``last``, or a file.

    Raises:
        UsageProblem: If there is none, or it cannot be read.
        RunNotFound: If there is no such run.
    """
    path, run = find_log(log)
    lines: Iterable[bytes] = _lines(path)
    if not run:
        run, lines = _whose(lines, path)
    return path, run, verify(lines, run, lambda: _known(run))


def entries(path: Path, unreadable: list[int]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each line of a log, as text and as an object; note the numbers of the *unreadable* lines.

    Raises:
        UsageProblem: If the file cannot be read.
    """
    for number, raw in enumerate(_lines(path), 1):
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


def find_log(log: str) -> tuple[Path, str]:
    """Return the file that *log*, a run or a file, names, and the run that it must belong to, if known.

    Raises:
        UsageProblem: If there is none.
    """
    path = Path(log)
    if log != "last" and _is_there(path):
        # A run's own log (not a copy) belongs to that run, whatever its lines say.
        owner = _run_called(path.stem)
        return path, owner.id if owner and Path(owner.audit).resolve() == path.resolve() else ""
    if path.name != log or path.suffix == ".jsonl":
        raise UsageProblem(f"the file {log} does not exist")
    with RunService() as service:
        run = service.run(log)
    path = Path(run.audit)
    if _is_there(path):
        return path, run.id
    if not run.audit_lines:
        raise UsageProblem(f"run {run.id} has no audit log yet: nothing was ever sent for it")
    raise UsageProblem(
        f"{path} is missing, but the journal knows {run.audit_lines} lines of it. Restore it from a backup, "
        "and find out who removed it"
    )


def _is_there(path: Path) -> bool:
    try:
        # Not is_file: a pipe works too, as in verify <(zcat copy.jsonl.gz).
        return path.exists() and not path.is_dir()
    except (OSError, ValueError):
        return False


def _lines(path: Path) -> Iterator[bytes]:
    # Errors while a line is printed, such as a closed pipe, must not be caught here as errors of the file.
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise UsageProblem(f"cannot read {path}: {error.strerror or error}") from error


def _whose(lines: Iterable[bytes], path: Path) -> tuple[str, Iterable[bytes]]:
    """Return the run that a log names, or else the file's name, and all its lines."""
    rest = iter(lines)
    looked_at = []
    for raw in itertools.islice(rest, _LOOKED_AT):
        looked_at.append(raw)
        run = (_entry(raw) or {}).get("run")
        # bulkps never gives a name that cannot be printed.
        if isinstance(run, str) and run and run.isprintable():
            return run, itertools.chain(looked_at, rest)
    return path.stem, itertools.chain(looked_at, rest)


def _known(name: str) -> Known | None:
    run = _run_called(name)
    return Known.of(run) if run else None


def _run_called(name: str) -> Run | None:
    """Return the run of exactly this name, or None; no journal is created for that."""
    with RunService() as service:
        if not service.path.exists():
            return None
        try:
            found = service.run(name)
        except RunNotFound:
            return None
    return found if found.id == name else None
