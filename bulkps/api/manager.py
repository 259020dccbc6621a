"""BulkOperationManager: execute, follow, cancel, retry, without the command line."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from bulkps.api.csv_handler import operation_named
from bulkps.api.models import BulkOperationItem, BulkOperationResult
from bulkps.credentials import credentials
from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.driver import Driver
from bulkps.engine.item import Change, Phase
from bulkps.engine.item_status import BulkItemStatus
from bulkps.errors import ExitCode, InvalidInput
from bulkps.export.exporter import ExportKind, ExportReport, OnProgress, export_mailboxes
from bulkps.intake import CheckReport, InputRow, check_items, columns_used
from bulkps.operations.model import BulkOperationType, Operation
from bulkps.passwords.password_file import PasswordFile
from bulkps.run_target import Target
from bulkps.runs import Orders, Run, RunReport, RunService, operation_of
from bulkps.settings import Settings, load_settings

#: The code of an item with invalid values.
INVALID_INPUT = "invalid-input"
#: Called after each item that finished, once that is durable.
Progress = Callable[[BulkOperationItem], None]


class BulkOperationManager:
    """Executes operations on lists of items.

    Args:
        settings: All settings of bulkps; None for the environment and the defaults.
        connection: A connection's name in the settings; None for their default (the simulator).
        config: The options of runs; None for those of the settings.
        progress: Called after each item that finished, on the thread that executes.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        connection: str | None = None,
        config: BulkOperationConfig | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._settings = settings or load_settings()
        self._connection = connection
        self._config = config or self._settings.run
        self._progress = progress
        #: The driver of each run in progress; None until it sends.
        self._drivers: dict[str, Driver | None] = {}
        self._lock = threading.Lock()

    def execute(
        self,
        operation: BulkOperationType | Operation | str,
        items: Sequence[BulkOperationItem],
        *,
        again: bool = False,
        passwords: PasswordFile | None = None,
    ) -> BulkOperationResult:
        """Execute *operation* on *items* and return its state when it is finished or has to stop.

        The given items are kept up to date while it runs. Items that another run completed are SKIPPED,
        unless they are to be done *again*. Each generated password is in *passwords*, a new file, before it
        is sent; without a file the passwords are lost.

        Raises:
            InvalidInput: If an item is invalid; nothing was sent.
            UsageProblem: If *passwords* already exists, cannot be created, or the operation generates none.
            ContentElsewhere: If another run has an item's content and has not finished it; nothing was sent.
            CannotConnect: If a password is needed and not found.
            RecordFailed: If a record could not be written.
        """
        found = operation_named(operation)
        report, rows = _sound(found, items)
        found = columns_used(found, report)
        target = self._target(self._connection)
        with (
            RunService() as service,
            service.new_run(found, report, rows, target, again=again, passwords=passwords) as run,
        ):
            return self._work(service, run, target, list(items), passwords=passwords)

    def execute_bulk_recovery(
        self, items: Sequence[BulkOperationItem], *, passwords: PasswordFile | None = None
    ) -> BulkOperationResult:
        """Recover inactive mailboxes; see execute. This cannot be undone, and there is no confirmation."""
        return self.execute(BulkOperationType.RECOVERY, items, passwords=passwords)

    def execute_bulk_restore(self, items: Sequence[BulkOperationItem]) -> BulkOperationResult:
        """Restore mailboxes into others; see execute."""
        return self.execute(BulkOperationType.RESTORE, items)

    def execute_bulk_validation(
        self, operation: BulkOperationType | Operation | str, items: Sequence[BulkOperationItem]
    ) -> BulkOperationResult:
        """Find everything that would make items fail; change nothing.

        The columns are checked first. If all are valid and the operation has a pre-flight, Exchange is read:
        an item is COMPLETED if nothing blocks it, and FAILED with the codes of its blockers otherwise.

        Raises:
            CannotConnect: If a password is needed and not found.
            RecordFailed: If a record could not be written.
        """
        found = operation_named(operation)
        report, rows = _checked(found, items)
        if found.preflight and report.sound:
            target = self._target(self._connection)
            with (
                RunService() as service,
                service.new_run(found, report, rows, target, checks=True) as run,
            ):
                return self._work(service, run, target, list(items))
        for item in items:
            told = [problem.sentence() for problem in report.problems if problem.row == item.row_number]
            item.status = BulkItemStatus.FAILED if told else BulkItemStatus.COMPLETED
            item.error, item.error_code = "; ".join(told), INVALID_INPUT if told else ""
        counts = {status: sum(item.status is status for item in items) for status in BulkItemStatus}
        code = ExitCode.COMPLETED if report.sound or not items else ExitCode.INVALID_INPUT
        return BulkOperationResult(BulkOperationType.VALIDATE.value, "", counts, code, items=list(items))

    def export_inventory(
        self,
        path: Path,
        *,
        kind: ExportKind = ExportKind.ALL,
        sizes: bool = True,
        force: bool = False,
        on_progress: OnProgress = lambda stage, done, total: None,
    ) -> ExportReport:
        """Write every inactive and soft-deleted mailbox to *path*, CSV or JSON; see export_mailboxes.

        Raises:
            UsageProblem: If the connection's Exchange has no such mailboxes, or the file already exists.
            CannotConnect: If no session could be opened.
            ExportFailed: If it stopped early; nothing was written.
        """
        target = self._target(self._connection)
        return export_mailboxes(target, path, kind=kind, sizes=sizes, force=force, on_progress=on_progress)

    def cancel_operation(self, run: str | None = None) -> bool:
        """Ask a run of this manager to skip the rest; safe from any thread.

        Args:
            run: The run's name; None for every run that this manager works on.

        Returns:
            Whether there was such a run.
        """
        with self._lock:
            found = {name: driver for name, driver in self._drivers.items() if run in (None, name)}
        for driver in filter(None, found.values()):
            driver.cancel()
        for name in found:
            # Pre-flight has no driver yet and reads the request from the journal. If this process ends before
            # it is done, a process that resumes the run reads it there too.
            with RunService() as service:
                service.ask(name, "cancel")
        return bool(found)

    def get_operation_status(self, run: str = "last") -> BulkOperationResult:
        """Return the state of a run from the journal; safe from any thread while it runs.

        Raises:
            RunNotFound: If there is none.
        """
        with RunService() as service:
            found = service.run(run)
            return BulkOperationResult(
                found.operation,
                found.id,
                service.counts(found),
                service.exit_code(found),
                found.simulated,
                detail=found.detail,
                audit=Path(found.audit),
            )

    def retry_failed(
        self, run: str = "last", *, passwords: PasswordFile | None = None
    ) -> BulkOperationResult:
        """Send the FAILED items of a run again as new attempts of the same run; those in doubt are looked up.

        Each generated password is in *passwords*, a new file, before it is sent.

        Raises:
            RunNotFound: If there is none.
            RunOwnedElsewhere: If another process works on it.
            UsageProblem: If *passwords* already exists, cannot be created, or the operation generates none.
        """
        with RunService() as service:
            found = service.run(run)
            target = self._target(found.connection)
            with service.passwords_of(found, passwords):
                return self._work(service, found, target, [], retry=True, passwords=passwords)

    def _target(self, name: str | None) -> Target:
        chosen, connection = self._settings.choose_connection(name)
        found = credentials(chosen, self._settings.connections, None)
        return Target(chosen, connection, found, self._config, self._settings.catalogue)

    def _work(
        self,
        service: RunService,
        run: Run,
        target: Target,
        items: list[BulkOperationItem],
        *,
        retry: bool = False,
        passwords: PasswordFile | None = None,
    ) -> BulkOperationResult:
        by_row, operation = {item.row_number: item for item in items}, operation_of(run)

        def tell(changes: Sequence[Change]) -> None:
            for change in changes:
                item = by_row.setdefault(
                    change.item.row, BulkOperationItem(change.item.row, dict(change.item.values))
                )
                item.update(change.item, operation)
                if self._progress and change.item.phase is Phase.OVER:
                    self._progress(item)

        def register(driver: Driver | None) -> None:
            with self._lock:
                self._drivers[run.id] = driver

        register(None)
        try:
            orders = Orders(on_changes=tell, on_driver=register, passwords=passwords)
            report = service.work(run, target, orders, retry=retry)
        finally:
            with self._lock:
                self._drivers.pop(run.id, None)
        for item in service.items(run) if items else ():
            skipped = item.status is BulkItemStatus.SKIPPED and by_row[item.row].status is not item.status
            by_row[item.row].update(item, operation)
            if skipped and self._progress:
                self._progress(by_row[item.row])
        return _result(report, list(by_row.values()))


def _result(report: RunReport, items: list[BulkOperationItem]) -> BulkOperationResult:
    return BulkOperationResult(
        report.run.operation,
        report.run.id,
        report.counts,
        report.exit_code,
        report.run.simulated,
        items,
        report.finish.detail,
        report.results,
        Path(report.run.audit),
    )


def _checked(operation: Operation, items: Sequence[BulkOperationItem]) -> tuple[CheckReport, list[InputRow]]:
    """Check *items* as the rows of a file; give the valid ones their canonical values."""
    report, rows = check_items(operation, [(item.row_number, item.values) for item in items])
    sound = {row.row: row.values for row in rows}
    for item in items:
        item.values = dict(sound.get(item.row_number, item.values))
    return report, rows


def _sound(operation: Operation, items: Sequence[BulkOperationItem]) -> tuple[CheckReport, list[InputRow]]:
    """Return *items* as the rows of a valid file.

    Raises:
        InvalidInput: If they are invalid; nothing was sent.
    """
    report, rows = _checked(operation, items)
    if not report.sound:
        raise InvalidInput(str(report.path), report.sentences())
    return report, rows
