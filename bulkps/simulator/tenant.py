"""The simulated Exchange tenant: its mailboxes and restore requests, and what can be found in it.

Pure: no clock, chance, file, network, thread or log. Time comes in as ``now``, in seconds since the epoch.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from uuid import UUID

from bulkps.simulator import people
from bulkps.simulator.answers import ErrorInfo, Refused, Value

_SOFT_DELETED_COUNT = 20
#: How many disconnected mailboxes there are on-premises, and as many users without a mailbox.
DISCONNECTED_COUNT = 20
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


@dataclass(eq=False)
class RestoreRequest:
    """A mailbox restore request and how far it is.

    Attributes:
        name: Its name, unique for its target.
        guid: Its RequestGuid.
        batch: Its BatchName, or empty.
        source: The mailbox that is read.
        target: The mailbox that is written.
        created: When it was made, seconds since the epoch.
        fails: Whether it ends Failed.
        suspended_at: When it was suspended, or None while it runs.
        rested: Seconds that it spent suspended so far.
        parameters: What New-MailboxRestoreRequest was given.
    """

    name: str
    guid: UUID
    batch: str
    source: Mailbox
    target: Mailbox
    created: float
    fails: bool
    suspended_at: float | None = None
    rested: float = 0.0
    parameters: Mapping[str, Value] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """The request's Identity: the target's alias, a backslash and the name."""
        return f"{self.target.text('Alias')}\\{self.name}"

    def worked(self, now: float) -> float:
        """Return how many seconds were spent on it until *now*."""
        return (now if self.suspended_at is None else self.suspended_at) - self.created - self.rested


class Tenant:
    """Mailboxes and restore requests of an organization, as its cmdlets see them.

    Mailbox *i* exists twice: inactive, and active for the same person hired again, whose active mailbox
    has the old LegacyExchangeDN as an X500 address. So restoring *i* into *i* works, and any other pair
    is refused unless AllowLegacyDNMismatch is given.

    Args:
        seed: What all names and GUIDs follow from.
        mailboxes: How many inactive and how many active mailboxes there are.
        restore_seconds: How long a restore request takes, in seconds.
        failing_requests: Share of restore requests, 0 to 1, that end Failed.
        on_premises: Whether it is an Exchange Server's: with disconnected mailboxes and users without one in
            place of inactive and soft-deleted mailboxes.

    Attributes:
        permissions: Rights by the ExchangeGuids of the mailbox and of the user who has them.
        effects: How often each change was made, by its kind and the mailbox's ExchangeGuid.
        received_passwords: Every password that arrived, in memory only, for tests.
    """

    def __init__(
        self,
        seed: int,
        mailboxes: int = 1000,
        restore_seconds: float = 1.0,
        failing_requests: float = 0.0,
        *,
        on_premises: bool = False,
    ) -> None:
        self.on_premises = on_premises
        self.permissions: dict[tuple[str, str], set[str]] = {}
        self.seed, self.restore_seconds, self.failing_requests = seed, restore_seconds, failing_requests
        self.effects: Counter[tuple[str, str]] = Counter()
        self.received_passwords: list[str] = []
        self._mailboxes: list[Mailbox] = []
        self._found_by: dict[str, list[Mailbox]] = {}
        self._requests: dict[str, RestoreRequest] = {}
        self._requests_by_target: dict[UUID, dict[str, RestoreRequest]] = {}
        for index in range(mailboxes):
            if not on_premises:
                self.add(Mailbox(Kind.INACTIVE, people.inactive_mailbox(seed, index)))
            self.add(Mailbox(Kind.ACTIVE, people.active_mailbox(seed, index)))
        for index in range(0 if on_premises else _SOFT_DELETED_COUNT):
            self.add(Mailbox(Kind.SOFT_DELETED, people.soft_deleted_mailbox(seed, index)))
        for bystander, properties in () if on_premises else _bystanders(seed):
            self.add(Mailbox(bystander, properties))
        for index in range(DISCONNECTED_COUNT if on_premises else 0):
            self.add(Mailbox(Kind.DISCONNECTED, people.disconnected_mailbox(seed, index)))
            self.add(Mailbox(Kind.NONE, people.plain_user(seed, index)))

    def inactive(self, index: int) -> dict[str, Value]:
        """Return the properties with which inactive mailbox *index* begins."""
        return people.inactive_mailbox(self.seed, index)

    def active(self, index: int) -> dict[str, Value]:
        """Return the properties with which active mailbox *index* begins."""
        return people.active_mailbox(self.seed, index)

    def soft_deleted(self, index: int) -> dict[str, Value]:
        """Return the properties of soft-deleted mailbox *index*, 0 to 19."""
        return people.soft_deleted_mailbox(self.seed, index)

    def add(self, mailbox: Mailbox) -> None:
        """Add *mailbox* to what can be found."""
        self._mailboxes.append(mailbox)
        self._index(mailbox)

    def change(self, mailbox: Mailbox, kind: Kind, properties: Mapping[str, Value]) -> None:
        """Set *properties* of *mailbox* and find it by its new names from now on."""
        for key in mailbox.known_as():
            self._found_by[key].remove(mailbox)
        mailbox.kind = kind
        mailbox.properties.update(properties)
        self._index(mailbox)

    def remove(self, mailbox: Mailbox) -> None:
        """Forget *mailbox*."""
        for key in mailbox.known_as():
            self._found_by[key].remove(mailbox)
        self._mailboxes.remove(mailbox)

    def _index(self, mailbox: Mailbox) -> None:
        for key in mailbox.known_as():
            self._found_by.setdefault(key, []).append(mailbox)

    def mailboxes(self, kinds: Iterable[Kind]) -> list[Mailbox]:
        """Return all mailboxes of *kinds*."""
        wanted = frozenset(kinds)
        return [mailbox for mailbox in self._mailboxes if mailbox.kind in wanted]

    def matches(self, identity: str, kinds: Iterable[Kind]) -> list[Mailbox]:
        """Return the mailboxes of *kinds* that *identity* names."""
        wanted = frozenset(kinds)
        # A GUID may come in braces or upper case; anything else is compared without regard to case.
        return [m for m in self._found_by.get(identity.strip("{}").casefold(), ()) if m.kind in wanted]

    def find(self, identity: str, kinds: Iterable[Kind]) -> Mailbox:
        """Return the one mailbox of *kinds* that *identity* names.

        Raises:
            Refused: There is none, or more than one.
        """
        return only(identity, self.matches(identity, kinds))

    def requests(self) -> list[RestoreRequest]:
        """Return all restore requests, oldest first."""
        return list(self._requests.values())

    def requests_of(self, target: Mailbox) -> dict[str, RestoreRequest]:
        """Return the restore requests into *target* by folded name."""
        return dict(self._requests_by_target.get(_exchange_guid(target), {}))

    def request(self, identity: str) -> RestoreRequest:
        r"""Return the restore request that *identity* names: ``target\name``, or its RequestGuid.

        Raises:
            Refused: There is none.
        """
        owner, _, name = identity.partition("\\")
        for target in self.matches(owner, (Kind.ACTIVE,)) if name else ():
            if found := self._requests_by_target.get(_exchange_guid(target), {}).get(name.casefold()):
                return found
        if found := self._requests.get(identity.casefold()):
            return found
        raise not_found(identity)

    def add_request(self, request: RestoreRequest) -> None:
        """Keep *request*."""
        self._requests[str(request.guid)] = request
        of_target = self._requests_by_target.setdefault(_exchange_guid(request.target), {})
        of_target[request.name.casefold()] = request

    def remove_request(self, request: RestoreRequest) -> None:
        """Forget *request*."""
        del self._requests[str(request.guid)]
        del self._requests_by_target[_exchange_guid(request.target)][request.name.casefold()]

    def status(self, request: RestoreRequest, now: float) -> str:
        """Return the Status of *request* at *now*."""
        worked = request.worked(now)
        if worked >= self.restore_seconds:
            return "Failed" if request.fails else "Completed"
        if request.suspended_at is not None:
            return "Suspended"
        return "Queued" if worked < self.restore_seconds / 3 else "InProgress"

    def progress(self, request: RestoreRequest, now: float) -> float:
        """Return which share of *request* is done at *now*, 0 to 1."""
        if self.status(request, now) in {"Completed", "Failed"}:
            return 1.0
        first = self.restore_seconds / 3
        return max(0.0, (request.worked(now) - first) / (self.restore_seconds - first))


def only(identity: str, found: list[Mailbox]) -> Mailbox:
    """Return the one object that was *found* for *identity*.

    Raises:
        Refused: There is none, or more than one.
    """
    if not found:
        raise not_found(identity)
    if len(found) > 1:
        raise ambiguous(identity)
    return found[0]


def moment(now: float) -> datetime:
    """Return *now*, seconds since the epoch, as a UTC datetime."""
    return datetime.fromtimestamp(now, UTC)


def not_found(identity: str) -> Refused:
    """Return Exchange's error for an *identity* that names nothing."""
    return Refused(
        ErrorInfo(
            f"The operation couldn't be performed because object '{identity}' couldn't be found on "
            f"'{people.SERVER}'.",
            "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
            target=identity,
        )
    )


def ambiguous(identity: str) -> Refused:
    """Return Exchange's error for an *identity* that names several objects."""
    return Refused(
        ErrorInfo(
            f"The operation couldn't be performed because '{identity}' matches multiple entries.",
            "Microsoft.Exchange.Configuration.Tasks.ManagementObjectAmbiguousException",
            target=identity,
        )
    )


def _bystanders(seed: int) -> Iterable[tuple[Kind, dict[str, Value]]]:
    """Yield one of each kind that has a name and no mailbox."""
    yield Kind.NONE, people.unlicensed_user(seed, 0)
    yield Kind.MAIL_USER, people.mail_user(seed, 0)
    yield Kind.GROUP, people.group(seed)
    yield Kind.CONTACT, people.contact(seed)


def _exchange_guid(mailbox: Mailbox) -> UUID:
    found = mailbox.properties["ExchangeGuid"]
    return found if isinstance(found, UUID) else UUID(str(found))
