"""Opens sessions for a connection; starts the embedded simulator where the connection is one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from bulkps.engine.ports import Connect, SessionRefusedError
from bulkps.exchange.cmdlet import Secret
from bulkps.sessions.connection import Auth, Connection, SimulatorSettings
from bulkps.sessions.session import PSRPSession
from bulkps.sessions.wsman import WIRE_ERRORS, build_wsman, open_pool, wire_record

#: The simulator's own account. It is no secret: nothing real is behind it.
SIMULATOR_USER = SIMULATOR_PASSWORD = "simulator"  # noqa: S105


@dataclass(frozen=True)
class Endpoint:
    """A connection that can be opened as often as sessions are wanted.

    Attributes:
        connect: Opens a session on the caller's thread.
        simulated: Whether nothing real is at its end.
    """

    connect: Connect
    simulated: bool


@contextmanager
def endpoint(connection: Connection, password: Secret | None, item_timeout: float) -> Iterator[Endpoint]:
    """Give an endpoint for *connection*; the embedded simulator runs inside the block.

    Args:
        connection: Where to.
        password: For the connection's user; None where none is needed.
        item_timeout: Seconds that one item may take.
    """
    if connection.simulated:
        connection = replace(connection, auth=Auth.BASIC, username=connection.username or SIMULATOR_USER)
        password = password or Secret(SIMULATOR_PASSWORD)
    if not connection.embedded:
        yield Endpoint(lambda: open_session(connection, password, item_timeout), connection.simulated)
        return
    # Loaded only here: a run against a real Exchange needs no simulator, and starts sooner without.
    from bulkps.simulator import Simulator, SimulatorOptions  # noqa: PLC0415

    options = SimulatorOptions(**_options(connection.simulator))
    with Simulator(options) as simulator:
        there = replace(connection, server="127.0.0.1", port=simulator.port)
        yield Endpoint(lambda: open_session(there, password, item_timeout), True)


def open_session(connection: Connection, password: Secret | None, item_timeout: float) -> PSRPSession:
    """Return an open session.

    Raises:
        SessionRefusedError: If it cannot be opened; nothing was sent.
    """
    wsman = None
    try:
        wsman = build_wsman(connection, password)
        pool = open_pool(connection, wsman)
    except (*WIRE_ERRORS, ValueError, ImportError) as error:
        if wsman is not None:
            wsman.close()
        raise SessionRefusedError(wire_record(error)) from error
    return PSRPSession(pool, item_timeout, wsman.close)


def _options(settings: SimulatorSettings) -> dict[str, Any]:
    return {**asdict(settings), "username": SIMULATOR_USER, "password": SIMULATOR_PASSWORD}
