"""The journal: every run and item, durable before anything is sent.

One database per user (SQLite in WAL mode with ``synchronous=FULL``, so that a commit survives a power
cut) through SQLAlchemy Core; another database is a matter of the URL.
"""

import json
import os
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, create_engine, event, func, select, update
from sqlalchemy.exc import DBAPIError

from bulkps.engine.item import Change, Item, Phase
from bulkps.engine.status import BulkItemStatus
from bulkps.errors import RecordFailed, RunNotFound, RunOwnedElsewhere
from bulkps.records.schema import events, items, migrate, runs

#: A run whose owner has not been heard of for so many seconds may be taken over.
LEASE = 30.0
_INSERTED_AT_ONCE = 2000
_ITEM_COLUMNS = [column for column in items.columns if column.name not in ("run", "cells")]


@dataclass(frozen=True)
class Run:
    """A run as the journal has it.

    Attributes:
        id: Its name.
        operation: The operation's name.
        operation_text: The operation as it was, in YAML: a run is its journal.
        connection: The connection's name.
        simulated: Whether nothing real was at its end.
        file: The file it was made from.
        digest: SHA-256 of that file.
        header: The file's header as it was.
        carried: Indexes of the header's columns that the results carry.
        who: User and host that made it.
        created_at: Epoch seconds.
        ended_at: Epoch seconds at which it last stopped, or None.
        state: ``new``, ``running``, or why it last stopped.
        detail: The same in words.
        audit: The audit log's path.
        audit_lines: How many lines it has.
        audit_head: SHA-256 of its last line.
    """

    id: str
    operation: str
    operation_text: str
    connection: str
    simulated: bool
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


class Journal:
    """The journal at *path*.

    Args:
        path: The SQLite file; made if it is not there.

    Raises:
        RecordFailed: If it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = _engine(path)
        with self._writing() as connection:
            migrate(connection, str(path))

    def close(self) -> None:
        """Close every connection to the database."""
        self._engine.dispose()

    # --- runs -----------------------------------------------------------------------------------------

    def create(self, run: Run, planned: Iterable[tuple[Item, Sequence[str]]]) -> int:
        """Keep a new run with its items and their cells; return how many there are.

        All or nothing: if *planned* raises, the journal has no trace of the run.
        """
        row = asdict(run) | {
            "header": json.dumps(run.header),
            "carried": json.dumps(run.carried),
            "simulated": int(run.simulated),
            "owner": "",
            "heartbeat": 0.0,
            "wish": "",
        }
        count = 0
        with self._writing() as connection:
            connection.execute(runs.insert().values(**row))
            batch: list[dict[str, Any]] = []
            for item, cells in planned:
                count += 1
                batch.append({"run": run.id, "cells": json.dumps(cells), **_row(item)})
                if len(batch) >= _INSERTED_AT_ONCE:
                    connection.execute(items.insert(), batch)
                    batch = []
            if batch:
                connection.execute(items.insert(), batch)
        return count

    def run(self, name: str) -> Run:
        """Return the run called *name*; any unique beginning of its name does, and ``last``.

        Raises:
            RunNotFound: If there is none, or more than one.
        """
        query = select(runs).order_by(runs.c.created_at.desc(), runs.c.id.desc())
        if name != "last":
            query = query.where(runs.c.id.startswith(name, autoescape=True))
        with self._reading() as connection:
            found = connection.execute(query.limit(2)).mappings().all()
        exact = [row for row in found if row["id"] == name or name == "last"] or (
            found if len(found) == 1 else []
        )
        if not exact:
            raise RunNotFound(name)
        return _run(exact[0])

    def runs(self, limit: int) -> list[Run]:
        """Return the newest *limit* runs, newest first."""
        query = select(runs).order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit)
        with self._reading() as connection:
            return [_run(row) for row in connection.execute(query).mappings()]

    def stopped(self, run: str, state: str, detail: str) -> None:
        """Keep why a run stopped, and give up the lease."""
        with self._writing() as connection:
            connection.execute(
                update(runs)
                .where(runs.c.id == run)
                .values(state=state, detail=detail, ended_at=time.time(), owner="", wish="")
            )

    # --- the lease ------------------------------------------------------------------------------------

    def acquire(self, run: str, owner: str) -> None:
        """Take the lease on a run for *owner*.

        Raises:
            RunOwnedElsewhere: If another owner was heard of within the last LEASE seconds.
        """
        now = time.time()
        free = (runs.c.owner == "") | (runs.c.heartbeat < now - LEASE) | (runs.c.owner == owner)
        with self._writing() as connection:
            taken = connection.execute(
                update(runs)
                .where(runs.c.id == run, free)
                .values(owner=owner, heartbeat=now, wish="", state="running", detail="")
            )
            if taken.rowcount == 0:
                holder = connection.execute(select(runs.c.owner).where(runs.c.id == run)).scalar()
                raise RunOwnedElsewhere(run, str(holder))

    def beat(self, run: str, owner: str) -> str:
        """Renew the lease; return what another process wishes: ``cancel``, ``pause`` or nothing.

        Raises:
            RunOwnedElsewhere: If another process took the run over in the meantime.
        """
        with self._writing() as connection:
            kept = connection.execute(
                update(runs).where(runs.c.id == run, runs.c.owner == owner).values(heartbeat=time.time())
            )
            holder, wish = connection.execute(select(runs.c.owner, runs.c.wish).where(runs.c.id == run)).one()
        if kept.rowcount == 0:
            raise RunOwnedElsewhere(run, str(holder))
        return str(wish)

    # --- items ----------------------------------------------------------------------------------------

    def record(self, run: str, changes: Sequence[Change], audit_lines: int, audit_head: str) -> None:
        """Keep *changes* and where the audit log stands, in one transaction.

        When this returns they are on disk: a later crash cannot lose them.
        """
        # The last state of an item counts; every event is kept.
        last = {change.item.key: change.item for change in changes}
        rows = [{"b_run": run, "b_key": key, **_state(item)} for key, item in last.items()]
        with self._writing() as connection:
            if rows:
                connection.execute(_UPDATE_ITEM, rows)
                connection.execute(events.insert(), [_event(run, change) for change in changes])
            connection.execute(
                update(runs)
                .where(runs.c.id == run)
                .values(audit_lines=audit_lines, audit_head=audit_head, heartbeat=time.time())
            )

    def pending(self, run: str, after: int, count: int) -> list[Item]:
        """Return the next *count* items behind row *after* that wait to be sent, or were in flight."""
        unsent = (items.c.phase == Phase.READY.value) | (items.c.phase == Phase.SENT.value)
        query = (
            select(*_ITEM_COLUMNS)
            .where(items.c.run == run, items.c.row > after, unsent)
            .order_by(items.c.row)
            .limit(count)
        )
        with self._reading() as connection:
            return [_item(row) for row in connection.execute(query).mappings()]

    def followed(self, run: str, step: int, refs: Sequence[str]) -> list[Item]:
        """Return the items at Exchange in *step* whose ref is one of *refs*."""
        return self._following(run, items.c.step == step, items.c.ref.in_(refs))

    def followed_except(self, run: str, step: int, refs: Iterable[str]) -> list[Item]:
        """Return the items at Exchange in *step* whose ref is none of *refs*."""
        known = set(refs)
        query = select(items.c.ref).where(
            items.c.run == run, items.c.phase == Phase.FOLLOWING.value, items.c.step == step
        )
        with self._reading() as connection:
            missing = [ref for (ref,) in connection.execute(query) if ref not in known]
        found: list[Item] = []
        for start in range(0, len(missing), 500):
            found += self.followed(run, step, missing[start : start + 500])
        return found

    def following(self, run: str) -> int:
        """Return how many items are at Exchange."""
        query = select(func.count()).where(items.c.run == run, items.c.phase == Phase.FOLLOWING.value)
        with self._reading() as connection:
            return int(connection.execute(query).scalar_one())

    def _following(self, run: str, *conditions: Any) -> list[Item]:
        query = select(*_ITEM_COLUMNS).where(
            items.c.run == run, items.c.phase == Phase.FOLLOWING.value, *conditions
        )
        with self._reading() as connection:
            return [_item(row) for row in connection.execute(query).mappings()]

    def skip_pending(self, run: str, code: str, reason: str, now: float) -> None:
        """Make every PENDING item SKIPPED."""
        pending = (items.c.run == run) & (items.c.status == BulkItemStatus.PENDING.value)
        skipped = BulkItemStatus.SKIPPED.value
        columns = ["run", "key", "at", "event", "status", "step", "attempt", "code", "detail"]
        told = select(
            items.c.run,
            items.c.key,
            *(bindparam(None, value) for value in (now, "item.skipped", skipped)),
            items.c.step,
            items.c.attempt,
            *(bindparam(None, value) for value in (code, reason)),
        ).where(pending)
        with self._writing() as connection:
            connection.execute(events.insert().from_select(columns, told))
            connection.execute(
                update(items)
                .where(pending)
                .values(status=skipped, phase=Phase.OVER.value, code=code, error=reason, completed_at=now)
            )

    def retry_failed(self, run: str, never: Sequence[str]) -> int:
        """Make FAILED items PENDING again, but for those whose code is one of *never*; return how many."""
        with self._writing() as connection:
            failed = (
                (items.c.run == run)
                & (items.c.status == BulkItemStatus.FAILED.value)
                & items.c.code.not_in(list(never))
            )
            at_start = connection.execute(
                update(items)
                .where(failed, items.c.step == 0)
                .values(
                    status=BulkItemStatus.PENDING.value, phase=Phase.READY.value, attempt=0, completed_at=None
                )
            )
            # What an earlier step made is there: the row goes on where it failed.
            midway = connection.execute(
                update(items)
                .where(failed, items.c.step > 0)
                .values(
                    status=BulkItemStatus.IN_PROGRESS.value,
                    phase=Phase.READY.value,
                    attempt=0,
                    completed_at=None,
                )
            )
            return at_start.rowcount + midway.rowcount

    def counts(self, run: str) -> dict[BulkItemStatus, int]:
        """Return how many items have each status; every status is there."""
        query = select(items.c.status, func.count()).where(items.c.run == run).group_by(items.c.status)
        with self._reading() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
        return {status: int(found.get(status.value, 0)) for status in BulkItemStatus}

    def rows(self, run: str) -> Iterator[tuple[Item, list[str]]]:
        """Yield every item of a run with its cells, in the order of the file."""
        query = select(*_ITEM_COLUMNS, items.c.cells).where(items.c.run == run).order_by(items.c.row)
        with self._reading() as connection:
            for row in connection.execution_options(yield_per=1000).execute(query).mappings():
                yield _item(row), json.loads(row["cells"])

    # --- the database ---------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise RecordFailed(str(self.path), str(error.orig)) from error

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection.execution_options(reads=True)
        except DBAPIError as error:
            raise RecordFailed(str(self.path), str(error.orig)) from error


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path.as_posix()}", connect_args={"timeout": 30})

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


_STATE_COLUMNS = (
    "status", "phase", "step", "attempt", "attempts", "not_before", "outputs", "ref", "progress",
    "code", "error", "advice", "warnings", "started_at", "completed_at",
)  # fmt: skip

_UPDATE_ITEM = (
    update(items)
    .where(items.c.run == bindparam("b_run"), items.c.key == bindparam("b_key"))
    .values({name: bindparam(name) for name in _STATE_COLUMNS})
)


def _state(item: Item) -> dict[str, Any]:
    row = {name: getattr(item, name) for name in _STATE_COLUMNS}
    return row | {
        "status": item.status.value,
        "phase": item.phase.value,
        "outputs": json.dumps(dict(item.outputs)),
        "warnings": json.dumps(item.warnings),
    }


def _row(item: Item) -> dict[str, Any]:
    return {"row": item.row, "key": item.key, "values": json.dumps(dict(item.values)), **_state(item)}


def _item(row: Any) -> Item:
    found = dict(row)
    found.pop("cells", None)
    return Item(
        **found
        | {
            "values": json.loads(row["values"]),
            "outputs": json.loads(row["outputs"]),
            "warnings": tuple(json.loads(row["warnings"])),
            "status": BulkItemStatus(row["status"]),
            "phase": Phase(row["phase"]),
        }
    )


def _run(row: Any) -> Run:
    known = {name: row[name] for name in Run.__dataclass_fields__}
    return Run(
        **known
        | {
            "simulated": bool(row["simulated"]),
            "header": tuple(json.loads(row["header"])),
            "carried": tuple(json.loads(row["carried"])),
        }
    )


def _event(run: str, change: Change) -> dict[str, Any]:
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
