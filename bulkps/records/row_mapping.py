"""Maps the journal's rows to runs, items and events, and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bulkps.engine.item import IN_DOUBT, Change, Doubt, Item, Phase
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.resend import Known, known_elsewhere
from bulkps.exchange.calls_and_outcomes import NULL, Value
from bulkps.operations.model import Operation
from bulkps.records.paths import from_home, within_home


@dataclass(frozen=True)
class Run:
    """A run as the journal has it.

    Attributes:
        id: Its name.
        operation: The operation's name.
        operation_text: The operation as it was, in YAML: the journal holds all that a run needs.
        connection: The connection's name.
        simulated: Whether the connection led to the simulator.
        place: Where the connection led; the run can be resumed only there.
        options: The options of the run, as JSON.
        file: The file that it was created from.
        digest: SHA-256 of that file.
        header: The file's original header.
        carried: Indexes of the header's columns that the results carry.
        who: User and host that created it.
        created_at: Epoch seconds.
        ended_at: Epoch seconds at which it last stopped, or None.
        state: ``new``, ``running``, or why it last stopped.
        detail: The same in words.
        audit: The audit log's path.
        audit_lines: How many lines it has.
        audit_head: SHA-256 of its last line.
        waited: Seconds for which it was held back, by reason.
        preflight: What pre-flight found: ``state`` (done or skipped), ``findings`` (rows by code and
            severity), ``unread`` (why something was not read); empty before it.
        passwords: Where the last sitting that saved generated passwords put them: ``file``, ``way`` (the
            option) and ``certificate``; empty if none did.
        number: One more than the number of runs before it; it orders runs without a clock.
        epoch: How many times a process took the run.
        invocation: The options that the next command has to repeat: ``config`` (the settings file's full
            path) and ``options`` (such as ``--again``); empty for the defaults. And ``asks``, until a run
            that needs a confirmation is confirmed.
    """

    id: str
    operation: str
    operation_text: str
    connection: str
    simulated: bool
    place: str
    options: str
    file: str
    digest: str
    header: tuple[str, ...]
    carried: tuple[int, ...]
    who: str
    created_at: float
    ended_at: float | None = None
    state: str = "new"
    detail: str = ""
    audit: str = ""
    audit_lines: int = 0
    audit_head: str = ""
    waited: Mapping[str, float] = field(default_factory=dict)
    preflight: Mapping[str, Any] = field(default_factory=dict)
    passwords: Mapping[str, str] = field(default_factory=dict)
    number: int = 0
    epoch: int = 0
    invocation: Mapping[str, Any] = field(default_factory=dict)


#: The state of content in a run where its row failed, but something was done, or may have been done.
IN_DOUBT_THERE, DONE_IN_PART = "in doubt", "done in part"


@dataclass(frozen=True)
class Elsewhere:
    """What another run knows about an item's content.

    Attributes:
        run: The other run's name.
        item: The item there.
        known: What is known about its content.
        changed: The number of its last event in the journal: later events have higher numbers.
        header: The header of its file.
        cells: Its row's cells.
        invocation: See Run.
        passwords: See Run.
    """

    run: str
    item: Item
    known: Known
    changed: int
    header: tuple[str, ...]
    cells: tuple[str, ...]
    invocation: Mapping[str, Any]
    passwords: Mapping[str, str]

    @property
    def id(self) -> str:
        """The other run's name."""
        return self.run

    @property
    def is_under_way(self) -> bool:
        """Whether it is at Exchange, or a running process is about to send it."""
        return self.known is Known.UNDER_WAY

    @property
    def is_over(self) -> bool:
        """Whether that run does nothing more with it on its own."""
        return self.item.status in (BulkItemStatus.COMPLETED, BulkItemStatus.FAILED)

    @property
    def state(self) -> str:
        """Its state in words; for a failed one, what is known about its result."""
        if self.item.status is not BulkItemStatus.FAILED:
            return self.item.status.name
        return IN_DOUBT_THERE if self.item.code == IN_DOUBT or self.item.doubtful else DONE_IN_PART


def elsewhere_of(row: Any, operation: Operation, *, alive: bool) -> Elsewhere:
    """Return what a *row* of another run says; *alive* tells whether a process works on that run."""
    item = item_of(row)
    known = known_elsewhere(item, operation, alive=alive)
    return Elsewhere(
        *(row["other"], item, known, row["changed"]),
        *(tuple(json.loads(row["header"])), tuple(json.loads(row["cells"]))),
        *(json.loads(row["invocation"]), json.loads(row["passwords"])),
    )


#: The columns of an item that change during a run.
STATE_COLUMNS = (
    "status", "phase", "step", "attempt", "attempts", "not_before", "outputs", "ref", "progress",
    "code", "error", "advice", "warnings", "started_at", "completed_at", "doubtful",
    "sent_at",
)  # fmt: skip
#: The columns of a row that an Item is made from.
ITEM_FIELDS = ("key", "row", "content", "values", *(name for name in STATE_COLUMNS if name != "doubtful"))


def state_row(item: Item) -> dict[str, Any]:
    """Return the changing values of *item*, by column."""
    row = {name: getattr(item, name) for name in STATE_COLUMNS}
    return row | {
        "status": item.status.value,
        "phase": item.phase.value,
        "outputs": json.dumps(dict(item.outputs)),
        "warnings": json.dumps(item.warnings),
    }


def values_text(item: Item) -> str:
    """Return an item's column values as the journal keeps them."""
    # An item's values have no None, because empty ones are left out. So JSON's null can stand for $null.
    return json.dumps(dict(item.values), default=_as_json)


def _as_json(value: object) -> None:
    if value is not NULL:
        raise TypeError(f"not a value of an item: {value!r}")


def _value(found: Any) -> Value:
    if found is None:
        return NULL
    if isinstance(found, dict):
        return {name: tuple(parts) for name, parts in found.items()}
    return tuple(found) if isinstance(found, list) else found


def item_of(row: Any) -> Item:
    """Return the item that a *row* stands for."""
    return Item(
        **{name: row[name] for name in ITEM_FIELDS}
        | {
            "values": {name: _value(found) for name, found in json.loads(row["values"]).items()},
            "outputs": json.loads(row["outputs"]),
            "before": json.loads(row["before"]) if row["before"] else {},
            "warnings": tuple(json.loads(row["warnings"])),
            "status": BulkItemStatus(row["status"]),
            "phase": Phase(row["phase"]),
            "doubt": Doubt(unresolved=bool(row["doubtful"])),
        }
    )


def run_of(row: Any) -> Run:
    """Return the run that a *row* stands for."""
    known = {name: row[name] for name in Run.__dataclass_fields__}
    return Run(
        **known
        | {
            "simulated": bool(row["simulated"]),
            "header": tuple(json.loads(row["header"])),
            "carried": tuple(json.loads(row["carried"])),
            "waited": json.loads(row["waited"]),
            "preflight": json.loads(row["preflight"]),
            "passwords": json.loads(row["passwords"]),
            "invocation": json.loads(row["invocation"]),
            "audit": from_home(row["audit"]),
        }
    )


def event_row(run: str, change: Change) -> dict[str, Any]:
    """Return the row that keeps *change* as an event."""
    item = change.item
    detail = {
        "errors": [asdict(record) for record in change.errors],
        "warnings": list(change.warnings),
        "milliseconds": change.milliseconds,
        "cmdlet": change.cmdlet.name if change.cmdlet else None,
    }
    return {
        "run": run,
        "key": item.key,
        "at": change.at,
        "event": change.event,
        "status": item.status.value,
        "step": item.step,
        "attempt": item.attempt,
        "code": item.code,
        "detail": json.dumps({key: value for key, value in detail.items() if value}),
    }


def new_row(run: str, item: Item, cells: Sequence[str]) -> dict[str, Any]:
    """Return the row of a new item."""
    identity = {"row": item.row, "key": item.key, "content": item.content, "values": values_text(item)}
    return {"run": run, "cells": json.dumps(cells), **identity, **state_row(item)}


def run_row(run: Run) -> dict[str, Any]:
    """Return the row of a new run that no one owns yet."""
    return asdict(run) | {
        "header": json.dumps(run.header),
        "carried": json.dumps(run.carried),
        "waited": json.dumps(dict(run.waited)),
        "preflight": json.dumps(dict(run.preflight)),
        "passwords": json.dumps(dict(run.passwords)),
        "invocation": json.dumps(dict(run.invocation)),
        "audit": within_home(run.audit),
        "simulated": int(run.simulated),
        "owner": "",
        "heartbeat": 0.0,
        "wish": "",
    }
