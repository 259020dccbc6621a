"""Opens sessions for a connection; starts the embedded simulator if the connection is one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from bulkps.engine.interfaces import ConnectReading, SessionRefusedError
from bulkps.exchange.calls_and_outcomes import ErrorRecord, Secret
from bulkps.sessions import exchange_online
from bulkps.sessions.batch_protocol import BATCH_FUNCTION, SELECT_FUNCTION, module_text
from bulkps.sessions.connection import Auth, Connection, ConnectionType, Credentials, SimulatorSettings
from bulkps.sessions.deadline import Deadline
from bulkps.sessions.probe_pipelines import Asker
from bulkps.sessions.process_transport import ChildConnection, ChildShell, find_powershell
from bulkps.sessions.runspace_pool import Pool, abandon, open_pool
from bulkps.sessions.session import PSRPSession
from bulkps.sessions.session_wear import Wear
from bulkps.sessions.wire_errors import wire_record
from bulkps.sessions.wsman_pool import build_pool, build_wsman

if TYPE_CHECKING:
    from bulkps.simulator import SimulatorOptions

#: The simulator's own account. It is not a secret: nothing real is behind it.
SIMULATOR_USER = SIMULATOR_PASSWORD = "simulator"  # noqa: S105


#: urllib3's errors in plain words.
_CAUSES = (
    ("CERTIFICATE_VERIFY_FAILED", "certificate verify failed for"),
    ("NewConnectionError", "cannot reach"),
    ("NameResolutionError", "cannot find"),
    ("ConnectTimeoutError", "no answer from"),
)


@dataclass(frozen=True)
class Endpoint:
    """A connection that can be opened once for each session.

    Attributes:
        connect: Opens a session on the caller's thread.
        simulated: Whether it leads to the simulator.
    """

    connect: ConnectReading
    simulated: bool


@dataclass(frozen=True)
class Opened:
    """An open pool, and the facts that were found while it was opened.

    Attributes:
        pool: The pool, with one runspace.
        ask: Runs small pipelines on it.
        close: Ends its transport, after the pool is closed.
        full_language: Whether script text may be run in it.
        batching: Whether Invoke-BulkPSBatch may be called in it.
        selecting: Whether Select-BulkPSProperty may be called in it.
        online: Its Exchange Online connection, or None.
    """

    pool: Pool
    ask: Asker
    close: Callable[[], None]
    full_language: bool
    batching: bool
    selecting: bool
    online: exchange_online.Connected | None


@contextmanager
def endpoint(
    connection: Connection,
    credentials: Credentials,
    item_timeout: float,
    cmdlets: Sequence[str],
    until: Sequence[str] = (),
) -> Iterator[Endpoint]:
    """Give an endpoint for *connection*; the embedded simulator runs inside the block.

    Args:
        connection: Where it leads.
        credentials: Its secrets.
        item_timeout: Seconds that one item may take.
        cmdlets: The cmdlets that will be sent.
        until: Regular expressions: after an error that matches one, the rest of its batch is not sent.
    """
    with reachable(connection, credentials) as (there, secrets):
        yield Endpoint(
            lambda: open_session(there, secrets, item_timeout, cmdlets, until), connection.simulated
        )


@contextmanager
def reachable(connection: Connection, credentials: Credentials) -> Iterator[tuple[Connection, Credentials]]:
    """Give *connection* and its secrets ready to be opened, with the embedded simulator started."""
    if connection.simulated:
        connection = replace(connection, auth=Auth.BASIC, username=connection.username or SIMULATOR_USER)
        credentials = replace(credentials, password=credentials.password or Secret(SIMULATOR_PASSWORD))
    if not connection.embedded:
        yield connection, credentials
        return
    from bulkps.simulator import Simulator  # noqa: PLC0415 - as in simulator_options

    with Simulator(simulator_options(connection.simulator)) as simulator:
        yield replace(connection, server="127.0.0.1", port=simulator.port), credentials


def open_session(
    connection: Connection,
    credentials: Credentials,
    item_timeout: float,
    cmdlets: Sequence[str],
    until: Sequence[str] = (),
) -> PSRPSession:
    """Return an open session.

    Raises:
        SessionRefusedError: If it cannot be opened; nothing was sent.
    """
    opened = open_one(connection, credentials, cmdlets)
    wear = Wear(
        connection.renew,
        opened.online.token_ends if opened.online else None,
        can_ask=opened.full_language,
    )
    return PSRPSession(
        opened.pool,
        opened.ask.patience,
        item_timeout,
        batching=opened.batching,
        selecting=opened.selecting,
        wear=wear,
        until=until,
        on_close=opened.close,
    )


def open_one(connection: Connection, credentials: Credentials, cmdlets: Sequence[str]) -> Opened:
    """Return an open pool, signed in to Exchange Online if the connection says so.

    Raises:
        SessionRefusedError: If it cannot be opened.
    """
    deadline = Deadline()
    pool: Pool | None = None
    close: Callable[[], None] = _nothing
    try:
        with deadline.within(connection.open_timeout, "open_timeout"):
            pool, close = _build(connection, credentials, deadline)
            deadline.stage = "the session was opened"
            open_pool(pool)
            return _equip(pool, close, connection, credentials, cmdlets)
    except exchange_online.NotConnectedError as error:
        _give_up(connection, pool, close)
        raise SessionRefusedError(error.record) from error
    except Exception as error:  # with a strange server a library may raise anything
        _give_up(connection, pool, close)
        raise SessionRefusedError(_refusal(connection, error)) from error


def _build(
    connection: Connection, credentials: Credentials, deadline: Deadline
) -> tuple[Pool, Callable[[], None]]:
    """Return a pool that is not open yet, and a function that ends its transport."""
    if connection.type is not ConnectionType.PROCESS:
        wsman = build_wsman(connection, credentials.password, deadline)
        return build_pool(connection, wsman), wsman.close
    shell = ChildShell(
        find_powershell(connection.executable),
        (),
        connection.operation_timeout,
        connection.read_timeout,
        deadline,
    )
    # pypsrp reaches the wire only through pool.shell, and asks its connection only for sizes.
    return Pool(ChildConnection(connection.operation_timeout), shell, deadline), shell.kill


def _equip(
    pool: Pool,
    close: Callable[[], None],
    connection: Connection,
    credentials: Credentials,
    cmdlets: Sequence[str],
) -> Opened:
    ask = Asker(pool, connection.operation_timeout, connection.open_timeout)
    online = None
    if connection.exchange_online:
        pool.deadline.stage = "it signed in to Exchange Online"
        online = exchange_online.connect(
            ask, connection.exchange_online, cmdlets, credentials.certificate_password
        )
    # Exchange Server's own endpoint is no-language, so script text is not even tried there.
    pool.deadline.stage = "it was asked what it offers"
    scripts = connection.type is not ConnectionType.EXCHANGE
    full_language = scripts and not ask.script("1").errors
    if full_language:
        # Our own version, not the one that may be installed there: both sides must match.
        ask.script(module_text())
    offered = _own_functions(ask)
    batching, selecting = _offers_batches(offered), SELECT_FUNCTION in offered
    pool.deadline.stage = ""
    return Opened(pool, ask, close, full_language, batching, selecting, online)


def _own_functions(ask: Asker) -> Mapping[str, Mapping[str, object]]:
    """Return the functions of our module that may be called, by name."""
    names = (BATCH_FUNCTION, SELECT_FUNCTION)
    found = ask.cmdlet("Get-Command", Name=names, ErrorAction="SilentlyContinue").output
    return {str(one.get("Name")): one for one in found}


def _offers_batches(offered: Mapping[str, Mapping[str, object]]) -> bool:
    """Return whether our function for batches may be called."""
    found = offered.get(BATCH_FUNCTION)
    parameters = found.get("Parameters") if found else None
    if isinstance(parameters, dict):
        # An endpoint may have an older version, which would start items after their time.
        return "within" in map(str.casefold, parameters)
    return bool(found)


def _refusal(connection: Connection, error: BaseException) -> ErrorRecord:
    record = wire_record(error)
    if connection.type is ConnectionType.PROCESS:
        return replace(record, message=f"PowerShell on this machine could not be used: {record.message}")
    port = f" port {connection.port}" if connection.port else ""
    # People know the innermost cause: "Connection refused", "Name or service not known".
    cause = next((text for name, text in _CAUSES if name in record.message), "")
    # Remove only the wrapping: a parenthesis that opens inside the text keeps its other half.
    inner = record.message.rpartition(": ")[2].rstrip("'\") ") if cause else record.message
    inner += ")" * (inner.count("(") - inner.count(")"))
    return replace(
        record,
        message=f"{cause or 'no session at'} {connection.server}{port}: {inner}",
        reason=_reason(record),
    )


def _reason(record: ErrorRecord) -> str:
    """Return urllib3's name for it: the catalogue matches it, and no person needs to read it."""
    return next((name for name, _ in _CAUSES if name in record.message), record.reason)


def _give_up(connection: Connection, pool: Pool | None, close: Callable[[], None]) -> None:
    # A server keeps a session until it is deleted; our own child process is simply ended.
    if pool is not None and connection.type is not ConnectionType.PROCESS:
        abandon(pool)
    close()


def _nothing() -> None:
    """There is nothing to close yet."""


def simulator_options(settings: SimulatorSettings) -> "SimulatorOptions":
    """Return the embedded simulator's options.

    Raises:
        ValueError: If a setting is invalid, with its name.
    """
    # Imported only here: a run against a real Exchange needs no simulator, and starts faster without it.
    from bulkps.simulator import SimulatorOptions  # noqa: PLC0415

    return SimulatorOptions(**asdict(settings), username=SIMULATOR_USER, password=SIMULATOR_PASSWORD)
