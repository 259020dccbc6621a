"""Which process is writing to the journal, for processes that wait for it.

SQLite does not tell which process holds the lock. So a process that holds it writes its name beside the
journal. A program other than bulkps writes none.
"""

import os
import socket
from contextlib import suppress
from pathlib import Path

_LONGEST = 200


class JournalHolder:
    """The name of the last process that wrote to a journal.

    Args:
        journal: The journal's file.
    """

    def __init__(self, journal: Path) -> None:
        self._path = journal.with_name(journal.name + "-holder")
        self._own = f"process {os.getpid()} on {socket.gethostname()}"

    def enter(self) -> None:
        """Write this process's name; called while it holds the lock."""
        # Only a name is lost if this fails; the journal itself reports whether it can be written.
        with suppress(OSError):
            if self.read() != self._own:
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
                with os.fdopen(os.open(self._path, flags, 0o600), "w", encoding="utf-8") as file:
                    file.write(self._own)

    def read(self) -> str:
        """Return the name that was written last, or an empty string."""
        with suppress(OSError, UnicodeDecodeError):
            return self._path.read_text(encoding="utf-8")[:_LONGEST]
        return ""

    def describe(self) -> str:
        """Return who most likely holds the journal, for people."""
        name = self.read()
        if name in ("", self._own):
            return "another program that has it open"
        return f"{name}, which wrote to it last, or by another program that has it open"
