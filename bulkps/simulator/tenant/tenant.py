"""The simulated Exchange tenant: its mailboxes and restore requests, and what can be found in it.

Pure: no clock, random numbers, files, network, threads or log. The time is ``now``, in seconds since the
epoch.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from uuid import UUID

from bulkps.simulator.cmdlets.cmdlet_result import ErrorInfo, Refused, Value
from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.blocked_mailboxes import Trouble, all_troubles
from bulkps.simulator.tenant.mailbox import Kind, Mailbox
from bulkps.simulator.tenant.restore_request import Ending, RestoreRequest

_SOFT_DELETED_COUNT = 20


@dataclass(frozen=True)
class FolderRight:
    """What somebody may do in a folder.

    Attributes:
        user: Who it is; None for ``Default`` and ``Anonymous``.
        rights: The role, or the single rights.
        flags: SharingPermissionFlags; empty for none.
    """

    user: Mailbox | None
    rights: tuple[str, ...]
    flags: str = ""


#: How many mailboxes are cached: one in use is read a dozen times in a row, and again when its request ends.
_inactive = lru_cache(maxsize=1024)(fake_directory.inactive_mailbox)
_active = lru_cache(maxsize=1024)(fake_directory.active_mailbox)
#: The number of disconnected mailboxes on-premises; there are as many users without a mailbox.
DISCONNECTED_COUNT = 20


class Tenant:
    """The mailboxes and restore requests of an organization, as its cmdlets see them.

    Mailbox *i* exists twice: inactive, and active for the same person hired again, whose active mailbox
    has the old LegacyExchangeDN as an X500 address. So restoring *i* into *i* works, and any other pair
    is refused unless AllowLegacyDNMismatch is given.

    Args:
        seed: The seed of all names and GUIDs.
        mailboxes: How many inactive and how many active mailboxes there are.
        restore_seconds: How long a restore request takes, in seconds.
        failing_requests: Share of restore requests, 0 to 1, that end Failed.
        on_premises: Whether it is an Exchange Server: with disconnected mailboxes and users without a mailbox
            instead of inactive and soft-deleted mailboxes.
        troubles: Whether there are also mailboxes that cannot be recovered or restored: one for each
            blocker, in Exchange Online.
        provisioning_seconds: How long a new mailbox cannot be found after its cmdlet has returned, in
            seconds.

    Attributes:
        permissions: Rights by the keys of the mailbox and of the user who has them.
        settings: What was changed of the properties that are kept apart from the directory, by the noun of
            the cmdlet that changes them and the mailbox.
        senders: Who may send as an object: the holders of SendAs by object.
        folder_rights: The rights on a folder that were set: by the user's key, by mailbox and FolderType.
        members: The members of each group.
        effects: How often each change was made, by its kind and the mailbox's ExchangeGuid.
        refusals: How often each cmdlet was refused with each text.
        troubles: The blocked mailboxes, by their finding.
        endings: The course of restore requests that do not copy everything, by their source's ExchangeGuid.
        received_passwords: Every password that arrived, only in memory, for tests.
    """

    def __init__(
        self,
        seed: int,
        mailboxes: int = 1000,
        restore_seconds: float = 1.0,
        failing_requests: float = 0.0,
        *,
        on_premises: bool = False,
        troubles: bool = True,
        provisioning_seconds: float = 0.0,
    ) -> None:
        self.on_premises, self.provisioning_seconds = on_premises, provisioning_seconds
        self.troubles: dict[str, Trouble] = {}
        self.permissions: dict[tuple[str, str], set[str]] = {}
        self.settings: dict[tuple[str, Mailbox], Mapping[str, Value]] = {}
        self.senders: dict[Mailbox, list[Mailbox]] = {}
        self.folder_rights: dict[tuple[Mailbox, str], dict[str, FolderRight]] = {}
        self.members: dict[Mailbox, list[Mailbox]] = {}
        self.seed, self.restore_seconds, self.failing_requests = seed, restore_seconds, failing_requests
        self.effects: Counter[tuple[str, str]] = Counter()
        self.endings: dict[str, Ending] = {}
        self.refusals: Counter[tuple[str, str]] = Counter()
        self.received_passwords: list[str] = []
        self._mailboxes: list[Mailbox] = []
        self._found_by: dict[str, tuple[Mailbox, ...]] = {}
        self._requests: dict[str, RestoreRequest] = {}
        self._requests_by_target: dict[UUID, dict[str, RestoreRequest]] = {}
        self._ageing: list[RestoreRequest] = []
        self._next_end = math.inf
        self._populate(mailboxes)
        if troubles and not on_premises:
            self._trouble()

    def _populate(self, mailboxes: int) -> None:
        seed, online = self.seed, not self.on_premises
        for index in range(mailboxes):
            if online:
                self.add(Mailbox(Kind.INACTIVE, partial(_inactive, seed, index)))
            self.add(Mailbox(Kind.ACTIVE, partial(_active, seed, index)))
        for index in range(_SOFT_DELETED_COUNT if online else 0):
            self.add(Mailbox(Kind.SOFT_DELETED, fake_directory.soft_deleted_mailbox(seed, index)))
        for kind, properties in _bystanders(seed) if online else ():
            self.add(Mailbox(kind, properties))
        for index in range(0 if online else DISCONNECTED_COUNT):
            self.add(Mailbox(Kind.DISCONNECTED, fake_directory.disconnected_mailbox(seed, index)))
            self.add(Mailbox(Kind.NONE, fake_directory.plain_user(seed, index)))

    def _trouble(self) -> None:
        for made in all_troubles(self.seed):
            self.troubles[made.row.code] = made.row
            for mailbox in made.mailboxes:
                self.add(mailbox)
            for request in made.requests:
                self.add_request(request)

    def trouble(self, code: str) -> Trouble:
        """Return the values of a row that meets *code*, such as ``additional-shards``.

        Raises:
            KeyError: There is no such case here.
        """
        return self.troubles[code]

    def inactive(self, index: int) -> dict[str, Value]:
        """Return the initial properties of inactive mailbox *index*."""
        return fake_directory.inactive_mailbox(self.seed, index)

    def active(self, index: int) -> dict[str, Value]:
        """Return the initial properties of active mailbox *index*."""
        return fake_directory.active_mailbox(self.seed, index)

    def soft_deleted(self, index: int) -> dict[str, Value]:
        """Return the properties of soft-deleted mailbox *index*, 0 to 19."""
        return fake_directory.soft_deleted_mailbox(self.seed, index)

    def add(self, mailbox: Mailbox) -> None:
        """Add *mailbox* to the directory."""
        self._mailboxes.append(mailbox)
        self._index(mailbox)

    def change(self, mailbox: Mailbox, kind: Kind, properties: Mapping[str, Value]) -> None:
        """Set *properties* of *mailbox* and index its new names."""
        self._unindex(mailbox)
        mailbox.kind = kind
        mailbox.properties = {**mailbox.properties, **properties}
        self._index(mailbox)

    def remove(self, mailbox: Mailbox) -> None:
        """Remove *mailbox*."""
        self._unindex(mailbox)
        self._mailboxes.remove(mailbox)
        self.forget_rights(mailbox)

    def forget_rights(self, mailbox: Mailbox) -> None:
        """Forget what *mailbox* may do, what others may do in it, and its memberships of groups."""
        key = mailbox.key
        self.permissions = {pair: held for pair, held in self.permissions.items() if key not in pair}
        self.settings = {at: bag for at, bag in self.settings.items() if at[1] is not mailbox}
        self.members.pop(mailbox, None)
        self.senders.pop(mailbox, None)
        for several in (*self.members.values(), *self.senders.values()):
            several[:] = [one for one in several if one is not mailbox]
        self.folder_rights = {
            at: {name: right for name, right in rights.items() if right.user is not mailbox}
            for at, rights in self.folder_rights.items()
            if at[0] is not mailbox
        }

    def _index(self, mailbox: Mailbox) -> None:
        for key in mailbox.known_as():
            # A large tenant has half a million names, and nearly every one belongs to a single mailbox.
            self._found_by[key] = (*self._found_by[key], mailbox) if key in self._found_by else (mailbox,)

    def _unindex(self, mailbox: Mailbox) -> None:
        for key in mailbox.known_as():
            self._found_by[key] = tuple(one for one in self._found_by[key] if one is not mailbox)

    def mailboxes(self, kinds: Iterable[Kind]) -> list[Mailbox]:
        """Return all mailboxes of *kinds*."""
        wanted = frozenset(kinds)
        return [mailbox for mailbox in self._mailboxes if mailbox.kind in wanted]

    def matches(self, identity: str, kinds: Iterable[Kind]) -> list[Mailbox]:
        """Return the mailboxes of *kinds* that *identity* names."""
        wanted = frozenset(kinds)
        # A GUID may have braces or upper case; other names are compared ignoring case.
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
        return dict(self._requests_by_target.get(target.exchange_guid, {}))

    def request(self, identity: str) -> RestoreRequest:
        r"""Return the restore request that *identity* names: ``target\name``, or its RequestGuid.

        Raises:
            Refused: There is none.
        """
        owner, _, name = identity.partition("\\")
        for target in self.matches(owner, (Kind.ACTIVE,)) if name else ():
            if found := self._requests_by_target.get(target.exchange_guid, {}).get(name.casefold()):
                return found
        if found := self._requests.get(identity.casefold()):
            return found
        raise not_found(identity)

    def add_request(self, request: RestoreRequest) -> None:
        """Keep *request*."""
        self._requests[str(request.guid)] = request
        of_target = self._requests_by_target.setdefault(request.target.exchange_guid, {})
        of_target[request.name.casefold()] = request
        if request.kept is not None:
            self._ageing.append(request)
            self._next_end = min(self._next_end, self._end_of(request))

    def remove_request(self, request: RestoreRequest) -> None:
        """Remove *request*."""
        del self._requests[str(request.guid)]
        del self._requests_by_target[request.target.exchange_guid][request.name.casefold()]
        if request in self._ageing:
            self._ageing.remove(request)

    def forget_aged(self, now: float) -> None:
        """Remove the restore requests that have expired since they were completed."""
        if now < self._next_end:
            # This runs for every call, so with thousands of requests it must not check each of them.
            return
        for request in list(self._ageing):
            if self.status(request, now) == "Completed" and now >= self._end_of(request):
                self.remove_request(request)
        self._next_end = min(map(self._end_of, self._ageing), default=math.inf)

    def _end_of(self, request: RestoreRequest) -> float:
        """Return when *request* expires at the earliest."""
        return request.created + request.rested + self.restore_seconds + (request.kept or 0.0)

    def status(self, request: RestoreRequest, now: float) -> str:
        """Return the Status of *request* at *now*."""
        if request.suspended_at is not None:
            return "Suspended"
        if request.ending.suspends:
            return "AutoSuspended"
        worked = request.worked(now)
        if request.endless:
            return "InProgress"
        if worked >= self.restore_seconds:
            return "Failed" if request.failure else "Completed"
        return "Queued" if worked < self.restore_seconds / 3 else "InProgress"

    def progress(self, request: RestoreRequest, now: float) -> float:
        """Return the share of *request* that is done at *now*, 0 to 1."""
        if self.status(request, now) in {"Completed", "Failed"}:
            return 1.0
        worked = request.worked(now)
        if request.endless:
            return worked / (worked + 3600)
        if self.restore_seconds == 0:
            return 0.0
        first = self.restore_seconds / 3
        return min(1.0, max(0.0, (worked - first) / (self.restore_seconds - first)))


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
            f"'{fake_directory.SERVER}'.",
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
    """Yield one object of each kind that has a name but no mailbox."""
    yield Kind.NONE, fake_directory.unlicensed_user(seed, 0)
    yield Kind.MAIL_USER, fake_directory.mail_user(seed, 0)
    yield Kind.GROUP, fake_directory.group(seed)
    yield Kind.CONTACT, fake_directory.contact(seed)
