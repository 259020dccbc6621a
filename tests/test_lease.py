"""Who holds a run: a process that stood still, and lost it, writes nothing and lets nothing be sent."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bulkps.engine.item import Change, Item
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.recorded_events import ItemEvent, RunEvent
from bulkps.errors import RecordFailed, RunOwnedElsewhere
from bulkps.operations.loader import built_in_operations
from bulkps.records.audit import Audit
from bulkps.records.creation import create
from bulkps.records.journal import Journal
from bulkps.records.lease import Clocks, Heartbeat, Lease, acquire, release
from bulkps.records.recorder import Recorder
from bulkps.records.row_mapping import Run

ITEM = Item("0" * 24, 2, {}, "0" * 24)
RUN = Run(
    id="20261124-213000-restore-0001",
    operation="restore",
    operation_text="",
    connection="there",
    simulated=True,
    place="there",
    options="",
    file="in.csv",
    digest="",
    header=("source_guid",),
    carried=(0,),
    who="somebody@here",
    created_at=1_000_000.0,
)
RESTORE = built_in_operations()["restore"]
#: Seconds of a lease.
LEASE = 30.0


@dataclass
class Worker:
    """A process's view of the run, with clocks of its own."""

    journal: Journal
    folder: Path
    now: float = 1_000_000.0
    wall: float = 1_000_000.0
    lease: Lease = field(init=False)

    def __post_init__(self) -> None:
        clocks = Clocks(lambda: self.now, lambda: self.wall)
        self.lease = acquire(self.journal, RUN.id, LEASE, clocks)
        path = self.folder / "audit.jsonl"
        self.audit = Audit(path, RUN.id, RUN.who, sitting=self.lease.epoch, locks=self.journal.locks)
        self.heartbeat = Heartbeat(self.journal, self.lease)
        self.recorder = Recorder(self.journal, self.audit, self.lease, self.heartbeat, lambda: self.wall)

    def sent(self) -> None:
        self.recorder.record([Change(ITEM.sending(self.now), ItemEvent.SENDING, self.now)])


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    with Journal(tmp_path / "journal.sqlite3") as journal:
        create(journal, RUN, [(ITEM, ["x"])], None, RESTORE, LEASE)
        there = Worker(journal, tmp_path)
        yield there
        there.audit.close()


def let_it_stand_still(journal: Journal) -> None:
    """Shorten the lease that another process has to wait for."""
    connection = sqlite3.connect(journal.path)
    connection.execute("UPDATE runs SET lease = 0.2")
    connection.commit()
    connection.close()


@pytest.fixture
def successor(worker: Worker) -> Iterator[Callable[[], Lease]]:
    """Takes the run over, as another process can when its owner was not heard of for all of its lease."""
    with Journal(worker.journal.path) as journal:

        def take_over() -> Lease:
            let_it_stand_still(journal)
            return acquire(journal, RUN.id, LEASE)

        yield take_over


WRITES: dict[str, Callable[[Worker], object]] = {
    "what is about to be sent": lambda worker: worker.sent(),
    "what happened to the run": lambda worker: worker.recorder.say(RunEvent.RUN_STOPPED, "it is over"),
    "the pace": lambda worker: worker.recorder.paced(["slower"], {"throttled": 1.0}),
    "that the rest is skipped": lambda worker: worker.recorder.skip_pending("cancelled", "never sent", 0.0),
    "that failed items are sent again": lambda worker: worker.recorder.retry_failed(RESTORE, remembers=True),
    "that other runs did some": lambda worker: worker.recorder.skip_by_others(RESTORE, lambda *_: []),
    "what pre-flight found": lambda worker: worker.recorder.preflighted({"state": "skipped"}),
    "that it goes on": lambda worker: worker.recorder.goes_on(),
    "a sign of life": lambda worker: worker.heartbeat.beat(),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))
def test_who_wakes_and_has_lost_the_run_writes_nothing(
    worker: Worker, successor: Callable[[], Lease], write: Callable[[Worker], object]
) -> None:
    worker.recorder.say(RunEvent.RUN_STARTED, "restore of in.csv")
    before = worker.audit.path.read_bytes()
    new = successor()

    with pytest.raises(RunOwnedElsewhere) as caught:
        write(worker)

    assert caught.value.owner == new.owner
    assert worker.lease.left() <= 0
    worker.audit.close()
    assert worker.audit.path.read_bytes() == before
    (item, _), *_ = worker.journal.rows(RUN.id)
    assert item.status is BulkItemStatus.PENDING
    found = worker.journal.run(RUN.id)
    assert (found.audit_lines, found.epoch) == (1, new.epoch)


def test_every_take_over_raises_the_epoch(worker: Worker, successor: Callable[[], Lease]) -> None:
    assert successor().epoch == worker.lease.epoch + 1


@pytest.mark.parametrize("clock", ["now", "wall"])
def test_nothing_is_begun_once_half_a_lease_passed_by_either_clock(worker: Worker, clock: str) -> None:
    """A machine in suspend has a wall clock that was set, another one a steady clock that went on."""
    setattr(worker, clock, getattr(worker, clock) + LEASE / 2 - 0.5)
    assert worker.lease.left() == pytest.approx(0.5)
    setattr(worker, clock, getattr(worker, clock) + 0.5)

    assert worker.lease.left() <= 0

    worker.sent()
    assert worker.lease.left() == pytest.approx(LEASE / 2)


def test_a_wall_clock_that_is_set_back_lets_nothing_be_begun_for_longer(worker: Worker) -> None:
    worker.wall -= 7200
    worker.now += LEASE / 2

    assert worker.lease.left() <= 0


def test_who_wakes_and_still_has_the_run_goes_on(worker: Worker) -> None:
    worker.now += 3600

    worker.sent()

    (item, _), *_ = worker.journal.rows(RUN.id)
    assert item.status is BulkItemStatus.IN_PROGRESS
    assert worker.journal.run(RUN.id).audit_lines == 1


def test_an_owner_that_is_heard_of_keeps_its_run_whatever_the_clock_of_another_says(worker: Worker) -> None:
    """The one who asks has a clock two hours ahead: to it the last sign of life is two hours old."""
    connection = sqlite3.connect(worker.journal.path)
    connection.execute("UPDATE runs SET heartbeat = heartbeat - 7200")
    connection.commit()
    connection.close()
    beats = threading.Timer(0.3, worker.heartbeat.beat)
    beats.start()
    with Journal(worker.journal.path) as other, pytest.raises(RunOwnedElsewhere) as caught:
        acquire(other, RUN.id, LEASE)
    beats.join()

    assert caught.value.owner == worker.lease.owner


def test_an_owner_whose_process_is_gone_is_not_waited_for(worker: Worker) -> None:
    # What the operating system does when a process ends; its name stays in the journal.
    worker.journal._owner._lock.release()  # type: ignore[union-attr]

    with Journal(worker.journal.path) as other:
        began = time.monotonic()
        assert acquire(other, RUN.id, LEASE).epoch == worker.lease.epoch + 1
        assert time.monotonic() - began < LEASE / 2


def test_the_heartbeat_goes_on_while_its_process_is_busy_with_something_else(worker: Worker) -> None:
    def heard() -> float:
        with sqlite3.connect(worker.journal.path) as connection:
            [(at,)] = connection.execute("SELECT heartbeat FROM runs").fetchall()
        connection.close()
        return float(at)

    before = heard()
    worker.heartbeat.start()
    while heard() == before:
        time.sleep(0.01)
    worker.heartbeat.stop()
    assert worker.heartbeat.error is None


def test_whoever_else_writes_into_the_audit_log_is_noticed_before_the_next_line(worker: Worker) -> None:
    worker.recorder.say(RunEvent.RUN_STARTED, "restore of in.csv")
    with worker.audit.path.open("a", encoding="utf-8") as file:
        file.write("{}\n")

    with pytest.raises(RecordFailed, match="another process wrote to it"):
        worker.sent()
    with pytest.raises(RecordFailed):
        worker.recorder.say(RunEvent.RUN_STOPPED, "it is over")

    assert worker.audit.path.read_text(encoding="utf-8").endswith("\n{}\n")
    assert worker.journal.run(RUN.id).audit_lines == 1


def test_a_retry_takes_a_cancel_back_and_whoever_goes_on_after_it_is_told(worker: Worker) -> None:
    journal = worker.journal
    journal.wish(RUN.id, "cancel")
    release(journal, worker.lease, "interrupted", "")

    second = acquire(journal, RUN.id, LEASE)
    assert second.cancelled
    Recorder(journal, worker.audit, second, Heartbeat(journal, second)).goes_on()
    release(journal, second, "interrupted", "")

    assert not acquire(journal, RUN.id, LEASE).cancelled
