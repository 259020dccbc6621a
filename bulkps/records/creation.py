"""A new run in the journal: all of its rows or none, each claimed in the transaction that keeps it.

Transactions of the journal run one after the other. If two runs ask for the same content at the same time,
the second one finds the first, even while that is still being read in.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from sqlalchemy import Connection, delete, func, select, update

from bulkps.engine.item import Item
from bulkps.errors import RunOwnedElsewhere, UsageProblem
from bulkps.operations.model import Operation
from bulkps.records.journal import LOADING, OWNER_COLUMNS, Journal
from bulkps.records.lease import Clocks, Lease, holding
from bulkps.records.owner import forget, is_alive
from bulkps.records.row_mapping import Elsewhere, Run, new_row, run_row
from bulkps.records.run_queries import elsewhere, fence, living
from bulkps.records.schema import items, runs

#: How many items go into one transaction: a million in one would block the journal for all other runs.
_AT_ONCE = 2000

#: Decides about new items by what other runs know about their contents; may raise.
Claim = Callable[[Sequence[Item], Mapping[str, Elsewhere]], Sequence[Item]]


def create(
    journal: Journal,
    run: Run,
    planned: Iterable[tuple[Item, Sequence[str]]],
    claim: Claim | None,
    operation: Operation,
    seconds: float,
) -> None:
    """Keep a new run with its items and their cells; this journal's owner holds it from the first row.

    Args:
        journal: Where it is kept.
        run: The run.
        planned: Its items and their cells, in file order.
        claim: Returns the items as they are kept; if it raises, no trace of the run is left. None if other
            runs do not count.
        operation: The operation of the run.
        seconds: The length of the lease.

    Raises:
        UsageProblem: If this process stood still and another run claimed the rows meanwhile.
        RecordFailed: If it cannot be kept.
    """
    lease = _begin(journal, run, seconds)
    rows = iter(planned)
    try:
        while part := list(itertools.islice(rows, _AT_ONCE)):
            with holding(journal, lease) as connection:
                claimed: Sequence[Item] = [item for item, _ in part]
                if claim is not None:
                    claimed = claim(claimed, _claimed(journal, connection, run, claimed, operation))
                kept = zip(claimed, (cells for _, cells in part), strict=True)
                connection.execute(items.insert(), [new_row(run.id, item, cells) for item, cells in kept])
        with holding(journal, lease) as connection:
            connection.execute(update(runs).where(runs.c.id == run.id).values(state="new"))
    except RunOwnedElsewhere as error:
        raise UsageProblem(
            f"this process stood still while it read in run {run.id}, and another run took over its rows; "
            "nothing was sent. Run the command again"
        ) from error
    except BaseException:
        with journal.writing() as connection:
            _forget(connection, run.id)
        raise


def _claimed(
    journal: Journal,
    connection: Connection,
    run: Run,
    new: Sequence[Item],
    operation: Operation,
) -> Mapping[str, Elsewhere]:
    """Return what other runs know about *new*, and take runs from owners that do not respond."""
    _forget_abandoned(journal, connection)
    contents = [item.content for item in new]
    alive = living(journal, connection)
    fence(connection, contents, run, alive)
    return elsewhere(connection, run, contents, operation, alive)


def _begin(journal: Journal, run: Run, seconds: float) -> Lease:
    clocks, owner = Clocks(), journal.owner
    at = clocks.read()
    with journal.writing() as connection:
        _forget_abandoned(journal, connection)
        number = connection.execute(select(func.coalesce(func.max(runs.c.number), 0))).scalar_one()
        mine = {"state": LOADING, "owner": owner, "epoch": 1, "heartbeat": time.time(), "lease": seconds}
        connection.execute(runs.insert().values(**run_row(run) | mine | {"number": int(number) + 1}))
    return Lease(run.id, owner, 1, seconds, at, clocks=clocks)


def _forget_abandoned(journal: Journal, connection: Connection) -> None:
    """Remove runs whose process ended while they were read in: nothing was ever sent for them."""
    query = select(runs.c.id, *OWNER_COLUMNS).where(runs.c.state == LOADING)
    for row in connection.execute(query).all():
        if not is_alive(journal.locks, row.owner, row.heartbeat, row.lease, time.time()):
            _forget(connection, row.id)
            forget(journal.locks, row.owner)


def _forget(connection: Connection, run: str) -> None:
    connection.execute(delete(items).where(items.c.run == run))
    connection.execute(delete(runs).where(runs.c.id == run))
