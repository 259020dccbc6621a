"""What stops a run while it only reads: nothing was sent, and resume does pre-flight and the run."""

import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from bulkps import BulkCSVHandler, BulkItemStatus, BulkOperationManager, load_settings
from tests.cli.processes import BULKPS, wait_for
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv

#: Run by ``python -m pytest -m proof``: too many processes for the suite.
pytestmark = pytest.mark.proof

StartTenant = Callable[..., Tenant]
ROWS = 8


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[], object]], None]]:
    """``meanwhile(do)``: does it on another thread, and waits for it at the end."""
    threads: list[threading.Thread] = []

    def start(do: Callable[[], object]) -> None:
        threads.append(threading.Thread(target=do))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join()


Meanwhile = Callable[[Callable[[], object]], None]


def slow(tenant: StartTenant, **options: Any) -> Tenant:
    """Start a tenant that takes its time for every read: longer in all than a process needs to start."""
    there = tenant(**{"latency": 0.5, **options})
    there.configure("  connect: {attempts: 1}\n", preflight=True)
    return there


def quick(tenant: StartTenant, there: Tenant) -> Tenant:
    """Start the same tenant again, where nothing takes time any more."""
    port = there.simulator.port
    there.simulator.stop()
    return tenant(port=port)


def reads(there: Tenant) -> int:
    return there.simulator.calls.get("Get-Mailbox", 0) + there.simulator.calls.get(
        "Get-OrganizationConfig", 0
    )


def shown(bulkps: Run) -> dict[str, Any]:
    return as_object(bulkps("show", "last", "--json"))


def nothing_was_sent(bulkps: Run, there: Tenant) -> bool:
    run = shown(bulkps)
    assert run["counts"]["IN_PROGRESS"] == run["counts"]["COMPLETED"] == 0
    assert run["preflight"] == {}
    verified = bulkps("audit", "verify", "last")
    assert verified.exit_code == 0, verified.output
    return not there.lines() and "New-MailboxRestoreRequest" not in there.simulator.calls


def ends_well(bulkps: Run, tenant: StartTenant, there: Tenant) -> None:
    there = quick(tenant, there)
    resumed = bulkps("resume", "last", "--config", there.config, "--json", "--quiet")
    assert resumed.exit_code == 0, resumed.output
    said = as_object(resumed)
    assert (said["counts"]["COMPLETED"], said["preflight"]["state"]) == (ROWS, "done")
    effects = there.simulator.effects_by_mailbox()
    assert (len(effects), set(effects.values())) == (ROWS, {1})
    assert bulkps("audit", "verify", "last").exit_code == 0


def run(bulkps: Run, there: Tenant, file: Path, *options: str) -> Result:
    return bulkps("run", "restore", file, "--config", there.config, "--quiet", *options)


# --- Ctrl-C, pause, cancel, kill ----------------------------------------------------------------------


@pytest.mark.parametrize(("signum", "no_language"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_ctrl_c_while_preflight_reads_sends_nothing_and_resume_does_it_all(
    bulkps: Run,
    tenant: StartTenant,
    tmp_path: Path,
    meanwhile: Meanwhile,
    signum: signal.Signals,
    no_language: bool,
) -> None:
    there = slow(tenant, no_language=no_language)
    file = rehearsal(bulkps, "restore", ROWS, tmp_path / "in.csv")

    def interrupt() -> None:
        wait_for(lambda: reads(there) >= 3)
        signal.raise_signal(signum)

    meanwhile(interrupt)
    stopped = run(bulkps, there, file)

    assert stopped.exit_code == 130, stopped.output
    assert reads(there) < 2 * ROWS, "what was not begun is not read"
    assert nothing_was_sent(bulkps, there)
    assert "Pre-flight was not finished: nothing was sent" in stopped.stderr
    assert f"To continue: bulkps resume {shown(bulkps)['run']} --config {there.config}" in stopped.stderr
    ends_well(bulkps, tenant, there)


def test_pause_is_heard_while_preflight_reads(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, meanwhile: Meanwhile
) -> None:
    there = slow(tenant)
    file = rehearsal(bulkps, "restore", ROWS, tmp_path / "in.csv")
    said: list[str] = []

    def pause() -> None:
        wait_for(lambda: reads(there) >= 2)
        asked = subprocess.run([*BULKPS, "pause", "last"], capture_output=True, text=True, check=True)
        said.append(asked.stderr)

    meanwhile(pause)
    stopped = run(bulkps, there, file, "--sizes")

    assert stopped.exit_code == 6, stopped.output
    assert shown(bulkps)["state"] == "paused"
    assert nothing_was_sent(bulkps, there)
    assert "bulkps resume" in stopped.stderr
    ends_well(bulkps, tenant, there)
    assert "asked process" in said[0]


@pytest.mark.parametrize("command", ["run", "validate"])
def test_cancel_is_heard_while_preflight_reads_and_the_run_is_over(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, meanwhile: Meanwhile, command: str
) -> None:
    there = slow(tenant)
    file = rehearsal(bulkps, "restore", ROWS, tmp_path / "in.csv")

    def cancel() -> None:
        wait_for(lambda: reads(there) >= 2)
        subprocess.run([*BULKPS, "cancel", "last"], capture_output=True, check=True)

    meanwhile(cancel)
    stopped = bulkps(command, "restore", file, "--config", there.config, "--quiet", "--sizes")

    assert stopped.exit_code == 4, stopped.output
    assert (shown(bulkps)["state"], shown(bulkps)["counts"]["SKIPPED"]) == ("cancelled", ROWS)
    assert nothing_was_sent(bulkps, there)
    before = reads(there)
    assert bulkps("resume", "last", "--config", there.config, "--quiet").exit_code == 4
    assert reads(there) == before, "nothing is left to be read about"


@pytest.mark.parametrize("command", ["run", "validate"])
def test_a_process_that_is_killed_while_it_reads_leaves_a_run_that_goes_on(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, command: str
) -> None:
    there = slow(tenant)
    file = rehearsal(bulkps, "restore", ROWS, tmp_path / "in.csv")
    process = subprocess.Popen(
        [*BULKPS, command, "restore", str(file), "--config", str(there.config), "--quiet"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: reads(there) >= 3)
    process.kill()
    process.wait()

    assert nothing_was_sent(bulkps, there)
    if command == "run":
        ends_well(bulkps, tenant, there)
        return
    there = quick(tenant, there)
    resumed = bulkps("resume", "last", "--config", there.config, "--json", "--quiet")
    assert (resumed.exit_code, as_object(resumed)["counts"]["COMPLETED"]) == (0, ROWS), resumed.output
    assert there.lines() == []


def test_the_lease_is_kept_while_a_read_does_not_end_and_ctrl_c_ends_that_too(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, meanwhile: Meanwhile, home: Path
) -> None:
    there = tenant(faults="Get-OrganizationConfig#1=hang")
    there.configure("", preflight=True)
    file = rehearsal(bulkps, "restore", ROWS, tmp_path / "in.csv")
    renewed: list[float] = []
    refused: list[int] = []

    def heartbeat() -> float:
        connection = sqlite3.connect(home / "journal.sqlite3")
        [(at,)] = connection.execute("SELECT heartbeat FROM runs").fetchall()
        connection.close()
        return float(at)

    def watch() -> None:
        wait_for(lambda: there.simulator.calls.get("Get-OrganizationConfig", 0) == 1)
        # What was written before the read began is not what is looked for.
        for _ in range(2):
            last = heartbeat()
            wait_for(lambda last=last: heartbeat() > last)  # type: ignore[misc]
            renewed.append(heartbeat())
        command = [*BULKPS, "resume", "last", "--config", str(there.config), "--quiet"]
        refused.append(subprocess.run(command, capture_output=True, check=False).returncode)
        signal.raise_signal(signal.SIGINT)

    meanwhile(watch)
    stopped = run(bulkps, there, file)

    assert stopped.exit_code == 130, stopped.output
    assert len(renewed) == 2
    assert refused == [7]
    assert nothing_was_sent(bulkps, there)
    ends_well(bulkps, tenant, there)


# --- no connection, a crash while it is recorded ------------------------------------------------------


def test_an_endpoint_that_refuses_connections_leaves_a_run_that_goes_on(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = slow(tenant, latency=0.0)
    port = there.simulator.port
    file = rehearsal(bulkps, "restore", ROWS, tmp_path / "in.csv")
    there.simulator.stop()

    stopped = run(bulkps, there, file, "--json")

    assert stopped.exit_code == 5, stopped.output
    said = as_object(stopped)
    assert (said["stopped"], said["counts"]["PENDING"]) == ("cannot-connect", ROWS)
    assert "nothing was sent" in stopped.stderr
    assert nothing_was_sent(bulkps, there)
    ends_well(bulkps, tenant, tenant(port=port))


def test_rows_that_another_run_completed_do_not_hide_that_nothing_was_sent(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = slow(tenant, latency=0.0)
    assert run(bulkps, there, rehearsal(bulkps, "restore", 2, tmp_path / "two.csv")).exit_code == 0
    there.simulator.stop()

    stopped = run(bulkps, there, rehearsal(bulkps, "restore", ROWS, tmp_path / "in.csv"))

    assert stopped.exit_code == 5, stopped.output
    assert shown(bulkps)["counts"]["PENDING"] == ROWS - 2


def crashed(bulkps: Run, there: Tenant, file: Path) -> dict[str, Any]:
    """Run a restore that crashes once it has recorded its first findings; return how it stands."""

    def progress(item: object) -> None:
        raise ZeroDivisionError

    manager = BulkOperationManager(load_settings(there.config), progress=progress)
    with pytest.raises(ZeroDivisionError):
        manager.execute_bulk_restore(BulkCSVHandler().import_restore_csv(file))
    return shown(bulkps)


def test_a_crash_while_findings_are_recorded_forgets_no_blocker_and_tells_no_warning_twice(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(troubles=True)
    there.configure("  require_clean: true\n", preflight=True)
    people = there.simulator.tenant
    codes = ("archive-left-out", "legacy-dn-mismatch")
    troubles = [people.trouble(code) for code in codes]
    write_csv(
        tmp_path / "in.csv", [{"source_guid": one.source, "target_mailbox": one.target} for one in troubles]
    )

    half = crashed(bulkps, there, tmp_path / "in.csv")
    resumed = bulkps("resume", "last", "--config", there.config, "--quiet", "--json")

    assert (half["counts"]["PENDING"], half["counts"]["SKIPPED"], half["preflight"]) == (1, 1, {})
    assert resumed.exit_code == 3, resumed.output
    assert as_object(resumed)["preflight"]["blocked"] == 1
    assert there.lines() == []
    found = read_csv(bulkps("results", "last").stdout)
    assert [row["error_code"] for row in found] == ["not-clean", "legacy-dn-mismatch"]
    assert found[0]["warnings"].count("archive-left-out: ") == 1
    assert bulkps("audit", "verify", "last").exit_code == 0


def test_a_crash_between_two_rows_that_name_one_mailbox_lets_neither_through(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    # Findings are recorded 500 at a time, so that the twin of the first row is left when it crashes.
    rows = 500
    there = tenant(mailboxes=rows)
    there.configure("", preflight=True)
    people = there.simulator.tenant
    nobody = [
        {"source_guid": str(people.inactive(i)["ExchangeGuid"]), "target_mailbox": f"nobody{i}@contoso.com"}
        for i in range(rows)
    ]
    twin = {
        "source_guid": str(people.inactive(0)["DistinguishedName"]),
        "target_mailbox": str(people.active(0)["PrimarySmtpAddress"]),
    }
    write_csv(tmp_path / "in.csv", [*nobody, twin])

    half = crashed(bulkps, there, tmp_path / "in.csv")
    resumed = bulkps("resume", "last", "--config", there.config, "--quiet", "--json")

    assert (half["counts"]["PENDING"], half["counts"]["SKIPPED"]) == (1, rows)
    assert as_object(resumed)["counts"]["SKIPPED"] == rows + 1, resumed.output
    assert as_object(resumed)["preflight"]["blocked"] == rows + 1
    [*_, last] = read_csv(bulkps("results", "last").stdout)
    assert last["error_code"] == "repeated-row"
    assert there.lines() == []


def test_a_run_of_the_library_is_cancelled_while_preflight_reads(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, meanwhile: Meanwhile
) -> None:
    there = slow(tenant)
    items = BulkCSVHandler().import_restore_csv(rehearsal(bulkps, "restore", ROWS, tmp_path / "in.csv"))
    manager = BulkOperationManager(load_settings(there.config))
    heard: list[bool] = []

    def cancel() -> None:
        wait_for(lambda: reads(there) >= 2)
        heard.append(manager.cancel_operation())

    meanwhile(cancel)
    result = manager.execute_bulk_validation("restore", items)

    assert heard == [True]
    assert {item.status for item in items} == {BulkItemStatus.SKIPPED}
    assert (result.exit_code, result.skipped) == (4, ROWS)
    assert nothing_was_sent(bulkps, there)
