"""B1, B2, B3, B7, B8, B13 and B15: the source."""

from dataclasses import replace

import pytest

from bulkps.preflight.findings import Blocks, Code
from bulkps.preflight.preflight_facts import Organization
from bulkps.preflight.source_checks import (
    additional_shards,
    ambiguous_identity,
    auto_expanding_archive,
    not_inactive,
    source_archive,
    source_missing,
    still_soft_deleted,
)
from tests.exchange.mailboxes import (
    ARCHIVE,
    ENTRA,
    NOW,
    ORGANIZATION,
    RESTORE,
    SOURCE,
    active,
    days_ago,
    inactive,
    is_blocker,
    is_unchecked,
    is_warning,
    location,
    soft_deleted,
)

EXPANDING = Code.AUTO_EXPANDING_ARCHIVE
EVERYWHERE = Organization(auto_expanding_archive=True)
WITH_ARCHIVE = {"ArchiveGuid": ARCHIVE, "ArchiveStatus": "Active"}
FROM_ARCHIVE = replace(RESTORE, source_is_archive=True)


def test_nothing_speaks_against_a_sound_source() -> None:
    source = inactive()

    assert auto_expanding_archive(source, ORGANIZATION) is None
    assert additional_shards(source) is None
    assert still_soft_deleted(source, NOW) is None
    assert not_inactive(source, NOW) is None
    assert ambiguous_identity(SOURCE, [source], Blocks.BOTH) is None
    assert source_archive(source, RESTORE) is None
    assert source_missing(SOURCE, [source]) is None


@pytest.mark.parametrize("flag", [True, "True", "true"])
def test_an_auto_expanding_archive_blocks_both(flag: object) -> None:
    found = auto_expanding_archive(inactive(AutoExpandingArchiveEnabled=flag), ORGANIZATION)

    assert is_blocker(found, EXPANDING)
    assert found is not None and found.blocks is Blocks.BOTH
    assert "AutoExpandingArchiveEnabled is True" in found.seen
    assert "New-ComplianceSearch" in found.instead


@pytest.mark.parametrize("shape", [list, ", ".join])
def test_a_part_of_an_expanded_archive_blocks_whatever_the_flag_says(shape: type[list[str]]) -> None:
    parts = shape([location("Primary", SOURCE), location("MainArchive"), location("auxarchive")])

    found = auto_expanding_archive(inactive(MailboxLocations=parts), ORGANIZATION)

    assert is_blocker(found, EXPANDING)


def test_the_organizations_switch_warns_where_the_mailbox_has_an_archive() -> None:
    assert is_warning(auto_expanding_archive(inactive(**WITH_ARCHIVE), EVERYWHERE), EXPANDING)
    assert auto_expanding_archive(inactive(), EVERYWHERE) is None


def test_an_auxprimary_is_no_archive() -> None:
    parts = [location("Primary", SOURCE), location("AuxPrimary")]

    assert auto_expanding_archive(inactive(MailboxLocations=parts), ORGANIZATION) is None


@pytest.mark.parametrize("unread", [("AutoExpandingArchiveEnabled",), ("ArchiveGuid", "ArchiveStatus")])
def test_a_flag_that_was_not_read_is_not_taken_for_false(unread: tuple[str, ...]) -> None:
    source = inactive(*unread, **({} if "ArchiveGuid" in unread else WITH_ARCHIVE))

    assert is_unchecked(auto_expanding_archive(source, ORGANIZATION), EXPANDING)


def test_the_organizations_switch_that_was_not_read_is_noted_where_it_matters() -> None:
    assert is_unchecked(auto_expanding_archive(inactive(**WITH_ARCHIVE), Organization()), EXPANDING)
    assert auto_expanding_archive(inactive(), Organization()) is None


def test_auxprimary_parts_block_recovery_and_lead_to_a_restore() -> None:
    found = additional_shards(
        inactive(MailboxLocations=[location("Primary", SOURCE), location("AuxPrimary")])
    )

    assert is_blocker(found, Code.ADDITIONAL_SHARDS)
    assert found is not None and found.blocks is Blocks.RECOVER
    assert f"New-MailboxRestoreRequest -SourceMailbox '{SOURCE}'" in found.instead


@pytest.mark.parametrize("shown", [[], "", "Microsoft.Exchange.Data.MailboxLocations", ["System.Object"]])
def test_locations_without_a_single_part_were_not_read(shown: object) -> None:
    source = inactive(MailboxLocations=shown, **WITH_ARCHIVE)

    assert is_unchecked(additional_shards(source), Code.ADDITIONAL_SHARDS)
    assert is_unchecked(auto_expanding_archive(source, ORGANIZATION), EXPANDING)


def test_parts_that_were_not_read_are_noted() -> None:
    assert is_unchecked(additional_shards(inactive("MailboxLocations")), Code.ADDITIONAL_SHARDS)


def test_an_account_in_the_recycle_bin_is_to_be_restored() -> None:
    source = inactive(ExternalDirectoryObjectId=ENTRA, WhenSoftDeleted=days_ago(12.5))

    found = still_soft_deleted(source, NOW)

    assert is_blocker(found, Code.STILL_SOFT_DELETED)
    assert found is not None and "deleted 12 days ago (2020-11-19T00:00:00Z)" in found.seen
    assert f"Restore-MgDirectoryDeletedItem -DirectoryObjectId {ENTRA}" in found.instead


def test_the_id_decides_and_not_the_date() -> None:
    late = inactive(ExternalDirectoryObjectId=ENTRA, WhenSoftDeleted=days_ago(400))
    early = inactive(ExternalDirectoryObjectId="", WhenSoftDeleted=days_ago(1))
    undated = inactive("WhenSoftDeleted", ExternalDirectoryObjectId=ENTRA)

    assert is_blocker(still_soft_deleted(late, NOW), Code.STILL_SOFT_DELETED)
    assert still_soft_deleted(early, NOW) is None
    assert is_blocker(still_soft_deleted(undated, NOW), Code.STILL_SOFT_DELETED)


def test_an_id_that_was_not_read_is_not_an_empty_one() -> None:
    assert is_unchecked(
        still_soft_deleted(inactive("ExternalDirectoryObjectId"), NOW), Code.STILL_SOFT_DELETED
    )
    assert still_soft_deleted(inactive(ExternalDirectoryObjectId=None), NOW) is None


def test_an_active_mailbox_has_an_id_and_that_is_no_finding() -> None:
    assert still_soft_deleted(active(), NOW) is None


def test_a_mailbox_whose_last_hold_ended_is_inactive_no_more() -> None:
    source = inactive(
        IsInactiveMailbox=False, WasInactiveMailbox="True", InactiveMailboxRetireTime="9/30/2020 11:16:23 PM"
    )

    found = not_inactive(source, NOW)

    assert is_blocker(found, Code.NOT_INACTIVE)
    assert found is not None and "ended 61 days ago (2020-09-30T23:16:23Z)" in found.seen
    assert "2020-10-30T23:16:23Z or 2021-04-01T23:16:23Z" in found.seen
    assert "New-MailboxRestoreRequest" in found.instead


def test_a_mailbox_that_was_inactive_once_is_told_even_without_a_date() -> None:
    assert is_blocker(not_inactive(soft_deleted(WasInactiveMailbox=True), NOW), Code.NOT_INACTIVE)


def test_an_inactive_mailbox_with_the_marks_of_a_former_one_is_warned_of() -> None:
    assert is_warning(not_inactive(inactive(WasInactiveMailbox=True), NOW), Code.NOT_INACTIVE)


def test_a_mailbox_that_is_over_its_thirty_days_is_not_to_be_brought_back() -> None:
    found = not_inactive(soft_deleted(WhenSoftDeleted=days_ago(31)), NOW)

    assert is_blocker(found, Code.NOT_INACTIVE)
    assert found is not None and "Undo-SoftDeletedMailbox" not in found.instead
    assert "New-MailboxRestoreRequest" in found.instead


def test_a_soft_deleted_mailbox_is_brought_back_otherwise() -> None:
    found = not_inactive(soft_deleted(WhenSoftDeleted=days_ago(1)), NOW)

    assert is_blocker(found, Code.NOT_INACTIVE)
    assert found is not None and "deleted a day ago" in found.seen
    assert f"Undo-SoftDeletedMailbox '{SOURCE}'" in found.instead


def test_an_active_mailbox_is_nothing_to_recover() -> None:
    found = not_inactive(active(), NOW)

    assert is_blocker(found, Code.NOT_INACTIVE)
    assert found is not None and "is an active mailbox" in found.seen


def test_a_state_that_was_not_read_is_noted() -> None:
    assert is_unchecked(not_inactive(inactive("IsInactiveMailbox"), NOW), Code.NOT_INACTIVE)


def test_an_active_and_an_inactive_mailbox_of_one_address_are_two() -> None:
    found = ambiguous_identity("pilarp@contoso.com", [inactive(), active()], Blocks.BOTH)

    assert is_blocker(found, Code.AMBIGUOUS_IDENTITY)
    assert found is not None and "'pilarp@contoso.com' names 2 mailboxes" in found.seen
    assert f"(ExchangeGuid {SOURCE}), inactive" in found.seen
    assert ", active" in found.seen
    assert "ExchangeGuid" in found.instead


def test_a_mailbox_that_was_read_twice_is_one() -> None:
    again = inactive(Guid="{AAAAAAAA-0000-4000-8000-000000000001}")

    assert ambiguous_identity(SOURCE, [inactive(), again], Blocks.BOTH) is None
    assert ambiguous_identity(SOURCE, [inactive(), inactive("Guid")], Blocks.BOTH) is None
    assert (
        ambiguous_identity(SOURCE, [inactive(), inactive("Guid", "DistinguishedName")], Blocks.BOTH) is None
    )


def test_an_archive_that_is_not_asked_for_is_left_behind() -> None:
    found = source_archive(inactive(**WITH_ARCHIVE), RESTORE)

    assert is_warning(found, Code.ARCHIVE_LEFT_OUT)
    assert found is not None and "-SourceIsArchive -TargetMailbox <target> -TargetIsArchive" in found.instead
    assert source_archive(inactive(**WITH_ARCHIVE), FROM_ARCHIVE) is None


def test_an_archive_that_is_asked_for_must_be_there() -> None:
    assert is_blocker(source_archive(inactive(), FROM_ARCHIVE), Code.SOURCE_HAS_NO_ARCHIVE)


@pytest.mark.parametrize(
    ("properties", "has_archive"),
    [
        ({"ArchiveGuid": ARCHIVE}, True),
        ({"ArchiveGuid": "00000000-0000-0000-0000-000000000000"}, False),
        ({"ArchiveStatus": "Active"}, True),
        ({"ArchiveStatus": "None"}, False),
        ({"MailboxLocations": [location("MainArchive")]}, True),
        ({"MailboxLocations": [location("Primary")]}, None),
        ({}, None),
    ],
)
def test_an_archive_is_told_by_its_guid_its_status_or_its_place(
    properties: dict[str, object], has_archive: bool | None
) -> None:
    source = inactive("ArchiveGuid", "ArchiveStatus", "MailboxLocations")
    read = type(source).from_properties(properties)

    assert read.has_archive is has_archive
    assert is_unchecked(source_archive(read, RESTORE), Code.ARCHIVE_LEFT_OUT) is (has_archive is None)


def test_a_source_that_nothing_names_may_be_disconnected() -> None:
    found = source_missing("pilar'p@contoso.com", [])

    assert is_blocker(found, Code.SOURCE_MISSING)
    assert found is not None and found.blocks is Blocks.BOTH
    assert "Get-Mailbox -Identity 'pilar''p@contoso.com' -SoftDeletedMailbox" in found.instead
    assert "licence" in found.instead
