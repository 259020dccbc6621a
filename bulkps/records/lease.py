"""The lease on a run: who may write and send for it, in which epoch, and when that was last confirmed.

Three things stop a process that lost its run. Every take-over raises the run's epoch, and every transaction
of a run checks it. The audit log is written inside such a transaction. And nothing is started at Exchange if
the lease was last confirmed more than half its length ago: a take-over waits for the whole length.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, case, select, update

from bulkps.errors import BulkpsError, RunNotFound, RunOwnedElsewhere
from bulkps.records.journal import Journal
from bulkps.records.owner import Presence, forget, presence
from bulkps.records.schema import runs

_log = logging.getLogger(__name__)

#: How many times a lease is renewed within its length, and the longest interval in seconds.
_BEATS, _LONGEST_BEAT = 10, 1.0
#: How often to check a lease that another owner holds, in seconds.
_LOOKS = 0.1
#: A longer wait than this many seconds is logged.
_SAYS_AFTER = 2.0


def steady() -> float:
    """Return seconds of a clock that never jumps, and continues while the machine sleeps."""
    # Linux stops CLOCK_MONOTONIC in suspend, as Python's own clock does on macOS; elsewhere it continues.
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        number = getattr(time, name, None)
        if number is not None:
            return time.clock_gettime(number)
    return time.monotonic()


@dataclass(frozen=True)
class Clocks:
    """The clocks that measure a lease; the one that shows more elapsed time counts.

    After a virtual machine was suspended, its steady clock has stood still, and its wall clock was set again.

    Attributes:
        steady: Seconds of a clock that never jumps.
        wall: Epoch seconds.
    """

    steady: Callable[[], float] = steady
    wall: Callable[[], float] = time.time

    def read(self) -> tuple[float, float]:
        """Return the values of both."""
        return self.steady(), self.wall()

    def since(self, then: tuple[float, float]) -> float:
        """Return how many seconds have passed since *then*."""
        now = self.read()
        return max(now[0] - then[0], now[1] - then[1])


class Lease:
    """The lease on a run, as seen by the process that holds it; it is the gate for what is sent.

    Args:
        run: The run's name.
        owner: Who holds it.
        epoch: The epoch that the take-over set.
        seconds: Its length.
        confirmed: The clocks before the transaction that gave it.
        cancelled: Whether the run is cancelled.
        before: The run's state before the take-over.
        clocks: The clocks that measure it.
    """

    def __init__(
        self,
        run: str,
        owner: str,
        epoch: int,
        seconds: float,
        confirmed: tuple[float, float],
        *,
        cancelled: bool = False,
        before: str = "",
        clocks: Clocks | None = None,
    ) -> None:
        self.run, self.owner, self.epoch, self.seconds = run, owner, epoch, seconds
        self.cancelled, self.before = cancelled, before
        self.clocks = clocks or Clocks()
        self._confirmed = confirmed
        self._lost = False

    def confirm(self, at: tuple[float, float]) -> None:
        """Note that a transaction that began *at* found it still held."""
        self._confirmed = at

    def lose(self) -> None:
        """Note that another process took the run over."""
        self._lost = True

    def left(self) -> float:
        """Return for how many seconds work may still be started at Exchange; safe from any thread."""
        return 0.0 if self._lost else self.seconds / 2 - self.clocks.since(self._confirmed)


@contextmanager
def holding(journal: Journal, lease: Lease) -> Iterator[Connection]:
    """Give a connection whose changes are on disk when the block ends, and only if the lease is still held.

    Raises:
        RunOwnedElsewhere: If it is not held; nothing was changed.
        RecordFailed: If the changes are not on disk.
    """
    at = lease.clocks.read()
    with journal.writing() as connection:
        kept = connection.execute(
            update(runs)
            .where(runs.c.id == lease.run, runs.c.owner == lease.owner, runs.c.epoch == lease.epoch)
            .values(heartbeat=time.time())
        )
        if kept.rowcount == 0:
            lease.lose()
            holder = connection.execute(select(runs.c.owner).where(runs.c.id == lease.run)).scalar()
            # Raising inside the transaction rolls all of it back.
            raise RunOwnedElsewhere(lease.run, str(holder or ""), lost=True)
        yield connection
    lease.confirm(at)


def acquire(journal: Journal, run: str, seconds: float, clocks: Clocks | None = None) -> Lease:
    """Take the lease on a run for this journal's owner.

    A lease is taken at once if its owner's process has ended. Any other lease is watched for its whole
    length: an owner that is alive renews it. Wall clocks do not count, because they may differ.

    Args:
        journal: The journal.
        run: The run's name.
        seconds: How long this process may be silent before another one may take the run over.
        clocks: The clocks that measure it; None for the machine's own.

    Raises:
        RunNotFound: If there is no such run.
        RunOwnedElsewhere: If its owner is alive.
    """
    clocks, owner = clocks or Clocks(), journal.owner
    found = _current(journal, run)
    if found.owner not in ("", owner):
        found = _watched(journal, run, found)
    at = clocks.read()
    state = _take(journal, run, found, owner, seconds)
    if not state:
        raise RunOwnedElsewhere(run, _current(journal, run).owner)
    return Lease(
        run,
        owner,
        found.epoch + 1,
        seconds,
        at,
        cancelled=state == "cancelling",
        before=found.state,
        clocks=clocks,
    )


def raise_epoch(journal: Journal, lease: Lease, above: int) -> None:
    """Raise the epoch of a held lease above one that a newer journal had.

    Raises:
        RunOwnedElsewhere: If it is no longer held.
        RecordFailed: If it cannot be kept.
    """
    with holding(journal, lease) as connection:
        connection.execute(update(runs).where(runs.c.id == lease.run).values(epoch=above + 1))
    lease.epoch = above + 1


def release(journal: Journal, lease: Lease, state: str, detail: str) -> None:
    """Keep why a run stopped and give up its lease; nothing happens if it was lost."""
    # The next process that works on it gets a cancel that came too late for this one.
    stays = case((runs.c.wish == "cancel", "cancel"), else_="")
    with journal.writing() as connection:
        connection.execute(
            update(runs)
            .where(runs.c.id == lease.run, runs.c.owner == lease.owner, runs.c.epoch == lease.epoch)
            .values(state=state, detail=detail, ended_at=time.time(), owner="", wish=stays)
        )


@dataclass(frozen=True)
class _Current:
    owner: str
    epoch: int
    heartbeat: float
    lease: float
    state: str


def _current(journal: Journal, run: str) -> _Current:
    columns = (runs.c.owner, runs.c.epoch, runs.c.heartbeat, runs.c.lease, runs.c.state)
    with journal.reading() as connection:
        row = connection.execute(select(*columns).where(runs.c.id == run)).one_or_none()
    if row is None:
        raise RunNotFound(run)
    return _Current(str(row[0]), int(row[1]), float(row[2]), float(row[3]), str(row[4]))


def _take(journal: Journal, run: str, found: _Current, owner: str, seconds: float) -> str:
    """Make *owner* the run's owner; return its state, or an empty text if another process was faster."""
    # The process that was asked to cancel may have ended before it saw that.
    cancelled = (runs.c.wish == "cancel") | runs.c.state.in_(("cancelled", "cancelling"))
    with journal.writing() as connection:
        taken = connection.execute(
            update(runs)
            .where(runs.c.id == run, runs.c.owner == found.owner, runs.c.epoch == found.epoch)
            .where(runs.c.heartbeat == found.heartbeat)
            .values(
                owner=owner,
                epoch=found.epoch + 1,
                heartbeat=time.time(),
                lease=seconds,
                wish="",
                state=case((cancelled, "cancelling"), else_="running"),
                detail="",
            )
        )
        state = connection.execute(select(runs.c.state).where(runs.c.id == run)).scalar_one()
    return str(state) if taken.rowcount else ""


def _watched(journal: Journal, run: str, found: _Current) -> _Current:
    """Watch a lease until its owner is known to be gone, or was silent for the whole length.

    Raises:
        RunOwnedElsewhere: If the owner is alive.
    """
    until, said = steady() + found.lease, False
    while steady() < until:
        if presence(journal.locks, found.owner) is Presence.GONE:
            forget(journal.locks, found.owner)
            return found
        time.sleep(min(_LOOKS, found.lease / _BEATS))
        now = _current(journal, run)
        if now != found:
            if now.owner:
                raise RunOwnedElsewhere(run, now.owner)
            return now
        if not said and until - steady() < found.lease - _SAYS_AFTER:
            said = True
            _log.warning(
                "run %s belongs to %s, which does not respond; waiting %.0f s before taking it over",
                run,
                found.owner,
                max(0.0, until - steady()),
            )
    return found


class Heartbeat(threading.Thread):
    """Renews a lease on its own thread, so that no other work of the process can delay it.

    Args:
        journal: The journal.
        lease: The lease.

    Attributes:
        wish: What another process asked for: ``cancel``, ``pause`` or nothing.
        error: Why the lease can no longer be renewed, or None.
    """

    def __init__(self, journal: Journal, lease: Lease) -> None:
        super().__init__(name=f"bulkps-heartbeat-{lease.run}", daemon=True)
        self._journal, self._lease = journal, lease
        self._stopped = threading.Event()
        self.wish = ""
        self.error: BulkpsError | None = None

    def run(self) -> None:
        """Renew the lease until it is stopped or lost."""
        interval = min(_LONGEST_BEAT, self._lease.seconds / _BEATS)
        while not self._stopped.wait(interval):
            try:
                self.beat()
            except BulkpsError as error:
                self.error = error
                return

    def beat(self) -> None:
        """Renew the lease now.

        Raises:
            RunOwnedElsewhere: If another process took the run over.
            RecordFailed: If the journal cannot be written.
        """
        with holding(self._journal, self._lease) as connection:
            wish = connection.execute(select(runs.c.wish).where(runs.c.id == self._lease.run)).scalar_one()
        self.wish = str(wish)

    def stop(self) -> None:
        """Stop renewing it."""
        self._stopped.set()
        if self.is_alive():
            self.join()
