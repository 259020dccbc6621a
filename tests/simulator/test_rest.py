"""The REST face, through an HTTP client, and what its proxies declare."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pypsrp.powershell import PowerShell, RunspacePool

from bulkps.simulator import Simulator, SimulatorOptions
from bulkps.simulator.cmdlets.rbac import Offer
from bulkps.simulator.powershell.proxy_module import module_text, proxied

Simulate = Callable[..., Simulator]
ASKED = {"client_id": "app", "organization": "contoso.onmicrosoft.com", "thumbprint": "AB"}
TEXT = 'O\'Hara \U0001f600 "x"\r\n$(Stop-Computer) _x000A_ 2024-01-01T00:00:00'
SignIn = Callable[..., "Client"]


class Client:
    """Exchange Online's module, as far as the wire sees it."""

    def __init__(self, simulator: Simulator, **asked: str) -> None:
        self.connection = http.client.HTTPConnection(simulator.rest_url.removeprefix("http://"), timeout=60)
        self.calls = 0
        self.headers: dict[str, str] = {}
        _, signed_in = self.send("POST", "/token", {**ASKED, **asked})
        self.signed_in = signed_in
        self.headers = {"Authorization": f"Bearer {signed_in.get('access_token')}"}

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        sent = body if isinstance(body, bytes | None) else json.dumps(body)
        self.connection.request(method, path, sent, {**self.headers, **headers})
        answer = self.connection.getresponse()
        self.answer_headers = answer.headers
        return answer.status, json.loads(answer.read())

    def invoke(self, cmdlet: str, **parameters: Any) -> tuple[int, Any]:
        self.calls += 1
        body = {"CmdletInput": {"CmdletName": cmdlet, "Parameters": parameters}}
        request_id = {"client-request-id": str(self.calls)}
        return self.send("POST", "/adminapi/beta/contoso/InvokeCommand", body, **request_id)


@pytest.fixture
def sign_in() -> Iterator[Callable[..., Client]]:
    """Sign in; the connection is closed at the end."""
    clients: list[Client] = []

    def sign_in(simulator: Simulator, **asked: str) -> Client:
        clients.append(Client(simulator, **asked))
        return clients[-1]

    yield sign_in
    for client in clients:
        client.connection.close()


def pair(simulator: Simulator, index: int = 0) -> dict[str, str]:
    return {
        "SourceMailbox": str(simulator.tenant.inactive(index)["ExchangeGuid"]),
        "TargetMailbox": str(simulator.tenant.active(index)["PrimarySmtpAddress"]),
    }


def test_a_cmdlet_runs_and_texts_arrive_as_they_were_sent(simulate: Simulate, sign_in: SignIn) -> None:
    simulator = simulate(rest=True)

    status, answer = sign_in(simulator).invoke("New-MailboxRestoreRequest", **pair(simulator), Name=TEXT)

    assert status == 200
    assert answer["value"][0]["Name"] == TEXT == simulator.tenant.requests()[0].name
    assert answer["@standin.kinds"]["RequestGuid"] == "guid"
    assert answer["@adminapi.warnings"] == []


def test_a_warning_and_a_secret_travel(simulate: Simulate, sign_in: SignIn) -> None:
    simulator = simulate(rest=True)
    given = {"Name": "ann", "MicrosoftOnlineServicesID": "ann@contoso.com"}
    secret = {"@type": "SecureString", "value": "P\u00e4ssw\u00f6rd \U0001f600 1"}

    _, answer = sign_in(simulator).invoke(
        "New-Mailbox", InactiveMailbox=pair(simulator)["SourceMailbox"], **given, Password=secret
    )

    assert simulator.tenant.received_passwords == [secret["value"]]
    assert "has been recovered" in answer["@adminapi.warnings"][0]


def test_exchanges_refusal_is_400_with_its_text_and_type(simulate: Simulate, sign_in: SignIn) -> None:
    status, answer = sign_in(simulate(rest=True)).invoke("Get-Mailbox", Identity="nobody")

    assert status == 400
    assert "'nobody' couldn't be found" in answer["error"]["details"][0]["message"]
    assert answer["error"]["innererror"]["type"].endswith(".ManagementObjectNotFoundException")
    assert answer["error"]["innererror"]["internalexception"]["terminating"] is False


def test_throttling_is_429_and_says_when_to_come_back(simulate: Simulate, sign_in: SignIn) -> None:
    client = sign_in(simulate(rest=True, budget="1/60"))

    assert client.invoke("Get-Mailbox")[0] == 200
    assert client.invoke("Get-Mailbox")[0] == 429
    assert client.answer_headers["Retry-After"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"client_id": "other"}, "AADSTS700016"),
        ({"organization": "other"}, "AADSTS90002"),
        ({"thumbprint": "other"}, "AADSTS700027"),
        ({"thumbprint": ""}, "AADSTS700027"),
    ],
)
def test_a_wrong_sign_in_is_refused_in_entras_words(
    simulate: Simulate, asked: dict[str, str], code: str, sign_in: SignIn
) -> None:
    simulator = simulate(
        rest=True, app_id="app", organization="contoso.onmicrosoft.com", thumbprint="ab", token_seconds=60.0
    )

    client = sign_in(simulator, **asked)

    assert client.signed_in["error_description"].startswith(code)
    assert client.invoke("Get-Mailbox")[0] == 401


def test_a_managed_identity_needs_no_certificate(simulate: Simulate, sign_in: SignIn) -> None:
    client = sign_in(simulate(rest=True, app_id="app"), client_id="", thumbprint="", managed_identity="True")

    assert client.invoke("Get-Mailbox")[0] == 200


def test_a_token_ends(simulate: Simulate, clock: Any, sign_in: SignIn) -> None:
    client = sign_in(simulate(rest=True, token_seconds=60.0))

    assert client.invoke("Get-Mailbox")[0] == 200
    clock.now += 60
    status, answer = client.invoke("Get-Mailbox")

    assert (status, answer["error"]["code"]) == (401, "TokenExpired")


@pytest.mark.parametrize(("fault", "effects"), [("session-lost", 0), ("answer-lost", 1)])
def test_a_lost_answer_is_a_closed_connection(
    simulate: Simulate, fault: str, effects: int, sign_in: SignIn
) -> None:
    simulator = simulate(rest=True, faults=f"{fault}=1")

    with pytest.raises(http.client.RemoteDisconnected):
        sign_in(simulator).invoke("New-MailboxRestoreRequest", **pair(simulator))

    assert sum(simulator.effects_by_mailbox().values()) == effects


def test_a_request_that_an_http_client_repeats_by_itself_is_not_run_again(
    simulate: Simulate, sign_in: SignIn
) -> None:
    simulator = simulate(rest=True)
    client = sign_in(simulator)
    client.invoke("New-MailboxRestoreRequest", **pair(simulator))
    client.calls -= 1

    with pytest.raises(http.client.RemoteDisconnected):
        client.invoke("New-MailboxRestoreRequest", **pair(simulator), Name="again")

    assert len(simulator.tenant.requests()) == 1


def test_a_hanging_call_ends_with_the_simulator_or_its_client(simulate: Simulate, sign_in: SignIn) -> None:
    simulator = simulate(rest=True, faults="hang=1")
    client = sign_in(simulator)
    client.connection.timeout = 0.3
    client.connection.close()
    with pytest.raises(TimeoutError):
        client.invoke("New-MailboxRestoreRequest", **pair(simulator, 0))
    client.connection.close()

    client.connection.timeout = 20
    ended: list[type[BaseException]] = []

    def wait() -> None:
        try:
            client.invoke("New-MailboxRestoreRequest", **pair(simulator, 1))
        except (http.client.HTTPException, OSError) as error:
            ended.append(type(error))

    waiting = threading.Thread(target=wait)
    waiting.start()
    while simulator.calls.get("New-MailboxRestoreRequest") != 2:
        pass
    simulator.stop()
    waiting.join(5)

    assert len(ended) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/elsewhere", {}, 404),
        ("GET", "/adminapi/beta/x/InvokeCommand", None, 404),
        ("POST", "/adminapi/beta/x/InvokeCommand", b"{", 400),
        ("POST", "/adminapi/beta/x/InvokeCommand", {"CmdletInput": []}, 400),
        ("POST", "/token", b"[]", 400),
    ],
)
def test_rubbish_is_refused(
    simulate: Simulate, method: str, path: str, body: Any, status: int, sign_in: SignIn
) -> None:
    assert sign_in(simulate(rest=True)).send(method, path, body)[0] == status


def test_what_a_role_takes_away_is_in_no_face(
    simulate: Simulate,
    connect: Callable[..., RunspacePool],
    invoke: Callable[..., PowerShell],
    sign_in: SignIn,
) -> None:
    simulator = simulate(
        rest=True,
        hidden_parameters="New-MailboxRestoreRequest:AllowLegacyDNMismatch, New-Mailbox:*",
    )
    pool = connect(simulator)

    def names(cmdlet: str) -> Any:
        return invoke(pool, "Get-Command", Name=cmdlet).output[0].extended_properties["Parameters"]

    assert "AllowLegacyDNMismatch" not in names("New-MailboxRestoreRequest")
    assert "TargetMailbox" in names("New-MailboxRestoreRequest")
    refused = invoke(pool, "New-MailboxRestoreRequest", **pair(simulator), AllowLegacyDNMismatch=True)
    assert refused.streams.error[0].fq_error == "NamedParameterNotFound,New-MailboxRestoreRequest"
    assert "is not recognized" in str(invoke(pool, "New-Mailbox").streams.error[0])

    _, module = sign_in(simulator).send("GET", "/adminapi/beta/x/EXOModuleFile?cmdlets=New-Mailbox*")
    assert module["cmdlets"] == ["New-MailboxRestoreRequest"]
    assert "AllowLegacyDNMismatch" not in module["text"] and "${TargetMailbox}" in module["text"]


def test_the_proxies_need_what_the_cmdlets_need() -> None:
    text = module_text(Offer(), ["New-Mailbox", "Get-Mailbox", "Suspend-MailboxRestoreRequest"])

    assert text.count("Mandatory = $true") == 5
    assert "[Parameter(Mandatory = $true, Position = 0)] [string] ${Name}" in text
    assert "[Parameter(ParameterSetName = 'InactiveMailbox', Mandatory = $true)]" in text
    assert "Get-Command" not in proxied(Offer())


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"hidden_parameters": "New-Nonsense:X"}, "no cmdlet 'New-Nonsense'"),
        ({"hidden_parameters": "Get-Mailbox:X"}, "no parameter 'X'"),
        ({"language": "jea"}, "needs engine 'powershell'"),
        ({"language": "full", "no_language": True}, "cannot be combined"),
        ({"language": "klingon"}, "klingon"),
        ({"engine": "steam"}, "steam"),
        ({"token_seconds": -1.0}, "token_seconds"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        SimulatorOptions(**options)
