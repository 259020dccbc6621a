"""Why a run stops before its end though nobody asked: too many failures, or its time is up. Pure."""

from collections import Counter

from bulkps.engine.events import Finish, StopReason
from bulkps.engine.item import Phase
from bulkps.engine.judge import Judgement
from bulkps.engine.policy import Breaker, BulkOperationConfig
from bulkps.engine.status import BulkItemStatus
from bulkps.exchange.errors import ErrorClass


class Limits:
    """Counts what failed in this process.

    Args:
        config: What the operator allows.
        ends_at: Epoch seconds at which the run pauses; None for never.
    """

    def __init__(self, config: BulkOperationConfig, ends_at: float | None) -> None:
        self._breaker = Breaker(config.max_failures, config.max_failure_share)
        self._by_class = config.breakers
        self.ends_at = ends_at
        self._ended = 0
        self._failed: Counter[ErrorClass | None] = Counter()

    def count(self, judged: Judgement) -> Finish | None:
        """Note what became of an item; return why the run stops, if it does."""
        if judged.item.phase is not Phase.OVER:
            return None
        self._ended += 1
        if judged.item.status is not BulkItemStatus.FAILED:
            return None
        self._failed[judged.error_class] += 1
        why = self._breaker.trips(self._failed.total(), self._ended)
        kind = judged.error_class
        if not why and kind in self._by_class:
            why = self._by_class[kind].trips(self._failed[kind], self._ended)
            why = f"{why} of class {kind.value}" if why else ""
        if not why:
            return None
        last = f"{why}; the last: row {judged.item.row}: {judged.item.code}: {judged.item.error}"
        return Finish(StopReason.FAILURES, last, judged.item.advice)

    def over(self, now: float) -> Finish | None:
        """Return why the run stops at *now*, if its time is up."""
        if self.ends_at is None or now < self.ends_at:
            return None
        return Finish(StopReason.TIME, "the time that it was given is over")
