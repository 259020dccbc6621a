"""Every way to a runspace that bulkps has, as something a test can open."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bulkps.exchange.calls_and_outcomes import Secret
from bulkps.resources import shipped
from bulkps.sessions.connection import Auth, Connection, ConnectionType, Credentials, ExchangeOnline
from bulkps.sessions.session import PSRPSession
from bulkps.sessions.session_factory import open_session
from bulkps.simulator import Simulator, SimulatorOptions, standin_path
from tests.contract.cmdlets import FURTHER
from tests.engines import PWSH

CONTRACT = Path(__file__).parent / "BulkPSContract"
MODULE = Path(str(shipped("scripts").joinpath("BulkPS")))
APP = "2f1a0e6c-5d3b-4c8e-9f70-1b2c3d4e5f60"
ORGANIZATION = "contoso.onmicrosoft.com"


@dataclass(frozen=True)
class Route:
    """A way to a runspace.

    Attributes:
        name: What it is.
        options: What its simulator is like.
        child: Whether it is a child process on this machine.
        signs_in: Whether it runs Connect-ExchangeOnline.
        real: Whether a real PowerShell is at its end.
        batching: Whether a batch is expected to run inside the engine.
    """

    name: str
    options: dict[str, Any]
    child: bool = False
    signs_in: bool = False
    real: bool = True
    batching: bool = True


_RELAY = {"engine": "powershell", "pwsh": Path(PWSH) if PWSH else None}
ROUTES = (
    Route("our endpoint, full", {}, real=False),
    Route("our endpoint, no-language", {"no_language": True}, real=False, batching=False),
    Route("WSMan to a real engine, full", {**_RELAY, "language": "full", "modules": (CONTRACT,)}),
    Route(
        "WSMan to a real engine, no-language",
        {**_RELAY, "language": "no-language", "modules": (CONTRACT,)},
        batching=False,
    ),
    Route(
        "WSMan to a real engine, JEA",
        {**_RELAY, "language": "jea", "modules": (MODULE, CONTRACT), "visible": ("Test-BulkPS*",)},
    ),
    Route("child process", {"rest": True}, child=True),
    Route("child process after Connect-ExchangeOnline", {"rest": True}, child=True, signs_in=True),
)


@dataclass
class Opened:
    """An open session on a route."""

    route: Route
    session: PSRPSession
    simulator: Simulator

    def kill(self) -> None:
        """End the engine at the other side."""
        if self.route.child:
            shell: Any = self.session._pool.shell
            shell.kill()
        elif self.route.real:
            self.simulator.kill_engines()
        else:
            self.simulator.stop()


def options_of(route: Route, **options: Any) -> SimulatorOptions:
    """Return what the simulator of *route* is like."""
    settings: dict[str, Any] = {"mailboxes": 30, "app_id": APP, "organization": ORGANIZATION}
    return SimulatorOptions(**{**settings, **route.options, **options})


@contextmanager
def opened(
    route: Route, monkeypatch: pytest.MonkeyPatch, item_timeout: float = 60, **options: Any
) -> Iterator[Opened]:
    """Give an open session on *route*."""
    with Simulator(options_of(route, **options), further=FURTHER) as simulator:
        connection = connection_of(route, simulator, monkeypatch)
        session = open_session(
            connection,
            Credentials(Secret("simulator")),
            item_timeout,
            ("Get-Mailbox", "Set-User", "New-Mailbox"),
        )
        try:
            yield Opened(route, session, simulator)
        finally:
            session.close()


def connection_of(route: Route, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """Return the connection that leads to *simulator* on *route*."""
    if not route.child:
        return Connection(
            ConnectionType.SIMULATOR,
            server="127.0.0.1",
            port=simulator.port,
            auth=Auth.BASIC,
            username="simulator",
            configuration="Microsoft.PowerShell",
        )
    monkeypatch.setenv("BULKPS_STANDIN_URL", simulator.rest_url)
    folders = [str(standin_path()), str(CONTRACT.parent), os.environ.get("PSModulePath", "")]  # noqa: SIM112
    monkeypatch.setenv("PSModulePath", os.pathsep.join(filter(None, folders)))
    online = (
        ExchangeOnline(ORGANIZATION, app_id=APP, certificate_thumbprint="8A3B") if route.signs_in else None
    )
    return Connection(ConnectionType.PROCESS, executable=PWSH, exchange_online=online)
