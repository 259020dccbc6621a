"""A mailbox of the simulated tenant, or another directory object, and the names that find it. Pure."""

from collections.abc import Callable, Mapping
from enum import Enum
from uuid import UUID

from bulkps.simulator.cmdlets.cmdlet_result import Value
from bulkps.simulator.tenant import fake_directory

Properties = Mapping[str, Value]
#: The properties whose values find an object.
KEYS = (
    "Guid", "ExchangeGuid", "DistinguishedName", "Identity", "PrimarySmtpAddress", "Alias", "Name",
    "UserPrincipalName", "LegacyExchangeDN", "ExternalDirectoryObjectId",
)  # fmt: skip

_NAMED_BY = (*KEYS, "WindowsEmailAddress")


class Kind(Enum):
    """The kind of an object, and the state of a mailbox."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    SOFT_DELETED = "soft-deleted"
    DISCONNECTED = "disconnected"  #: On-premises: in its database, without an account.
    NONE = "none"  #: A user without a mailbox.
    MAIL_USER = "mail user"  #: A user with a mailbox elsewhere.
    GROUP = "group"  #: A distribution group.
    CONTACT = "contact"  #: A mail contact.


#: Objects that are not deleted: no two of these may share a name.
LIVING = (Kind.ACTIVE, Kind.NONE, Kind.MAIL_USER, Kind.GROUP, Kind.CONTACT)


class Mailbox:
    """A mailbox, or another object that has a name in the directory.

    Args:
        kind: Whether it is active, inactive and so on.
        properties: Its properties under Exchange's names, or a function that creates them: for most mailboxes
            of a large tenant only a number is kept.
        size: The size of its primary mailbox in bytes; None if it is derived from its GUID.
        shown_from: From when it can be found, in seconds since the epoch.

    Attributes:
        kind: As the argument.
        size: As the argument.
        shown_from: As the argument.
    """

    __slots__ = ("_made", "kind", "shown_from", "size")

    def __init__(
        self,
        kind: Kind,
        properties: Properties | Callable[[], Properties],
        size: int | None = None,
        shown_from: float = 0.0,
    ) -> None:
        self.kind, self._made, self.size, self.shown_from = kind, properties, size, shown_from

    @property
    def properties(self) -> Properties:
        """Its properties. To change them, set a new mapping: earlier copies do not change."""
        return self._made() if callable(self._made) else self._made

    @properties.setter
    def properties(self, properties: Properties) -> None:
        self._made = properties

    @property
    def as_is(self) -> Properties | Callable[[], Properties]:
        """Its current properties, independent of later changes; or the function that creates them."""
        return self._made

    def text(self, name: str) -> str:
        """Return the property *name* as text."""
        return str(self.properties.get(name, ""))

    @property
    def exchange_guid(self) -> UUID:
        """Its ExchangeGuid; all zeros if it has no mailbox."""
        found = self.properties.get("ExchangeGuid", fake_directory.NO_GUID)
        return found if isinstance(found, UUID) else UUID(str(found))

    @property
    def key(self) -> str:
        """What it is counted by: its ExchangeGuid, or its Guid where it has no mailbox."""
        found = self.exchange_guid
        return self.text("Guid") if found == fake_directory.NO_GUID else str(found)

    @property
    def has_archive(self) -> bool:
        """Whether it has an archive."""
        return self.properties.get("ArchiveGuid", fake_directory.NO_GUID) != fake_directory.NO_GUID

    def addresses(self) -> list[str]:
        """Return the proxy addresses, each with its prefix."""
        return _addresses(self.properties)

    def known_as(self) -> set[str]:
        """Return every folded name that finds the mailbox."""
        found = self.properties
        texts = [str(found.get(name, "")) for name in _NAMED_BY]
        if external := found.get("ExternalEmailAddress"):
            texts.append(str(external).rpartition(":")[2])
        texts += [
            address.partition(":")[2] for address in _addresses(found) if address[:5].casefold() == "smtp:"
        ]
        return {text.casefold() for text in texts if text}


def _addresses(properties: Properties) -> list[str]:
    found = properties.get("EmailAddresses")
    return [str(address) for address in found] if isinstance(found, list) else []
