"""Ctrl-C, Ctrl-Break and termination signals while a run is worked on."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from bulkps.engine.driver import Driver


class Interrupts:
    """The first signal lets rows in progress finish, the second stops them, the third ends the process.

    Attributes:
        times: How many signals came.
    """

    def __init__(self) -> None:
        self.times = 0
        self._driver: Driver | None = None

    def register(self, driver: Driver) -> None:
        """Note the driver that signals go to."""
        self._driver = driver

    def take(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        self.times += 1
        if self.times > 2 or self._driver is None:
            raise KeyboardInterrupt
        if self.times == 1:
            self._driver.pause()
            _say_later("Pausing: rows in progress finish. Press Ctrl-C again to stop them.")
        else:
            self._driver.interrupt()
            _say_later("Stopping the rows in progress; resume checks in Exchange what happened to them.")


def _say_later(text: str) -> None:
    # On another thread, because the signal may have interrupted another print.
    threading.Thread(target=click.echo, args=(f"\n{text}",), kwargs={"err": True}).start()


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """Handle signals inside the block."""
    interrupts = Interrupts()
    # SIGBREAK is Windows's Ctrl-Break, and what its console sends when it closes.
    wanted = [getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")]
    before = [(one, signal.signal(one, interrupts.take)) for one in wanted if one is not None]
    try:
        yield interrupts
    finally:
        for one, handler in before:
            signal.signal(one, handler)
