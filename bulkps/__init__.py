"""Bulk Exchange mailbox recovery and restore over PowerShell remoting, with a known result for every row.

The names below are loaded when they are first used: a program that only checks a file does not load PSRP and
a database.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bulkps.api.csv_handler import BulkCSVHandler
    from bulkps.api.manager import BulkOperationManager
    from bulkps.api.models import BulkOperationItem, BulkOperationResult
    from bulkps.api.recovery_restore_columns import RECOVERY_COLUMNS, RESTORE_COLUMNS
    from bulkps.engine.config import BulkOperationConfig, ConnectPolicy, FollowPolicy, RetryPolicy
    from bulkps.engine.item_status import BulkItemStatus
    from bulkps.errors import (
        BulkpsError,
        CannotConnect,
        ExitCode,
        ExportFailed,
        InvalidInput,
        RecordFailed,
        RunNotFound,
        RunOwnedElsewhere,
        UsageProblem,
    )
    from bulkps.export.exporter import ExportKind, ExportReport, export_mailboxes
    from bulkps.operations.model import BulkOperationType, Operation
    from bulkps.operations.result_columns import RESULTS_COLUMNS
    from bulkps.passwords.password_file import PasswordFile
    from bulkps.settings import Settings, load_settings

__all__ = [
    "RECOVERY_COLUMNS",
    "RESTORE_COLUMNS",
    "RESULTS_COLUMNS",
    "BulkCSVHandler",
    "BulkItemStatus",
    "BulkOperationConfig",
    "BulkOperationItem",
    "BulkOperationManager",
    "BulkOperationResult",
    "BulkOperationType",
    "BulkpsError",
    "CannotConnect",
    "ConnectPolicy",
    "ExitCode",
    "ExportFailed",
    "ExportKind",
    "ExportReport",
    "FollowPolicy",
    "InvalidInput",
    "Operation",
    "PasswordFile",
    "RecordFailed",
    "RetryPolicy",
    "RunNotFound",
    "RunOwnedElsewhere",
    "Settings",
    "UsageProblem",
    "export_mailboxes",
    "load_settings",
]

_HOMES = {
    "BulkOperationConfig": "bulkps.engine.config",
    "ConnectPolicy": "bulkps.engine.config",
    "FollowPolicy": "bulkps.engine.config",
    "RetryPolicy": "bulkps.engine.config",
    "BulkItemStatus": "bulkps.engine.item_status",
    "BulkpsError": "bulkps.errors",
    "CannotConnect": "bulkps.errors",
    "ExitCode": "bulkps.errors",
    "ExportFailed": "bulkps.errors",
    "InvalidInput": "bulkps.errors",
    "RecordFailed": "bulkps.errors",
    "RunNotFound": "bulkps.errors",
    "RunOwnedElsewhere": "bulkps.errors",
    "UsageProblem": "bulkps.errors",
    "RECOVERY_COLUMNS": "bulkps.api.recovery_restore_columns",
    "RESTORE_COLUMNS": "bulkps.api.recovery_restore_columns",
    "BulkCSVHandler": "bulkps.api.csv_handler",
    "ExportKind": "bulkps.export.exporter",
    "ExportReport": "bulkps.export.exporter",
    "export_mailboxes": "bulkps.export.exporter",
    "BulkOperationItem": "bulkps.api.models",
    "BulkOperationResult": "bulkps.api.models",
    "BulkOperationManager": "bulkps.api.manager",
    "BulkOperationType": "bulkps.operations.model",
    "Operation": "bulkps.operations.model",
    "RESULTS_COLUMNS": "bulkps.operations.result_columns",
    "PasswordFile": "bulkps.passwords.password_file",
    "Settings": "bulkps.settings",
    "load_settings": "bulkps.settings",
}


def __getattr__(name: str) -> object:
    """Return a public name, loading the module that it lives in."""
    # Imported here: Ctrl-C while this module is loading could not be reported in a sentence.
    from importlib import import_module, metadata  # noqa: PLC0415

    if name == "__version__":
        return metadata.version("bulkps")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'bulkps' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
