"""Rows that other runs did while a run was stopped: a resume must not send them again."""

import time
from collections.abc import Iterator, Mapping, Sequence

from bulkps.engine.item import Change, Item
from bulkps.engine.recorded_events import ItemEvent
from bulkps.engine.resend import Known
from bulkps.operations.model import Operation
from bulkps.records.recorder import Recorder
from bulkps.records.row_mapping import Elsewhere
from bulkps.runs.done_already import done_already
from bulkps.runs.run_creation import way_to_the_end

#: The code of a row that another run is working on, or left with an unknown outcome.
LEFT_TO_RUN = "left-to-other-run"


def skip_what_others_did(recorder: Recorder, operation: Operation) -> list[Change]:
    """Skip unsent rows that another run did since, or is working on; return the changes.

    Args:
        recorder: The run's records.
        operation: Its operation.

    Raises:
        RecordFailed: If it could not be recorded.
    """

    def decide(waiting: Sequence[Item], known: Mapping[str, Elsewhere]) -> list[Change]:
        return list(_decided(operation, waiting, known, time.time()))

    return recorder.skip_by_others(operation, decide)


def _decided(
    operation: Operation,
    waiting: Sequence[Item],
    known: Mapping[str, Elsewhere],
    now: float,
) -> Iterator[Change]:
    for item in waiting:
        found = known.get(item.content)
        # Whoever used --again knew what was done before.
        again = item.key != item.content
        if found is None or (again and found.is_over):
            continue
        if found.known is Known.DONE and operation.reads_state:
            # It is read what is there; that may have changed since.
            continue
        if found.known is Known.DONE:
            yield Change(done_already(operation, item, found), ItemEvent.DONE_BY_OTHER_RUN, now)
            continue
        error = f"the same row is {found.state} in run {found.run}, which began while this run was stopped"
        advice = f"{way_to_the_end(found)}."
        yield Change(item.skipped(now, LEFT_TO_RUN, error, advice), ItemEvent.DONE_BY_OTHER_RUN, now)
