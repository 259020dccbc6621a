"""Skips the rows of a run whose wanted state already exists: nothing is sent for them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from bulkps.engine.item import ALREADY_SO, CHANGED_SINCE, Change, Item
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.machine_messages import Finish
from bulkps.engine.recorded_events import ItemEvent, RunEvent
from bulkps.errors import CannotConnect
from bulkps.exchange.psobject import Properties
from bulkps.operations.current_state import IDENTITY, Compared
from bulkps.operations.model import Operation
from bulkps.preflight.query_executor import Interrupted, OnReading, QueryExecutor, Sessions
from bulkps.preflight.reading_thread import while_beating, why_stopped
from bulkps.preflight.row_comparison import RowComparison, evidence, is_already_so
from bulkps.records.recorder import Recorder
from bulkps.run_target import Target

#: Says what somebody has changed since; see ComparisonRunner.
ChangedSince = Callable[[Item, Mapping[str, object] | None], str]
_CHANGED_ADVICE = (
    "It may have been changed since, so it was not set back. Set it by hand, or run bulkps undo with "
    "--even-if-changed: that sets it back in any case."
)
#: How many rows are recorded at once.
_CHUNK = 500


class ComparisonRunner:
    """Reads the present state for the unsent rows of a run, and skips those that would change nothing.

    Args:
        operation: What is done.
        target: Where it is sent.
        sessions: Where a session comes from and goes to.
        recorder: The run's records.
        tell: Told of changes that are durable.
        on_reading: Called with the progress of reading, on another thread.
        changed_since: Returns what is not, or not certainly, as another run left it, for people; empty if all
            of it is. It gets the item and its object, or None if that was not read. Such a row is not sent.
    """

    def __init__(
        self,
        operation: Operation,
        target: Target,
        sessions: Sessions,
        recorder: Recorder,
        tell: Callable[[Sequence[Change]], None],
        on_reading: OnReading,
        changed_since: ChangedSince = lambda item, found: "",
    ) -> None:
        self._recorder, self._tell, self._changed_since = recorder, tell, changed_since
        self._reader = QueryExecutor(target.name, sessions, target.config, target.catalogue, on_reading)
        self._comparison = RowComparison(operation, self._reader)

    def run(self) -> Finish | None:
        """Compare all unsent rows; return why the run stops here, or None if it continues.

        Raises:
            RecordFailed: If a record could not be written.
            RunOwnedElsewhere: If another process took the run over.
        """
        waiting = BulkItemStatus.PENDING
        unsent = [item for item in self._recorder.unsent(()) if item.status is waiting and not item.doubtful]
        try:
            compared = while_beating(lambda: self._comparison.compared(unsent), self._reader, self._recorder)
            self._reader.hand_over()
        except (CannotConnect, Interrupted) as error:
            return why_stopped(error, self._recorder)
        finally:
            self._reader.close()
        self._record(unsent, compared)
        return None

    def _record(self, unsent: Sequence[Item], compared: Mapping[str, tuple[Compared, ...]]) -> None:
        # Only now: what is read is decided on the reading thread, and only this one writes records.
        for read in self._comparison.reads:
            self._recorder.say(
                RunEvent.PREFLIGHT_READS,
                f"read with {read.cmdlet.line()}",
                cmdlet=read.cmdlet.name,
                parameters=read.cmdlet.shown(),
            )
        changes = self._changes(unsent, compared, time.time())
        while part := list(islice(changes, _CHUNK)):
            self._recorder.record([one for one in part if one.event != ItemEvent.READ])
            if before := [one for one in part if one.event == ItemEvent.READ]:
                self._recorder.read_before(before)
            self._tell(part)

    def _changes(
        self, unsent: Sequence[Item], compared: Mapping[str, tuple[Compared, ...]], now: float
    ) -> Iterator[Change]:
        for item in unsent:
            found = compared.get(item.key, ())
            if is_already_so(found):
                yield Change(item.skipped(now, ALREADY_SO, evidence(found), ""), ItemEvent.ALREADY_SO, now)
            elif since := self._changed_since(item, self._comparison.found.get(item.key)):
                skipped = item.skipped(now, CHANGED_SINCE, since, _CHANGED_ADVICE)
                yield Change(skipped, ItemEvent.CHANGED_SINCE, now)
            elif found:
                before = {one.parameter: one.present for one in found if one.read}
                # The row may change the very name by which it found the object.
                guid = Properties(self._comparison.found[item.key]).guid("Guid")
                before |= {IDENTITY: guid} if guid else {}
                yield Change(replace(item, before=before), ItemEvent.READ, now)
