"""The endpoint, through pypsrp over real HTTP on loopback."""

import json
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pypsrp.complex_objects import PSInvocationState
from pypsrp.exceptions import AuthenticationError, WinRMTransportError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.shell import SignalCode
from requests.exceptions import ConnectionError as ConnectionClosed

from bulkps.simulator import Simulator

Simulate = Callable[..., Simulator]
Connect = Callable[..., RunspacePool]
Invoke = Callable[..., PowerShell]
Secure = Callable[[RunspacePool, str], Any]

SHELL_NOT_FOUND = 2150858843
# What pypsrp reads wrong itself is tried without it, in test_clixml.
TEXTS = [
    "'; Remove-Mailbox *; '", "$(Stop-Computer)", "\U0001f600 \u5f00", "line\r\nfeed\ttab", "_x000A_",
    "<&>\"' ",
]  # fmt: skip


def pair(simulator: Simulator, source: int = 0, target: int = 0) -> dict[str, Any]:
    return {
        "SourceMailbox": simulator.tenant.inactive(source)["ExchangeGuid"],
        "TargetMailbox": simulator.tenant.active(target)["PrimarySmtpAddress"],
    }


def restore(
    invoke: Invoke, pool: RunspacePool, simulator: Simulator, index: int = 0, **parameters: Any
) -> PowerShell:
    return invoke(pool, "New-MailboxRestoreRequest", **pair(simulator, index, index), Name="r", **parameters)


def effects_of(simulator: Simulator, index: int = 0) -> int:
    return simulator.effects_by_mailbox().get(str(simulator.tenant.inactive(index)["ExchangeGuid"]), 0)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_pool_opens_says_that_it_is_simulated_and_closes(simulate: Simulate, connect: Connect) -> None:
    simulator = simulate(max_sessions=1)

    for path in ("wsman", "PowerShell/"):
        pool = connect(simulator, path=path)
        private = pool.application_private_data
        assert private is not None and private.data["BulkPSSimulator"] == "1"
        assert pool.get_available_runspaces() == 1
        pool.close()


@pytest.mark.parametrize("no_language", [False, True])
def test_a_mailbox_comes_back_with_typed_values(
    simulate: Simulate, connect: Connect, invoke: Invoke, no_language: bool
) -> None:
    simulator = simulate(no_language=no_language)
    wanted = simulator.tenant.inactive(1)

    pipeline = invoke(
        connect(simulator), "Get-Mailbox", Identity=wanted["ExchangeGuid"], InactiveMailboxOnly=True
    )
    (mailbox,) = pipeline.output
    values = mailbox.adapted_properties if no_language else mailbox.extended_properties

    assert values["ExchangeGuid"] == UUID(str(wanted["ExchangeGuid"]))
    assert values["IsInactiveMailbox"] is True
    assert values["InPlaceHolds"] == wanted["InPlaceHolds"]
    assert datetime.fromisoformat(values["WhenSoftDeleted"]) == wanted["WhenSoftDeleted"]
    assert str(mailbox) == wanted["Identity"]


def test_a_restore_request_is_followed_to_its_end(
    simulate: Simulate, connect: Connect, invoke: Invoke, clock: Any
) -> None:
    simulator = simulate(restore_seconds=3.0)
    pool = connect(simulator)
    restore(invoke, pool, simulator, BatchName="run1")

    def status() -> Any:
        return (
            invoke(pool, "Get-MailboxRestoreRequest", BatchName="run1")
            .output[0]
            .extended_properties["Status"]
        )

    assert status() == "Queued"
    clock.now += 3
    assert status() == "Completed"


def test_an_exchange_error_is_written_and_the_pipeline_completes(
    simulate: Simulate, connect: Connect, invoke: Invoke
) -> None:
    simulator = simulate()

    pipeline = invoke(connect(simulator), "New-MailboxRestoreRequest", **pair(simulator, 0, 1))
    record: Any
    (record,) = pipeline.streams.error

    assert pipeline.state == PSInvocationState.COMPLETED and not pipeline.had_errors
    assert "doesn't match the legacyExchangeDN or X500 proxy" in str(record)
    assert record.reason == "NonMatchingLegacyDNPermanentUseSwitchException"
    assert record.exception.types[0] == "System.Exception", "the exception's name is in the message"
    assert str(record).startswith(f"|Microsoft.Exchange.MailboxReplicationService.{record.reason}|Source ")
    assert record.fq_error.endswith(",Write-ErrorMessage")
    assert record.activity == "New-MailboxRestoreRequest"


def test_error_action_stop_fails_the_pipeline_and_brings_the_error_twice(
    simulate: Simulate, connect: Connect, invoke: Invoke
) -> None:
    pipeline = invoke(connect(simulate()), "Get-Mailbox", Identity="nobody", ErrorAction="Stop")

    assert pipeline.state == PSInvocationState.FAILED and pipeline.had_errors
    assert len({str(record) for record in pipeline.streams.error}) == 1
    assert len(pipeline.streams.error) == 2


def test_an_unknown_parameter_fails_the_pipeline(
    simulate: Simulate, connect: Connect, invoke: Invoke
) -> None:
    pipeline = invoke(connect(simulate()), "Get-Mailbox", Nonsense="x")

    assert pipeline.state == PSInvocationState.FAILED
    assert pipeline.streams.error[0].fq_error == "NamedParameterNotFound,Get-Mailbox"
    assert (
        str(pipeline.streams.error[0])
        == "A parameter cannot be found that matches parameter name 'Nonsense'."
    )


def test_a_mailbox_is_recovered_and_its_password_written_nowhere(
    simulate: Simulate, connect: Connect, invoke: Invoke, secure: Secure, tmp_path: Path
) -> None:
    simulator = simulate(effects=tmp_path / "effects.jsonl")
    pool = connect(simulator)
    source = str(simulator.tenant.inactive(0)["ExchangeGuid"])
    given = {"InactiveMailbox": source, "Name": "ann", "MicrosoftOnlineServicesID": "ann@contoso.com"}

    pipeline = invoke(pool, "New-Mailbox", **given, Password=secure(pool, "P\u00e4ssw\u00f6rd \U0001f600 1"))

    assert pipeline.output[0].extended_properties["PrimarySmtpAddress"] == "ann@contoso.com"
    assert "The inactive mailbox has been recovered." in str(pipeline.streams.warning[0])
    assert simulator.tenant.received_passwords == ["P\u00e4ssw\u00f6rd \U0001f600 1"]
    (effect,) = lines(tmp_path / "effects.jsonl")
    assert (effect["kind"], effect["mailbox"]) == ("mailbox-recovered", source)
    assert effect["parameters"] == {**given, "Password": "***"}


@pytest.mark.parametrize(
    ("no_language", "error_id"), [(True, "ScriptsNotAllowed"), (False, "ScriptsNotSimulated")]
)
def test_script_text_is_refused(
    simulate: Simulate, connect: Connect, no_language: bool, error_id: str
) -> None:
    pipeline = PowerShell(connect(simulate(no_language=no_language)))

    pipeline.add_script("Get-Mailbox").invoke()

    assert pipeline.state == PSInvocationState.FAILED
    assert pipeline.streams.error[0].fq_error == error_id


def test_get_command_shows_the_parameters_that_exist(
    simulate: Simulate, connect: Connect, invoke: Invoke
) -> None:
    pool = connect(simulate(no_language=True))

    known = invoke(pool, "Get-Command", Name="New-MailboxRestoreRequest").output[0].adapted_properties
    unknown = invoke(pool, "Get-Command", Name="Remove-Everything")

    assert {"SourceMailbox", "TargetMailbox", "Name", "BatchName"} <= set(known["Parameters"])
    assert "BadItemLimit" not in known["Parameters"]
    assert "is not recognized" in str(unknown.streams.error[0])


def test_output_is_piped_into_select_object(simulate: Simulate, connect: Connect) -> None:
    pipeline = PowerShell(connect(simulate()))
    pipeline.add_cmdlet("Get-Mailbox").add_cmdlet("Select-Object").add_parameter(
        "Property", ["alias", "Nothing"]
    )

    first, *_ = pipeline.invoke()

    assert list(first.extended_properties) == ["Alias", "Nothing"]


def test_a_terminating_error_leaves_the_later_statements_out(simulate: Simulate, connect: Connect) -> None:
    simulator = simulate()
    pipeline = PowerShell(connect(simulator))
    for cmdlet in ("Get-Mailbox", "Get-Nothing", "Get-Recipient"):
        pipeline.add_cmdlet(cmdlet).add_statement()

    output = pipeline.invoke()

    assert len(output) == 12
    assert pipeline.state == PSInvocationState.FAILED
    assert simulator.calls == {"Get-Mailbox": 1, "Get-Nothing": 1}


def test_a_long_answer_comes_in_several_pieces(simulate: Simulate, connect: Connect, invoke: Invoke) -> None:
    assert len(invoke(connect(simulate(mailboxes=300)), "Get-Mailbox").output) == 300


@pytest.mark.parametrize("text", [*TEXTS, "x" * 600_000], ids=range(len(TEXTS) + 1))
def test_a_text_arrives_as_it_was_sent(
    simulate: Simulate, connect: Connect, invoke: Invoke, tmp_path: Path, text: str
) -> None:
    simulator = simulate(effects=tmp_path / "effects.jsonl")
    pool = connect(simulator)

    pipeline = invoke(pool, "Set-User", Identity=simulator.tenant.active(0)["Alias"], Department=text)
    user = invoke(pool, "Get-Recipient", Identity=simulator.tenant.active(0)["Alias"]).output[0]
    error = invoke(pool, "Get-Recipient", Identity=text).streams.error[0]

    assert pipeline.output == []
    assert lines(tmp_path / "effects.jsonl")[0]["parameters"]["Department"] == text
    assert user.extended_properties["Department"] == text
    assert f"object '{text}' couldn't be found" in str(error)


def test_one_session_more_than_allowed_is_refused(simulate: Simulate, connect: Connect) -> None:
    simulator = simulate(max_sessions=1)
    pool = connect(simulator)

    with pytest.raises(WSManFaultError, match="maximum number of 1 concurrent shells") as refused:
        connect(simulator)

    assert refused.value.code == 2150859173
    pool.close()
    connect(simulator)


def test_a_wrong_password_a_wrong_path_and_a_wrong_configuration_are_refused(
    simulate: Simulate, connect: Connect
) -> None:
    simulator = simulate()

    with pytest.raises(AuthenticationError):
        connect(simulator, password="wrong")
    with pytest.raises(WinRMTransportError, match="Code: 404"):
        connect(simulator, path="owa")
    with pytest.raises(WSManFaultError) as refused:
        connect(simulator, configuration="JEA")
    assert refused.value.code == 2150858811


@pytest.mark.parametrize(
    ("fault", "said"), [("transient", "error 0x51 occurred"), ("throttled", "Too many requests. (429)")]
)
def test_a_fault_before_the_cmdlet_leaves_no_effect(
    simulate: Simulate, connect: Connect, invoke: Invoke, fault: str, said: str
) -> None:
    simulator = simulate(faults=f"New-MailboxRestoreRequest#1={fault}")
    pool = connect(simulator)

    first, second = restore(invoke, pool, simulator), restore(invoke, pool, simulator)

    assert said in str(first.streams.error[0])
    assert second.output and effects_of(simulator) == 1


@pytest.mark.parametrize(("fault", "effects"), [("session-lost", 0), ("answer-lost", 1)])
def test_a_lost_session_closes_the_connection_and_is_gone(
    simulate: Simulate, connect: Connect, invoke: Invoke, fault: str, effects: int
) -> None:
    simulator = simulate(faults=f"New-MailboxRestoreRequest#1={fault}")
    pool = connect(simulator)

    with pytest.raises(ConnectionClosed):
        restore(invoke, pool, simulator)
    with pytest.raises(WSManFaultError) as gone:
        invoke(pool, "Get-Mailbox")

    assert gone.value.code == SHELL_NOT_FOUND
    assert effects_of(simulator) == effects
    assert not pool.is_alive()


def test_a_lost_session_makes_room_for_another(simulate: Simulate, connect: Connect, invoke: Invoke) -> None:
    simulator = simulate(faults="session-lost=1", max_sessions=1)

    for _ in range(2):
        with pytest.raises(ConnectionClosed):
            restore(invoke, connect(simulator), simulator)


def test_a_silent_cmdlet_completes_and_writes_nothing(
    simulate: Simulate, connect: Connect, invoke: Invoke
) -> None:
    simulator = simulate(faults="silent=1")

    pipeline = restore(invoke, connect(simulator), simulator)

    assert (pipeline.state, pipeline.output) == (PSInvocationState.COMPLETED, [])
    assert not pipeline.streams.error and not pipeline.streams.warning
    assert effects_of(simulator) == 1


def test_a_hanging_cmdlet_answers_nothing_until_it_is_stopped(
    simulate: Simulate, connect: Connect, invoke: Invoke
) -> None:
    simulator = simulate(faults="hang=1")
    pool = connect(simulator)
    pipeline = PowerShell(pool).add_cmdlet("New-MailboxRestoreRequest").add_parameters(pair(simulator))

    pipeline.begin_invoke()
    pipeline.poll_invoke(timeout=1)  # pypsrp takes the operation timeout for no news
    assert pipeline.state == PSInvocationState.RUNNING
    pipeline.stop()

    assert effects_of(simulator) == 1
    assert len(invoke(pool, "Get-MailboxRestoreRequest").output) == 1


def test_a_pipeline_stopped_while_it_waits_does_nothing(simulate: Simulate, connect: Connect) -> None:
    simulator = simulate(latency=60.0)
    pipeline = PowerShell(connect(simulator)).add_cmdlet("New-MailboxRestoreRequest")
    pipeline.add_parameters(pair(simulator)).begin_invoke()

    pipeline.stop()

    assert not simulator.tenant.requests()


def test_a_budget_throttles_what_is_above_it(
    simulate: Simulate, connect: Connect, invoke: Invoke, clock: Any
) -> None:
    simulator = simulate(budget="2/5")
    pool = connect(simulator)

    errors = [len(invoke(pool, "Get-Recipient").streams.error) for _ in range(3)]
    clock.now += 5

    assert errors == [0, 0, 1]
    assert not invoke(pool, "Get-Recipient").streams.error


def test_sessions_wait_out_their_latency_side_by_side(
    simulate: Simulate, connect: Connect, invoke: Invoke
) -> None:
    simulator = simulate(latency=30.0)
    pools = [connect(simulator) for _ in range(4)]
    pipelines = [PowerShell(pool).add_cmdlet("Get-Mailbox") for pool in pools]

    for pipeline in pipelines:
        pipeline.begin_invoke()
    threads = [threading.Thread(target=pipeline.stop) for pipeline in pipelines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert simulator.calls == {"Get-Mailbox": 4}


def test_effects_are_on_file_before_the_answer_is_sent(
    simulate: Simulate, connect: Connect, invoke: Invoke, tmp_path: Path, clock: Any
) -> None:
    simulator = simulate(effects=tmp_path / "effects.jsonl", faults="New-MailboxRestoreRequest#2=answer-lost")
    pool = connect(simulator)

    restore(invoke, pool, simulator, 0)
    assert len(lines(tmp_path / "effects.jsonl")) == 1
    with pytest.raises(ConnectionClosed):
        restore(invoke, pool, simulator, 1)

    last = lines(tmp_path / "effects.jsonl")[-1]
    assert last["mailbox"] == str(simulator.tenant.inactive(1)["ExchangeGuid"])
    assert (last["time"], last["cmdlet"], last["name"]) == (clock.now, "New-MailboxRestoreRequest", "r")


def break_with_number(pool: RunspacePool, other: Any) -> dict[str, Any]:
    return {"SeniorityIndex": 2**40}


def break_with_foreign_secret(pool: RunspacePool, other: Any) -> dict[str, Any]:
    return {"Department": other}


@pytest.mark.parametrize("broken", [break_with_number, break_with_foreign_secret])
def test_what_a_real_engine_cannot_read_kills_the_session(
    simulate: Simulate,
    connect: Connect,
    invoke: Invoke,
    secure: Secure,
    broken: Callable[[RunspacePool, Any], dict[str, Any]],
) -> None:
    simulator = simulate()
    pool = connect(simulator)

    with pytest.raises(ConnectionClosed):
        invoke(pool, "Set-User", Identity="x", **broken(pool, secure(connect(simulator), "secret")))


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "simulator")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now - timedelta(1), now + timedelta(1)
    )
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    signed = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


def test_tls_is_spoken_with_a_certificate(
    simulate: Simulate, connect: Connect, invoke: Invoke, tmp_path: Path
) -> None:
    pem, key = certificate(tmp_path)
    simulator = simulate(certificate=pem, key=key)

    pool: RunspacePool = connect(simulator, ssl=True, cert_validation=str(pem))

    assert len(invoke(pool, "Get-Mailbox").output) == 12
    assert simulator.url.startswith("https://")


def test_a_client_that_hangs_up_leaves_no_traceback(
    simulate: Simulate, capfd: pytest.CaptureFixture[str]
) -> None:
    simulator = simulate()

    for sent in (
        b"",
        b"POST /wsman HTTP/1.1\r\nContent-Le",
        b"POST /wsman HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
    ):
        with socket.create_connection(("127.0.0.1", simulator.port)) as client:
            client.sendall(sent)
    simulator.stop()

    assert capfd.readouterr() == ("", "")


def test_a_stopped_simulator_lets_go_of_a_request_that_waits(simulate: Simulate, connect: Connect) -> None:
    simulator = simulate(faults="hang=1")
    pipeline = PowerShell(connect(simulator)).add_cmdlet("New-MailboxRestoreRequest")
    pipeline.add_parameters(pair(simulator)).begin_invoke()
    ended: list[type[BaseException]] = []

    def wait() -> None:
        try:
            pipeline.poll_invoke(timeout=20)
        except (ConnectionClosed, WSManFaultError) as error:
            ended.append(type(error))

    waiting = threading.Thread(target=wait)
    waiting.start()
    simulator.stop()
    waiting.join(5)

    assert len(ended) == 1 or pipeline.state == PSInvocationState.STOPPED


def test_only_a_call_that_names_nothing_counts_as_an_inventory(
    simulate: Callable[..., Simulator], connect: Connect, invoke: Invoke
) -> None:
    simulator = simulate()
    pool = connect(simulator)
    for cmdlet, parameters in (
        ("Get-Mailbox", {"InactiveMailboxOnly": True}),
        ("Get-Mailbox", {"Identity": ""}),
        ("Get-Mailbox", {"Identity": simulator.tenant.active(0)["Alias"]}),
        ("Get-Recipient", {"Filter": "Alias -eq 'x'"}),
        ("Get-MailboxRestoreRequest", {"BatchName": "x"}),
        ("Get-MailboxRestoreRequest", {}),
        ("Get-OrganizationConfig", {}),
        ("Get-AcceptedDomain", {}),
    ):
        assert not invoke(pool, cmdlet, **parameters).had_errors

    assert simulator.inventories == {"Get-Mailbox": 2, "Get-MailboxRestoreRequest": 1}
    assert simulator.calls["Get-Mailbox"] == 3


@pytest.mark.proof
def test_an_inventory_is_written_no_faster_than_it_is_read(
    simulate: Simulate, connect: Connect, invoke: Invoke
) -> None:
    simulator = simulate(mailboxes=700)
    pool = connect(simulator)
    pipeline = PowerShell(pool).add_cmdlet("Get-Mailbox").add_parameter("ResultSize", "Unlimited")

    def waiting() -> int:
        assert simulator._shells is not None
        (shell,) = simulator._shells._open.values()
        return sum(len(part) for parts in shell._output.values() for part in parts)

    pipeline.begin_invoke()
    largest = 0
    while pipeline.state == PSInvocationState.RUNNING:
        largest = max(largest, waiting())
        pipeline.poll_invoke()
    pipeline.close()

    assert len(pipeline.output) == 700
    assert sum(len(str(one._xml)) for one in pipeline.output) > 1_700_000
    assert largest < 1_300_000
    assert len(invoke(pool, "Get-Mailbox", ResultSize="1").output) == 1, "the session goes on"


@pytest.mark.proof
def test_an_inventory_that_is_stopped_or_closed_in_the_middle_frees_its_session(
    simulate: Simulate, connect: Connect, invoke: Invoke
) -> None:
    simulator = simulate(mailboxes=700)
    pool = connect(simulator)

    for code in (SignalCode.PS_CTRL_C, SignalCode.TERMINATE):
        pipeline = PowerShell(pool).add_cmdlet("Get-Mailbox").add_parameter("ResultSize", "Unlimited")
        pipeline.begin_invoke()
        pipeline.poll_invoke()
        pool.shell.signal(code, str(pipeline.id).upper())
        assert len(invoke(pool, "Get-Mailbox", ResultSize="1").output) == 1
