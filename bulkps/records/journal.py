"""The journal: every run and item, durable before anything is sent.

One database per user (SQLite in WAL mode with ``synchronous=FULL``, so that a commit survives a power
cut) through SQLAlchemy Core; another database is a matter of the URL.
"""

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    case,
    create_engine,
    event,
    func,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError

from bulkps.engine.item import Item, Phase
from bulkps.engine.item_status import BulkItemStatus
from bulkps.errors import RecordFailed, RecordUnreadable, RunNotFound, UsageProblem
from bulkps.records.file_identity import HARMED, FileIdentity
from bulkps.records.journal_holder import JournalHolder
from bulkps.records.owner import Owner, is_alive
from bulkps.records.paths import private_database
from bulkps.records.row_mapping import Run, item_of, run_of
from bulkps.records.schema import MIGRATIONS, current_version, items, migrate, runs

_log = logging.getLogger(__name__)

#: How long to wait for a process that writes to the journal, in seconds: before a message, and in all.
_PATIENCE = (3.0, 60.0)
#: How long it waits once it has given up, in seconds: exiting must not take as long again.
_IMPATIENT = 1.0
#: The first bytes of SQLite's -wal file (https://www.sqlite.org/fileformat2.html, section 4.1).
_LOG_HEADS = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
#: The state of a run whose rows are still being read in; such a run is never shown.
LOADING = "loading"
#: The columns that make an Item.
ITEM_COLUMNS = [column for column in items.columns if column.name not in ("run", "cells", "changed")]
#: The columns that tell whether a run's owner is alive, as ``is_alive`` takes them.
OWNER_COLUMNS = (runs.c.owner, runs.c.heartbeat, runs.c.lease)


class Journal:
    """The journal at *path*.

    Args:
        path: The SQLite file; created if it does not exist.

    Raises:
        UsageProblem: If it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        #: Where the lock files of owners are.
        self.locks = path.with_name("locks")
        self._engine = _engine(path)
        self._holder = JournalHolder(path)
        self._owner: Owner | None = None
        self._owning = threading.Lock()
        self._gave_up = False
        self._identities: tuple[FileIdentity, ...] = ()
        try:
            private_database(path)
            # Read first: opening a journal must not wait for another process that writes.
            with self.reading() as connection:
                current = current_version(connection)
            if current != len(MIGRATIONS):
                with self.writing() as connection:
                    migrate(connection, str(path))
            # The latest writes are only in -wal until SQLite moves them; the file exists while it is in use.
            log = FileIdentity(path.with_name(path.name + "-wal"), _LOG_HEADS)
            self._identities = (FileIdentity(path), log)
        except (RecordFailed, OSError) as error:
            reason = error.reason if isinstance(error, RecordFailed) else error.strerror or str(error)
            raise UsageProblem(f"cannot open the journal {path}: {reason}; nothing was sent") from error

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection to the database, and give up ownership."""
        self._engine.dispose()
        if self._owner is not None:
            self._owner.leave()

    @property
    def owner(self) -> str:
        """The name that other processes see for this journal object; each object has its own.

        Raises:
            RecordFailed: If no lock file can be created.
        """
        with self._owning:
            try:
                self._owner = self._owner or Owner(self.locks)
            except OSError as error:
                raise RecordFailed(str(self.locks), error.strerror or str(error)) from error
            return self._owner.name

    def check_files(self) -> None:
        """Check that the journal is still the file that was opened.

        Raises:
            RecordFailed: If it was removed, replaced or cut short.
        """
        for identity in self._identities:
            identity.check()

    # --- runs -----------------------------------------------------------------------------------------

    def run(self, name: str) -> Run:
        """Return the run called *name*; a unique beginning of its name is enough, or ``last``.

        Raises:
            RunNotFound: If there is none, or more than one.
        """
        query = select(runs).where(runs.c.state != LOADING)
        query = query.order_by(runs.c.number.desc())
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
        query = query.order_by(runs.c.number.desc()).limit(limit)
        with self.reading() as connection:
            return [run_of(row) for row in connection.execute(query).mappings()]

    def worker(self, run: str) -> str:
        """Return the name of the running process that works on *run*, or an empty text."""
        with self.reading() as connection:
            return self._worker(connection, run)

    def _worker(self, connection: Connection, run: str) -> str:
        found = connection.execute(select(*OWNER_COLUMNS).where(runs.c.id == run)).one()
        alive = is_alive(self.locks, found.owner, found.heartbeat, found.lease, time.time())
        return str(found.owner) if alive else ""

    def wish(self, run: str, wish: str) -> str:
        """Ask the process that works on *run* to ``pause`` or ``cancel``; return its name, or nothing."""
        with self.writing() as connection:
            worker = self._worker(connection, run)
            if not worker:
                return ""
            # A pause does not undo a cancel.
            kept = case((runs.c.wish == "cancel", "cancel"), else_=wish)
            connection.execute(update(runs).where(runs.c.id == run).values(wish=kept))
        return worker

    # --- items ----------------------------------------------------------------------------------------

    def pending(self, run: str, after: int, count: int) -> list[Item]:
        """Return the next *count* items after row *after* that are to be sent, in flight or in doubt."""
        unsent = items.c.phase.in_([phase.value for phase in (Phase.READY, Phase.SENT, Phase.DOUBT)])
        query = (
            select(*ITEM_COLUMNS)
            .where(items.c.run == run, items.c.row > after, unsent)
            .order_by(items.c.row)
            .limit(count)
        )
        with self.reading() as connection:
            return [item_of(row) for row in connection.execute(query).mappings()]

    def items(self, connection: Connection, run: str, keys: Sequence[str]) -> dict[str, Item]:
        """Return the items of *run* that have one of these keys, by key."""
        found: dict[str, Item] = {}
        for start in range(0, len(keys), 500):
            query = select(*ITEM_COLUMNS).where(
                items.c.run == run, items.c.key.in_(keys[start : start + 500])
            )
            found |= {row["key"]: item_of(row) for row in connection.execute(query).mappings()}
        return found

    def waiting(self, connection: Connection, run: str, after: int, count: int) -> list[Item]:
        """Return the next *count* PENDING items after row *after*, in file order."""
        pending = items.c.status == BulkItemStatus.PENDING.value
        query = select(*ITEM_COLUMNS).where(items.c.run == run, items.c.row > after, pending)
        rows = connection.execute(query.order_by(items.c.row).limit(count)).mappings()
        return [item_of(row) for row in rows]

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
        query = select(*ITEM_COLUMNS).where(
            items.c.run == run, items.c.phase == Phase.FOLLOWING.value, *conditions
        )
        with self.reading() as connection:
            return [item_of(row) for row in connection.execute(query).mappings()]

    def counts(self, run: str) -> dict[BulkItemStatus, int]:
        """Return how many items have each status; every status is included."""
        query = select(items.c.status, func.count()).where(items.c.run == run).group_by(items.c.status)
        with self.reading() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
        return {status: int(found.get(status.value, 0)) for status in BulkItemStatus}

    def rows(self, run: str) -> Iterator[tuple[Item, list[str]]]:
        """Yield every item of a run with its cells, in file order."""
        query = select(*ITEM_COLUMNS, items.c.cells).where(items.c.run == run).order_by(items.c.row)
        with self.reading() as connection:
            for row in connection.execution_options(yield_per=1000).execute(query).mappings():
                yield item_of(row), json.loads(row["cells"])

    # --- the database ---------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose changes are on disk when the block ends.

        Raises:
            RecordFailed: If they are not, or another process holds the journal for too long.
        """
        try:
            with self._engine.connect() as connection, ExitStack() as transaction:
                self._begin(connection, transaction)
                self._holder.enter()
                yield connection
        except DBAPIError as error:
            # A damaged file explains the database's error better.
            self.check_files()
            raise RecordFailed(str(self.path), str(error.orig), *_advice(error)) from error

    def _begin(self, connection: Connection, transaction: ExitStack) -> None:
        """Start to write once no other process does; log which process holds it up."""
        began, said = time.monotonic(), False
        says_after, patience = _PATIENCE
        while True:
            try:
                transaction.enter_context(connection.begin())
                return
            except DBAPIError as error:
                if not _is_busy(error):
                    raise
                waited = time.monotonic() - began
                if waited >= (_IMPATIENT if self._gave_up else patience):
                    self._gave_up = True
                    raise self._held(waited) from error
            if not said and time.monotonic() - began >= says_after:
                said = True
                _log.warning("waiting for the journal %s: held by %s", self.path, self._holder.describe())

    def _held(self, waited: float) -> RecordFailed:
        reason = f"for {waited:.0f} s it has been held by {self._holder.describe()}"
        return RecordFailed(
            str(self.path), reason, "wait for that process or end it, then continue with bulkps resume"
        )

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that only reads; it does not wait for processes that write."""
        try:
            with self._engine.connect() as connection:
                yield connection.execution_options(reads=True)
        except DBAPIError as error:
            self.check_files()
            raise RecordUnreadable(str(self.path), str(error.orig), *_advice(error)) from error


def _engine(path: Path) -> Engine:
    # URL.create, not a text: a ? in a folder's name would cut it short.
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        # pysqlite begins transactions late and commits before DDL; SQLAlchemy's recipe is to begin them here.
        connection.isolation_level = None
        # The first statement waits for a process that creates the journal. After that SQLite itself waits
        # only a second at a time, so bulkps can say which process it waits for.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=1000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(
            "BEGIN" if connection.get_execution_options().get("reads") else "BEGIN IMMEDIATE"
        )

    return engine


def _advice(error: DBAPIError) -> tuple[str, ...]:
    """Return what to do if the database is damaged; nothing for any other error."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    damaged = code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return (HARMED,) if damaged else ()


def _is_busy(error: DBAPIError) -> bool:
    """Return whether another connection is writing, and SQLite's own wait is over."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
