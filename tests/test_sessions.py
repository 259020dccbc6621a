"""Sessions at the front door of the wire: TLS, language modes, values, refusals."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from bulkps.engine.interfaces import SessionLostError, SessionRefusedError
from bulkps.exchange.calls_and_outcomes import Answer, Cmdlet, Invocation, Outcome, Secret
from bulkps.exchange.error_catalog import classify, shipped_catalogue
from bulkps.sessions.connection import Auth, Connection, ConnectionType, Credentials
from bulkps.sessions.session import PSRPSession
from bulkps.sessions.session_factory import open_session
from bulkps.simulator import Simulator, SimulatorOptions
from tests.certificates import certificate

SIMULATOR_PASSWORD = Credentials(Secret("simulator"))


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[Simulator, Path]]:
    pem, key = certificate(tmp_path)
    with Simulator(SimulatorOptions(mailboxes=5, certificate=pem, key=key)) as simulator:
        yield simulator, pem


def winrm(simulator: Simulator, **settings: object) -> Connection:
    return Connection(
        ConnectionType.WINRM,
        server="127.0.0.1",
        port=simulator.port,
        auth=Auth.BASIC,
        username="simulator",
        **settings,  # type: ignore[arg-type]
    )


def test_a_certificate_that_nobody_vouches_for_is_refused(tls: tuple[Simulator, Path]) -> None:
    simulator, _ = tls

    with pytest.raises(SessionRefusedError, match="certificate verify failed"):
        open_session(winrm(simulator), SIMULATOR_PASSWORD, 900, ())


@pytest.mark.parametrize("kind", [ConnectionType.WINRM, ConnectionType.EXCHANGE])
def test_basic_authentication_over_tls_with_an_authority_of_ones_own(
    tls: tuple[Simulator, Path], kind: ConnectionType
) -> None:
    simulator, pem = tls
    connection = Connection(
        kind, server="127.0.0.1", port=simulator.port, auth=Auth.BASIC, username="simulator", ca_file=str(pem)
    )

    session = open_session(connection, SIMULATOR_PASSWORD, 900, ())
    outcome = one(session, "Get-Mailbox", Identity=str(simulator.tenant.active(1)["ExchangeGuid"]))
    session.close()

    assert outcome.answer is Answer.COMPLETED
    assert outcome.output[0]["PrimarySmtpAddress"] == simulator.tenant.active(1)["PrimarySmtpAddress"]


@pytest.fixture(params=["full language", "no-language"])
def open_one(request: pytest.FixtureRequest) -> Iterator[Callable[..., tuple[PSRPSession, Simulator]]]:
    opened: list[tuple[PSRPSession, Simulator]] = []

    def start(item_timeout: float = 900, **options: object) -> tuple[PSRPSession, Simulator]:
        options = {"mailboxes": 20, "no_language": request.param == "no-language", **options}
        simulator = Simulator(SimulatorOptions(**cast(Any, options)))
        simulator.start()
        connection = Connection(
            ConnectionType.SIMULATOR,
            server="127.0.0.1",
            port=simulator.port,
            auth=Auth.BASIC,
            username="simulator",
        )
        session = open_session(connection, SIMULATOR_PASSWORD, item_timeout, ())
        opened.append((session, simulator))
        return session, simulator

    yield start
    for session, simulator in opened:
        session.close()
        simulator.stop()


def one(session: PSRPSession, cmdlet: str, keep: tuple[str, ...] = (), **parameters: Any) -> Outcome:
    (outcome,) = session.invoke([Invocation("x", Cmdlet(cmdlet, parameters), keep)])
    return outcome


def code(outcome: Outcome) -> str:
    return classify(outcome.errors, shipped_catalogue(), mutates=True).known.id


Open = Callable[..., tuple[PSRPSession, Simulator]]


def test_only_the_properties_asked_for_come_back_under_the_names_that_were_asked(open_one: Open) -> None:
    session, simulator = open_one()
    guid = str(simulator.tenant.inactive(1)["ExchangeGuid"])

    outcome = one(
        session,
        "Get-Mailbox",
        ("exchangeguid", "InPlaceHolds", "Nothing"),
        Identity=guid,
        InactiveMailboxOnly=True,
    )

    assert set(outcome.output[0]) == {"exchangeguid", "InPlaceHolds"}
    assert outcome.output[0]["exchangeguid"] == guid
    assert isinstance(outcome.output[0]["InPlaceHolds"], list)


@pytest.mark.parametrize(
    ("cmdlet", "parameters", "expected"),
    [
        ("New-Nothing", {}, "command-not-found"),
        ("Set-User", {"Identity": "x", "Colour": "red"}, "param-not-found"),
        ("Set-User", {"Department": "x"}, "param-missing"),
        (
            "New-MailboxRestoreRequest",
            {"SourceMailbox": "a", "TargetMailbox": "b", "ConflictResolutionOption": "No"},
            "param-transform",
        ),
        ("Set-User", {"Identity": "nobody@contoso.com", "Department": "x"}, "not-found-on-dc"),
        ("Set-User", {"Identity": "x", "Department": "a\uffff"}, "unsendable-value"),
        ("Set-User", {"Identity": "x", "Department": "a\ud800"}, "unsendable-value"),
    ],
)
def test_an_error_comes_once_and_is_known(
    open_one: Open, cmdlet: str, parameters: dict[str, Any], expected: str
) -> None:
    session, _ = open_one()

    outcome = one(session, cmdlet, **parameters)
    again = one(session, cmdlet, ErrorAction="Stop", **parameters)

    assert code(outcome) == code(again) == expected
    assert len(outcome.errors) == len(again.errors) == 1
    assert one(session, "Get-Mailbox", ResultSize="1").answer is Answer.COMPLETED, "the session goes on"


def test_a_secret_goes_out_as_a_secure_string(open_one: Open) -> None:
    session, simulator = open_one()
    guid = str(simulator.tenant.inactive(1)["ExchangeGuid"])

    parameters: Any = {"InactiveMailbox": guid, "Name": "n", "MicrosoftOnlineServicesID": "n@contoso.com"}
    plain = one(session, "New-Mailbox", Password="Abcdefg1!", **parameters)
    secret = one(session, "New-Mailbox", ("UserPrincipalName",), Password=Secret("Abcdefg1!"), **parameters)

    assert code(plain) == "param-transform"
    assert secret.output == ({"UserPrincipalName": "n@contoso.com"},)
    assert simulator.tenant.received_passwords == ["Abcdefg1!"]
    assert "recovered" in secret.warnings[0]


def test_a_session_that_is_lost_says_of_every_item_whether_it_was_sent(open_one: Open) -> None:
    session, simulator = open_one(faults="Set-User#2=answer-lost")
    guid = str(simulator.tenant.active(1)["ExchangeGuid"])
    batch = [Invocation(str(n), Cmdlet("Set-User", {"Identity": guid, "Title": str(n)})) for n in range(4)]
    outcomes: list[Outcome] = []

    with pytest.raises(SessionLostError):
        for outcome in session.invoke(batch):
            outcomes.append(outcome)

    # A batch was sent as one: of what is behind the lost answer nobody can say.
    behind = Answer.LOST if session.batching else Answer.NOT_SENT
    assert [outcome.answer for outcome in outcomes] == [Answer.COMPLETED, Answer.LOST, behind, behind]


@pytest.mark.proof
def test_hundreds_of_pipelines_fit_into_one_session(open_one: Open) -> None:
    session, simulator = open_one()
    guid = str(simulator.tenant.active(1)["ExchangeGuid"])
    batch = [Invocation(str(n), Cmdlet("Set-User", {"Identity": guid, "Title": str(n)})) for n in range(300)]

    assert {outcome.answer for outcome in session.invoke(batch)} == {Answer.COMPLETED}
