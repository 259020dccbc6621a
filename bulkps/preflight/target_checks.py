"""The checks of a restore's target and of its existing restore requests. Pure."""

import re

from bulkps.exchange.powershell_quoting import quoted
from bulkps.exchange.proxy_addresses import knows_legacy_dn, x500_address
from bulkps.exchange.psobject import read_guid
from bulkps.exchange.sizes import UNLIMITED, Size, size_text
from bulkps.preflight.findings import Blocks, Code, Finding, Severity, not_checked
from bulkps.preflight.preflight_facts import PreflightFacts, RestoreRequest
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.row_intent import WantedRestore

#: A request with one of these statuses has ended; every other one is running or waiting.
ENDED = frozenset({"completed", "completedwithwarning", "failed"})

#: How many damaged or too large items may be skipped without AcceptLargeDataLoss.
_FEW_ITEMS = 50

#: The BatchName of a run of bulkps, which holds the run's name.
_RUN = re.compile(r"bulkps-([0-9]{8}-[0-9]{6}-[a-z0-9-]{1,40})")
_ONE_MAILBOX = "Get-Mailbox -Identity"


def target_unusable(
    wanted: WantedRestore, source: Recipient | None, target: Recipient | None, around: PreflightFacts
) -> Finding | None:
    """B9: the target is missing, is not a mailbox, is the source, or lacks the archive to copy into.

    [P:New-MailboxRestoreRequest]
    """
    if target is None:
        return None if around.targets else _target_missing(wanted, around)
    if target.is_deleted:
        return _blocked(
            Code.TARGET_MISSING,
            f"{quoted(wanted.target_identity)} names only a deleted mailbox: {target.label}",
            "Name an existing mailbox, or bring this one back first (Undo-SoftDeletedMailbox, or New-Mailbox "
            "-InactiveMailbox).",
        )
    if target.is_mailbox is False:
        return _not_a_mailbox(target)
    if source is not None and _is_one_mailbox(source, target):
        return _blocked(
            Code.TARGET_IS_SOURCE,
            f"source and target are the same mailbox: {target.label}",
            "Name another target by its ExchangeGuid (Get-Mailbox).",
        )
    if wanted.target_is_archive and target.has_archive is None:
        how = f"{_ONE_MAILBOX} {quoted(target.identity)}, property ArchiveGuid"
        return not_checked(Code.TARGET_HAS_NO_ARCHIVE, Blocks.RESTORE, "ArchiveGuid of the target", how)
    if wanted.target_is_archive and not target.has_archive:
        return _blocked(
            Code.TARGET_HAS_NO_ARCHIVE,
            f"{target.label} has no archive to copy into",
            f"Enable-Mailbox {quoted(target.identity)} -Archive, or restore into the primary mailbox under a "
            "folder (-TargetRootFolder).",
        )
    return None


def _is_one_mailbox(source: Recipient, target: Recipient) -> bool:
    same = bool(source.exchange_guid) and source.exchange_guid == target.exchange_guid
    return same or source.is_object(target)


def _target_missing(wanted: WantedRestore, around: PreflightFacts) -> Finding:
    if around.targets is None:
        how = f"{_ONE_MAILBOX} {quoted(wanted.target_identity)}"
        unread = "the target"
        return not_checked(Code.TARGET_MISSING, Blocks.RESTORE, unread, how)
    for one in around.recipients or ():
        if one.is_deleted is not True and one.is_mailbox is False and _is_named(one, wanted.target_identity):
            return _not_a_mailbox(one)
    return _blocked(
        Code.TARGET_MISSING,
        f"{quoted(wanted.target_identity)} names no mailbox",
        f"Check with Get-Recipient -Identity {quoted(wanted.target_identity)}. After its licence was "
        "assigned, a new mailbox can take from half an hour to a day to appear.",
    )


def _is_named(one: Recipient, identity: str) -> bool:
    names = (one.user_principal_name, one.name, one.distinguished_name)
    known = {name.casefold() for name in names if name} | one.smtp
    guids = {one.guid, one.exchange_guid} - {None, ""}
    return identity.strip().casefold() in known or read_guid(identity) in guids


def _not_a_mailbox(one: Recipient) -> Finding:
    return _blocked(
        Code.TARGET_NOT_A_MAILBOX,
        f"{one.label} is not a mailbox but {one.details or one.recipient_type}",
        "Give the account a licence with Exchange Online (Set-MgUserLicense), or on-premises a mailbox "
        "(Enable-Mailbox). Restore once Get-Mailbox finds it.",
    )


def legacy_dn_mismatch(source: Recipient, target: Recipient, wanted: WantedRestore) -> Finding | None:
    """B10: the target may belong to another person: LegacyExchangeDN and X500 addresses do not match.

    The documentation calls the switch deprecated in the cloud, but still uses it (facts 8.3): with the switch
    this is only a note. [P:New-MailboxRestoreRequest; errors.yaml restore-legacydn-mismatch]
    """
    matches = _knows_source(source, target)
    if matches is None:
        how = f"{_ONE_MAILBOX} {quoted(target.identity)}, properties LegacyExchangeDN and EmailAddresses"
        unread = "LegacyExchangeDN or EmailAddresses of source or target"
        return not_checked(Code.LEGACY_DN_MISMATCH, Blocks.RESTORE, unread, how)
    if matches:
        return None
    seen = f"{target.label} has {source.legacy_exchange_dn} neither as LegacyExchangeDN nor as X500 address"
    if wanted.allow_legacy_dn_mismatch:
        return Finding(
            Code.LEGACY_DN_MISMATCH,
            Severity.NOTE,
            Blocks.RESTORE,
            seen,
            "The row allows it with -AllowLegacyDNMismatch of New-MailboxRestoreRequest, which Microsoft "
            "calls deprecated in the cloud. Make sure that this is the right target.",
        )
    if wanted.prepare_x500:
        return Finding(
            Code.LEGACY_DN_MISMATCH,
            Severity.NOTE,
            Blocks.RESTORE,
            seen,
            "bulkps adds it first, because the row asks for it (prepare_x500). Make sure that this is the "
            "right target.",
        )
    return _blocked(
        Code.LEGACY_DN_MISMATCH,
        seen,
        f"If it is the right target: {_add_x500(source, target)}{_prepared(target, wanted)}, or allow the "
        "mismatch for this row (allow_legacy_dn_mismatch: -AllowLegacyDNMismatch of "
        "New-MailboxRestoreRequest).",
    )


def _prepared(target: Recipient, wanted: WantedRestore) -> str:
    # A synced target cannot be changed here, and a source on an Exchange Server is read in another way.
    return "" if target.is_synced or wanted.source_database else ", let bulkps do that (prepare_x500)"


def _knows_source(source: Recipient, target: Recipient) -> bool | None:
    """Return whether *target* is known under *source*'s LegacyExchangeDN; None if too little was read."""
    wanted = source.legacy_exchange_dn
    if not wanted:
        return None
    if knows_legacy_dn(wanted, target.legacy_exchange_dn or "", target.addresses or ()):
        return True
    return None if target.legacy_exchange_dn is None or target.addresses is None else False


def _add_x500(source: Recipient, target: Recipient) -> str:
    cmdlet = "on-premises Set-RemoteMailbox" if target.is_synced else "Set-Mailbox"
    address = quoted(x500_address(source.legacy_exchange_dn or ""))
    # On-premises, the object usually lacks the cloud mailbox's ExchangeGuid, but it has the same address.
    identity = (target.user_principal_name if target.is_synced else "") or target.identity
    return f"{cmdlet} {quoted(identity)} -EmailAddresses @{{Add={address}}}"


def target_too_full(source: Recipient, target: Recipient, wanted: WantedRestore) -> Finding | None:
    """B11: source and target together exceed the target's quota.

    Only a warning: items that the target already has may not be copied again. [P:Get-MailboxStatistics]
    """
    incoming = source.archive_size if wanted.source_is_archive else source.size
    present, limit, name = target.size, target.quota, "ProhibitSendReceiveQuota"
    if wanted.target_is_archive:
        present, limit, name = target.archive_size, target.archive_quota, "ArchiveQuota"
        if target.auto_expanding_archive:
            return None  # Exchange ignores ArchiveQuota then. [M365:enable-autoexpanding-archiving]
    if limit == UNLIMITED:
        return None
    if incoming is None or present is None or limit is None:
        unread = _unread(incoming, present, limit, name)
        how = "Get-MailboxStatistics (-IncludeSoftDeletedRecipients for the source) and Get-Mailbox"
        return not_checked(Code.TARGET_TOO_FULL, Blocks.RESTORE, unread, how)
    if incoming + present <= limit:
        return None
    return Finding(
        Code.TARGET_TOO_FULL,
        Severity.WARNING,
        Blocks.RESTORE,
        f"{size_text(incoming)} of the source and {size_text(present)} of {target.label} together exceed its "
        f"{name}, {size_text(limit)}",
        f"Raise the quota (Set-Mailbox {quoted(target.identity)} -{name}, up to what the licence allows), or "
        "restore less: with -IncludeFolders or -ExcludeDumpster, or into an archive with -TargetIsArchive.",
    )


def _unread(incoming: Size | None, present: Size | None, limit: Size | None, name: str) -> str:
    parts = {
        "TotalItemSize of the source": incoming,
        "TotalItemSize of the target": present,
        f"{name} of the target": limit,
    }
    return " and ".join(text for text, size in parts.items() if size is None)


def request_exists(
    source: Recipient | None, wanted: WantedRestore, requests: tuple[RestoreRequest, ...] | None
) -> Finding | None:
    """B12: the target already has a request with that name, or one from the same source.

    [P:New-MailboxRestoreRequest, Name: unique per mailbox; running the cmdlet again makes another request]
    """
    if requests is None:
        how = f"Get-MailboxRestoreRequest -TargetMailbox {quoted(wanted.target_identity)}"
        return not_checked(Code.REQUEST_EXISTS, Blocks.RESTORE, "restore requests of the target", how)
    for one in requests:
        if wanted.request_name and _is_called(one, wanted.request_name):
            return _same_name(one)
        ended = one.status.casefold() in ENDED
        if any(_is_called(one, name) for name in wanted.other_names) and not (wanted.once_more and ended):
            return _same_name(one, ", for this restore with source or target under other names")
    related = [(one, same) for one in requests if (same := _same_pair(one, source, wanted)) is not False]
    unfinished = [(one, same) for one, same in related if one.status.casefold() not in ENDED]
    for one, same in sorted(unfinished, key=lambda pair: pair[1] is None):
        return _unfinished(one, certain=bool(same))
    done = [(one, same) for one, same in related if one.status.casefold().startswith("completed")]
    for one, same in sorted(done, key=lambda pair: pair[1] is None):
        return _completed(one) if same else _perhaps_completed(one)
    return None


def _is_called(one: RestoreRequest, name: str) -> bool:
    """Return whether *one* has that name, or the name of a request that was created again in its place."""
    found, wanted = one.name.casefold(), name.casefold()
    return found == wanted or re.fullmatch(re.escape(wanted) + r"-[0-9]{1,6}", found) is not None


def _same_pair(one: RestoreRequest, source: Recipient | None, wanted: WantedRestore) -> bool | None:
    """Return whether *one* copies the same source to the same place; None if the statistics were not read."""
    if one.target_is_archive is not None and one.target_is_archive != wanted.target_is_archive:
        return False
    if source is None or not source.exchange_guid or one.source_exchange_guid is None:
        return None
    # Assumed: SourceExchangeGuid is the archive's GUID if the archive is copied.
    return one.source_exchange_guid == (
        source.archive_guid if wanted.source_is_archive else source.exchange_guid
    )


def _same_name(one: RestoreRequest, how: str = "") -> Finding:
    identity = quoted(one.identity or one.name)
    run = _RUN.fullmatch(one.batch)
    if one.status.casefold() == "failed":
        way = (
            f"continue it with: bulkps retry {run[1]}"
            if run
            else f"continue it with Resume-MailboxRestoreRequest {identity}"
        )
        instead = (
            f"It failed: Get-MailboxRestoreRequestStatistics {identity} -IncludeReport shows why. Fix "
            f"the cause, then {way}. Only to start again, such as with other values: "
        )
    elif one.status.casefold() in ENDED:
        instead = "If it is this same restore, it is done. To do it again, remove the old request first: "
    else:
        instead = (
            "Let it finish; Get-MailboxRestoreRequestStatistics shows its progress. Only to start again: "
        )
    return _blocked(
        Code.REQUEST_EXISTS,
        f"the request {quoted(one.name)} already exists, {one.status or 'of unknown status'}{how}",
        f"{instead}Remove-MailboxRestoreRequest {identity}.",
    )


def _unfinished(one: RestoreRequest, *, certain: bool) -> Finding:
    origin = "of the same source" if certain else "of a source that was not read"
    return Finding(
        Code.REQUEST_UNFINISHED,
        Severity.BLOCKER if certain else Severity.WARNING,
        Blocks.RESTORE,
        f"the request {quoted(one.name)} {origin} is {one.status or 'of unknown status'}",
        "Let it finish first, or the content may arrive twice. Get-MailboxRestoreRequestStatistics "
        f"{quoted(one.identity or one.name)} shows its source and progress.",
    )


def _completed(one: RestoreRequest) -> Finding:
    return Finding(
        Code.REQUEST_COMPLETED,
        Severity.WARNING,
        Blocks.RESTORE,
        f"the request {quoted(one.name)} from the same source into the same target is {one.status}",
        "Its items are already in the target and may arrive twice, unless conflict_resolution says "
        f"otherwise. Get-MailboxRestoreRequestStatistics {quoted(one.identity or one.name)} shows what it "
        "copied.",
    )


def _perhaps_completed(one: RestoreRequest) -> Finding:
    how = f"Get-MailboxRestoreRequestStatistics {quoted(one.identity or one.name)}"
    unread = f"what the request {quoted(one.name)} ({one.status}) copied"
    return not_checked(Code.REQUEST_COMPLETED, Blocks.RESTORE, unread, how)


def large_data_loss(wanted: WantedRestore) -> Finding | None:
    """A limit of damaged or too large items that Exchange only accepts with AcceptLargeDataLoss.

    [P:New-MailboxRestoreRequest, BadItemLimit and LargeItemLimit: 51 or more requires AcceptLargeDataLoss]
    """
    limits = {"BadItemLimit": wanted.bad_item_limit, "LargeItemLimit": wanted.large_item_limit}
    large = [f"{name} {limit}" for name, limit in limits.items() if _is_large(str(limit))]
    if not large or wanted.accept_large_data_loss:
        return None
    return _blocked(
        Code.LARGE_DATA_LOSS,
        f"{' and '.join(large)} needs AcceptLargeDataLoss, and the row does not set it",
        f"Allow at most {_FEW_ITEMS}, or accept the loss: accept_large_data_loss, -AcceptLargeDataLoss of "
        "New-MailboxRestoreRequest.",
    )


def _is_large(limit: str) -> bool:
    return limit.casefold() == "unlimited" or (limit.isdecimal() and int(limit) > _FEW_ITEMS)


def not_visible(wanted: WantedRestore) -> Finding | None:
    """Part of B13: a primary mailbox is copied into an archive without a folder of its own.

    [P:New-MailboxRestoreRequest, TargetRootFolder: primary to archive without it makes content not visible]
    """
    into_archive = wanted.target_is_archive and not wanted.source_is_archive
    if not into_archive or wanted.target_folder:
        return None
    return Finding(
        Code.NOT_VISIBLE_IN_ARCHIVE,
        Severity.WARNING,
        Blocks.RESTORE,
        "the row copies a primary mailbox into an archive without TargetRootFolder; it would not be visible",
        "Name a folder in the archive: -TargetRootFolder of New-MailboxRestoreRequest (target_folder).",
    )


def target_synced(source: Recipient, target: Recipient, wanted: WantedRestore) -> Finding | None:
    """B14: the target needs an X500 address that cannot be added in the cloud: it is directory-synced.

    [ODS:cannot-manage-dg; errors.yaml synced-object]
    """
    if wanted.allow_legacy_dn_mismatch and not wanted.prepare_x500:
        return None
    if _knows_source(source, target) is not False:
        return None
    if target.is_synced is None:
        how = f"{_ONE_MAILBOX} {quoted(target.identity)}, property IsDirSynced"
        return not_checked(Code.TARGET_SYNCED, Blocks.RESTORE, "IsDirSynced of the target", how)
    if not target.is_synced:
        return None
    return Finding(
        Code.TARGET_SYNCED,
        # prepare_x500 cannot be done here.
        Severity.BLOCKER if wanted.prepare_x500 else Severity.WARNING,
        Blocks.RESTORE,
        f"IsDirSynced of {target.label} is True, so its addresses cannot be changed in Exchange Online",
        f"Add the X500 address on-premises: {_add_x500(source, target)}; "
        f"then let directory sync run.{_or_not_at_all(wanted)}",
    )


def _or_not_at_all(wanted: WantedRestore) -> str:
    if not wanted.allow_legacy_dn_mismatch:
        return ""
    return " Or leave prepare_x500 empty: the row already allows the mismatch (-AllowLegacyDNMismatch)."


def _blocked(code: Code, seen: str, instead: str) -> Finding:
    return Finding(code, Severity.BLOCKER, Blocks.RESTORE, seen, instead)
