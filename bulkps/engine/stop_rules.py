"""Why a run stops, and what it still does before that. Pure."""

from collections import Counter

from bulkps.engine.config import Breaker, BulkOperationConfig
from bulkps.engine.item import Phase
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.machine_messages import Finish, StopReason
from bulkps.engine.outcome_evaluator import Transition
from bulkps.exchange.error_catalog import ErrorClass

#: A run that stops for one of these is over, so what is in doubt is looked up before it ends.
_SETTLES = (StopReason.CANCELLED, StopReason.ERROR)


class StopRules:
    """Knows whether the run is stopping, and why; counts what failed in this process.

    Args:
        config: What the operator allows.
        ends_at: Epoch seconds at which the run pauses; None for never.
        cancelled: Whether the run was cancelled before: nothing new is sent, but requests at Exchange are
            followed.
    """

    def __init__(self, config: BulkOperationConfig, ends_at: float | None, *, cancelled: bool) -> None:
        self._cancelled = cancelled
        self._stops_on_error, self._waits = config.stop_on_error, config.wait
        self._breaker = Breaker(config.max_failures, config.max_failure_share)
        self._by_class = config.breakers
        self._ends_at = ends_at
        self._ended = 0
        self._failed: Counter[ErrorClass | None] = Counter()
        self.finish: Finish | None = None
        self.interrupted = False

    # --- what is still done ---------------------------------------------------------------------------

    @property
    def stopping(self) -> bool:
        """Whether no new batches are sent."""
        return self.finish is not None or self._cancelled

    @property
    def is_final(self) -> bool:
        """Whether the run will be over: what was not sent is SKIPPED."""
        return self.finish.reason in _SETTLES if self.finish else self._cancelled

    @property
    def winds_up(self) -> bool:
        """Whether it is a cancelled run that only finishes what was started."""
        return self._cancelled and self.finish is None

    @property
    def reason(self) -> Finish:
        """Why the run is over, once nothing is left to do."""
        return self.finish or Finish(StopReason.CANCELLED if self._cancelled else StopReason.DONE)

    @property
    def settles(self) -> bool:
        """Whether lookups about single items are still asked."""
        return not self.interrupted and (self.finish is None or self.is_final)

    @property
    def follows(self) -> bool:
        """Whether the run waits for requests at Exchange."""
        return self._waits and (self.finish is None or self.finish.reason is StopReason.ERROR)

    @property
    def connects(self) -> bool:
        """Whether sessions are still opened."""
        refused = self.finish is not None and self.finish.reason is StopReason.CANNOT_CONNECT
        return not (refused or self.interrupted)

    @property
    def wakes_at(self) -> float | None:
        """When its time is over (epoch seconds), or None."""
        return None if self.finish else self._ends_at

    # --- why it stops ---------------------------------------------------------------------------------

    def stop(self, finish: Finish | None) -> None:
        """Stop because of *finish*, unless the run stopped before; then only stop waiting."""
        if finish is None:
            return
        if finish.reason is not StopReason.ERROR:
            self._waits = False
        self.finish = self.finish or finish

    def interrupt(self) -> None:
        """Stop, and wait for nothing."""
        self.interrupted = True
        self.stop(Finish(StopReason.PAUSED))

    def cancel(self) -> None:
        """End the run as cancelled, whatever stopped it before."""
        self.finish = Finish(StopReason.CANCELLED)

    def look_at_the_time(self, now: float) -> None:
        """Stop if the time is over."""
        if self._ends_at is not None and now >= self._ends_at:
            self.stop(Finish(StopReason.TIME, "its time limit was reached"))

    def condemn(self, transition: Transition) -> None:
        """Stop because the error of *transition* would hit every other item too."""
        item = transition.item
        self.stop(Finish(StopReason.CONDEMNED, f"{item.code}: {item.error}", item.advice))

    def count(self, transition: Transition) -> None:
        """Note what became of an item, and stop if more failed than the operator allows."""
        item = transition.item
        self._ended += item.phase is Phase.OVER
        if item.status is not BulkItemStatus.FAILED:
            return
        self._failed[transition.error_class] += 1
        auth = transition.scope == "session" and transition.error_class is ErrorClass.AUTH
        if transition.scope == "run" or auth:
            self.condemn(transition)
        elif self._stops_on_error:
            reason = f"row {item.row} failed: {item.code}: {item.error}"
            self.stop(Finish(StopReason.ERROR, reason, item.advice))
        elif why := self._too_many(transition.error_class):
            last = f"{why}; the last: row {item.row}: {item.code}: {item.error}"
            self.stop(Finish(StopReason.FAILURES, last, item.advice))

    def _too_many(self, kind: ErrorClass | None) -> str:
        why = self._breaker.trips(self._failed.total(), self._ended)
        if why or kind not in self._by_class:
            return why
        why = self._by_class[kind].trips(self._failed[kind], self._ended)
        return f"{why} of class {kind.value}" if why else ""
