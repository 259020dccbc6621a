"""What a client sees of the endpoint that is not a cmdlet's output, as a real engine and WinRM answer it."""

import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pypsrp.complex_objects import PSInvocationState
from pypsrp.exceptions import InvalidPSRPOperation, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool

from bulkps.exchange.calls_and_outcomes import ErrorRecord
from bulkps.exchange.error_catalog import classify, shipped_catalogue
from bulkps.simulator import Simulator, SimulatorOptions
from bulkps.simulator.cmdlets.cmdlet_result import (
    Answer,
    ErrorInfo,
    Information,
    Progress,
    Value,
)

Simulate = Callable[..., Simulator]
Connect = Callable[..., RunspacePool]
Invoke = Callable[..., PowerShell]

#: A cmdlet that tells something on every stream, for both engines.
TELLS = """
function Test-Streams {
    [CmdletBinding()] param()
    Write-Progress -Activity Copying -Status 'half' -PercentComplete 50
    Write-Progress -Activity Copying -Completed
    Write-Verbose 'a verbose text' -Verbose
    Write-Debug 'a debug text' -Debug
    Write-Information 'an information' -Tags one, two
    Write-Warning 'a warning'
    Write-Error -Message 'an error' -ErrorId 'Bad' -Category InvalidOperation
    'output'
}
Export-ModuleMember -Function *
"""


def _tells(given: Mapping[str, Value], stop: threading.Event) -> Answer:
    told = datetime(2026, 11, 24, 21, tzinfo=UTC)
    return Answer(
        warnings=["a warning"],
        verbose=["a verbose text"],
        debug=["a debug text"],
        information=[Information("an information", told, tags=("one", "two"))],
        progress=[Progress("Copying", "half", 50), Progress("Copying", "Processing", completed=True)],
        errors=[ErrorInfo("an error", "System.Exception", fully_qualified_id="Bad,Test-Streams")],
    )


@pytest.fixture(params=["python", "powershell"])
def pool(request: pytest.FixtureRequest, connect: Connect, tmp_path: Path) -> Any:
    """A pool at our endpoint, and at a real engine where there is one."""
    options: dict[str, Any] = {"mailboxes": 12, "troubles": False}
    if request.param == "powershell":
        folder = tmp_path / "Tells"
        folder.mkdir()
        (folder / "Tells.psm1").write_text(TELLS, encoding="utf-8")
        found = request.getfixturevalue("pwsh")
        options |= {"engine": "powershell", "pwsh": found, "language": "full", "modules": (folder,)}
    with Simulator(SimulatorOptions(**options), further={"Test-Streams": _tells}) as simulator:
        yield connect(simulator)


def test_the_runspaces_of_a_pool_are_set_counted_and_reset(pool: RunspacePool, invoke: Invoke) -> None:
    for allowed in (3, 1, 2):
        pool.max_runspaces = allowed
    with pytest.raises(InvalidPSRPOperation):
        pool.max_runspaces = 0
    pool.min_runspaces = 2
    with pytest.raises(InvalidPSRPOperation):
        pool.min_runspaces = 9
    with pytest.raises(InvalidPSRPOperation):
        pool.max_runspaces = 1
    with pytest.raises(InvalidPSRPOperation):
        pool.reset_runspace_state()
    available = pool.get_available_runspaces()
    assert (pool.min_runspaces, pool.max_runspaces, available) == (2, 2, 2)
    pool.min_runspaces = pool.max_runspaces = 1
    pool.reset_runspace_state()
    assert invoke(pool, "Get-Command", Name="Get-Mailbox").output, "the session goes on"


def test_every_stream_reaches_a_client(pool: RunspacePool, invoke: Invoke) -> None:
    streams: Any = invoke(pool, "Test-Streams").streams

    assert [(one.activity, one.description, one.percent_complete) for one in streams.progress] == [
        ("Copying", "half", 50),
        ("Copying", "Processing", -1),
    ]
    assert [one.progress_type.value for one in streams.progress] == [0, 1]
    assert [one.message for one in streams.verbose] == ["a verbose text"]
    assert [one.message for one in streams.debug] == ["a debug text"]
    assert [(one.message_data, one.tags) for one in streams.information] == [
        ("an information", ["one", "two"])
    ]
    assert [one.message for one in streams.warning] == ["a warning"]
    assert [str(one) for one in streams.error] == ["an error"]


def test_an_error_record_says_who_was_called_and_what_was_thrown(pool: RunspacePool, invoke: Invoke) -> None:
    record: Any
    written = invoke(pool, "Get-Mailbox", Identity="nobody")
    (record,) = written.streams.error
    thrown: Any = record.exception

    assert written.state == PSInvocationState.COMPLETED
    assert record.invocation is True
    assert record.invocation_info.to_string == "System.Management.Automation.InvocationInfo"
    assert record.invocation_name and record.command_name
    assert record.script_stacktrace.startswith("at ")
    assert thrown.adapted_properties["HResult"] == -2146233088
    assert thrown.adapted_properties["Message"] == str(record)
    assert thrown.to_string == f"System.Exception: {record}"


def test_a_binding_error_carries_the_engines_own_exception(pool: RunspacePool, invoke: Invoke) -> None:
    record: Any
    failed = invoke(pool, "Get-Mailbox", Nothing="x")
    (record,) = failed.streams.error

    assert failed.state == PSInvocationState.FAILED
    assert record.invocation is False, "it was thrown before the command had begun"
    assert record.exception.types[:1] == ["System.Management.Automation.ParameterBindingException"]
    assert record.exception.adapted_properties["HResult"] == -2146233087
    assert record.invocation_info.adapted_properties["CommandOrigin"] == "Internal"


def test_winrm_refuses_a_timeout_that_is_no_duration(simulate: Simulate, connect: Connect) -> None:
    pool = connect(simulate())

    with pytest.raises(WSManFaultError) as refused:
        pool.shell.receive("stdout", timeout=-1)

    assert refused.value.code == 2150858767
    assert "invalid timeout field in the SOAP header: PT-1S" in str(refused.value.reason)


@pytest.mark.parametrize("verb", ["receive", "send"])
def test_winrm_says_that_there_is_no_such_command(simulate: Simulate, connect: Connect, verb: str) -> None:
    pool, command = connect(simulate()), str(uuid4()).upper()

    with pytest.raises(WSManFaultError) as refused:
        if verb == "receive":
            pool.shell.receive("stdout", command_id=command)
        else:
            pool.shell.send("stdin", b"", command_id=command)

    assert refused.value.code == 2150858843
    assert str(refused.value.reason).startswith(
        "The Windows Remote Shell received a request to perform an operation on a command identifier that "
        "does not exist."
    )


@pytest.mark.parametrize("on_premises", [False, True], ids=["online", "on-premises"])
def test_a_refusal_has_the_form_of_its_release(
    simulate: Simulate, connect: Connect, invoke: Invoke, on_premises: bool
) -> None:
    def refused() -> Any:
        simulator = simulate(on_premises=on_premises)
        return invoke(connect(simulator), "Get-Mailbox", Identity="nobody").streams.error[0]

    record, same = refused(), refused()

    text = "The operation couldn't be performed because object 'nobody' couldn't be found on '"
    exception = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException"
    if on_premises:
        assert str(record) == f"{text}DC01.contoso.com'."
        assert record.exception.types[0] == exception
        form = (
            r"\[Server=EX01,RequestId=[0-9a-f-]{36},TimeStamp=11/14/2023 10:13:20 PM\] "
            r"\[FailureCategory=Cmdlet-ManagementObjectNotFoundException\] [0-9A-F]{8},"
            r"Microsoft\.Exchange\.Management\.RecipientTasks\.GetMailbox"
        )
    else:
        assert str(record).startswith(f"Ex6F9304|{exception}|{text}")
        assert record.exception.types[0] == "System.Exception"
        form = (
            r"\[Server=\w+,RequestId=[0-9a-f-]{36},TimeStamp=Tue, 14 Nov 2023 22:13:20 GMT\],"
            "Write-ErrorMessage"
        )
    assert re.fullmatch(form, record.fq_error)
    assert record.message == "NotSpecified: (:) [Get-Mailbox], ManagementObjectNotFoundException"
    assert record.fq_error == same.fq_error, "it follows from the seed"
    ours = ErrorRecord(str(record), exception_type=record.exception.types[0])
    assert classify([ours], shipped_catalogue(), mutates=False).known.id == "not-found-on-dc"


def test_the_same_refusal_again_is_another_request(
    simulate: Simulate, connect: Connect, invoke: Invoke
) -> None:
    pool = connect(simulate())

    ids = {invoke(pool, "Get-Mailbox", Identity="nobody").streams.error[0].fq_error for _ in range(3)}

    assert len(ids) == 3


@pytest.mark.parametrize("fault", ["transient", "throttled"])
@pytest.mark.parametrize("on_premises", [False, True], ids=["online", "on-premises"])
def test_a_fault_has_the_form_too(
    simulate: Simulate, connect: Connect, invoke: Invoke, fault: str, on_premises: bool
) -> None:
    simulator = simulate(faults=f"Get-Mailbox#1={fault}", on_premises=on_premises)

    record: Any = invoke(connect(simulator), "Get-Mailbox", ResultSize="1").streams.error[0]

    assert "TimeStamp=" in record.fq_error
    assert str(record).startswith("|Microsoft.Exchange.Data.Directory.") is not on_premises
    ours = ErrorRecord(str(record), exception_type=record.exception.types[0], reason=record.reason)
    assert classify([ours], shipped_catalogue(), mutates=False).known.error_class.value == fault
