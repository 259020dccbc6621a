"""What tests of processes share: how bulkps is started, and how its state is waited for."""

import os
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path

BULKPS = [sys.executable, "-m", "bulkps"]


def wait_for(reached: Callable[[], bool]) -> None:
    """Wait until *reached*, at most two minutes."""
    tick = threading.Event()
    for _ in range(12000):
        if reached():
            return
        tick.wait(0.01)
    raise AssertionError("it was never reached")


def make_lease_old() -> None:
    """Let the dead process's lease run out without waiting for it."""
    connection = sqlite3.connect(Path(os.environ["BULKPS_HOME"]) / "journal.sqlite3")
    connection.execute("UPDATE runs SET heartbeat = 0")
    connection.commit()
    connection.close()
