"""Processes that stand still past their lease, are taken over, and wake up: no send after the take-over.

Short in CI; ``tox -e soak`` (BULKPS_SOAK=1) makes 20 rounds of 200 rows. SIGSTOP is a signal that Windows
lacks; there the simulation alone stands for it (tests/engine/test_simulation.py).
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bulkps import BulkCSVHandler, BulkOperationManager
from bulkps.engine.config import BulkOperationConfig, LookupPolicy
from bulkps.records.journal import Journal
from bulkps.settings import load_settings
from tests.cli.processes import BULKPS, wait_for
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal
from tests.engines import PWSH, child_connection, needs_pwsh

pytestmark = pytest.mark.proof

SOAK = bool(os.environ.get("BULKPS_SOAK"))
ROUNDS, ROWS = (20, 200) if SOAK else (2, 30)
NEW = "New-MailboxRestoreRequest"


def sends(audit: Path) -> list[tuple[int, str]]:
    """Return (sitting, key) of every send that was announced, in order."""
    entries = map(json.loads, audit.read_text(encoding="utf-8").splitlines())
    return [(entry["sitting"], entry["key"]) for entry in entries if entry["event"] == "item.sending"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")
@pytest.mark.parametrize("number", range(ROUNDS))
def test_who_wakes_after_a_take_over_sends_nothing_over_wsman(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path, number: int
) -> None:
    # Slow enough that each is stopped in the middle.
    there = tenant(mailboxes=ROWS, latency=0.2)
    there.configure("  max_sessions: 2\n  parallel_execution: true\n  batch_size: 5\n")
    config = there.config.read_text(encoding="utf-8").replace("lease: 4", "lease: 2")
    there.config.write_text(config, encoding="utf-8")
    file = rehearsal(bulkps, "restore", ROWS, tmp_path / "in.csv")
    stop_and_go(there, file, random.Random(number), lambda: there.simulator.calls.get(NEW, 0))

    check_each_sent_once(bulkps, there)


def check_each_sent_once(bulkps: Run, there: Tenant) -> None:
    assert as_object(bulkps("show", "last", "--json"))["counts"]["COMPLETED"] == ROWS
    rows = read_csv(bulkps("results", "last").stdout)
    assert there.simulator.effects_by_mailbox() == {row["source_identity"]: 1 for row in rows}
    # Not even refused by its name: what the woken one had in hand it did not send.
    assert there.simulator.calls[NEW] == ROWS
    assert bulkps("audit", "verify", "last").exit_code == 0


@needs_pwsh
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")
@pytest.mark.parametrize("number", range(ROUNDS))
def test_who_wakes_after_a_take_over_sends_nothing_through_a_child_powershell(
    bulkps: Run,
    tenant: Callable[..., Tenant],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    """The child does not stand still with its bulkps: it goes on with its batch until its time is over."""
    there = tenant(mailboxes=ROWS, latency=0.2, rest=True)
    there.configure("  max_sessions: 2\n  parallel_execution: true\n  batch_size: 5\n")
    config = there.config.read_text(encoding="utf-8").replace("lease: 4", "lease: 2")
    reached = re.sub(
        r"  tenant: \{.*\}", f"  tenant: {child_connection(there.simulator, monkeypatch)}", config
    )
    there.config.write_text(reached, encoding="utf-8")
    file = rehearsal(bulkps, "restore", ROWS, tmp_path / "in.csv")
    stop_and_go(there, file, random.Random(number), lambda: there.simulator.calls.get(NEW, 0))

    check_each_sent_once(bulkps, there)


def epoch() -> int:
    with Journal(Path(os.environ["BULKPS_HOME"]) / "journal.sqlite3") as journal:
        return journal.run("last").epoch


def stop_and_go(there: Tenant, file: Path, rng: random.Random, sent: Callable[[], int]) -> None:
    """Run *file*; stop its process, let another take over, wake the first; until the run is over."""
    options = ["--config", str(there.config), "--quiet"]
    resume = [*BULKPS, "resume", "last", *options]
    stopped: list[subprocess.Popen[bytes]] = []
    process = begun([*BULKPS, "run", "restore", str(file), *options])
    while len(stopped) < 2:
        wanted = sent() + rng.randint(1, max(2, ROWS // 6))
        wait_for(lambda wanted=wanted, running=process: sent() >= wanted or running.poll() is not None)  # type: ignore[misc]
        if process.poll() is not None:
            break
        time.sleep(rng.random() * 0.05)
        sitting = epoch()
        process.send_signal(signal.SIGSTOP)
        successor = begun(resume)
        # What the stopped one had in hand may still be done; the take-over is what is waited for.
        wait_for(lambda before=sitting, running=successor: epoch() > before or running.poll() is not None)  # type: ignore[misc]
        process.send_signal(signal.SIGCONT)
        if epoch() == sitting:
            # Stopped within a transaction it holds the journal: nobody takes over, and who tries says so.
            said = successor.communicate()[1].decode()
            assert f"held by process {process.pid} on" in said, said
            assert successor.returncode == 6
            continue
        stopped.append(process)
        process = successor
    for one in (*stopped, process):
        one.communicate()
    # Who lost the run says so; who has it finishes it.
    assert {one.returncode for one in stopped} == {7}, [one.returncode for one in stopped]
    if process.returncode == 7:
        resumed = subprocess.run(resume, check=False, capture_output=True)
        assert resumed.returncode == 0, resumed.stderr
    else:
        assert process.returncode == 0


def begun(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@pytest.fixture
def slow_watcher() -> Iterator[Callable[[object], None]]:
    """A progress callback that takes longer than a lease, once."""
    done = threading.Event()

    def watch(_: object) -> None:
        if not done.is_set():
            done.set()
            time.sleep(7.0)

    yield watch


def test_a_progress_callback_that_takes_longer_than_the_lease_costs_the_run_nothing(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path, slow_watcher: Callable[[object], None]
) -> None:
    there = tenant(restore_seconds=0.1)
    file = rehearsal(bulkps, "restore", 10, tmp_path / "in.csv")
    manager = BulkOperationManager(load_settings(there.config), progress=slow_watcher)
    taken: list[int] = []

    def take_over() -> None:
        wait_for(lambda: there.simulator.calls.get(NEW, 0) >= 1)
        command = [*BULKPS, "resume", "last", "--config", str(there.config), "--quiet"]
        taken.append(subprocess.run(command, check=False, capture_output=True).returncode)

    thread = threading.Thread(target=take_over)
    thread.start()
    result = manager.execute_bulk_restore(BulkCSVHandler().import_restore_csv(file))
    thread.join()

    assert taken == [7], "its heartbeat did not go on while the callback took its time"
    assert result.completed == 10
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


@needs_pwsh
def test_a_batch_whose_bulkps_was_killed_is_not_done_twice_though_the_engine_goes_on(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path
) -> None:
    """The engine behind WSMan lives on with the rest of the batch; what it begins then is bounded."""
    there = tenant(mailboxes=40, latency=0.4, engine="powershell", pwsh=Path(PWSH))
    there.configure("  batch_size: 40\n")
    file = rehearsal(bulkps, "restore", 40, tmp_path / "in.csv")
    command = [*BULKPS, "run", "restore", str(file), "--config", str(there.config), "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: there.simulator.calls.get(NEW, 0) >= 2)
    process.kill()
    process.wait()

    resumed = bulkps("resume", "last", "--config", there.config, "--json", "--quiet")

    assert as_object(resumed)["counts"]["COMPLETED"] == 40, resumed.output
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


def test_how_long_bulkps_listens_does_not_say_how_long_a_cmdlet_is_at_work() -> None:
    assert BulkOperationConfig(item_timeout=2).settle >= 960
    assert BulkOperationConfig(item_timeout=5000).settle == 5000
    # Who says it himself is believed.
    assert BulkOperationConfig(lookup=LookupPolicy(settle=10)).settle == 10
