"""The process connection: a real child PowerShell, and children that misbehave."""

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from bulkps.engine.interfaces import SessionLostError, SessionRefusedError
from bulkps.exchange.calls_and_outcomes import Answer, Cmdlet, Invocation, Outcome, Value
from bulkps.sessions.connection import Connection, ConnectionType, Credentials
from bulkps.sessions.process_transport import ChildShell, find_powershell
from bulkps.sessions.session import PSRPSession
from bulkps.sessions.session_factory import open_one, open_session
from tests.conftest import Run
from tests.engines import PWSH, needs_pwsh


def child(executable: str | Path = PWSH, **settings: int) -> Connection:
    return Connection(ConnectionType.PROCESS, executable=str(executable), **settings)  # type: ignore[arg-type]


def item(identifier: str, cmdlet: str, **parameters: Value) -> Invocation:
    return Invocation(identifier, Cmdlet(cmdlet, parameters))


def fake_powershell(folder: Path, code: str) -> Path:
    """Make an executable that runs Python *code* whatever its arguments are."""
    script = folder / "fake.py"
    script.write_text("import sys, time\n" + textwrap.dedent(code), encoding="utf-8")
    if os.name == "nt":
        wrapper = folder / "fake.cmd"
        wrapper.write_text(f'@"{sys.executable}" "{script}"\n')
    else:
        wrapper = folder / "fake"
        wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}"\n')
        wrapper.chmod(0o755)
    return wrapper


def shell_of(pool: Any) -> ChildShell:
    """Return the child behind a pool: there is no public way to it."""
    shell: ChildShell = pool.shell
    return shell


MISBEHAVIOUR = {
    "it ends at once": ("sys.exit('no licence')", "ended (exit code 1); it said: no licence"),
    "its last words come after its end": (
        """
        import subprocess
        late = "import sys, time; time.sleep(0.3); sys.exit('no licence')"
        nothing = subprocess.DEVNULL
        subprocess.Popen([sys.executable, "-c", late], stdin=nothing, stdout=nothing)
        sys.exit(1)
        """,
        "ended (exit code 1); it said: no licence",
    ),
    "it prints rubbish": ("print('hello', flush=True); sys.stdin.read()", "it said: hello"),
    "it never answers": ("sys.stdin.read()", "did not answer within 2 seconds"),
    "it never reads": ("time.sleep(60)", "did not answer within 2 seconds"),
    "it floods its errors": (
        "[sys.stderr.write('x' * 10000) for _ in range(1000)]; sys.exit(3)",
        "ended (exit code 3); it said: xxx",
    ),
}


@pytest.mark.proof
@pytest.mark.parametrize("name", MISBEHAVIOUR)
def test_a_child_that_misbehaves_ends_in_a_clear_error_and_does_not_stay(tmp_path: Path, name: str) -> None:
    code, expected = MISBEHAVIOUR[name]
    executable = fake_powershell(tmp_path, code)
    # What does say something may take its time to start.
    patience = 2 if "within 2 seconds" in expected else 10

    with pytest.raises(SessionRefusedError) as caught:
        open_session(child(executable, operation_timeout=1, read_timeout=patience), Credentials(), 900, ())

    assert expected in str(caught.value)
    assert "PowerShell on this machine could not be used" in str(caught.value)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("bulkps-child")]


def test_a_powershell_that_is_not_there_says_what_to_set(bulkps: Run, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    nowhere = str(tmp_path / "nowhere" / "pwsh")
    config.write_text(f"connection: here\nconnections:\n  here: {{type: process, executable: '{nowhere}'}}\n")

    result = bulkps("doctor", "--config", config)

    assert result.exit_code == 5
    assert f"{nowhere!r} was not found" in result.stderr
    assert "set executable" in result.stderr


@pytest.mark.parametrize("executable", ["./pwsh", "bin/pwsh", "../pwsh"])
def test_a_powershell_that_is_somewhere_below_here_is_refused(
    bulkps: Run, tmp_path: Path, executable: str
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(
        f"connection: here\nconnections:\n  here: {{type: process, executable: {executable}}}\n"
    )

    result = bulkps("doctor", "--config", config)

    assert result.exit_code == 3
    assert "must be an absolute path or a name that is on the PATH" in result.stderr


@pytest.mark.parametrize("executable", ["", "pwsh"])
@pytest.mark.parametrize("path", ["", ".", "{pathsep}", "here", ".{pathsep}here{pathsep}"])
def test_a_powershell_in_the_current_folder_is_never_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executable: str, path: str
) -> None:
    for folder in (tmp_path, tmp_path / "here"):
        folder.mkdir(exist_ok=True)
        for name in ("pwsh", "pwsh.exe", "pwsh.cmd", "powershell", "powershell.exe"):
            (folder / name).write_text("")
            (folder / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", path.format(pathsep=os.pathsep))

    with pytest.raises(FileNotFoundError, match="install PowerShell 7"):
        find_powershell(executable)

    monkeypatch.setenv("PATH", os.pathsep.join([".", str(tmp_path / "here")]))
    assert Path(find_powershell(executable)).parent == tmp_path / "here"


@pytest.fixture
def session() -> PSRPSession:
    return open_session(child(), Credentials(), 900, ())


@needs_pwsh
def test_a_batch_runs_inside_the_engine(session: PSRPSession) -> None:
    outcomes = list(
        session.invoke([item(str(n), "Write-Output", InputObject=f"{n} é\U0001f600") for n in range(50)])
    )
    session.close()

    assert session.batching
    assert [outcome.output[0]["Value"] for outcome in outcomes] == [f"{n} é\U0001f600" for n in range(50)]


@needs_pwsh
def test_nothing_secret_is_in_the_childs_arguments_or_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKPS_PASSWORD", "Hunter2")
    monkeypatch.setenv("BULKPS_CERTIFICATE_PASSWORD_HERE", "Hunter2")
    opened = open_one(child(), Credentials(), ())

    (seen,) = opened.ask.script("(Get-ChildItem Env: | Out-String) + [Environment]::CommandLine").output
    opened.pool.close()
    opened.close()

    assert "PATH" in str(seen["Value"])
    assert "Hunter2" not in str(seen["Value"])


@pytest.mark.proof
@needs_pwsh
def test_a_killed_child_keeps_what_ended_and_leaves_the_rest_in_doubt() -> None:
    opened = open_one(child(), Credentials(), ())
    pid = shell_of(opened.pool).pid
    session = open_session(child(), Credentials(), 900, ())
    victim = shell_of(session._pool).pid
    assert victim != pid
    outcomes: list[Outcome] = []
    batch = [item(str(n), "Write-Output", InputObject="x") for n in range(3)]
    batch += [item("3", "Start-Sleep", Seconds=60), item("4", "Write-Output", InputObject="x")]

    with pytest.raises(SessionLostError):
        for outcome in session.invoke(batch):
            outcomes.append(outcome)
            if len(outcomes) == 3:
                shell_of(session._pool).kill()
    session.close()
    opened.pool.close()
    opened.close()

    assert [outcome.answer for outcome in outcomes] == [Answer.COMPLETED] * 3 + [Answer.LOST] * 2
    assert "the PowerShell process ended" in outcomes[-1].errors[0].message


@pytest.mark.proof
@needs_pwsh
def test_an_item_that_takes_too_long_is_in_doubt_and_those_behind_it_were_never_sent() -> None:
    # Long enough for what is quick on a machine that is busy: an engine's first batch is its slowest.
    session = open_session(child(), Credentials(), 10, ())
    batch = [item("0", "Write-Output", InputObject="x"), item("1", "Start-Sleep", Seconds=600)]
    batch += [item("2", "Write-Output", InputObject="x")]

    outcomes = list(session.invoke(batch))
    again = list(session.invoke(batch[:1] * 2))
    session.close()

    assert [outcome.answer for outcome in outcomes] == [Answer.COMPLETED, Answer.LOST, Answer.NOT_SENT]
    assert [outcome.answer for outcome in again][:1] == [Answer.COMPLETED]


@pytest.mark.proof
@needs_pwsh
def test_the_child_ends_when_bulkps_is_killed(tmp_path: Path) -> None:
    code = f"""
    import time
    from bulkps.sessions.session_factory import open_one
    from bulkps.sessions.connection import Connection, ConnectionType, Credentials
    opened = open_one(Connection(ConnectionType.PROCESS, executable={PWSH!r}), Credentials(), ())
    print(opened.pool.shell.pid, flush=True)
    time.sleep(60)
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()

    assert ends(pid), "the child outlived bulkps"


def ends(pid: int) -> bool:
    """Return whether a process is gone within two minutes; one that nobody reaped yet counts as gone."""
    tick = threading.Event()
    for _ in range(2400):
        state = Path(f"/proc/{pid}/stat")
        if os.name == "nt":
            found = subprocess.run(
                ["tasklist", "/FI", f"PID eq {pid}"], capture_output=True, text=True, check=False
            )
            if str(pid) not in found.stdout:
                return True
        elif not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        tick.wait(0.05)
    return False
