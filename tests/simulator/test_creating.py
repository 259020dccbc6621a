"""Objects that come and go: mailboxes of each kind, contacts, mail users, groups, archives."""

from typing import Any

import pytest

from bulkps.simulator import REHEARSED
from bulkps.simulator.cmdlets.cmdlet_result import Answer, Secret
from bulkps.simulator.tenant.mailbox import Kind
from bulkps.simulator.tenant.tenant import Tenant
from tests.simulator.calls import column, recover, restore, run, text_of

Given = dict[str, Any]


@pytest.fixture
def tenant() -> Tenant:
    return Tenant(seed=1, mailboxes=12, troubles=False)


def mailbox(tenant: Tenant, index: int = 0) -> str:
    return str(tenant.active(index)["PrimarySmtpAddress"])


def shown(tenant: Tenant, cmdlet: str, identity: object) -> dict[str, Any]:
    [found] = run(tenant, cmdlet, Identity=identity).output
    return dict(found.properties)


def names(tenant: Tenant) -> set[str]:
    return set(column(run(tenant, "Get-Recipient", ResultSize="Unlimited"), "Name"))


@pytest.mark.parametrize("kind", ["Shared", "Room", "Equipment"])
def test_a_mailbox_without_a_person_is_created_once(tenant: Tenant, kind: str) -> None:
    given: Given = {"Name": "Front Desk", kind: True, "DisplayName": "The front desk"}

    first, second = (run(tenant, "New-Mailbox", **given) for _ in range(2))
    found = shown(tenant, "Get-Mailbox", "frontdesk@contoso.com")

    assert [effect["kind"] for effect in first.effects] == ["mailbox-created"]
    assert column(first, "PrimarySmtpAddress") == ["FrontDesk@contoso.com"]
    assert (found["Name"], found["DisplayName"], found["Alias"]) == (
        "Front Desk",
        "The front desk",
        "FrontDesk",
    )
    assert found["RecipientTypeDetails"] == f"{kind}Mailbox"
    assert not second.effects
    assert 'The name "Front Desk" is already being used.' in text_of(second)


def test_a_new_mailbox_can_have_rights_at_once(tenant: Tenant) -> None:
    run(tenant, "New-Mailbox", Name="Info", Shared=True, PrimarySmtpAddress="info@contoso.com")

    right = run(
        tenant, "Add-MailboxPermission", Identity="info@contoso.com", User=mailbox(tenant),
        AccessRights=["FullAccess"],
    )  # fmt: skip

    assert len(right.effects) == 1


def test_a_user_gets_a_mailbox_with_a_password(tenant: Tenant) -> None:
    given: Given = {"Name": "Ann Beebe", "MicrosoftOnlineServicesID": "ann.beebe@contoso.com"}

    lacking = run(tenant, "New-Mailbox", **given)
    weak = run(tenant, "New-Mailbox", Password=Secret("weak"), **given)
    made = run(tenant, "New-Mailbox", Password=Secret("Str0ng-enough"), FirstName="Ann", **given)

    assert "missing mandatory parameters: Password" in text_of(lacking)
    assert weak.errors[0].reason == "ADInvalidPasswordException"
    assert column(made, "UserPrincipalName") == ["ann.beebe@contoso.com"]
    assert tenant.received_passwords == ["Str0ng-enough"]
    assert "Str0ng" not in str(made.effects)


CREATIONS: dict[str, Given] = {
    "New-Mailbox": {"Shared": True},
    "New-MailContact": {"ExternalEmailAddress": "{}"},
    "New-MailUser": {"ExternalEmailAddress": "{}"},
    "New-DistributionGroup": {},
}


def create(tenant: Tenant, cmdlet: str, name: str, **more: Any) -> Answer:
    given = {
        key: value.format(f"{name}@fabrikam.example") if isinstance(value, str) else value
        for key, value in CREATIONS[cmdlet].items()
    }
    return run(tenant, cmdlet, Name=name, **{**given, **more})


@pytest.mark.parametrize("cmdlet", CREATIONS)
def test_what_is_created_is_shown_and_what_is_removed_is_gone(tenant: Tenant, cmdlet: str) -> None:
    before, noun = names(tenant), cmdlet.partition("-")[2]

    made = create(tenant, cmdlet, "newcomer")
    there = names(tenant)
    asked = run(tenant, f"Remove-{noun}", Identity="newcomer")
    removed = [run(tenant, f"Remove-{noun}", Identity="newcomer", Confirm=False) for _ in range(2)]

    assert there == {*before, "newcomer"}
    assert column(made, "Identity") == ["newcomer"]
    assert asked.failure is not None and asked.failure.reason == "HostException"
    assert [len(answer.effects) for answer in (made, *removed)] == [1, 1, 0]
    assert "couldn't be found" in text_of(removed[1])
    assert names(tenant) == before
    again = create(tenant, cmdlet, "newcomer")
    assert column(again, "Guid") != column(made, "Guid")


@pytest.mark.parametrize("cmdlet", CREATIONS)
def test_an_address_or_a_name_that_is_in_use_is_refused(tenant: Tenant, cmdlet: str) -> None:
    name, address = tenant.active(0)["Name"], mailbox(tenant)
    where = "ExternalEmailAddress" if "External" in str(CREATIONS[cmdlet]) else "PrimarySmtpAddress"

    named = create(tenant, cmdlet, str(name), **({where: "free@fabrikam.example"} if "Ext" in where else {}))
    addressed = create(tenant, cmdlet, "newcomer", **{where: address})

    assert named.errors[0].reason == "ADObjectAlreadyExistsException"
    assert addressed.errors[0].reason == "ProxyAddressExistsException"
    assert (
        f'The proxy address "SMTP:{address}" is already being used by the proxy addresses or '
        f'LegacyExchangeDN of "{tenant.active(0)["Identity"]}". Please choose another proxy address.'
        in text_of(addressed)
    )
    assert not named.effects and not addressed.effects


@pytest.mark.parametrize("cmdlet", CREATIONS)
def test_what_if_creates_nothing(tenant: Tenant, cmdlet: str) -> None:
    before = names(tenant)

    answer = create(tenant, cmdlet, "newcomer", WhatIf=True)

    assert not answer.effects and not answer.output and not text_of(answer)
    assert names(tenant) == before


def test_a_contact_has_its_external_address(tenant: Tenant) -> None:
    create(tenant, "New-MailContact", "Łódź Office", FirstName="Jan", Alias="lodz",
           ExternalEmailAddress="SMTP:office@fabrikam.example")  # fmt: skip
    found = shown(tenant, "Get-MailContact", "office@fabrikam.example")

    assert (found["Alias"], found["ExternalEmailAddress"]) == ("lodz", "SMTP:office@fabrikam.example")
    assert shown(tenant, "Get-Contact", "lodz")["FirstName"] == "Jan"


def test_an_alias_is_made_of_a_name_without_accents_or_spaces(tenant: Tenant) -> None:
    aliases = [
        column(create(tenant, "New-DistributionGroup", name), "Alias")[0] for name in ("Büro Süd", "営業")
    ]

    assert aliases[0] == "BuroSud"
    assert aliases[1].isascii()


def test_a_security_group_has_its_members_and_can_have_rights(tenant: Tenant) -> None:
    made = create(
        tenant, "New-DistributionGroup", "Finance", Type="security", ManagedBy=[mailbox(tenant)],
        Members=[mailbox(tenant, 1), mailbox(tenant, 2)], CopyOwnerToMember=True,
    )  # fmt: skip
    right = run(
        tenant, "Add-MailboxPermission", Identity=mailbox(tenant, 3), User="Finance",
        AccessRights=["FullAccess"],
    )  # fmt: skip

    members = column(run(tenant, "Get-DistributionGroupMember", Identity="Finance"), "PrimarySmtpAddress")
    assert column(made, "RecipientTypeDetails") == ["MailUniversalSecurityGroup"]
    assert set(members) == {mailbox(tenant, index) for index in range(3)}
    assert column(right, "User") == ["Finance"]


def test_a_removed_mailbox_is_soft_deleted_and_can_be_restored_from(tenant: Tenant) -> None:
    one = tenant.active(0)
    run(tenant, "Add-DistributionGroupMember", Identity="sales", Member=mailbox(tenant))
    run(tenant, "Add-MailboxPermission", Identity=mailbox(tenant, 1), User=mailbox(tenant),
        AccessRights=["FullAccess"])  # fmt: skip

    run(tenant, "Remove-Mailbox", Identity=mailbox(tenant), Confirm=False)
    [gone] = run(tenant, "Get-Mailbox", Identity=one["ExchangeGuid"], SoftDeletedMailbox=True).output
    copied = run(
        tenant, "New-MailboxRestoreRequest", SourceMailbox=one["ExchangeGuid"],
        TargetMailbox=mailbox(tenant, 1), AllowLegacyDNMismatch=True,
    )  # fmt: skip

    assert gone.properties["WhenSoftDeleted"] is not None
    assert len(copied.effects) == 1
    assert not run(tenant, "Get-DistributionGroupMember", Identity="sales").output
    assert not run(tenant, "Get-MailboxPermission", Identity=mailbox(tenant, 1)).output


def test_a_hold_keeps_a_removed_mailbox_and_it_can_be_recovered(tenant: Tenant) -> None:
    guid = tenant.active(0)["ExchangeGuid"]
    run(tenant, "Set-Mailbox", Identity=mailbox(tenant), LitigationHoldEnabled=True)
    run(tenant, "Remove-Mailbox", Identity=mailbox(tenant), Confirm=False)

    assert not text_of(recover(tenant, InactiveMailbox=guid))


def test_a_disabled_mailbox_leaves_its_account(tenant: Tenant) -> None:
    one = tenant.active(0)

    run(tenant, "Disable-Mailbox", Identity=mailbox(tenant), Confirm=False)

    user = shown(tenant, "Get-User", one["UserPrincipalName"])
    assert (user["RecipientType"], user["Guid"]) == ("User", one["Guid"])
    assert "couldn't be found" in text_of(run(tenant, "Get-Mailbox", Identity=one["UserPrincipalName"]))


def test_on_an_exchange_server_a_disabled_mailbox_is_connected_again() -> None:
    server = Tenant(seed=1, mailboxes=2, on_premises=True)
    one = server.active(0)
    run(server, "Disable-Mailbox", Identity=one["PrimarySmtpAddress"], Confirm=False)

    connected = run(
        server, "Connect-Mailbox", Identity=one["ExchangeGuid"], Database=one["Database"],
        User=one["UserPrincipalName"],
    )  # fmt: skip

    assert not text_of(connected)
    assert shown(server, "Get-Mailbox", one["UserPrincipalName"])["ExchangeGuid"] == one["ExchangeGuid"]


def test_an_archive_is_enabled_disabled_and_connected_again(tenant: Tenant) -> None:
    given: Given = {"Identity": mailbox(tenant)}

    enabled = [run(tenant, "Enable-Mailbox", Archive=True, **given) for _ in range(2)]
    first = shown(tenant, "Get-Mailbox", mailbox(tenant))
    archived = column(run(tenant, "Get-Mailbox", Archive=True), "PrimarySmtpAddress")
    disabled = [run(tenant, "Disable-Mailbox", Archive=True, Confirm=False, **given) for _ in range(2)]
    without = shown(tenant, "Get-Mailbox", mailbox(tenant))
    run(tenant, "Enable-Mailbox", Archive=True, **given)

    assert [len(answer.effects) for answer in (*enabled, *disabled)] == [1, 0, 1, 0]
    assert (first["ArchiveStatus"], without["ArchiveStatus"]) == ("Active", "None")
    assert mailbox(tenant) in archived
    assert "already has an archive" in text_of(enabled[1])
    assert "doesn't have an archive" in text_of(disabled[1])
    assert shown(tenant, "Get-Mailbox", mailbox(tenant))["ArchiveGuid"] == first["ArchiveGuid"]
    assert shown(tenant, "Get-MailboxStatistics", mailbox(tenant))["MailboxGuid"] == first["ExchangeGuid"]


def test_a_restore_request_stays_when_its_target_is_renamed(tenant: Tenant) -> None:
    identity = column(restore(tenant, Name="r1"), "Identity")
    run(tenant, "Set-Mailbox", Identity=mailbox(tenant), DisplayName="Another name")

    assert run(tenant, "Get-MailboxRestoreRequest", Identity=identity[0]).output


def test_every_cmdlet_of_the_tenant_can_be_rehearsed() -> None:
    nouns = {
        "Mailbox", "User", "CASMailbox", "MailboxAutoReplyConfiguration", "MailboxRegionalConfiguration",
        "CalendarProcessing", "MailContact", "Contact", "MailUser", "DistributionGroup", "Group",
        "MailboxRestoreRequest",
    }  # fmt: skip
    rights = (
        "MailboxPermission",
        "RecipientPermission",
        "MailboxFolderPermission",
        "DistributionGroupMember",
    )
    created = ("Mailbox", "MailContact", "MailUser", "DistributionGroup")

    assert {f"{verb}-{noun}" for verb in ("Get", "Set") for noun in nouns} <= REHEARSED
    assert {f"{verb}-{noun}" for verb in ("Add", "Remove", "Get") for noun in rights} <= REHEARSED
    assert {f"{verb}-{noun}" for verb in ("New", "Remove") for noun in created} <= REHEARSED
    assert {
        "Get-Recipient", "Get-RetentionPolicy", "Get-MailboxFolderStatistics", "Set-MailboxFolderPermission",
        "Update-DistributionGroupMember", "Enable-Mailbox", "Disable-Mailbox", "New-MailboxRestoreRequest",
        "Suspend-MailboxRestoreRequest", "Resume-MailboxRestoreRequest", "Remove-MailboxRestoreRequest",
    } <= REHEARSED  # fmt: skip


def test_a_mailbox_that_is_new_is_not_found_at_once() -> None:
    tenant = Tenant(seed=1, mailboxes=2, troubles=False, provisioning_seconds=30.0)
    run(tenant, "New-Mailbox", Name="Info", Shared=True)

    assert "couldn't be found" in text_of(run(tenant, "Get-Mailbox", Identity="Info"))
    assert run(tenant, "Get-Mailbox", 30.0, Identity="Info").output
    assert len(tenant.mailboxes([Kind.ACTIVE])) == 3
