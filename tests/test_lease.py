"""A machine that slept: what it writes once it wakes, another process having taken the run over."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bulkps.engine.item import Change, Item
from bulkps.engine.status import BulkItemStatus
from bulkps.errors import RunOwnedElsewhere
from bulkps.records.audit import Audit
from bulkps.records.journal import LEASE, Journal
from bulkps.records.recorder import Recorder
from bulkps.records.rows import Run
from bulkps.records.sweeps import RetrySteps

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


@dataclass
class Worker:
    """A process's view of the run, with a clock of its own."""

    journal: Journal
    audit: Audit
    now: float = 1_000_000.0

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.journal, self.audit, RUN.id, "the one that sleeps", lambda: self.now)

    def sent(self) -> None:
        self.recorder.record([Change(ITEM.sending(self.now), "item.sending", self.now)])


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    with (
        Journal(tmp_path / "journal.sqlite3") as journal,
        Audit(tmp_path / "audit.jsonl", RUN.id, RUN.who) as audit,
    ):
        journal.create(RUN, [(ITEM, ["x"])])
        journal.acquire(RUN.id, "the one that sleeps")
        yield Worker(journal, audit)


def take_over(journal: Journal) -> None:
    """Let another process have the run, as it can when its owner was not heard of for LEASE seconds."""
    connection = sqlite3.connect(journal.path)
    connection.execute("UPDATE runs SET heartbeat = 0")
    connection.commit()
    connection.close()
    journal.acquire(RUN.id, "the other one")


WRITES: dict[str, Callable[[Worker], object]] = {
    "what is about to be sent": lambda worker: worker.sent(),
    "what happened to the run": lambda worker: worker.recorder.say("run.stopped", "it is over"),
    "the pace": lambda worker: worker.recorder.paced(["slower"], {"throttled": 1.0}),
    "that the rest is skipped": lambda worker: worker.recorder.skip_pending("cancelled", "never sent", 0.0),
    "that failed items are sent again": lambda worker: worker.recorder.retry_failed(
        [], ["in-doubt"], RetrySteps([0], [], {}, {0: "request"}), remembers=True
    ),
    "a sign of life": lambda worker: worker.recorder.beat(),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))
def test_who_wakes_and_has_lost_the_run_writes_nothing(
    worker: Worker, write: Callable[[Worker], object]
) -> None:
    worker.recorder.say("run.started", "restore of in.csv")
    before = worker.audit.path.read_bytes()
    take_over(worker.journal)
    worker.now += 3600

    with pytest.raises(RunOwnedElsewhere) as caught:
        write(worker)

    assert caught.value.owner == "the other one"
    worker.audit.sync()
    assert worker.audit.path.read_bytes() == before
    (item, _), *_ = worker.journal.rows(RUN.id)
    assert item.status is BulkItemStatus.PENDING
    assert worker.journal.run(RUN.id).audit_lines == 1


def test_who_wakes_and_still_has_the_run_goes_on(worker: Worker) -> None:
    worker.now += 3600

    worker.sent()

    (item, _), *_ = worker.journal.rows(RUN.id)
    assert item.status is BulkItemStatus.IN_PROGRESS
    assert worker.journal.run(RUN.id).audit_lines == 1


def test_the_lease_is_made_sure_of_before_anybody_could_have_taken_it(worker: Worker) -> None:
    """Half of LEASE without a word is long enough: in the other half nobody takes the run over."""
    take_over(worker.journal)
    worker.now += LEASE / 2 + 0.1

    with pytest.raises(RunOwnedElsewhere):
        worker.sent()

    assert worker.audit.lines == 0


def test_a_journal_keeps_nothing_of_a_process_that_lost_the_run(worker: Worker) -> None:
    """Even one that did not sleep: the transaction that keeps a change looks at the lease too."""
    take_over(worker.journal)

    with pytest.raises(RunOwnedElsewhere):
        worker.sent()

    (item, _), *_ = worker.journal.rows(RUN.id)
    assert item.status is BulkItemStatus.PENDING
    assert worker.journal.run(RUN.id).audit_lines == 0


def test_a_retry_takes_a_cancel_back_and_whoever_goes_on_after_it_is_told(worker: Worker) -> None:
    journal = worker.recorder._journal
    journal.wish(RUN.id, "cancel")
    connection = sqlite3.connect(journal.path)
    connection.execute("UPDATE runs SET heartbeat = 0")
    connection.commit()

    assert journal.acquire(RUN.id, "the second")
    journal.goes_on(RUN.id, "the second")
    connection.execute("UPDATE runs SET heartbeat = 0")
    connection.commit()
    connection.close()
    assert not journal.acquire(RUN.id, "the third")
