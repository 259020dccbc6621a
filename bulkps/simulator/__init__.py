"""A simulated Exchange tenant behind a real WSMan and PSRP endpoint on loopback.

    with Simulator(SimulatorOptions(mailboxes=10)) as simulator:
        ...  # open a runspace pool at simulator.url

It imports nothing from bulkps except the cmdlet data, so that it cannot share a mistake with the code it
tests.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from bulkps.simulator.cmdlets import invoke_batch, property_selection
from bulkps.simulator.cmdlets.cmdlet_service import Further, Service
from bulkps.simulator.cmdlets.cmdlet_table import HANDLERS
from bulkps.simulator.cmdlets.faults import Budget, Faults
from bulkps.simulator.cmdlets.rbac import Offer
from bulkps.simulator.options import Engine, Language, SimulatorOptions
from bulkps.simulator.powershell.pwsh_launcher import Launch
from bulkps.simulator.rest.auth import SignIn
from bulkps.simulator.rest.rest_api import RestFace, RestServer
from bulkps.simulator.tenant.blocked_mailboxes import Trouble
from bulkps.simulator.tenant.tenant import Tenant
from bulkps.simulator.wire.cmdlet_shell import CmdletShell, Opener, Shells
from bulkps.simulator.wire.wsman import Endpoint
from bulkps.simulator.wire.wsman_http import Server

__all__ = [
    "REHEARSED",
    "Engine",
    "Language",
    "Simulator",
    "SimulatorOptions",
    "Tenant",
    "Trouble",
    "standin_path",
]

#: The cmdlets that the tenant has rules for, by their documented names.
REHEARSED = frozenset(HANDLERS)
_COUNTED = frozenset({"restore-request", "mailbox-recovered", "user-set"})


def standin_path() -> Path:
    """Return the folder to put on PSModulePath so that ExchangeOnlineManagement is the stand-in."""
    return Path(__file__).resolve().parent / "powershell" / "standin"


class Simulator:
    """A simulated tenant and its endpoint; a context manager that starts and stops it.

    Args:
        options: What it is like.
        clock: Tells the time in seconds since the epoch.
        further: Cmdlets in addition to the tenant's own, on the Python endpoint.

    Attributes:
        options: What it is like.
        tenant: The tenant behind it.
    """

    def __init__(
        self,
        options: SimulatorOptions | None = None,
        clock: Callable[[], float] = time.time,
        further: Mapping[str, Further] | None = None,
    ) -> None:
        self.options = options or SimulatorOptions()
        chosen = self.options
        self.tenant = Tenant(
            chosen.seed,
            chosen.mailboxes,
            chosen.restore_seconds,
            chosen.failing_requests,
            on_premises=chosen.on_premises,
            troubles=chosen.troubles,
            provisioning_seconds=chosen.provisioning_seconds,
        )
        self._clock, self._further = clock, further
        self._service: Service | None = None
        self._shells: Shells | None = None
        self._server: Server | None = None
        self._rest: RestServer | None = None
        self._cleanup = ExitStack()

    def __enter__(self) -> "Simulator":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start to listen.

        Raises:
            OSError: The port is taken, or the effects file or a PEM file cannot be opened.
        """
        chosen = self.options
        service = Service(
            self.tenant,
            faults=Faults.parse(chosen.faults),
            budget=Budget.parse(chosen.budget),
            latency=chosen.latency,
            effects=chosen.effects,
            clock=self._clock,
            offer=self._offer(),
            further=self._further,
        )
        with ExitStack() as undo:
            undo.callback(service.close)
            rest = self._rest_server(service, undo)
            shells = Shells(chosen.max_sessions, self._opener(service, rest, undo))
            pair = (
                None if chosen.certificate is None or chosen.key is None else (chosen.certificate, chosen.key)
            )
            address, credentials = (chosen.host, chosen.port), (chosen.username, chosen.password)
            server = Server(address, Endpoint(shells), credentials, pair)
            self._cleanup = undo.pop_all()
        self._shells, self._server, self._rest, self._service = shells, server, rest, service
        server.start()

    def _offer(self) -> Offer:
        """Return what exists for the caller; a real engine shows its functions itself."""
        chosen = self.options
        batches = not chosen.real and chosen.spoken is not Language.NO_LANGUAGE
        functions = (
            {one.name: one for one in (invoke_batch.FACTS, property_selection.FACTS)} if batches else {}
        )
        return replace(chosen.offer(), functions=functions)

    def _rest_server(self, service: Service, undo: ExitStack) -> RestServer | None:
        chosen = self.options
        if not (chosen.rest or chosen.real):
            return None
        face = RestFace(service, SignIn(chosen.rules, self._clock))
        rest = RestServer((chosen.host, chosen.rest_port), face)
        rest.start()
        undo.callback(rest.stop)
        return rest

    def _opener(self, service: Service, rest: RestServer | None, undo: ExitStack) -> Opener:
        chosen = self.options
        if rest is None or not chosen.real:
            no_language = chosen.spoken is Language.NO_LANGUAGE
            return lambda shell_id, lost: CmdletShell(shell_id, lost, service, no_language)
        launch = Launch(chosen, _url(chosen.host, rest), standin_path())
        undo.callback(launch.close)
        return launch.open

    def stop(self) -> None:
        """Close every session and connection. Requests that wait get no answer."""
        if self._server is None or self._shells is None:
            return
        self._shells.close_all()
        self._server.stop()
        # A request that was in progress while the server stopped may have opened another one.
        self._shells.close_all()
        self._cleanup.close()
        self._server = self._rest = None

    def kill_engines(self) -> None:
        """Kill the real engine of every open shell: their sessions are lost."""
        if self._shells is not None:
            self._shells.kill_engines()

    @property
    def port(self) -> int:
        """The port it listens on; 0 while it does not."""
        return 0 if self._server is None else self._server.port

    @property
    def url(self) -> str:
        """The endpoint's URL."""
        scheme = "http" if self.options.certificate is None else "https"
        return f"{scheme}://{self.options.host}:{self.port}/wsman"

    @property
    def rest_url(self) -> str:
        """The REST service's URL, for BULKPS_STANDIN_URL; empty if there is none."""
        return "" if self._rest is None else _url(self.options.host, self._rest)

    @property
    def calls(self) -> dict[str, int]:
        """How often each cmdlet was called."""
        return {} if self._service is None else dict(self._service.calls)

    @property
    def batches(self) -> int:
        """How often Invoke-BulkPSBatch was called on the Python endpoint."""
        return 0 if self._service is None else self._service.batches

    @property
    def inventories(self) -> dict[str, int]:
        """How often each cmdlet read everything instead of a named object."""
        return {} if self._service is None else dict(self._service.inventories)

    def effects_by_mailbox(self, kind: str | None = None) -> dict[str, int]:
        """Return how many effects each mailbox had, by its ExchangeGuid.

        Args:
            kind: Count only effects of this kind. Without it ``restore-request``, ``mailbox-recovered`` and
                ``user-set`` are counted.
        """
        counted: dict[str, int] = {}
        for (one, mailbox), number in list(self.tenant.effects.items()):
            if one == kind or (kind is None and one in _COUNTED):
                counted[mailbox] = counted.get(mailbox, 0) + number
        return counted


def _url(host: str, rest: RestServer) -> str:
    return f"http://{host}:{rest.port}"
