"""The cmdlets that only read: what they show, whom they show it of, and which filters they understand."""

import re
from typing import Any

import pytest

from bulkps.simulator.tenant.mailbox import Kind
from bulkps.simulator.tenant.tenant import Tenant
from bulkps.simulator.tenant.tenant import _active as made_active
from tests.simulator.calls import column, recover, restore, run, text_of

SIZE = re.compile(r"[\d.]+ [KMG]?B \([\d,]+ bytes\)")


@pytest.fixture
def tenant() -> Tenant:
    return Tenant(seed=1, mailboxes=12, troubles=False)


def test_the_organization_tells_its_policies_and_its_domains(tenant: Tenant) -> None:
    config = run(tenant, "Get-OrganizationConfig")
    domains = run(tenant, "Get-AcceptedDomain")

    assert column(config, "AutoExpandingArchiveEnabled") == [False]
    [holds] = column(config, "InPlaceHolds")
    assert [re.sub("[0-9a-f]{32}", "", hold) for hold in holds] == ["mbx:2", "mbx:3", "grp:3"]
    assert dict(zip(column(domains, "DomainName"), column(domains, "AuthenticationType"), strict=True)) == {
        "contoso.com": "Managed",
        "contoso.onmicrosoft.com": "Managed",
        "contoso.mail.onmicrosoft.com": "Managed",
        "fabrikam.com": "Federated",
    }
    assert column(run(tenant, "Get-AcceptedDomain", Identity="Fabrikam.com"), "Default") == [False]
    assert "couldn't be found" in text_of(run(tenant, "Get-AcceptedDomain", Identity="nowhere.example"))


def test_users_are_shown_with_and_without_a_mailbox(tenant: Tenant) -> None:
    kinds = column(run(tenant, "Get-User", ResultSize="Unlimited"), "RecipientType")

    assert {kind: kinds.count(kind) > 0 for kind in set(kinds)} == dict.fromkeys(
        ("UserMailbox", "User", "MailUser"), True
    )
    [user] = run(tenant, "Get-User", Identity="unlicensed0@contoso.com").output
    assert (user.properties["RecipientType"], user.properties["WindowsEmailAddress"]) == ("User", "")


def test_each_cmdlet_shows_only_what_is_its_own(tenant: Tenant) -> None:
    def shows(cmdlet: str, identity: str) -> bool:
        return bool(run(tenant, cmdlet, Identity=identity).output)

    cmdlets = ("Get-Mailbox", "Get-Recipient", "Get-User", "Get-MailUser")
    shown = {
        name: [shows(cmdlet, name) for cmdlet in cmdlets]
        for name in ("unlicensed0", "mailuser0", "sales", "supplier", str(tenant.active(0)["Alias"]))
    }

    assert list(shown.values()) == [
        [False, False, True, False],
        [False, True, True, True],
        [False, True, False, False],
        [False, True, False, False],
        [True, True, True, False],
    ]


def test_a_recipient_has_its_guids_and_no_user_principal_name(tenant: Tenant) -> None:
    [found] = run(tenant, "Get-Recipient", Identity=tenant.active(0)["Alias"]).output

    assert found.properties["ExchangeGuid"] == tenant.active(0)["ExchangeGuid"]
    assert "UserPrincipalName" not in found.properties


def test_deleted_recipients_are_shown_only_when_they_are_asked_for(tenant: Tenant) -> None:
    for one in (tenant.inactive(0), tenant.soft_deleted(0)):
        guid = one["ExchangeGuid"]
        assert "couldn't be found" in text_of(run(tenant, "Get-Recipient", Identity=guid))
        [found] = run(tenant, "Get-Recipient", Identity=guid, IncludeSoftDeletedRecipients=True).output
        assert found.properties["WhenSoftDeleted"] == one["WhenSoftDeleted"]


def test_one_name_brings_the_active_the_inactive_and_the_soft_deleted_mailbox(tenant: Tenant) -> None:
    for kind in (Kind.INACTIVE, Kind.SOFT_DELETED, Kind.ACTIVE):
        tenant.change(tenant.mailboxes([kind])[0], kind, {"Name": "pilarp"})

    found = run(
        tenant, "Get-Mailbox", Identity="pilarp", SoftDeletedMailbox=True, IncludeInactiveMailbox=True
    )

    assert sorted(column(found, "IsInactiveMailbox")) == [False, False, True]
    assert len({str(guid) for guid in column(found, "Guid")}) == 3


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Alias -eq '{a[Alias]}'", "a"),
        ("alias -EQ '{a[Alias]}' -OR (Name -eq '{b[Name]}')", "ab"),
        ("EmailAddresses -eq '{a[PrimarySmtpAddress]}'", "a"),
        (
            "EmailAddresses -eq 'SMTP:{a[PrimarySmtpAddress]}' -or EmailAddresses -eq 'x@y.z'",
            "a",
        ),
        ("EmailAddresses -eq '{a[EmailAddresses][2]}'", "a"),
        ("(Alias -eq '{a[Alias]}') -and (DisplayName -eq '{a[DisplayName]}')", "a"),
        ("Alias -eq '{a[Alias]}' -and DisplayName -eq '{b[DisplayName]}'", ""),
        ("Alias -eq '{a[Alias]}' -or Alias -eq '{b[Alias]}' -and Name -eq 'x'", "a"),
        ("(Alias -eq '{a[Alias]}' -or Alias -eq '{b[Alias]}') -and Name -ne '{a[Name]}'", "b"),
        ("ExchangeGuid -eq '{a[ExchangeGuid]}' -or Title -eq 'O''Neill'", "ac"),
        ("Title -eq 'o''neill' -and WhenSoftDeleted -eq $null", "c"),
        ("Name -eq '' -or Name -eq 'nobody'", ""),
    ],
)
def test_a_filter_lets_through_what_it_says(tenant: Tenant, text: str, wanted: str) -> None:
    people = {name: tenant.active(index) for index, name in enumerate("abc")}
    run(tenant, "Set-User", Identity=people["c"]["Alias"], Title="O'Neill")

    for cmdlet in ("Get-Mailbox", "Get-Recipient", "Get-User"):
        if cmdlet == "Get-User" and ("Alias" in text or "ExchangeGuid" in text):
            continue
        found = run(tenant, cmdlet, Filter=text.format(**people))
        guids = {people[name]["Guid"]: name for name in people}
        assert "".join(sorted(guids[guid] for guid in column(found, "Guid"))) == wanted


def test_a_filter_of_users_finds_them_by_their_user_principal_name(tenant: Tenant) -> None:
    text = (
        "UserPrincipalName -eq 'unlicensed0@contoso.com' -or WindowsEmailAddress -eq 'mailuser0@contoso.com'"
    )

    assert sorted(column(run(tenant, "Get-User", Filter=text), "Name")) == ["mailuser0", "unlicensed0"]
    assert column(run(tenant, "Get-MailUser", Filter="Name -eq 'mailuser0'"), "RecipientType") == ["MailUser"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Alias -like 'a*'", "Invalid filter syntax"),
        ("Alias -eq 'a' -or", "a comparison is missing"),
        ("(Alias -eq 'a'", "a parenthesis is not closed"),
        ("Alias -eq 'a' Name -eq 'b'", "position 15"),
        ("(" * 500 + "Alias -eq 'a'" + ")" * 500, "too many parentheses"),
        ("Nonsense -eq 'a'", '"nonsense" is not a recognized filterable property'),
    ],
)
def test_a_filter_of_another_form_is_refused(tenant: Tenant, text: str, what: str) -> None:
    answer = run(tenant, "Get-Recipient", Filter=text)

    assert what in text_of(answer)
    assert answer.failure is not None and answer.failure.fully_qualified_id.endswith("Get-Recipient")


def test_statistics_are_those_of_the_restore(tenant: Tenant) -> None:
    source = tenant.inactive(3)["ExchangeGuid"]
    identity = restore(tenant, 3).output[0].properties["Identity"]

    [found] = run(tenant, "Get-MailboxStatistics", Identity=source, IncludeSoftDeletedRecipients=True).output
    [copied] = run(tenant, "Get-MailboxRestoreRequestStatistics", Identity=identity).output

    assert found.properties["MailboxGuid"] == source
    assert found.properties["TotalItemSize"] == copied.properties["EstimatedTransferSize"]
    assert found.properties["ItemCount"] == copied.properties["EstimatedTransferItemCount"]
    for name in ("TotalItemSize", "TotalDeletedItemSize"):
        assert SIZE.fullmatch(str(found.properties[name]))


def test_statistics_of_an_archive_are_its_own(tenant: Tenant) -> None:
    person = tenant.active(9)
    primary = run(tenant, "Get-MailboxStatistics", Identity=person["Alias"]).output[0].properties
    archive = (
        run(tenant, "Get-MailboxStatistics", Identity=person["Alias"], Archive=True).output[0].properties
    )

    assert (archive["MailboxGuid"], archive["IsArchiveMailbox"]) == (person["ArchiveGuid"], True)
    assert archive["TotalItemSize"] != primary["TotalItemSize"]
    assert "doesn't have an archive" in text_of(
        run(tenant, "Get-MailboxStatistics", Identity=tenant.active(0)["Alias"], Archive=True)
    )


def test_statistics_of_a_deleted_mailbox_must_be_asked_for(tenant: Tenant) -> None:
    guid = tenant.soft_deleted(0)["ExchangeGuid"]

    assert "couldn't be found" in text_of(run(tenant, "Get-MailboxStatistics", Identity=guid))
    assert run(tenant, "Get-MailboxStatistics", Identity=guid, IncludeSoftDeletedRecipients=True).output
    assert "missing mandatory parameters: Identity" in text_of(run(tenant, "Get-MailboxStatistics"))
    assert len(run(tenant, "Get-MailboxStatistics", Identity="").output) == 12


def test_a_database_lists_its_disconnected_mailboxes() -> None:
    server = Tenant(seed=1, mailboxes=2, on_premises=True)
    wanted = server.mailboxes([Kind.DISCONNECTED])[0]
    given: dict[str, Any] = {"Database": wanted.text("Database")}

    listed = run(server, "Get-MailboxStatistics", **given)
    filtered = run(server, "Get-MailboxStatistics", Filter="DisconnectDate -ne $null", **given)

    assert wanted.properties["ExchangeGuid"] in column(listed, "MailboxGuid")
    assert set(column(filtered, "DisconnectReason")) == {"Disabled"}
    for name in ("ExchangeGuid", "LegacyExchangeDN", "DisplayName"):
        [one] = run(
            server, "Get-MailboxStatistics", StoreMailboxIdentity=str(wanted.properties[name]), **given
        ).output
        assert one.properties["DisconnectDate"] == wanted.properties["DisconnectDate"]
    assert "Couldn't find database" in text_of(run(server, "Get-MailboxStatistics", Database="DB99"))


def test_a_filter_by_names_is_quick_in_a_large_tenant() -> None:
    tenant = Tenant(seed=1, mailboxes=1500)
    text = " -or ".join(
        f"EmailAddresses -eq '{tenant.active(index)['PrimarySmtpAddress']}'" for index in range(900)
    )

    found = run(tenant, "Get-Recipient", Filter=text, ResultSize="Unlimited")

    assert {str(guid) for guid in column(found, "Guid")} == {
        str(tenant.active(index)["Guid"]) for index in range(900)
    }


def test_a_recovered_mailbox_is_a_user_too(tenant: Tenant) -> None:
    recover(tenant)

    [user] = run(tenant, "Get-User", Identity="new0@contoso.com").output
    assert user.properties["RecipientType"] == "UserMailbox"


NAMING = (
    "EmailAddresses", "PrimarySmtpAddress", "WindowsEmailAddress", "UserPrincipalName", "Alias", "Guid",
    "ExchangeGuid", "ExternalDirectoryObjectId", "DistinguishedName", "Name",
)  # fmt: skip


@pytest.mark.parametrize("cmdlet", ["Get-Mailbox", "Get-Recipient", "Get-CASMailbox"])
def test_a_filter_by_any_name_makes_only_the_mailboxes_that_it_names(cmdlet: str) -> None:
    tenant = Tenant(seed=1, mailboxes=3000, troubles=False)
    people = [tenant.active(index * 47) for index in range(50)]
    terms = [
        f"{name} -eq '{person['PrimarySmtpAddress'] if name == 'EmailAddresses' else person[name]}'"
        for person, name in zip(people, NAMING * 5, strict=True)
    ]
    before = made_active.cache_info()

    plain = run(tenant, cmdlet, Filter=" -or ".join(terms))
    no_rooms = f"RecipientTypeDetails -ne 'RoomMailbox' -and ({' -or '.join(terms)})"
    narrowed = run(tenant, cmdlet, Filter=no_rooms)

    wanted = {str(person["Guid"]) for person in people}
    assert {str(guid) for guid in column(plain, "Guid")} == wanted
    assert len(narrowed.output) == sum(one["RecipientTypeDetails"] != "RoomMailbox" for one in people)
    after = made_active.cache_info()
    assert after.misses - before.misses <= 50


def test_a_contact_is_found_by_its_external_address(tenant: Tenant) -> None:
    for value in ("orders@supplier.example", "SMTP:orders@supplier.example"):
        found = run(tenant, "Get-Recipient", Filter=f"ExternalEmailAddress -eq '{value}'")
        assert column(found, "Name") == ["supplier"]


def test_types_and_archives_choose_mailboxes(tenant: Tenant) -> None:
    run(tenant, "Set-Mailbox", Identity=tenant.active(3)["Alias"], Type="Room")

    rooms = run(tenant, "Get-Mailbox", RecipientTypeDetails=["RoomMailbox", "EquipmentMailbox"])
    groups = run(tenant, "Get-Recipient", RecipientTypeDetails=["MailUniversalDistributionGroup"])
    archived = run(tenant, "Get-Mailbox", Archive=True)

    assert column(rooms, "Guid") == [tenant.active(3)["Guid"]]
    assert column(groups, "Name") == ["sales"]
    assert column(archived, "Guid") == [tenant.active(9)["Guid"]]


def test_a_property_that_only_the_first_values_have_can_be_filtered_by(tenant: Tenant) -> None:
    run(tenant, "Set-Mailbox", Identity=tenant.active(3)["Alias"], RetentionPolicy="Executives")

    found = run(tenant, "Get-Mailbox", Filter="RetentionPolicy -eq 'Executives'")
    others = run(tenant, "Get-Mailbox", Filter="RetentionPolicy -eq 'Default MRM Policy'")

    assert column(found, "Guid") == [tenant.active(3)["Guid"]]
    assert len(others.output) == 11
