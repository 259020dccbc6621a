"""The part of a run that is in memory: what is ready, what waits, what is in flight or in doubt. Pure."""

import heapq
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

from bulkps.engine import resend
from bulkps.engine.item import Item, Phase
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.reconciler import Lookup
from bulkps.engine.resend import Decision, Fact, Known
from bulkps.exchange.calls_and_outcomes import Cmdlet, Value
from bulkps.operations.model import Operation


@dataclass(frozen=True)
class InFlight:
    """An item that was handed to a session, or a lookup about it.

    Attributes:
        item: As it was recorded before it was sent.
        session: The session's number.
        cmdlet: What was sent.
        lookup: The lookup, or None if the item itself was sent.
        place: How many items are before it in its batch.
    """

    item: Item
    session: int
    cmdlet: Cmdlet
    lookup: Lookup | None = None
    place: int = 0


class WorkQueue:
    """Items between the journal and the sessions.

    Args:
        operation: What is done to them. Two items with the same value in one of its exclusive columns are
            never in flight together; one in doubt may still be in flight.
    """

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._ready: deque[Item] = deque()
        self._later: list[tuple[float, int, Item]] = []
        self._lookups: list[tuple[float, int, Item, Lookup]] = []
        self._asked: set[str] = set()
        self._holds: dict[str, frozenset[str]] = {}
        self._held: Counter[str] = Counter()
        self.flying: dict[str, InFlight] = {}

    def __len__(self) -> int:
        """How many items wait to be sent or looked up."""
        return len(self._ready) + len(self._later) + len(self._lookups)

    @property
    def ready(self) -> int:
        """How many items could be sent now."""
        return len(self._ready)

    @property
    def asking(self) -> bool:
        """Whether a lookup waits to be asked."""
        return bool(self._lookups)

    @property
    def midway(self) -> bool:
        """Whether an item with finished steps could be sent now, and nothing holds its targets."""
        return any(
            self._is_midway(item) and not any(self._held[target] for target in self._targets(item.values))
            for item in self._ready
        )

    @property
    def begun(self) -> bool:
        """Whether an item with finished steps can be sent now or later."""
        return self.midway or any(self._is_midway(item) for *_, item in self._later)

    def sendable(self, *, only_midway: bool) -> int:
        """Return how many items could be sent now, or only those with finished steps."""
        return sum(self._is_midway(item) for item in self._ready) if only_midway else len(self._ready)

    def put(self, item: Item, *, first: bool = True) -> None:
        """Put one item among the ready ones, or among those that wait for their time."""
        if item.not_before > 0:
            heapq.heappush(self._later, (item.not_before, item.row, item))
        elif first:
            self._ready.appendleft(item)
        else:
            self._ready.append(item)

    def ask(self, item: Item, lookup: Lookup, at: float) -> None:
        """Queue *lookup* about *item* for *at* (epoch seconds)."""
        if item.phase is Phase.DOUBT:
            self._hold(item)
        self._asked.add(item.key)
        heapq.heappush(self._lookups, (at, item.row, item, lookup))

    def is_asked(self, key: str) -> bool:
        """Return whether a lookup about that item waits or is in flight."""
        return key in self._asked

    def due(self, now: float) -> None:
        """Make ready what has waited long enough."""
        while self._later and self._later[0][0] <= now:
            self._ready.appendleft(heapq.heappop(self._later)[2])

    def lookups_due(self, now: float, most: int) -> int:
        """Return how many lookups are to be asked now, counting to *most*."""
        # In a heap nothing below an entry is due before it, so only due entries are visited.
        due, open_places = 0, [0]
        while open_places and due < most:
            place = open_places.pop()
            if place < len(self._lookups) and self._lookups[place][0] <= now:
                due += 1
                open_places += (2 * place + 1, 2 * place + 2)
        return due

    def doubtful(self) -> list[Item]:
        """Return the items that wait to be sent again after a doubt."""
        waiting = [*self._ready, *(item for _, _, item in self._later)]
        return [item for item in waiting if item.doubtful]

    def take_lookup(self, now: float) -> tuple[Item, Lookup] | None:
        """Take the next lookup that is to be asked now, or None."""
        if not self._lookups or self._lookups[0][0] > now:
            return None
        _, _, item, lookup = heapq.heappop(self._lookups)
        self.forget(item.key)
        return item, lookup

    def next_due(self) -> float | None:
        """When the first waiting item is due (epoch seconds), or None."""
        return self._later[0][0] if self._later else None

    def next_lookup(self) -> float | None:
        """When the first lookup is due (epoch seconds), or None."""
        return self._lookups[0][0] if self._lookups else None

    def take(self, count: int, *, only_midway: bool) -> list[Item]:
        """Take up to *count* items whose exclusive targets are free, in order.

        Args:
            count: At most this many.
            only_midway: Take only items with finished steps: the run is stopping, and only finishes what was
                started.
        """
        taken: list[Item] = []
        passed: list[Item] = []
        claimed: set[str] = set()
        while self._ready and len(taken) < count:
            item = self._ready.popleft()
            targets = self._targets(item.values)
            busy = any(target in claimed or self._held[target] for target in targets)
            if busy or (only_midway and not self._is_midway(item)):
                passed.append(item)
                continue
            claimed |= targets
            taken.append(item)
        self._ready.extendleft(reversed(passed))
        return taken

    def depart(self, flight: InFlight) -> None:
        """Note that an item, or a lookup about it, is in flight."""
        self.flying[flight.item.key] = flight
        if flight.lookup is None or flight.item.phase is Phase.DOUBT:
            self._hold(flight.item)
        if flight.lookup:
            self._asked.add(flight.item.key)

    def land(self, key: str) -> InFlight | None:
        """Return the flight of *key*, which is over, or None if there was none."""
        flight = self.flying.pop(key, None)
        if flight:
            self.forget(key)
        return flight

    def on_session(self, session: int) -> list[str]:
        """Return the keys of the items in flight on *session*."""
        return [key for key, flight in self.flying.items() if flight.session == session]

    def forget(self, key: str) -> None:
        """Release the targets and the lookup of an item."""
        self._asked.discard(key)
        for target in self._holds.pop(key, ()):
            self._held[target] -= 1
            if not self._held[target]:
                del self._held[target]

    def _hold(self, item: Item) -> None:
        if item.key not in self._holds:
            self._holds[item.key] = self._targets(item.values)
            self._held.update(self._holds[item.key])

    def _targets(self, values: Mapping[str, Value]) -> frozenset[str]:
        return frozenset(
            str(values[name]).casefold()
            for name in self._operation.exclusive
            if values.get(name) not in (None, "")
        )

    def _is_midway(self, item: Item) -> bool:
        """Return whether *item* was started, and may be finished although nothing new is sent."""
        if item.status is not BulkItemStatus.IN_PROGRESS:
            return False
        facts = resend.when(
            (item.doubtful, Fact.DOUBTFUL), (self._operation.is_partly_done(item.outputs), Fact.BEHIND_A_STEP)
        )
        declared = resend.declared(self._operation, self._operation.steps[item.step])
        return resend.decide(Known.READY, Fact.STOPPING | facts | declared) is Decision.SEND
