"""What changes many items of a run at once: to skip the rest, to ask for the failed ones again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, exists, func, literal, or_, select, update

from bulkps.engine.events import ItemEvent
from bulkps.engine.item import FAILED_AT_EXCHANGE, IN_DOUBT, Phase
from bulkps.engine.status import BulkItemStatus
from bulkps.records.changes import LAST_EVENT
from bulkps.records.row_mapping import Run
from bulkps.records.run_queries import happened, is_underway, of_others
from bulkps.records.schema import events, items, runs


@dataclass(frozen=True)
class RetrySteps:
    """What a retry has to know of an operation's steps, by index.

    Attributes:
        looked_up: Those of which can be asked whether they happened.
        harmless: Those that do no harm twice.
        earlier: For a step those right before it, by index and name, that may be done once more.
        deeds: Those that must not be done twice, index to name.
        recovered: Those of whose failed requests a retry takes care, and the steps that do it.
    """

    looked_up: Sequence[int]
    harmless: Sequence[int]
    earlier: Mapping[int, Sequence[tuple[int, str]]]
    deeds: Mapping[int, str]
    recovered: Sequence[int] = ()


def skip_pending(connection: Connection, run: str, code: str, reason: str, now: float) -> None:
    """Make every PENDING item SKIPPED; one that Exchange had refused keeps what it said."""
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
    connection: Connection,
    run: Run,
    never: Sequence[str],
    doubtful: Sequence[str],
    steps: RetrySteps,
    now: float,
    alive: Sequence[str] | None,
) -> int:
    """Make FAILED items to be sent again; return how many stay as they are for what another run did.

    What an earlier step made is there: such a row goes on where it failed, and stays IN_PROGRESS. Steps right
    before it that do no harm are done once more: what they saw may have changed.

    Args:
        connection: To the journal, in the transaction of whoever holds the run.
        run: The run.
        never: Items with one of these codes stay as they are.
        doubtful: Items with one of these codes may be there, as may those of which an earlier attempt was
            never answered: they are looked up before anything is sent.
        steps: What is known of the operation's steps.
        now: Epoch seconds.
        alive: The runs whose owner is alive. What another run at the same place completed since, or has
            underway or did in part, stays as it is; None where other runs do not count.
    """
    failed = (items.c.run == run.id) & (items.c.status == BulkItemStatus.FAILED.value)
    failed &= items.c.code.not_in(list(never))
    left = 0
    if alive is not None:
        since = _done_since(run, steps.deeds, alive)
        left = int(connection.execute(select(func.count()).where(failed & since)).scalar_one())
        failed &= ~since
    request_failed = (items.c.code == FAILED_AT_EXCHANGE) & items.c.step.in_(list(steps.recovered))
    requests, failed = failed & request_failed, failed & ~request_failed
    to_be_looked_up, to_be_sent = _parted(steps, doubtful)
    doubts, again = failed & to_be_looked_up, failed & to_be_sent
    in_progress = BulkItemStatus.IN_PROGRESS.value
    as_new = items.c.outputs == "{}"
    status = case((as_new, BulkItemStatus.PENDING.value), else_=in_progress)
    # It was tried before: what is sent now is a further attempt.
    common = {"completed_at": None, "not_before": 0.0, "attempt": 1}
    _tell(connection, requests, now, ItemEvent.RETRY_ASKED, in_progress, FAILED_AT_EXCHANGE)
    _tell(connection, doubts, now, ItemEvent.RETRY_ASKED, in_progress, IN_DOUBT)
    _tell(connection, again, now, ItemEvent.RETRY_ASKED, status, "")
    to_look = {"status": in_progress, "phase": Phase.DOUBT.value, "code": IN_DOUBT, "doubtful": 1}
    to_send = {"status": status, "phase": Phase.READY.value, "step": _first_again(steps.earlier)}
    to_recover = {"status": in_progress, "phase": Phase.DOUBT.value, "doubtful": 0}
    connection.execute(update(items).where(requests).values(**to_recover, **common))
    connection.execute(update(items).where(doubts).values(**to_look, **common))
    connection.execute(update(items).where(again).values(**to_send, **common))
    return left


def _parted(steps: RetrySteps, doubtful: Sequence[str]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return what says of a failed item that it is looked up first, and that it is sent again at once."""
    can_look = items.c.step.in_(list(steps.looked_up))
    in_doubt = items.c.code.in_(list(doubtful)) | (items.c.doubtful == 1)
    # In doubt where nothing tells, it is sent again only if twice does no harm.
    harmless = items.c.code.not_in(list(doubtful)) | items.c.step.in_(list(steps.harmless))
    return in_doubt & can_look, harmless & ~(in_doubt & can_look)


def _done_since(run: Run, deeds: Mapping[int, str], alive: Sequence[str]) -> ColumnElement[bool]:
    """Return what says of an item that another run did its content later, or in part, or has it underway."""
    other, of = items.alias("other"), runs.alias("of")
    completed = other.c.status == BulkItemStatus.COMPLETED.value
    later = other.c.changed > items.c.changed
    done = later & or_(completed, happened(other, of, run, deeds))
    return exists(
        select(literal(1))
        .select_from(other.join(of, of.c.id == other.c.run))
        .where(other.c.content == items.c.content, *of_others(of, run, alive))
        .where(or_(done, is_underway(other, of, alive)))
        .correlate(items)
    )


def _first_again(earlier: Mapping[int, Sequence[tuple[int, str]]]) -> Any:
    """Return at which step an item begins again: the first of those that it has done."""
    cases = [
        ((items.c.step == step) & func.json_extract(items.c.outputs, f'$."{name}"').is_not(None), index)
        for step, those in earlier.items()
        for index, name in those
    ]
    return case(*cases, else_=items.c.step) if cases else items.c.step


def _tell(connection: Connection, which: Any, now: float, event: ItemEvent, status: Any, code: str) -> None:
    """Keep an event for each of the items *which*."""
    columns = ["run", "key", "at", "event", "status", "step", "attempt", "code", "detail"]
    values = [literal(now), literal(event), status if not isinstance(status, str) else literal(status)]
    told = select(
        items.c.run, items.c.key, *values, items.c.step, items.c.attempt, literal(code), literal("{}")
    ).where(which)
    connection.execute(events.insert().from_select(columns, told))
