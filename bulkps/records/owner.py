"""The process that works on a run: the name that other processes see, and whether it still exists.

An owner holds a lock on its own file for as long as it works. The operating system releases the lock when the
process ends, however it ends; a process that only stands still keeps it.
"""

import os
import re
import secrets
import socket
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path

from filelock import FileLock, Timeout

from bulkps.records.paths import private_folder

_NAME = re.compile(r"process \d+ on (?P<host>.+) \((?P<token>[0-9a-f]{16})\)")


class Presence(Enum):
    """What is known about an owner's process from here."""

    EXISTS = auto()  #: It runs, or stands still.
    GONE = auto()  #: It ended.
    UNKNOWN = auto()  #: It is on another machine, or its lock file is missing.


class Owner:
    """This process as the owner of runs.

    Args:
        folder: Where the lock files are; created if it is missing.

    Raises:
        OSError: If the lock file cannot be created.
    """

    def __init__(self, folder: Path) -> None:
        token = secrets.token_hex(8)
        self.name = f"process {os.getpid()} on {socket.gethostname()} ({token})"
        private_folder(folder)
        self._path = folder / f"{token}.lock"
        # Not bound to one thread: the heartbeat and the working thread share it.
        self._lock = FileLock(self._path, mode=0o600, thread_local=False)
        self._lock.acquire(timeout=0)

    def leave(self) -> None:
        """Let others see that this owner is done."""
        self._lock.release()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def presence(folder: Path, name: str) -> Presence:
    """Return what is known about the owner called *name*.

    Args:
        folder: Where the lock files are.
        name: As the journal has it.
    """
    found = _NAME.fullmatch(name)
    # A lock does not reach across machines on every file system.
    if found is None or found["host"] != socket.gethostname():
        return Presence.UNKNOWN
    path = folder / f"{found['token']}.lock"
    if not path.exists():
        return Presence.UNKNOWN
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return Presence.EXISTS
    lock.release()
    return Presence.GONE


def is_alive(folder: Path, owner: str, heartbeat: float, lease: float, now: float) -> bool:
    """Return whether an owner must be treated as alive.

    Args:
        folder: Where the lock files are.
        owner: Its name; empty if a run has none.
        heartbeat: Epoch seconds of its last sign of life, by its own clock.
        lease: Seconds for which it may be silent.
        now: Epoch seconds, by this process's clock.
    """
    if not owner:
        return False
    there = presence(folder, owner)
    # For a process of this machine the clocks do not matter.
    return there is Presence.EXISTS or (there is Presence.UNKNOWN and heartbeat >= now - lease)


def forget(folder: Path, name: str) -> None:
    """Remove the lock file of an owner that is gone."""
    found = _NAME.fullmatch(name)
    if found:
        with suppress(OSError):
            (folder / f"{found['token']}.lock").unlink(missing_ok=True)
