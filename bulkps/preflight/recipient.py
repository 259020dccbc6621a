"""A recipient of Exchange, as far as it was read. Pure.

None always means *was not read*; an empty string or tuple means that it was read and is empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime

from bulkps.exchange.mailbox_locations import (
    AUX_ARCHIVE,
    MAIN_ARCHIVE,
    MailboxLocation,
    kinds_of,
    read_locations,
)
from bulkps.exchange.proxy_addresses import ProxyAddress, is_soft_deleted_dn, read_addresses, smtp_addresses
from bulkps.exchange.psobject import Properties
from bulkps.exchange.sizes import Size


@dataclass(frozen=True, slots=True)
class Recipient:
    """A mailbox, mail user or plain user, as far as it was read.

    Attributes:
        guid: The directory object's GUID.
        exchange_guid: The mailbox's GUID; empty if it has no mailbox.
        distinguished_name: Its DistinguishedName.
        legacy_exchange_dn: Its LegacyExchangeDN.
        user_principal_name: Its UserPrincipalName.
        name: Its Name.
        display_name: Its DisplayName.
        alias: Its Alias; the Identity of a restore request into it begins with it.
        addresses: Its proxy addresses.
        recipient_type: Its RecipientType, such as ``UserMailbox`` or ``MailUser``.
        details: Its RecipientTypeDetails, such as ``SharedMailbox``.
        external_directory_object_id: The account's id in Entra ID; empty once that is purged.
        is_inactive: IsInactiveMailbox.
        was_inactive: WasInactiveMailbox.
        retired: InactiveMailboxRetireTime: when the last hold of an inactive mailbox ended.
        soft_deleted: WhenSoftDeleted.
        is_synced: IsDirSynced: its properties are managed on-premises.
        archive_guid: Its archive's GUID; empty if it has none.
        archive_status: ArchiveStatus, such as ``None`` or ``Active``.
        auto_expanding_archive: AutoExpandingArchiveEnabled of the mailbox itself.
        locations: The locations of its parts.
        size: TotalItemSize of the primary mailbox, in bytes.
        archive_size: TotalItemSize of the archive, in bytes.
        quota: ProhibitSendReceiveQuota, in bytes.
        archive_quota: ArchiveQuota, in bytes.
    """

    guid: str | None = None
    exchange_guid: str | None = None
    distinguished_name: str | None = None
    legacy_exchange_dn: str | None = None
    user_principal_name: str | None = None
    name: str | None = None
    display_name: str | None = None
    alias: str | None = None
    addresses: tuple[ProxyAddress, ...] | None = None
    recipient_type: str | None = None
    details: str | None = None
    external_directory_object_id: str | None = None
    is_inactive: bool | None = None
    was_inactive: bool | None = None
    retired: datetime | None = None
    soft_deleted: datetime | None = None
    is_synced: bool | None = None
    archive_guid: str | None = None
    archive_status: str | None = None
    auto_expanding_archive: bool | None = None
    locations: tuple[MailboxLocation, ...] | None = None
    size: Size | None = None
    archive_size: Size | None = None
    quota: Size | None = None
    archive_quota: Size | None = None

    @classmethod
    def from_properties(
        cls,
        found: Mapping[str, object],
        statistics: Mapping[str, object] | None = None,
        archive_statistics: Mapping[str, object] | None = None,
    ) -> "Recipient":
        """Return what the properties say.

        Args:
            found: Of Get-Mailbox, Get-Recipient, Get-MailUser or Get-User.
            statistics: Of Get-MailboxStatistics, if it was run.
            archive_statistics: Of Get-MailboxStatistics -Archive, if it was run.
        """
        of = Properties(found)
        return cls(
            guid=of.guid("Guid"),
            exchange_guid=of.guid("ExchangeGuid"),
            distinguished_name=of.text("DistinguishedName"),
            legacy_exchange_dn=of.text("LegacyExchangeDN"),
            user_principal_name=of.text("UserPrincipalName"),
            name=of.text("Name"),
            display_name=of.text("DisplayName"),
            alias=of.text("Alias"),
            addresses=_addresses(of),
            recipient_type=of.text("RecipientType"),
            details=of.text("RecipientTypeDetails"),
            external_directory_object_id=of.text("ExternalDirectoryObjectId"),
            is_inactive=of.flag("IsInactiveMailbox"),
            was_inactive=of.flag("WasInactiveMailbox"),
            retired=of.date("InactiveMailboxRetireTime"),
            soft_deleted=of.date("WhenSoftDeleted"),
            is_synced=of.flag("IsDirSynced"),
            archive_guid=of.guid("ArchiveGuid"),
            archive_status=of.text("ArchiveStatus"),
            auto_expanding_archive=of.flag("AutoExpandingArchiveEnabled"),
            locations=_locations(of),
            size=Properties(statistics or {}).size("TotalItemSize"),
            archive_size=Properties(archive_statistics or {}).size("TotalItemSize"),
            quota=_quota(of),
            archive_quota=of.size("ArchiveQuota"),
        )

    @classmethod
    def from_disconnected(cls, found: Mapping[str, object]) -> "Recipient":
        """Return what Get-MailboxStatistics -Database says of a mailbox (on-premises)."""
        of = Properties(found)
        reason = of.text("DisconnectReason") or ""
        return cls(
            exchange_guid=of.guid("MailboxGuid"),
            legacy_exchange_dn=of.text("LegacyDN"),
            name=of.text("DisplayName"),
            recipient_type="UserMailbox",
            soft_deleted=of.date("DisconnectDate") if reason.casefold() not in ("", "none") else None,
            size=of.size("TotalItemSize"),
        )

    def filled_up(self, other: "Recipient") -> "Recipient":
        """Return it with missing values taken from another read of the same object."""
        missing = {
            field.name: getattr(other, field.name) for field in fields(self) if not getattr(self, field.name)
        }
        return replace(self, **{name: value for name, value in missing.items() if value is not None})

    @property
    def label(self) -> str:
        """A name for the user, with the ExchangeGuid if there is one."""
        named = self.user_principal_name or self.name or self.distinguished_name or "a recipient"
        return f"{named} (ExchangeGuid {self.exchange_guid})" if self.exchange_guid else named

    @property
    def identity(self) -> str:
        """The most specific name that was read, by which a cmdlet finds this object; never empty."""
        known = self.exchange_guid or self.guid or self.distinguished_name or self.user_principal_name
        return known or "<ExchangeGuid>"

    @property
    def is_deleted(self) -> bool | None:
        """Whether it is inactive or soft-deleted; None if nothing that was read shows it."""
        if self.is_inactive:
            return True
        # The name is the documented sign (exchange-facts.md section 3.4). It is not documented whether a
        # mailbox that was restored loses the date.
        if self.distinguished_name:
            return is_soft_deleted_dn(self.distinguished_name)
        return None if self.soft_deleted is None else True

    @property
    def is_mailbox(self) -> bool | None:
        """Whether it has a mailbox in this organization; None if its type was not read."""
        if self.recipient_type:
            return self.recipient_type.casefold() == "usermailbox"
        if self.details:
            # A RemoteUserMailbox is a mail user here; its mailbox is in the cloud.
            details = self.details.casefold()
            return details.endswith("mailbox") and not details.startswith("remote")
        return None

    @property
    def has_archive(self) -> bool | None:
        """Whether it has an archive; None if nothing that was read shows it."""
        if self.archive_guid or {MAIN_ARCHIVE, AUX_ARCHIVE} & self.kinds:
            return True
        if self.archive_guid is None and not self.archive_status:
            return None
        return self.archive_guid is None and (self.archive_status or "none").casefold() != "none"

    @property
    def kinds(self) -> frozenset[str]:
        """The MailboxLocationTypes of its parts; also empty if they were not read."""
        return kinds_of(self.locations or ())

    @property
    def smtp(self) -> frozenset[str]:
        """Its SMTP addresses, folded; also empty if they were not read."""
        return smtp_addresses(self.addresses or ())

    def is_object(self, other: "Recipient") -> bool:
        """Return whether both are the same directory object.

        The ExchangeGuid decides only if nothing better was read: two objects can share it, and B16 looks for
        exactly that.
        """
        for mine, theirs in (
            (self.guid, other.guid),
            (self.distinguished_name, other.distinguished_name),
        ):
            if mine and theirs:
                return mine.casefold() == theirs.casefold()
        return bool(self.exchange_guid) and self.exchange_guid == other.exchange_guid


def _locations(of: Properties) -> tuple[MailboxLocation, ...] | None:
    # Every mailbox has at least a Primary part: if there is none, nothing was read.
    return (read_locations(of.raw("MailboxLocations")) if "MailboxLocations" in of else ()) or None


def _quota(of: Properties) -> Size | None:
    # On-premises, the quota may come from the database; then the mailbox's own value does not count.
    return None if of.flag("UseDatabaseQuotaDefaults") else of.size("ProhibitSendReceiveQuota")


def _addresses(of: Properties) -> tuple[ProxyAddress, ...] | None:
    # Get-User has no EmailAddresses, only the primary address under another name.
    for name in ("EmailAddresses", "PrimarySmtpAddress", "WindowsEmailAddress"):
        if name in of:
            return read_addresses(of.raw(name))
    return None
