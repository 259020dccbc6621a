"""The journal: every run and item, durable before anything is sent.

One database per user (SQLite in WAL mode with ``synchronous=FULL``, so that a commit survives a power
cut) through SQLAlchemy Core; another database is a matter of the URL.
"""

import json
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    bindparam,
    case,
    create_engine,
    event,
    func,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError

from bulkps.engine.item import Change, Item, Phase
from bulkps.engine.status import BulkItemStatus
from bulkps.errors import RecordFailed, RunNotFound, RunOwnedElsewhere, UsageProblem
from bulkps.records.rows import (
    STATE_COLUMNS,
    Run,
    batched_rows,
    event_row,
    item_of,
    run_of,
    run_row,
    state_row,
    values_text,
)
from bulkps.records.schema import MIGRATIONS, current_version, events, items, migrate, runs

#: A run whose owner has not been heard of for so many seconds may be taken over.
LEASE = 10.0
#: The state of a run whose rows are still being read in; nobody is shown it.
LOADING = "loading"
_ITEM_COLUMNS = [column for column in items.columns if column.name not in ("run", "cells")]


#: A wish to cancel is not forgotten before the run is cancelled; one to pause is.
_CANCEL_STAYS = case((runs.c.wish == "cancel", "cancel"), else_="")


class Journal:
    """The journal at *path*.

    Args:
        path: The SQLite file; made if it is not there.

    Raises:
        UsageProblem: If it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = _engine(path)
        try:
            # A look first: to open a journal must not wait for another process's writing.
            with self._engine.connect() as connection:
                current = current_version(connection.execution_options(reads=True))
            if current != len(MIGRATIONS):
                with self._engine.begin() as connection:
                    migrate(connection, str(path))
        except DBAPIError as error:
            raise UsageProblem(f"cannot open the journal {path}: {error.orig}; nothing was sent") from error

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection to the database."""
        self._engine.dispose()

    # --- runs -----------------------------------------------------------------------------------------

    def create(self, run: Run, planned: Iterable[tuple[Item, Sequence[str]]]) -> int:
        """Keep a new run with its items and their cells; return how many there are.

        All or nothing: if *planned* raises, the journal has no trace of the run.
        """
        row = run_row(run) | {"state": LOADING}
        with self.writing() as connection:
            connection.execute(runs.insert().values(**row))
        count = 0
        try:
            # In parts: a million rows in one transaction would keep every other run from its journal.
            for part in batched_rows(run.id, planned):
                with self.writing() as connection:
                    connection.execute(items.insert(), part)
                count += len(part)
        except BaseException:
            self._forget(run.id)
            raise
        with self.writing() as connection:
            connection.execute(update(runs).where(runs.c.id == run.id).values(state="new"))
        return count

    def _forget(self, run: str) -> None:
        """Take back a run that was never whole."""
        with self.writing() as connection:
            connection.execute(items.delete().where(items.c.run == run))
            connection.execute(runs.delete().where(runs.c.id == run))

    def run(self, name: str) -> Run:
        """Return the run called *name*; any unique beginning of its name does, and ``last``.

        Raises:
            RunNotFound: If there is none, or more than one.
        """
        query = select(runs).where(runs.c.state != LOADING)
        query = query.order_by(runs.c.created_at.desc(), runs.c.id.desc())
        if name != "last":
            query = query.where(runs.c.id.startswith(name, autoescape=True))
        with self.reading() as connection:
            found = connection.execute(query.limit(2)).mappings().all()
        exact = [row for row in found if row["id"] == name or name == "last"] or (
            found if len(found) == 1 else []
        )
        if not exact:
            raise RunNotFound(name, len(found))
        return run_of(exact[0])

    def runs(self, limit: int) -> list[Run]:
        """Return the newest *limit* runs, newest first."""
        query = select(runs).where(runs.c.state != LOADING)
        query = query.order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit)
        with self.reading() as connection:
            return [run_of(row) for row in connection.execute(query).mappings()]

    def stopped(self, run: str, owner: str, state: str, detail: str) -> None:
        """Keep why a run stopped, and give up the lease; nothing happens if *owner* does not have it."""
        with self.writing() as connection:
            connection.execute(
                update(runs)
                .where(runs.c.id == run, runs.c.owner == owner)
                # Whoever works on it next hears a cancel that came too late for this process.
                .values(state=state, detail=detail, ended_at=time.time(), owner="", wish=_CANCEL_STAYS)
            )

    def worker(self, run: str) -> str:
        """Return which living process works on *run*, or an empty text."""
        owner, last = self._lease(run)
        return owner if last >= time.time() - LEASE else ""

    def wish(self, run: str, wish: str) -> str:
        """Ask whoever works on *run* to ``pause`` or ``cancel``; return who that is, or an empty string."""
        with self.writing() as connection:
            asked = connection.execute(
                update(runs)
                .where(runs.c.id == run, runs.c.owner != "", runs.c.heartbeat >= time.time() - LEASE)
                # A pause does not take back a cancel.
                .values(wish=case((runs.c.wish == "cancel", "cancel"), else_=wish))
            )
            owner = connection.execute(select(runs.c.owner).where(runs.c.id == run)).scalar_one()
        return str(owner) if asked.rowcount else ""

    def keep(self, run: str, **facts: Mapping[str, Any]) -> None:
        """Keep facts about *run*: ``waited``, ``preflight``, ``passwords`` or ``invocation``."""
        values = {name: json.dumps(dict(value)) for name, value in facts.items()}
        with self.writing() as connection:
            connection.execute(update(runs).where(runs.c.id == run).values(**values))

    # --- the lease ------------------------------------------------------------------------------------

    def acquire(self, run: str, owner: str) -> bool:
        """Take the lease on a run for *owner*; return whether the run is cancelled.

        That it is to be may have been told to a process that died before it heard it.

        A lease that another owner has is watched for up to LEASE seconds: a living owner renews it every
        second, a dead one never does.

        Raises:
            RunOwnedElsewhere: If its owner is alive.
        """
        until = time.monotonic() + LEASE
        holder, last = self._lease(run)
        while holder and holder != owner and last >= time.time() - LEASE and time.monotonic() < until:
            time.sleep(0.2)
            now_holder, now_last = self._lease(run)
            if (now_holder, now_last) != (holder, last) and now_holder:
                raise RunOwnedElsewhere(run, now_holder)
            holder, last = now_holder, now_last
        cancelled = (runs.c.wish == "cancel") | runs.c.state.in_(("cancelled", "cancelling"))
        with self.writing() as connection:
            taken = connection.execute(
                update(runs)
                # Whoever watched beside us may have been faster.
                .where(runs.c.id == run, runs.c.owner == holder, runs.c.heartbeat == last)
                .values(
                    owner=owner,
                    heartbeat=time.time(),
                    wish="",
                    state=case((cancelled, "cancelling"), else_="running"),
                    detail="",
                )
            )
            state = connection.execute(select(runs.c.state).where(runs.c.id == run)).scalar_one()
        if taken.rowcount == 0:
            raise RunOwnedElsewhere(run, self._lease(run)[0])
        return str(state) == "cancelling"

    def goes_on(self, run: str, owner: str) -> None:
        """Keep that *owner* works on *run*, though it was cancelled before."""
        with self.writing() as connection:
            connection.execute(
                update(runs).where(runs.c.id == run, runs.c.owner == owner).values(state="running")
            )

    def _lease(self, run: str) -> tuple[str, float]:
        with self.reading() as connection:
            row = connection.execute(select(runs.c.owner, runs.c.heartbeat).where(runs.c.id == run)).one()
        return str(row[0]), float(row[1])

    def beat(self, run: str, owner: str) -> str:
        """Renew the lease; return what another process wishes: ``cancel``, ``pause`` or nothing.

        Raises:
            RunOwnedElsewhere: If another process took the run over in the meantime.
        """
        with self.writing() as connection:
            kept = connection.execute(
                update(runs).where(runs.c.id == run, runs.c.owner == owner).values(heartbeat=time.time())
            )
            holder, wish = connection.execute(select(runs.c.owner, runs.c.wish).where(runs.c.id == run)).one()
        if kept.rowcount == 0:
            raise RunOwnedElsewhere(run, str(holder))
        return str(wish)

    # --- items ----------------------------------------------------------------------------------------

    def record(
        self, run: str, owner: str, changes: Sequence[Change], audit_lines: int, audit_head: str
    ) -> None:
        """Keep *changes* and where the audit log stands, in one transaction.

        When this returns they are on disk: a later crash cannot lose them.

        Raises:
            RunOwnedElsewhere: If *owner* no longer has the lease; nothing was kept.
        """
        # The last state of an item counts; every event is kept.
        last = {change.item.key: change.item for change in changes}
        rows = [{"b_run": run, "b_key": key, **state_row(item)} for key, item in last.items()]
        with self.writing() as connection:
            if rows:
                connection.execute(_UPDATE_ITEM, rows)
                connection.execute(events.insert(), [event_row(run, change) for change in changes])
            kept = connection.execute(
                update(runs)
                .where(runs.c.id == run, runs.c.owner == owner)
                .values(audit_lines=audit_lines, audit_head=audit_head, heartbeat=time.time())
            )
            if kept.rowcount == 0:
                # Raising inside the transaction takes everything of it back.
                raise RunOwnedElsewhere(run, "another process")

    def replace_values(self, run: str, changed: Sequence[Item]) -> None:
        """Keep other column values of items than their rows have; their content stays that of the rows."""
        rows = [{"b_run": run, "b_key": item.key, "values": values_text(item)} for item in changed]
        with self.writing() as connection:
            if rows:
                connection.execute(_UPDATE_VALUES, rows)

    def pending(self, run: str, after: int, count: int) -> list[Item]:
        """Return the next *count* items behind row *after* to be sent, in flight or in doubt."""
        unsent = items.c.phase.in_([phase.value for phase in (Phase.READY, Phase.SENT, Phase.DOUBT)])
        query = (
            select(*_ITEM_COLUMNS)
            .where(items.c.run == run, items.c.row > after, unsent)
            .order_by(items.c.row)
            .limit(count)
        )
        with self.reading() as connection:
            return [item_of(row) for row in connection.execute(query).mappings()]

    def followed(self, run: str, step: int, refs: Sequence[str]) -> list[Item]:
        """Return the items at Exchange in *step* whose ref is one of *refs*."""
        return self._following(run, items.c.step == step, items.c.ref.in_(refs))

    def followed_except(self, run: str, step: int, refs: Iterable[str]) -> list[Item]:
        """Return the items at Exchange in *step* whose ref is none of *refs*."""
        known = set(refs)
        query = select(items.c.ref).where(
            items.c.run == run, items.c.phase == Phase.FOLLOWING.value, items.c.step == step
        )
        with self.reading() as connection:
            missing = [ref for (ref,) in connection.execute(query) if ref not in known]
        found: list[Item] = []
        for start in range(0, len(missing), 500):
            found += self.followed(run, step, missing[start : start + 500])
        return found

    def following(self, run: str) -> int:
        """Return how many items are at Exchange."""
        query = select(func.count()).where(items.c.run == run, items.c.phase == Phase.FOLLOWING.value)
        with self.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def _following(self, run: str, *conditions: Any) -> list[Item]:
        query = select(*_ITEM_COLUMNS).where(
            items.c.run == run, items.c.phase == Phase.FOLLOWING.value, *conditions
        )
        with self.reading() as connection:
            return [item_of(row) for row in connection.execute(query).mappings()]

    def counts(self, run: str) -> dict[BulkItemStatus, int]:
        """Return how many items have each status; every status is there."""
        query = select(items.c.status, func.count()).where(items.c.run == run).group_by(items.c.status)
        with self.reading() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
        return {status: int(found.get(status.value, 0)) for status in BulkItemStatus}

    def rows(self, run: str) -> Iterator[tuple[Item, list[str]]]:
        """Yield every item of a run with its cells, in the order of the file."""
        query = select(*_ITEM_COLUMNS, items.c.cells).where(items.c.run == run).order_by(items.c.row)
        with self.reading() as connection:
            for row in connection.execution_options(yield_per=1000).execute(query).mappings():
                yield item_of(row), json.loads(row["cells"])

    # --- the database ---------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose changes are on disk when the block ends.

        Raises:
            RecordFailed: If they are not.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise RecordFailed(str(self.path), str(error.orig)) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that only reads, which waits for nobody's writing."""
        try:
            with self._engine.connect() as connection:
                yield connection.execution_options(reads=True)
        except DBAPIError as error:
            raise RecordFailed(str(self.path), str(error.orig)) from error


def _engine(path: Path) -> Engine:
    # URL.create, not a text: a ? in a folder's name would cut it short.
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        # pysqlite begins transactions late and commits before DDL; SQLAlchemy's own recipe is to take over.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(
            "BEGIN" if connection.get_execution_options().get("reads") else "BEGIN IMMEDIATE"
        )

    return engine


def owner_name() -> str:
    """Return what other processes are told of this one."""
    return f"process {os.getpid()} on {socket.gethostname()}"


_UPDATE_VALUES = (
    update(items)
    .where(items.c.run == bindparam("b_run"), items.c.key == bindparam("b_key"))
    .values(values=bindparam("values"))
)
_UPDATE_ITEM = (
    update(items)
    .where(items.c.run == bindparam("b_run"), items.c.key == bindparam("b_key"))
    .values({name: bindparam(name) for name in STATE_COLUMNS})
)
