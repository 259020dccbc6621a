"""The part of a run that is in memory: what is ready, what waits, what is in flight. Pure."""

import heapq
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bulkps.engine.item import Item
from bulkps.engine.status import BulkItemStatus
from bulkps.exchange.cmdlet import Cmdlet, Value


@dataclass(frozen=True)
class Flight:
    """An item that was handed to a session.

    Attributes:
        item: As it was recorded before it was sent.
        session: The session's number.
        cmdlet: What was sent.
        held: The exclusive targets that it holds.
    """

    item: Item
    session: int
    cmdlet: Cmdlet
    held: frozenset[str]


class Window:
    """Items between the journal and the sessions.

    Args:
        exclusive: Columns; two items with the same value in one are never in flight together.
    """

    def __init__(self, exclusive: tuple[str, ...]) -> None:
        self._exclusive = exclusive
        self._ready: deque[Item] = deque()
        self._later: list[tuple[float, int, Item]] = []
        self._held: set[str] = set()
        self.flying: dict[str, Flight] = {}

    def __len__(self) -> int:
        """How many items wait to be sent."""
        return len(self._ready) + len(self._later)

    @property
    def ready(self) -> int:
        """How many items could be sent now."""
        return len(self._ready)

    @property
    def midway(self) -> bool:
        """Whether an item could be sent now that has steps behind it."""
        return any(_is_midway(item) for item in self._ready)

    def add(self, items: Iterable[Item]) -> None:
        """Put items behind those that are ready."""
        for item in items:
            self.put(item, first=False)

    def put(self, item: Item, *, first: bool = True) -> None:
        """Put one item where it belongs: to the ready ones, or among those that wait for their time."""
        if item.not_before > 0:
            heapq.heappush(self._later, (item.not_before, item.row, item))
        elif first:
            self._ready.appendleft(item)
        else:
            self._ready.append(item)

    def due(self, now: float) -> None:
        """Make ready what has waited long enough."""
        while self._later and self._later[0][0] <= now:
            self._ready.appendleft(heapq.heappop(self._later)[2])

    def next_due(self) -> float | None:
        """When the first waiting item is due (epoch seconds), or None."""
        return self._later[0][0] if self._later else None

    def take(self, count: int, *, only_midway: bool) -> list[Item]:
        """Take up to *count* items whose exclusive targets are free, in order.

        Args:
            count: At most this many.
            only_midway: Take only items that have steps behind them: the run is stopping, and what was
                begun is brought to its end.
        """
        taken: list[Item] = []
        passed: list[Item] = []
        claimed = set(self._held)
        while self._ready and len(taken) < count:
            item = self._ready.popleft()
            targets = self.targets(item.values)
            if (only_midway and not _is_midway(item)) or targets & claimed:
                passed.append(item)
                continue
            claimed |= targets
            taken.append(item)
        self._ready.extendleft(reversed(passed))
        return taken

    def depart(self, flight: Flight) -> None:
        """Note that an item is in flight."""
        self.flying[flight.item.key] = flight
        self._held |= flight.held

    def land(self, key: str) -> Flight | None:
        """Return the flight of *key*, which is over, or None if there was none."""
        flight = self.flying.pop(key, None)
        if flight:
            self._held -= flight.held
        return flight

    def on_session(self, session: int) -> list[str]:
        """Return the keys of the items in flight on *session*."""
        return [key for key, flight in self.flying.items() if flight.session == session]

    def targets(self, values: Mapping[str, Value]) -> frozenset[str]:
        """Return the exclusive targets of an item with these *values*."""
        return frozenset(
            str(values[name]).casefold() for name in self._exclusive if values.get(name) not in (None, "")
        )


def _is_midway(item: Item) -> bool:
    return item.status is BulkItemStatus.IN_PROGRESS
