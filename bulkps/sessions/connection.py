"""What a connection is told: where it leads, how it signs in, how long it waits. No secret is in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

_STRICT = {"extra": "forbid"}


class ConnectionType(Enum):
    """The ways to a runspace."""

    SIMULATOR = "simulator"  #: A tenant in this process, or in a ``bulkps simulate`` process.
    WINRM = "winrm"  #: A management host, or a JEA endpoint on it.
    EXCHANGE = "exchange"  #: Exchange Server's own endpoint, no-language.


class Auth(Enum):
    """How a connection signs in."""

    BASIC = "basic"
    NEGOTIATE = "negotiate"
    KERBEROS = "kerberos"
    NTLM = "ntlm"


@dataclass(frozen=True)
class SimulatorSettings:
    """What the embedded simulator's tenant is like.

    Attributes:
        seed: What its mailboxes are made from; the shipped templates fit seed 1.
        mailboxes: How many inactive mailboxes, and as many active ones.
        latency: Seconds that every cmdlet takes.
        faults: Scripted faults, as ``bulkps simulate --faults`` takes them.
        budget: Cmdlets per seconds before it throttles, as ``20/5``; empty for no limit.
        no_language: Whether it behaves as a no-language endpoint.
        restore_seconds: How long a restore request takes.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = _STRICT

    seed: int = 1
    mailboxes: int = 1000
    latency: float = 0.0
    faults: str = ""
    budget: str = ""
    no_language: bool = False
    restore_seconds: float = 1.0


@dataclass(frozen=True)
class Connection:
    """One way to a runspace.

    Attributes:
        type: simulator, winrm or exchange.
        server: Host name or address; empty on type simulator for the embedded one.
        port: None for the type's own: winrm 5986 (5985 without TLS), exchange 443 (80 without TLS).
        tls: Whether the connection is encrypted with TLS.
        verify_certificate: Whether the server's certificate is checked.
        ca_file: A file of certificates to trust instead of the system's, or empty.
        path: The URL's path; empty for the type's own (``wsman``, ``PowerShell``).
        configuration: The configuration name; empty for the type's own (``Microsoft.PowerShell``,
            ``Microsoft.Exchange``). A JEA endpoint has a name of its own.
        auth: How to sign in.
        username: Who signs in. The password comes from the environment, a keyring or a prompt.
        operation_timeout: Seconds after which the server answers a wait for output at the latest.
        read_timeout: Seconds after which an HTTP answer that does not come is given up; more than
            operation_timeout.
        simulator: What the embedded simulator is like.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = _STRICT

    type: ConnectionType
    server: str = ""
    port: int | None = None
    tls: bool = True
    verify_certificate: bool = True
    ca_file: str = ""
    path: str = ""
    configuration: str = ""
    auth: Auth = Auth.NEGOTIATE
    username: str = ""
    operation_timeout: int = 20
    read_timeout: int = 30
    simulator: SimulatorSettings = field(default_factory=SimulatorSettings)

    def __post_init__(self) -> None:
        """Refuse a connection that cannot lead anywhere, or would send a password in clear text."""
        if self.type is not ConnectionType.SIMULATOR and not self.server:
            raise ValueError(f"server is required for type {self.type.value}")
        if self.read_timeout <= self.operation_timeout:
            raise ValueError(
                f"read_timeout ({self.read_timeout}) must be more than operation_timeout "
                f"({self.operation_timeout}): an idle wait is answered only after operation_timeout seconds"
            )
        clear = self.type is not ConnectionType.SIMULATOR and not self.tls
        if clear and self.auth is Auth.BASIC:
            raise ValueError("auth basic without tls would send the password in clear text; use tls: true")

    @property
    def simulated(self) -> bool:
        """Whether nothing real is at its end."""
        return self.type is ConnectionType.SIMULATOR

    @property
    def embedded(self) -> bool:
        """Whether the simulator runs in this process."""
        return self.simulated and not self.server
