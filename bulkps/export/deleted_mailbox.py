"""One row of an inventory: what is known about a deleted mailbox, and whether it can be recovered. Pure.

docs/export.md explains each column. A cell is None if it could not be read or does not apply.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from bulkps.exchange.holds import MailboxHolds, holds_in_force, mailbox_holds
from bulkps.exchange.mailbox_locations import AUX_ARCHIVE
from bulkps.exchange.powershell_quoting import quoted
from bulkps.exchange.psobject import Properties, listed
from bulkps.exchange.sizes import UNLIMITED, Size
from bulkps.preflight.findings import Blocks, Code, Finding, Severity
from bulkps.preflight.name_conflict_checks import account_exists, guid_reused
from bulkps.preflight.preflight_facts import PreflightFacts
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.row_intent import WantedRestore
from bulkps.preflight.source_checks import (
    SOFT_DELETED_DAYS,
    additional_shards,
    auto_expanding_archive,
    not_inactive,
    source_archive,
    still_soft_deleted,
)

#: The types of a cell; a datetime has a time zone.
Cell = str | int | bool | datetime | tuple[str, ...] | None
#: The value of a quota without a limit.
NO_LIMIT = "Unlimited"
INACTIVE, SOFT_DELETED = "inactive", "soft-deleted"

_GRAVITY, _ORDER = tuple(Severity), tuple(Code)


@dataclass(frozen=True)
class Verdict:
    """Whether a mailbox can be recovered or restored, and the findings about it.

    Attributes:
        answer: ``no`` if a finding blocks it, ``unknown`` if a check could not be made, else ``yes``.
        findings: All findings, the most serious first.
    """

    answer: str
    findings: tuple[Finding, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of blockers and warnings, each once."""
        told = [one.code.value for one in self.findings if one.severity is not Severity.NOTE]
        return tuple(dict.fromkeys(told))


def _verdict(decisive: Iterable[Finding | None], further: Iterable[Finding | None] = ()) -> Verdict:
    """Return the verdict of the *decisive* and *further* checks; only the decisive ones can block."""
    first = [one for one in decisive if one]
    found = sorted(
        [*first, *(one for one in further if one)],
        key=lambda one: (_GRAVITY.index(one.severity), _ORDER.index(one.code)),
    )
    if any(one.severity is Severity.BLOCKER for one in first):
        return Verdict("no", tuple(found))
    unread = any(one.code is Code.NOT_CHECKED for one in first)
    return Verdict("unknown" if unread else "yes", tuple(found))


@dataclass(frozen=True)
class DeletedMailbox:
    """A mailbox of an inventory, and everything that was read about it.

    Attributes:
        found: Its properties, of Get-Mailbox.
        around: The organization, and the recipients that share something with it.
        moment: The time, with a zone.
        statistics: Of Get-MailboxStatistics; None if they were not read.
        archive_statistics: The same of its archive.
        inventory: The kind of the inventory that it came from.
        shares_guid: Whether another mailbox of the inventory also has its ExchangeGuid.
    """

    found: Mapping[str, object]
    around: PreflightFacts
    moment: datetime
    statistics: Mapping[str, object] | None = None
    archive_statistics: Mapping[str, object] | None = None
    inventory: str = INACTIVE
    shares_guid: bool = False

    @cached_property
    def mailbox(self) -> Recipient:
        """The mailbox in the form that the checks use."""
        return Recipient.from_properties(self.found)

    @property
    def source(self) -> str:
        """Its unique name, for the source column."""
        return source_of(self.mailbox, shares_guid=self.shares_guid)

    @cached_property
    def of(self) -> Properties:
        """Its properties."""
        return Properties(self.found)

    @cached_property
    def holds(self) -> MailboxHolds:
        """Its own holds."""
        return mailbox_holds(self.found)

    @property
    def kind(self) -> str:
        """Whether it is inactive, or soft-deleted without a hold."""
        inactive = self.mailbox.is_inactive
        return self.inventory if inactive is None else INACTIVE if inactive else SOFT_DELETED

    @cached_property
    def recovery(self) -> Verdict:
        """Whether it can be recovered, as far as that does not depend on the new account."""
        one, around = self.mailbox, self.around
        return _verdict(
            (
                auto_expanding_archive(one, around.organization),
                additional_shards(one),
                still_soft_deleted(one, self.moment),
                account_exists(one, around.recipients),
                not_inactive(one, self.moment),
                guid_reused(one, around, Blocks.RECOVER),
            ),
            [self._shared()],
        )

    @cached_property
    def restore(self) -> Verdict:
        """Whether it can be restored, as far as that does not depend on the target."""
        one, around = self.mailbox, self.around
        # The check of the source's archive ignores the target, but WantedRestore requires one.
        wanted = WantedRestore(one.identity, "<target>")
        return _verdict(
            [auto_expanding_archive(one, around.organization)],
            [source_archive(one, wanted), guid_reused(one, around, Blocks.RESTORE), self._shared()],
        )

    def _shared(self) -> Finding | None:
        if not self.shares_guid:
            return None
        return Finding(
            Code.AMBIGUOUS_IDENTITY,
            Severity.WARNING,
            Blocks.BOTH,
            f"another deleted mailbox has the same ExchangeGuid, {self.mailbox.exchange_guid}",
            f"Name it by its DistinguishedName: {quoted(self.source)}.",
        )

    def size(self, name: str, *, archive: bool = False) -> Cell:
        """Return a size in bytes from its statistics, or None."""
        statistics = self.archive_statistics if archive else self.statistics
        return _bytes(Properties(statistics or {}).size(name))

    def count(self, name: str, *, archive: bool = False) -> Cell:
        """Return a number of items from its statistics, or None."""
        statistics = self.archive_statistics if archive else self.statistics
        text = Properties(statistics or {}).text(name) or ""
        return int(text) if text.isdecimal() else None

    def kept_until(self) -> datetime | None:
        """Return until when it is kept at least; None while a hold keeps it, and if that is unknown.

        Microsoft's pages disagree on how long it is kept after the last hold ended (facts 8.6). This uses the
        shorter time.
        """
        if self.kind == INACTIVE:
            return None
        since = self.mailbox.retired or self.mailbox.soft_deleted
        return since + timedelta(SOFT_DELETED_DAYS) if since else None

    def in_force(self) -> tuple[str, ...]:
        """Return every hold that keeps it, decoded, including those of the organization that apply."""
        if self.mailbox.is_inactive is False:
            # If no hold keeps it, the organization's holds do not either: they can exclude mailboxes.
            return tuple(map(str, holds_in_force(self.holds, ())))
        return tuple(map(str, holds_in_force(self.holds, self.around.organization.holds)))

    def holds_unread(self) -> tuple[str, ...]:
        """Return the properties that were not read and that could show a hold."""
        wide = self.around.organization.holds is None
        return (*self.holds.unread, *(["InPlaceHolds of the organization"] if wide else []))

    def sentences(self) -> tuple[str, ...]:
        """Return every finding as a sentence: severity, code, what was seen, and what to do instead."""
        found = dict.fromkeys((*self.recovery.findings, *self.restore.findings))
        return tuple(str(one) for one in sorted(found, key=lambda one: _GRAVITY.index(one.severity)))


def source_of(mailbox: Recipient, *, shares_guid: bool) -> str:
    """Return the unique name of a mailbox in an inventory; empty if none was read."""
    guid, path = mailbox.exchange_guid or "", mailbox.distinguished_name or ""
    return path or guid if shares_guid else guid or path


def _bytes(size: Size | None) -> Cell:
    return NO_LIMIT if size == UNLIMITED else None if size is None else int(size)


def _days(one: DeletedMailbox) -> int | None:
    deleted = one.mailbox.soft_deleted
    return None if deleted is None else (one.moment - deleted) // timedelta(days=1)


def _addresses(one: DeletedMailbox) -> tuple[str, ...] | None:
    return None if one.mailbox.addresses is None else tuple(map(str, one.mailbox.addresses))


def _written(one: DeletedMailbox) -> tuple[str, ...] | None:
    return listed(one.of.raw("InPlaceHolds")) if "InPlaceHolds" in one.of else None


def _expands(one: DeletedMailbox) -> bool | None:
    return True if AUX_ARCHIVE in one.mailbox.kinds else one.mailbox.auto_expanding_archive


def _locations(one: DeletedMailbox) -> tuple[str, ...] | None:
    parts = one.mailbox.locations
    return None if parts is None else tuple(part.kind for part in parts)


#: The mailbox's name for people. Recovery has a column of that name too; restore does not.
NAME_COLUMN = "display_name"
#: Every further column, in order. Before them come the source, a target to fill in, and the name.
COLUMNS: Mapping[str, Callable[[DeletedMailbox], Cell]] = {
    "kind": lambda one: one.kind,
    "recoverable": lambda one: one.recovery.answer,
    "recover_findings": lambda one: one.recovery.codes,
    "restorable": lambda one: one.restore.answer,
    "restore_findings": lambda one: one.restore.codes,
    "upn_before": lambda one: one.mailbox.user_principal_name,
    "primary_address": lambda one: one.of.text("PrimarySmtpAddress"),
    "addresses": _addresses,
    "alias": lambda one: one.mailbox.alias,
    "distinguished_name": lambda one: one.mailbox.distinguished_name,
    "guid": lambda one: one.mailbox.guid,
    "legacy_exchange_dn": lambda one: one.mailbox.legacy_exchange_dn,
    "deleted_at": lambda one: one.mailbox.soft_deleted,
    "days_since_deleted": _days,
    "was_inactive": lambda one: one.mailbox.was_inactive,
    "last_hold_ended_at": lambda one: one.mailbox.retired,
    "kept_at_least_until": lambda one: one.kept_until(),
    "holds": lambda one: one.in_force(),
    "holds_written": _written,
    "holds_unread": lambda one: one.holds_unread(),
    "litigation_hold": lambda one: one.of.flag("LitigationHoldEnabled"),
    "item_count": lambda one: one.count("ItemCount"),
    "size_bytes": lambda one: one.size("TotalItemSize"),
    "deleted_item_count": lambda one: one.count("DeletedItemCount"),
    "deleted_size_bytes": lambda one: one.size("TotalDeletedItemSize"),
    "has_archive": lambda one: one.mailbox.has_archive,
    "archive_item_count": lambda one: one.count("ItemCount", archive=True),
    "archive_size_bytes": lambda one: one.size("TotalItemSize", archive=True),
    "archive_expands": _expands,
    "locations": _locations,
    "quota_bytes": lambda one: _bytes(one.mailbox.quota),
    "archive_quota_bytes": lambda one: _bytes(one.mailbox.archive_quota),
    "mailbox_type": lambda one: one.mailbox.details,
    "directory_synced": lambda one: one.mailbox.is_synced,
    "findings": lambda one: one.sentences(),
}
#: Headers that mark a file as an export; no other file has all of them.
EXPORT_MARK = frozenset(("recoverable", "recover_findings", "restorable", "restore_findings"))
