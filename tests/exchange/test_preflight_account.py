"""B4, B5, B6 and B16: who has the source's names, and the new account's."""

from dataclasses import replace

import pytest

from bulkps.preflight.findings import Blocks, Code
from bulkps.preflight.name_conflict_checks import (
    account_exists,
    domain_not_accepted,
    fallback_upn,
    federated_domain,
    guid_reused,
    name_taken,
)
from bulkps.preflight.preflight_facts import Organization, PreflightFacts
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.row_intent import WantedRecovery
from tests.exchange.mailboxes import (
    ARCHIVE,
    DOMAINS,
    NO_GUID,
    ORGANIZATION,
    RECOVERY,
    ROOT,
    SOURCE,
    TARGET,
    active,
    inactive,
    is_blocker,
    is_unchecked,
    is_warning,
    soft_deleted,
)

#: Get-User of an account without a mailbox.
USER = {
    "Guid": "aaaaaaaa-0000-4000-8000-000000000003",
    "DistinguishedName": f"CN=other,{ROOT}",
    "UserPrincipalName": "other@contoso.com",
    "WindowsEmailAddress": "",
    "Name": "other",
    "RecipientType": "User",
    "RecipientTypeDetails": "User",
}


def user(**changed: object) -> Recipient:
    return Recipient.from_properties({**USER, **changed})


def around(*recipients: Recipient) -> PreflightFacts:
    return PreflightFacts(recipients=recipients)


def test_nobody_else_is_no_finding() -> None:
    source, others = inactive(), (inactive(), active(), user())

    assert account_exists(source, others) is None
    assert name_taken(RECOVERY, source, others) is None
    assert guid_reused(source, around(*others), Blocks.RECOVER) is None
    assert federated_domain(RECOVERY, ORGANIZATION) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"UserPrincipalName": "PilarP@contoso.com"},
        {"EmailAddresses": ["smtp:PILARP@contoso.onmicrosoft.com"]},
        {"WindowsEmailAddress": "pilarp@contoso.com"},
        {"UserPrincipalName": "pilarp@contoso.onmicrosoft.com"},
    ],
)
def test_a_living_account_with_the_sources_names_blocks_recovery(changed: dict[str, object]) -> None:
    found = account_exists(inactive(), (inactive(), user(**changed)))

    assert is_blocker(found, Code.ACCOUNT_EXISTS)
    assert found is not None and "Remove-MgUser" in found.instead


def test_a_new_mailbox_of_the_person_is_what_to_restore_into() -> None:
    mailbox = active(EmailAddresses="SMTP:pilar.pinilla@contoso.com, smtp:pilarp@contoso.com")

    found = account_exists(inactive(), (user(UserPrincipalName="pilarp@contoso.com"), mailbox))

    assert is_blocker(found, Code.ACCOUNT_EXISTS)
    assert found is not None and f"-SourceMailbox '{SOURCE}' -TargetMailbox '{TARGET}'" in found.instead


def test_another_deleted_mailbox_with_the_sources_names_is_no_account() -> None:
    other = soft_deleted(Guid="aaaaaaaa-0000-4000-8000-000000000009", ExchangeGuid=TARGET)

    assert account_exists(inactive(), (other,)) is None


def test_accounts_that_were_not_read_are_noted() -> None:
    assert is_unchecked(account_exists(inactive(), None), Code.ACCOUNT_EXISTS)
    nameless = inactive("EmailAddresses", "UserPrincipalName")
    assert is_unchecked(account_exists(nameless, ()), Code.ACCOUNT_EXISTS)


def test_a_federated_domain_blocks_recovery_and_names_the_initial_one() -> None:
    found = federated_domain(WantedRecovery(SOURCE, "ann@fed.CONTOSO.com"), ORGANIZATION)

    assert is_blocker(found, Code.FEDERATED_DOMAIN)
    assert found is not None and "in contoso.onmicrosoft.com " in found.instead


def test_a_domain_that_was_not_read_is_noted() -> None:
    assert is_unchecked(federated_domain(RECOVERY, Organization()), Code.FEDERATED_DOMAIN)
    assert is_unchecked(domain_not_accepted(RECOVERY, Organization()), Code.DOMAIN_NOT_ACCEPTED)
    none = Organization.from_properties(None, [])
    assert is_unchecked(domain_not_accepted(RECOVERY, none), Code.DOMAIN_NOT_ACCEPTED)
    assert is_unchecked(federated_domain(RECOVERY, none), Code.FEDERATED_DOMAIN)


@pytest.mark.parametrize(
    "wanted",
    [
        WantedRecovery(SOURCE, "ann@contso.com"),
        WantedRecovery(SOURCE, "ann"),
        WantedRecovery(SOURCE, "ann@contoso.com", smtp="ann@mail.contso.com"),
    ],
)
def test_a_domain_that_is_none_of_the_organizations_blocks(wanted: WantedRecovery) -> None:
    found = domain_not_accepted(wanted, ORGANIZATION)

    assert is_blocker(found, Code.DOMAIN_NOT_ACCEPTED)
    assert found is not None and "contoso.com" in found.seen
    assert wanted.smtp or federated_domain(wanted, ORGANIZATION) is None, "it was read, and is not there"


def test_a_domain_below_an_accepted_one_may_be_accepted_with_it() -> None:
    below = WantedRecovery(SOURCE, "ann@contoso.com", smtp="ann@mail.contoso.com")

    assert is_unchecked(domain_not_accepted(below, ORGANIZATION), Code.DOMAIN_NOT_ACCEPTED)
    upn = WantedRecovery(SOURCE, "ann@mail.contoso.com")
    assert is_unchecked(federated_domain(upn, ORGANIZATION), Code.FEDERATED_DOMAIN)


@pytest.mark.parametrize(("length", "falls_back"), [(40, True), (41, False)])
def test_a_name_that_would_be_too_long_does_not_fall_back(length: int, falls_back: bool) -> None:
    wanted = WantedRecovery(SOURCE, f"{'a' * length}@fed.contoso.com")

    # With @contoso.onmicrosoft.com that is 64, as many as New-Mailbox -Name takes.
    assert bool(fallback_upn(wanted, ORGANIZATION)) is falls_back


def test_a_domain_below_one_that_takes_those_below_it_is_accepted() -> None:
    organization = Organization.from_properties(None, [{"DomainName": "*.contoso.com"}])

    assert domain_not_accepted(WantedRecovery(SOURCE, "ann@mail.eu.contoso.com"), organization) is None


def test_a_domain_that_does_not_say_how_it_signs_in_is_noted() -> None:
    organization = Organization.from_properties(None, [{"DomainName": "contoso.com"}])

    assert is_unchecked(federated_domain(RECOVERY, organization), Code.FEDERATED_DOMAIN)


@pytest.mark.parametrize(
    ("changed", "seen"),
    [
        ({"UserPrincipalName": "Pilar.New@contoso.com"}, "the user principal name pilar.new@contoso.com"),
        ({"EmailAddresses": ["smtp:PILAR.NEW@contoso.com"]}, "the address pilar.new@contoso.com"),
        ({"EmailAddresses": ["smtp:boss@contoso.com"]}, "the address boss@contoso.com"),
        ({"Name": "Pilar.New@contoso.com"}, "the Name pilar.new@contoso.com"),
    ],
)
def test_a_name_that_somebody_has_blocks_recovery(changed: dict[str, object], seen: str) -> None:
    found = name_taken(replace(RECOVERY, smtp="boss@contoso.com"), inactive(), (user(**changed),))

    assert is_blocker(found, Code.NAME_TAKEN)
    assert found is not None and seen in found.seen


def test_everybody_who_has_one_of_the_names_is_listed() -> None:
    holders = (user(UserPrincipalName=RECOVERY.upn), active(Name="chief"))

    found = name_taken(replace(RECOVERY, name="CHIEF"), inactive(), holders)

    assert found is not None
    assert RECOVERY.upn in found.seen
    assert "the Name CHIEF belongs to pilar.pinilla@contoso.com" in found.seen


def test_the_source_may_have_the_new_accounts_names() -> None:
    wanted = WantedRecovery(SOURCE, "pilarp@contoso.com", "pilarp")

    assert name_taken(wanted, inactive(), (inactive(),)) is None
    assert is_warning(name_taken(wanted, None, (inactive(),)), Code.NAME_TAKEN)


def test_a_soft_deleted_holder_only_warns() -> None:
    other = soft_deleted(Guid="aaaaaaaa-0000-4000-8000-000000000009", UserPrincipalName=RECOVERY.upn)

    found = name_taken(RECOVERY, inactive(), (other,))

    assert is_warning(found, Code.NAME_TAKEN)
    assert found is not None and "soft-deleted" in found.seen


def test_names_that_were_not_read_are_noted() -> None:
    assert is_unchecked(name_taken(RECOVERY, inactive(), None), Code.NAME_TAKEN)


@pytest.mark.parametrize("changed", [{"ExchangeGuid": SOURCE.upper()}, {"ArchiveGuid": f"{{{ARCHIVE}}}"}])
def test_a_synced_user_with_the_sources_guids_blocks_recovery_and_warns_of_a_restore(
    changed: dict[str, object],
) -> None:
    source, synced = inactive(ArchiveGuid=ARCHIVE), user(RecipientTypeDetails="MailUser", **changed)

    assert is_blocker(guid_reused(source, around(source, synced), Blocks.RECOVER), Code.GUID_REUSED)
    assert is_warning(guid_reused(source, around(source, synced), Blocks.RESTORE), Code.GUID_REUSED)


def test_zero_guids_are_nobodys() -> None:
    other = user(ExchangeGuid=NO_GUID, ArchiveGuid=NO_GUID)

    assert guid_reused(inactive(), around(other), Blocks.RECOVER) is None


def test_the_source_itself_has_its_guids() -> None:
    assert guid_reused(inactive(), around(inactive(), inactive("Guid")), Blocks.RECOVER) is None


def test_guids_that_were_not_read_are_noted() -> None:
    assert is_unchecked(guid_reused(inactive(), PreflightFacts(), Blocks.RECOVER), Code.GUID_REUSED)


def test_a_domain_is_known_in_any_case() -> None:
    organization = Organization.from_properties(None, DOMAINS)

    assert organization.domains is not None
    assert organization.domains["fed.contoso.com"] == "Federated"
