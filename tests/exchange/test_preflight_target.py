"""B9 to B12 and B14: the target of a restore, and its requests."""

from dataclasses import replace
from typing import Any

import pytest

from bulkps.preflight.findings import Code, Severity
from bulkps.preflight.preflight_facts import PreflightFacts, RestoreRequest
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.row_intent import WantedRestore
from bulkps.preflight.target_checks import (
    large_data_loss,
    legacy_dn_mismatch,
    not_visible,
    request_exists,
    target_synced,
    target_too_full,
    target_unusable,
)
from tests.exchange.mailboxes import (
    ACTIVE,
    ARCHIVE,
    BIG,
    INACTIVE,
    RESTORE,
    SMALL,
    SOURCE,
    TARGET,
    active,
    inactive,
    is_blocker,
    is_unchecked,
    is_warning,
)

INTO_ARCHIVE = replace(RESTORE, target_is_archive=True)
FROM_ARCHIVE = replace(RESTORE, source_is_archive=True)
ALLOWED = replace(RESTORE, allow_legacy_dn_mismatch=True)
X500 = f"X500:{INACTIVE['LegacyExchangeDN']}"
STRANGER = {"EmailAddresses": ["SMTP:pilar.pinilla@contoso.com"]}
MAIL_USER = Recipient.from_properties(
    {**ACTIVE, "RecipientType": "MailUser", "RecipientTypeDetails": "MailUser", "ExchangeGuid": None}
)
FULL = PreflightFacts(targets=(active(),))


def test_nothing_speaks_against_a_sound_target() -> None:
    assert target_unusable(RESTORE, inactive(), active(), FULL) is None
    assert legacy_dn_mismatch(inactive(), active(), RESTORE) is None
    assert target_too_full(inactive(), active(), RESTORE) is None
    assert request_exists(inactive(), RESTORE, ()) is None
    assert target_synced(inactive(), active(), RESTORE) is None


def test_a_target_that_nothing_names_is_missing() -> None:
    found = target_unusable(RESTORE, inactive(), None, PreflightFacts(targets=()))

    assert is_blocker(found, Code.TARGET_MISSING)
    assert found is not None and "Get-Recipient -Identity 'pilar.pinilla@contoso.com'" in found.instead


def test_a_target_that_was_brought_back_is_there_whatever_date_it_kept() -> None:
    back = active(WhenSoftDeleted="6/16/2020 1:19:04 AM")

    assert target_unusable(RESTORE, inactive(), back, FULL) is None


def test_a_target_that_is_deleted_is_missing() -> None:
    assert is_blocker(target_unusable(RESTORE, None, inactive(), FULL), Code.TARGET_MISSING)


def test_several_targets_are_not_none() -> None:
    assert target_unusable(RESTORE, inactive(), None, PreflightFacts(targets=(active(), inactive()))) is None


def test_a_target_that_was_not_read_is_noted() -> None:
    assert is_unchecked(target_unusable(RESTORE, None, None, PreflightFacts()), Code.TARGET_MISSING)


@pytest.mark.parametrize(
    "identity",
    ["Pilar.Pinilla@contoso.com", str(ACTIVE["Guid"]).upper(), str(ACTIVE["DistinguishedName"]), "pinilla"],
)
def test_a_target_that_is_a_mail_user_is_no_mailbox(identity: str) -> None:
    around = PreflightFacts(targets=(), recipients=(inactive(), MAIL_USER))

    found = target_unusable(WantedRestore(SOURCE, identity), inactive(), None, around)

    assert is_blocker(found, Code.TARGET_NOT_A_MAILBOX)
    assert found is not None and "MailUser" in found.seen


@pytest.mark.parametrize(
    ("kind", "details", "is_mailbox"),
    [
        ("UserMailbox", "SharedMailbox", True),
        ("UserMailbox", "UserMailbox", True),
        ("", "RoomMailbox", True),
        ("MailUser", "RemoteUserMailbox", False),
        ("", "RemoteUserMailbox", False),
        ("", "MailUser", False),
        ("User", "User", False),
        ("", "", None),
    ],
)
def test_a_mailbox_is_told_by_its_types(kind: str, details: str, is_mailbox: bool | None) -> None:
    target = active(RecipientType=kind, RecipientTypeDetails=details)

    assert target.is_mailbox is is_mailbox
    found = target_unusable(RESTORE, inactive(), target, FULL)
    assert is_blocker(found, Code.TARGET_NOT_A_MAILBOX) is (is_mailbox is False)


def test_source_and_target_are_one_by_their_guid_in_any_spelling() -> None:
    source = inactive()
    target = active(ExchangeGuid=f"{{{SOURCE.upper()}}}")

    assert is_blocker(target_unusable(RESTORE, source, target, FULL), Code.TARGET_IS_SOURCE)


@pytest.mark.parametrize("guid", ["00000000-0000-0000-0000-000000000000", ""])
def test_an_archive_to_copy_into_must_be_there(guid: str) -> None:
    found = target_unusable(INTO_ARCHIVE, inactive(), active(ArchiveGuid=guid), FULL)

    assert is_blocker(found, Code.TARGET_HAS_NO_ARCHIVE)
    assert found is not None and f"Enable-Mailbox '{TARGET}' -Archive" in found.instead
    assert target_unusable(INTO_ARCHIVE, inactive(), active(ArchiveGuid=ARCHIVE), FULL) is None


def test_an_archive_that_was_not_read_is_noted() -> None:
    found = target_unusable(INTO_ARCHIVE, inactive(), active("ArchiveGuid"), FULL)

    assert is_unchecked(found, Code.TARGET_HAS_NO_ARCHIVE)


def test_a_target_that_was_never_the_sources_person_blocks_and_says_what_to_add() -> None:
    found = legacy_dn_mismatch(inactive(), active(**STRANGER), RESTORE)

    assert is_blocker(found, Code.LEGACY_DN_MISMATCH)
    assert found is not None
    assert f"Set-Mailbox '{TARGET}' -EmailAddresses @{{Add='{X500}'}}" in found.instead
    assert "-AllowLegacyDNMismatch" in found.instead


@pytest.mark.parametrize(
    "changed",
    [
        {"LegacyExchangeDN": str(INACTIVE["LegacyExchangeDN"]).swapcase()},
        {"EmailAddresses": f"{{SMTP:a@contoso.com, {X500.lower()}}}"},
        {"EmailAddresses": [X500]},
    ],
)
def test_a_dn_matches_as_own_or_as_x500_in_any_case(changed: dict[str, object]) -> None:
    assert legacy_dn_mismatch(inactive(), active(**{**STRANGER, **changed}), RESTORE) is None


def test_a_mismatch_that_the_row_allows_is_a_note() -> None:
    found = legacy_dn_mismatch(inactive(), active(**STRANGER), ALLOWED)

    assert found is not None
    assert (found.code, found.severity) == (Code.LEGACY_DN_MISMATCH, Severity.NOTE)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (inactive(), active("EmailAddresses")),
        (inactive(), active("LegacyExchangeDN", **STRANGER)),
        (inactive("LegacyExchangeDN"), active()),
    ],
)
def test_a_dn_that_was_not_read_is_noted(source: Recipient, target: Recipient) -> None:
    assert is_unchecked(legacy_dn_mismatch(source, target, RESTORE), Code.LEGACY_DN_MISMATCH)


def test_one_match_is_enough_whatever_else_was_not_read() -> None:
    assert legacy_dn_mismatch(inactive(), active("LegacyExchangeDN"), RESTORE) is None


def test_more_than_the_quota_takes_is_warned_of() -> None:
    source = Recipient.from_properties(INACTIVE, BIG)

    found = target_too_full(source, Recipient.from_properties(ACTIVE, BIG), RESTORE)

    assert is_warning(found, Code.TARGET_TOO_FULL)
    assert found is not None and "ProhibitSendReceiveQuota, 100 GB (107,374,182,400 bytes)" in found.seen
    assert target_too_full(source, active(ProhibitSendReceiveQuota="Unlimited"), RESTORE) is None


@pytest.mark.parametrize(("quota", "warned"), [(33_746_086, False), (33_746_085, True)])
def test_just_as_much_as_the_quota_takes_is_no_finding(quota: int, warned: bool) -> None:
    found = target_too_full(inactive(), active(ProhibitSendReceiveQuota=quota), RESTORE)

    assert is_warning(found, Code.TARGET_TOO_FULL) is warned


def test_an_archive_has_its_own_size_and_quota() -> None:
    source = Recipient.from_properties(INACTIVE, BIG, SMALL)
    target = Recipient.from_properties({**ACTIVE, "ArchiveQuota": "20 MB (20,971,520 bytes)"}, BIG, SMALL)

    found = target_too_full(source, target, replace(FROM_ARCHIVE, target_is_archive=True))

    assert is_warning(found, Code.TARGET_TOO_FULL)
    assert found is not None and "ArchiveQuota, 20 MB" in found.seen


def test_an_expanding_archive_has_no_quota_that_counts() -> None:
    target = active(AutoExpandingArchiveEnabled=True, ArchiveQuota="1 B (1 bytes)")

    assert target_too_full(inactive(), target, INTO_ARCHIVE) is None


def test_sizes_that_were_not_read_are_noted_each() -> None:
    found = target_too_full(Recipient.from_properties(INACTIVE), active(), RESTORE)

    assert is_unchecked(found, Code.TARGET_TOO_FULL)
    assert found is not None and "bulkps did not read TotalItemSize of the source, so" in found.seen


def test_a_quota_that_the_database_sets_is_not_the_mailboxes() -> None:
    target = active(UseDatabaseQuotaDefaults=True, ProhibitSendReceiveQuota="Unlimited")

    assert is_unchecked(target_too_full(inactive(), target, RESTORE), Code.TARGET_TOO_FULL)


@pytest.mark.parametrize("status", ["Queued", "InProgress", "Completed", "CompletedWithWarning", "Failed"])
def test_a_request_of_that_name_blocks_whatever_became_of_it(status: str) -> None:
    request = RestoreRequest.from_properties(
        {"Name": "BULKPS-1", "Status": status, "Identity": "pinilla\\bulkps-1"}
    )

    found = request_exists(inactive(), RESTORE, (request,))

    assert is_blocker(found, Code.REQUEST_EXISTS)
    assert found is not None and status in found.seen
    assert "Remove-MailboxRestoreRequest 'pinilla\\bulkps-1'" in found.instead


@pytest.mark.parametrize(
    "status",
    ["AutoSuspended", "CompletionInProgress", "InProgress", "Queued", "Retrying", "Suspended", "Synced"],
)
def test_an_unfinished_request_of_the_same_source_blocks(status: str) -> None:
    statistics = {"SourceExchangeGuid": SOURCE.upper(), "TargetIsArchive": "False"}
    request = RestoreRequest.from_properties({"Name": "MailboxRestore", "Status": status}, statistics)

    assert is_blocker(request_exists(inactive(), RESTORE, (request,)), Code.REQUEST_UNFINISHED)


@pytest.mark.parametrize("status", ["Completed", "CompletedWithWarning", "Failed"])
def test_a_request_of_another_source_that_has_ended_is_no_finding(status: str) -> None:
    request = RestoreRequest("MailboxRestore", status, source_exchange_guid=TARGET)

    assert request_exists(inactive(), RESTORE, (request,)) is None


@pytest.mark.parametrize("status", ["Completed", "CompletedWithWarning"])
def test_a_completed_request_of_a_source_that_was_not_read_is_noted(status: str) -> None:
    found = request_exists(inactive(), RESTORE, (RestoreRequest("MailboxRestore", status),))

    assert is_unchecked(found, Code.REQUEST_COMPLETED)
    assert found is not None and "'MailboxRestore'" in found.seen
    assert found.hides_harm and not found.hides_blocker


def test_a_failed_request_of_that_name_is_not_told_to_be_done() -> None:
    request = RestoreRequest("bulkps-1", "Failed", identity="pinilla\\bulkps-1")

    found = request_exists(inactive(), RESTORE, (request,))

    assert found is not None and "It failed" in found.instead
    assert "Resume-MailboxRestoreRequest 'pinilla\\bulkps-1'" in found.instead
    assert "-IncludeReport" in found.instead


@pytest.mark.parametrize(
    ("limits", "accepted", "blocks"),
    [
        ({"bad_item_limit": 50}, False, False),
        ({"bad_item_limit": 51}, False, True),
        ({"large_item_limit": 51}, False, True),
        ({"large_item_limit": "Unlimited"}, False, True),
        ({"bad_item_limit": 100, "large_item_limit": 100}, True, False),
        ({}, False, False),
    ],
)
def test_a_limit_of_more_than_fifty_needs_the_switch(
    limits: dict[str, Any], accepted: bool, blocks: bool
) -> None:
    found = large_data_loss(replace(RESTORE, **limits, accept_large_data_loss=accepted))

    assert is_blocker(found, Code.LARGE_DATA_LOSS) if blocks else found is None


def test_an_unfinished_request_of_a_source_that_was_not_read_is_warned_of() -> None:
    request = RestoreRequest.from_properties({"Name": "MailboxRestore", "Status": "Queued"})

    assert is_warning(request_exists(inactive(), RESTORE, (request,)), Code.REQUEST_UNFINISHED)
    assert is_warning(request_exists(None, RESTORE, (request,)), Code.REQUEST_UNFINISHED)


def test_the_surest_of_several_requests_is_told() -> None:
    vague = RestoreRequest("MailboxRestore", "Queued")
    sure = RestoreRequest("MailboxRestore1", "Queued", source_exchange_guid=SOURCE)

    found = request_exists(inactive(), RESTORE, (vague, sure))

    assert is_blocker(found, Code.REQUEST_UNFINISHED)
    assert found is not None and "'MailboxRestore1'" in found.seen


@pytest.mark.parametrize(
    "request_",
    [
        RestoreRequest("MailboxRestore", "Queued", source_exchange_guid=TARGET),
        RestoreRequest("MailboxRestore", "Queued", source_exchange_guid=SOURCE, target_is_archive=True),
    ],
)
def test_a_request_of_another_source_or_to_another_place_is_no_finding(request_: RestoreRequest) -> None:
    assert request_exists(inactive(), RESTORE, (request_,)) is None


def test_requests_that_were_not_read_are_noted() -> None:
    assert is_unchecked(request_exists(inactive(), RESTORE, None), Code.REQUEST_EXISTS)


def test_a_synced_target_gets_its_address_on_premises() -> None:
    target = active(**STRANGER, IsDirSynced="True")

    found = target_synced(inactive(), target, RESTORE)

    assert is_warning(found, Code.TARGET_SYNCED)
    assert found is not None and "Set-RemoteMailbox 'pilar.pinilla@contoso.com'" in found.instead
    mismatch = legacy_dn_mismatch(inactive(), target, RESTORE)
    assert mismatch is not None and "Set-RemoteMailbox" in mismatch.instead


def test_an_address_that_is_to_be_added_to_a_synced_target_blocks_even_where_the_mismatch_is_allowed() -> (
    None
):
    target = active(**STRANGER, IsDirSynced="True")
    both = replace(RESTORE, prepare_x500=True, allow_legacy_dn_mismatch=True)

    found = target_synced(inactive(), target, both)

    assert is_blocker(found, Code.TARGET_SYNCED)
    assert found is not None and "leave prepare_x500 empty" in found.instead
    assert target_synced(inactive(), target, replace(both, prepare_x500=False)) is None


def test_a_synced_target_that_needs_no_address_is_no_finding() -> None:
    assert target_synced(inactive(), active(IsDirSynced=True), RESTORE) is None
    assert target_synced(inactive(), active(**STRANGER, IsDirSynced=True), ALLOWED) is None


def test_a_target_of_which_nobody_knows_whether_it_is_synced_is_noted() -> None:
    assert is_unchecked(
        target_synced(inactive(), active("IsDirSynced", **STRANGER), RESTORE), Code.TARGET_SYNCED
    )


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"target_is_archive": True}, True),
        ({"target_is_archive": True, "target_folder": "Old mail"}, False),
        ({"target_is_archive": True, "source_is_archive": True}, False),
        ({}, False),
    ],
)
def test_a_primary_mailbox_that_goes_into_an_archive_without_a_folder_is_warned_of(
    wanted: dict[str, Any], found: bool
) -> None:
    finding = not_visible(WantedRestore("s", "t", **wanted))

    assert (finding is not None) is found
    if finding:
        assert (finding.code, finding.severity) == (Code.NOT_VISIBLE_IN_ARCHIVE, Severity.WARNING)
        assert "-TargetRootFolder" in finding.instead
