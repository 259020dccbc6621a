"""Changes many items of a run at once: skips the rest, or takes up the failed ones again."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, case, literal, select, update

from bulkps.engine.item import Change, Phase
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.recorded_events import ItemEvent
from bulkps.engine.requested_retry import asked_again
from bulkps.operations.model import Operation
from bulkps.records.journal import ITEM_COLUMNS
from bulkps.records.journal_writes import LAST_EVENT, keep_changes
from bulkps.records.row_mapping import Run, item_of
from bulkps.records.run_queries import elsewhere
from bulkps.records.schema import events, items

#: How many items one page has.
_PAGE = 1000


def skip_pending(connection: Connection, run: str, code: str, reason: str, now: float) -> None:
    """Make every PENDING item SKIPPED; one that Exchange had refused keeps Exchange's words."""
    pending = (items.c.run == run) & (items.c.status == BulkItemStatus.PENDING.value)
    skipped = {"status": BulkItemStatus.SKIPPED.value, "phase": Phase.OVER.value}
    error = case((items.c.error == "", reason), else_=f"{reason}; before that: " + items.c.error)
    _tell(connection, pending, now, ItemEvent.SKIPPED, skipped["status"], code)
    connection.execute(
        update(items)
        .where(pending)
        .values(code=code, error=error, completed_at=now, changed=LAST_EVENT, **skipped)
    )


def retry_failed(
    connection: Connection, run: Run, operation: Operation, now: float, alive: Sequence[str] | None
) -> int:
    """Take up the FAILED items of *run* again; return how many are left because of other runs.

    Args:
        connection: To the journal, in the transaction of the process that holds the run.
        run: The run.
        operation: Its operation.
        now: Epoch seconds.
        alive: The runs whose owner is alive. Items that another run at the same place did since, or is
            working on, are left as they are. None if other runs do not count.
    """
    left, after = 0, -1
    failed = (items.c.run == run.id) & (items.c.status == BulkItemStatus.FAILED.value)
    while True:
        query = select(*ITEM_COLUMNS, items.c.changed).where(failed, items.c.row > after)
        page = connection.execute(query.order_by(items.c.row).limit(_PAGE)).mappings().all()
        contents = [row["content"] for row in page]
        known = {} if alive is None else elsewhere(connection, run, contents, operation, alive)
        changes = []
        for row in page:
            found = known.get(row["content"])
            if found and (found.is_under_way or found.changed > row["changed"]):
                left += 1
            elif again := asked_again(item_of(row), operation):
                changes.append(Change(again, ItemEvent.RETRY_ASKED, now))
        keep_changes(connection, run.id, changes)
        if len(page) < _PAGE:
            return left
        after = page[-1]["row"]


def _tell(connection: Connection, which: Any, now: float, event: ItemEvent, status: Any, code: str) -> None:
    """Keep an event for each item that *which* selects."""
    columns = ["run", "key", "at", "event", "status", "step", "attempt", "code", "detail"]
    values = [literal(now), literal(event), status if not isinstance(status, str) else literal(status)]
    told = select(
        items.c.run, items.c.key, *values, items.c.step, items.c.attempt, literal(code), literal("{}")
    ).where(which)
    connection.execute(events.insert().from_select(columns, told))
