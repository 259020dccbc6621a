"""A simulated Exchange tenant behind a real WSMan and PSRP endpoint on loopback.

    with Simulator(SimulatorOptions(mailboxes=10)) as simulator:
        ...  # open a runspace pool at simulator.url

It imports nothing of bulkps but the cmdlet data, so that no mistake can be shared with what it tests.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from bulkps.simulator.faults import Budget, Faults
from bulkps.simulator.server import Server
from bulkps.simulator.service import Service
from bulkps.simulator.shells import Shells
from bulkps.simulator.tenant import Tenant
from bulkps.simulator.wsman import Endpoint

__all__ = ["Simulator", "SimulatorOptions", "Tenant"]

_COUNTED = frozenset({"restore-request", "mailbox-recovered", "user-set"})


@dataclass(frozen=True)
class SimulatorOptions:
    """What a simulator is like.

    Attributes:
        seed: What all names and GUIDs follow from; the shipped templates match seed 1.
        mailboxes: How many inactive and how many active mailboxes there are.
        latency: How long each cmdlet takes, in seconds.
        faults: What goes wrong, as ``Faults.parse`` reads it, such as ``transient=0.01,hang=0.001``.
        budget: How many cmdlets may run in a time, such as ``20/5`` for 20 in 5 s; empty for any number.
        no_language: Whether the endpoint is in no-language mode, like an Exchange server's.
        effects: File to which each change is appended as a JSON line as it happens.
        restore_seconds: How long a restore request takes, in seconds.
        failing_requests: Share of restore requests, 0 to 1, that end Failed.
        max_sessions: How many shells may be open at once.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        username: User name for Basic authentication.
        password: Password for Basic authentication.
        certificate: PEM file of a TLS certificate; plain HTTP without it.
        key: PEM file of the certificate's key.
    """

    seed: int = 1
    mailboxes: int = 1000
    latency: float = 0.0
    faults: str = ""
    budget: str = ""
    no_language: bool = False
    effects: Path | None = None
    restore_seconds: float = 1.0
    failing_requests: float = 0.0
    max_sessions: int = 25
    host: str = "127.0.0.1"
    port: int = 0
    username: str = "simulator"
    password: str = "simulator"  # noqa: S105 - guards nothing
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key must be given together")
        if not 0 <= self.failing_requests <= 1:
            raise ValueError(f"failing_requests must be from 0 to 1, not {self.failing_requests}")
        for name in ("mailboxes", "latency", "restore_seconds"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        Faults.parse(self.faults)
        Budget.parse(self.budget)


class Simulator:
    """A simulated tenant and its endpoint; a context manager that starts and stops it.

    Args:
        options: What it is like.
        clock: Tells the time in seconds since the epoch.

    Attributes:
        options: What it is like.
        tenant: The tenant behind it.
    """

    def __init__(
        self, options: SimulatorOptions | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.options = options or SimulatorOptions()
        chosen = self.options
        self.tenant = Tenant(chosen.seed, chosen.mailboxes, chosen.restore_seconds, chosen.failing_requests)
        self._clock = clock
        self._service: Service | None = None
        self._shells: Shells | None = None
        self._server: Server | None = None

    def __enter__(self) -> "Simulator":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to listen.

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
        )
        shells = Shells(service, chosen.max_sessions, chosen.no_language)
        pair = None if chosen.certificate is None or chosen.key is None else (chosen.certificate, chosen.key)
        try:
            address, credentials = (chosen.host, chosen.port), (chosen.username, chosen.password)
            self._server = Server(address, Endpoint(shells), credentials, pair)
        except BaseException:
            service.close()
            raise
        self._service, self._shells = service, shells
        self._server.start()

    def stop(self) -> None:
        """Close every session and connection. Requests that wait get no answer."""
        if self._server is None or self._shells is None or self._service is None:
            return
        self._shells.close_all()
        self._server.stop()
        # A request that was being answered while the server stopped may have opened one more.
        self._shells.close_all()
        self._service.close()
        self._server = None

    @property
    def port(self) -> int:
        """The port it listens on; 0 while it does not."""
        return 0 if self._server is None else int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The endpoint's URL."""
        scheme = "http" if self.options.certificate is None else "https"
        return f"{scheme}://{self.options.host}:{self.port}/wsman"

    @property
    def calls(self) -> dict[str, int]:
        """How often each cmdlet was called."""
        return {} if self._service is None else dict(self._service.calls)

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
