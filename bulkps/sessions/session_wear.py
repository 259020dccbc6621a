"""When a session should be renewed: before it fails, never in the middle of a batch."""

import time

from pypsrp.powershell import PowerShell, RunspacePool

from bulkps.sessions import pipeline as lines
from bulkps.sessions.connection import Renewal
from bulkps.sessions.wire_errors import WIRE_ERRORS

#: After how many pipelines the engine's memory is read again.
_ASKED_EVERY = 20
_MEMORY = "[System.Diagnostics.Process]::GetCurrentProcess().WorkingSet64"


class Wear:
    """How much a session has been used.

    Args:
        renewal: How long it may be used.
        token_ends: Epoch seconds at which its token ends, or None.
        can_ask: Whether script text may be run in it, which is needed to read its memory.
    """

    def __init__(self, renewal: Renewal, token_ends: float | None = None, *, can_ask: bool = False) -> None:
        self._renewal, self._token_ends, self._can_ask = renewal, token_ends, can_ask
        self._opened = time.monotonic()
        self._pipelines = 0
        self._asked_at = 0
        self._megabytes = 0

    def begun(self) -> None:
        """Note that a pipeline starts."""
        self._pipelines += 1

    def reason(self, pool: RunspacePool, patience: int) -> str:
        """Return why the session should be renewed now, or an empty string."""
        limits = self._renewal
        age = time.monotonic() - self._opened
        if limits.after_seconds and age >= limits.after_seconds:
            return f"it is {age:.0f} s old"
        if limits.after_pipelines and self._pipelines >= limits.after_pipelines:
            return f"it has run {self._pipelines} pipelines"
        if self._token_ends is not None and time.time() >= self._token_ends - limits.before_token_end:
            return "its token is about to end"
        silent = self._ask(pool, patience)
        if silent:
            return silent
        if limits.after_megabytes and self._megabytes >= limits.after_megabytes:
            return f"its engine uses {self._megabytes} MB"
        return ""

    def _ask(self, pool: RunspacePool, patience: int) -> str:
        """Read the engine's memory; return why that did not work, or an empty string."""
        if not self._can_ask or self._pipelines - self._asked_at < _ASKED_EVERY:
            return ""
        self._asked_at = self._pipelines
        pipeline = PowerShell(pool).add_script(_MEMORY)
        try:
            lines.begin(pipeline)
            found = list(lines.outputs(pipeline, patience, patience))
        except (lines.NotBegunError, lines.OutOfTimeError, *WIRE_ERRORS):
            # The next batch would meet the same problem, with rows in it.
            return "it did not report how much memory its engine uses"
        if lines.close(pipeline):
            return "a pipeline in it could not be closed"
        if len(found) == 1 and isinstance(found[0], int):
            self._megabytes = found[0] // 2**20
        return ""
