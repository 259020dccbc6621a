"""Writes changes of a run to the journal, inside the transaction of the process that holds its lease."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from bulkps.engine.item import Change, Item
from bulkps.records.row_mapping import STATE_COLUMNS, event_row, state_row, values_text
from bulkps.records.schema import events, items, runs


def keep_changes(connection: Connection, run: str, changes: Sequence[Change]) -> None:
    """Keep *changes* of items of *run*: the last state of each, and every event."""
    if not changes:
        return
    connection.execute(events.insert(), [event_row(run, change) for change in changes])
    last = {change.item.key: change.item for change in changes}
    rows = [{"b_run": run, "b_key": key, **state_row(item)} for key, item in last.items()]
    connection.execute(_UPDATE_ITEM, rows)


def keep_audit(connection: Connection, run: str, lines: int, head: str) -> None:
    """Keep the number of lines and the last hash of *run*'s audit log."""
    connection.execute(update(runs).where(runs.c.id == run).values(audit_lines=lines, audit_head=head))


def keep_facts(connection: Connection, run: str, **facts: Mapping[str, Any]) -> None:
    """Keep facts about *run*: ``waited``, ``preflight``, ``passwords`` or ``invocation``."""
    values = {name: json.dumps(dict(value)) for name, value in facts.items()}
    connection.execute(update(runs).where(runs.c.id == run).values(**values))


def replace_values(connection: Connection, run: str, changed: Iterable[Item]) -> None:
    """Replace column values of items; their content stays that of their rows."""
    rows = [{"b_run": run, "b_key": item.key, "values": values_text(item)} for item in changed]
    if rows:
        connection.execute(_UPDATE_VALUES, rows)


def keep_before(connection: Connection, run: str, read: Iterable[Item]) -> None:
    """Keep what was there before items are sent."""
    rows = [
        {"b_run": run, "b_key": item.key, "before": json.dumps(dict(item.before), default=str)}
        for item in read
    ]
    if rows:
        connection.execute(_UPDATE_BEFORE, rows)


#: The number of an item's last event. Numbers count for the whole journal, so they show what came later in
#: any run; the wall clocks of two sittings may differ.
LAST_EVENT = (
    select(func.coalesce(func.max(events.c.id), 0))
    .where(events.c.run == items.c.run, events.c.key == items.c.key)
    .scalar_subquery()
)
_UPDATE_VALUES = (
    update(items)
    .where(items.c.run == bindparam("b_run"), items.c.key == bindparam("b_key"))
    .values(values=bindparam("values"))
)
_UPDATE_BEFORE = (
    update(items)
    .where(items.c.run == bindparam("b_run"), items.c.key == bindparam("b_key"))
    .values(before=bindparam("before"))
)
_UPDATE_ITEM = (
    update(items)
    .where(items.c.run == bindparam("b_run"), items.c.key == bindparam("b_key"))
    .values({name: bindparam(name) for name in STATE_COLUMNS} | {"changed": LAST_EVENT})
)
