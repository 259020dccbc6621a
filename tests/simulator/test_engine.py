"""The endpoint in front of a real PowerShell engine, through pypsrp; and the stand-in module inside it."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from pypsrp.complex_objects import ObjectMeta, PSInvocationState
from pypsrp.exceptions import WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan
from requests.exceptions import ConnectionError as ConnectionClosed

from bulkps.simulator import Simulator, SimulatorOptions
from bulkps.simulator.powershell.pwsh_shell import EngineShell

TEXT = 'O\'Hara \u2019 \U0001f600 "x"\r\n\t$(Stop-Computer) _x000A_ 2024-01-01T00:00:00'
BATCH = """
function Invoke-BulkPSBatch {
    [CmdletBinding()] param([object[]] $Items)
    foreach ($item in $Items) { $given = $item.Parameters; & $item.Cmdlet @given }
}
function Get-Inside { 'inside' }
Export-ModuleMember -Function *
"""


@dataclass
class Session:
    """A simulator with one open pool."""

    simulator: Simulator
    pool: RunspacePool

    def run(self, cmdlet: str, **parameters: Any) -> PowerShell:
        pipeline = PowerShell(self.pool)
        pipeline.add_cmdlet(cmdlet).add_parameters(parameters)
        pipeline.invoke()
        pipeline.close()
        return pipeline

    def script(self, text: str) -> PowerShell:
        pipeline = PowerShell(self.pool)
        pipeline.add_script(text)
        pipeline.invoke()
        pipeline.close()
        return pipeline

    def pair(self, index: int) -> dict[str, Any]:
        tenant = self.simulator.tenant
        return {
            "SourceMailbox": tenant.inactive(index)["ExchangeGuid"],
            "TargetMailbox": tenant.active(index)["PrimarySmtpAddress"],
        }


def opened(simulator: Simulator) -> tuple[WSMan, RunspacePool]:
    wsman = WSMan(
        "127.0.0.1", port=simulator.port, username="simulator", password="simulator", ssl=False, auth="basic",
        encryption="never", no_proxy=True,
    )  # fmt: skip
    pool = RunspacePool(wsman)
    pool.open()
    return wsman, pool


@pytest.fixture(scope="module", params=["full", "no-language", "jea"])
def session(
    request: pytest.FixtureRequest, pwsh: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Session]:
    """A session of each language mode, shared: every test works on mailboxes of its own."""
    folder = tmp_path_factory.mktemp("modules") / "O'Batch"
    folder.mkdir()
    (folder / "O'Batch.psm1").write_text(BATCH, encoding="utf-8")
    options = SimulatorOptions(
        mailboxes=12,
        engine="powershell",
        pwsh=pwsh,
        language=request.param,
        modules=(folder,) if request.param == "jea" else (),
        hidden_parameters="New-MailboxRestoreRequest:BadItemLimit,Set-User:*",
    )
    with Simulator(options) as simulator:
        wsman, pool = opened(simulator)
        yield Session(simulator, pool)
        pool.close()
        wsman.close()


@pytest.fixture
def begin(pwsh: Path) -> Iterator[Callable[..., Session]]:
    """Start a simulator of its own with a session in full language."""
    before = set(threading.enumerate())

    with ExitStack() as ends:

        def begin(**options: Any) -> Session:
            clock = options.pop("clock", time.time)
            chosen = SimulatorOptions(mailboxes=4, troubles=False, engine="powershell", pwsh=pwsh, **options)
            simulator = ends.enter_context(Simulator(chosen, clock))
            wsman, pool = opened(simulator)
            ends.callback(wsman.close)
            return Session(simulator, pool)

        yield begin
    assert set(threading.enumerate()) <= before


def pids(simulator: Simulator) -> list[int]:
    assert simulator._shells is not None
    return [shell.pid for shell in simulator._shells._open.values() if isinstance(shell, EngineShell)]


def alive(pid: int) -> bool:
    if sys.platform == "win32":
        found = subprocess.run(["tasklist", "/fi", f"PID eq {pid}", "/nh"], capture_output=True, check=True)
        return str(pid).encode() in found.stdout
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that ended and was not waited for by its new parent yet is no orphan that works.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def gone(pid: int, seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


def test_a_request_reaches_the_tenant_with_its_exact_strings(session: Session) -> None:
    pipeline = session.run("New-MailboxRestoreRequest", **session.pair(0), Name=TEXT, BatchName=TEXT)

    assert pipeline.state == PSInvocationState.COMPLETED and not pipeline.streams.error
    (request,) = pipeline.output
    assert request.extended_properties["Name"] == TEXT
    assert isinstance(request.extended_properties["RequestGuid"], UUID)
    created = datetime.fromisoformat(request.extended_properties["WhenCreated"])
    assert created.utcoffset() == timedelta(0)
    (kept,) = [one for one in session.simulator.tenant.requests() if one.name == TEXT]
    assert kept.batch == TEXT


def test_a_password_arrives_and_the_warning_comes_back(session: Session) -> None:
    session.pool.exchange_keys()
    pipeline = session.run(
        "New-Mailbox",
        InactiveMailbox=session.pair(1)["SourceMailbox"],
        Name="ann",
        MicrosoftOnlineServicesID="ann@contoso.com",
        Password=session.pool.serialize("P\u00e4ssw\u00f6rd \U0001f600 1", ObjectMeta("SS")),
    )

    assert not pipeline.streams.error
    assert session.simulator.tenant.received_passwords == ["P\u00e4ssw\u00f6rd \U0001f600 1"]
    assert "The inactive mailbox has been recovered." in str(pipeline.streams.warning[0])
    assert pipeline.output[0].extended_properties["EmailAddresses"][0] == "SMTP:ann@contoso.com"


def test_an_engine_inherits_no_password(
    begin: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BULKPS_PASSWORD", "BULKPS_PASSWORD_ONPREM", "BULKPS_CERTIFICATE_PASSWORD"):
        monkeypatch.setenv(name, "Hunter2")
    monkeypatch.setenv("BULKPS_HOME", "kept")

    seen = begin().script("Get-ChildItem Env: | ForEach-Object { $_.Name + '=' + $_.Value }").output

    assert not [line for line in seen if "Hunter2" in line]
    assert "BULKPS_HOME=kept" in seen


def test_exchanges_refusal_is_an_error_record_and_the_pipeline_completes(session: Session) -> None:
    record: Any
    pipeline = session.run("Get-Mailbox", Identity="nobody")
    (record,) = pipeline.streams.error

    assert pipeline.state == PSInvocationState.COMPLETED
    assert str(record).startswith(
        "Ex6F9304|Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException|"
        "The operation couldn't be performed because object 'nobody' couldn't be found on '"
    )
    assert record.fq_error.startswith("[Server=") and record.fq_error.endswith("],Write-ErrorMessage")
    assert (record.reason, record.activity) == ("ManagementObjectNotFoundException", "Get-Mailbox")
    assert (record.target_name, record.category) == ("", 0), "the text alone names what is not there"


def test_a_refusal_with_error_action_stop_fails_the_pipeline(session: Session) -> None:
    pipeline = session.run("Get-Mailbox", Identity="nobody", ErrorAction="Stop")

    assert pipeline.state == PSInvocationState.FAILED
    assert {record.reason for record in pipeline.streams.error} == {"ManagementObjectNotFoundException"}


def test_what_preflight_reads_arrives_through_a_real_engine(session: Session) -> None:
    def read(cmdlet: str, **parameters: Any) -> dict[str, Any]:
        pipeline = session.run(cmdlet, **parameters)
        assert not pipeline.had_errors
        found = pipeline.output[-1]
        properties: dict[str, Any] = {**found.adapted_properties, **found.extended_properties}
        return properties

    row = session.simulator.tenant.trouble("account-exists")
    source = read("Get-Mailbox", Identity=row.source, SoftDeletedMailbox=True, IncludeInactiveMailbox=True)
    upn = source["UserPrincipalName"]

    assert source["IsInactiveMailbox"] is True
    assert [hold[:3] for hold in read("Get-OrganizationConfig")["InPlaceHolds"]] == ["mbx", "mbx", "grp"]
    assert read("Get-AcceptedDomain", Identity="fabrikam.com")["AuthenticationType"] == "Federated"
    assert read("Get-User", Filter=f"UserPrincipalName -eq '{upn}'")["RecipientType"] == "User"
    statistics = read("Get-MailboxStatistics", Identity=row.source, IncludeSoftDeletedRecipients=True)
    assert statistics["TotalItemSize"].endswith(" bytes)")


@pytest.mark.parametrize(
    ("cmdlet", "parameters", "error_id"),
    [
        ("Get-Mailbox", {"Nonsense": "x"}, "NamedParameterNotFound,Get-Mailbox"),
        ("Suspend-MailboxRestoreRequest", {}, "MissingMandatoryParameter,Suspend-MailboxRestoreRequest"),
        ("New-Mailbox", {"InactiveMailbox": "x", "Name": "y"}, "MissingMandatoryParameter,New-Mailbox"),
        (
            "New-MailboxRestoreRequest",
            {"TargetMailbox": "x"},
            "MissingMandatoryParameter,New-MailboxRestoreRequest",
        ),
        (
            "New-MailboxRestoreRequest",
            {"SourceMailbox": "x", "TargetMailbox": "y", "ConflictResolutionOption": "no"},
            "CannotConvertArgumentNoMessage,New-MailboxRestoreRequest",
        ),
        (
            "New-MailboxRestoreRequest",
            {"SourceMailbox": "x", "TargetMailbox": "y", "BadItemLimit": "1"},
            "NamedParameterNotFound,New-MailboxRestoreRequest",
        ),
        ("Set-User", {"Identity": "x"}, "CommandNotFoundException"),
        ("Get-Inside", {}, "CommandNotFoundException"),
    ],
)
def test_what_the_binder_refuses_fails_the_pipeline(
    session: Session, cmdlet: str, parameters: dict[str, Any], error_id: str
) -> None:
    pipeline = session.run(cmdlet, **parameters)

    assert pipeline.state == PSInvocationState.FAILED
    assert pipeline.streams.error[0].fq_error == error_id


def test_a_dry_run_tells_what_would_be_refused_and_does_nothing(session: Session) -> None:
    refused = session.run(
        "New-MailboxRestoreRequest", **{**session.pair(2), "TargetMailbox": "x"}, WhatIf=True
    )
    passed = session.run("New-MailboxRestoreRequest", **session.pair(2), WhatIf=True)

    assert "'x' couldn't be found" in str(refused.streams.error[0])
    assert not passed.streams.error and not passed.output
    wanted = str(session.pair(2)["SourceMailbox"])
    assert wanted not in session.simulator.effects_by_mailbox()


def test_a_removal_asks_first(session: Session) -> None:
    asked = session.run("Remove-MailboxRestoreRequest", Identity="nobody")
    told = session.run("Remove-MailboxRestoreRequest", Identity="nobody", Confirm=False)

    assert asked.state == PSInvocationState.FAILED
    assert asked.streams.error[0].fq_error == "HostException,Remove-MailboxRestoreRequest"
    assert told.streams.error[0].reason == "ManagementObjectNotFoundException"


def test_get_command_shows_what_a_role_leaves(session: Session) -> None:
    (found,) = session.run("Get-Command", Name="New-MailboxRestoreRequest").output

    assert "TargetMailbox" in found.adapted_properties["Parameters"]
    assert "BadItemLimit" not in found.adapted_properties["Parameters"]


def test_a_script_runs_only_in_full_language(session: Session) -> None:
    pipeline = session.script("1 + 1")

    if session.simulator.options.language == "full":
        assert pipeline.output == [2]
    else:
        assert pipeline.streams.error[0].fq_error == "ScriptsNotAllowed"


def test_a_batch_runs_where_its_function_is_offered(session: Session) -> None:
    items = [{"Cmdlet": "Get-Mailbox", "Parameters": {"Identity": session.pair(3)["TargetMailbox"]}}]
    pipeline = session.run("Invoke-BulkPSBatch", Items=items)

    if session.simulator.options.language == "jea":
        address = pipeline.output[0].extended_properties["PrimarySmtpAddress"]
        assert address == session.pair(3)["TargetMailbox"]
    else:
        assert pipeline.streams.error[0].fq_error == "CommandNotFoundException"


@pytest.mark.proof
def test_a_killed_engine_loses_its_session(begin: Callable[..., Session]) -> None:
    session = begin()
    (pid,) = pids(session.simulator)
    running = PowerShell(session.pool)
    running.add_script("'before'; [Threading.Thread]::Sleep(60000)")
    running.begin_invoke()
    while not running.output:
        running.poll_invoke(timeout=5)

    session.simulator.kill_engines()
    with pytest.raises((ConnectionClosed, WSManFaultError)):
        running.end_invoke()
    with pytest.raises((ConnectionClosed, WSManFaultError)):
        session.script("1")

    assert gone(pid)
    wsman, pool = opened(session.simulator)
    assert len(Session(session.simulator, pool).run("Get-Mailbox", ResultSize="1").output) == 1
    wsman.close()


@pytest.mark.proof
def test_no_engine_is_left_after_a_stop(begin: Callable[..., Session]) -> None:
    session = begin(faults="hang=1")
    running = PowerShell(session.pool)
    running.add_cmdlet("New-MailboxRestoreRequest").add_parameters(session.pair(0)).begin_invoke()
    (pid,) = pids(session.simulator)

    session.simulator.stop()

    assert gone(pid, 0)


ORPHANER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_engine import opened, pids
from bulkps.simulator import Simulator, SimulatorOptions
with Simulator(SimulatorOptions(mailboxes=1, engine="powershell", pwsh=Path(sys.argv[2]))) as simulator:
    opened(simulator)
    print(*pids(simulator), flush=True)
    time.sleep(60)
"""


@pytest.mark.proof
def test_no_engine_outlives_a_simulator_that_is_killed(pwsh: Path) -> None:
    command = [sys.executable, "-c", ORPHANER, str(Path(__file__).parent), str(pwsh)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as simulator:
        assert simulator.stdout is not None
        pid = int(simulator.stdout.readline())
        assert alive(pid)
        simulator.kill()

    assert gone(pid)


@pytest.mark.proof
def test_a_hanging_cmdlet_is_stopped_and_the_session_goes_on(begin: Callable[..., Session]) -> None:
    session = begin(faults="New-MailboxRestoreRequest#1=hang")
    running = PowerShell(session.pool)
    running.add_cmdlet("New-MailboxRestoreRequest").add_parameters(session.pair(0)).begin_invoke()
    while not session.simulator.effects_by_mailbox():
        running.poll_invoke(timeout=1)

    running.stop()
    running.close()

    assert len(session.run("Get-MailboxRestoreRequest").output) == 1


@pytest.mark.proof
@pytest.mark.parametrize(("fault", "effects"), [("session-lost", 1), ("answer-lost", 2)])
def test_a_lost_answer_is_an_error_and_nothing_is_done_twice(
    begin: Callable[..., Session], fault: str, effects: int
) -> None:
    session = begin(faults=f"New-MailboxRestoreRequest#2={fault}")
    session.run("New-MailboxRestoreRequest", **session.pair(0))

    (record,) = session.run("New-MailboxRestoreRequest", **session.pair(1)).streams.error

    assert "An error occurred while sending the request." in str(record)
    assert session.simulator.calls == {"New-MailboxRestoreRequest": 2}
    assert sum(session.simulator.effects_by_mailbox().values()) == effects


@pytest.mark.proof
def test_a_session_signs_in_and_out_by_itself(begin: Callable[..., Session], tmp_path: Path) -> None:
    thumbprint, path = certificate(tmp_path)
    session = begin(preconnected=False, app_id="app", organization="contoso", thumbprint=thumbprint)
    sign_in = (
        "Connect-ExchangeOnline -ShowBanner:$false -Organization contoso "
        "-CommandName Get-Mailbox, New-Mailbox* "
    )
    password = "(ConvertTo-SecureString 'pass' -AsPlainText -Force)"
    file = f"-CertificateFilePath '{path}' -CertificatePassword {password}"

    assert session.run("Get-Mailbox").streams.error[0].fq_error == "CommandNotFoundException"
    (refused,) = session.script(f"{sign_in} -AppId other {file}").streams.error
    assert str(refused).startswith("AADSTS700016")
    assert not session.script("Get-ConnectionInformation").output

    assert session.script(f"{sign_in} -AppId app {file}").state == PSInvocationState.COMPLETED
    (shown,) = session.script("Get-ConnectionInformation | Select-Object *").output
    assert shown.extended_properties["State"] == "Connected"
    assert shown.extended_properties["TokenStatus"] == "Active"
    assert shown.extended_properties["Name"] == "ExchangeOnline_1"
    assert session.script("(Get-Command -Module tmpEXO_*).Name").output == [
        "Get-Mailbox", "New-Mailbox", "New-MailboxRestoreRequest",
    ]  # fmt: skip
    assert len(session.run("Get-Mailbox").output) == 4

    session.script("Disconnect-ExchangeOnline -Confirm:$false")
    assert session.run("Get-Mailbox").streams.error[0].fq_error == "CommandNotFoundException"


@pytest.mark.proof
def test_an_expired_token_is_an_error_of_each_cmdlet(begin: Callable[..., Session]) -> None:
    passed = [0.0]
    session = begin(clock=lambda: time.time() + passed[0])
    assert not session.run("Get-Mailbox").streams.error

    passed[0] = 7200.0
    (record,) = session.run("Get-Mailbox").streams.error

    assert str(record).startswith("Error while querying REST service. HttpStatusCode=401 ErrorMessage=")
    assert record.activity == "Get-Mailbox"


@pytest.mark.proof
def test_a_token_that_is_over_is_shown_as_expired(begin: Callable[..., Session]) -> None:
    # For the simulator no time passes, so it takes the token as long as the engine needs to start.
    then = time.time() - 3600.0
    session = begin(token_seconds=1.0, clock=lambda: then)

    (status,) = session.script("(Get-ConnectionInformation).TokenStatus").output

    assert status == "Expired"


def test_a_missing_engine_is_said_at_the_start(tmp_path: Path) -> None:
    options = SimulatorOptions(engine="powershell", pwsh=tmp_path / "pwsh")

    with pytest.raises(FileNotFoundError, match="no PowerShell engine"):
        Simulator(options).start()


def certificate(folder: Path) -> tuple[str, Path]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "app")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now - timedelta(1), now + timedelta(1)
    )
    signed = builder.sign(key, hashes.SHA256())
    path = folder / "app.pfx"
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(b"app", key, signed, None, BestAvailableEncryption(b"pass"))
    )
    return signed.fingerprint(hashes.SHA1()).hex(), path  # noqa: S303 - what a thumbprint is


def test_the_client_binds_by_the_types_that_it_declares(begin: Callable[..., Session]) -> None:
    session = begin()
    ann, ben = (str(session.simulator.tenant.active(index)["Alias"]) for index in range(2))

    refused = session.script(f"Set-CASMailbox {ann} -ImapEnabled 'true'")
    cleared = session.script(f"Set-CASMailbox {ann} -SmtpClientAuthenticationDisabled $null")
    converted = session.script(
        f"Set-MailboxAutoReplyConfiguration {ann} -StartTime '2026-12-24' -EndTime '2027-01-02'; "
        f"Set-MailboxRegionalConfiguration {ann} -Language 'nl-NL'; "
        f"Add-MailboxPermission {ann} -User {ben} -AccessRights FullAccess; "
        f"(Get-MailboxRegionalConfiguration {ann}).Language"
    )
    piped = session.script(f"'{ann}', '{ben}' | Get-CASMailbox | Select-Object -ExpandProperty Name")
    asked = session.script(f"Disable-Mailbox {ann}")

    assert "Cannot convert" in str(refused.streams.error[0])
    assert "no settings of" in str(cleared.streams.warning[0])
    assert not converted.streams.error, str(converted.streams.error[0])
    assert converted.output[-1] == "nl-NL"
    assert piped.output == [ann, ben]
    assert "prompts the user" in str(asked.streams.error[0])
