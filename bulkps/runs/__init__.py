"""Creates, carries out, resumes and retries runs, and reports their state."""

from bulkps.records.row_mapping import Run
from bulkps.records.run_queries import RowResult
from bulkps.runs.run_details import RunDetails
from bulkps.runs.run_outcome import RunReport, operation_of, options_of
from bulkps.runs.run_phases import OnChanges, Orders
from bulkps.runs.run_service import RunService

__all__ = [
    "OnChanges",
    "Orders",
    "RowResult",
    "Run",
    "RunDetails",
    "RunReport",
    "RunService",
    "operation_of",
    "options_of",
]
