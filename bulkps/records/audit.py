"""The audit log: JSON Lines, one file per run, every line chained to the one before by SHA-256.

It is written before the journal and before anything is sent; a line that cannot be written stops the run.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from loguru import logger

from bulkps.atomic_file import new_for_owner
from bulkps.engine.recorded_events import ItemEvent, RunEvent
from bulkps.errors import RecordFailed
from bulkps.records.file_identity import FileIdentity
from bulkps.records.paths import private_folder
from bulkps.visible_text import json_text

if TYPE_CHECKING:
    from loguru import Record

#: What the first line is chained to.
FIRST = "0" * 64
#: Below every level of loguru: only this module's sink takes it, not the sinks of the calling program.
_LEVEL = 1
#: How long to wait for the file's lock, in seconds; it is held for one write.
_LOCKED = 30.0


def line_hash(line: str) -> str:
    """Return the SHA-256 (hexadecimal) that the next line carries as ``previous``; *line* has no line end."""
    return hashlib.sha256(line.encode("utf-8")).hexdigest()


class Audit:
    """A run's audit log, open for writing.

    Lines are kept in memory until ``sync`` appends them, under a lock of the file and only if no other
    process wrote to it since. So a process that lost its run leaves nothing that could be flushed later.

    Args:
        path: The file; created if it is missing.
        run: The run's name, on every line.
        who: User and host, on every line.
        lines: How many lines it has.
        head: The hash of the last line.
        sitting: The epoch of the process's lease, on every line.
        first: Further facts for the first line.
        locks: The folder of the lock file; None for the one beside the log.

    Raises:
        RecordFailed: If it cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        run: str,
        who: str,
        lines: int = 0,
        head: str = "",
        sitting: int = 0,
        first: Mapping[str, str] | None = None,
        locks: Path | None = None,
    ) -> None:
        self.path, self._run, self._who, self.sitting = path, run, who, sitting
        self.lines, self.head, self._first = lines, head or FIRST, dict(first or {})
        self._waiting: list[bytes] = []
        self._failed: RecordFailed | None = None
        folder = locks or path.with_name("locks")
        try:
            private_folder(folder)
            self._lock = FileLock(folder / f"{path.stem}.audit.lock", mode=0o600, thread_local=False)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            self._fd: int | None = new_for_owner(str(path), flags)
            self._size = os.fstat(self._fd).st_size
            self._identity = FileIdentity(path)
        except OSError as error:
            raise RecordFailed(str(path), error.strerror or str(error)) from error
        # catch=False: otherwise loguru would print that a line is lost and continue. diagnose=False:
        # otherwise it would print the values of variables into tracebacks.
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

    def write(
        self, event: ItemEvent | RunEvent, sentence: str, at: float, facts: Mapping[str, object]
    ) -> None:
        """Make one line, which ``sync`` appends.

        Args:
            event: For machines to match, such as ``item.failed``.
            sentence: For people to read.
            at: Epoch seconds.
            facts: Further facts; JSON values.

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
        except ValueError as error:
            raise RecordFailed(str(self.path), str(error)) from error
        if self.lines != before + 1:
            # The program that uses bulkps called logger.remove() or logger.disable().
            raise RecordFailed(str(self.path), "the program has switched loguru off")

    def check_file(self) -> None:
        """Check that it is still the file that was opened.

        Raises:
            RecordFailed: If it was removed, replaced or cut short.
        """
        self._identity.check()

    def sync(self) -> None:
        """Append what was written, on the disk.

        Raises:
            RecordFailed: If it could not be; none of it will be written later.
        """
        if self._failed is not None:
            # Its lines were counted but are not in the file: nothing may be chained to them.
            raise self._failed
        waiting, self._waiting = b"".join(self._waiting), []
        if self._fd is None:
            raise RecordFailed(str(self.path), "it is closed")
        try:
            self._append_locked(self._fd, waiting)
        except RecordFailed as error:
            self._failed = error
            raise

    def _append_locked(self, fd: int, waiting: bytes) -> None:
        try:
            with self._lock.acquire(timeout=_LOCKED):
                self._identity.check()
                found = os.fstat(fd).st_size
                if found != self._size:
                    reason = f"it has {found} bytes instead of {self._size}: another process wrote to it"
                    advice = f"to see what changed: bulkps audit verify {self._run}"
                    raise RecordFailed(str(self.path), reason, advice)
                self._append(fd, waiting)
        except Timeout as error:
            raise RecordFailed(
                str(self.path),
                f"another process has held its lock for {_LOCKED:g} s",
                "wait for that process or end it, then resume",
            ) from error
        except OSError as error:
            raise RecordFailed(str(self.path), error.strerror or str(error)) from error

    def _append(self, fd: int, waiting: bytes) -> None:
        while waiting:
            written = os.write(fd, waiting)
            self._size, waiting = self._size + written, waiting[written:]
        os.fsync(fd)

    def close(self) -> None:
        """Close the file; it keeps what was synced, and nothing more is written."""
        self._waiting = []
        with suppress(ValueError):
            # The calling program may have removed every sink already.
            logger.remove(self._sink)
        fd, self._fd = self._fd, None
        try:
            if fd is not None:
                os.close(fd)
        except OSError as error:
            raise RecordFailed(str(self.path), error.strerror or str(error)) from error

    def _is_ours(self, record: "Record") -> bool:
        return record["extra"].get("bulkps_audit") == self._run

    def _write(self, message: Any) -> None:
        entry: dict[str, object] = message.record["extra"]["entry"]
        # Its own number tells a removed, inserted or moved line from a changed one.
        own = {"previous": self.head, "line": self.lines + 1, "sitting": self.sitting}
        first = {} if self.lines else self._first
        line = json_text({**own, **first, **entry})
        self._waiting.append((line + "\n").encode("utf-8"))
        self.lines, self.head = self.lines + 1, line_hash(line)
