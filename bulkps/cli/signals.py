"""Ctrl-C, Ctrl-Break and termination signals while a run is worked on."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from bulkps.engine.driver import Driver


class Interrupts:
    """The first signal lets what is in flight end, the second stops it, the third ends the process.

    Attributes:
        times: How many signals came.
    """

    def __init__(self) -> None:
        self.times = 0
        self._driver: Driver | None = None

    def register(self, driver: Driver) -> None:
        """Note who is to be asked."""
        self._driver = driver

    def take(self, number: int, frame: FrameType | None) -> None:
        """Take a signal in."""
        self.times += 1
        if self.times > 2 or self._driver is None:
            raise KeyboardInterrupt
        if self.times == 1:
            self._driver.pause()
            _say_later("Pausing: what is in flight ends. Ctrl-C again stops it.")
        else:
            self._driver.interrupt()
            _say_later("Stopping what is in flight; resume looks it up.")


def _say_later(text: str) -> None:
    # Printed here it could meet a print that the signal came into: another thread says it.
    threading.Thread(target=click.echo, args=(f"\n{text}",), kwargs={"err": True}).start()


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """Give what takes the signals in, inside the block."""
    interrupts = Interrupts()
    # SIGBREAK is Windows's Ctrl-Break, and how its console says that it closes.
    wanted = [getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")]
    before = [(one, signal.signal(one, interrupts.take)) for one in wanted if one is not None]
    try:
        yield interrupts
    finally:
        for one, handler in before:
            signal.signal(one, handler)
