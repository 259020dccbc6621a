"""Properties as a session gives them, for one person: deleted, and hired again."""

from datetime import UTC, datetime, timedelta

from bulkps.preflight.findings import Code, Finding, Severity
from bulkps.preflight.preflight_facts import Organization, PreflightFacts
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.row_intent import WantedRecovery, WantedRestore

NOW = datetime(2020, 12, 1, 12, tzinfo=UTC)
ROOT = "OU=contoso.onmicrosoft.com,DC=EURPR07A005,DC=prod,DC=outlook,DC=com"
LEGACY = "/o=ExchangeLabs/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn="
SOURCE = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
TARGET = "7d895d48-7e23-4a8d-8346-533c3beac15d"
ARCHIVE = "1bfe328f-3be7-4262-a19d-9b136f993e88"
DATABASE = "40169cc4-ad05-42a4-a9cb-c49427346652"
ENTRA = "9b52bf7a-b3b4-46a2-8630-8ecb29624696"
NO_GUID = "00000000-0000-0000-0000-000000000000"
UPN = "pilar.new@contoso.com"


def location(kind: str, guid: str = ARCHIVE) -> str:
    """Return an entry of MailboxLocations."""
    return f"1;{guid};{kind};eurprd07.prod.outlook.com;{DATABASE}"


#: Get-Mailbox -InactiveMailboxOnly of one that nothing speaks against.
INACTIVE: dict[str, object] = {
    "Guid": "aaaaaaaa-0000-4000-8000-000000000001",
    "ExchangeGuid": SOURCE.upper(),
    "DistinguishedName": f"CN=pilarp,OU=Soft Deleted Objects,{ROOT}",
    "LegacyExchangeDN": LEGACY + "9c8dfff651ec4908950f5df60cbbda06-pilarp",
    "UserPrincipalName": "pilarp@contoso.com",
    "Name": "pilarp",
    "EmailAddresses": ["SMTP:pilarp@contoso.com", "smtp:pilarp@contoso.onmicrosoft.com"],
    "RecipientType": "UserMailbox",
    "RecipientTypeDetails": "UserMailbox",
    "ExternalDirectoryObjectId": "",
    "IsInactiveMailbox": "True",
    "WasInactiveMailbox": "False",
    "InactiveMailboxRetireTime": None,
    "WhenSoftDeleted": "6/16/2020 1:19:04 AM",
    "ArchiveGuid": NO_GUID,
    "ArchiveStatus": "None",
    "AutoExpandingArchiveEnabled": "False",
    "MailboxLocations": [location("Primary", SOURCE)],
}
#: Get-Mailbox of the same person's new mailbox, which knows the old one.
ACTIVE: dict[str, object] = {
    "Guid": "aaaaaaaa-0000-4000-8000-000000000002",
    "ExchangeGuid": TARGET,
    "DistinguishedName": f"CN=pinilla,{ROOT}",
    "LegacyExchangeDN": LEGACY + "ba6f4ba25b62490aaaa253eea27426ab-pinilla",
    "UserPrincipalName": "pilar.pinilla@contoso.com",
    "Name": "pinilla",
    "EmailAddresses": ["SMTP:pilar.pinilla@contoso.com", f"x500:{str(INACTIVE['LegacyExchangeDN']).upper()}"],
    "RecipientType": "UserMailbox",
    "RecipientTypeDetails": "UserMailbox",
    "ExternalDirectoryObjectId": ENTRA,
    "IsInactiveMailbox": False,
    "WasInactiveMailbox": False,
    "WhenSoftDeleted": None,
    "IsDirSynced": False,
    "ArchiveGuid": NO_GUID,
    "ProhibitSendReceiveQuota": "100 GB (107,374,182,400 bytes)",
    "ArchiveQuota": "Unlimited",
}
SMALL = {"TotalItemSize": "16.09 MB (16,873,043 bytes)"}
BIG = {"TotalItemSize": "99 GB (106,300,440,576 bytes)"}
DOMAINS = [
    {"DomainName": "contoso.com", "AuthenticationType": "Managed"},
    {"DomainName": "Fed.contoso.com", "AuthenticationType": "Federated"},
    {"DomainName": "contoso.mail.onmicrosoft.com", "AuthenticationType": "Managed"},
    {"DomainName": "contoso.onmicrosoft.com", "AuthenticationType": "Managed"},
]
ORGANIZATION = Organization.from_properties(
    {"AutoExpandingArchiveEnabled": False, "InPlaceHolds": []}, DOMAINS
)
RECOVERY = WantedRecovery(SOURCE, UPN)
RESTORE = WantedRestore(SOURCE, "pilar.pinilla@contoso.com", "bulkps-1")


def inactive(*unread: str, **changed: object) -> Recipient:
    """Return the source with some properties changed and some not read."""
    found = {name: value for name, value in {**INACTIVE, **changed}.items() if name not in unread}
    return Recipient.from_properties(found, SMALL, SMALL)


def active(*unread: str, **changed: object) -> Recipient:
    """Return the target with some properties changed and some not read."""
    found = {name: value for name, value in {**ACTIVE, **changed}.items() if name not in unread}
    return Recipient.from_properties(found, SMALL, SMALL)


def soft_deleted(*unread: str, **changed: object) -> Recipient:
    """Return the source as one that no hold keeps."""
    return inactive(*unread, **{"IsInactiveMailbox": False, **changed})


def days_ago(days: float) -> str:
    """Return a moment before NOW as a session gives it."""
    return (NOW - timedelta(days=days)).isoformat()


def sound() -> PreflightFacts:
    """Return what is read around a row that nothing speaks against."""
    source = inactive()
    return PreflightFacts((source,), (active(),), (source, active()), (), ORGANIZATION)


def is_blocker(found: Finding | None, code: Code) -> bool:
    """Return whether *found* is a blocker of that code."""
    return found is not None and found.code is code and found.severity is Severity.BLOCKER


def is_warning(found: Finding | None, code: Code) -> bool:
    """Return whether *found* is a warning of that code."""
    return found is not None and found.code is code and found.severity is Severity.WARNING


def is_unchecked(found: Finding | None, code: Code) -> bool:
    """Return whether *found* notes that nobody looked for *code*."""
    return found is not None and found.code is Code.NOT_CHECKED and code.value in found.seen
