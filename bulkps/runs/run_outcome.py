"""The outcome of a run: its totals, its results file and its exit code."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from bulkps import yaml_config
from bulkps.atomic_file import Output
from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.item import ALREADY_SO, DONE_ALREADY, DONE_DIFFERENTLY
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.machine_messages import Finish, StopReason
from bulkps.errors import ExitCode, RecordFailed
from bulkps.operations.loader import load_operation
from bulkps.operations.model import Operation
from bulkps.records import paths, results
from bulkps.records.journal import Journal
from bulkps.records.row_mapping import Run
from bulkps.records.run_queries import coded, left_behind


@dataclass(frozen=True)
class RunReport:
    """The state of a run when bulkps has finished working on it.

    Attributes:
        run: The run.
        counts: Items by status; every status is included.
        finish: Why it is over, or stopped for now.
        exit_code: The exit code that follows from it.
        results: The results file, or None if none was written.
        settled: How many items are SKIPPED because an earlier run completed them.
        sends: Whether the run sends anything; one that only checks does not.
        differing: How many items are SKIPPED because an earlier run completed them with other values.
        left_behind: How many COMPLETED items Exchange completed without all of their content.
        already_so: How many items are SKIPPED because Exchange already shows what they ask for.
        left: How many FAILED items a retry left, because another run did them or is working on them.
    """

    run: Run
    counts: dict[BulkItemStatus, int]
    finish: Finish
    exit_code: ExitCode
    results: Path | None
    settled: int = 0
    sends: bool = True
    left: int = 0
    differing: int = 0
    left_behind: int = 0
    already_so: int = 0


def operation_of(run: Run) -> Operation:
    """Return a run's operation as it was when the run was created."""
    return _kept_operation(run.operation_text, f"run {run.id}")


@lru_cache(maxsize=8)
def _kept_operation(text: str, source: str) -> Operation:
    # Several parts of one command ask for it, and the text of a run never changes.
    return load_operation(text, source)


def options_of(run: Run) -> BulkOperationConfig:
    """Return the options that a run was created with."""
    return yaml_config.load(run.options, f"run {run.id}", BulkOperationConfig)


def finished(journal: Journal, name: str, finish: Finish, output: Output | None) -> RunReport:
    """Write a run's results and return its state."""
    run = journal.run(name)
    # Files in bulkps's own home belong to bulkps: each sitting replaces the results of the last one.
    there = output or Output(paths.results_path(run.id), replace=True)
    path: Path | None = there.path
    write = results.write_json if there.path.suffix.casefold() == ".json" else results.write_csv
    try:
        write(there, journal, run, operation_of(run))
    except RecordFailed as error:
        # The run itself is not affected; its results can be written again at any time.
        note = (
            f"the results could not be written: {error.reason}. "
            f"To write them: bulkps results {run.id} -o FILE"
        )
        finish, path = replace(finish, detail="; ".join(filter(None, (finish.detail, note)))), None
    skipped = BulkItemStatus.SKIPPED
    counts, settled = journal.counts(run.id), coded(journal, run.id, skipped, DONE_ALREADY)
    behind, already = left_behind(journal, run.id), coded(journal, run.id, skipped, ALREADY_SO)
    return RunReport(
        run,
        counts,
        finish,
        exit_code(counts, finish.reason, settled + already, behind),
        path,
        settled,
        sends=bool(operation_of(run).steps),
        differing=coded(journal, run.id, skipped, DONE_DIFFERENTLY),
        left_behind=behind,
        already_so=already,
    )


def exit_code(
    counts: dict[BulkItemStatus, int], reason: StopReason, settled: int = 0, behind: int = 0
) -> ExitCode:
    """Return the exit code that follows from a run's totals.

    Args:
        counts: How many items have each status.
        reason: Why it is over, or stopped for now.
        settled: How many of the SKIPPED rows ask for nothing that is not done already.
        behind: How many of the COMPLETED ones have items left behind.
    """
    total = sum(counts.values())
    if reason is StopReason.CANNOT_CONNECT and counts[BulkItemStatus.PENDING] + settled == total:
        return ExitCode.CANNOT_CONNECT
    if reason is StopReason.NOT_CLEAN:
        return ExitCode.INVALID_INPUT
    if reason is StopReason.NOT_CONFIRMED:
        return ExitCode.USAGE
    if counts[BulkItemStatus.PENDING] or counts[BulkItemStatus.IN_PROGRESS]:
        return ExitCode.UNFINISHED
    if counts[BulkItemStatus.FAILED] or counts[BulkItemStatus.SKIPPED] > settled or behind:
        # Skipped rows are finished: there is nothing to resume.
        return ExitCode.SOME_FAILED
    return ExitCode.COMPLETED


def exit_code_of(journal: Journal, run: Run) -> ExitCode:
    """Return the exit code for the run's state in the journal."""
    reasons = {reason.value: reason for reason in StopReason}
    settled = sum(coded(journal, run.id, BulkItemStatus.SKIPPED, code) for code in (ALREADY_SO, DONE_ALREADY))
    reason, behind = reasons.get(run.state, StopReason.DONE), left_behind(journal, run.id)
    return exit_code(journal.counts(run.id), reason, settled, behind)
