"""Rights on mailboxes, in recipients' names and on folders, and the members of groups."""

from typing import Any

import pytest

from bulkps.simulator.tenant.tenant import Tenant
from tests.simulator.calls import column, run, text_of

Given = dict[str, Any]


@pytest.fixture
def tenant() -> Tenant:
    return Tenant(seed=1, mailboxes=12, troubles=False)


def mailbox(tenant: Tenant, index: int = 0) -> str:
    return str(tenant.active(index)["PrimarySmtpAddress"])


def calendar(tenant: Tenant, index: int = 0) -> str:
    """Return the calendar of a mailbox, under its local name."""
    owner = mailbox(tenant, index)
    found = run(tenant, "Get-MailboxFolderStatistics", Identity=owner, FolderScope="Calendar")
    [name] = column(found, "Name")
    return f"{owner}:\\{name}"


def test_a_right_on_a_mailbox_is_removed_once_and_then_only_warned_of(tenant: Tenant) -> None:
    right: Given = {"Identity": mailbox(tenant), "User": mailbox(tenant, 1), "AccessRights": ["FullAccess"]}
    run(tenant, "Add-MailboxPermission", **right)

    asked = run(tenant, "Remove-MailboxPermission", **right)
    first, second = (run(tenant, "Remove-MailboxPermission", Confirm=False, **right) for _ in range(2))

    assert asked.failure is not None and asked.failure.reason == "HostException"
    assert [effect["kind"] for effect in first.effects] == ["permission-removed"]
    assert not second.effects and "because the ACE isn't present" in second.warnings[0]
    assert not run(tenant, "Get-MailboxPermission", Identity=mailbox(tenant)).output
    assert tenant.permissions == {}


def test_one_of_two_rights_can_be_removed(tenant: Tenant) -> None:
    both: Given = {"Identity": mailbox(tenant), "User": mailbox(tenant, 1)}
    run(tenant, "Add-MailboxPermission", AccessRights=["FullAccess", "ReadPermission"], **both)
    run(tenant, "Remove-MailboxPermission", AccessRights="FullAccess", Confirm=False, **both)

    found = run(tenant, "Get-MailboxPermission", Identity=mailbox(tenant))
    assert column(found, "AccessRights") == [["ReadPermission"]]


def test_send_as_is_granted_and_revoked_and_repeats_are_only_warned_of(tenant: Tenant) -> None:
    for recipient in (mailbox(tenant), "sales"):
        given: Given = {
            "Identity": recipient,
            "Trustee": mailbox(tenant, 1),
            "AccessRights": "SendAs",
            "Confirm": False,
        }
        added = [run(tenant, "Add-RecipientPermission", **given) for _ in range(2)]
        found = run(tenant, "Get-RecipientPermission", Identity=recipient, Trustee=mailbox(tenant, 1))
        removed = [run(tenant, "Remove-RecipientPermission", **given) for _ in range(2)]

        assert [len(answer.effects) for answer in (*added, *removed)] == [1, 0, 1, 0]
        assert "The appropriate access control entry is already present" in added[1].warnings[0]
        assert column(found, "AccessRights") == [["SendAs"]]
        assert column(found, "Trustee") == [mailbox(tenant, 1)]
        assert "because the ACE isn't present" in removed[1].warnings[0]


@pytest.mark.parametrize("cmdlet", ["Add-RecipientPermission", "Remove-RecipientPermission"])
def test_a_cmdlet_that_asks_does_nothing_where_nobody_can_answer(tenant: Tenant, cmdlet: str) -> None:
    given: Given = {"Identity": mailbox(tenant), "Trustee": mailbox(tenant, 1), "AccessRights": "SendAs"}

    answer = run(tenant, cmdlet, **given)

    assert answer.failure is not None and answer.failure.reason == "HostException"
    assert not answer.effects


@pytest.mark.parametrize("who", ["sales", "supplier", "nobody"])
def test_only_an_account_or_a_security_group_can_have_rights(tenant: Tenant, who: str) -> None:
    answer = run(
        tenant, "Add-MailboxPermission", Identity=mailbox(tenant), User=who, AccessRights=["FullAccess"]
    )

    assert f"User or group '{who}' wasn't found" in text_of(answer)


def test_some_calendars_have_a_local_name(tenant: Tenant) -> None:
    names = {calendar(tenant, index).partition("\\")[2] for index in range(12)}

    assert "Calendar" in names and len(names) > 1
    local = next(index for index in range(12) if not calendar(tenant, index).endswith("\\Calendar"))
    wrong = f"{mailbox(tenant, local)}:\\Calendar"
    assert f"because '{wrong}' couldn't be found." in text_of(
        run(tenant, "Get-MailboxFolderPermission", Identity=wrong)
    )


def test_a_right_on_a_folder_is_added_changed_and_removed(tenant: Tenant) -> None:
    entry: Given = {"Identity": calendar(tenant), "User": mailbox(tenant, 1)}
    name = tenant.active(1)["DisplayName"]

    missing = run(tenant, "Set-MailboxFolderPermission", AccessRights="Editor", **entry)
    added = [run(tenant, "Add-MailboxFolderPermission", AccessRights="Reviewer", **entry) for _ in range(2)]
    changed = [run(tenant, "Set-MailboxFolderPermission", AccessRights="editor", **entry) for _ in range(2)]
    found = run(tenant, "Get-MailboxFolderPermission", **entry)
    removed = [run(tenant, "Remove-MailboxFolderPermission", Confirm=False, **entry) for _ in range(2)]

    assert text_of(missing).endswith(f"There is no existing permission entry found for user: {name}.")
    assert added[1].errors[0].reason == "UserAlreadyExistsInPermissionEntryException"
    assert text_of(added[1]).endswith(f"An existing permission entry was found for user: {name}.")
    assert [len(one.effects) for one in (*added, *changed, *removed)] == [1, 0, 1, 0, 1, 0]
    assert (column(found, "User"), column(found, "AccessRights")) == ([name], [["Editor"]])
    assert "There is no existing permission entry" in text_of(removed[1])
    assert tenant.folder_rights == {}


def test_everybody_else_has_an_entry_on_every_folder(tenant: Tenant) -> None:
    place = calendar(tenant)

    run(
        tenant, "Set-MailboxFolderPermission", Identity=place, User="default", AccessRights=["LimitedDetails"]
    )
    every = run(tenant, "Get-MailboxFolderPermission", Identity=place)
    root = run(tenant, "Get-MailboxFolderPermission", Identity=mailbox(tenant))
    kept = run(tenant, "Remove-MailboxFolderPermission", Identity=place, User="Anonymous", Confirm=False)

    assert dict(zip(column(every, "User"), column(every, "AccessRights"), strict=True)) == {
        "Default": ["LimitedDetails"],
        "Anonymous": ["None"],
    }
    assert column(root, "AccessRights") == [["None"], ["None"]]
    assert "can't be removed" in text_of(kept)


def test_rights_stay_on_a_folder_that_is_renamed(tenant: Tenant) -> None:
    before = calendar(tenant)
    run(
        tenant, "Add-MailboxFolderPermission", Identity=before, User=mailbox(tenant, 1),
        AccessRights="Editor", SharingPermissionFlags="Delegate,CanViewPrivateItems",
    )  # fmt: skip
    language = "fr-FR" if before.endswith("Kalender") else "de-DE"
    run(
        tenant, "Set-MailboxRegionalConfiguration", Identity=mailbox(tenant), Language=language,
        LocalizeDefaultFolderName=True,
    )  # fmt: skip
    after = calendar(tenant)

    assert after != before
    found = run(tenant, "Get-MailboxFolderPermission", Identity=after, User=mailbox(tenant, 1))
    assert column(found, "SharingPermissionFlags") == ["Delegate, CanViewPrivateItems"]


def test_a_role_that_does_not_exist_is_refused(tenant: Tenant) -> None:
    answer = run(
        tenant, "Add-MailboxFolderPermission", Identity=calendar(tenant), User=mailbox(tenant, 1),
        AccessRights="Reader",
    )  # fmt: skip

    assert "Unable to match the identifier name Reader" in text_of(answer)


def members(tenant: Tenant, group: str = "sales") -> list[str]:
    return sorted(column(run(tenant, "Get-DistributionGroupMember", Identity=group), "PrimarySmtpAddress"))


def test_a_member_is_added_and_removed_and_repeats_are_refused(tenant: Tenant) -> None:
    given: Given = {"Identity": "sales@contoso.com", "Member": mailbox(tenant)}
    identity = tenant.active(0)["Identity"]

    added = [run(tenant, "Add-DistributionGroupMember", **given) for _ in range(2)]
    there = members(tenant)
    removed = [run(tenant, "Remove-DistributionGroupMember", Confirm=False, **given) for _ in range(2)]

    assert [len(one.effects) for one in (*added, *removed)] == [1, 0, 1, 0]
    assert there == [mailbox(tenant)]
    assert added[1].errors[0].reason == "MemberAlreadyExistsException"
    assert f'"{identity}" is already a member of the group "sales"' in text_of(added[1])
    assert removed[1].errors[0].reason == "MemberNotFoundException"
    assert members(tenant) == []


def test_the_members_are_made_exactly_these(tenant: Tenant) -> None:
    run(tenant, "Add-DistributionGroupMember", Identity="sales", Member="supplier")
    wanted = [mailbox(tenant, index) for index in range(3)]

    first, second = (
        run(tenant, "Update-DistributionGroupMember", Identity="sales", Members=wanted, Confirm=False)
        for _ in range(2)
    )
    refused = run(
        tenant, "Update-DistributionGroupMember", Identity="sales", Members=["nobody"], Confirm=False
    )

    assert (len(first.effects), len(second.effects)) == (1, 0)
    assert members(tenant) == sorted(wanted)
    assert 'Couldn\'t find object "nobody"' in text_of(refused)


def test_a_group_that_somebody_else_manages_is_changed_only_past_the_check(tenant: Tenant) -> None:
    run(tenant, "Set-DistributionGroup", Identity="sales", ManagedBy=[mailbox(tenant)])
    given: Given = {"Identity": "sales", "Member": mailbox(tenant, 1)}

    refused = run(tenant, "Add-DistributionGroupMember", **given)
    taken = run(tenant, "Add-DistributionGroupMember", BypassSecurityGroupManagerCheck=True, **given)
    renamed = run(tenant, "Set-DistributionGroup", Identity="sales", MailTip="x")

    for answer in (refused, renamed):
        assert "can only be performed by a manager of the group" in text_of(answer)
    assert len(taken.effects) == 1


def test_what_if_grants_nothing(tenant: Tenant) -> None:
    one, two = mailbox(tenant), mailbox(tenant, 1)
    answers = [
        run(tenant, "Add-RecipientPermission", Identity=one, Trustee=two, AccessRights="SendAs", WhatIf=True),
        run(
            tenant, "Add-MailboxFolderPermission", Identity=calendar(tenant), User=two, AccessRights="Owner",
            WhatIf=True,
        ),
        run(tenant, "Add-DistributionGroupMember", Identity="sales", Member=two, WhatIf=True),
        run(tenant, "Update-DistributionGroupMember", Identity="sales", Members=[two], WhatIf=True),
    ]  # fmt: skip

    assert not any(answer.effects or text_of(answer) for answer in answers)
    assert members(tenant) == []


def test_a_restore_request_is_changed_until_it_is_completed(tenant: Tenant) -> None:
    source, target = tenant.inactive(0)["ExchangeGuid"], mailbox(tenant)
    made = run(tenant, "New-MailboxRestoreRequest", SourceMailbox=source, TargetMailbox=target, Suspend=True)
    [identity] = column(made, "Identity")
    given: Given = {"Identity": identity, "BatchName": "second", "Priority": "High"}

    changed = [run(tenant, "Set-MailboxRestoreRequest", 1.0, **given) for _ in range(2)]
    found = run(tenant, "Get-MailboxRestoreRequest", 1.0, BatchName="second")
    run(tenant, "Resume-MailboxRestoreRequest", 1.0, Identity=identity)
    late = run(tenant, "Set-MailboxRestoreRequest", 100.0, Identity=identity, Priority="Low")

    assert [len(one.effects) for one in changed] == [1, 0]
    assert column(found, "Identity") == [identity]
    assert "in the state Completed" in text_of(late)
