"""A session begins nothing that its gate does not let through, on every route."""

from dataclasses import dataclass

import pytest

from bulkps.engine.interfaces import SessionLostError
from bulkps.exchange.calls_and_outcomes import Answer, Outcome
from bulkps.simulator.tenant.mailbox import Kind
from tests.contract.routes import Opened, Route, opened
from tests.contract.test_contract import EVERY, TENANT, item, there

__all__ = ["there"]


@dataclass
class Seconds:
    """A gate that says what it is told to say.

    Attributes:
        seconds: What it says.
        closes_after: From this question on it says 0; 0 for never.
        asked: How often it was asked.
    """

    seconds: float
    closes_after: int = 0
    asked: int = 0

    def left(self) -> float:
        self.asked += 1
        return 0.0 if self.closes_after and self.asked > self.closes_after else self.seconds


@pytest.mark.parametrize("there", TENANT, indirect=True)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_closed_gate_lets_nothing_through(there: Opened, count: int, seconds: float) -> None:
    guid = str(there.simulator.tenant.active(3)["ExchangeGuid"])
    batch = [item(str(number), "Set-User", Identity=guid, Title="closed") for number in range(count)]

    found = list(there.session.invoke(batch, Seconds(seconds)))

    assert [(outcome.id, outcome.answer) for outcome in found] == [(one.id, Answer.NOT_SENT) for one in batch]
    assert there.simulator.tenant.find(guid, [Kind.ACTIVE]).properties.get("Title") != "closed"


@pytest.mark.parametrize("there", EVERY, indirect=True)
def test_an_open_gate_changes_nothing(there: Opened) -> None:
    batch = [item("1", "Test-BulkPSEcho", Value=1), item("2", "Test-BulkPSEcho", Value=2)]

    for seconds in (60.0, float("inf")):
        found = list(there.session.invoke(batch, Seconds(seconds)))
        assert [outcome.output for outcome in found] == [({"Value": 1},), ({"Value": 2},)]


@pytest.mark.parametrize("there", EVERY, indirect=True)
def test_a_gate_that_closes_in_the_middle_of_a_batch_keeps_what_is_behind(there: Opened) -> None:
    batch = [
        item("1", "Test-BulkPSSleep", Seconds=1),
        item("2", "Test-BulkPSEcho", Value=2),
        item("3", "Test-BulkPSEcho", Value=3),
    ]
    gate = Seconds(0.7)
    found: list[Outcome] = []

    for outcome in there.session.invoke(batch, gate):
        found.append(outcome)
        # Inside an engine the time has passed; one pipeline for each asks again.
        gate.seconds = 0.0

    assert [outcome.answer for outcome in found] == [Answer.COMPLETED, Answer.NOT_SENT, Answer.NOT_SENT]
    again = list(
        there.session.invoke([item("4", "Test-BulkPSEcho", Value=4), item("5", "Test-BulkPSEcho", Value=4)])
    )
    assert [outcome.output for outcome in again] == [({"Value": 4},)] * 2, "the session is as good as before"


@pytest.mark.proof
@pytest.mark.parametrize("route", TENANT)
def test_a_gate_that_closes_while_a_batch_is_sent_leaves_it_unsent(
    route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last fragment is what makes an engine begin: to send those before it may have taken long."""
    with opened(route, monkeypatch) as there:
        guid = str(there.simulator.tenant.active(3)["ExchangeGuid"])
        batch = [
            item(str(number), "Set-User", Identity=guid, Title="closed", Notes="x" * 2_000_000)
            for number in range(2)
        ]
        found: list[Outcome] = []

        with pytest.raises(SessionLostError, match="may be sent"):
            found.extend(there.session.invoke(batch, Seconds(60.0, closes_after=4)))

        assert [outcome.answer for outcome in found] == [Answer.NOT_SENT, Answer.NOT_SENT]
        assert there.simulator.tenant.find(guid, [Kind.ACTIVE]).properties.get("Title") != "closed"
