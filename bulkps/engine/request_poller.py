"""When to poll the requests that Exchange works on, and what the answers mean for the items. Pure.

The followed items themselves stay in the journal; only their number is here.
"""

import math
from collections.abc import Callable, Collection, Iterator, Sequence

from bulkps.engine.config import FollowPolicy
from bulkps.engine.item import Item, Phase
from bulkps.engine.machine_messages import FollowAnswered
from bulkps.engine.outcome_evaluator import OutcomeEvaluator, Transition
from bulkps.engine.reconciler import Lookup, Reconciler
from bulkps.exchange.calls_and_outcomes import Cmdlet
from bulkps.operations.model import Operation
from bulkps.operations.parameter_binding import bind_query

#: How many items that a poll does not show are looked up by themselves, at least.
_LOOKED_FOR = 10
#: How many polls it takes to look all of them up.
_ROUND = 10
#: After this many lookups in a row without an answer bulkps stops waiting for one, if the cause may be
#: temporary; if not, ``failures`` are enough.
_UNTOLD = 100

_NOBODY_TELLS = (
    "Exchange accepted it, but the run's own query does not show it, and so many lookups brought no answer "
    "that bulkps has stopped asking."
)


class RequestPoller:
    """One query per poll for the whole run, at growing intervals.

    Args:
        operation: Whose steps are followed.
        policy: How often to ask.
        batch: The run's BatchName.
    """

    def __init__(self, operation: Operation, policy: FollowPolicy, batch: str) -> None:
        self._policy, self._batch = policy, batch
        self._queries = {i: step.follow for i, step in enumerate(operation.steps) if step.follow}
        self._count = 0
        self._polls = 0
        self._asking: int | None = None
        self._failures = 0
        #: How many times in a row an item was not found, and since when.
        self._absent: dict[str, tuple[int, float]] = {}
        self._untold: dict[str, int] = {}
        self._unexplained: dict[str, int] = {}
        self._turn = self._asked_after = self._looked_for = 0
        self.next_poll: float | None = None

    @property
    def waits(self) -> bool:
        """Whether anything at Exchange is not finished."""
        return self._count > 0

    @property
    def asking(self) -> bool:
        """Whether a query is in flight."""
        return self._asking is not None

    def resume(self, count: int, now: float) -> None:
        """Note that *count* items are at Exchange from before: ask at once."""
        self._count = count
        self.next_poll = now if count else None

    def accepted(self, now: float) -> None:
        """Note that Exchange accepted one more."""
        self._count += 1
        if self.next_poll is None:
            self.next_poll = now + self._policy.wait(self._polls)

    def is_due(self, now: float) -> bool:
        """Return whether it is time to ask."""
        return not self.asking and self.waits and self.next_poll is not None and now >= self.next_poll

    def turn(self) -> int:
        """Return the step to poll next."""
        steps = list(self._queries)
        self._turn = (self._turn + 1) % len(steps)
        return steps[self._turn]

    def ask(self, session: int, step: int) -> Cmdlet:
        """Return the query for *step*, which *session* is asked to run."""
        self._asking = session
        return bind_query(self._queries[step], self._batch)

    def failed_on(self, session: int, now: float) -> None:
        """Note that *session* is gone; if it was asking, its answer is lost, which does no harm."""
        if self._asking == session:
            self.failed(now)

    def failed(self, now: float, *, counted: bool = True) -> bool:
        """Note that a query failed; return whether it has now failed too often.

        A query that Exchange throttled was not even tried, so it is not *counted*.
        """
        self._over(now)
        self._failures += 1 if counted else 0
        return self._failures >= self._policy.failures

    def seen(self, event: FollowAnswered) -> Iterator[tuple[Item, str, bool]]:
        """Yield each item that the answer shows, its status, and whether to ask for its progress.

        At each poll a few of the running ones are asked, in turn.
        """
        self._failures = 0
        step = self._queries[event.step]
        running = -1
        for item, properties in event.seen:
            self._absent.pop(item.key, None)
            self._untold.pop(item.key, None)
            status = str(properties.get(step.status) or "")
            running += status in step.running
            turn = running - self._asked_after
            yield item, status, status in step.running and 0 <= turn < self._policy.statistics
        self._asked_after += self._policy.statistics
        if self._asked_after > running:
            self._asked_after = 0

    def gone(
        self, event: FollowAnswered, evaluator: OutcomeEvaluator, telling: Collection[str], now: float
    ) -> Iterator[Transition]:
        """Yield what becomes of each item that Exchange no longer shows; then the answer is done.

        An item that is missing in the run's own query counts as absent only if no lookup is possible: a
        request that another run created is in another batch.

        Args:
            event: The answer.
            evaluator: Evaluates outcomes.
            telling: The keys of the items that are looked up by themselves, where the answer can tell.
            now: Epoch seconds.
        """
        for item in event.absent:
            if item.key not in telling:
                self._not_there(item, now)
            times, since = self._absent.get(item.key, (0, now))
            # Counted from the first miss, not from the start: a retry's new request may not be visible yet.
            if times >= self._policy.absences and now - since >= self._policy.gone_after:
                del self._absent[item.key]
                self._untold.pop(item.key, None)
                yield evaluator.gone(item, now)
        self._over(now)

    def answered(
        self, event: FollowAnswered, reconciler: Reconciler, is_asked: Callable[[str], bool], now: float
    ) -> Iterator[tuple[Item, Lookup | Transition]]:
        """Yield what an answer means for the items that it is about, or the lookup that one of them needs.

        Args:
            event: The answer.
            reconciler: What can be asked.
            is_asked: Returns for an item's key whether a lookup about it waits or is in flight.
            now: Epoch seconds.
        """
        evaluator = reconciler.evaluator
        for item, status, curious in self.seen(event):
            if evaluator.is_stale(item, status, now):
                continue
            why = reconciler.why(item, status, curious=curious)
            if why is None:
                transition = evaluator.followed(item, status, now)
                if transition:
                    yield item, transition
            elif not is_asked(item.key):
                yield item, why
        lookups = {item.key: lookup for item in event.absent if (lookup := reconciler.missed(item))}
        gone = set()
        for item in self._given_up(event, is_asked):
            gone.add(item.key)
            yield item, evaluator.left_in_doubt(item, _NOBODY_TELLS, now)
        telling = {
            item.key for item in event.absent if item.key in lookups and reconciler.tells_absence(item)
        }
        for transition in self.gone(event, evaluator, telling, now):
            # If a lookup is on its way, its answer decides.
            if transition.item.key not in gone and not is_asked(transition.item.key):
                gone.add(transition.item.key)
                yield transition.item, transition
        for item in self._in_turn(event.absent):
            if item.key in lookups and item.key not in gone and not is_asked(item.key):
                yield item, lookups[item.key]

    def _given_up(self, event: FollowAnswered, is_asked: Callable[[str], bool]) -> Iterator[Item]:
        """Yield the items that were looked up so often without an answer that bulkps stops asking."""
        for item in event.absent:
            # A lookup that is not possible does not mean that the request is gone.
            if self._untold.get(item.key, 0) >= _UNTOLD and not is_asked(item.key):
                del self._untold[item.key]
                yield item

    def _in_turn(self, absent: Sequence[Item]) -> list[Item]:
        """Return those of *absent* whose turn it is to be looked up."""
        count = min(len(absent), max(_LOOKED_FOR, math.ceil(len(absent) / _ROUND)))
        first = self._looked_for if self._looked_for < len(absent) else 0
        self._looked_for = first + count
        return [*absent, *absent][first : first + count]

    def looked_for(self, item: Item, now: float, *, there: bool | None, passing: bool) -> None:
        """Note what Exchange showed about an item that was looked up by itself.

        Args:
            item: The item.
            now: Epoch seconds.
            there: Whether it exists; None if that is not certain.
            passing: Whether the cause of an unclear answer may be temporary.
        """
        if there is None:
            weight = 1 if passing else math.ceil(_UNTOLD / self._policy.failures)
            self._untold[item.key] = self._untold.get(item.key, 0) + weight
            return
        self._untold.pop(item.key, None)
        if there:
            self._absent.pop(item.key, None)
        else:
            self._not_there(item, now)

    def unexplained(self, item: Item, *, passes: bool) -> bool:
        """Note that no answer told why an item has its status; return whether to stop asking.

        Args:
            item: The item.
            passes: Whether the cause of an unclear answer may be temporary.
        """
        times = self._unexplained.get(item.key, 0) + 1
        self._unexplained[item.key] = times
        return not passes or times >= self._policy.failures

    def _not_there(self, item: Item, now: float) -> None:
        times, since = self._absent.get(item.key, (0, now))
        self._absent[item.key] = times + 1, since

    def left(self, item: Item) -> None:
        """Note what became of a followed item: count one fewer if it is no longer followed."""
        if item.phase is not Phase.FOLLOWING:
            self._count -= 1

    def _over(self, now: float) -> None:
        self._asking = None
        self.next_poll = now + self._policy.wait(self._polls) if self.waits else None
        self._polls += 1
