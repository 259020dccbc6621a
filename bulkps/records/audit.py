"""The audit log: JSON Lines, one file per run, every line chained to the one before by SHA-256.

Written before the journal and before anything is sent; a line that cannot be written stops the run.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from loguru import logger

from bulkps.errors import RecordFailed
from bulkps.whole import new_for_owner

if TYPE_CHECKING:
    from loguru import Record

#: What the first line is chained to.
FIRST = "0" * 64
#: Below every level that loguru has: only our own sink takes it, no other that the program has set up.
_LEVEL = 1


def line_hash(line: str) -> str:
    """Return the SHA-256 (hexadecimal) that the next line carries as ``previous``; *line* has no line end."""
    return hashlib.sha256(line.encode("utf-8")).hexdigest()


class Audit:
    """A run's audit log, open for writing.

    Args:
        path: The file; lines are put behind those that it has.
        run: The run's name, on every line.
        who: User and host, on every line.
        lines: How many lines it has.
        head: The hash of the last of them.
    """

    def __init__(self, path: Path, run: str, who: str, lines: int = 0, head: str = "") -> None:
        self.path, self._run, self._who = path, run, who
        try:
            self.lines, self.head = _tail(path, run, lines, head or FIRST)
            # Path.open takes no opener, and others must not read who did what to whom.
            self._file: TextIO = open(  # noqa: SIM115 - it stays open as long as the run is worked on
                path, "a", encoding="utf-8", newline="\n", opener=new_for_owner
            )
        except OSError as error:
            raise RecordFailed(str(path), error.strerror or str(error)) from error
        # catch=False: loguru would otherwise print that a line is lost and go on. diagnose=False: it would
        # otherwise print the values of variables into tracebacks.
        self._sink = logger.add(
            self._write,
            level=_LEVEL,
            format="{message}",
            filter=self._is_ours,
            catch=False,
            diagnose=False,
            backtrace=False,
        )
        self._log = logger.bind(bulkps_audit=self._run)

    def __enter__(self) -> "Audit":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, event: str, sentence: str, at: float, facts: Mapping[str, object]) -> None:
        """Put one line behind the others.

        Args:
            event: What machines match, such as ``item.failed``.
            sentence: What people read.
            at: Epoch seconds.
            facts: Whatever else is known; JSON values.

        Raises:
            RecordFailed: If it could not be written.
        """
        entry = {
            "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
            "event": event,
            "message": sentence,
            "run": self._run,
            "who": self._who,
            **facts,
        }
        before = self.lines
        try:
            self._log.bind(entry=entry).log(_LEVEL, event)
        except (OSError, ValueError) as error:
            raise RecordFailed(str(self.path), getattr(error, "strerror", None) or str(error)) from error
        if self.lines != before + 1:
            # logger.remove() or logger.disable() of the program that uses bulkps.
            raise RecordFailed(str(self.path), "the program has switched loguru off")

    def sync(self) -> None:
        """Bring what was written to the disk.

        Raises:
            RecordFailed: If it could not be.
        """
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except (OSError, ValueError) as error:
            raise RecordFailed(str(self.path), getattr(error, "strerror", None) or str(error)) from error

    def close(self) -> None:
        """Close the file; what was synced is there."""
        with suppress(ValueError):
            # It may be gone already: the program may have removed every sink.
            logger.remove(self._sink)
        try:
            self._file.close()
        except OSError as error:
            raise RecordFailed(str(self.path), error.strerror or str(error)) from error

    def _is_ours(self, record: "Record") -> bool:
        return record["extra"].get("bulkps_audit") == self._run

    def _write(self, message: Any) -> None:
        entry: dict[str, object] = message.record["extra"]["entry"]
        # Its own number tells a line that was taken out, put in or moved from one that was changed.
        own = {"previous": self.head, "line": self.lines + 1}
        line = json.dumps({**own, **entry}, ensure_ascii=False)
        self._file.write(line + "\n")
        self.lines, self.head = self.lines + 1, line_hash(line)


def _tail(path: Path, run: str, lines: int, head: str) -> tuple[int, str]:
    """Return how many lines *path* has and the hash of the last; make its end whole.

    The journal may know fewer lines than there are: a crash between the two leaves lines that announce what
    was never sent. They are kept if they continue the chain. A last line that was cut short is taken off.

    Raises:
        RecordFailed: If the file is not the one that the journal knows.
        OSError: If it cannot be read or cut.
    """

    def changed(reason: str) -> RecordFailed:
        return RecordFailed(str(path), reason, _PUT_BACK.format(run=run))

    if not path.exists():
        if lines:
            raise changed(f"it is gone, and the journal knows {lines} lines of it")
        return 0, head
    count, last, whole = 0, FIRST, 0
    with path.open("rb") as file:
        for raw in file:
            if not raw.endswith(b"\n"):
                break
            if count >= lines and not _continues(raw, last):
                raise changed(f"line {count + 1} does not continue the chain")
            count, last, whole = count + 1, hashlib.sha256(raw[:-1]).hexdigest(), whole + len(raw)
            if count == lines and last != head:
                raise changed(f"line {count} is not the one that the journal knows")
    if count < lines:
        raise changed(f"it has {count} lines, and the journal knows {lines}")
    if whole < path.stat().st_size:
        os.truncate(path, whole)
    return count, last


_PUT_BACK = (
    "someone has changed the audit log: 'bulkps audit verify {run}' says where; find out who, put it back "
    "from a copy, then resume"
)


def _continues(raw: bytes, last: str) -> bool:
    try:
        return bool(json.loads(raw)["previous"] == last)
    except (ValueError, KeyError, TypeError, RecursionError):
        # Other bytes than ours, in a log that someone has changed.
        return False
