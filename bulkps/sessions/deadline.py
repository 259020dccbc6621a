"""A time limit for every wait of a session while it is opened, queried or closed."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bulkps.sessions.wire_errors import TimeLimitError


class Deadline:
    """The time limit for one part of the work on a wire; every wait on that wire checks it.

    pypsrp waits in its own loops: each turn of a loop has a limit, but the loop as a whole has none.

    Attributes:
        stage: What is being done, for the sentence that says what took too long.
    """

    def __init__(self) -> None:
        self.stage = ""
        self._until, self._limit, self._setting = math.inf, 0.0, ""

    @contextmanager
    def within(self, limit: float, setting: str = "") -> Iterator[None]:
        """Limit the block to *limit* seconds; an outer limit still holds.

        Args:
            limit: Seconds.
            setting: The setting with the limit, for the sentence.
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
        """Return how many of *seconds* are left to wait.

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
        """`` while …``, if it is known what is being done."""
        return f" while {self.stage}" if self.stage else ""
