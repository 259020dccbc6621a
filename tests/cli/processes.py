"""What tests of processes share: how bulkps is started, and how its state is waited for."""

import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bulkps.records.journal import Journal

BULKPS = [sys.executable, "-m", "bulkps"]


def wait_for(reached: Callable[[], bool]) -> None:
    """Wait until *reached*, at most two minutes."""
    tick = threading.Event()
    for _ in range(12000):
        if reached():
            return
        tick.wait(0.01)
    raise AssertionError("it was never reached")


@contextmanager
def paused_once(reached: Callable[[], bool], run: str = "last") -> Iterator[None]:
    """Pause *run*, which is at work inside the block, once *reached*: whatever time that takes."""

    def pause() -> None:
        try:
            wait_for(reached)
        finally:
            # Else the run would never end.
            with Journal(Path(os.environ["BULKPS_HOME"]) / "journal.sqlite3") as journal:
                wait_for(lambda: bool(journal.wish(journal.run(run).id, "pause")))

    thread = threading.Thread(target=pause)
    thread.start()
    yield
    thread.join()


def lose_sight_of_owners() -> None:
    """Let nothing but the clock tell whether an owner is alive, as on another machine."""
    for lock in (Path(os.environ["BULKPS_HOME"]) / "locks").glob("*.lock"):
        lock.unlink()


def make_lease_old() -> None:
    """Let the dead process's lease run out without waiting for it."""
    connection = sqlite3.connect(Path(os.environ["BULKPS_HOME"]) / "journal.sqlite3")
    connection.execute("UPDATE runs SET heartbeat = 0, lease = 0.1")
    connection.commit()
    connection.close()
