"""``bulkps doctor`` on every route, and for an account that lacks a parameter."""

import pytest

from bulkps.exchange.calls_and_outcomes import Secret
from bulkps.exchange.error_catalog import shipped_catalogue
from bulkps.operations.loader import built_in_operations
from bulkps.runs.session_diagnosis import examine
from bulkps.sessions.connection import Credentials
from bulkps.simulator import Simulator
from tests.contract.routes import Route, connection_of, options_of
from tests.contract.test_contract import OURS, REAL

LACKS = "New-MailboxRestoreRequest:AllowLegacyDNMismatch"


#: What starts engines is a proof.
DOCTORED = [
    pytest.param(*param.values, marks=(*param.marks, pytest.mark.proof), id=param.id) for param in REAL
]


@pytest.mark.parametrize("route", [*OURS, *DOCTORED])
def test_doctor_tells_what_the_session_is_and_what_it_lacks(
    route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Simulator(options_of(route, hidden_parameters=LACKS)) as simulator:
        connection = connection_of(route, simulator, monkeypatch)
        operations = built_in_operations()

        found = examine(
            "there", connection, Credentials(Secret("simulator")), operations.values(), shipped_catalogue()
        )

    needs = {need.operation: need.missing for need in found.needs}
    assert found.session.batching is route.batching
    assert found.versions["bulkps"]
    if route.child and not route.signs_in:
        assert "New-MailboxRestoreRequest" in needs["restore"], (
            "a child that is not signed in has no such cmdlet"
        )
    else:
        assert needs["restore"] == ("New-MailboxRestoreRequest -AllowLegacyDNMismatch",)
        assert needs["recovery"] == ()
    if route.signs_in:
        assert "contoso.onmicrosoft.com" in found.session.exchange_online
        assert found.session.token_ends is not None
