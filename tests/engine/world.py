"""A world for the machine: sessions, journal and Exchange as a model, one seed = one schedule.

The machine is the real one. Nothing here waits: time is a number that jumps to the next event.
"""

import heapq
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import count

from bulkps.engine import events as ev
from bulkps.engine.item import Item, Phase
from bulkps.engine.machine import Machine
from bulkps.engine.policy import BulkOperationConfig
from bulkps.engine.status import FOLLOWS, BulkItemStatus
from bulkps.exchange.cmdlet import Answer, ErrorRecord, Invocation, Outcome
from bulkps.exchange.errors import shipped_catalogue
from bulkps.operations.loader import built_in_operations
from bulkps.operations.model import Operation

THROTTLED = ErrorRecord("Too many requests. (429)")
TRANSIENT = ErrorRecord("A transient error occurred. Try again later.")
PERMANENT = ErrorRecord("The operation couldn't be performed because object 'x' couldn't be found on 'DC01'.")
UNKNOWN = ErrorRecord("Something that nobody has seen before.")
REFUSED = ErrorRecord("Connection refused", exception_type="ConnectionError")


@dataclass
class Fates:
    """How likely each fate of an invocation is; what is left of 1 is success."""

    throttled: float = 0.0
    transient: float = 0.0
    permanent: float = 0.0
    unknown: float = 0.0
    silent: float = 0.0
    lost: float = 0.0
    dies: float = 0.0
    not_opened: float = 0.0
    request_fails: float = 0.0
    opens_and_dies: float = 0.0


@dataclass
class World:
    """Runs one machine to its finish and keeps what happened.

    Attributes:
        effects: How often Exchange really did it, by key.
        sent: How often it was sent, by key.
        met: How often each fate was met.
    """

    seed: int
    items: list[Item]
    config: BulkOperationConfig = field(default_factory=BulkOperationConfig)
    fates: Fates = field(default_factory=Fates)
    operation: Operation = field(default_factory=lambda: built_in_operations()["restore"])
    asks: list[tuple[float, ev.Event]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.now = 1000.0
        self.queue: list[tuple[float, int, ev.Event]] = []
        self.order = count()
        self.kept = {item.key: item for item in self.items}
        self.loaded = 0
        self.effects: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.met: Counter[str] = Counter()
        self.flying: dict[str, str] = {}
        self.batches: list[int] = []
        self.dying: dict[int, str] = {}
        self.open: set[int] = set()
        self.most_open = 0
        self.finish: ev.Finish | None = None
        self.machine = Machine(self.operation, self.config, shipped_catalogue(), "batch")
        for after, event in self.asks:
            self.later(after, event)

    def run(self, steps: int = 100_000) -> ev.Finish:
        self.tell([ev.Started(self.following)])
        for _ in range(steps):
            if self.finish:
                return self.finish
            assert self.queue, "the machine waits for nothing: it would hang"
            self.now, _, event = heapq.heappop(self.queue)
            self.tell([event])
        raise AssertionError("the machine does not come to an end")

    @property
    def following(self) -> int:
        return sum(item.phase is Phase.FOLLOWING for item in self.kept.values())

    @property
    def counts(self) -> dict[BulkItemStatus, int]:
        found = Counter(item.status for item in self.kept.values())
        return {status: found[status] for status in BulkItemStatus}

    def later(self, after: float, event: ev.Event) -> None:
        heapq.heappush(self.queue, (self.now + after, next(self.order), event))

    def tell(self, events: list[ev.Event]) -> None:
        for event in events:
            if isinstance(event, ev.OutcomeArrived):
                self.flying.pop(event.outcome.id, None)
            if isinstance(event, ev.SessionLost):
                self.flying.pop(self.dying.pop(event.session, ""), None)
        for action in self.machine.receive(events, self.now, self.rng.random()):
            self.act(action)

    def act(self, action: ev.Action) -> None:
        assert self.finish is None, f"{action} after the finish"
        match action:
            case ev.Record(changes):
                for change in changes:
                    self.keep(change.item)
            case ev.LoadItems(number):
                chunk = self.items[self.loaded : self.loaded + number]
                self.loaded += len(chunk)
                self.later(0.0, ev.ItemsLoaded(tuple(chunk), len(chunk) < number))
            case ev.OpenSession(session):
                self.open_session(session)
            case ev.CloseSession(session):
                self.open.discard(session)
            case ev.Send(session, batch):
                self.send(session, batch)
            case ev.AskAfter(session, step, _):
                self.answer_follow(session, step)
            case ev.SkipRest(code, reason):
                for item in list(self.kept.values()):
                    if item.status is BulkItemStatus.PENDING:
                        skipped = replace(
                            item, status=BulkItemStatus.SKIPPED, phase=Phase.OVER, code=code, error=reason
                        )
                        self.kept[item.key] = skipped
            case ev.WakeAt(at):
                assert at > self.now
                self.later(at - self.now, ev.TimePassed())
            case ev.Finish():
                self.finish = action

    def keep(self, item: Item) -> None:
        before = self.kept[item.key].status
        assert item.status in FOLLOWS[before], f"{before} became {item.status}"
        self.kept[item.key] = item

    def open_session(self, session: int) -> None:
        if self.rng.random() < self.fates.not_opened:
            self.met["not_opened"] += 1
            self.later(self.rng.random(), ev.SessionRefused(session, REFUSED))
        else:
            self.open.add(session)
            self.most_open = max(self.most_open, len(self.open))
            self.later(self.rng.random(), ev.SessionOpened(session))

    def send(self, session: int, batch: tuple[Invocation, ...]) -> None:
        self.batches.append(len(batch))
        after = 0.0
        if self.rng.random() < self.fates.opens_and_dies:
            self.met["opens_and_dies"] += 1
            self.die(session, 0.01, batch)
            return
        for position, invocation in enumerate(batch):
            kept = self.kept[invocation.id]
            assert kept.status is BulkItemStatus.IN_PROGRESS, "it was sent before that was on disk"
            assert kept.phase is Phase.SENT, "it was sent before that was on disk"
            target = str(kept.values[self.operation.exclusive[0]]).casefold()
            assert target not in self.flying.values(), f"two items for {target} are in flight"
            self.flying[invocation.id] = target
            self.sent[invocation.id] += 1
            after += 0.01 + self.rng.random()
            fate = self.fate()
            self.met[fate] += 1
            if fate == "dies":
                self.dying[session] = invocation.id
                self.effects[invocation.id] += self.rng.random() < 0.5
                self.die(session, after, batch[position + 1 :])
                return
            self.land_later(session, invocation, fate, after)
        self.later(after, ev.BatchEnded(session))

    def fate(self) -> str:
        drawn = self.rng.random()
        for name in ("throttled", "transient", "permanent", "unknown", "silent", "lost", "dies"):
            drawn -= getattr(self.fates, name)
            if drawn < 0:
                return name
        return "success"

    def die(self, session: int, after: float, rest: tuple[Invocation, ...]) -> None:
        for invocation in rest:
            self.later(after, ev.OutcomeArrived(session, Outcome(invocation.id, Answer.NOT_SENT)))
        self.later(after, ev.SessionLost(session, "the world took it"))
        self.open.discard(session)

    def land_later(self, session: int, invocation: Invocation, fate: str, after: float) -> None:
        errors = {"throttled": THROTTLED, "transient": TRANSIENT, "permanent": PERMANENT, "unknown": UNKNOWN}
        name = str(invocation.cmdlet.parameters.get("Name", ""))
        output: tuple[dict[str, object], ...] = ({"Name": name, "UserPrincipalName": name, "Guid": "g"},)
        if fate in errors:
            outcome = Outcome(invocation.id, Answer.COMPLETED, errors=(errors[fate],))
        elif fate == "lost":
            outcome = Outcome(invocation.id, Answer.LOST)
            self.effects[invocation.id] += self.rng.random() < 0.5
        else:
            self.effects[invocation.id] += 1
            outcome = Outcome(invocation.id, Answer.COMPLETED, output=() if fate == "silent" else output)
        self.later(after, ev.OutcomeArrived(session, outcome))

    def answer_follow(self, session: int, step: int) -> None:
        follow = self.operation.steps[step].follow
        assert follow is not None
        seen = []
        for item in self.kept.values():
            if item.phase is Phase.FOLLOWING:
                failed = self.rng.random() < self.fates.request_fails
                done = self.rng.random() < 0.5
                status = "Failed" if failed else "Completed" if done else "InProgress"
                seen.append((item, {follow.status: status}))
        self.later(self.rng.random(), ev.FollowAnswered(session, step, tuple(seen), ()))
