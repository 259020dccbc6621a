"""The tenant and its cmdlets, without any wire."""

from typing import Any

import pytest

from bulkps.simulator.cmdlets.cmdlet_result import Secret
from bulkps.simulator.cmdlets.cmdlet_table import HANDLERS, execute
from bulkps.simulator.cmdlets.rbac import Offer
from bulkps.simulator.tenant.mailbox import Kind
from bulkps.simulator.tenant.tenant import Tenant
from tests.simulator.calls import NOW, recover, restore, run, text_of


@pytest.fixture
def tenant() -> Tenant:
    return Tenant(seed=1, mailboxes=12, restore_seconds=3.0, troubles=False)


def test_the_same_seed_makes_the_same_people() -> None:
    assert Tenant(7, 3).inactive(2) == Tenant(7, 3).inactive(2)
    assert Tenant(7, 3).inactive(2) != Tenant(8, 3).inactive(2)


def test_no_two_mailboxes_share_an_address_or_a_guid() -> None:
    tenant = Tenant(1, 300)
    every = [tenant.inactive(i) for i in range(300)] + [tenant.active(i) for i in range(300)]

    for name in (
        "PrimarySmtpAddress",
        "Alias",
        "Guid",
        "ExchangeGuid",
        "LegacyExchangeDN",
        "DistinguishedName",
    ):
        assert len({str(one[name]).casefold() for one in every}) == 600


@pytest.mark.parametrize(
    "key",
    ["Guid", "ExchangeGuid", "DistinguishedName", "PrimarySmtpAddress", "Alias", "Name", "LegacyExchangeDN"],
)
def test_a_mailbox_is_found_by_each_of_its_names_in_any_case(tenant: Tenant, key: str) -> None:
    wanted = tenant.inactive(3)

    found = run(tenant, "Get-Mailbox", Identity=str(wanted[key]).upper(), InactiveMailboxOnly=True)

    assert [item.properties["Guid"] for item in found.output] == [wanted["Guid"]]


def test_an_inactive_mailbox_is_not_found_among_the_active_ones(tenant: Tenant) -> None:
    assert "couldn't be found on 'DB3PR07A005DC01." in text_of(
        run(tenant, "Get-Mailbox", Identity=tenant.inactive(0)["ExchangeGuid"])
    )


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_identity_returns_every_mailbox(tenant: Tenant, nothing: str | None) -> None:
    assert len(run(tenant, "Get-Mailbox", Identity=nothing).output) == 12


def test_the_switches_choose_which_mailboxes_are_seen(tenant: Tenant) -> None:
    def seen(**switches: bool) -> int:
        return len(run(tenant, "Get-Mailbox", ResultSize="Unlimited", **switches).output)

    assert seen(InactiveMailboxOnly=True) == 12
    assert seen(IncludeInactiveMailbox=True) == 24
    assert seen(SoftDeletedMailbox=True) == 20
    assert seen(SoftDeletedMailbox=True, IncludeInactiveMailbox=True) == 44


def test_a_result_size_cuts_the_answer_and_warns(tenant: Tenant) -> None:
    answer = run(tenant, "Get-Mailbox", ResultSize=5)

    assert len(answer.output) == 5
    assert "more results available" in answer.warnings[0]


def test_a_parameter_that_would_change_the_answer_is_never_ignored(tenant: Tenant) -> None:
    assert "doesn't evaluate the parameter 'Anr'" in text_of(run(tenant, "Get-Mailbox", Anr="Ann"))


def test_a_reading_cmdlet_returns_all_of_one_name_and_an_acting_one_refuses_it(tenant: Tenant) -> None:
    name = tenant.active(2)["Name"]
    run(tenant, "Set-User", Identity=tenant.active(1)["Alias"], Name=name)

    for cmdlet in ("Get-Mailbox", "Get-Recipient", "Get-User"):
        assert len(run(tenant, cmdlet, Identity=name).output) == 2
    assert text_of(run(tenant, "Set-User", Identity=name, Title="x")) == (
        "|Microsoft.Exchange.Configuration.Tasks.ManagementObjectAmbiguousException|"
        f"The operation couldn't be performed because '{name}' matches multiple entries."
    )


def test_a_restore_into_a_stranger_is_refused_unless_the_mismatch_is_allowed(tenant: Tenant) -> None:
    pair: dict[str, Any] = {
        "SourceMailbox": tenant.inactive(0)["ExchangeGuid"],
        "TargetMailbox": tenant.active(1)["PrimarySmtpAddress"],
    }

    refused = run(tenant, "New-MailboxRestoreRequest", **pair)
    allowed = run(tenant, "New-MailboxRestoreRequest", AllowLegacyDNMismatch=True, **pair)

    assert refused.errors[0].reason == "NonMatchingLegacyDNPermanentUseSwitchException"
    assert not refused.effects
    assert len(allowed.effects) == 1


def test_a_restore_request_goes_from_queued_to_completed(tenant: Tenant) -> None:
    restore(tenant, Name="r1", BatchName="b")

    def status(at: float) -> object:
        return run(tenant, "Get-MailboxRestoreRequest", at, BatchName="B").output[0].properties["Status"]

    assert [status(0.5), status(1.5), status(3.0)] == ["Queued", "InProgress", "Completed"]


def test_a_suspended_request_rests_until_it_is_resumed(tenant: Tenant) -> None:
    identity = restore(tenant, Name="r1").output[0].properties["Identity"]

    def status(at: float) -> object:
        return run(tenant, "Get-MailboxRestoreRequest", at, Identity=identity).output[0].properties["Status"]

    run(tenant, "Suspend-MailboxRestoreRequest", 2.0, Identity=identity)
    assert status(100.0) == "Suspended"
    run(tenant, "Resume-MailboxRestoreRequest", 100.0, Identity=identity)
    assert [status(100.5), status(101.0)] == ["InProgress", "Completed"]


def test_a_failing_request_says_why_in_its_statistics() -> None:
    tenant = Tenant(1, 2, restore_seconds=3.0, failing_requests=1.0)
    identity = restore(tenant, Name="r1").output[0].properties["Identity"]

    found = run(tenant, "Get-MailboxRestoreRequestStatistics", 9.0, Identity=identity).output[0].properties

    assert (found["Status"], found["FailureType"]) == ("Failed", "TooManyBadItemsPermanentException")
    assert "corrupted items" in str(found["Message"])


def test_a_request_name_is_unique_for_its_target(tenant: Tenant) -> None:
    assert not restore(tenant, Name="r1").errors
    assert restore(tenant, Name="R1").errors[0].reason == "NameMustBeUniquePermanentException"
    assert not restore(tenant, 1, Name="r1").errors


def test_the_eleventh_request_without_a_name_is_refused(tenant: Tenant) -> None:
    names = [restore(tenant).output[0].properties["Name"] for _ in range(10)]

    assert names == ["MailboxRestore", *(f"MailboxRestore{number}" for number in range(1, 10))]
    assert restore(tenant).errors[0].reason == "NoAvailableDefaultNamePermanentException"


def test_a_source_with_an_archive_brings_a_warning(tenant: Tenant) -> None:
    assert restore(tenant, 9).warnings == [
        "There exists an archive mailbox that will need to be restored separately."
    ]


def test_a_removal_that_would_prompt_fails_and_one_that_does_not_removes(tenant: Tenant) -> None:
    identity = restore(tenant, Name="r1").output[0].properties["Identity"]

    prompted = run(tenant, "Remove-MailboxRestoreRequest", Identity=identity)
    removed = run(tenant, "Remove-MailboxRestoreRequest", Identity=identity, Confirm=False)

    assert prompted.failure is not None and prompted.failure.reason == "HostException"
    assert [effect["kind"] for effect in removed.effects] == ["restore-request-removed"]
    assert run(tenant, "Get-MailboxRestoreRequest").output == []


def test_a_soft_deleted_mailbox_is_a_source_too(tenant: Tenant) -> None:
    answer = run(
        tenant,
        "New-MailboxRestoreRequest",
        SourceMailbox=tenant.soft_deleted(0)["ExchangeGuid"],
        TargetMailbox=tenant.active(0)["Alias"],
        AllowLegacyDNMismatch=True,
    )

    assert len(answer.effects) == 1


def test_a_recovered_mailbox_is_active_under_its_new_names(tenant: Tenant) -> None:
    before = tenant.inactive(0)

    answer = recover(tenant)
    after = run(tenant, "Get-Mailbox", Identity="new0@contoso.com").output[0].properties

    assert after["ExchangeGuid"] == before["ExchangeGuid"]
    assert after["Guid"] != before["Guid"]
    assert after["IsInactiveMailbox"] is False
    assert "The inactive mailbox has been recovered." in answer.warnings[0]
    assert tenant.received_passwords == ["Str0ng-enough"]
    assert "Str0ng" not in str(answer.effects)
    assert "couldn't be found" in text_of(recover(tenant, Name="again"))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"Name": "{active}"}, "ADObjectAlreadyExistsException"),
        ({"MicrosoftOnlineServicesID": "{address}"}, "ProxyAddressExistsException"),
        ({"Password": Secret("weakweak")}, "ADInvalidPasswordException"),
        ({"Password": "not a SecureString"}, "ParameterBindingException"),
        ({"InactiveMailbox": "nobody"}, "ManagementObjectNotFoundException"),
    ],
)
def test_a_recovery_is_refused_and_changes_nothing(
    tenant: Tenant, wrong: dict[str, Any], reason: str
) -> None:
    active = tenant.active(5)
    values = {
        key: value.format(active=active["Name"], address=active["PrimarySmtpAddress"])
        if isinstance(value, str)
        else value
        for key, value in wrong.items()
    }

    answer = recover(tenant, **values)

    assert [info.reason for info in (*answer.errors, answer.failure) if info] == [reason]
    assert not answer.effects and not tenant.received_passwords


def test_what_if_changes_nothing(tenant: Tenant) -> None:
    assert not recover(tenant, WhatIf=True).effects
    assert not restore(tenant, WhatIf=True).effects
    assert not run(tenant, "Set-User", Identity=tenant.active(0)["Alias"], Title="x", WhatIf=True).effects


def test_set_user_writes_nothing_and_keeps_what_it_was_given(tenant: Tenant) -> None:
    answer = run(
        tenant, "Set-User", Identity=tenant.active(0)["Alias"], Department="Audit", Company="Contoso"
    )
    user = run(tenant, "Get-Recipient", Identity=tenant.active(0)["Alias"]).output[0].properties

    assert (user["Department"], user["Company"]) == ("Audit", "Contoso")
    assert answer.output == []


@pytest.mark.parametrize(
    ("cmdlet", "parameters", "error_id"),
    [
        ("Get-Mailbox", {"Nonsense": 1}, "NamedParameterNotFound,Get-Mailbox"),
        ("Set-User", {"Department": "x"}, "MissingMandatoryParameter,Set-User"),
        (
            "New-MailboxRestoreRequest",
            {"ConflictResolutionOption": "KeepEverything"},
            "CannotConvertArgumentNoMessage,New-MailboxRestoreRequest",
        ),
        (
            "Get-MailboxRestoreRequest",
            {"Identity": "a\\b", "Name": "b"},
            "AmbiguousParameterSet,Get-MailboxRestoreRequest",
        ),
        ("Set-User", {"Identity": ""}, "ParameterArgumentValidationErrorEmptyStringNotAllowed,Set-User"),
        ("Get-Nothing", {}, "CommandNotFoundException"),
        ("Get-OwaMailboxPolicy", {}, "CommandNotFoundException"),
    ],
)
def test_the_binder_refuses_as_powershell_does(
    tenant: Tenant, cmdlet: str, parameters: dict[str, Any], error_id: str
) -> None:
    failure = run(tenant, cmdlet, **parameters).failure

    assert failure is not None and failure.fully_qualified_id == error_id


def test_missing_mandatory_parameters_are_all_named(tenant: Tenant) -> None:
    assert text_of(run(tenant, "New-MailboxRestoreRequest")) == (
        "Cannot process command because of one or more missing mandatory parameters: "
        "SourceMailbox TargetMailbox."
    )


def test_error_action_stop_brings_the_error_twice_and_silently_continue_hides_it(tenant: Tenant) -> None:
    stopped = run(tenant, "Get-Mailbox", Identity="nobody", ErrorAction="Stop")
    hidden = run(tenant, "Get-Mailbox", Identity="nobody", ErrorAction="SilentlyContinue")

    assert stopped.errors == [stopped.failure]
    assert (hidden.errors, hidden.failure) == ([], None)


def test_get_command_tells_each_cmdlets_parameters(tenant: Tenant) -> None:
    online = list(filter(Offer().facts, HANDLERS))
    for name in online:
        parameters = run(tenant, "Get-Command", Name=name).output[0].properties["Parameters"]
        assert parameters or name == "Get-OrganizationConfig"
    assert len(run(tenant, "Get-Command").output) == len(online)
    assert "is not recognized" in text_of(run(tenant, "Get-Command", Name="Get-Nothing"))


def test_an_exchange_server_has_other_cmdlets_and_parameters_than_exchange_online(tenant: Tenant) -> None:
    server = Tenant(seed=1, mailboxes=2, on_premises=True)
    offer = Offer(release="SE")

    online = run(tenant, "Connect-Mailbox", Identity="x", Database="y")
    inactive = execute(server, "Get-Mailbox", [("InactiveMailboxOnly", True)], NOW, offer)
    disconnected, user = server.mailboxes([Kind.DISCONNECTED])[0], server.mailboxes([Kind.NONE])[0]
    given = [
        ("Identity", disconnected.text("ExchangeGuid")),
        ("Database", disconnected.text("Database")),
        ("User", user.text("UserPrincipalName")),
    ]
    first = execute(server, "Connect-Mailbox", given, NOW, offer)
    second = execute(server, "Connect-Mailbox", given, NOW, offer)

    assert online.failure is not None
    assert online.failure.fully_qualified_id == "CommandNotFoundException"
    assert inactive.failure is not None
    assert inactive.failure.fully_qualified_id == "NamedParameterNotFound,Get-Mailbox"
    assert not first.errors
    assert "does not support recipients of this type" in second.errors[0].message


def test_what_is_there_already_is_only_warned_of(tenant: Tenant) -> None:
    mailbox, user = tenant.active(0)["Identity"], tenant.active(1)["UserPrincipalName"]
    right: dict[str, Any] = {"Identity": mailbox, "User": user, "AccessRights": ["FullAccess"]}
    address: dict[str, Any] = {"Identity": mailbox, "EmailAddresses": {"Add": ["x@contoso.com"]}}
    answers = [run(tenant, "Add-MailboxPermission", **right) for _ in range(2)]
    answers += [run(tenant, "Set-Mailbox", **address) for _ in range(2)]

    assert [len(answer.effects) for answer in answers] == [1, 0, 1, 0]
    assert "already present" in answers[1].warnings[0]
    assert "no settings of" in answers[3].warnings[0]
    [found] = run(tenant, "Get-MailboxPermission", Identity=mailbox, User=user).output
    assert found.properties["AccessRights"] == ["FullAccess"]


def test_a_new_primary_address_makes_the_former_one_a_further_one(tenant: Tenant) -> None:
    before = str(tenant.active(0)["PrimarySmtpAddress"])
    run(tenant, "Set-Mailbox", Identity=before, EmailAddresses={"Add": "SMTP:new@contoso.com"})

    [found] = run(tenant, "Get-Mailbox", Identity="new@contoso.com").output
    assert found.properties["PrimarySmtpAddress"] == "new@contoso.com"
    assert f"smtp:{before}" in str(found.properties["EmailAddresses"])
