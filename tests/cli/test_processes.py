"""bulkps in processes of its own: another process's tenant, Ctrl-C, a kill, two at once."""

import json
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import BULKPS, wait_for
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, whole_lines

#: Run by ``python -m pytest -m proof``: it waits for processes.
pytestmark = pytest.mark.proof

StartTenant = Callable[..., Tenant]


@pytest.fixture
def simulate(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """``bulkps simulate`` in another process; gives settings that lead to it."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> Path:
        config = tmp_path / "there.yaml"
        command = [*BULKPS, "simulate", "--port", "0", "--write-config", str(config), "--mailboxes", "60"]
        command += ["--effects", str(tmp_path / "effects.jsonl"), "--restore-seconds", "0.1", *options]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stderr is not None
        assert any("Ctrl-C" in line for line in process.stderr)
        with config.open("a", encoding="utf-8") as file:
            file.write("run:\n  preflight: false\n  delay_between_batches: 0\n  follow: {first_wait: 0.2}\n")
            file.write("  retry: {transient: {first_wait: 0.05}, throttled: {first_wait: 0.05}}\n")
            file.write("  lookup: {first_wait: 0.1, settle: 0.3}\n")
        return config

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def effects(folder: Path) -> Counter[str]:
    return Counter(json.loads(line)["mailbox"] for line in whole_lines(folder / "effects.jsonl"))


@pytest.mark.proof
def test_a_run_against_another_process_has_one_effect_a_row(
    bulkps: Run, simulate: Callable[..., Path], tmp_path: Path
) -> None:
    config = simulate("--faults", "transient=0.05,throttled=0.05")
    file = rehearsal(bulkps, "restore", 40, tmp_path / "in.csv")

    done = subprocess.run(
        [*BULKPS, "run", "restore", str(file), "--config", str(config), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["COMPLETED"] == 40
    assert len(effects(tmp_path)) == 40
    assert set(effects(tmp_path).values()) == {1}


@pytest.mark.proof
def test_a_run_that_is_killed_goes_on_and_does_nothing_twice(
    bulkps: Run, simulate: Callable[..., Path], tmp_path: Path
) -> None:
    config = simulate("--latency", "0.05")
    file = rehearsal(bulkps, "restore", 40, tmp_path / "in.csv")
    process = subprocess.Popen(
        [*BULKPS, "run", "restore", str(file), "--config", str(config), "--quiet"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: (tmp_path / "effects.jsonl").exists() and sum(effects(tmp_path).values()) >= 5)
    process.kill()
    process.wait()

    resumed = bulkps("resume", "last", "--config", config, "--json", "--quiet")

    assert as_object(resumed)["counts"]["COMPLETED"] == 40
    assert set(effects(tmp_path).values()) == {1}
    assert len(effects(tmp_path)) == 40
    audit = Path(as_object(resumed)["audit"]).read_text(encoding="utf-8")
    assert '"event": "item.in-doubt"' in audit, "the kill met nothing: the test shows nothing"


def test_a_run_that_another_process_works_on_is_left_alone(
    bulkps: Run, simulate: Callable[..., Path], tmp_path: Path
) -> None:
    config = simulate("--latency", "0.1")
    file = rehearsal(bulkps, "restore", 40, tmp_path / "in.csv")
    process = subprocess.Popen(
        [*BULKPS, "run", "restore", str(file), "--config", str(config), "--quiet"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: (tmp_path / "effects.jsonl").exists() and sum(effects(tmp_path).values()) >= 3)

    refused = bulkps("resume", "last", "--config", config, "--quiet")
    process.wait()

    assert refused.exit_code == 7, refused.output
    assert "is in use by process" in refused.stderr
    assert process.returncode == 0, "the run that was left alone ends as if nothing had been"
    assert set(effects(tmp_path).values()) == {1}


def test_a_second_ctrl_c_stops_what_is_in_flight_and_sends_nothing_more(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(latency=3.0)
    file = rehearsal(bulkps, "restore", 12, tmp_path / "in.csv")

    def interrupt() -> None:
        wait_for(lambda: there.simulator.calls.get("New-MailboxRestoreRequest", 0) >= 1)
        # Two of one kind could be taken in as one.
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    result = bulkps("run", "restore", file, "--config", there.config)
    thread.join()

    assert result.exit_code == 130, result.output
    counts = as_object(bulkps("show", "last", "--json"))["counts"]
    assert counts == {"PENDING": 11, "IN_PROGRESS": 1, "COMPLETED": 0, "FAILED": 0, "SKIPPED": 0}
    assert "interrupted" in read_csv(bulkps("results", "last").stdout)[0]["error"]
    assert there.simulator.calls["New-MailboxRestoreRequest"] == 1
    assert f"--config {there.config}" in result.stderr


def test_ctrl_c_lets_what_is_in_flight_end_and_says_how_to_go_on(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(latency=0.05)
    file = rehearsal(bulkps, "restore", 40, tmp_path / "in.csv")

    def interrupt() -> None:
        wait_for(lambda: there.simulator.calls.get("New-MailboxRestoreRequest", 0) >= 5)
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    result = bulkps("run", "restore", file, "--config", there.config, "--no-wait")
    thread.join()

    assert result.exit_code == 130, result.output
    assert "Pausing" in result.stderr
    run = as_object(bulkps("show", "last", "--json"))
    assert f"bulkps resume {run['run']}" in result.stderr
    assert run["counts"]["FAILED"] == 0
    # Whole batches of ten: the one in flight ended, and on a busy machine perhaps another.
    assert run["counts"]["PENDING"] in (30, 20, 10)
    resumed: dict[str, Any] = as_object(
        bulkps("resume", "last", "--config", there.config, "--json", "--quiet")
    )
    assert resumed["counts"]["COMPLETED"] == 40
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
