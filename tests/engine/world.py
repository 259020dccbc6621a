"""A world for the machine: processes, sessions, journal and tenant as a model, one seed = one schedule.

The machine is the real one. Nothing here waits: time is a number that jumps to the next event. A process can
die between any two actions, or stand still while another takes its run over; what was sent goes on at the
tenant all the same, and may have its effect long after nobody listens any more.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

from bulkps.engine import machine_messages as ev
from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.item import Change, Doubt, Item, Phase
from bulkps.engine.item_status import FOLLOWS, BulkItemStatus
from bulkps.engine.machine_messages import StopReason
from bulkps.engine.requested_retry import asked_again
from bulkps.engine.run_machine import Machine
from bulkps.exchange.calls_and_outcomes import Answer, Cmdlet, ErrorRecord, Invocation, Outcome
from bulkps.exchange.error_catalog import ErrorClass, KnownError, shipped_catalogue
from bulkps.operations.loader import built_in_operations
from bulkps.operations.model import Operation, Step

THROTTLED = ErrorRecord("Too many requests. (429)")
TRANSIENT = ErrorRecord("A transient error occurred. Try again later.")
PERMANENT = ErrorRecord("The operation couldn't be performed because object 'x' couldn't be found on 'DC01'.")
UNKNOWN = ErrorRecord("Something that nobody has seen before.")
UNCERTAIN = ErrorRecord(
    "A server side error has occurred because of which the operation could not be completed. "
    "Please try again after some time."
)
TAKEN = ErrorRecord(
    "|Microsoft.Exchange.MailboxReplicationService.NameMustBeUniquePermanentException|The name must be "
    "unique per mailbox."
)
UNAUTHORIZED = ErrorRecord("Error while querying REST service. HttpStatusCode=401 ErrorMessage=Unauthorized")
MASKED = ErrorRecord(
    "Method invocation failed because [System.Net.Http.HttpResponseMessage] does not contain a method named "
    "'GetResponseHeader'."
)
USED_UP = ErrorRecord("Maximum retry count reached.")
ESCAPED = ErrorRecord(
    "BulkPS.Escape: The command left by break, continue or exit instead of returning.",
    exception_type="System.InvalidOperationException",
    fully_qualified_error_id="BulkPS.Escape",
    category="OperationStopped",
)
FORBIDDEN = ErrorRecord("The user isn't assigned to any management roles.")
REFUSED = ErrorRecord("Connection refused", exception_type="ConnectionError")

_ERRORS = {
    "throttled": THROTTLED,
    "transient": TRANSIENT,
    "permanent": PERMANENT,
    "unknown": UNKNOWN,
    "uncertain": UNCERTAIN,
    "unauthorized": UNAUTHORIZED,
    "masked": MASKED,
    "used_up": USED_UP,
    "escaped": ESCAPED,
    "forbidden": FORBIDDEN,
}
#: Errors after which Exchange may have done it all the same.
_MAYBE = ("transient", "unknown", "uncertain", "masked", "used_up", "escaped")
#: Those of them that come while Exchange may be at it still; the others when the cmdlet has ended.
_AT_IT_STILL = ("uncertain", "masked", "used_up")
#: Epoch seconds at which every world begins: long enough ago that a clock can be hours off.
START = 1_000_000.0
#: The length of a lease, in seconds.
LEASE = 30.0
#: How long after it was sent an effect may come at most, and then be seen, in seconds.
LATEST, UNSEEN = 600.0, 20.0


@dataclass
class Fates:
    """How likely each fate is; what is left of 1 is success."""

    throttled: float = 0.0
    transient: float = 0.0
    permanent: float = 0.0
    unknown: float = 0.0
    uncertain: float = 0.0
    unauthorized: float = 0.0
    forbidden: float = 0.0  #: That the account lacks the role: everybody meets it.
    masked: float = 0.0  #: That the module hides the answer behind an error of its own.
    used_up: float = 0.0  #: That the module tried it several times and gave up.
    escaped: float = 0.0  #: That the cmdlet left by exit, break or continue.
    resent: float = 0.0  #: That the module sent it twice: the answer is the refusal of the second.
    silent: float = 0.0
    lost: float = 0.0
    dies: float = 0.0
    not_opened: float = 0.0
    request_fails: float = 0.0
    opens_and_dies: float = 0.0
    lookup_fails: float = 0.0
    follow_fails: float = 0.0
    request_removed: float = 0.0
    unlisted: float = 0.0  #: That a request is in another batch: only a query about itself shows it.
    worn: float = 0.0
    crash: float = 0.0  #: That a process dies at all; at which of its actions is drawn.
    stall: float = 0.0  #: That another process takes the run over while one stands still.
    stall_between: float = 0.0  #: The same, between two actions: it wakes up about to send.
    torn: float = 0.0  #: That a process dies between the audit log and the journal.
    backup: float = 0.0  #: That the journal is put back from a backup before a resume.
    cleared: float = 0.0  #: That days pass before a resume, and completed requests are cleared meanwhile.
    skew: float = 0.0  #: That the clock of a process is hours off.
    late: float = 0.0  #: That what a lost session had begun has its effect only later.


def _request_only() -> Operation:
    whole = built_in_operations()["restore"]
    return replace(whole, steps=tuple(step for step in whole.steps if step.name.startswith("request")))


#: RESTORE as the schedules try it: without what prepares the target.
REQUEST_ONLY = _request_only()


def _trusting_absence(operation: Operation) -> Operation:
    def trusting(step: Step) -> Step:
        return replace(step, reconcile=tuple(replace(one, proves_within=None) for one in step.reconcile))

    return replace(operation, steps=tuple(trusting(step) for step in operation.steps))


@dataclass
class Process:
    """A process that works on the run."""

    number: int
    machine: Machine
    dies_after: int
    loaded: int = 0
    actions: int = 0
    dead: bool = False
    wakes_at: float = 0.0
    skew: float = 0.0
    stands_since: float | None = None
    open: set[int] = field(default_factory=set)
    flying: dict[str, str] = field(default_factory=dict)
    dying: dict[int, str] = field(default_factory=dict)


Scheduled = tuple[float, int, int, ev.Event | Callable[[], None]]


@dataclass
class World:
    """Runs the machine and keeps what happened.

    Attributes:
        effects: How often Exchange really did it, by key.
        sent: How often it was sent, by key.
        met: How often each fate was met.
        refuses: Whether the tenant refuses a second request of a name, as Exchange does.
        provisioning: How often a new mailbox is looked for before it is shown.
        ignores_lease: A planted defect: a process goes on though another took the run over (no epoch).
        no_gate: Planted: what a process sends does not depend on when its lease was confirmed.
        no_time: Planted: the other side goes on with a batch for as long as it takes.
        unfenced_log: Planted: the audit log is written without a look at the lease.
        trusts_journal: Planted: what the audit log knows beyond the journal counts as never sent.
        trusts_absence: Planted: that a request is not there proves for ever that it was never made.
    """

    seed: int
    items: list[Item]
    config: BulkOperationConfig = field(default_factory=BulkOperationConfig)
    fates: Fates = field(default_factory=Fates)
    operation: Operation = field(default_factory=lambda: REQUEST_ONLY)
    asks: list[tuple[float, ev.Event]] = field(default_factory=list)
    refuses: bool = True
    make: type[Machine] = Machine
    catalogue: tuple[KnownError, ...] = field(default_factory=shipped_catalogue)
    ignores_lease: bool = False
    no_gate: bool = False
    no_time: bool = False
    unfenced_log: bool = False
    trusts_journal: bool = False
    trusts_absence: bool = False
    ends_at: float | None = None
    latency: float = 1.0
    provisioning: int = 0
    retries: int = 3

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.now = START
        #: Lines of the audit log: who wrote them, and which item they announce.
        self.audit: list[tuple[int, Item | None]] = []
        self.audit_known = 0
        self.snapshot: tuple[dict[str, Item], int] | None = None
        if self.trusts_absence:
            self.operation = _trusting_absence(self.operation)
        self.queue: list[Scheduled] = []
        self.order, self.numbers = count(), count(1)
        self.kept = {item.key: item for item in self.items}
        self.rows = sorted(item.row for item in self.items)
        self.effects: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.looks: Counter[str] = Counter()
        self.met: Counter[str] = Counter()
        self.batches: list[int] = []
        #: What there is at Exchange, by name: whether it fails, and from when on it is seen.
        self.failing: dict[str, bool] = {}
        #: Whether the request that a cmdlet is about was failed when the cmdlet was sent, by the item's key.
        self.failed_when_sent: dict[str, bool] = {}
        self.seen_from: dict[str, float] = {}
        #: What was removed, by name: until when a lookup may still show it.
        self.shown_until: dict[str, float] = {}
        self.removed: set[str] = set()
        self.asked_again = 0
        self.budget: Callable[[float], bool] = lambda now: True
        self.owner = 0
        self.cancelled = False
        self.errors = dict(_ERRORS)
        self.zombies: dict[int, Process] = {}
        self.most_open = 0
        self.notes: list[str] = []
        self.waited: dict[str, float] = {}
        self.changes: list[Change] = []
        self.finish: ev.Finish | None = None
        self.process = self.start()
        for after, event in self.asks:
            self.later(after, event)

    def start(self) -> Process:
        """Start a process, which takes the lease."""
        # As the journal tells it; a person who asks for the failed ones again takes it back.
        self.cancelled |= self.finish is not None and self.finish.reason is StopReason.CANCELLED
        self.catch_up()
        if self.cancelled:
            self.skip("cancelled", "never sent")
        machine = self.make(
            self.operation,
            self.config,
            self.catalogue,
            "batch",
            ends_at=self.ends_at,
            cancelled=self.cancelled,
        )
        dies = self.rng.randint(1, 80) if self.rng.random() < self.fates.crash else 10**9
        skew = self.rng.choice([-7200.0, 7200.0]) if self.rng.random() < self.fates.skew else 0.0
        self.process = Process(next(self.numbers), machine, dies, skew=skew)
        self.owner, self.finish = self.process.number, None
        return self.process

    def catch_up(self) -> None:
        """Take in what the audit log knows beyond the journal, as whoever opens it does."""
        for _, item in self.audit[self.audit_known :] if not self.trusts_journal else ():
            if item is None:
                continue
            self.met["announced"] += 1
            kept = self.kept[item.key]
            if kept.status not in (BulkItemStatus.COMPLETED, BulkItemStatus.SKIPPED):
                self.kept[item.key] = kept.announced(item.step, item.attempt, item.outputs, item.sent_at)
        self.audit_known = len(self.audit)

    @property
    def machine(self) -> Machine:
        return self.process.machine

    @property
    def flying(self) -> dict[str, str]:
        return self.process.flying

    def live(self) -> None:
        """Run it, and resume it after whatever happens, until every item is at its end."""
        for resumed in range(40):
            if resumed >= 8:
                # Once resumed without faults it must come to an end.
                self.fates = Fates()
                self.process.dies_after = 10**9
            self.work()
            if self.finish is not None and not self.open_items and not self.retry():
                return
            self.met["resumed"] += 1
            # As bulkps resume does.
            self.config, self.ends_at = replace(self.config, wait=True), None
            self.now += self.rng.choice([0.0, 5.0, 100.0])
            self.stand_still()
            self.start()
        raise AssertionError("the run does not come to an end however often it is resumed")

    def stand_still(self) -> None:
        """Let happen what happens while no process works on the run."""
        for name in [name for name, fails in self.failing.items() if fails and name not in self.removed]:
            if self.rng.random() < 0.3:
                self.met["resumed_by_hand"] += 1
                self.failing[name] = False
        if self.snapshot and self.rng.random() < self.fates.backup:
            self.met["backup"] += 1
            self.kept, self.audit_known = dict(self.snapshot[0]), self.snapshot[1]
        if self.rng.random() < self.fates.cleared:
            # What was on its way comes first.
            while self.queue:
                self.now, *_, thing = heapq.heappop(self.queue)
                if callable(thing):
                    thing()
            self.now += 2 * 86_400.0
            done = [name for name, fails in self.failing.items() if not fails]
            for name in (name for name in done if self.rng.random() < 0.5):
                self.met["cleared"] += 1
                self.removed.add(name)
                del self.failing[name]

    def retry(self) -> bool:
        """Let a person ask for the failed ones again, as bulkps retry does; return whether any are."""
        if self.asked_again >= self.retries or self.rng.random() < 0.4:
            return False
        self.asked_again += 1
        again = [item for item in self.kept.values() if item.status is BulkItemStatus.FAILED]
        taken_up = {item.key: new for item in again if (new := asked_again(item, self.operation))}
        for item in again:
            if item.key not in taken_up:
                continue
            self.met["retry"] += 1
            self.cancelled, self.finish = False, None
            if item.code == "failed-at-exchange" and item.ref in self.removed:
                # What failed and was removed is as if it had never been asked for.
                self.removed.discard(item.ref)
                self.effects[item.key] -= self.failing.pop(item.ref, None) is not None
            self.kept[item.key] = taken_up[item.key]
        return bool(taken_up)

    @property
    def open_items(self) -> list[Item]:
        return [item for item in self.kept.values() if item.phase is not Phase.OVER]

    def run(self) -> ev.Finish:
        """Run a process that does not die until it finishes."""
        finish = self.work()
        assert finish is not None
        return finish

    def work(self, steps: int = 100_000) -> ev.Finish | None:
        """Run the process until it finishes, or dies and leaves None."""
        process = self.process
        self.tell(process, [ev.Started(self.following)])
        for _ in range(steps):
            if self.finish or process.dead:
                return self.finish
            assert self.queue, "the machine waits for nothing: it would hang"
            self.step()
            process = self.process
        raise AssertionError("the machine does not come to an end")

    def step(self) -> None:
        """Let the next thing happen."""
        self.now, _, number, thing = heapq.heappop(self.queue)
        if callable(thing):
            thing()
        elif number != self.process.number:
            if self.ignores_lease and number in self.zombies and not self.zombies[number].dead:
                self.tell(self.zombies[number], [thing])
        elif self.rng.random() < self.fates.stall * 0.01:
            self.stall(self.process, thing)
        else:
            self.tell(self.process, [thing])

    def stall(self, process: Process, event: ev.Event) -> None:
        """Let *process* stand still; another takes the run over, and then it wakes up."""
        self.met["stall"] += 1
        self.be_taken_over(process)
        self.tell(process, [event])
        if not process.dead:
            # It may have had nothing to write; then it lives on until it has.
            process.dead = not self.ignores_lease

    def be_taken_over(self, process: Process) -> None:
        """Let *process* stand still for longer than its lease, and another one go on meanwhile."""
        process.stands_since = self.now
        self.zombies[process.number] = process
        self.now += 2 * LEASE
        self.start()
        self.tell(self.process, [ev.Started(self.following)])
        for _ in range(self.rng.choice([0, 3, 20, 200])):
            if self.finish or self.process.dead or not self.queue:
                break
            self.step()

    def left(self, process: Process) -> float:
        """Return for how long *process* may still begin items, as its gate tells."""
        if self.no_gate or process.stands_since is None:
            return LEASE / 2
        return LEASE / 2 - (self.now - process.stands_since)

    @property
    def following(self) -> int:
        return sum(item.phase is Phase.FOLLOWING for item in self.kept.values())

    @property
    def counts(self) -> dict[BulkItemStatus, int]:
        found = Counter(item.status for item in self.kept.values())
        return {status: found[status] for status in BulkItemStatus}

    def later(
        self, after: float, thing: ev.Event | Callable[[], None], process: Process | None = None
    ) -> None:
        number = (process or self.process).number
        heapq.heappush(self.queue, (self.now + after, next(self.order), number, thing))

    def tell(self, process: Process, events: list[ev.Event]) -> None:
        for event in events:
            if isinstance(event, ev.OutcomeArrived):
                process.flying.pop(event.outcome.id, None)
            if isinstance(event, ev.SessionLost):
                process.flying.pop(process.dying.pop(event.session, ""), None)
        process.wakes_at = 0.0
        for action in process.machine.receive(events, self.now + process.skew, self.rng.random()):
            process.actions += 1
            if process.actions >= process.dies_after:
                self.met["crash"] += 1
                process.dead = True
                # What another process took over is fenced: its log is not written into.
                owns = self.owner == process.number or self.unfenced_log
                if isinstance(action, ev.Record) and owns and self.rng.random() < self.fates.torn:
                    self.met["torn"] += 1
                    self.announce(process, action.changes)
            if process.dead:
                return
            owns = process is self.process and self.finish is None
            if owns and isinstance(action, ev.Send) and self.rng.random() < self.fates.stall_between * 0.1:
                self.met["stall_between"] += 1
                self.be_taken_over(process)
                process.dead = False
            self.act(process, action)
        if process is not self.process and not self.ignores_lease and process.stands_since is not None:
            # What it wakes up to after this it cannot record.
            process.dead = process.dead or not process.flying

    def wake(self, process: Process, at: float) -> None:
        """Tell a process that its time has come, unless it asked for another since."""
        if process.wakes_at == at and not process.dead and process is self.process:
            self.tell(process, [ev.TimePassed()])

    def act(self, process: Process, action: ev.Action) -> None:
        assert self.finish is None or process is not self.process, f"{action} after the finish"
        match action:
            case ev.Record(changes):
                self.record(process, changes)
            case ev.LoadItems(number):
                self.load(process, number)
            case ev.OpenSession(session):
                self.open_session(process, session)
            case ev.CloseSession(session, reason):
                self.met["renewed"] += bool(reason)
                process.open.discard(session)
            case ev.Send(session, batch):
                self.send(process, session, batch)
            case ev.LookUp(session, batch):
                self.look_up(process, session, batch)
            case ev.AskAfter(session, step, _):
                self.answer_follow(process, session, step)
            case ev.Paced(notes, waited):
                self.notes += notes
                self.waited = dict(waited)
            case ev.SkipRest(code, reason):
                self.skip_rest(process, code, reason)
            case ev.WakeAt(at):
                stood = process.stands_since is not None
                assert stood or at > self.now + process.skew
                process.wakes_at = at
                soon = self.config.longest_wait + self.config.settle + LEASE + 1
                wait = at - process.skew - self.now
                assert wait <= soon or self.ends_at is not None, f"a wait of {wait} s"
                self.later(max(0.0, at - process.skew - self.now), lambda: self.wake(process, at), process)
            case ev.Finish():
                process.dead = True
                if process is self.process:
                    self.finish = action
                    self.met[action.reason.value] += 1

    # --- the journal ----------------------------------------------------------------------------------

    def record(self, process: Process, changes: tuple[Change, ...]) -> None:
        if self.owner != process.number and not self.ignores_lease:
            if self.unfenced_log:
                self.announce(process, changes)
            process.dead = True
            return
        process.stands_since = None
        self.announce(process, changes)
        self.audit_known = len(self.audit)
        for change in changes:
            self.check_wait(change)
            for met in ("item.resumed", "item.made-anew"):
                self.met[met] += change.event == met
            self.changes.append(change)
            self.keep(change.item)
        if self.rng.random() < 0.05:
            self.snapshot = (dict(self.kept), self.audit_known)

    def announce(self, process: Process, changes: tuple[Change, ...]) -> None:
        """Write the lines of *changes* into the audit log, which comes before the journal."""
        for change in changes:
            self.audit.append((process.number, change.item if change.event == "item.sending" else None))

    def keep(self, item: Item) -> None:
        before = self.kept[item.key].status
        assert item.status in FOLLOWS[before], f"{before} became {item.status}"
        # What a process only knows in memory is not in the journal.
        self.kept[item.key] = replace(item, doubt=Doubt(unresolved=item.doubtful))

    def check_wait(self, change: Change) -> None:
        """Waits are as the policy says."""
        item = change.item
        if change.event != "item.retry" or not change.errors:
            return
        if self.operation.steps[item.step].polled:
            assert item.not_before - change.at <= self.config.poll.max_wait + 1e-6
            return
        known = next(entry for entry in self.catalogue if entry.matches(change.errors[0].searched))
        policy = self.config.retry.get(known.error_class)
        if policy is None:
            assert known.error_class is ErrorClass.AUTH
            return
        assert item.attempt < (policy.attempts or self.config.max_retries + 1), "it is tried too often"
        longest = policy.wait_after(item.attempt)
        wait = item.not_before - change.at
        assert longest * (1 - policy.jitter) - 1e-6 <= wait <= longest + 1e-6, f"a wait of {wait} s"

    def load(self, process: Process, number: int) -> None:
        unsent = (Phase.READY, Phase.SENT, Phase.DOUBT)
        found = [
            item
            for item in sorted(self.kept.values(), key=lambda item: item.row)
            if item.row > process.loaded and item.phase in unsent
        ][:number]
        if found:
            process.loaded = found[-1].row
        self.later(0.0, ev.ItemsLoaded(tuple(found), len(found) < number), process)

    def skip_rest(self, process: Process, code: str, reason: str) -> None:
        if self.owner == process.number or self.ignores_lease:
            self.skip(code, reason)
        else:
            # The recorder makes sure of the lease first.
            process.dead = True

    def skip(self, code: str, reason: str) -> None:
        for item in list(self.kept.values()):
            if item.status is BulkItemStatus.PENDING:
                status = BulkItemStatus.SKIPPED
                self.kept[item.key] = replace(item, status=status, phase=Phase.OVER, code=code, error=reason)

    # --- sessions -------------------------------------------------------------------------------------

    def open_session(self, process: Process, session: int) -> None:
        if self.rng.random() < self.fates.not_opened:
            self.met["not_opened"] += 1
            self.later(self.rng.random(), ev.SessionRefused(session, REFUSED), process)
        else:
            process.open.add(session)
            self.most_open = max(self.most_open, len(process.open))
            self.later(self.rng.random(), ev.SessionOpened(session), process)

    def send(self, process: Process, session: int, batch: tuple[Invocation, ...]) -> None:
        self.batches.append(len(batch))
        assert session in process.open, "it was sent on a session that is not there"
        if self.rng.random() < self.fates.opens_and_dies:
            self.met["opens_and_dies"] += 1
            self.die(process, session, 0.01, batch)
            return
        left = self.left(process)
        for invocation in batch:
            # A person who resumes a request while its removal is on its way is too late.
            name = self.named(invocation.id, invocation.cmdlet)
            self.failed_when_sent[invocation.id] = self.failing.get(name, False)
            if left > 0:
                self.check_sent(process, invocation)
        self.serve(process, session, batch, self.now + left, closed=left <= 0)

    def serve(
        self,
        process: Process,
        session: int,
        batch: tuple[Invocation, ...],
        until: float,
        *,
        closed: bool = False,
    ) -> None:
        """Work on the first of *batch*, then on the others, until its time is over, whoever listens."""
        if batch and (closed or (self.now >= until and not self.no_time)):
            self.met["out_of_time"] += 1
            for rest in batch:
                outcome = Outcome(rest.id, Answer.NOT_SENT)
                self.later(0.0, ev.OutcomeArrived(session, outcome), process)
            batch = ()
        if not batch:
            self.later(0.0, ev.BatchEnded(session, self.worn()), process)
            return

        def land() -> None:
            fate = self.fate()
            self.met[fate] += 1
            if fate == "dies":
                process.dying[session] = batch[0].id
                self.effect_perhaps(batch[0].id, 0.0, cmdlet=batch[0].cmdlet)
                self.die(process, session, 0.0, batch[1:])
            elif self.land(process, session, batch[0], fate):
                for rest in batch[1:]:
                    outcome = Outcome(rest.id, Answer.NOT_SENT)
                    self.later(0.0, ev.OutcomeArrived(session, outcome), process)
                self.serve(process, session, (), until)
            else:
                self.serve(process, session, batch[1:], until)

        self.sent[batch[0].id] += 1
        self.later(0.01 + self.rng.random() * self.latency, land)

    def worn(self) -> str:
        return "old" if self.rng.random() < self.fates.worn else ""

    def check_sent(self, process: Process, invocation: Invocation) -> None:
        if process is self.process:
            kept = self.kept[invocation.id]
            assert not self.cancelled or kept.outputs, "it was sent after the run was cancelled"
            assert kept.phase is Phase.SENT, "it was sent before that was on disk"
            targets = {str(kept.values[name]).casefold() for name in self.operation.exclusive[:1]}
            target = next(iter(targets))
            assert target not in process.flying.values(), f"two items for {target} are in flight"
            process.flying[invocation.id] = target

    def fate(self) -> str:
        drawn = self.rng.random()
        for name in (*_ERRORS, "resent", "silent", "lost", "dies"):
            drawn -= getattr(self.fates, name)
            if drawn < 0:
                return name
        return "success"

    def die(self, process: Process, session: int, after: float, rest: tuple[Invocation, ...]) -> None:
        for invocation in rest:
            outcome = Outcome(invocation.id, Answer.NOT_SENT)
            self.later(after, ev.OutcomeArrived(session, outcome), process)
        self.later(after, ev.SessionLost(session, "the world took it"), process)
        process.open.discard(session)

    def land(self, process: Process, session: int, invocation: Invocation, fate: str) -> bool:
        """Let an invocation end; return whether it was throttled."""
        key = invocation.id
        name = str(invocation.cmdlet.parameters.get("Name", ""))
        output: tuple[dict[str, object], ...] = (
            {"Name": name, "Identity": f"t\\{name}", "UserPrincipalName": name, "Guid": "g"},
        )
        if fate not in ("throttled", "unauthorized") and not self.budget(self.now):
            fate = "throttled"
            self.met["throttled"] += 1
        verb = invocation.cmdlet.name.partition("-")[0]
        if fate in _ERRORS:
            if fate in _MAYBE:
                self.effect_perhaps(key, 0.0, late=fate in _AT_IT_STILL, cmdlet=invocation.cmdlet)
            outcome = Outcome(key, Answer.COMPLETED, errors=(self.errors[fate],))
        elif fate == "lost":
            self.effect_perhaps(key, 0.0, cmdlet=invocation.cmdlet)
            outcome = Outcome(key, Answer.LOST)
        elif verb == "Get":
            shown = self.shown(key)
            outcome = Outcome(key, Answer.COMPLETED, output=(shown,) if shown else ())
        elif verb == "Set":
            outcome = Outcome(key, Answer.COMPLETED)
        elif verb in ("Resume", "Remove"):
            there = self.named(key, invocation.cmdlet) in self.failing
            self.do(key, invocation.cmdlet)
            outcome = Outcome(key, Answer.COMPLETED, errors=() if there else (PERMANENT,))
        elif self.refuses and (self.named(key, invocation.cmdlet) in self.failing or fate == "resent"):
            self.do(key, invocation.cmdlet)
            self.met["taken"] += 1
            outcome = Outcome(key, Answer.COMPLETED, errors=(TAKEN,))
        else:
            self.do(key, invocation.cmdlet)
            outcome = Outcome(key, Answer.COMPLETED, output=() if fate == "silent" else output)
        self.later(0.0, ev.OutcomeArrived(session, outcome), process)
        return fate == "throttled"

    def shown(self, key: str) -> dict[str, object]:
        """Return what a mailbox shows once it is seen; nothing before that."""
        values = self.kept[key].values
        self.looks[key] += 1
        if self.looks[key] <= self.provisioning:
            return {}
        return {"UserPrincipalName": values["target_upn"], "DisplayName": values["display_name"]}

    # --- the tenant -----------------------------------------------------------------------------------

    def effect_perhaps(
        self, key: str, after: float, *, late: bool = True, cmdlet: Cmdlet | None = None
    ) -> None:
        """Do it, or not, or later, after nobody listens any more."""
        if self.rng.random() < 0.5:
            return
        if late and self.rng.random() < self.fates.late:
            self.met["late"] += 1
            after += self.rng.random() * LATEST
        self.later(after, lambda: self.do(key, cmdlet))

    def named(self, key: str, cmdlet: Cmdlet) -> str:
        """Return the name of the request that a cmdlet is about; what else there is has one as well."""
        parameters = cmdlet.parameters
        name = str(parameters.get("Name") or str(parameters.get("Identity", "")).partition("\\")[2])
        return name if name.startswith("bulkps-") else f"bulkps-{key}"

    def do(self, key: str, cmdlet: Cmdlet | None) -> None:
        """Do what a cmdlet does, whether or not anybody hears of it."""
        verb = cmdlet.name.partition("-")[0] if cmdlet else "New"
        name = self.named(key, cmdlet) if cmdlet else f"bulkps-{key}"
        if verb == "Resume" and self.failing.get(name):
            self.failing[name] = self.rng.random() < self.fates.request_fails
        elif verb == "Remove" and name in self.failing:
            assert self.failing[name] or self.failed_when_sent[key], (
                f"seed {self.seed}: {name} was removed though it was at work"
            )
            del self.failing[name]
            self.effects[key] -= 1
            self.shown_until[name] = self.now + self.rng.random() * UNSEEN * self.fates.late
        elif verb == "New":
            self.effect(key, name)

    def effect(self, key: str, name: str = "") -> None:
        name = name or f"bulkps-{key}"
        if self.refuses and name in self.failing:
            return
        self.effects[key] += 1
        self.failing[name] = random.Random(f"{self.seed} {name}").random() < self.fates.request_fails
        self.seen_from[name] = self.now + self.rng.random() * UNSEEN * self.fates.late

    def look_up(self, process: Process, session: int, batch: tuple[Invocation, ...]) -> None:
        after = 0.0
        for position, invocation in enumerate(batch):
            after += 0.01 + self.rng.random() * self.latency
            assert invocation.cmdlet.name.startswith("Get-")
            key = invocation.id
            if self.rng.random() < self.fates.lookup_fails:
                fate = self.rng.choice(["throttled", "transient", "lost", "dies"])
                self.met["lookup_" + fate] += 1
                if fate == "dies":
                    outcome = Outcome(key, Answer.LOST)
                    self.later(after, ev.OutcomeArrived(session, outcome), process)
                    self.die(process, session, after, batch[position + 1 :])
                    return
                errors = (_ERRORS[fate],) if fate in _ERRORS else ()
                answer = Answer.COMPLETED if errors else Answer.LOST
                outcome = Outcome(key, answer, errors=errors)
                self.later(after, ev.OutcomeArrived(session, outcome), process)
                continue
            self.met["looked_up"] += 1

            def answer_now(key: str = key, cmdlet: Cmdlet = invocation.cmdlet) -> None:
                if not process.dead:
                    self.tell(process, [ev.OutcomeArrived(session, self.found(key, cmdlet))])

            self.later(after, answer_now)
        self.later(after, ev.BatchEnded(session, self.worn()), process)

    def found(self, key: str, cmdlet: Cmdlet) -> Outcome:
        if cmdlet.name == "Get-MailboxRestoreRequestStatistics":
            parts = ("FolderFilter", "TooManyBadItems", "MapiExceptionMdbOffline")
            kind = random.Random(f"why {self.seed} {self.named(key, cmdlet)}").choice(parts)
            output: dict[str, object] = {"FailureType": kind, "Message": "Error: no more"}
            return Outcome(key, Answer.COMPLETED, output=(output,))
        name = self.named(key, cmdlet)
        there = name in self.failing and self.now >= self.seen_from[name] and name not in self.removed
        there |= self.now < self.shown_until.get(name, 0.0)
        if cmdlet.name == "Get-Mailbox":
            values = self.kept[key].values
            mailbox: dict[str, object] = {
                "Guid": "g",
                "ExchangeGuid": values["source_guid"],
                "UserPrincipalName": values["target_upn"],
            }
            # While it is inactive nothing has happened.
            shown = not self.effects[key] if cmdlet.parameters.get("InactiveMailboxOnly") else there
            return Outcome(key, Answer.COMPLETED, output=(mailbox,) if shown else ())
        request: dict[str, object] = {
            "Name": name,
            "Identity": f"t\\{name}",
            # What was removed and is still shown somewhere is shown as it was: only a failed one is removed.
            "Status": self.status(name) if name in self.failing else "Failed",
        }
        return Outcome(key, Answer.COMPLETED, output=(request,) if there else ())

    def answer_follow(self, process: Process, session: int, step: int) -> None:
        after = self.rng.random()
        if self.rng.random() < self.fates.follow_fails:
            self.met["follow_fails"] += 1
            throttled = self.rng.random() < 0.5
            errors = (THROTTLED if throttled else TRANSIENT,)
            self.later(after, ev.FollowFailed(session, errors[0].message, "", errors), process)
            return
        self.later(after, lambda: self.show_followed(process, session, step), process)

    def show_followed(self, process: Process, session: int, step: int) -> None:
        """Answer as the driver does: with what the journal knows when the answer comes."""
        follow = self.operation.steps[step].follow
        if process.dead or follow is None:
            return
        seen: list[tuple[Item, dict[str, object]]] = []
        absent: list[Item] = []
        for item in self.kept.values():
            if item.phase is not Phase.FOLLOWING:
                continue
            if self.rng.random() < self.fates.request_removed:
                self.removed.add(item.ref)
            if item.ref in self.removed:
                absent.append(item)
                continue
            if random.Random(f"unlisted {self.seed} {item.key}").random() < self.fates.unlisted:
                self.met["unlisted"] += 1
                absent.append(item)
                continue
            seen.append((item, {follow.status: self.status(item.ref)}))
        self.met["request_removed"] += bool(absent)
        self.tell(process, [ev.FollowAnswered(session, step, tuple(seen), tuple(absent), self.worn())])

    def status(self, name: str) -> str:
        """Return how far a request is; how it ends is its own, not the query's."""
        if self.failing.get(name, True):
            return "Failed" if self.rng.random() < 0.8 else "InProgress"
        own = random.Random(f"{self.seed} {name}").random()
        ended = "CompletedWithWarning" if own > 0.9 else "Completed"
        return ended if self.rng.random() < 0.5 else "InProgress"

    # --- what must hold -------------------------------------------------------------------------------

    def is_removed(self, key: str) -> bool:
        """Return whether somebody removed a request of that row."""
        return any(name.startswith(f"bulkps-{key}") for name in self.removed)

    def check(self) -> None:
        """Raise AssertionError if anything is not as it must be, whatever happened."""
        assert sum(self.counts.values()) == len(self.items)
        writers = [number for number, _ in self.audit]
        assert writers == sorted(writers), f"seed {self.seed}: a process wrote into the log of its successor"
        for key, item in self.kept.items():
            done = self.effects[key]
            where = f"seed {self.seed}, row {item.row}, {item.status.name} {item.code}"
            assert done <= 1, f"{where}: it was done {done} times"
            if item.status is BulkItemStatus.COMPLETED:
                assert done == 1, f"{where}: it was never done"
            if item.status in (BulkItemStatus.SKIPPED, BulkItemStatus.PENDING):
                assert done == 0, f"{where}: it was done"
            known = ("in-doubt", "failed-at-exchange", "request-gone")
            # What Exchange refused of a run as a whole is not looked up; and a person may have removed it.
            if item.status is BulkItemStatus.FAILED and item.code not in known and not item.doubtful:
                assert done == 0 or self.is_removed(key), f"{where}: it was done"
            if item.code == "request-gone" or (item.code == "failed-at-exchange" and not item.attempt):
                assert done == 1, f"{where}: it was never done"
            if item.code == "request-gone":
                assert self.is_removed(key), f"{where}: it is still there"


__all__ = ["REFUSED", "Fates", "StopReason", "World"]
