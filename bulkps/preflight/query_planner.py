"""Which reads a run's rows need, in rounds: each round needs the answers of the one before. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from bulkps.exchange.sizes import UNLIMITED
from bulkps.preflight.object_lists import TRY_ALL, listable, lists
from bulkps.preflight.preflight_facts import PreflightFacts
from bulkps.preflight.query import (
    DISCONNECTED_PROPERTIES,
    DOMAIN_PROPERTIES,
    INVENTORY_COSTS,
    MAILBOX_PROPERTIES,
    ORGANIZATION_PROPERTIES,
    RECIPIENT_PROPERTIES,
    REQUEST_PROPERTIES,
    REQUEST_STATISTICS_PROPERTIES,
    STATISTICS_PROPERTIES,
    USER_PROPERTIES,
    Facet,
    Read,
    any_of,
    everything,
    one,
)
from bulkps.preflight.query_cache import QueryCache, folded
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.row_intent import WantedRecovery, WantedRestore
from bulkps.preflight.target_checks import ENDED

#: What a row wants.
Wanted = WantedRecovery | WantedRestore
#: Finds a mailbox in any state: active, inactive, soft-deleted [P:Get-Mailbox; ODS reconnect article].
_WHATEVER = ("SoftDeletedMailbox", "IncludeInactiveMailbox")
_DELETED = "IncludeSoftDeletedRecipients"
#: How many comparisons one filter about people has at most.
_COMPARISONS = 80
#: How people are read, and which of their properties.
_PEOPLE = {
    Facet.RECIPIENTS: ("Get-Recipient", RECIPIENT_PROPERTIES),
    Facet.USERS: ("Get-User", USER_PROPERTIES),
}


class QueryPlanner:
    """Plans the reads that the checks of many rows need, each fact once.

    Args:
        wanted: What the rows want.
        online: Whether it is Exchange Online: an Exchange Server has no inactive mailboxes.
        sizes: Whether mailboxes' sizes are read, two cmdlets a row; None: only if there are few rows.

    Attributes:
        wanted: What the rows want; it may change between the first round and the second.
        cache: Everything that was read.
    """

    def __init__(self, wanted: Sequence[Wanted], *, online: bool, sizes: bool | None = None) -> None:
        self.wanted, self._online = list(wanted), online
        self._sizes = len(wanted) <= INVENTORY_COSTS if sizes is None else sizes
        self.cache = QueryCache()

    @property
    def _recoveries(self) -> list[WantedRecovery]:
        return [one for one in self.wanted if isinstance(one, WantedRecovery)]

    @property
    def _restores(self) -> list[WantedRestore]:
        return [one for one in self.wanted if isinstance(one, WantedRestore)]

    def rounds(self) -> Iterator[list[Read]]:
        """Yield reads that can run together; their answers must be in the cache before the next round."""
        yield _each_once(*self.organization(), *self._mailboxes())
        yield _each_once(*self._mailboxes_by_list())
        yield _each_once(*self._mailboxes_not_listed())
        yield _each_once(*self._missing())
        yield _each_once(*self._people(), *self._requests())
        yield _each_once(*self._people_by_list())
        yield _each_once(*self._what_requests_copy(), *self._all_sizes())

    def facts_of(self, wanted: Wanted) -> PreflightFacts:
        """Return everything that was read for one row."""
        sources, targets = self.sources(wanted), self.targets(wanted)
        around = self._around(wanted, sources)
        requests = None
        if isinstance(wanted, WantedRestore):
            requests = self.cache.requests(_only(targets), wanted.target_identity)
        return PreflightFacts(
            self._sized(sources), self._sized(targets), around, requests, self.cache.organization
        )

    # --- the rounds -----------------------------------------------------------------------------------

    def organization(self) -> Iterator[Read]:
        """Yield the reads of the organization and its domains."""
        if self._online:
            yield everything(Facet.ORGANIZATION, "Get-OrganizationConfig", ORGANIZATION_PROPERTIES)
        if self._recoveries:
            yield everything(Facet.DOMAINS, "Get-AcceptedDomain", DOMAIN_PROPERTIES)

    def _mailboxes(self) -> Iterator[Read]:
        stored = [one for one in self._restores if one.source_database]
        yield from _in_databases(stored)
        identities = self._identities()
        if len(identities) > TRY_ALL:
            sought = frozenset(map(folded, identities))
            yield from (replace(read, sought=sought) for read in self._inventories())
        elif len(identities) > INVENTORY_COSTS:
            yield from self._listed(identities)
        else:
            yield from self._one_by_one(identities)

    def _mailboxes_by_list(self) -> Iterator[Read]:
        """Yield reads of all mailboxes of the rows if an inventory was given up."""
        if self.cache.was_given_up(Facet.MAILBOXES):
            yield from self._listed(self._identities())

    def _mailboxes_not_listed(self) -> Iterator[Read]:
        """Yield reads of the mailboxes that no list showed, or whose list was refused, by their own names."""
        cache, identities = self.cache, self._identities()
        if len(identities) > INVENTORY_COSTS and Facet.MAILBOXES not in cache.unread:
            yield from self._one_by_one(name for name in identities if not cache.knows(Facet.MAILBOXES, name))

    def _identities(self) -> list[str]:
        """Return what names the mailboxes of the rows, each once."""
        sources = [one.source_identity for one in self.wanted if not _database(one)]
        names = [*sources, *(one.target_identity for one in self._restores)]
        return list({folded(text): text for text in names}.values())

    def _listed(self, identities: Sequence[str]) -> Iterator[Read]:
        """Yield reads of these mailboxes: by list, and one by one those that no filter finds."""
        # Assumed: with a filter the switches mean the same as with an identity.
        switches = _WHATEVER if self._online else ()
        cmdlet, keep = "Get-Mailbox", MAILBOX_PROPERTIES
        in_lists = [name for name in identities if listable(cmdlet, name)]
        yield from lists(Facet.MAILBOXES, cmdlet, in_lists, keep, *switches)
        yield from self._one_by_one(name for name in identities if not listable(cmdlet, name))

    def _inventories(self) -> list[Read]:
        sources = [one.source_identity for one in self.wanted if not _database(one)]
        deleted = ("InactiveMailboxOnly", "SoftDeletedMailbox") if self._online and sources else ()
        found = [_all_mailboxes(switch) for switch in deleted]
        # An active mailbox as the source of a recovery is a mistake: that is not worth an inventory.
        return found if self._recoveries and not self._restores else [*found, _all_mailboxes()]

    def _one_by_one(self, identities: Iterable[str]) -> Iterator[Read]:
        switches = _WHATEVER if self._online else ()
        for identity in {folded(text): text for text in identities}.values():
            yield one(Facet.MAILBOXES, "Get-Mailbox", MAILBOX_PROPERTIES, {"Identity": identity}, *switches)

    def _missing(self) -> Iterator[Read]:
        """Yield reads for what no inventory shows: an active source, a target that is not a mailbox."""
        sources = [one.source_identity for one in self._recoveries if self.sources(one) == ()]
        left = [name for name in sources if not self.cache.knows_single(Facet.MAILBOXES, name)]
        if len(left) > INVENTORY_COSTS:
            yield from self._listed(left)
        else:
            yield from self._one_by_one(left)
        nowhere = [w.target_identity for w in self._restores if self.targets(w) == ()]
        if len(nowhere) <= INVENTORY_COSTS:
            for name in dict.fromkeys(nowhere):
                yield one(Facet.RECIPIENTS, "Get-Recipient", RECIPIENT_PROPERTIES, {"Identity": name})

    def _people(self) -> Iterator[Read]:
        """Yield reads of the recipients that have the names of the sources and of the new accounts."""
        if not self._online:
            return
        if len(self.wanted) > TRY_ALL:
            recipients = frozenset(value for asked in self._recipients_asked() for _, value in asked)
            read = everything(Facet.RECIPIENTS, "Get-Recipient", RECIPIENT_PROPERTIES, _DELETED)
            yield replace(read, sought=frozenset(map(_bare, recipients)))
            if self._recoveries:
                users = frozenset(value for asked in self._users_asked() for _, value in asked)
                read = everything(Facet.USERS, "Get-User", USER_PROPERTIES)
                yield replace(read, sought=frozenset(map(_bare, users)))
            return
        yield from _around(Facet.RECIPIENTS, self._recipients_asked(), _DELETED)
        yield from _around(Facet.USERS, self._users_asked())

    def _people_by_list(self) -> Iterator[Read]:
        """Yield reads of the same people if an inventory was given up."""
        if self.cache.was_given_up(Facet.RECIPIENTS):
            yield from _around(Facet.RECIPIENTS, self._recipients_asked(), _DELETED)
        if self.cache.was_given_up(Facet.USERS):
            yield from _around(Facet.USERS, self._users_asked())

    def _recipients_asked(self) -> list[list[tuple[str, str]]]:
        """Return what Get-Recipient is asked for each row: (property, value)."""
        rows = (_of_recipients(wanted, _only(self.sources(wanted))) for wanted in self.wanted)
        return [asked for asked in rows if asked]

    def _users_asked(self) -> list[list[tuple[str, str]]]:
        """Return what Get-User is asked for each recovery: (property, value)."""
        return [_of_users(wanted, _only(self.sources(wanted))) for wanted in self._recoveries]

    def _requests(self) -> Iterator[Read]:
        cmdlet, keep = "Get-MailboxRestoreRequest", REQUEST_PROPERTIES
        found = {folded(w.target_identity): w.target_identity for w in self._restores if self.targets(w)}
        if len(found) > INVENTORY_COSTS:
            yield everything(Facet.REQUESTS, cmdlet, keep)
            return
        for identity in found.values():
            yield one(Facet.REQUESTS, cmdlet, keep, {"TargetMailbox": identity})

    def _what_requests_copy(self) -> Iterator[Read]:
        """Yield reads of what the targets' requests copy, up to a limit; unfinished requests first."""
        asked: dict[str, bool] = {}
        for wanted in self._restores:
            requests = self.cache.requests(_only(self.targets(wanted)), wanted.target_identity) or ()
            asked |= {one.identity: one.status.casefold() in ENDED for one in requests}
        few = len(self._restores) <= INVENTORY_COSTS
        fitting = [name for name, ended in asked.items() if name and "*" not in name and (few or not ended)]
        for identity in sorted(fitting, key=asked.__getitem__)[:INVENTORY_COSTS]:
            yield one(
                Facet.REQUEST_STATISTICS,
                "Get-MailboxRestoreRequestStatistics",
                REQUEST_STATISTICS_PROPERTIES,
                {"Identity": identity},
            )

    def _all_sizes(self) -> Iterator[Read]:
        asked: dict[tuple[Facet, str], Read] = {}
        for wanted in self._restores if self._sizes else ():
            source, target = _only(self.sources(wanted)), _only(self.targets(wanted))
            if source is None or target is None:
                continue
            quota = target.archive_quota if wanted.target_is_archive else target.quota
            if quota == UNLIMITED:
                continue
            sides = [(target, wanted.target_is_archive)]
            if source.size is None and self._online:
                sides.append((source, wanted.source_is_archive))
            # If the archive does not exist, another check reports it.
            reads = [_size(one, archive=archive) for one, archive in sides if one.has_archive or not archive]
            asked |= {(read.facet, read.about): read for read in reads}
        yield from asked.values()

    # --- what was found -------------------------------------------------------------------------------

    def sources(self, wanted: Wanted) -> tuple[Recipient, ...] | None:
        """Return the mailboxes that the source of a row names; None if they were not read."""
        database = _database(wanted)
        facet = Facet.DISCONNECTED if database else Facet.MAILBOXES
        return self.cache.named(facet, wanted.source_identity, database)

    def targets(self, wanted: Wanted) -> tuple[Recipient, ...] | None:
        """Return the mailboxes that the target of a row names; None if not read, and for a recovery."""
        if not isinstance(wanted, WantedRestore):
            return None
        found = self.cache.named(Facet.MAILBOXES, wanted.target_identity)
        # TargetMailbox means the active mailbox, even if a deleted one has the same address.
        living = tuple(one for one in found or () if one.is_deleted is not True)
        return living or found

    def _around(self, wanted: Wanted, sources: tuple[Recipient, ...] | None) -> tuple[Recipient, ...] | None:
        source, cache = _only(sources), self.cache
        names = {folded(value) for _, value in _of_recipients(wanted, source)}
        if isinstance(wanted, WantedRestore):
            names.add(folded(wanted.target_identity))
        text = _recipient_filter(wanted, source)
        known = cache.knows(Facet.RECIPIENTS, text or wanted.source_identity)
        if isinstance(wanted, WantedRecovery):
            names |= {folded(value) for _, value in _of_users(wanted, source)}
            known = known and cache.knows(Facet.USERS, _user_filter(wanted, source))
        found = cache.around({name.removeprefix("smtp:") for name in names})
        # Without a source, a restore's recipients only serve to describe its target.
        return found if known or (isinstance(wanted, WantedRestore) and source is None) else None

    def _sized(self, found: tuple[Recipient, ...] | None) -> tuple[Recipient, ...] | None:
        return None if found is None else tuple(map(self.cache.sized, found))


def _each_once(*reads: Read) -> list[Read]:
    """Return *reads* without repetition: one source may be copied into several targets."""
    return list({(read.facet, read.cmdlet.line()): read for read in reads}.values())


def _around(facet: Facet, rows: Sequence[list[tuple[str, str]]], *switches: str) -> Iterator[Read]:
    """Yield reads of the people of many *rows*, some tens of comparisons in each."""
    cmdlet, keep = _PEOPLE[facet]
    start = 0
    while start < len(rows):
        pairs, end = list[tuple[str, str]](), start
        while end < len(rows) and (end == start or len(pairs) + len(rows[end]) <= _COMPARISONS):
            pairs += rows[end]
            end += 1
        part = rows[start:end] if len(rows) > INVENTORY_COSTS else rows[start : start + 1]
        text = any_of(dict.fromkeys(pair for row in part for pair in row))
        covers = tuple(any_of(row) for row in part) if len(part) > 1 else ()
        yield replace(one(facet, cmdlet, keep, {"Filter": text}, *switches), covers=covers)
        start += len(part)


def _bare(value: str) -> str:
    return folded(value).removeprefix("smtp:")


def _database(wanted: Wanted) -> str:
    return wanted.source_database if isinstance(wanted, WantedRestore) else ""


def _only(found: Sequence[Recipient] | None) -> Recipient | None:
    return found[0] if found and len(found) == 1 else None


def _all_mailboxes(*switches: str) -> Read:
    return everything(Facet.MAILBOXES, "Get-Mailbox", MAILBOX_PROPERTIES, *switches)


def _in_databases(stored: Sequence[WantedRestore]) -> Iterator[Read]:
    databases = {one.source_database for one in stored}
    facet, cmdlet, keep = Facet.DISCONNECTED, "Get-MailboxStatistics", DISCONNECTED_PROPERTIES
    if len(stored) > INVENTORY_COSTS * len(databases):
        yield from (everything(facet, cmdlet, keep, database=name) for name in sorted(databases))
        return
    for wanted in stored:
        by = {"StoreMailboxIdentity": wanted.source_identity, "Database": wanted.source_database}
        yield one(facet, cmdlet, keep, by)


def _size(mailbox: Recipient, *, archive: bool) -> Read:
    facet = Facet.ARCHIVE_SIZES if archive else Facet.SIZES
    switches = [*(["Archive"] if archive else []), *([_DELETED] if mailbox.is_deleted else [])]
    by = {"Identity": mailbox.identity}
    return one(facet, "Get-MailboxStatistics", STATISTICS_PROPERTIES, by, *switches)


def _of_recipients(wanted: Wanted, source: Recipient | None) -> list[tuple[str, str]]:
    """Return what Get-Recipient is asked for: (property, value)."""
    guids = [] if source is None else [source.exchange_guid, source.archive_guid]
    asked = [(name, guid) for name, guid in zip(("ExchangeGuid", "ArchiveGuid"), guids, strict=False) if guid]
    if isinstance(wanted, WantedRecovery):
        addresses = {wanted.upn.casefold(), wanted.smtp.casefold()} | (source.smtp if source else set())
        asked += [("EmailAddresses", f"smtp:{address}") for address in sorted(addresses) if address]
        asked.append(("Name", wanted.name or wanted.upn))
    return asked


def _recipient_filter(wanted: Wanted, source: Recipient | None) -> str:
    asked = _of_recipients(wanted, source)
    return any_of(asked) if asked else ""


def _of_users(wanted: WantedRecovery, source: Recipient | None) -> list[tuple[str, str]]:
    # An account that was restored without a licence is not a recipient, and its user principal name may be an
    # address of the source.
    names = {wanted.upn.casefold(), wanted.smtp.casefold()}
    if source is not None:
        names |= {(source.user_principal_name or "").casefold(), *source.smtp}
    return [("UserPrincipalName", name) for name in sorted(names) if name]


def _user_filter(wanted: WantedRecovery, source: Recipient | None) -> str:
    return any_of(_of_users(wanted, source))
