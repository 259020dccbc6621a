"""The journal's tables, and the migrations of older journals."""

from collections.abc import Callable

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    func,
    inspect,
    select,
)

from bulkps.errors import UsageProblem

metadata = MetaData()

version = Table(
    "schema_version",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("operation", String(80), nullable=False),
    Column("operation_text", Text, nullable=False),
    Column("connection", String(80), nullable=False),
    Column("simulated", Integer, nullable=False),
    Column("place", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("header", Text, nullable=False),
    Column("carried", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("state", String(20), nullable=False),
    Column("detail", Text, nullable=False),
    Column("audit", Text, nullable=False),
    Column("audit_lines", Integer, nullable=False),
    Column("audit_head", String(64), nullable=False),
    Column("owner", String(120), nullable=False),
    Column("heartbeat", Float, nullable=False),
    Column("wish", String(10), nullable=False),
    Column("waited", Text, nullable=False, server_default="{}"),
    Column("preflight", Text, nullable=False, server_default="{}"),
    Column("passwords", Text, nullable=False, server_default="{}"),
    Column("number", Integer, nullable=False, server_default="0"),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("lease", Float, nullable=False, server_default="30"),
    Column("invocation", Text, nullable=False, server_default="{}"),
)

items = Table(
    "items",
    metadata,
    Column("run", String(40), primary_key=True),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("key", String(24), nullable=False),
    Column("content", String(24), nullable=False, server_default=""),
    Column("cells", Text, nullable=False),
    Column("values", Text, nullable=False),
    Column("status", String(12), nullable=False),
    Column("phase", String(10), nullable=False),
    Column("step", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", Float, nullable=False),
    Column("outputs", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("progress", String(40), nullable=False),
    Column("code", String(80), nullable=False),
    Column("error", Text, nullable=False),
    Column("advice", Text, nullable=False),
    Column("warnings", Text, nullable=False),
    Column("started_at", Float),
    Column("completed_at", Float),
    Column("doubtful", Integer, nullable=False, server_default="0"),
    Column("sent_at", Float),
    Column("changed", Integer, nullable=False, server_default="0"),
    Column("before", Text, nullable=False, server_default=""),
    Index("items_key", "run", "key", unique=True),
    Index("items_status", "run", "status", "row"),
    Index("items_phase", "run", "phase", "step", "ref"),
    Index("items_content", "content", "run"),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", String(40), nullable=False),
    Column("key", String(24), nullable=False),
    Column("at", Float, nullable=False),
    Column("event", String(40), nullable=False),
    Column("status", String(12), nullable=False),
    Column("step", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("code", String(80), nullable=False),
    Column("detail", Text, nullable=False),
    Index("events_run", "run", "key"),
)


def _know_contents(connection: Connection) -> None:
    """Version 2: how long a run waited; an item's content beside its key, and whether it is in doubt."""
    known = {column["name"] for column in inspect(connection).get_columns(items.name)}
    if items.c.content.name in known:
        # Version 1 was created by this bulkps, with all of its columns.
        return
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN waited TEXT NOT NULL DEFAULT '{}'")
    connection.exec_driver_sql("ALTER TABLE items ADD COLUMN content VARCHAR(24) NOT NULL DEFAULT ''")
    connection.exec_driver_sql("ALTER TABLE items ADD COLUMN doubtful INTEGER NOT NULL DEFAULT 0")
    connection.execute(items.update().values(content=items.c.key))
    for index in items.indexes:
        index.create(connection, checkfirst=True)


def _know_preflight(connection: Connection) -> None:
    """Version 3: what pre-flight found."""
    if runs.c.preflight.name not in {column["name"] for column in inspect(connection).get_columns(runs.name)}:
        connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN preflight TEXT NOT NULL DEFAULT '{}'")


def _know_passwords(connection: Connection) -> None:
    """Version 4: where generated passwords went, for the commands that continue the run."""
    if runs.c.passwords.name not in {column["name"] for column in inspect(connection).get_columns(runs.name)}:
        connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN passwords TEXT NOT NULL DEFAULT '{}'")


def _know_epochs(connection: Connection) -> None:
    """Version 5: the epoch of a take-over and the length of a lease; an order without a wall clock."""
    if runs.c.epoch.name in {column["name"] for column in inspect(connection).get_columns(runs.name)}:
        return
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN number INTEGER NOT NULL DEFAULT 0")
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0")
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN lease FLOAT NOT NULL DEFAULT 30")
    connection.exec_driver_sql("ALTER TABLE items ADD COLUMN sent_at FLOAT")
    connection.exec_driver_sql("ALTER TABLE items ADD COLUMN changed INTEGER NOT NULL DEFAULT 0")
    before = runs.alias("before")
    earlier = (before.c.created_at < runs.c.created_at) | (
        (before.c.created_at == runs.c.created_at) & (before.c.id <= runs.c.id)
    )
    number = select(func.count()).select_from(before).where(earlier).scalar_subquery()
    connection.execute(runs.update().values(number=number))
    mine = (events.c.run == items.c.run) & (events.c.key == items.c.key)
    last = select(func.coalesce(func.max(events.c.id), 0)).where(mine).scalar_subquery()
    connection.execute(items.update().values(changed=last))
    connection.execute(items.update().where(items.c.attempts > 0).values(sent_at=items.c.started_at))


def _know_invocation(connection: Connection) -> None:
    """Version 6: the options that the next command has to repeat."""
    if runs.c.invocation.name not in {
        column["name"] for column in inspect(connection).get_columns(runs.name)
    }:
        connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN invocation TEXT NOT NULL DEFAULT '{}'")


def _know_before(connection: Connection) -> None:
    """Version 7: what was there before an item was sent."""
    if items.c.before.name not in {column["name"] for column in inspect(connection).get_columns(items.name)}:
        connection.exec_driver_sql("ALTER TABLE items ADD COLUMN before TEXT NOT NULL DEFAULT ''")


#: The steps from version N to N + 1, in order; the first one creates version 1.
MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    metadata.create_all,
    _know_contents,
    _know_preflight,
    _know_passwords,
    _know_epochs,
    _know_invocation,
    _know_before,
)


def current_version(connection: Connection) -> int:
    """Return the version of the journal behind *connection*; 0 if there is none yet."""
    if not inspect(connection).has_table(version.name):
        return 0
    return int(connection.execute(select(func.max(version.c.version))).scalar() or 0)


def migrate(connection: Connection, source: str) -> None:
    """Migrate the journal behind *connection* to the newest version, in the caller's transaction.

    Raises:
        UsageProblem: If a newer bulkps wrote it.
    """
    version.create(connection, checkfirst=True)
    current = current_version(connection)
    if current > len(MIGRATIONS):
        raise UsageProblem(
            f"{source} was written by a newer bulkps (journal version {current}, this one supports "
            f"{len(MIGRATIONS)}); update bulkps"
        )
    for number, step in enumerate(MIGRATIONS[current:], current + 1):
        step(connection)
        connection.execute(version.insert().values(version=number))
