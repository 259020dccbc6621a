"""Queries about whole runs: the states of their items, and what other runs know about a content."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, FromClause, RowMapping, func, or_, select, update

from bulkps.engine import resend
from bulkps.engine.item import (
    ALREADY_SO,
    DONE_ALREADY,
    IN_DOUBT,
    ITEMS_LEFT_BEHIND,
    WAITS_FOR_OPERATOR,
    Item,
    Phase,
)
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.resend import Decision, Fact
from bulkps.operations.model import Operation
from bulkps.records.journal import ITEM_COLUMNS, LOADING, OWNER_COLUMNS, Journal
from bulkps.records.owner import is_alive
from bulkps.records.row_mapping import Elsewhere, Run, elsewhere_of, item_of
from bulkps.records.schema import items, runs

#: How many contents one question to the journal holds.
_CHUNK = 500


def living(journal: Journal, connection: Connection) -> list[str]:
    """Return the names of the runs whose owner must be treated as alive, including those being read in."""
    query = select(runs.c.id, *OWNER_COLUMNS).where(runs.c.owner != "")
    found = connection.execute(query).all()
    now = time.time()
    return [row.id for row in found if is_alive(journal.locks, row.owner, row.heartbeat, row.lease, now)]


def elsewhere(
    connection: Connection, run: Run, contents: Sequence[str], operation: Operation, alive: Sequence[str]
) -> dict[str, Elsewhere]:
    """Return what other runs at the same place know about these *contents*, by content.

    It returns only what prevents sending: the content is at Exchange, or a running process is about to send
    it; otherwise the latest of completed, in doubt, or done in part.

    Args:
        connection: To the journal.
        run: The run that asks.
        contents: The contents that it asks about.
        operation: The operation of the run.
        alive: The runs whose owner is alive.
    """
    of_run = (runs.c.header, runs.c.invocation, runs.c.passwords, runs.c.operation_text)
    found: dict[str, Elsewhere] = {}
    for start in range(0, len(contents), _CHUNK):
        query = (
            select(items, runs.c.id.label("other"), *of_run)
            .join(runs, runs.c.id == items.c.run)
            .where(items.c.content.in_(contents[start : start + _CHUNK]), *of_others(runs, run, alive))
            # The last one wins.
            .order_by(items.c.changed)
        )
        for row in connection.execute(query).mappings():
            before = found.get(row["content"])
            if (before is None or not before.is_under_way) and (one := _standing(row, run, operation, alive)):
                found[one.item.content] = one
    return found


def _standing(row: RowMapping, run: Run, operation: Operation, alive: Sequence[str]) -> Elsewhere | None:
    """Return what a *row* of another run knows about its content; None if *run* may still send it."""
    one = elsewhere_of(row, operation, alive=row["other"] in alive)
    # If the operation was changed since, its steps may have other indexes.
    harmless = row["operation_text"] == run.operation_text and row["step"] not in (
        operation.non_repeatable_steps
    )
    facts = Fact.OTHER_RUN | resend.when((harmless, Fact.HARMLESS))
    return None if resend.decide(one.known, facts) is Decision.SEND else one


def of_others(of: FromClause, run: Run, alive: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for another run that does the same at the same place.

    A run that is still being read in counts while its process is running.
    """
    known = or_(of.c.state != LOADING, of.c.id.in_(alive))
    return of.c.id != run.id, of.c.operation == run.operation, of.c.place == run.place, known


def fence(connection: Connection, contents: Sequence[str], run: Run, alive: Sequence[str]) -> None:
    """Take the lease from owners that do not respond and were about to send one of *contents*.

    If such a process only stood still, it notices that before it sends anything.

    Args:
        connection: To the journal, writing.
        contents: What *run* claims.
        run: The run that claims it.
        alive: The runs whose owner is alive.
    """
    dead = runs.c.owner.not_in(["", *alive]) & runs.c.id.not_in([run.id, *alive])
    for start in range(0, len(contents), _CHUNK):
        part = contents[start : start + _CHUNK]
        query = (
            select(runs.c.id)
            .distinct()
            .join(items, items.c.run == runs.c.id)
            .where(dead, items.c.content.in_(part), items.c.status == BulkItemStatus.PENDING.value)
        )
        lost = [name for (name,) in connection.execute(query)]
        why = f"its process did not respond, and run {run.id} took over some of its rows"
        connection.execute(
            update(runs)
            .where(runs.c.id.in_(lost))
            .values(owner="", epoch=runs.c.epoch + 1, state="interrupted", detail=why)
        )


def at_exchange(journal: Journal, run: str) -> dict[str, int]:
    """Return how many items are at Exchange, by the status that it last reported."""
    query = select(items.c.progress, func.count()).where(
        items.c.run == run, items.c.phase == Phase.FOLLOWING.value
    )
    with journal.reading() as connection:
        return {row[0]: int(row[1]) for row in connection.execute(query.group_by(items.c.progress))}


def in_doubt(journal: Journal, run: str) -> int:
    """Return how many items of *run* are in doubt, finished or not."""
    query = select(func.count()).where(items.c.run == run, items.c.code == IN_DOUBT)
    with journal.reading() as connection:
        return int(connection.execute(query).scalar_one())


def left_behind(journal: Journal, run: str) -> int:
    """Return how many COMPLETED items Exchange completed without all of their content."""
    query = select(func.count()).where(
        items.c.run == run,
        items.c.status == BulkItemStatus.COMPLETED.value,
        items.c.code == ITEMS_LEFT_BEHIND,
    )
    with journal.reading() as connection:
        return int(connection.execute(query).scalar_one())


def looked_up(journal: Journal, run: str, limit: int) -> tuple[int, list[Item]]:
    """Return how many items wait to be looked up, and the first of them."""
    waits = (items.c.run == run) & (items.c.phase == Phase.DOUBT.value)
    first = select(*ITEM_COLUMNS).where(waits).order_by(items.c.row).limit(limit)
    with journal.reading() as connection:
        count = int(connection.execute(select(func.count()).where(waits)).scalar_one())
        return count, [item_of(row) for row in connection.execute(first).mappings()]


def stalled(journal: Journal, run: str, step: str) -> dict[str, int]:
    """Return how many items at Exchange are stalled, by StatusDetail, as far as it was read."""
    detail = func.json_extract(items.c.outputs, f'$."{step}".StatusDetail')
    query = select(detail, func.count()).where(
        items.c.run == run, items.c.phase == Phase.FOLLOWING.value, detail.like("Stalled%")
    )
    with journal.reading() as connection:
        return {row[0]: int(row[1]) for row in connection.execute(query.group_by(detail)) if row[0]}


@dataclass(frozen=True)
class Warned:
    """The COMPLETED rows of a run that have warnings.

    Attributes:
        count: How many there are.
        first: Row, column values and warnings of the first of them, in file order.
    """

    count: int
    first: Sequence[tuple[int, Mapping[str, object], Sequence[str]]]


def warned_rows(journal: Journal, run: str, limit: int) -> Warned:
    """Return the COMPLETED rows of *run* that have warnings, and the texts of the first *limit* of them."""
    warned = (
        (items.c.run == run) & (items.c.status == BulkItemStatus.COMPLETED.value) & (items.c.warnings != "[]")
    )
    query = select(items.c.row, items.c["values"], items.c.warnings).where(warned)
    with journal.reading() as connection:
        count = connection.execute(select(func.count()).select_from(items).where(warned)).scalar_one()
        found = connection.execute(query.order_by(items.c.row).limit(limit)).all()
    return Warned(int(count), [(row, json.loads(values), json.loads(told)) for row, values, told in found])


def ended_badly(journal: Journal, run: str, leaving: Sequence[str]) -> int:
    """Return how many items are FAILED or SKIPPED, except those with one of these codes."""
    bad = [BulkItemStatus.FAILED.value, BulkItemStatus.SKIPPED.value]
    query = select(func.count()).where(
        items.c.run == run, items.c.status.in_(bad), items.c.code.not_in(list(leaving))
    )
    with journal.reading() as connection:
        return int(connection.execute(query).scalar_one())


@dataclass(frozen=True)
class Attention:
    """The rows of a run that need a person's attention.

    Attributes:
        count: How many there are.
        first: The first of them, in file order.
    """

    count: int
    first: Sequence[Item]


def attention(journal: Journal, run: str, limit: int) -> Attention:
    """Return the rows of *run* that failed, were skipped undone, left items behind or wait for a person.

    Args:
        journal: Where the run is.
        run: The run.
        limit: The most rows to return; all are counted.
    """
    skipped = (items.c.status == BulkItemStatus.SKIPPED.value) & items.c.code.not_in(
        (ALREADY_SO, DONE_ALREADY)
    )
    told = items.c.code.in_([ITEMS_LEFT_BEHIND, WAITS_FOR_OPERATOR])
    wanted = (items.c.run == run) & (or_(items.c.status == BulkItemStatus.FAILED.value, skipped, told))
    first = select(*ITEM_COLUMNS).where(wanted).order_by(items.c.row).limit(limit)
    with journal.reading() as connection:
        count = int(connection.execute(select(func.count()).select_from(items).where(wanted)).scalar_one())
        return Attention(count, [item_of(row) for row in connection.execute(first).mappings()])


def coded(journal: Journal, run: str, status: BulkItemStatus, code: str) -> int:
    """Return how many items of *run* have this status and code."""
    query = select(func.count()).where(
        items.c.run == run, items.c.status == status.value, items.c.code == code
    )
    with journal.reading() as connection:
        return int(connection.execute(query).scalar_one())


@dataclass(frozen=True)
class RowResult:
    """The result of a row, as far as a person needs it.

    Attributes:
        row: The line of the file on which it starts.
        values: Canonical values by column.
        code: Its code, or several separated by semicolons; may be empty.
        error: What went wrong.
        advice: What an administrator can do.
        warnings: Its warnings.
    """

    row: int
    values: Mapping[str, object]
    code: str
    error: str
    advice: str
    warnings: Sequence[str]


def row_results(journal: Journal, run: str, status: BulkItemStatus) -> Iterator[RowResult]:
    """Yield the rows of *run* with this status that have a code, an error or a warning, in order."""
    columns = (items.c.row, items.c["values"], items.c.code, items.c.error, items.c.advice, items.c.warnings)
    something = or_(items.c.code != "", items.c.error != "", items.c.warnings != "[]")
    query = select(*columns).where(items.c.run == run, items.c.status == status.value, something)
    with journal.reading() as connection:
        for found in connection.execution_options(yield_per=1000).execute(query.order_by(items.c.row)):
            row, values, code, error, advice, warnings = found
            yield RowResult(row, json.loads(values), code, error, advice, json.loads(warnings))
