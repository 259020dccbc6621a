"""The columns of recovery and restore, read from their YAML."""

from bulkps.operations.loader import built_in_operations
from bulkps.operations.model import BulkOperationType

#: The columns that a recovery file may have, in the order of its template.
RECOVERY_COLUMNS = tuple(built_in_operations()[BulkOperationType.RECOVERY.value].columns)
#: The columns that a restore file may have, in the order of its template.
RESTORE_COLUMNS = tuple(built_in_operations()[BulkOperationType.RESTORE.value].columns)
