"""Skips the rows of a run whose wanted state is there already: nothing is sent for them."""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from bulkps.engine.item import ALREADY_SO, Change, Item
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.machine_messages import Finish, StopReason
from bulkps.engine.recorded_events import ItemEvent, RunEvent
from bulkps.errors import CannotConnect
from bulkps.operations.current_state import Compared
from bulkps.operations.model import Operation
from bulkps.preflight.query_executor import Interrupted, OnReading, QueryExecutor, Sessions
from bulkps.preflight.reading_thread import while_beating
from bulkps.preflight.row_comparison import RowComparison, evidence, is_already_so
from bulkps.records.recorder import Recorder
from bulkps.run_target import Target

#: How many rows are recorded at once.
_CHUNK = 500


class ComparisonRunner:
    """Reads what is there for the unsent rows of a run, and skips those that ask for nothing else.

    Args:
        operation: What is done.
        target: Where it is sent.
        sessions: Where a session comes from and goes to.
        recorder: The run's records.
        tell: Told of changes that are durable.
        on_reading: Called with the progress of reading, on another thread.
    """

    def __init__(
        self,
        operation: Operation,
        target: Target,
        sessions: Sessions,
        recorder: Recorder,
        tell: Callable[[Sequence[Change]], None],
        on_reading: OnReading,
    ) -> None:
        self._recorder, self._tell = recorder, tell
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
        except CannotConnect as error:
            return Finish(StopReason.CANNOT_CONNECT, error.reason, error.advice)
        except Interrupted as stop:
            if str(stop) != "cancel":
                return Finish(StopReason.PAUSED)
            code = StopReason.CANCELLED
            self._recorder.skip_pending(code.value, "never sent: the run was cancelled", time.time())
            return Finish(code)
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
        now = time.time()
        changes = (
            Change(item.skipped(now, ALREADY_SO, evidence(found), ""), ItemEvent.ALREADY_SO, now)
            for item in unsent
            if is_already_so(found := compared.get(item.key, ()))
        )
        while part := list(islice(changes, _CHUNK)):
            self._recorder.record(part)
            self._tell(part)
