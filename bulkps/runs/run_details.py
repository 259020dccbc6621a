"""Details of a run beyond its totals: what is at Exchange, in doubt, or needs a person."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from bulkps.atomic_file import Output
from bulkps.engine.item import Item
from bulkps.engine.item_status import BulkItemStatus
from bulkps.operations.model import Operation
from bulkps.records import paths, results, run_queries
from bulkps.records.journal import Journal
from bulkps.records.row_mapping import Run
from bulkps.records.run_queries import Attention, RowResult, Warned
from bulkps.runs.run_outcome import operation_of


@dataclass(frozen=True)
class AtExchange:
    """Items that Exchange is working on, with the same last status.

    Attributes:
        status: The status; empty if it was not read yet.
        count: How many there are.
        waits: Whether they wait for an operator.
    """

    status: str
    count: int
    waits: bool


@dataclass(frozen=True)
class RunDetails:
    """Answers about one run.

    Attributes:
        journal: Where it is kept.
        run: The run.
    """

    journal: Journal
    run: Run

    @property
    def operation(self) -> Operation:
        """Its operation as it was when the run was created."""
        return operation_of(self.run)

    @property
    def counts(self) -> dict[BulkItemStatus, int]:
        """Its items by status; every status is included."""
        return self.journal.counts(self.run.id)

    @property
    def worker(self) -> str:
        """The process that works on it, for people; empty if none does."""
        return self.journal.worker(self.run.id)

    @property
    def results(self) -> Path | None:
        """Its own results file, if it has one."""
        path = paths.results_path(self.run.id)
        return path if path.exists() else None

    def at_exchange(self) -> list[AtExchange]:
        """Return how many items are at Exchange, by the status that it last reported."""
        follows = [step.follow for step in self.operation.steps if step.follow]
        waiting = {status for follow in follows for status in follow.waiting}
        found = run_queries.at_exchange(self.journal, self.run.id)
        return [AtExchange(status, count, status in waiting) for status, count in found.items()]

    def stalled(self) -> list[tuple[str, int]]:
        """Return the details that Exchange gives for stalled items, with the number of items."""
        steps = [step.name for step in self.operation.steps if step.follow and step.follow.detail]
        found = [run_queries.stalled(self.journal, self.run.id, step) for step in steps]
        return [(detail, count) for one in found for detail, count in one.items()]

    def in_doubt(self) -> int:
        """Return how many items are in doubt, finished or not."""
        return run_queries.in_doubt(self.journal, self.run.id)

    def left_behind(self) -> int:
        """Return how many items Exchange completed without all of their content."""
        return run_queries.left_behind(self.journal, self.run.id)

    def looked_up(self, limit: int) -> tuple[int, list[Item]]:
        """Return how many items wait to be looked up, and the first of them."""
        return run_queries.looked_up(self.journal, self.run.id, limit)

    def warned(self, limit: int) -> Warned:
        """Return the COMPLETED items that have warnings, and the texts of the first of them."""
        return run_queries.warned_rows(self.journal, self.run.id, limit)

    def attention(self, limit: int) -> Attention:
        """Return the items that need a person's attention, at most *limit* of them."""
        return run_queries.attention(self.journal, self.run.id, limit)

    def coded(self, status: BulkItemStatus, code: str) -> int:
        """Return how many items have this status and code."""
        return run_queries.coded(self.journal, self.run.id, status, code)

    def row_results(self, status: BulkItemStatus) -> Iterator[RowResult]:
        """Yield the rows with this status that have a code, an error or a warning, in order."""
        return run_queries.row_results(self.journal, self.run.id, status)

    def write_results(self, output: Output, only: Collection[str] = (), *, as_json: bool = False) -> int:
        """Write the results, or those with one of these statuses; return how many rows.

        Raises:
            RecordFailed: If they cannot be written.
        """
        write = results.write_json if as_json else results.write_csv
        return write(output, self.journal, self.run, self.operation, only)
