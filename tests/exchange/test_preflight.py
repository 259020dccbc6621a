"""All checks of a row together."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkps.preflight.findings import Blocks, Code, Severity
from bulkps.preflight.preflight_facts import Organization, PreflightFacts, RestoreRequest
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.row_findings import recovery_findings, restore_findings
from bulkps.preflight.row_intent import WantedRecovery, WantedRestore
from bulkps.simulator.tenant import fake_directory
from tests.exchange.mailboxes import (
    ACTIVE,
    ARCHIVE,
    ENTRA,
    INACTIVE,
    NOW,
    RECOVERY,
    RESTORE,
    SOURCE,
    active,
    inactive,
    location,
    sound,
)

VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())
PROPERTIES = st.dictionaries(st.sampled_from(sorted({**INACTIVE, **ACTIVE})), VALUES)


def test_nothing_speaks_against_a_sound_row() -> None:
    assert recovery_findings(RECOVERY, sound(), NOW) == ()
    assert restore_findings(RESTORE, sound()) == ()


def test_everything_that_speaks_against_a_recovery_comes_in_a_fixed_order() -> None:
    source = inactive(
        AutoExpandingArchiveEnabled=True,
        MailboxLocations=[location("AuxPrimary")],
        ExternalDirectoryObjectId=ENTRA,
        WasInactiveMailbox=True,
    )
    again = active(
        UserPrincipalName="pilarp@contoso.com", EmailAddresses=[f"smtp:{RECOVERY.upn}"], ExchangeGuid=SOURCE
    )
    around = replace(sound(), sources=(source,), recipients=(again,))

    found = recovery_findings(WantedRecovery(SOURCE, RECOVERY.upn), around, NOW)

    assert [one.code for one in found] == [
        Code.AUTO_EXPANDING_ARCHIVE,
        Code.ADDITIONAL_SHARDS,
        Code.STILL_SOFT_DELETED,
        Code.ACCOUNT_EXISTS,
        Code.NAME_TAKEN,
        Code.GUID_REUSED,
        Code.NOT_INACTIVE,
    ]
    assert found[-1].severity is Severity.WARNING


def test_everything_that_speaks_against_a_restore_comes_in_a_fixed_order() -> None:
    source = inactive(AutoExpandingArchiveEnabled=True, ArchiveGuid=ARCHIVE)
    target = active(
        EmailAddresses=[],
        IsDirSynced=True,
        ProhibitSendReceiveQuota="1 B (1 bytes)",
        ArchiveGuid="",
        Name="x",
    )
    around = replace(
        sound(), sources=(source,), targets=(target,), requests=(RestoreRequest("bulkps-1", "Failed"),)
    )

    found = restore_findings(replace(RESTORE, target_is_archive=True), around)
    assert Code.TARGET_HAS_NO_ARCHIVE in [one.code for one in found]

    found = restore_findings(RESTORE, around)
    assert [one.code for one in found] == [
        Code.AUTO_EXPANDING_ARCHIVE,
        Code.LEGACY_DN_MISMATCH,
        Code.REQUEST_EXISTS,
        Code.TARGET_TOO_FULL,
        Code.ARCHIVE_LEFT_OUT,
        Code.TARGET_SYNCED,
    ]


def test_an_ambiguous_source_is_the_finding_and_its_properties_are_none() -> None:
    around = replace(sound(), sources=(inactive(AutoExpandingArchiveEnabled=True), active()))

    assert [one.code for one in recovery_findings(RECOVERY, around, NOW)] == [Code.AMBIGUOUS_IDENTITY]
    assert [one.code for one in restore_findings(RESTORE, around)] == [Code.AMBIGUOUS_IDENTITY]


def test_an_ambiguous_target_is_told_by_its_own_identity() -> None:
    found = restore_findings(RESTORE, replace(sound(), targets=(active(), inactive())))

    assert [(one.code, one.blocks) for one in found] == [(Code.AMBIGUOUS_IDENTITY, Blocks.RESTORE)]
    assert RESTORE.target_identity in found[0].seen


def test_a_missing_source_and_a_missing_target_are_both_told() -> None:
    around = replace(sound(), sources=(), targets=())

    found = restore_findings(RESTORE, around)

    assert [one.code for one in found] == [Code.TARGET_MISSING, Code.SOURCE_MISSING]
    assert [one.code for one in recovery_findings(RECOVERY, around, NOW)] == [Code.SOURCE_MISSING]


def test_where_nothing_was_read_every_finding_is_a_note_that_nobody_looked() -> None:
    nothing = PreflightFacts()

    for found in (recovery_findings(RECOVERY, nothing, NOW), restore_findings(RESTORE, nothing)):
        assert found
        assert {(one.code, one.severity) for one in found} == {(Code.NOT_CHECKED, Severity.NOTE)}


def test_an_object_of_which_nothing_was_read_is_no_clean_bill() -> None:
    blank = Recipient.from_properties({})
    around = PreflightFacts((blank,), (blank,), (), (), Organization())

    for found in (recovery_findings(RECOVERY, around, NOW), restore_findings(RESTORE, around)):
        assert {one.code for one in found} == {Code.NOT_CHECKED}
        assert not any("-Identity ''" in one.instead or "Mailbox ''" in one.instead for one in found)


@given(PROPERTIES, PROPERTIES, st.lists(PROPERTIES, max_size=2))
def test_no_properties_make_a_check_raise(
    source: dict[str, object], target: dict[str, object], others: list[dict[str, object]]
) -> None:
    around = PreflightFacts(
        sources=(Recipient.from_properties(source, target, source),),
        targets=(Recipient.from_properties(target, source),),
        recipients=tuple(map(Recipient.from_properties, others)),
        requests=(RestoreRequest.from_properties(source, target),),
        organization=Organization.from_properties(source, others),
    )

    for found in (recovery_findings(RECOVERY, around, NOW), restore_findings(RESTORE, around)):
        assert all(one.seen and one.instead for one in found)


@pytest.mark.parametrize("identity", ["", " ", "\u00a0"])
def test_an_empty_identity_is_refused_for_it_would_name_everything(identity: str) -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        WantedRecovery(identity, RECOVERY.upn)
    with pytest.raises(ValueError, match="must not be empty"):
        WantedRestore(SOURCE, identity)


@pytest.mark.parametrize("index", range(12))
def test_the_simulators_mailboxes_restore_into_the_same_persons_new_one(index: int) -> None:
    """What the simulated tenant does with these two is a success; so must be what is foreseen."""
    source = Recipient.from_properties(fake_directory.inactive_mailbox(1, index))
    target = Recipient.from_properties(fake_directory.active_mailbox(1, index))
    around = PreflightFacts((source,), (target,), (source, target), (), Organization(False, (), None))
    wanted = WantedRestore(source.exchange_guid or "", target.exchange_guid or "", "bulkps-1")

    found = restore_findings(wanted, around)

    assert not [one for one in found if one.severity is Severity.BLOCKER]
    assert (Code.ARCHIVE_LEFT_OUT in [one.code for one in found]) is bool(source.archive_guid)


@pytest.mark.parametrize("index", range(12))
def test_the_simulators_inactive_mailboxes_can_be_recovered(index: int) -> None:
    source = Recipient.from_properties(fake_directory.inactive_mailbox(1, index))
    target = Recipient.from_properties(fake_directory.active_mailbox(1, index))
    organization = Organization(False, (), {"contoso.com": "Managed"})
    around = PreflightFacts((source,), None, (source, target), None, organization)

    assert recovery_findings(WantedRecovery(source.identity, "new@contoso.com"), around, NOW) == ()


def test_the_simulators_soft_deleted_mailboxes_cannot() -> None:
    source = Recipient.from_properties(fake_directory.soft_deleted_mailbox(1, 0))

    found = recovery_findings(RECOVERY, replace(sound(), sources=(source,), recipients=()), NOW)

    assert [one.code for one in found] == [Code.NOT_INACTIVE]
