"""What the journal knows of whole runs: where their items stand, and what other runs know of a content."""

import time
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, FromClause, case, func, or_, select

from bulkps.engine.item import FAILED_AT_EXCHANGE, IN_DOUBT, Phase
from bulkps.engine.status import BulkItemStatus
from bulkps.records.journal import LEASE, LOADING, Journal
from bulkps.records.rows import Elsewhere, Run, elsewhere_of
from bulkps.records.schema import items, runs


def elsewhere(
    journal: Journal, run: Run, contents: Sequence[str], deeds: Mapping[int, str]
) -> dict[str, Elsewhere]:
    """Return what other runs at the same place know of these *contents*, by content.

    Only what matters to a new run: that it is at Exchange or about to be sent by a living process; else
    what came last: that it is completed, in doubt, or done in part.

    Args:
        journal: Where they are kept.
        run: The new run.
        contents: What it asks for; at most 500.
        deeds: The steps that must not be done twice, index to name: a row that failed behind one is done in
            part.
    """
    underway = is_underway(items, runs)
    completed = items.c.status == BulkItemStatus.COMPLETED.value
    query = (
        select(items, runs.c.id.label("other"))
        .join(runs, runs.c.id == items.c.run)
        .where(items.c.content.in_(contents), items.c.run != run.id, runs.c.state != LOADING)
        .where(runs.c.operation == run.operation, runs.c.place == run.place)
        .where(or_(underway, completed, happened(items, runs, run, deeds)))
        # The last one stands.
        .order_by(case((underway, 1), else_=0), items.c.completed_at)
    )
    with journal.reading() as connection:
        return {row["content"]: elsewhere_of(row) for row in connection.execute(query).mappings()}


def happened(item: FromClause, of: FromClause, run: Run, deeds: Mapping[int, str]) -> ColumnElement[bool]:
    """Return what says of a failed *item* that something was done, or may have been, that is not done twice.

    Args:
        item: Items.
        of: The run that each is of.
        run: The run that wants to know.
        deeds: The steps of its operation that must not be done twice, index to name.
    """
    # A request that Exchange failed is not done: while it is there, Exchange refuses a second one.
    failed = (item.c.status == BulkItemStatus.FAILED.value) & (item.c.code != FAILED_AT_EXCHANGE)
    there = [func.json_extract(item.c.outputs, f'$."{deed}"').is_not(None) for deed in deeds.values()]
    # An operation that was changed since has other indexes: there any doubt counts.
    here = item.c.step.in_(list(deeds)) | (of.c.operation_text != run.operation_text)
    return failed & or_(or_(item.c.code == IN_DOUBT, item.c.doubtful == 1) & here, *there)


def is_underway(item: FromClause, run: FromClause) -> ColumnElement[bool]:
    """Return what says of an *item* of a *run* that it is at Exchange, or about to be sent."""
    alive = (run.c.owner != "") & (run.c.heartbeat >= time.time() - LEASE)
    pending = (item.c.status == BulkItemStatus.PENDING.value) & alive
    return or_(item.c.status == BulkItemStatus.IN_PROGRESS.value, pending)


def at_exchange(journal: Journal, run: str) -> dict[str, int]:
    """Return how many items are at Exchange, by what it last said of them."""
    query = select(items.c.progress, func.count()).where(
        items.c.run == run, items.c.phase == Phase.FOLLOWING.value
    )
    with journal.reading() as connection:
        return {row[0]: int(row[1]) for row in connection.execute(query.group_by(items.c.progress))}


def in_doubt(journal: Journal, run: str) -> int:
    """Return how many items of *run* are in doubt, at their end or not."""
    query = select(func.count()).where(items.c.run == run, items.c.code == IN_DOUBT)
    with journal.reading() as connection:
        return int(connection.execute(query).scalar_one())


def skipped_as(journal: Journal, run: str, code: str) -> int:
    """Return how many items are SKIPPED because of *code*."""
    query = select(func.count()).where(
        items.c.run == run, items.c.status == BulkItemStatus.SKIPPED.value, items.c.code == code
    )
    with journal.reading() as connection:
        return int(connection.execute(query).scalar_one())


def ended_badly(journal: Journal, run: str, leaving: Sequence[str]) -> int:
    """Return how many items are FAILED or SKIPPED, but for those with one of these codes."""
    bad = [BulkItemStatus.FAILED.value, BulkItemStatus.SKIPPED.value]
    query = select(func.count()).where(
        items.c.run == run, items.c.status.in_(bad), items.c.code.not_in(list(leaving))
    )
    with journal.reading() as connection:
        return int(connection.execute(query).scalar_one())
