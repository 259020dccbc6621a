"""Everything that can be done with runs, for the command line and for programs."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bulkps.atomic_file import Output
from bulkps.engine.item import Item
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.machine_messages import Finish, StopReason
from bulkps.errors import ExitCode, UsageProblem
from bulkps.intake import CheckReport, InputRow
from bulkps.operations.model import Operation
from bulkps.passwords.password_file import PasswordFile
from bulkps.passwords.password_provisioning import handing_out
from bulkps.records import paths
from bulkps.records.journal import Journal
from bulkps.records.journal_writes import keep_facts
from bulkps.records.row_mapping import Run
from bulkps.run_target import Target, check_rehearsal, check_target
from bulkps.runs.held_run import HeldRun, held_run
from bulkps.runs.run_creation import create_run
from bulkps.runs.run_details import RunDetails
from bulkps.runs.run_outcome import RunReport, exit_code_of, finished, operation_of, options_of
from bulkps.runs.run_phases import Orders, RunPhases, skip_rest
from bulkps.runs.undo import (
    EVEN_IF_CHANGED,
    LAST_ROW,
    UNDOES,
    Undo,
    changed_since,
    undo_of,
    undone_rows,
)

#: The key that a run keeps in its invocation until it is confirmed.
ASKS = "asks"


class RunService:
    """Creates runs, carries them out, and reports their state.

    Attributes:
        path: The journal.
    """

    def __init__(self) -> None:
        self.path: Path = paths.journal_path()

    @cached_property
    def journal(self) -> Journal:
        """The journal; created if it does not exist.

        Raises:
            UsageProblem: If it cannot be opened.
        """
        return Journal(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "journal" in self.__dict__:
            self.journal.close()

    # --- which run ------------------------------------------------------------------------------------

    def run(self, name: str) -> Run:
        """Return the run called *name*; a unique beginning of its name is enough, or ``last``.

        Raises:
            RunNotFound: If there is none, or more than one.
        """
        return self.journal.run(name)

    def details(self, run: Run) -> RunDetails:
        """Return the details of *run*."""
        return RunDetails(self.journal, run)

    def runs(self, limit: int) -> list[Run]:
        """Return the newest runs, the newest first."""
        return list(self.journal.runs(limit))

    def counts(self, run: Run) -> dict[BulkItemStatus, int]:
        """Return how many items of *run* have each status; every status is included."""
        return self.journal.counts(run.id)

    def items(self, run: Run) -> Iterator[Item]:
        """Yield every item of *run* in its current state, in file order."""
        for item, _ in self.journal.rows(run.id):
            yield item

    def exit_code(self, run: Run) -> ExitCode:
        """Return the exit code for the current state of *run*."""
        return exit_code_of(self.journal, run)

    # --- making and working ---------------------------------------------------------------------------

    @contextmanager
    def new_run(
        self,
        operation: Operation,
        report: CheckReport,
        rows: Iterable[InputRow],
        target: Target,
        *,
        again: bool = False,
        checks: bool = False,
        invocation: Mapping[str, Any] | None = None,
        passwords: PasswordFile | None = None,
    ) -> Iterator[Run]:
        """Keep a new run, all rows or nothing; its password file is open inside the block.

        Args:
            operation: The operation.
            report: Its input, checked.
            rows: Its rows.
            target: Where it is sent.
            again: Whether rows that another run completed are done again.
            checks: Whether the rows are only checked: nothing is sent.
            invocation: The options that the next command has to repeat; see Run.
            passwords: The file for generated passwords; None for no file.

        Raises:
            UsageProblem: If the target cannot do it, a row fills a column that it rules out, or the password
                file cannot be created.
            InvalidInput: If *rows* meets a problem.
            ContentElsewhere: If another run has the content of a row and has not finished it.
            RecordFailed: If it cannot be kept.
        """
        check_target(operation, target)
        check_rehearsal(operation, target)
        journal = self.journal
        with handing_out(operation, passwords):
            yield create_run(
                *(journal, operation, report, rows, target), again=again, checks=checks, invocation=invocation
            )

    @contextmanager
    def passwords_of(self, run: Run, passwords: PasswordFile | None) -> Iterator[None]:
        """Keep the password file of a continued run open inside the block.

        Raises:
            UsageProblem: If it already exists, cannot be created, or the operation generates no passwords.
        """
        with handing_out(operation_of(run), passwords):
            yield

    def undo(self, run: Run) -> Undo:
        """Return what takes *run* back.

        Raises:
            UsageProblem: If it has unfinished rows, nothing can be taken back, or it is not known how.
        """
        return undo_of(run, operation_of(run), list(self.items(run)))

    def _orders(self, run: Run, orders: Orders) -> Orders:
        """Return *orders* for a run that takes another one back: what was changed since is left alone."""
        undone = run.invocation.get(UNDOES)
        if not undone or run.invocation.get(EVEN_IF_CHANGED):
            return orders
        original = self.journal.run(undone)
        operation = operation_of(original)
        rows = undone_rows(operation, self.items(original), run.invocation[LAST_ROW])
        return replace(orders, changed_since=changed_since(operation, rows))

    def work(
        self,
        run: Run,
        target: Target,
        orders: Orders,
        *,
        retry: bool = False,
        output: Output | None = None,
    ) -> RunReport:
        """Work on *run* until it is finished or has to stop; write its results.

        Args:
            run: The run.
            target: Where it is sent.
            orders: The caller's options and callbacks.
            retry: Whether FAILED items are sent again; those in doubt are looked up first.
            output: Where the results go; None for the default place.

        Raises:
            UsageProblem: If the target is not where the run was started.
            RunOwnedElsewhere: If another process works on it.
            RecordFailed: If a record could not be written.
        """
        operation = operation_of(run)
        if retry:
            # A person who asks for a retry wants rows sent again, whatever the run's own setting is.
            target = replace(target, config=replace(target.config, retry_failed=True))
        check_target(operation, target)
        _check_place(run, target)
        if retry and not operation.steps:
            raise UsageProblem(f"run {run.id} only checked its rows; bulkps validate checks them again")
        left, journal = 0, self.journal
        with held_run(journal, run, target.config.lease) as held:
            if retry:
                left = _take_up_failed(held, operation, target)
            held.finish = RunPhases(held, operation, target, self._orders(run, orders)).carry_out()
        return replace(finished(journal, run.id, held.finish, output), left=left)

    def cancel(self, run: Run) -> RunReport:
        """Skip the unsent rows of a run that no process works on; write its results.

        Rows in doubt or at Exchange stay as they are: a lookup needs a session, which resume opens.

        Raises:
            UsageProblem: If it is finished.
            RunOwnedElsewhere: If another process works on it.
            RecordFailed: If a record could not be written.
        """
        if not self.is_open(run):
            raise UsageProblem(f"run {run.id} is over; there is nothing to cancel")
        finish = Finish(StopReason.CANCELLED)
        with held_run(self.journal, run, options_of(run).lease) as held:
            skip_rest(held.recorder)
            held.finish = finish
        return finished(self.journal, run.id, finish, None)

    def is_open(self, run: Run) -> bool:
        """Return whether anything of *run* is still to be sent, or at Exchange."""
        counts = self.counts(run)
        return bool(counts[BulkItemStatus.PENDING] or counts[BulkItemStatus.IN_PROGRESS])

    def ask(self, run: str, wish: str) -> str:
        """Ask the process that works on *run* to ``pause`` or ``cancel``; return its name, or nothing."""
        return self.journal.wish(run, wish)

    # --- what is kept of what was said ----------------------------------------------------------------

    def keep(self, run: Run, **facts: Mapping[str, Any]) -> Run:
        """Keep facts about *run*, ``invocation`` or ``passwords``, and return it."""
        with self.journal.writing() as connection:
            keep_facts(connection, run.id, **facts)
        return self.run(run.id)

    def confirmed(self, run: Run) -> Run:
        """Keep that *run* needs no confirmation any more, and return it."""
        told = {name: value for name, value in run.invocation.items() if name != ASKS}
        return self.keep(run, invocation=told)


def _take_up_failed(held: HeldRun, operation: Operation, target: Target) -> int:
    """Take up the failed rows of a run again; return how many are left because of other runs."""
    if held.cancelled:
        # The retry is only for failed rows; the rest stays cancelled.
        skip_rest(held.recorder)
        held.cancelled = False
    # The embedded simulator's tenant ends with its run: other runs had another.
    left = held.recorder.retry_failed(operation, remembers=not target.connection.embedded)
    held.recorder.goes_on()
    return left


def _check_place(run: Run, target: Target) -> None:
    if run.place != target.connection.place:
        raise UsageProblem(
            f"run {run.id} was started at {run.place}, but connection {target.name!r} leads to "
            f"{target.connection.place}. A run can continue only where it was started; nothing was sent"
        )
