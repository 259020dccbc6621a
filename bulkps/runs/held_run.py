"""A run that this process holds: its lease, its heartbeat, its records."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bulkps.engine.machine_messages import Finish, StopReason
from bulkps.errors import RecordFailed
from bulkps.records.audit import Audit
from bulkps.records.audit_opening import check_log, operation_digest
from bulkps.records.audit_verify import Known
from bulkps.records.journal import Journal
from bulkps.records.lease import Heartbeat, Lease, acquire, raise_epoch, release
from bulkps.records.recorder import Recorder
from bulkps.records.row_mapping import Run
from bulkps.run_target import who


@dataclass
class HeldRun:
    """A run that this process holds.

    Attributes:
        run: The run.
        recorder: Its records.
        fresh: Whether it was just created, and no process worked on it before.
        cancelled: Whether it was cancelled before.
        finish: Why it stopped.
    """

    run: Run
    recorder: Recorder
    fresh: bool
    cancelled: bool = False
    finish: Finish | None = None


@contextmanager
def held_run(journal: Journal, run: Run, seconds: float) -> Iterator[HeldRun]:
    """Hold the lease of *seconds* on *run* inside the block; keep why it stopped."""
    lease = acquire(journal, run.id, seconds)
    heartbeat = Heartbeat(journal, lease)
    heartbeat.start()
    held: HeldRun | None = None
    try:
        # Read again under the lease: the position of the audit log may have changed.
        run = journal.run(run.id)
        fresh = lease.before == "new"
        with _records(journal, run, lease, heartbeat) as recorder:
            held = HeldRun(run, recorder, fresh, lease.cancelled)
            yield held
    finally:
        heartbeat.stop()
        finish = held.finish if held else None
        state, detail = (
            (finish.reason.value, finish.detail) if finish else ("interrupted", "it ended with an error")
        )
        if held.cancelled if held else lease.cancelled:
            # However it stopped this time, a resume sends none of it.
            state = StopReason.CANCELLED.value
        elif held is None:
            # Nothing was done, so its state stays the same.
            state = lease.before
        release(journal, lease, state, detail)


@contextmanager
def _records(journal: Journal, run: Run, lease: Lease, heartbeat: Heartbeat) -> Iterator[Recorder]:
    """Give the records of *run*, once all of its audit log is known to be unchanged.

    Raises:
        RecordFailed: If it was changed, or the operation in the journal is not the one in the log.
    """
    path, digest = Path(run.audit), operation_digest(run.operation_text)
    ahead = check_log(path, run.id, Known.of(run), lease.before)
    if ahead.operation not in ("", digest):
        raise RecordFailed(
            f"run {run.id}",
            "the operation in the journal is not the one that its audit log says it was started with",
            "find out who changed the journal and restore it from a backup",
        )
    if ahead.sitting >= lease.epoch:
        raise_epoch(journal, lease, ahead.sitting)
    first = {"operation_sha256": digest}
    with Audit(
        path, run.id, who(), ahead.lines, ahead.head, lease.epoch, first=first, locks=journal.locks
    ) as audit:
        recorder = Recorder(journal, audit, lease, heartbeat)
        if ahead.unknown or ahead.cut:
            recorder.catch_up(ahead)
        yield recorder
