"""A mailbox of the simulated tenant, or another object of its directory, and by what it is found. Pure."""

from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from bulkps.simulator import people
from bulkps.simulator.answers import Value

#: The properties by whose values an object is found.
KEYS = (
    "Guid", "ExchangeGuid", "DistinguishedName", "Identity", "PrimarySmtpAddress", "Alias", "Name",
    "UserPrincipalName", "LegacyExchangeDN", "ExternalDirectoryObjectId",
)  # fmt: skip


class Kind(Enum):
    """What an object is, and what became of a mailbox."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    SOFT_DELETED = "soft-deleted"
    DISCONNECTED = "disconnected"  #: On-premises: in its database, without an account.
    NONE = "none"  #: A user who has no mailbox.
    MAIL_USER = "mail user"  #: A user whose mailbox is somewhere else.
    GROUP = "group"  #: A distribution group.
    CONTACT = "contact"  #: A mail contact.


#: What is not deleted: no two of these may share a name.
LIVING = (Kind.ACTIVE, Kind.NONE, Kind.MAIL_USER, Kind.GROUP, Kind.CONTACT)


@dataclass(eq=False)
class Mailbox:
    """A mailbox, or another object that has a name in the directory.

    Attributes:
        kind: Whether it is active, inactive and so on.
        properties: Its properties under Exchange's names.
        size: How many bytes its primary mailbox holds; None where its GUID says it.
        shown_from: From when on it is found, seconds since the epoch.
    """

    kind: Kind
    properties: dict[str, Value]
    size: int | None = None
    shown_from: float = 0.0

    def text(self, name: str) -> str:
        """Return the property *name* as text."""
        return str(self.properties.get(name, ""))

    @property
    def exchange_guid(self) -> UUID:
        """Its ExchangeGuid; nothing but zeros if it has no mailbox."""
        found = self.properties.get("ExchangeGuid", people.NO_GUID)
        return found if isinstance(found, UUID) else UUID(str(found))

    @property
    def has_archive(self) -> bool:
        """Whether it has an archive."""
        return self.properties.get("ArchiveGuid", people.NO_GUID) != people.NO_GUID

    def addresses(self) -> list[str]:
        """Return the proxy addresses, each with its prefix."""
        found = self.properties.get("EmailAddresses")
        return [str(address) for address in found] if isinstance(found, list) else []

    def known_as(self) -> set[str]:
        """Return every folded text by which the mailbox is found."""
        texts = [self.text(name) for name in KEYS]
        texts += [
            address.partition(":")[2] for address in self.addresses() if address[:5].casefold() == "smtp:"
        ]
        return {text.casefold() for text in texts if text}
