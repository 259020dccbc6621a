"""The columns that a results file adds to the input's own; intake knows and ignores them."""

#: The result columns that existing files have, in order.
RESULTS_COLUMNS = (
    "row_number",
    "source_identity",
    "target_identity",
    "status",
    "error",
    "started_at",
    "completed_at",
    "duration_seconds",
)

#: The columns that bulkps adds after them.
FURTHER_RESULTS_COLUMNS = (
    "attempts", "error_code", "advice", "warnings", "progress", "request", "evidence", "run",
)  # fmt: skip

#: Result columns that can stand in for a column of an operation, if a results file is its input.
STAND_INS = ("source_identity", "target_identity", "request")

#: All of them, in the order of a results file.
ALL_RESULTS_COLUMNS = (*RESULTS_COLUMNS, *FURTHER_RESULTS_COLUMNS)

#: Headers that mark a file as a results file; no other file has all of them.
RESULTS_MARK = frozenset(
    ("row_number", "status", "started_at", "completed_at", "duration_seconds", "error_code")
)
