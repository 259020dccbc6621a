"""How a run is put together from intake, journal, audit, sessions and engine."""

import getpass
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bulkps import yamlfile
from bulkps.engine.driver import Driver
from bulkps.engine.events import Finish, StopReason
from bulkps.engine.item import IN_DOUBT, Change, Item
from bulkps.engine.machine import Machine
from bulkps.engine.policy import BulkOperationConfig
from bulkps.engine.status import BulkItemStatus
from bulkps.errors import BulkpsError, ExitCode, RecordFailed, UsageProblem
from bulkps.exchange.cmdlet import Cmdlet, Secret
from bulkps.exchange.errors import ErrorClass, KnownError, portable_patterns
from bulkps.intake import CheckReport, InputRow
from bulkps.operations.bind import PASSWORD, bind, item_key, places
from bulkps.operations.loader import dump_operation, load_operation, releases, uses
from bulkps.operations.model import Operation
from bulkps.operations.passwords import generate
from bulkps.records import home, results
from bulkps.records.audit import Audit
from bulkps.records.journal import Journal, owner_name
from bulkps.records.recorder import Recorder
from bulkps.records.rows import Run
from bulkps.sessions.connection import Connection, ConnectionType, Credentials
from bulkps.sessions.open import endpoint, simulator_options

#: Called after changes of items are durable.
OnChanges = Callable[[Sequence[Change]], None]
#: Codes of failed items that are not sent again by a retry: it may have happened.
_NEVER_AGAIN = ("request-gone",)
#: Told the driver as soon as there is one, so that others can pause or cancel.
OnDriver = Callable[[Driver], None]


@dataclass(frozen=True)
class Target:
    """Where a run goes.

    Attributes:
        name: The connection's name.
        connection: The connection.
        credentials: Its secrets.
        config: How the run may proceed.
        catalogue: What errors mean.
    """

    name: str
    connection: Connection
    credentials: Credentials
    config: BulkOperationConfig
    catalogue: tuple[KnownError, ...]


@dataclass(frozen=True)
class RunReport:
    """How a run stands when bulkps is done with it.

    Attributes:
        run: The run.
        counts: Items by status; every status is there.
        finish: Why it is over, or stopped for now.
        exit_code: What it comes down to.
        results: The results file, or None if none was written.
    """

    run: Run
    counts: dict[BulkItemStatus, int]
    finish: Finish
    exit_code: ExitCode
    results: Path | None


def who() -> str:
    """Return the user and host that the records name."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        # No such variable and no such account: a container's numeric user, say.
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def check_target(operation: Operation, target: Target) -> None:
    """Refuse an operation that the connection's Exchange does not have.

    Raises:
        UsageProblem: If every on-premises release lacks a cmdlet or parameter of it.
    """
    found = releases(operation)
    on_premises = target.connection.type is ConnectionType.EXCHANGE
    if on_premises and set(found) <= {"EXO"}:
        raise UsageProblem(
            f"{operation.name} needs cmdlets that only Exchange Online has, and connection {target.name!r} "
            "is an Exchange Server (type exchange); nothing was sent"
        )
    check_connection(target.name, target.connection)


def check_connection(name: str, connection: Connection) -> None:
    """Refuse a connection that cannot be used as it stands, before anything is made for it.

    Raises:
        UsageProblem: If its file of certificates is not there, or its simulator cannot be made.
    """
    if connection.ca_file and not Path(connection.ca_file).is_file():
        raise UsageProblem(
            f"connections.{name}.ca_file: there is no file {connection.ca_file}; nothing was sent"
        )
    if connection.embedded:
        try:
            simulator_options(connection.simulator)
        except ValueError as error:
            raise UsageProblem(f"connections.{name}.simulator: {error}; nothing was sent") from error


def create_run(
    journal: Journal, operation: Operation, report: CheckReport, rows: Iterable[InputRow], target: Target
) -> Run:
    """Keep a new run in the journal, all rows or nothing, and return it.

    Raises:
        InvalidInput: If *rows* meets a problem.
        RecordFailed: If it cannot be kept.
    """
    name = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{operation.name}-{secrets.token_hex(2)}"
    run = Run(
        id=name,
        operation=operation.name,
        operation_text=dump_operation(operation),
        connection=target.name,
        simulated=target.connection.simulated,
        place=target.connection.place,
        options=_options_text(target.config),
        file=str(report.path.absolute()),
        digest=report.digest,
        header=report.header,
        carried=report.carried,
        who=who(),
        created_at=time.time(),
        audit=str(home.audit_path(name)),
    )
    journal.create(run, ((_item(operation, row), row.cells) for row in rows))
    return run


def _item(operation: Operation, row: InputRow) -> Item:
    # Defaults count for whether a step is wanted, but are no part of what the row says.
    first = operation.next_step(-1, {**operation.defaults, **row.values}) or 0
    return Item(item_key(operation, row.values), row.row, row.values, step=first)


def plan(operation: Operation, row: InputRow) -> Iterator[Cmdlet]:
    """Yield the cmdlets that *row* will be, in order.

    What an earlier step will return is not known yet; it is shown by its place's name.
    """
    key = item_key(operation, row.values)
    outputs: dict[str, dict[str, str]] = {}
    values = {**operation.defaults, **row.values}
    index = operation.next_step(-1, values)
    while index is not None:
        step = operation.steps[index]
        yield bind(step, places(operation, row.values, key, "<run>", outputs))
        outputs[step.name] = {name: f"<{step.name}.{name}>" for name in step.keep}
        index = operation.next_step(index, values)


def operation_of(run: Run) -> Operation:
    """Return a run's operation as it was when the run was made."""
    return load_operation(run.operation_text, f"run {run.id}")


def options_of(run: Run) -> BulkOperationConfig:
    """Return how a run may proceed, as it was told when it was made."""
    return yamlfile.load(run.options, f"run {run.id}", BulkOperationConfig)


def _options_text(config: BulkOperationConfig) -> str:
    data = asdict(config)
    data["retry"] = {kind.value: policy for kind, policy in data["retry"].items()}
    return yamlfile.dump(data)


def proceed(
    journal: Journal,
    run: Run,
    target: Target,
    *,
    retry: bool = False,
    on_changes: OnChanges = lambda changes: None,
    on_driver: OnDriver = lambda driver: None,
    results_path: Path | None = None,
) -> RunReport:
    """Work on *run* until it is over or has to stop; write its results.

    Args:
        journal: Where it is kept.
        run: The run.
        target: Where to.
        retry: Whether FAILED items are sent again; never those of which nobody knows whether they happened.
        on_changes: Called after changes are durable.
        on_driver: Told the driver before anything is sent.
        results_path: Where the results go; None for the usual place.

    Raises:
        UsageProblem: If the target is not where the run was begun.
        RunOwnedElsewhere: If another process works on it.
        RecordFailed: If a record could not be written.
    """
    operation = operation_of(run)
    check_target(operation, target)
    _check_place(run, target)
    owner = f"{owner_name()} ({secrets.token_hex(4)})"
    journal.acquire(run.id, owner)
    finish: Finish | None = None
    try:
        # Read again under the lease: where the audit log stands may have moved since.
        run = journal.run(run.id)
        with Audit(Path(run.audit), run.id, who(), run.audit_lines, run.audit_head) as audit:
            recorder = Recorder(journal, audit, run.id, owner)
            if retry:
                looked_up = [i for i, step in enumerate(operation.steps) if step.reconcile]
                recorder.retry_failed(_NEVER_AGAIN, IN_DOUBT, looked_up)
            finish = _drive(recorder, run, operation, target, on_changes, on_driver)
    finally:
        state, detail = (
            (finish.reason.value, finish.detail) if finish else ("interrupted", "it ended by an error")
        )
        journal.stopped(run.id, owner, state, detail)
    return finished(journal, run.id, finish, results_path)


def _check_place(run: Run, target: Target) -> None:
    if run.place != target.connection.place:
        raise UsageProblem(
            f"run {run.id} was begun at {run.place}; connection {target.name!r} leads to "
            f"{target.connection.place}. It goes on only where it was begun; nothing was sent"
        )


def finished(journal: Journal, name: str, finish: Finish, results_path: Path | None) -> RunReport:
    """Write a run's results and return how it stands."""
    run = journal.run(name)
    path: Path | None = results_path or home.results_path(run.id)
    write = results.write_json if path and path.suffix.casefold() == ".json" else results.write_csv
    try:
        write(path or Path(), journal, run, operation_of(run))
    except RecordFailed as error:
        # The run is as it is; a results file can be written again at any time.
        note = (
            f"the results could not be written: {error.reason}; bulkps results {run.id} -o FILE writes them"
        )
        finish, path = replace(finish, detail="; ".join(filter(None, (finish.detail, note)))), None
    counts = journal.counts(run.id)
    return RunReport(run, counts, finish, exit_code(counts, finish.reason), path)


def exit_code(counts: dict[BulkItemStatus, int], reason: StopReason) -> ExitCode:
    """Return what a run's totals come down to."""
    total = sum(counts.values())
    if reason is StopReason.CANNOT_CONNECT and counts[BulkItemStatus.PENDING] == total:
        return ExitCode.CANNOT_CONNECT
    if counts[BulkItemStatus.PENDING] or counts[BulkItemStatus.IN_PROGRESS]:
        return ExitCode.UNFINISHED
    if counts[BulkItemStatus.FAILED] or counts[BulkItemStatus.SKIPPED]:
        # What is skipped is over: there is nothing to resume.
        return ExitCode.SOME_FAILED
    return ExitCode.COMPLETED


def cmdlets_of(operation: Operation) -> list[str]:
    """Return the cmdlets that *operation* sends, each once."""
    return list(dict.fromkeys(cmdlet for cmdlet, _ in uses(operation)))


def with_password(cmdlet: Cmdlet) -> Cmdlet:
    """Return *cmdlet* with a fresh password where it takes one; it is kept nowhere."""
    if not any(value is PASSWORD for value in cmdlet.parameters.values()):
        return cmdlet
    fresh = {
        name: Secret(generate(secrets.randbelow)) if value is PASSWORD else value
        for name, value in cmdlet.parameters.items()
    }
    return replace(cmdlet, parameters=fresh)


def _drive(
    recorder: Recorder,
    run: Run,
    operation: Operation,
    target: Target,
    on_changes: OnChanges,
    on_driver: OnDriver,
) -> Finish:
    connection, config = target.connection, target.config
    _say_started(recorder, run, connection)
    throttled = portable_patterns(target.catalogue, ErrorClass.THROTTLED)
    with endpoint(
        connection, target.credentials, config.item_timeout, cmdlets_of(operation), throttled
    ) as there:
        machine = Machine(
            operation,
            config,
            target.catalogue,
            f"bulkps-{run.id}",
            one_first=target.credentials.password is not None,
        )
        driver = Driver(
            machine, operation, recorder, there.connect, on_changes=on_changes, prepare=with_password
        )
        on_driver(driver)
        try:
            finish = driver.run()
        except BulkpsError:
            raise
        except BaseException as error:
            recorder.say("run.broken", f"it ended by an error: {type(error).__name__}")
            raise
    recorder.say("run.stopped", finish.detail or finish.reason.value, reason=finish.reason.value)
    return finish


def _say_started(recorder: Recorder, run: Run, connection: Connection) -> None:
    recorder.say(
        "run.started",
        f"{run.operation} of {run.file} with connection {run.connection}",
        operation=run.operation,
        file=run.file,
        digest=run.digest,
        connection=run.connection,
        server=connection.server,
        username=connection.username,
        simulated=run.simulated,
    )
