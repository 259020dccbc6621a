"""A limit for everything that a session waits for while it is opened, asked or closed."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bulkps.sessions.wire_errors import TimeLimitError


class Deadline:
    """The end of one stretch of work on a wire; every wait on that wire asks it.

    pypsrp waits in loops of its own, each turn of which has a limit and the whole of which has none.

    Attributes:
        stage: What is going on, for the sentence that says what took too long.
    """

    def __init__(self) -> None:
        self.stage = ""
        self._until, self._limit, self._setting = math.inf, 0.0, ""

    @contextmanager
    def within(self, limit: float, setting: str = "") -> Iterator[None]:
        """Let what is inside take *limit* seconds; one that stands around it stays.

        Args:
            limit: Seconds.
            setting: By which setting, for the sentence.
        """
        before = self._until, self._limit, self._setting
        until = time.monotonic() + limit
        if until < self._until:
            self._until, self._limit, self._setting = until, limit, setting
        try:
            yield
        finally:
            self._until, self._limit, self._setting = before

    def wait(self, seconds: float) -> float:
        """Return for how many of *seconds* may be waited.

        Raises:
            TimeLimitError: If the time is over.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            by = f" ({self._setting})" if self._setting else ""
            raise TimeLimitError(f"no answer within {self._limit:g} seconds{by}{self.during}")
        return min(seconds, left)

    @property
    def during(self) -> str:
        """`` while …``, where it is known what is going on."""
        return f" while {self.stage}" if self.stage else ""
