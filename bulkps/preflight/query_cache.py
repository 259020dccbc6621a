"""Everything that was read, indexed by all of its names. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from bulkps.exchange.psobject import Properties, read_guid
from bulkps.exchange.sizes import Size
from bulkps.preflight.preflight_facts import Organization, RestoreRequest
from bulkps.preflight.query import Facet, Read
from bulkps.preflight.recipient import Recipient

_SIZES = (Facet.SIZES, Facet.ARCHIVE_SIZES)
_Properties = Mapping[str, object]
_Index = dict[str, Recipient | list[Recipient]]


def folded(identity: str) -> str:
    """Return an identity in the form in which it is compared: a GUID without braces, text in lower case."""
    return read_guid(identity) or identity.strip().casefold()


class QueryCache:
    """The answers of queries, by facet.

    A fact that was not read, or could not be, is None; one that was read and does not exist is empty.

    Attributes:
        unread: Why something of a facet could not be read, by facet; the first reason.
    """

    def __init__(self) -> None:
        self.unread: dict[Facet, str] = {}
        self._inventories: set[Facet] = set()
        self._lacking: set[tuple[Facet, str]] = set()
        self._given_up: set[Facet] = set()
        self._asked: dict[tuple[Facet, str, str], list[Recipient]] = {}
        self._named: dict[tuple[Facet, str], _Index] = {}
        self._around: _Index = {}
        self._requests: dict[str, list[RestoreRequest]] = {}
        self._sizes: dict[tuple[Facet, str], Size | None] = {}
        self._config: _Properties | None = None
        self._domains: Sequence[_Properties] | None = None
        self.organization = Organization()

    # --- taking in ------------------------------------------------------------------------------------

    def take_in(self, read: Read, found: Sequence[_Properties]) -> None:
        """Keep the answer of *read*."""
        match read.facet:
            case Facet.ORGANIZATION:
                self._config = found[0] if found else {}
            case Facet.DOMAINS:
                self._domains = found
            case Facet.REQUESTS:
                self._take_requests(read, found)
            case Facet.REQUEST_STATISTICS:
                self._take_request_statistics(read, found)
            case Facet.SIZES | Facet.ARCHIVE_SIZES:
                size = Properties(found[0]).size("TotalItemSize") if len(found) == 1 else None
                self._sizes[read.facet, read.about] = size
            case Facet.DISCONNECTED:
                self._take_recipients(read, [Recipient.from_disconnected(one) for one in found])
            case _:
                self._take_recipients(read, [Recipient.from_properties(one) for one in found])
        if read.facet in (Facet.ORGANIZATION, Facet.DOMAINS):
            self.organization = Organization.from_properties(self._config, self._domains)
        if read.is_inventory:
            self._inventories.add(read.facet)

    def fail(self, read: Read, reason: str) -> None:
        """Note that *read* failed. Mailboxes of a list are then read one by one; that may still succeed."""
        if read.covers and read.facet is Facet.MAILBOXES:
            return
        self.unread.setdefault(read.facet, f"{read.cmdlet.name}: {reason}")
        if not read.about:
            self._lacking.add((read.facet, read.within))

    def give_up(self, read: Read) -> None:
        """Note that an inventory was given up: what it is about is read by list."""
        self._given_up.add(read.facet)
        self._lacking.add((read.facet, read.within))

    def was_given_up(self, facet: Facet) -> bool:
        """Return whether an inventory of *facet* was given up."""
        return facet in self._given_up

    def _take_recipients(self, read: Read, found: list[Recipient]) -> None:
        for identity in read.covers:
            key = folded(identity)
            these = [one for one in found if key in identities(one)]
            # Exchange finds a mailbox by more names than a filter: only a read by its name proves absence.
            if these or read.facet is not Facet.MAILBOXES:
                self._asked.setdefault((read.facet, read.within, key), []).extend(these)
        if read.about:
            # Two reads may be about the same object, such as with and without an archive.
            self._asked.setdefault((read.facet, read.within, folded(read.about)), []).extend(found)
        index = self._named.setdefault((read.facet, read.within), {})
        for one in found:
            names = identities(one)
            for name in names:
                _add(index, name, one)
            # The same string objects, to save memory: both indexes keep them.
            for name in names | _further_names(one):
                _add(self._around, name, one)

    def _take_requests(self, read: Read, found: Sequence[_Properties]) -> None:
        requests = [RestoreRequest.from_properties(one) for one in found]
        if read.about:
            self._requests[folded(read.about)] = requests
            return
        for one in requests:
            for owner in one.owners:
                self._requests.setdefault(owner, []).append(one)

    def _take_request_statistics(self, read: Read, found: Sequence[_Properties]) -> None:
        if len(found) != 1:
            return
        of = Properties(found[0])
        for requests in self._requests.values():
            for index, request in enumerate(requests):
                # By the identity in the query: the statistics may print it in another form.
                if request.identity.casefold() == read.about:
                    requests[index] = replace(
                        request,
                        source_exchange_guid=of.guid("SourceExchangeGuid") or None,
                        target_is_archive=of.flag("TargetIsArchive"),
                    )

    # --- finding again --------------------------------------------------------------------------------

    def named(self, facet: Facet, identity: str, database: str = "") -> tuple[Recipient, ...] | None:
        """Return the objects that *identity* names, each once; None if that was not read.

        With a *database*, only those in it: Exchange looks nowhere else.
        """
        wanted, within = folded(identity), database.casefold()
        if (facet, within, wanted) in self._asked:
            return _different(self._asked[facet, within, wanted])
        if facet not in self._inventories or (facet, within) in self._lacking:
            return None
        return _different(_under(self._named.get((facet, within), {}), wanted))

    def around(self, names: Iterable[str]) -> tuple[Recipient, ...]:
        """Return every recipient that has one of *names* (folded): a name, an address or a GUID."""
        return _merged(one for name in names for one in _under(self._around, name))

    def knows_single(self, facet: Facet, about: str) -> bool:
        """Return whether *about* was read by itself or in a list."""
        return (facet, "", folded(about)) in self._asked

    def knows(self, facet: Facet, about: str) -> bool:
        """Return whether *facet* was read for *about*, by a single read or an inventory."""
        everything = facet in self._inventories and (facet, "") not in self._lacking
        return everything or self.knows_single(facet, about)

    def requests(self, target: Recipient | None, identity: str) -> tuple[RestoreRequest, ...] | None:
        """Return the restore requests into a target; None if they were not read."""
        if folded(identity) in self._requests and Facet.REQUESTS not in self._inventories:
            return tuple(self._requests[folded(identity)])
        if Facet.REQUESTS not in self._inventories:
            return None
        owners = {folded(identity), *(_owner_names(target) if target else ())}
        found = {one.identity: one for owner in owners for one in self._requests.get(owner, ())}
        return tuple(found.values())

    def sized(self, one: Recipient) -> Recipient:
        """Return a mailbox with its size and its archive's, as far as they were read."""
        sizes = (self._sizes.get((facet, one.identity.casefold())) for facet in _SIZES)
        size, archive_size = sizes
        return replace(
            one,
            # Zero is a size too.
            size=one.size if size is None else size,
            archive_size=one.archive_size if archive_size is None else archive_size,
        )


def _add(index: _Index, name: str, one: Recipient) -> None:
    # Nearly every name belongs to one recipient: a list for each would be a third of the memory used.
    known = index.setdefault(name, one)
    if isinstance(known, list):
        known.append(one)
    elif known is not one:
        index[name] = [known, one]


def _under(index: _Index, name: str) -> Sequence[Recipient]:
    found = index.get(name, ())
    return (found,) if isinstance(found, Recipient) else found


def identities(one: Recipient) -> set[str]:
    """Return every folded name by which a cell may refer to *one*."""
    names = (one.guid, one.exchange_guid, one.distinguished_name, one.user_principal_name)
    return {folded(name) for name in names if name} | one.smtp


def _further_names(one: Recipient) -> set[str]:
    """Return further folded names that can conflict with another recipient's, and that no cell holds."""
    return {folded(name) for name in (one.name, one.archive_guid) if name}


def _owner_names(target: Recipient) -> set[str]:
    names = (target.alias, target.name, target.guid, target.exchange_guid, target.distinguished_name)
    return {folded(name) for name in names if name}


def _different(found: Iterable[Recipient]) -> tuple[Recipient, ...]:
    different: list[Recipient] = []
    for one in found:
        if not any(one.is_object(other) for other in different):
            different.append(one)
    return tuple(different)


def _merged(found: Iterable[Recipient]) -> tuple[Recipient, ...]:
    """Return each object once, with all properties from all reads."""
    merged: dict[str, Recipient] = {}
    for one in found:
        key = one.guid or one.distinguished_name or one.identity
        merged[key] = merged[key].filled_up(one) if key in merged else one
    return tuple(merged.values())
