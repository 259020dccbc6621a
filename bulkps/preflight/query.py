"""One read: a cmdlet that only reads, and what it is about. Pure.

Exchange answers an empty identity with every object (exchange-facts.md section 1.3). Here that cannot happen:
a read about one thing refuses an empty name, and an inventory has no name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from bulkps.exchange.calls_and_outcomes import Cmdlet, Value
from bulkps.exchange.cmdlet_metadata import cmdlet_facts

#: An inventory costs as much as this many single reads: it comes in slow pages of 1000 objects.
INVENTORY_COSTS = 20

#: The properties of a mailbox that the checks and the export read.
MAILBOX_PROPERTIES = (
    "Guid", "ExchangeGuid", "DistinguishedName", "LegacyExchangeDN", "UserPrincipalName", "Name", "Alias",
    "DisplayName", "EmailAddresses", "PrimarySmtpAddress", "RecipientType", "RecipientTypeDetails",
    "ExternalDirectoryObjectId", "IsInactiveMailbox", "WasInactiveMailbox", "InactiveMailboxRetireTime",
    "WhenSoftDeleted", "IsDirSynced", "ArchiveGuid", "ArchiveStatus", "AutoExpandingArchiveEnabled",
    "MailboxLocations", "ProhibitSendReceiveQuota", "UseDatabaseQuotaDefaults", "ArchiveQuota",
)  # fmt: skip
#: The properties that show why a mailbox is kept.
HOLD_PROPERTIES = (
    "LitigationHoldEnabled", "LitigationHoldDuration", "LitigationHoldDate", "LitigationHoldOwner",
    "InPlaceHolds", "ComplianceTagHoldApplied", "DelayHoldApplied", "DelayReleaseHoldApplied",
)  # fmt: skip
ORGANIZATION_PROPERTIES = ("AutoExpandingArchiveEnabled", "InPlaceHolds")
DOMAIN_PROPERTIES = ("DomainName", "Name", "AuthenticationType")
RECIPIENT_PROPERTIES = (
    "Guid", "ExchangeGuid", "ArchiveGuid", "DistinguishedName", "Name", "Alias", "EmailAddresses",
    "PrimarySmtpAddress", "RecipientType", "RecipientTypeDetails", "ExternalDirectoryObjectId",
    "WhenSoftDeleted",
)  # fmt: skip
USER_PROPERTIES = (
    "Guid", "DistinguishedName", "Name", "UserPrincipalName", "WindowsEmailAddress", "RecipientType",
    "RecipientTypeDetails", "ExternalDirectoryObjectId",
)  # fmt: skip
REQUEST_PROPERTIES = ("Name", "Status", "Identity", "RequestGuid", "TargetMailbox", "BatchName")
STATISTICS_PROPERTIES = (
    "MailboxGuid",
    "TotalItemSize",
    "ItemCount",
    "TotalDeletedItemSize",
    "DeletedItemCount",
)
DISCONNECTED_PROPERTIES = (
    "MailboxGuid", "DisplayName", "LegacyDN", "DisconnectReason", "DisconnectDate", "TotalItemSize",
)  # fmt: skip
REQUEST_STATISTICS_PROPERTIES = ("Identity", "Name", "Status", "SourceExchangeGuid", "TargetIsArchive")


#: Parameters that accept an asterisk as a wildcard (assumed for all that name an object).
_IDENTITIES = ("Identity", "TargetMailbox", "StoreMailboxIdentity")
#: Those of them that name the object itself; a target mailbox can have many requests.
_ONE = ("Identity", "StoreMailboxIdentity")


class Facet(Enum):
    """The kind of fact that a read returns."""

    ORGANIZATION = "organization"  #: Get-OrganizationConfig.
    DOMAINS = "domains"  #: Get-AcceptedDomain.
    MAILBOXES = "mailboxes"  #: Mailboxes: active, inactive, soft-deleted.
    DISCONNECTED = "disconnected"  #: On-premises: a mailbox in a database, without an account.
    RECIPIENTS = "recipients"  #: Every recipient that has a name, an address or a GUID.
    USERS = "users"  #: Accounts, also those without a mailbox.
    REQUESTS = "requests"  #: Restore requests of a target.
    REQUEST_STATISTICS = "request-statistics"  #: What an unfinished request copies.
    STATE = "state"  #: The properties of an object that a step sets.
    SIZES = "sizes"  #: A mailbox's size.
    ARCHIVE_SIZES = "archive-sizes"  #: Its archive's size.


@dataclass(frozen=True)
class Read:
    """A cmdlet to run before anything is sent.

    Attributes:
        facet: The kind of fact that it returns.
        cmdlet: The cmdlet to run.
        keep: The properties to keep.
        about: The name that it is about, folded; empty for an inventory.
        covers: The names that a list is about, one read for many.
        sought: The folded names that an inventory is read for: it is given up if few of its first objects
            have one of them. Empty reads all of it in any case.
    """

    facet: Facet
    cmdlet: Cmdlet
    keep: tuple[str, ...]
    about: str = ""
    covers: tuple[str, ...] = ()
    sought: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse an empty name: Exchange would return every object."""
        for name, value in self.cmdlet.parameters.items():
            if value is None or (isinstance(value, str) and not value.strip()):
                raise ValueError(f"{self.cmdlet.name} -{name} must not be empty: it would match every object")
            if name in _IDENTITIES and "*" in str(value):
                raise ValueError(f"{self.cmdlet.name} -{name} {value}: an asterisk can match many objects")
        named = {value.casefold() for value in self.cmdlet.parameters.values() if isinstance(value, str)}
        if self.about and self.about not in named:
            raise ValueError(f"{self.cmdlet.name} does not name {self.about}: it would match every object")

    @property
    def names_one(self) -> bool:
        """Whether it names one object, so that Exchange reports an error if it does not exist."""
        return any(name in _ONE for name in self.cmdlet.parameters)

    @property
    def within(self) -> str:
        """The database that it is limited to, folded; empty if it is not limited."""
        return str(self.cmdlet.parameters.get("Database") or "").casefold()

    @property
    def is_inventory(self) -> bool:
        """Whether it reads everything of its kind."""
        return not self.about and self.facet not in (Facet.ORGANIZATION, Facet.DOMAINS)


def everything(facet: Facet, cmdlet: str, keep: tuple[str, ...], *switches: str, database: str = "") -> Read:
    """Return the read of all objects, or of all in a *database* (on-premises)."""
    facts = cmdlet_facts(cmdlet)
    parameters: dict[str, Value] = dict.fromkeys(switches, True)
    if database:
        parameters["Database"] = database
    if facts and facts.parameter("ResultSize"):
        parameters["ResultSize"] = "Unlimited"
    return Read(facet, Cmdlet(cmdlet, parameters), keep)


def one(facet: Facet, cmdlet: str, keep: tuple[str, ...], by: dict[str, str], *switches: str) -> Read:
    """Return the read of the object that *by* (parameter to name) names.

    Raises:
        ValueError: If a name is empty: Exchange would return every object.
    """
    if not by:
        raise ValueError(f"{cmdlet} must name something")
    return Read(
        facet,
        Cmdlet(cmdlet, {**by, **dict.fromkeys(switches, True)}),
        keep,
        about=next(iter(by.values())).casefold(),
    )


def any_of(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the OPATH filter for every object that has one of these (property, value) pairs.

    Raises:
        ValueError: If there is none, or a value is empty.
    """
    parts = []
    for name, value in pairs:
        if not value.strip():
            raise ValueError(f"a filter for an empty {name} would match every object")
        escaped = value.replace("'", "''")
        parts.append(f"{name} -eq '{escaped}'")
    if not parts:
        raise ValueError("an empty filter would match every object")
    return " -or ".join(parts)
