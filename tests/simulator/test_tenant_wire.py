"""What the tenant knows by data, over a real WSMan connection: on our endpoint and on a real engine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pypsrp.powershell import PowerShell, RunspacePool

from bulkps.simulator import Simulator
from tests.engines import ENGINES
from tests.simulator.conftest import Connect, Invoke

Options = dict[str, Any]


def clean(pipeline: PowerShell) -> list[dict[str, Any]]:
    """Return the properties of what came back, of a pipeline without an error."""
    assert not pipeline.streams.error, str(pipeline.streams.error[0])
    return [{**one.adapted_properties, **one.extended_properties} for one in pipeline.output]


def people(simulator: Simulator, number: int) -> list[str]:
    return [str(simulator.tenant.active(index)["PrimarySmtpAddress"]) for index in range(number)]


@pytest.mark.parametrize("options", ENGINES)
def test_a_day_of_an_administrator_is_the_same_on_every_engine(
    simulate: Callable[..., Simulator], connect: Connect, invoke: Invoke, tmp_path: Path, options: Options
) -> None:
    simulator = simulate(effects=tmp_path / "effects.jsonl", **options)
    pool: RunspacePool = connect(simulator)
    ann, ben, eve = people(simulator, 3)

    def send(cmdlet: str, **parameters: Any) -> list[dict[str, Any]]:
        return clean(invoke(pool, cmdlet, **parameters))

    send(
        "Set-Mailbox", Identity=ann, EmailAddresses={"Add": ["ann.b@contoso.com"]}, GrantSendOnBehalfTo=[ben]
    )
    send(
        "Set-Mailbox",
        Identity=ann,
        ForwardingAddress=ben,
        DeliverToMailboxAndForward=True,
        CustomAttribute1=None,
    )
    send("Set-CASMailbox", Identity=ann, ImapEnabled=False, PopEnabled=False)
    send("Set-User", Identity=ann, Manager=eve, Confirm=False)
    send("Add-MailboxPermission", Identity=ann, User=ben, AccessRights=["FullAccess"])
    send("Add-RecipientPermission", Identity=ann, Trustee=ben, AccessRights=["SendAs"], Confirm=False)
    [folder] = send("Get-MailboxFolderStatistics", Identity=ann, FolderScope="Calendar")
    calendar = f"{ann}:\\{folder['Name']}"
    send("Add-MailboxFolderPermission", Identity=calendar, User=ben, AccessRights=["Reviewer"])
    send("New-DistributionGroup", Name="Project X", Members=[ann, ben])
    send("Remove-DistributionGroupMember", Identity="Project X", Member=ben, Confirm=False)
    send("New-Mailbox", Name="Front Desk", Shared=True)
    send(
        "Set-MailboxAutoReplyConfiguration",
        Identity="Front Desk",
        AutoReplyState="Enabled",
        InternalMessage="x",
    )
    send("New-MailContact", Name="Carol", ExternalEmailAddress="carol@fabrikam.example")
    send("Remove-MailContact", Identity="Carol", Confirm=False)

    [mailbox] = send("Get-Mailbox", Identity="ann.b@contoso.com")
    [protocols] = send("Get-CASMailbox", Identity=ann)
    [right] = send("Get-MailboxFolderPermission", Identity=calendar, User=ben)
    [member] = send("Get-DistributionGroupMember", Identity="Project X")
    [reply] = send("Get-MailboxAutoReplyConfiguration", Identity="FrontDesk@contoso.com")
    assert mailbox["ForwardingAddress"] == simulator.tenant.active(1)["Identity"]
    assert mailbox["DeliverToMailboxAndForward"] is True
    assert list(mailbox["GrantSendOnBehalfTo"]) == [simulator.tenant.active(1)["Identity"]]
    assert (protocols["ImapEnabled"], protocols["PopEnabled"], protocols["OWAEnabled"]) == (
        False,
        False,
        True,
    )
    assert list(right["AccessRights"]) == ["Reviewer"]
    assert member["PrimarySmtpAddress"] == ann
    assert "<body>\nx\n</body>" in reply["InternalMessage"].replace("\r", "")
    kinds = [
        json.loads(line)["kind"] for line in (tmp_path / "effects.jsonl").read_text("utf-8").splitlines()
    ]
    assert len(kinds) == 13
    pool.close()


@pytest.mark.parametrize("options", ENGINES)
def test_what_exchange_says_comes_over_every_engine(
    simulate: Callable[..., Simulator], connect: Connect, invoke: Invoke, options: Options
) -> None:
    simulator = simulate(**options)
    pool: RunspacePool = connect(simulator)
    ann, ben = people(simulator, 2)
    invoke(pool, "Add-DistributionGroupMember", Identity="sales", Member=ann)

    member = invoke(pool, "Add-DistributionGroupMember", Identity="sales", Member=ann)
    nothing = invoke(pool, "Set-CASMailbox", Identity=ann, ImapEnabled=True)
    absent = invoke(
        pool, "Remove-MailboxPermission", Identity=ann, User=ben, AccessRights=["FullAccess"], Confirm=False
    )
    unknown = invoke(pool, "Set-Mailbox", Identity=ann, ExcludeFromAllHolds=True)

    assert "is already a member of the group" in str(member.streams.error[0])
    assert "but no settings of" in str(nothing.streams.warning[0])
    assert "because the ACE isn't present" in str(absent.streams.warning[0])
    assert "no rules for -ExcludeFromAllHolds of Set-Mailbox" in str(unknown.streams.error[0])
    pool.close()
