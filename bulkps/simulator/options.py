"""The options of a simulator."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from bulkps.simulator.cmdlets.faults import Budget, Faults
from bulkps.simulator.cmdlets.rbac import ONLINE, Offer
from bulkps.simulator.rest.auth import SignInRules

#: The release of Exchange Server that it is on-premises: Subscription Edition.
_SERVER = "SE"


class Engine(Enum):
    """What runs the pipelines behind the WSMan endpoint."""

    PYTHON = "python"  #: The simulator itself: cmdlets and Invoke-BulkPSBatch, no script.
    POWERSHELL = "powershell"  #: A real engine, one child process a shell.


class Language(Enum):
    """What a session may say."""

    FULL = "full"  #: Anything; without a real engine cmdlets and ``Invoke-BulkPSBatch``.
    NO_LANGUAGE = "no-language"  #: Cmdlets only, as on an Exchange server.
    JEA = "jea"  #: Cmdlets and ``Invoke-BulkPSBatch``, as on a management host with a JEA endpoint.


@dataclass(frozen=True)
class SimulatorOptions:
    """The options of a simulator.

    Attributes:
        seed: The seed of all names and GUIDs; the shipped templates match seed 1.
        mailboxes: How many inactive and how many active mailboxes there are.
        latency: How long each cmdlet takes, in seconds.
        faults: Faults, as ``Faults.parse`` reads them, such as ``transient=0.01,hang=0.001``.
        budget: How many cmdlets may run in a time, such as ``20/5`` for 20 in 5 s; empty for any number.
        no_language: Short for language ``no-language``.
        effects: File to which each change is appended at once as a JSON line.
        restore_seconds: How long a restore request takes, in seconds.
        provisioning_seconds: How long a recovered mailbox cannot be found after its cmdlet has returned.
        troubles: Whether there are also mailboxes that cannot be recovered or restored, one for each blocker.
        failing_requests: Share of restore requests, 0 to 1, that end Failed.
        hidden_parameters: What the caller's roles remove, such as
            ``New-MailboxRestoreRequest:AllowLegacyDNMismatch,New-Mailbox:*``.
        on_premises: Whether it is an Exchange Server with its cmdlets, and not Exchange Online.
        max_sessions: How many shells may be open at once.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        username: User name for Basic authentication.
        password: Password for Basic authentication.
        certificate: PEM file of a TLS certificate; plain HTTP without it.
        key: PEM file of the certificate's key.
        engine: What runs the pipelines: ``python`` or ``powershell``.
        pwsh: The real engine's executable; without it ``pwsh``, then ``powershell``, on PATH.
        language: ``full``, ``no-language`` or ``jea``; the last needs a real engine.
        preconnected: Whether a shell of a real engine in full language has connected to Exchange Online
            before its client comes. The restricted ones always have: their client could not.
        modules: Folders of modules that a shell of a real engine imports.
        visible: Their functions that a JEA shell shows in addition to Invoke-BulkPSBatch; wildcards are
            allowed.
        rest: Whether there is a REST service. With a real engine behind the endpoint there always is.
        rest_port: Port of the REST service; 0 takes a free one.
        token_seconds: How long a token of the REST service is valid.
        app_id: The only application that may sign in there; empty for any.
        organization: The only organization that it may name; empty for any.
        thumbprint: The only certificate that it may show; empty for any.
    """

    seed: int = 1
    mailboxes: int = 1000
    latency: float = 0.0
    faults: str = ""
    budget: str = ""
    no_language: bool = False
    effects: Path | None = None
    restore_seconds: float = 1.0
    provisioning_seconds: float = 0.0
    troubles: bool = True
    failing_requests: float = 0.0
    hidden_parameters: str = ""
    on_premises: bool = False
    max_sessions: int = 25
    host: str = "127.0.0.1"
    port: int = 0
    username: str = "simulator"
    password: str = "simulator"  # noqa: S105 - guards nothing
    certificate: Path | None = None
    key: Path | None = None
    engine: str = "python"
    pwsh: Path | None = None
    language: str = ""
    preconnected: bool = True
    modules: tuple[Path, ...] = ()
    visible: tuple[str, ...] = ()
    rest: bool = False
    rest_port: int = 0
    token_seconds: float = 3600.0
    app_id: str = ""
    organization: str = ""
    thumbprint: str = ""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key must be given together")
        if not 0 <= self.failing_requests <= 1:
            raise ValueError(f"failing_requests must be from 0 to 1, not {self.failing_requests}")
        for name in ("mailboxes", "latency", "restore_seconds", "provisioning_seconds", "token_seconds"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        Faults.parse(self.faults)
        Budget.parse(self.budget)
        self.offer()
        Engine(self.engine)
        if self.no_language and self.spoken is not Language.NO_LANGUAGE:
            raise ValueError(f"no_language cannot be combined with language {self.language!r}")
        if self.spoken is Language.JEA and not self.real:
            raise ValueError("language 'jea' needs engine 'powershell': its batches are PowerShell")

    def offer(self) -> Offer:
        """Return the cmdlets and parameters that exist for the caller."""
        return Offer.parse(self.hidden_parameters, _SERVER if self.on_premises else ONLINE)

    @property
    def real(self) -> bool:
        """Whether a real engine runs the pipelines."""
        return Engine(self.engine) is Engine.POWERSHELL

    @property
    def spoken(self) -> Language:
        """What a session may say."""
        return Language(self.language or ("no-language" if self.no_language else "full"))

    @property
    def rules(self) -> SignInRules:
        """The rules for a sign-in to the REST service."""
        return SignInRules(self.app_id, self.organization, self.thumbprint, self.token_seconds)
