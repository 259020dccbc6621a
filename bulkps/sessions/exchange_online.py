"""Exchange Online in a session: one checked Connect-ExchangeOnline, with only the needed cmdlets.

exchange-facts.md section 1.1 says why: a connection belongs to one runspace, -CommandName keeps the module
small, and reconnecting for every row leaks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bulkps.exchange.calls_and_outcomes import ErrorRecord, Secret, Value
from bulkps.sessions.connection import ExchangeOnline
from bulkps.sessions.probe_pipelines import Asker

MODULE = "ExchangeOnlineManagement"
#: The first version whose cmdlets all use REST; older versions no longer connect.
OLDEST = "3.0.0"

_STATE = """
Get-ConnectionInformation | ForEach-Object {
    $ends = 0
    try { $ends = ([System.DateTimeOffset]$_.TokenExpiryTimeUTC).ToUnixTimeSeconds() } catch { $ends = 0 }
    New-Object -TypeName PSObject -Property @{
        State = [string]$_.State; TokenStatus = [string]$_.TokenStatus; TokenEnds = [long]$ends
        Organization = [string]$_.Organization; AppId = [string]$_.AppId
    }
}
"""


@dataclass(frozen=True)
class Connected:
    """A session's Exchange Online connection.

    Attributes:
        organization: As the connection reports it.
        token_ends: Epoch seconds at which the token ends; None if it is not known.
        module: The module's version.
    """

    organization: str
    token_ends: float | None
    module: str


class NotConnectedError(Exception):
    """Exchange Online could not be connected.

    Attributes:
        record: Why, as an ErrorRecord that the catalogue can classify.
    """

    def __init__(self, record: ErrorRecord) -> None:
        super().__init__(record.message)
        self.record = record


def connect(
    ask: Asker, settings: ExchangeOnline, cmdlets: Sequence[str], password: Secret | None
) -> Connected:
    """Sign the session in and check that it is connected.

    Raises:
        NotConnectedError: If the module is missing or too old, the sign-in was refused, or the connection
            does not exist afterwards.
        WIRE_ERRORS: If the session is lost.
    """
    module = _import_module(ask)
    refused = ask.cmdlet("Connect-ExchangeOnline", **_parameters(settings, cmdlets, password)).errors
    if refused:
        first = refused[0]
        text = f"Connect-ExchangeOnline was refused for {settings.organization}: {first.message}"
        raise NotConnectedError(ErrorRecord(text, first.exception_type, first.fully_qualified_error_id))
    found = [one for one in ask.script(_STATE).output if one.get("State") == "Connected"]
    active = [one for one in found if one.get("TokenStatus") in ("Active", None, "")]
    if not active:
        raise NotConnectedError(
            ErrorRecord(
                "BulkPS.NotConnected: Connect-ExchangeOnline reported no error, but "
                "Get-ConnectionInformation shows no connection that is Connected with an Active token "
                f"({len(found)} connected)"
            )
        )
    ends = float(active[-1].get("TokenEnds") or 0)
    return Connected(str(active[-1].get("Organization") or settings.organization), ends or None, module)


def _import_module(ask: Asker) -> str:
    """Load the module; return its version."""
    loaded = ask.cmdlet("Import-Module", Name=MODULE, MinimumVersion=OLDEST, PassThru=True)
    for one in loaded.output:
        if str(one.get("Name")) == MODULE:
            return str(one.get("Version") or "")
    there = ask.cmdlet("Get-Module", Name=MODULE, ListAvailable=True).output
    versions = ", ".join(str(one.get("Version")) for one in there)
    if versions:
        raise NotConnectedError(
            ErrorRecord(f"BulkPS.ModuleTooOld: {MODULE} {OLDEST} or later is needed, found {versions}")
        )
    reason = f" ({loaded.errors[0].message})" if loaded.errors else ""
    raise NotConnectedError(
        ErrorRecord(
            f"BulkPS.ModuleMissing: the module {MODULE} is not installed where the session runs{reason}"
        )
    )


def _parameters(
    settings: ExchangeOnline, cmdlets: Sequence[str], password: Secret | None
) -> dict[str, Value]:
    """Return the parameters of Connect-ExchangeOnline."""
    ways: dict[str, Value] = {
        "AppId": settings.app_id,
        "CertificateThumbprint": settings.certificate_thumbprint,
        "CertificateFilePath": settings.certificate_file,
        "CertificatePassword": password if settings.certificate_file else None,
        "ManagedIdentity": settings.managed_identity,
        "ManagedIdentityAccountId": settings.managed_identity_account_id,
    }
    return {
        **{name: value for name, value in ways.items() if value},
        "Organization": settings.organization,
        "ExchangeEnvironmentName": settings.environment,
        "CommandName": tuple(cmdlets),
        "ShowBanner": False,
        "SkipLoadingFormatData": True,
    }
