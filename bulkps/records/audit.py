"""The audit log: JSON Lines, one file per run, every line chained to the one before by SHA-256.

Written before the journal and before anything is sent; a line that cannot be written stops the run.
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
from bulkps.engine.events import ItemEvent, RunEvent
from bulkps.errors import RecordFailed
from bulkps.records.file_identity import FileIdentity
from bulkps.records.paths import private_folder
from bulkps.visible_text import json_text

if TYPE_CHECKING:
    from loguru import Record

#: What the first line is chained to.
FIRST = "0" * 64
#: Below every level that loguru has: only our own sink takes it, no other that the program has set up.
_LEVEL = 1
#: How long the file's lock is waited for, in seconds: it is held for one write.
_LOCKED = 30.0


def line_hash(line: str) -> str:
    """Return the SHA-256 (hexadecimal) that the next line carries as ``previous``; *line* has no line end."""
    return hashlib.sha256(line.encode("utf-8")).hexdigest()


class Audit:
    """A run's audit log, open for writing.

    Lines are kept in memory until ``sync`` puts them behind the others, under a lock of the file and only if
    nobody else wrote into it since: a process that lost its run leaves nothing that could be flushed later.

    Args:
        path: The file; made if it is missing.
        run: The run's name, on every line.
        who: User and host, on every line.
        lines: How many lines it has.
        head: The hash of the last of them.
        sitting: The epoch of the process's lease, on every line.
        first: What the first line says beside what it is about.
        locks: Where the lock of the file is; None for beside it.

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

    def write(
        self, event: ItemEvent | RunEvent, sentence: str, at: float, facts: Mapping[str, object]
    ) -> None:
        """Make one line, which ``sync`` puts behind the others.

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
        except ValueError as error:
            raise RecordFailed(str(self.path), str(error)) from error
        if self.lines != before + 1:
            # logger.remove() or logger.disable() of the program that uses bulkps.
            raise RecordFailed(str(self.path), "the program has switched loguru off")

    def check_file(self) -> None:
        """Make sure that it is still the file that was opened.

        Raises:
            RecordFailed: If it was removed, replaced or cut short.
        """
        self._identity.check()

    def sync(self) -> None:
        """Put what was written behind the other lines, on the disk.

        Raises:
            RecordFailed: If it could not be; none of it will be written later.
        """
        if self._failed is not None:
            # Its lines were counted and are not there: nothing may be chained to them.
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
                    reason = (
                        f"it has {found} bytes, and this process left {self._size}: another one wrote to it"
                    )
                    advice = f"see bulkps audit verify {self._run}"
                    raise RecordFailed(str(self.path), reason, advice)
                self._append(fd, waiting)
        except Timeout as error:
            raise RecordFailed(
                str(self.path),
                f"another process has had its lock for {_LOCKED:g} s",
                "let that process go on, or end it; then resume",
            ) from error
        except OSError as error:
            raise RecordFailed(str(self.path), error.strerror or str(error)) from error

    def _append(self, fd: int, waiting: bytes) -> None:
        while waiting:
            written = os.write(fd, waiting)
            self._size, waiting = self._size + written, waiting[written:]
        os.fsync(fd)

    def close(self) -> None:
        """Close the file; what was synced is there, and nothing else comes."""
        self._waiting = []
        with suppress(ValueError):
            # It may be gone already: the program may have removed every sink.
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
        # Its own number tells a line that was taken out, put in or moved from one that was changed.
        own = {"previous": self.head, "line": self.lines + 1, "sitting": self.sitting}
        first = {} if self.lines else self._first
        line = json_text({**own, **first, **entry})
        self._waiting.append((line + "\n").encode("utf-8"))
        self.lines, self.head = self.lines + 1, line_hash(line)
