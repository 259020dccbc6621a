"""The seed's BulkOperationManager: execute, follow, cancel, retry, without the command line."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bulkps.api.csv_handler import operation_named
from bulkps.api.models import BulkOperationItem, BulkOperationResult
from bulkps.credentials import credentials
from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.driver import Driver
from bulkps.engine.item import Change, Phase
from bulkps.engine.status import BulkItemStatus
from bulkps.errors import ExitCode, InvalidInput
from bulkps.exchange.invocation import Value
from bulkps.export.exporter import ExportKind, ExportReport, OnProgress, export_mailboxes
from bulkps.intake import UNSENDABLE, CheckReport, InputRow
from bulkps.operations.columns import cell_text
from bulkps.operations.model import BulkOperationType, Operation
from bulkps.passwords.password_file import PasswordFile
from bulkps.passwords.password_provisioning import handing_out
from bulkps.records import paths
from bulkps.records.journal import Journal
from bulkps.records.row_mapping import Run
from bulkps.run_target import Target, check_target
from bulkps.runs.run_creation import create_run
from bulkps.runs.run_service import RunReport, exit_code_of, operation_of, proceed
from bulkps.settings import Settings, load_settings

#: Called after each item that came to its end, once that is durable.
Progress = Callable[[BulkOperationItem], None]


class BulkOperationManager:
    """Executes operations on lists of items.

    Args:
        settings: Everything that bulkps can be told; None for the environment and the defaults.
        connection: A connection's name in the settings; None for their default (the simulator).
        config: How runs may proceed; None for the settings' own.
        progress: Called after each item that came to its end, on the thread that executes.
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
        #: The driver of each run that is worked on; None until it sends.
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
        """Execute *operation* on *items* and return how it stands when it is over or has to stop.

        The items that are given are kept up to date while it runs. What another run completed is SKIPPED,
        unless it is to be done *again*. Each generated password is in *passwords*, a new file, before it is
        sent; without that nobody sees them.

        Raises:
            InvalidInput: If an item is not sound; nothing was sent.
            UsageProblem: If *passwords* is there already, cannot be made, or the operation makes none.
            ContentElsewhere: If another run is not at its end with an item's content; nothing was sent.
            CannotConnect: If a password is needed and nowhere to be had.
            RecordFailed: If a record could not be written.
        """
        found = operation_named(operation)
        report, rows = _planned(found, items)
        target = self._target(self._connection)
        check_target(found, target)
        with Journal(paths.journal_path()) as journal, handing_out(found, passwords):
            run = create_run(journal, found, report, rows, target, again=again)
            return self._proceed(journal, run, found, target, list(items), passwords=passwords)

    def execute_bulk_recovery(
        self, items: Sequence[BulkOperationItem], *, passwords: PasswordFile | None = None
    ) -> BulkOperationResult:
        """Recover inactive mailboxes; see execute. It is one-way, and does not ask."""
        return self.execute(BulkOperationType.RECOVERY, items, passwords=passwords)

    def execute_bulk_restore(self, items: Sequence[BulkOperationItem]) -> BulkOperationResult:
        """Restore mailboxes into others; see execute."""
        return self.execute(BulkOperationType.RESTORE, items)

    def execute_bulk_validation(
        self, operation: BulkOperationType | Operation | str, items: Sequence[BulkOperationItem]
    ) -> BulkOperationResult:
        """Find everything that would make items fail, and change nothing.

        The columns are checked first. If all are sound and it is known what makes the operation fail,
        Exchange is read: an item is COMPLETED where nothing blocks it, FAILED with the codes of its blockers.

        Raises:
            CannotConnect: If a password is needed and nowhere to be had.
            RecordFailed: If a record could not be written.
        """
        found = operation_named(operation)
        problems = _problems(found, items)
        if found.preflight and items and not problems:
            return self._validate(found, list(items))
        for item in items:
            sentences = problems.get(item.row_number, [])
            item.status = BulkItemStatus.FAILED if sentences else BulkItemStatus.COMPLETED
            item.error, item.error_code = "; ".join(sentences), "invalid-input" if sentences else ""
        counts = {status: sum(item.status is status for item in items) for status in BulkItemStatus}
        code = ExitCode.INVALID_INPUT if problems else ExitCode.COMPLETED
        return BulkOperationResult(BulkOperationType.VALIDATE.value, "", counts, code, items=list(items))

    def _validate(self, operation: Operation, items: list[BulkOperationItem]) -> BulkOperationResult:
        report, rows = _planned(operation, items)
        target = self._target(self._connection)
        check_target(operation, target)
        with Journal(paths.journal_path()) as journal:
            run = create_run(journal, operation, report, rows, target, checks=True)
            return self._proceed(journal, run, operation, target, items)

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
            UsageProblem: If the connection's Exchange has no such mailboxes, or the file is there already.
            CannotConnect: If no session could be opened.
            ExportFailed: If it broke off; nothing was written.
        """
        target = self._target(self._connection)
        return export_mailboxes(target, path, kind=kind, sizes=sizes, force=force, on_progress=on_progress)

    def cancel_operation(self, run: str | None = None) -> bool:
        """Ask a run of this manager to skip the rest; safe from any thread.

        Args:
            run: The run's name; None for every run that this manager works on.

        Returns:
            Whether there was one to ask.
        """
        with self._lock:
            found = {name: driver for name, driver in self._drivers.items() if run in (None, name)}
        for driver in filter(None, found.values()):
            driver.cancel()
        for name in found:
            # Pre-flight, which has no driver yet, hears it from the journal; and should this process die
            # before it is done, so does whoever resumes the run.
            with Journal(paths.journal_path()) as journal:
                journal.wish(name, "cancel")
        return bool(found)

    def get_operation_status(self, run: str = "last") -> BulkOperationResult:
        """Return how a run stands, from the journal; safe from any thread while it runs.

        Raises:
            RunNotFound: If there is none.
        """
        journal = Journal(paths.journal_path())
        try:
            found = journal.run(run)
            return BulkOperationResult(
                found.operation,
                found.id,
                journal.counts(found.id),
                exit_code_of(journal, found),
                found.simulated,
                detail=found.detail,
                audit=Path(found.audit),
            )
        finally:
            journal.close()

    def retry_failed(
        self, run: str = "last", *, passwords: PasswordFile | None = None
    ) -> BulkOperationResult:
        """Send the FAILED items of a run again as new attempts of the same run; those in doubt are looked up.

        Each generated password is in *passwords*, a new file, before it is sent.

        Raises:
            RunNotFound: If there is none.
            RunOwnedElsewhere: If another process works on it.
            UsageProblem: If *passwords* is there already, cannot be made, or the operation makes none.
        """
        with Journal(paths.journal_path()) as journal:
            found = journal.run(run)
            operation, target = operation_of(found), self._target(found.connection)
            with handing_out(operation, passwords):
                return self._proceed(journal, found, operation, target, [], retry=True, passwords=passwords)

    def _target(self, name: str | None) -> Target:
        chosen, connection = self._settings.choose_connection(name)
        found = credentials(chosen, self._settings.connections, None)
        return Target(chosen, connection, found, self._config, self._settings.catalogue)

    def _proceed(
        self,
        journal: Journal,
        run: Run,
        operation: Operation,
        target: Target,
        items: list[BulkOperationItem],
        *,
        retry: bool = False,
        passwords: PasswordFile | None = None,
    ) -> BulkOperationResult:
        by_row = {item.row_number: item for item in items}

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
            report = proceed(
                journal,
                run,
                target,
                retry=retry,
                on_changes=tell,
                on_driver=register,
                passwords=passwords,
            )
        finally:
            with self._lock:
                self._drivers.pop(run.id, None)
        for item, _ in journal.rows(run.id) if items else ():
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


def _planned(operation: Operation, items: Sequence[BulkOperationItem]) -> tuple[CheckReport, list[InputRow]]:
    """Return a list of items as intake would return a file, with canonical values."""
    for item in items:
        item.values = _canonical(operation, item.values)
    problems = _problems(operation, items)
    if not items or problems:
        sentences = [f"row {row}: {sentence}" for row, found in problems.items() for sentence in found]
        raise InvalidInput("items", sentences or ["there are none"])
    header = tuple(operation.columns)
    rows = [
        InputRow(
            item.row_number, tuple(cell_text(item.values.get(name, "")) for name in header), dict(item.values)
        )
        for item in items
    ]
    report = CheckReport(
        path=Path("items"),
        operation=operation.name,
        rows=len(rows),
        problem_count=0,
        problems=(),
        notes=(),
        encoding="utf-8",
        delimiter=",",
        header=header,
        carried=tuple(range(len(header))),
        digest="",
    )
    return report, rows


def _canonical(operation: Operation, values: Mapping[str, Value]) -> dict[str, Value]:
    """Return *values* as intake would: stripped, spelt as Exchange spells them, without empty ones."""
    canonical = {name: _canonical_value(operation, name, value) for name, value in values.items()}
    return {name: value for name, value in canonical.items() if value not in (None, "")}


def _canonical_value(operation: Operation, name: str, value: Value) -> Value:
    if isinstance(value, tuple | list):
        value = cell_text(tuple(value))
    if not isinstance(value, str):
        return value
    stripped, column = value.strip(), operation.columns.get(name)
    return column.canonical(stripped) if column and stripped and not column.problem(stripped) else stripped


def _problems(operation: Operation, items: Sequence[BulkOperationItem]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    keys: dict[tuple[str, ...], int] = {}
    rows: set[int] = set()
    for item in items:
        sentences = _own_problems(operation, item)
        for group in operation.unique:
            key = (*group, *(str(item.values.get(name) or "").casefold() for name in group))
            first = keys.setdefault(key, item.row_number)
            if first != item.row_number or item.row_number in rows:
                given = ", ".join(name for name in group if item.values.get(name)) or group[0]
                sentences.append(f"{given}: row {first} has the same")
        if item.row_number < 0:
            sentences.append(f"row_number must not be negative, not {item.row_number}")
        if item.row_number in rows:
            sentences.append(f"row_number {item.row_number} is given twice")
        rows.add(item.row_number)
        if sentences:
            found[item.row_number] = sentences
    return found


def _own_problems(operation: Operation, item: BulkOperationItem) -> list[str]:
    sentences = [
        f"{name}: is missing" for name in operation.required_columns() if item.values.get(name) in (None, "")
    ]
    for name, value in item.values.items():
        column = operation.columns.get(name)
        if column is None:
            sentences.append(f"{name}: {operation.name} has no such column")
        elif isinstance(value, str) and value and column.problem(value):
            sentences.append(f"{name}: found {value!r}, expected {column.problem(value)}")
        elif isinstance(value, str | tuple) and UNSENDABLE.search(cell_text(value)):
            sentences.append(f"{name}: found {value!r}, expected text that a session survives")
    return sentences
