"""The settings of a connection: where it leads, how it signs in, how long it waits. It holds no secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import ClassVar

from bulkps.errors import FieldProblems
from bulkps.exchange.calls_and_outcomes import Secret

_STRICT = {"extra": "forbid"}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ConnectionType(Enum):
    """The ways to a runspace."""

    SIMULATOR = "simulator"  #: A tenant in this process, or in a ``bulkps simulate`` process.
    PROCESS = "process"  #: A child PowerShell on this machine.
    WINRM = "winrm"  #: A management host, or a JEA endpoint on it.
    EXCHANGE = "exchange"  #: Exchange Server's own endpoint, no-language.


class Auth(Enum):
    """How a connection signs in."""

    BASIC = "basic"
    NEGOTIATE = "negotiate"
    KERBEROS = "kerberos"
    NTLM = "ntlm"


@dataclass(frozen=True)
class ExchangeOnline:
    """How a session signs in to Exchange Online.

    Attributes:
        organization: The primary ``.onmicrosoft.com`` domain.
        app_id: The application's id, with one of the certificates.
        certificate_thumbprint: The thumbprint of a certificate in the user's store (Windows only).
        certificate_file: A .pfx file on the machine where the session runs; its password, if it has one,
            comes from BULKPS_CERTIFICATE_PASSWORD or the keyring.
        managed_identity: Whether the machine's managed identity in Azure signs in.
        managed_identity_account_id: Which user-assigned identity, or empty.
        environment: O365Default, O365USGovGCCHigh, O365USGovDoD, O365GermanyCloud or O365China.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = _STRICT

    organization: str
    app_id: str = ""
    certificate_thumbprint: str = ""
    certificate_file: str = ""
    managed_identity: bool = False
    managed_identity_account_id: str = ""
    environment: str = "O365Default"

    def __post_init__(self) -> None:
        """Refuse anything but exactly one complete way to sign in."""
        certificates = [name for name in (self.certificate_thumbprint, self.certificate_file) if name]
        if self.managed_identity == bool(self.app_id):
            raise ValueError("set either app_id (with a certificate) or managed_identity: true")
        if self.app_id and len(certificates) != 1:
            raise ValueError("app_id needs exactly one of certificate_thumbprint and certificate_file")
        if certificates and not self.app_id:
            raise ValueError("a certificate signs in for an application; set app_id too")
        if not self.organization.casefold().endswith(".onmicrosoft.com"):
            raise ValueError(
                f"organization must be the primary .onmicrosoft.com domain, not {self.organization!r}"
            )


@dataclass(frozen=True)
class Renewal:
    """How long a session may be used; 0 means without limit.

    Attributes:
        after_seconds: Its age.
        after_pipelines: Pipelines run in it. An endpoint stops answering after 1,000 that were not closed;
            bulkps closes its pipelines, so this is only a safety net.
        after_megabytes: The engine's memory. The Exchange Online module grows; WinRM ends a shell at its
            MaxMemoryPerShellMB (1,024 by default).
        before_token_end: Seconds before the Exchange Online token ends.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = _STRICT

    after_seconds: float = 7200.0
    after_pipelines: int = 900
    after_megabytes: int = 800
    before_token_end: float = 300.0

    def __post_init__(self) -> None:
        """Refuse negative values."""
        for name in ("after_seconds", "after_pipelines", "after_megabytes", "before_token_end"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")


@dataclass(frozen=True)
class SimulatorSettings:
    """The embedded simulator's tenant.

    Attributes:
        seed: The seed for its mailboxes; the shipped templates fit seed 1.
        mailboxes: How many inactive mailboxes, and as many active ones.
        latency: Seconds that every cmdlet takes.
        faults: Scripted faults, as ``bulkps simulate --faults`` takes them.
        budget: Cmdlets per seconds before it throttles, such as ``20/5``; empty for no limit.
        no_language: Whether it behaves as a no-language endpoint.
        restore_seconds: How long a restore request takes.
        provisioning_seconds: How long a recovered mailbox is not visible after its cmdlet has returned.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = _STRICT

    seed: int = 1
    mailboxes: int = 1000
    latency: float = 0.0
    faults: str = ""
    budget: str = ""
    no_language: bool = False
    restore_seconds: float = 1.0
    provisioning_seconds: float = 0.0


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
            ``Microsoft.Exchange``). A JEA endpoint has its own name.
        auth: How to sign in.
        username: Who signs in. The password comes from the environment, a keyring or a prompt.
        operation_timeout: The most seconds until the server answers a wait for output.
        read_timeout: Seconds after which bulkps stops waiting for an HTTP answer; more than
            operation_timeout.
        open_timeout: Seconds that opening a session may take in all, including the Exchange Online sign-in.
        executable: PowerShell for type process: an absolute path, or a name that is found on the PATH;
            empty for pwsh, else powershell.
        exchange_online: How the session signs in to Exchange Online (types process and winrm), or None.
        renew: How long a session may be used.
        simulator: The settings of the embedded simulator.
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
    open_timeout: int = 120
    executable: str = ""
    exchange_online: ExchangeOnline | None = None
    renew: Renewal = field(default_factory=Renewal)
    simulator: SimulatorSettings = field(default_factory=SimulatorSettings)

    def __post_init__(self) -> None:
        """Refuse a connection that cannot lead anywhere, or would send a password in clear text."""
        problems = [*self._reach_problems(), *self._sign_in_problems()]
        if self.read_timeout <= self.operation_timeout:
            sentence = (
                f"must be more than operation_timeout ({self.operation_timeout}), not {self.read_timeout}: "
                "an idle wait is answered only after operation_timeout seconds"
            )
            problems.append(("read_timeout", sentence))
        if self.open_timeout <= 0:
            problems.append(("open_timeout", f"must be more than 0 seconds, not {self.open_timeout}"))
        if problems:
            raise FieldProblems(problems)

    def _reach_problems(self) -> list[tuple[str, str]]:
        problems = []
        remote = self.type in (ConnectionType.WINRM, ConnectionType.EXCHANGE)
        if remote and not self.server:
            problems.append(("server", f"is required for type {self.type.value}"))
        if self.type is ConnectionType.PROCESS and self.server:
            problems.append(("server", "type process runs on this machine; use type winrm for another one"))
        if self.type is ConnectionType.SIMULATOR and self.server not in ("", *_LOOPBACK):
            # Behind another address there might be a real server.
            problems.append(
                ("server", f"a simulator runs only on this machine ({_LOOPBACK[0]}), not on {self.server!r}")
            )
        executable = Path(self.executable)
        if self.executable and not executable.is_absolute() and executable.name != self.executable:
            sentence = f"must be an absolute path or a name that is on the PATH, not {self.executable!r}"
            problems.append(("executable", sentence))
        if any(sign in self.server for sign in "/: ") and self.server not in _LOOPBACK:
            problems.append(("server", f"must be only a name or an address, not {self.server!r}"))
        if self.port is not None and not 0 < self.port < 65536:
            problems.append(("port", f"must be from 1 to 65535, not {self.port}"))
        return problems

    def _sign_in_problems(self) -> list[tuple[str, str]]:
        problems = []
        remote = self.type in (ConnectionType.WINRM, ConnectionType.EXCHANGE)
        if remote and not self.tls and self.auth is Auth.BASIC:
            problems.append(
                ("auth", "basic without tls would send the password in clear text; use tls: true")
            )
        if self.exchange_online and self.type not in (ConnectionType.PROCESS, ConnectionType.WINRM):
            problems.append(
                ("exchange_online", "needs type process or winrm: other sessions cannot sign in there")
            )
        return problems

    @property
    def place(self) -> str:
        """Where it leads, in words that do not change: a run is resumed only where it was started."""
        if self.embedded:
            return "the simulator inside bulkps"
        if self.type is ConnectionType.PROCESS:
            online = self.exchange_online
            return (
                f"PowerShell on this machine, {online.organization if online else 'not signed in by bulkps'}"
            )
        online = self.exchange_online
        signed_in = f", {online.organization}" if online else ""
        return f"{self.type.value} {self.server.casefold()}:{self.port or 'default'}/{self.path}{signed_in}"

    @property
    def simulated(self) -> bool:
        """Whether it leads to the simulator."""
        return self.type is ConnectionType.SIMULATOR

    @property
    def embedded(self) -> bool:
        """Whether the simulator runs in this process."""
        return self.simulated and not self.server


@dataclass(frozen=True)
class Credentials:
    """The secrets of a connection; they are never in settings.

    Attributes:
        password: For the connection's user, or None.
        certificate_password: For exchange_online's certificate file, or None.
    """

    password: Secret | None = None
    certificate_password: Secret | None = None
