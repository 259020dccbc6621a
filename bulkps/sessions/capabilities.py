"""What an open session is, and which cmdlets and parameters it offers to this account."""

from collections.abc import Mapping
from dataclasses import dataclass

from bulkps.sessions.session_factory import Opened

_ENGINE = (
    "New-Object -TypeName PSObject -Property @{ Version = $PSVersionTable.PSVersion.ToString(); "
    "Edition = [string]$PSVersionTable.PSEdition; Platform = [System.Environment]::OSVersion.VersionString }"
)


@dataclass(frozen=True)
class SessionFacts:
    """Facts about a session.

    Attributes:
        engine: PowerShell's version and edition; empty if the session does not tell.
        language: ``full`` or ``no-language``.
        batching: Whether a batch runs inside the engine.
        exchange_online: Organization and module version, or empty.
        token_ends: Epoch seconds at which the token ends, or None.
    """

    engine: str
    language: str
    batching: bool
    exchange_online: str
    token_ends: float | None


def describe(opened: Opened) -> SessionFacts:
    """Return the facts about an open session.

    Raises:
        WIRE_ERRORS: If the session is lost.
    """
    online = opened.online
    connected = f"{online.organization}, ExchangeOnlineManagement {online.module}" if online else ""
    return SessionFacts(
        _engine(opened),
        "full" if opened.full_language else "no-language",
        opened.batching,
        connected,
        online.token_ends if online else None,
    )


def _engine(opened: Opened) -> str:
    if opened.full_language:
        for one in opened.ask.script(_ENGINE).output:
            return f"PowerShell {one.get('Version')} {one.get('Edition') or 'Desktop'}, {one.get('Platform')}"
    private = opened.pool.application_private_data
    table: Mapping[str, object] = getattr(private, "data", None) or {}
    version = table.get("PSVersionTable") if isinstance(table, dict) else None
    found = version.get("PSVersion") if isinstance(version, dict) else None
    return f"PowerShell {found}" if found else ""


def offered(opened: Opened, cmdlet: str) -> frozenset[str] | None:
    """Return the parameters of *cmdlet* that this account may use, lower-case; None if it may not use it.

    RBAC removes cmdlets *and parameters*: what is not granted does not exist (exchange-facts.md 1.2).

    Raises:
        WIRE_ERRORS: If the session is lost.
    """
    reply = opened.ask.cmdlet("Get-Command", Name=cmdlet, ErrorAction="SilentlyContinue")
    for one in reply.output:
        parameters = one.get("Parameters")
        if isinstance(parameters, dict):
            return frozenset(name.casefold() for name in parameters)
    return frozenset() if reply.output else None
