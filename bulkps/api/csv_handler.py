"""BulkCSVHandler: import, validate, templates, export, as a thin layer over intake and records."""

from pathlib import Path

from bulkps import intake
from bulkps.api.models import BulkOperationItem, BulkOperationResult
from bulkps.atomic_file import Output, write_text
from bulkps.errors import InvalidInput
from bulkps.operations.loader import built_in_operations, choose
from bulkps.operations.model import BulkOperationType, Operation
from bulkps.runs import RunService


def operation_named(operation: BulkOperationType | Operation | str) -> Operation:
    """Return an operation by its type, by name, or as it is.

    Raises:
        UsageProblem: If there is none.
    """
    if isinstance(operation, Operation):
        return operation
    name = operation.value if isinstance(operation, BulkOperationType) else operation
    return choose(name, built_in_operations())


class BulkCSVHandler:
    """CSV files of mailboxes."""

    def import_csv(
        self, path: Path | str, operation: BulkOperationType | Operation | str, encoding: str = ""
    ) -> list[BulkOperationItem]:
        """Return the items of a valid file.

        Args:
            path: The file.
            operation: The operation.
            encoding: Its encoding, such as ``cp1250``; empty to detect it.

        Raises:
            InvalidInput: With the file's problems (the first 50 and how many there are).
        """
        found = operation_named(operation)
        report = self.validate_csv_format(path, found, encoding)
        if not report.sound:
            raise InvalidInput(str(path), report.sentences())
        return [
            BulkOperationItem(
                row.row,
                row.values,
                row.cells,
                source_identity=str(row.values.get(found.source) or ""),
                target_identity=str(row.values.get(found.target) or ""),
            )
            for row in intake.rows(Path(path), found, report)
        ]

    def import_recovery_csv(self, path: Path | str) -> list[BulkOperationItem]:
        """Return the items of a recovery file; see import_csv."""
        return self.import_csv(path, BulkOperationType.RECOVERY)

    def import_restore_csv(self, path: Path | str) -> list[BulkOperationItem]:
        """Return the items of a restore file; see import_csv."""
        return self.import_csv(path, BulkOperationType.RESTORE)

    def validate_csv_format(
        self, path: Path | str, operation: BulkOperationType | Operation | str, encoding: str = ""
    ) -> intake.CheckReport:
        """Return everything that is wrong with a file; nothing is sent.

        Raises:
            UsageProblem: If the file cannot be read.
        """
        return intake.check(Path(path), operation_named(operation), encoding=encoding)

    def generate_template(
        self, operation: BulkOperationType | Operation | str, path: Path | str, *, force: bool = False
    ) -> Path:
        """Write a template with an example row and return its path.

        Args:
            operation: The operation.
            path: The file to write.
            force: Whether a file that already exists is replaced.

        Raises:
            UsageProblem: If it cannot be written.
        """
        text = intake.template_text(operation_named(operation))
        write_text(Output(Path(path), force), text, encoding="utf-8-sig", newline="")
        return Path(path)

    def export_results_csv(
        self, result: BulkOperationResult | str, path: Path | str, *, force: bool = False
    ) -> int:
        """Write a run's results as CSV and return how many rows.

        Args:
            result: The result of an execution, or a run's name.
            path: The file to write.
            force: Whether a file that already exists is replaced.

        Raises:
            RunNotFound: If the journal has no such run.
            RecordFailed: If it cannot be written.
        """
        with RunService() as service:
            run = service.run(result if isinstance(result, str) else result.run)
            return service.details(run).write_results(Output(Path(path), force))
