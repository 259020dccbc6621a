"""Whoever stands still is not waited for for ever: a child, a server, at every stage."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bulkps.engine.interfaces import SessionLostError, SessionRefusedError
from bulkps.exchange.calls_and_outcomes import Answer, Cmdlet, Invocation, Outcome
from bulkps.sessions.connection import Connection, ConnectionType, Credentials, ExchangeOnline
from bulkps.sessions.session import PSRPSession
from bulkps.sessions.session_factory import open_session
from bulkps.simulator import Simulator, SimulatorOptions
from tests.children import SIGN_IN, Children, Packet
from tests.conftest import Run, as_object, read_csv
from tests.engines import PWSH, needs_pwsh

#: Short for what a test waits out, long for what it does not.
SHORT, LONG = 1, 600
ONLINE = ExchangeOnline("contoso.onmicrosoft.com", managed_identity=True)


def child(executable: Path, **settings: Any) -> Connection:
    settings = {"operation_timeout": 1, "read_timeout": LONG, "open_timeout": LONG, **settings}
    return Connection(ConnectionType.PROCESS, executable=str(executable), **settings)


def no_child_is_left() -> bool:
    return not [one for one in threading.enumerate() if one.name.startswith("bulkps-child")]


@contextmanager
def children(folder: Path, silent: Callable[[int, Packet], bool]) -> Iterator[Children]:
    options = SimulatorOptions(mailboxes=10)
    with Simulator(options, further=SIGN_IN) as simulator, Children(simulator, folder, silent) as there:
        yield there


STAGES: dict[str, tuple[Callable[[int, Packet], bool], str]] = {
    "it is started": (lambda child, packet: True, "while the session was opened"),
    "it is opened": (lambda child, packet: packet.kind != "Data", "while it signed in"),
    "its module is loaded": (lambda child, packet: packet.cmdlet == "Import-Module", "while it signed in"),
    "it signs in": (
        lambda child, packet: packet.cmdlet == "Connect-ExchangeOnline",
        r"while it signed in to Exchange Online",
    ),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_child_that_falls_silent_when(tmp_path: Path, stage: str) -> None:
    silent, expected = STAGES[stage]
    with children(tmp_path, silent) as there:
        connection = child(there.executable, open_timeout=SHORT, exchange_online=ONLINE)

        with pytest.raises(SessionRefusedError, match=expected) as caught:
            open_session(connection, Credentials(), LONG, ())

    assert "no answer within 1 seconds (open_timeout)" in str(caught.value)
    assert no_child_is_left()


def test_a_child_that_falls_silent_when_it_is_asked_what_it_offers(tmp_path: Path) -> None:
    with (
        children(tmp_path, lambda number, packet: packet.cmdlet == "Get-Command") as there,
        pytest.raises(SessionRefusedError, match=r"\(open_timeout\) while it was asked what it offers"),
    ):
        open_session(child(there.executable, open_timeout=SHORT), Credentials(), LONG, ())

    assert no_child_is_left()


def outcomes(session: PSRPSession, *batch: Invocation) -> list[Outcome]:
    found: list[Outcome] = []
    with pytest.raises(SessionLostError, match="did not answer within 1 seconds"):
        found.extend(session.invoke(batch))
    session.close()
    return found


@pytest.mark.proof
def test_a_child_that_falls_silent_while_it_works_is_lost_long_before_a_cmdlet_could_be(
    tmp_path: Path,
) -> None:
    """A cmdlet may take item_timeout, 15 minutes; whether anybody is there is known much sooner."""

    def silent(number: int, packet: Packet) -> bool:
        # Its data was taken in: the cmdlet may have run.
        return packet.kind == "Signal"

    further = {"Test-Hang": lambda given, stop: (stop.wait(), None)[1]}
    with (
        Simulator(SimulatorOptions(mailboxes=10), further=further) as simulator,  # type: ignore[arg-type]
        Children(simulator, tmp_path, silent) as there,
    ):
        session = open_session(child(there.executable, read_timeout=2), Credentials(), LONG, ())

        found: list[Outcome] = []
        with pytest.raises(SessionLostError, match="PowerShell does not respond"):
            found.extend(session.invoke([Invocation("1", Cmdlet("Test-Hang", {}))]))
        session.close()

    assert [outcome.answer for outcome in found] == [Answer.LOST]
    assert no_child_is_left()


@pytest.mark.proof
def test_a_child_that_works_for_long_is_no_silent_one(tmp_path: Path) -> None:
    further = {"Test-Slow": lambda given, stop: stop.wait(5) or SIGN_IN["Import-Module"](given, stop)}
    with (
        Simulator(SimulatorOptions(mailboxes=10), further=further) as simulator,
        Children(simulator, tmp_path) as there,
    ):
        session = open_session(child(there.executable, read_timeout=2), Credentials(), LONG, ())

        (found,) = session.invoke([Invocation("1", Cmdlet("Test-Slow", {}))])
        session.close()

    assert found.answer is Answer.COMPLETED


def config(folder: Path, executable: Path, **settings: object) -> Path:
    settings = {
        "type": "process",
        "executable": str(executable),
        "operation_timeout": 1,
        "read_timeout": 2,
        "open_timeout": 2,
        **settings,
    }
    lines = "".join(f"    {name}: {value}\n" for name, value in settings.items())
    path = folder / "c.yaml"
    path.write_text(
        f"connection: c\nconnections:\n  c:\n{lines}run:\n  delay_between_batches: 0\n"
        # One item has a pipeline of its own, by whose cmdlet a child is told to be silent.
        "  batch_size: 1\n  lease: 4\n"
        "  follow: {first_wait: 0.05, max_wait: 0.2}\n  connect: {first_wait: 0.05}\n"
        "  lookup: {first_wait: 0.05, settle: 0.3}\n  retry: {transient: {first_wait: 0.05}}\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.proof
@pytest.mark.parametrize(
    "cmdlet", ["", "Get-Command", "Get-Mailbox", "Get-MailboxStatistics", "New-MailboxRestoreRequest"]
)
def test_a_run_goes_on_with_the_next_child(bulkps: Run, tmp_path: Path, cmdlet: str) -> None:
    """Before anything is sent, while pre-flight reads, and with a row on its way."""

    def silent(number: int, packet: Packet) -> bool:
        return number == 0 and packet.cmdlet.startswith(cmdlet)

    options = SimulatorOptions(mailboxes=10, restore_seconds=0)
    with Simulator(options) as simulator, Children(simulator, tmp_path, silent) as there:
        settings = config(tmp_path, there.executable)
        bulkps("template", "restore", "--rows", 4, "-o", tmp_path / "in.csv")
        result = bulkps(
            "run", "restore", tmp_path / "in.csv", "--config", settings, "--json", "--quiet", "--yes"
        )
        effects = simulator.effects_by_mailbox()

    assert result.exit_code == 0, result.output
    assert as_object(result)["counts"]["COMPLETED"] == 4
    rows = read_csv(bulkps("results", "last").stdout)
    assert effects == {row["source_identity"]: 1 for row in rows}
    assert there.started >= 2
    assert no_child_is_left()


@needs_pwsh
@pytest.mark.proof
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="nothing can be stopped here")
def test_a_real_powershell_that_is_stopped_before_it_begins(tmp_path: Path) -> None:
    wrapper = tmp_path / "stopped"
    wrapper.write_text(f'#!/bin/sh\nkill -STOP $$\nexec "{PWSH}" "$@"\n')
    wrapper.chmod(0o755)

    with pytest.raises(SessionRefusedError, match=r"no answer within 1 seconds \(open_timeout\)"):
        open_session(child(wrapper, open_timeout=SHORT), Credentials(), LONG, ())

    assert no_child_is_left()


@needs_pwsh
@pytest.mark.proof
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="nothing can be stopped here")
@pytest.mark.parametrize("cmdlets", [("Write-Output",), ("Start-Sleep", "Write-Output")])
def test_a_real_powershell_that_is_stopped_leaves_its_rows_in_doubt(cmdlets: tuple[str, ...]) -> None:
    session = open_session(child(Path(PWSH), operation_timeout=2, read_timeout=5), Credentials(), LONG, ())
    shell: Any = session._pool.shell
    parameters: dict[str, Any] = {"Write-Output": {"InputObject": "x"}, "Start-Sleep": {"Seconds": 3600}}
    batch = [Invocation(name, Cmdlet(name, parameters[name])) for name in cmdlets]
    # Stopped before it is sent anything, or while a cmdlet of it runs.
    stop = threading.Timer(0 if len(cmdlets) == 1 else 3, os.kill, (shell.pid, signal.SIGSTOP))
    stop.start()
    if len(cmdlets) == 1:
        stop.join()

    found: list[Outcome] = []
    with pytest.raises(SessionLostError, match="answer within 5 seconds"):
        found.extend(session.invoke(batch))
    session.close()

    assert [outcome.answer for outcome in found] == [Answer.LOST] * len(batch)
    assert no_child_is_left()


@needs_pwsh
@pytest.mark.proof
def test_a_real_powershell_answers_while_a_cmdlet_runs() -> None:
    """The signal that asks it whether it is there stops nothing."""
    session = open_session(child(Path(PWSH), read_timeout=10), Credentials(), LONG, ())

    (found,) = session.invoke([Invocation("1", Cmdlet("Start-Sleep", {"Seconds": 13}))])
    session.close()

    assert (found.answer, found.errors) == (Answer.COMPLETED, ())
