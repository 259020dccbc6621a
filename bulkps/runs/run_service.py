"""How a run is put together from intake, journal, audit, sessions and engine."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from bulkps import yaml_config
from bulkps.atomic_file import Output
from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.driver import Driver, Prepare
from bulkps.engine.events import RunEvent
from bulkps.engine.item import DONE_ALREADY, DONE_DIFFERENTLY, Change
from bulkps.engine.machine import Machine
from bulkps.engine.messages import Finish, StopReason
from bulkps.engine.status import BulkItemStatus
from bulkps.errors import BulkpsError, ExitCode, RecordFailed, UsageProblem
from bulkps.exchange.error_catalog import ErrorClass, portable_patterns
from bulkps.operations.availability import uses
from bulkps.operations.loader import load_operation
from bulkps.operations.model import Operation
from bulkps.passwords.password_file import PasswordFile
from bulkps.passwords.password_provisioning import password_maker
from bulkps.preflight.query_executor import OnReading, Sessions
from bulkps.preflight.runner import CMDLETS, PreflightRunner
from bulkps.records import paths, results
from bulkps.records.audit import Audit
from bulkps.records.audit_opening import check_log, operation_digest
from bulkps.records.audit_verify import Known
from bulkps.records.journal import Journal
from bulkps.records.lease import Heartbeat, Lease, acquire, raise_epoch, release
from bulkps.records.recorder import Recorder
from bulkps.records.row_mapping import Run
from bulkps.records.run_queries import coded, left_behind
from bulkps.run_target import Target, check_target, who
from bulkps.runs.other_runs import skip_what_others_did
from bulkps.runs.run_creation import batch_name
from bulkps.sessions.connection import Connection
from bulkps.sessions.session_factory import endpoint

#: Called after changes of items are durable.
OnChanges = Callable[[Sequence[Change]], None]
#: Asked whether anything may be sent.
Confirm = Callable[[], bool]
#: Told the driver as soon as there is one, so that others can pause or cancel.
OnDriver = Callable[[Driver], None]


@dataclass(frozen=True)
class RunReport:
    """How a run stands when bulkps is done with it.

    Attributes:
        run: The run.
        counts: Items by status; every status is there.
        finish: Why it is over, or stopped for now.
        exit_code: What it comes down to.
        results: The results file, or None if none was written.
        settled: How many items are SKIPPED because an earlier run completed them.
        sends: Whether the run sends anything; one that only checks does not.
        differing: How many items are SKIPPED because an earlier run completed them with other values.
        left_behind: How many items are COMPLETED at Exchange, which left some of their content behind.
        left: How many FAILED items a retry left, for another run did them since or has them underway.
    """

    run: Run
    counts: dict[BulkItemStatus, int]
    finish: Finish
    exit_code: ExitCode
    results: Path | None
    settled: int = 0
    sends: bool = True
    left: int = 0
    differing: int = 0
    left_behind: int = 0


def operation_of(run: Run) -> Operation:
    """Return a run's operation as it was when the run was made."""
    return _kept_operation(run.operation_text, f"run {run.id}")


@lru_cache(maxsize=8)
def _kept_operation(text: str, source: str) -> Operation:
    # Several parts of one command ask for it, and the text of a run never changes.
    return load_operation(text, source)


def options_of(run: Run) -> BulkOperationConfig:
    """Return how a run may proceed, as it was told when it was made."""
    return yaml_config.load(run.options, f"run {run.id}", BulkOperationConfig)


def proceed(
    journal: Journal,
    run: Run,
    target: Target,
    *,
    retry: bool = False,
    on_changes: OnChanges = lambda changes: None,
    on_reading: OnReading = lambda objects, left: None,
    on_driver: OnDriver = lambda driver: None,
    output: Output | None = None,
    ends_at: float | None = None,
    passwords: PasswordFile | None = None,
    confirm: Confirm | None = None,
) -> RunReport:
    """Work on *run* until it is over or has to stop; write its results.

    Args:
        journal: Where it is kept.
        run: The run.
        target: Where to.
        retry: Whether FAILED items are sent again; those in doubt are looked up first.
        on_changes: Called after changes are durable.
        on_reading: Told how much pre-flight has read, on a thread of its own.
        on_driver: Told the driver before anything is sent.
        output: Where the results go; None for the usual place.
        ends_at: Epoch seconds at which it pauses; None for never.
        passwords: Where generated passwords go before they are sent, begun; None for nowhere.
        confirm: Asked once pre-flight is done, before anything is sent; None where it may be sent unasked.

    Raises:
        UsageProblem: If the target is not where the run was begun.
        RunOwnedElsewhere: If another process works on it.
        RecordFailed: If a record could not be written.
    """
    operation = operation_of(run)
    if retry:
        # Who asks for a retry wants what is not there sent again, whatever the run does by itself.
        target = replace(target, config=replace(target.config, retry_failed=True))
    check_target(operation, target)
    _check_place(run, target)
    _check_kind(run, operation, retry=retry)
    with _work_on(journal, run, target.config.lease) as work:
        left = _take_back(work, operation, target) if retry else 0
        prepare = password_maker(operation, passwords)
        orders = _Orders(on_changes, on_reading, on_driver, ends_at, prepare, confirm)
        work.finish = _carry_out(work, operation, target, orders)
    return replace(finished(journal, run.id, work.finish, output), left=left)


def _check_kind(run: Run, operation: Operation, *, retry: bool) -> None:
    if retry and not operation.steps:
        raise UsageProblem(f"run {run.id} only checked its rows; bulkps validate checks them again")


@dataclass(frozen=True)
class _Orders:
    """What whoever started it wants of a run.

    Attributes:
        on_changes: Called after changes are durable.
        on_reading: Told how much pre-flight has read.
        on_driver: Told the driver before anything is sent.
        ends_at: Epoch seconds at which it pauses; None for never.
        prepare: Puts generated passwords in.
        confirm: Asked before anything is sent, or None.
    """

    on_changes: OnChanges
    on_reading: OnReading
    on_driver: OnDriver
    ends_at: float | None
    prepare: Prepare
    confirm: Confirm | None = None


@dataclass
class _Work:
    """A run that this process holds.

    Attributes:
        run: The run.
        recorder: Its records.
        fresh: Whether it was made just now, and no process worked on it before.
        cancelled: Whether it was cancelled before.
        finish: Why it stopped.
    """

    run: Run
    recorder: Recorder
    fresh: bool
    cancelled: bool = False
    finish: Finish | None = None


@contextmanager
def _work_on(journal: Journal, run: Run, seconds: float) -> Iterator[_Work]:
    """Hold the lease of *seconds* on *run* inside the block; keep why it stopped."""
    lease = acquire(journal, run.id, seconds)
    heartbeat = Heartbeat(journal, lease)
    heartbeat.start()
    work: _Work | None = None
    try:
        # Read again under the lease: where the audit log stands may have moved since.
        run = journal.run(run.id)
        fresh = lease.before == "new"
        with _records(journal, run, lease, heartbeat) as recorder:
            work = _Work(run, recorder, fresh, lease.cancelled)
            yield work
    finally:
        heartbeat.stop()
        finish = work.finish if work else None
        state, detail = (
            (finish.reason.value, finish.detail) if finish else ("interrupted", "it ended by an error")
        )
        if work.cancelled if work else lease.cancelled:
            # However it stopped this time: nothing of it is sent by a resume.
            state = StopReason.CANCELLED.value
        elif work is None:
            # Nothing was done: it stands as it stood.
            state = lease.before
        release(journal, lease, state, detail)


@contextmanager
def _records(journal: Journal, run: Run, lease: Lease, heartbeat: Heartbeat) -> Iterator[Recorder]:
    """Give the records of *run*, once all of its audit log is known to be what was written.

    Raises:
        RecordFailed: If it is not, or the operation in the journal is not the one that the log names.
    """
    path, digest = Path(run.audit), operation_digest(run.operation_text)
    ahead = check_log(path, run.id, Known.of(run), lease.before)
    if ahead.operation not in ("", digest):
        raise RecordFailed(
            f"run {run.id}",
            "its operation in the journal is not the one that it was begun with, by its audit log",
            "find out who changed the journal and put it back from a copy; nothing was sent",
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


def _take_back(work: _Work, operation: Operation, target: Target) -> int:
    """Make the failed rows of a run to be sent again; return how many stay for what another run did."""
    if work.cancelled:
        # What failed is asked for by name; the rest stays cancelled.
        _skip_rest(work.recorder)
        work.cancelled = False
    # The embedded simulator's tenant ends with its run: other runs had another.
    remembers = not target.connection.embedded
    left = work.recorder.retry_failed(operation, remembers=remembers)
    work.recorder.goes_on()
    return left


def cancel(journal: Journal, run: Run) -> RunReport:
    """Skip what was not sent of a run that nobody works on; write its results.

    What is in doubt or at Exchange stays as it is: to look it up takes a session, which resume opens.

    Raises:
        UsageProblem: If it is over.
        RunOwnedElsewhere: If another process works on it.
        RecordFailed: If a record could not be written.
    """
    counts = journal.counts(run.id)
    if not (counts[BulkItemStatus.PENDING] or counts[BulkItemStatus.IN_PROGRESS]):
        raise UsageProblem(f"run {run.id} is over; there is nothing to cancel")
    finish = Finish(StopReason.CANCELLED)
    with _work_on(journal, run, options_of(run).lease) as work:
        _skip_rest(work.recorder)
        work.finish = finish
    return finished(journal, run.id, finish, None)


def _skip_rest(recorder: Recorder) -> None:
    recorder.skip_pending(StopReason.CANCELLED.value, "never sent: the run was cancelled", time.time())


def _check_place(run: Run, target: Target) -> None:
    if run.place != target.connection.place:
        raise UsageProblem(
            f"run {run.id} was begun at {run.place}; connection {target.name!r} leads to "
            f"{target.connection.place}. It goes on only where it was begun; nothing was sent"
        )


def finished(journal: Journal, name: str, finish: Finish, output: Output | None) -> RunReport:
    """Write a run's results and return how it stands."""
    run = journal.run(name)
    # What lies in its own home is bulkps's own: each sitting replaces what the last one wrote.
    there = output or Output(paths.results_path(run.id), replace=True)
    path: Path | None = there.path
    write = results.write_json if there.path.suffix.casefold() == ".json" else results.write_csv
    try:
        write(there, journal, run, operation_of(run))
    except RecordFailed as error:
        # The run is as it is; a results file can be written again at any time.
        note = (
            f"the results could not be written: {error.reason}; bulkps results {run.id} -o FILE writes them"
        )
        finish, path = replace(finish, detail="; ".join(filter(None, (finish.detail, note)))), None
    sends = bool(operation_of(run).steps)
    counts, settled = journal.counts(run.id), coded(journal, run.id, BulkItemStatus.SKIPPED, DONE_ALREADY)
    differing, behind = (
        coded(journal, run.id, BulkItemStatus.SKIPPED, DONE_DIFFERENTLY),
        left_behind(journal, run.id),
    )
    code = exit_code(counts, finish.reason, settled, behind)
    return RunReport(run, counts, finish, code, path, settled, sends, differing=differing, left_behind=behind)


def exit_code(
    counts: dict[BulkItemStatus, int], reason: StopReason, settled: int = 0, behind: int = 0
) -> ExitCode:
    """Return what a run's totals come down to.

    Args:
        counts: How many items have each status.
        reason: Why it is over, or stopped for now.
        settled: How many of the SKIPPED rows were completed by other runs.
        behind: How many of the COMPLETED ones left items behind at Exchange.
    """
    total = sum(counts.values())
    if reason is StopReason.CANNOT_CONNECT and counts[BulkItemStatus.PENDING] + settled == total:
        return ExitCode.CANNOT_CONNECT
    if reason is StopReason.NOT_CLEAN:
        return ExitCode.INVALID_INPUT
    if reason is StopReason.NOT_CONFIRMED:
        return ExitCode.USAGE
    if counts[BulkItemStatus.PENDING] or counts[BulkItemStatus.IN_PROGRESS]:
        return ExitCode.UNFINISHED
    if counts[BulkItemStatus.FAILED] or counts[BulkItemStatus.SKIPPED] > settled or behind:
        # What is skipped is over: there is nothing to resume.
        return ExitCode.SOME_FAILED
    return ExitCode.COMPLETED


def exit_code_of(journal: Journal, run: Run) -> ExitCode:
    """Return what a run comes down to as it stands in the journal."""
    reasons = {reason.value: reason for reason in StopReason}
    settled = coded(journal, run.id, BulkItemStatus.SKIPPED, DONE_ALREADY)
    reason, behind = reasons.get(run.state, StopReason.DONE), left_behind(journal, run.id)
    return exit_code(journal.counts(run.id), reason, settled, behind)


def cmdlets_of(operation: Operation) -> list[str]:
    """Return the cmdlets that *operation* sends, each once."""
    return list(dict.fromkeys(cmdlet for cmdlet, _ in uses(operation)))


def _carry_out(work: _Work, operation: Operation, target: Target, orders: _Orders) -> Finish:
    """Look before anything is sent, if that was not done yet; then send."""
    recorder, connection = work.recorder, target.connection
    _say_started(recorder, work.run, connection)
    if work.cancelled:
        _skip_rest(recorder)
    elif not (work.fresh or connection.embedded) and operation.steps:
        orders.on_changes(skip_what_others_did(recorder, operation))
    throttled = portable_patterns(target.catalogue, ErrorClass.THROTTLED)
    cmdlets = list(dict.fromkeys((*cmdlets_of(operation), *(CMDLETS if operation.preflight else ()))))
    with endpoint(connection, target.credentials, target.config.item_timeout, cmdlets, throttled) as there:
        sessions = Sessions(there.connect)
        try:
            finish = _look(work, operation, target, sessions, orders)
            finish = finish or _asked(work, orders)
            if finish is None:
                finish = _drive(work, operation, target, sessions, orders)
        except BulkpsError:
            raise
        except BaseException as error:
            recorder.say(RunEvent.RUN_BROKEN, f"it ended by an error: {type(error).__name__}")
            raise
        finally:
            sessions.close()
    recorder.say(RunEvent.RUN_STOPPED, finish.detail or finish.reason.value, reason=finish.reason.value)
    return finish


def _look(
    work: _Work, operation: Operation, target: Target, sessions: Sessions, orders: _Orders
) -> Finish | None:
    """Run pre-flight, or say that it was skipped; return why the run stops here, or None."""
    if operation.preflight is None or work.cancelled:
        return None
    # What was found when the run began may be over: since then other runs, of other machines too, may have
    # done the same. What was never sent is looked at once more.
    again = bool(work.run.preflight)
    if again and (work.run.preflight.get("state") == "skipped" or not work.recorder.waits()):
        return None
    if not target.config.preflight and operation.steps:
        # What only checks has nothing else to do: there the setting is not meant.
        work.recorder.preflighted({"state": "skipped"})
        return None
    looks = PreflightRunner(operation, target, sessions, work.recorder, orders.on_changes, orders.on_reading)
    found = looks.run(operation.preflight)
    return found or (None if operation.steps else Finish(StopReason.DONE))


def _asked(work: _Work, orders: _Orders) -> Finish | None:
    """Ask whether the rest may be sent; return why the run is over, or None."""
    if orders.confirm is None or work.cancelled or not work.recorder.waits():
        return None
    if orders.confirm():
        return None
    detail = "it was not confirmed; nothing was sent"
    work.recorder.skip_pending(StopReason.NOT_CONFIRMED.value, f"never sent: {detail}", time.time())
    return Finish(StopReason.NOT_CONFIRMED, detail)


def _config_of(work: _Work, target: Target) -> BulkOperationConfig:
    if work.fresh or not target.connection.embedded:
        return target.config
    # The tenant started with this process: a request of an earlier one cannot show up later.
    return replace(target.config, follow=replace(target.config.follow, gone_after=0.0))


def _drive(work: _Work, operation: Operation, target: Target, sessions: Sessions, orders: _Orders) -> Finish:
    machine = Machine(
        operation,
        _config_of(work, target),
        target.catalogue,
        batch_name(work.run.id),
        one_first=target.credentials.password is not None,
        ends_at=orders.ends_at,
        cancelled=work.cancelled,
    )
    driver = Driver(
        machine,
        operation,
        work.recorder,
        sessions.connect,
        on_changes=orders.on_changes,
        prepare=orders.prepare,
        gate=work.recorder.gate,
    )
    orders.on_driver(driver)
    return driver.run()


def _say_started(recorder: Recorder, run: Run, connection: Connection) -> None:
    recorder.say(
        RunEvent.RUN_STARTED,
        f"{run.operation} of {run.file} with connection {run.connection}",
        operation=run.operation,
        file=run.file,
        digest=run.digest,
        connection=run.connection,
        server=connection.server,
        username=connection.username,
        simulated=run.simulated,
    )
