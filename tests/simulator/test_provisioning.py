"""What was made a moment ago is not seen everywhere yet."""

from collections.abc import Callable
from typing import Any

import pytest

from bulkps.simulator import Simulator, SimulatorOptions
from bulkps.simulator.tenant.tenant import Tenant
from tests.simulator.calls import recover, run, text_of
from tests.simulator.conftest import Clock, Connect, Invoke

UPN = "new0@contoso.com"


@pytest.fixture
def tenant() -> Tenant:
    return Tenant(seed=1, mailboxes=2, troubles=False, provisioning_seconds=60.0)


@pytest.mark.parametrize("cmdlet", ["Get-Mailbox", "Get-Recipient", "Get-User"])
def test_a_recovered_mailbox_is_shown_only_after_a_while(tenant: Tenant, cmdlet: str) -> None:
    recover(tenant)

    for asked in ({"Identity": UPN}, {"Filter": f"Name -eq 'new0' -or DisplayName -eq '{UPN}'"}, {}):
        before = run(tenant, cmdlet, 59, **asked).output
        after = run(tenant, cmdlet, 60, **asked).output
        assert len(after) == len(before) + 1
    assert "couldn't be found on" in text_of(run(tenant, cmdlet, 59, Identity=UPN))


def test_it_is_no_longer_inactive_from_the_start(tenant: Tenant) -> None:
    recover(tenant)

    guid = tenant.inactive(0)["ExchangeGuid"]
    assert text_of(run(tenant, "Get-Mailbox", Identity=guid, InactiveMailboxOnly=True))
    assert "couldn't be found" in text_of(recover(tenant, Name="again"))


@pytest.mark.parametrize(
    ("cmdlet", "change"), [("Set-User", "Department"), ("Set-Mailbox", "CustomAttribute1")]
)
def test_it_cannot_be_changed_before_it_is_shown(tenant: Tenant, cmdlet: str, change: str) -> None:
    recover(tenant)
    given: dict[str, Any] = {"Identity": UPN, change: "x"}

    assert "couldn't be found on" in text_of(run(tenant, cmdlet, 59, **given))
    assert run(tenant, cmdlet, 60, **given).effects


def test_its_names_are_taken_before_it_is_shown(tenant: Tenant) -> None:
    recover(tenant)

    other = recover(tenant, InactiveMailbox=tenant.inactive(1)["ExchangeGuid"], Name="other")
    assert other.errors[0].reason == "ProxyAddressExistsException"


def test_the_delay_is_an_option_of_the_simulator(
    simulate: Callable[..., Simulator],
    connect: Connect,
    invoke: Invoke,
    secure: Callable[..., Any],
    clock: Clock,
) -> None:
    simulator = simulate(provisioning_seconds=60.0)
    pool = connect(simulator)
    invoke(
        pool,
        "New-Mailbox",
        InactiveMailbox=str(simulator.tenant.inactive(0)["ExchangeGuid"]),
        Name="new0",
        MicrosoftOnlineServicesID=UPN,
        Password=secure(pool, "Str0ng-enough"),
    )

    assert not invoke(pool, "Get-Mailbox", Identity=UPN).output
    clock.now += 60
    assert len(invoke(pool, "Get-Mailbox", Identity=UPN).output) == 1
    with pytest.raises(ValueError, match="provisioning_seconds must not be negative"):
        SimulatorOptions(provisioning_seconds=-1)
