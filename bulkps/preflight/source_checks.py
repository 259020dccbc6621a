"""The checks of the source: whether it is the right one, and can be recovered or copied. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bulkps.exchange.dates import date_text
from bulkps.exchange.mailbox_locations import AUX_ARCHIVE, AUX_PRIMARY
from bulkps.exchange.powershell_quoting import quoted
from bulkps.preflight.findings import Blocks, Code, Finding, Severity, not_checked
from bulkps.preflight.preflight_facts import Organization
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.row_intent import WantedRestore

#: How long a soft-deleted mailbox, and its account in Entra ID's recycle bin, are kept.
SOFT_DELETED_DAYS = 30
#: How long a formerly inactive mailbox is kept after its last hold ended.
RETIRED_DAYS = 183


def auto_expanding_archive(source: Recipient, organization: Organization) -> Finding | None:
    """B1: a mailbox with an auto-expanding archive can be neither recovered nor restored.

    [M365:recover-an-inactive-mailbox; M365:enable-autoexpanding-archiving]
    """
    if source.auto_expanding_archive or AUX_ARCHIVE in source.kinds:
        seen = (
            "MailboxLocations has AuxArchive"
            if AUX_ARCHIVE in source.kinds
            else "AutoExpandingArchiveEnabled is True"
        )
        return _expanding(Severity.BLOCKER, f"{seen} on {source.label}")
    if source.has_archive is False:
        return None
    # Enabling it for the organization leaves the mailboxes' own property False, and an archive only expands
    # above 90 GB [enable-autoexpanding-archiving]. It is not documented whether Exchange counts a mailbox
    # without AuxArchive as configured with one. Assumed: it may, so this warns and does not block.
    if organization.auto_expanding_archive and source.has_archive:
        return _expanding(
            Severity.WARNING,
            f"AutoExpandingArchiveEnabled is True for the organization and {source.label} has an archive",
        )
    code, both = Code.AUTO_EXPANDING_ARCHIVE, Blocks.BOTH
    if source.auto_expanding_archive is None:
        how = "Get-Mailbox -InactiveMailboxOnly, property AutoExpandingArchiveEnabled"
        return not_checked(code, both, "AutoExpandingArchiveEnabled of the source", how)
    if organization.auto_expanding_archive is None:
        how = "Get-OrganizationConfig, property AutoExpandingArchiveEnabled"
        return not_checked(code, both, "AutoExpandingArchiveEnabled of the organization", how)
    if source.has_archive is None:
        how = "Get-Mailbox -InactiveMailboxOnly, property ArchiveGuid"
        return not_checked(code, both, "ArchiveGuid of the source", how)
    if source.locations is None:
        how = "Get-Mailbox -InactiveMailboxOnly, property MailboxLocations"
        return not_checked(code, both, "MailboxLocations of the source", how)
    return None


def _expanding(severity: Severity, seen: str) -> Finding:
    return Finding(
        Code.AUTO_EXPANDING_ARCHIVE,
        severity,
        Blocks.BOTH,
        seen,
        "Search for its content in Microsoft Purview (New-ComplianceSearch), export it, and import it into "
        "another mailbox.",
    )


def additional_shards(source: Recipient) -> Finding | None:
    """B2: a mailbox with AuxPrimary parts cannot be recovered, but it can be restored.

    Not the same as B1: AuxPrimary is not an archive. [ODS:recover-inactive-mailboxes-error; facts 8.12]
    """
    if source.locations is None:
        how = "Get-Mailbox -InactiveMailboxOnly, property MailboxLocations"
        return not_checked(Code.ADDITIONAL_SHARDS, Blocks.RECOVER, "MailboxLocations of the source", how)
    if AUX_PRIMARY not in source.kinds:
        return None
    return Finding(
        Code.ADDITIONAL_SHARDS,
        Severity.BLOCKER,
        Blocks.RECOVER,
        f"MailboxLocations of {source.label} has AuxPrimary as well as Primary",
        f"Restore it instead: {_restore(source)}.",
    )


def still_soft_deleted(source: Recipient, now: datetime) -> Finding | None:
    """B3: until its account is purged from Entra ID, restore the account instead of recovering the mailbox.

    ExternalDirectoryObjectId decides; the date is only shown. [M365:recover-an-inactive-mailbox]
    """
    if source.is_deleted is False:
        return None  # An active mailbox always has one; not_inactive reports it.
    if source.external_directory_object_id is None:
        how = "Get-Mailbox -InactiveMailboxOnly, property ExternalDirectoryObjectId"
        unread = "ExternalDirectoryObjectId of the source"
        return not_checked(Code.STILL_SOFT_DELETED, Blocks.RECOVER, unread, how)
    if not source.external_directory_object_id:
        return None
    seen = f"ExternalDirectoryObjectId of {source.label} is {source.external_directory_object_id}"
    if source.soft_deleted is not None:
        seen += f"; it was deleted {_days_ago(source.soft_deleted, now)}"
    return Finding(
        Code.STILL_SOFT_DELETED,
        Severity.BLOCKER,
        Blocks.RECOVER,
        seen,
        "Restore the user account, which brings its mailbox back: Restore-MgDirectoryDeletedItem "
        f"-DirectoryObjectId {source.external_directory_object_id}. Once the account is purged, "
        f"{SOFT_DELETED_DAYS} days after its deletion, the property is empty and you can recover the "
        "mailbox.",
    )


def not_inactive(source: Recipient, now: datetime) -> Finding | None:
    """B7: only an inactive mailbox can be recovered; once its last hold ended, it no longer is one.

    [M365:delete-an-inactive-mailbox]
    """
    once = bool(source.was_inactive) or source.retired is not None
    if source.is_inactive:
        # They are set when it stops being inactive. Assumed: they may stay set after a new hold.
        signs = f"{source.label} is inactive, yet WasInactiveMailbox or InactiveMailboxRetireTime is set"
        return _not_inactive(Severity.WARNING, signs, _read_again(source)) if once else None
    if once:
        return _not_inactive(
            Severity.BLOCKER, _retired(source, now), f"Before it is deleted, {_restore(source)}."
        )
    if source.is_deleted is False:
        seen = f"{source.label} is an active mailbox"
        return _not_inactive(Severity.BLOCKER, seen, _read_again(source))
    if source.is_inactive is None:
        how = "Get-Mailbox -InactiveMailboxOnly, property IsInactiveMailbox"
        return not_checked(Code.NOT_INACTIVE, Blocks.RECOVER, "IsInactiveMailbox of the source", how)
    seen = f"{source.label} is soft-deleted and no hold keeps it"
    if source.soft_deleted is not None:
        seen += f"; it was deleted {_days_ago(source.soft_deleted, now)} and is kept {SOFT_DELETED_DAYS} days"
    return _not_inactive(
        Severity.BLOCKER,
        seen,
        _bring_back(source, now),
    )


def _bring_back(source: Recipient, now: datetime) -> str:
    over = source.soft_deleted is not None and now - source.soft_deleted > timedelta(SOFT_DELETED_DAYS)
    if over:
        # Undo-SoftDeletedMailbox works for 30 days only. [P:Undo-SoftDeletedMailbox]
        return f"While it still exists, {_restore(source)}."
    return f"Bring it back with Undo-SoftDeletedMailbox {quoted(source.identity)}, or {_restore(source)}."


def source_is_active(source: Recipient, target: Recipient | None) -> Finding | None:
    """Part of B7: a restore copies from deleted mailboxes; Exchange does not find an active one.

    [P:New-MailboxRestoreRequest, SourceMailbox: inactive, soft-deleted or disconnected]
    """
    if source.is_deleted is not False or (target is not None and source.is_object(target)):
        return None
    return Finding(
        Code.NOT_INACTIVE,
        Severity.BLOCKER,
        Blocks.RESTORE,
        f"{source.label} is an active mailbox, not a deleted one",
        f"If it was already recovered or brought back, there is nothing left to do. {_read_again(source)}",
    )


def _retired(source: Recipient, now: datetime) -> str:
    if source.retired is None:
        return f"{source.label} was inactive, but no hold keeps it any more"
    # The documentation contradicts itself (facts 8.6): 183 days here, 30 elsewhere. The message gives both.
    first, last = (date_text(source.retired + timedelta(days)) for days in (SOFT_DELETED_DAYS, RETIRED_DAYS))
    return (
        f"the last hold of {source.label} ended {_days_ago(source.retired, now)}; Microsoft's pages disagree "
        f"on whether it is kept until {first} or {last}"
    )


def _not_inactive(severity: Severity, seen: str, instead: str) -> Finding:
    return Finding(Code.NOT_INACTIVE, severity, Blocks.RECOVER, seen, instead)


def _read_again(source: Recipient) -> str:
    return (
        f"Check it with Get-Mailbox -Identity {quoted(source.identity)} -SoftDeletedMailbox "
        "-IncludeInactiveMailbox, and name the inactive mailbox by its ExchangeGuid."
    )


def ambiguous_identity(identity: str, found: Sequence[Recipient], blocks: Blocks) -> Finding | None:
    """B8: an active and an inactive mailbox can share an address; then an identity names both.

    [M365:recover-an-inactive-mailbox]
    """
    different: list[Recipient] = []
    for one in found:
        # The same mailbox may have been read twice, with and without -SoftDeletedMailbox.
        if not any(one.is_object(other) for other in different):
            different.append(one)
    if len(different) < 2:
        return None
    listed = ", ".join(f"{one.label}{_state(one)}" for one in different)
    return Finding(
        Code.AMBIGUOUS_IDENTITY,
        Severity.BLOCKER,
        blocks,
        f"{quoted(identity)} names {len(different)} mailboxes: {listed}",
        "Name the one that you mean by its ExchangeGuid or DistinguishedName (Get-Mailbox "
        f"-Identity {quoted(identity)} -SoftDeletedMailbox -IncludeInactiveMailbox).",
    )


def _state(one: Recipient) -> str:
    if one.is_inactive:
        return ", inactive"
    return {True: ", soft-deleted", False: ", active", None: ""}[one.is_deleted]


def source_archive(source: Recipient, wanted: WantedRestore) -> Finding | None:
    """B13: a restore of the primary mailbox leaves out the archive; a restore of an archive needs one.

    Exchange warns: "There exists an archive mailbox that will need to be restored separately." [ODS picture]
    """
    if source.has_archive is None:
        code = Code.SOURCE_HAS_NO_ARCHIVE if wanted.source_is_archive else Code.ARCHIVE_LEFT_OUT
        how = "Get-Mailbox -InactiveMailboxOnly, property ArchiveGuid"
        return not_checked(code, Blocks.RESTORE, "ArchiveGuid of the source", how)
    if source.has_archive == wanted.source_is_archive:
        return None
    if wanted.source_is_archive:
        return Finding(
            Code.SOURCE_HAS_NO_ARCHIVE,
            Severity.BLOCKER,
            Blocks.RESTORE,
            f"{source.label} has no archive to copy from",
            f"Restore its primary mailbox, without -SourceIsArchive: {_restore(source)}.",
        )
    return Finding(
        Code.ARCHIVE_LEFT_OUT,
        Severity.WARNING,
        Blocks.RESTORE,
        f"{source.label} has an archive, and this request does not copy it",
        "Copy it with a second request: New-MailboxRestoreRequest "
        f"-SourceMailbox {quoted(source.identity)} -SourceIsArchive -TargetMailbox <target> "
        "-TargetIsArchive.",
    )


def how_to_look(identity: str, database: str = "") -> str:
    """Return the cmdlet that shows a source; with a *database* if it is on an Exchange Server."""
    if database:
        where = f"-Database {quoted(database)} -StoreMailboxIdentity {quoted(identity)}"
        return f"Get-MailboxStatistics {where}"
    return f"Get-Mailbox -Identity {quoted(identity)} -SoftDeletedMailbox -IncludeInactiveMailbox"


def source_missing(identity: str, sources: Sequence[Recipient], database: str = "") -> Finding | None:
    """B15: nothing is found, perhaps because a licence was removed without deleting the account.

    Such a mailbox is disconnected and no cmdlet shows it. [ODS:no-soft-deleted-mailbox-after-license-removal]
    """
    if sources:
        return None
    if database:
        return Finding(
            Code.SOURCE_MISSING,
            Severity.BLOCKER,
            Blocks.RESTORE,
            f"{quoted(identity)} names no mailbox in the database {quoted(database)}, or the database does "
            "not exist",
            f"Check with Get-MailboxDatabase and {how_to_look(identity, database)}. A mailbox that was just "
            "disconnected appears after Update-StoreMailboxState. It is kept for 30 days, unless the "
            "database says otherwise (MailboxRetention).",
        )
    return Finding(
        Code.SOURCE_MISSING,
        Severity.BLOCKER,
        Blocks.BOTH,
        f"{quoted(identity)} names no mailbox: no active, inactive or soft-deleted one",
        f"Check with {how_to_look(identity)}. If it was already recovered, there is nothing left to do: "
        "New-Mailbox -InactiveMailbox leaves no inactive mailbox behind. If the account still exists and "
        f"only lost its licence, assign it again within {SOFT_DELETED_DAYS} days (Set-MgUserLicense): that "
        "reconnects the mailbox.",
    )


def _restore(source: Recipient) -> str:
    return (
        "copy its content into an existing mailbox: New-MailboxRestoreRequest "
        f"-SourceMailbox {quoted(source.identity)} -TargetMailbox <target>"
    )


def _days_ago(moment: datetime, now: datetime) -> str:
    days = (now - moment) // timedelta(days=1)
    ago = "a day ago" if days == 1 else f"{days} days ago"
    return f"{ago if days > 0 else 'today'} ({date_text(moment)})"
