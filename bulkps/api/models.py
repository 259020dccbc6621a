"""Items and results, for programs that use bulkps."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bulkps.engine.item import Item
from bulkps.engine.item_status import BulkItemStatus
from bulkps.errors import ExitCode
from bulkps.exchange.calls_and_outcomes import Value
from bulkps.operations.model import Operation


@dataclass
class BulkOperationItem:
    """One row and its result.

    Attributes:
        row_number: The line of the file on which it starts, from 2; or its position in a list, from 1.
        values: Column name to value, as the operation's columns have them.
        cells: The row's original cells; empty for an item that does not come from a file.
        status: Its status.
        source_identity: The source of the operation.
        target_identity: Its target, or empty.
        error: What went wrong, or empty.
        error_code: Its code, or empty.
        advice: What to do about it, or empty.
        warnings: Its warnings.
        attempts: How often something was sent for it.
        started_at: When the first attempt started (UTC), or None.
        completed_at: When it finished (UTC), or None.
    """

    row_number: int
    values: dict[str, Value]
    cells: tuple[str, ...] = ()
    status: BulkItemStatus = BulkItemStatus.PENDING
    source_identity: str = ""
    target_identity: str = ""
    error: str = ""
    error_code: str = ""
    advice: str = ""
    warnings: tuple[str, ...] = ()
    attempts: int = 0
    started_at: datetime | None = None
    completed_at: datetime | None = None

    @property
    def duration_seconds(self) -> float | None:
        """Seconds from the first attempt to the end, or None."""
        if self.started_at is None or self.completed_at is None:
            return None
        return (self.completed_at - self.started_at).total_seconds()

    def update(self, item: Item, operation: Operation) -> None:
        """Take over the state of *item*."""
        self.status = item.status
        self.source_identity = str(item.values.get(operation.source) or "")
        self.target_identity = str(item.values.get(operation.target) or "")
        self.error, self.error_code, self.advice = item.error, item.code, item.advice
        self.warnings, self.attempts = item.warnings, item.attempts
        self.started_at, self.completed_at = _time(item.started_at), _time(item.completed_at)


@dataclass
class BulkOperationResult:
    """The state of a run.

    Attributes:
        operation: The operation's name.
        run: The run's name; empty for a validation that did not read Exchange, which creates no run.
        counts: Items by status; every status is included.
        exit_code: The exit code that the command line would return.
        simulated: Whether the connection led to the simulator.
        items: The given items in their current state.
        detail: Why it stopped, or empty.
        results: The results file, or None.
        audit: The audit log, or None.
    """

    operation: str
    run: str
    counts: dict[BulkItemStatus, int]
    exit_code: ExitCode
    simulated: bool = False
    items: list[BulkOperationItem] = field(default_factory=list)
    detail: str = ""
    results: Path | None = None
    audit: Path | None = None

    @property
    def total(self) -> int:
        """How many items there are."""
        return sum(self.counts.values())

    @property
    def completed(self) -> int:
        """How many are COMPLETED."""
        return self.counts[BulkItemStatus.COMPLETED]

    @property
    def failed(self) -> int:
        """How many are FAILED."""
        return self.counts[BulkItemStatus.FAILED]

    @property
    def skipped(self) -> int:
        """How many are SKIPPED."""
        return self.counts[BulkItemStatus.SKIPPED]

    @property
    def success_rate(self) -> float:
        """The share of COMPLETED items, from 0 to 1; 0 if there are none."""
        return self.completed / self.total if self.total else 0.0


def _time(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
