"""What stops a run before its end: another process's wish, its window, a signal, too many failures."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from bulkps.records.journal import Journal
from tests.cli.processes import BULKPS, lose_sight_of_owners, make_lease_old, wait_for
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv

StartTenant = Callable[..., Tenant]
Work = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def work() -> Iterator[Work]:
    """``work("run", "restore", file)``: bulkps at work in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        command = [*BULKPS, *(str(one) for one in arguments)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def sent(there: Tenant, cmdlet: str = "New-MailboxRestoreRequest") -> int:
    return there.simulator.calls.get(cmdlet, 0)


def shown(bulkps: Run) -> dict[str, Any]:
    return as_object(bulkps("show", "last", "--json"))


def with_bad_targets(bulkps: Run, rows: int, bad: range, path: Path) -> Path:
    """Write a file of restores; the targets of the rows whose index is in *bad* are not there."""
    found = read_csv(rehearsal(bulkps, "restore", rows, path).read_text(encoding="utf-8-sig"))
    for index in bad:
        found[index]["target_mailbox"] = f"nobody{index}@contoso.com"
    write_csv(path, found)
    return path


def resumed(bulkps: Run, there: Tenant) -> Result:
    return bulkps("resume", "last", "--config", there.config, "--json", "--quiet")


# --- another process's wish ---------------------------------------------------------------------------


@pytest.mark.proof
def test_pause_is_heard_by_another_process_within_two_seconds_and_resume_does_the_rest_once(
    bulkps: Run, tenant: StartTenant, work: Work, tmp_path: Path
) -> None:
    there = tenant(latency=0.1)
    file = rehearsal(bulkps, "restore", 40, tmp_path / "in.csv")
    process = work("run", "restore", file, "--config", there.config, "--batch-size", 1)
    wait_for(lambda: sent(there) >= 2)

    asked, before = bulkps("pause", "last"), sent(there)
    _, said = process.communicate(timeout=120)

    assert asked.exit_code == 0
    assert f"asked process {process.pid} on " in asked.stderr
    # Each cmdlet takes a tenth of a second, so many go in two; how busy this machine is does not count.
    assert sent(there) - before <= 20
    run = shown(bulkps)
    assert (process.returncode, run["state"]) == (6, "paused"), said
    assert f"To continue: bulkps resume {run['run']} --config {there.config}" in said
    assert run["counts"]["PENDING"] == 40 - sent(there) > 0
    assert run["counts"]["FAILED"] == run["counts"]["SKIPPED"] == 0
    assert as_object(resumed(bulkps, there))["counts"]["COMPLETED"] == 40
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    assert len(there.simulator.effects_by_mailbox()) == 40


def test_a_run_that_only_waits_for_exchange_is_paused_too(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, home: Path
) -> None:
    there = tenant(restore_seconds=3600)
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")

    def pause() -> None:
        wait_for(lambda: there.simulator.calls.get("Get-MailboxRestoreRequest", 0) >= 1)
        with Journal(home / "journal.sqlite3") as journal:
            assert journal.wish(journal.run("last").id, "pause")

    thread = threading.Thread(target=pause)
    thread.start()
    result = bulkps("run", "restore", file, "--config", there.config, "--quiet")
    thread.join()

    run = shown(bulkps)
    assert (result.exit_code, run["state"], run["counts"]["IN_PROGRESS"]) == (6, "paused", 3), result.output
    assert f"To continue: bulkps resume {run['run']} --config {there.config}" in result.stderr
    assert run["next"] == f"bulkps resume {run['run']} --config {there.config}"


@pytest.mark.proof
def test_cancel_is_heard_by_another_process_within_two_seconds_and_the_rest_is_skipped(
    bulkps: Run, tenant: StartTenant, work: Work, tmp_path: Path
) -> None:
    there = tenant(latency=0.1)
    file = rehearsal(bulkps, "recovery", 40, tmp_path / "in.csv")
    process = work("run", "recovery", file, "--config", there.config, "--batch-size", 1, "--yes")
    wait_for(lambda: sent(there, "New-Mailbox") >= 2)

    asked, before = as_object(bulkps("cancel", "last", "--json")), sent(there, "New-Mailbox")
    _, said = process.communicate(timeout=120)

    assert asked["asked"].startswith(f"process {process.pid} on ")
    done = sent(there, "New-Mailbox")
    assert done - before <= 20
    run = shown(bulkps)
    # Nothing is left to resume: the run is over, and some of its rows were not done.
    assert (process.returncode, run["state"], run["next"]) == (4, "cancelled", ""), said
    assert run["counts"] == {
        "PENDING": 0,
        "IN_PROGRESS": 0,
        "COMPLETED": done,
        "FAILED": 0,
        "SKIPPED": 40 - done,
    }
    assert resumed(bulkps, there).exit_code == 4
    assert sent(there, "New-Mailbox") == done


@pytest.mark.parametrize("noticed", [False, True], ids=["asked the dead", "nobody works on it"])
@pytest.mark.parametrize("operation", ["recovery", "restore"])
def test_what_was_cancelled_after_a_kill_is_not_sent_by_resume(
    bulkps: Run, tenant: StartTenant, work: Work, tmp_path: Path, operation: str, noticed: bool
) -> None:
    cmdlet = "New-Mailbox" if operation == "recovery" else "New-MailboxRestoreRequest"
    # In flight for ever: the process is killed in the middle of a batch.
    there = tenant(faults=f"{cmdlet}#3=hang")
    file = rehearsal(bulkps, operation, 8, tmp_path / "in.csv")
    process = work("run", operation, file, "--config", there.config, "--batch-size", 5, "--yes")
    wait_for(lambda: sent(there, cmdlet) >= 3)
    process.kill()
    process.communicate()
    if not noticed:
        lose_sight_of_owners()

    cancelled = bulkps("cancel", "last")
    make_lease_old()
    effects = sum(there.simulator.effects_by_mailbox().values())
    again = resumed(bulkps, there)

    assert cancelled.exit_code == (6 if noticed else 0), cancelled.output
    counts = shown(bulkps)["counts"]
    assert (sent(there, cmdlet), sum(there.simulator.effects_by_mailbox().values())) == (3, effects)
    assert counts["PENDING"] == counts["IN_PROGRESS"] == 0, again.output + bulkps("results", "last").stdout
    # Two were answered, one was in flight and is found; two of its batch are not there. Three were not sent.
    assert (counts["COMPLETED"], counts["FAILED"], counts["SKIPPED"]) == (3, 2, 3), again.output
    assert (again.exit_code, shown(bulkps)["state"]) == (4, "cancelled")
    codes = {row["error_code"] for row in read_csv(bulkps("results", "last", "--only", "failed").stdout)}
    assert codes == {"in-doubt"}
    assert bulkps("audit", "verify", "last").exit_code == 0
    # Who asks for the failed ones by name gets them; the rest stays cancelled.
    asked_for = bulkps("retry", "last", "--config", there.config, "--json", "--quiet")
    assert as_object(asked_for)["counts"]["COMPLETED"] == 5, asked_for.output
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


def killed_in_the_middle(bulkps: Run, tenant: StartTenant, work: Work, folder: Path, fault: str) -> Tenant:
    """Kill a recovery of eight rows when *fault* lets a cmdlet hang, and cancel what nobody works on."""
    there = tenant(faults=f"{fault}=hang")
    file = rehearsal(bulkps, "recovery", 8, folder / "in.csv")
    rows = read_csv(file.read_text(encoding="utf-8-sig"))
    write_csv(file, [{**row, "department": "Legal"} for row in rows])
    process = work("run", "recovery", file, "--config", there.config, "--batch-size", 5, "--yes")
    cmdlet, _, number = fault.partition("#")
    wait_for(lambda: sent(there, cmdlet) >= int(number))
    process.kill()
    process.communicate()
    return there


def test_retry_after_a_cancel_that_nobody_heard_leaves_the_rest_cancelled(
    bulkps: Run, tenant: StartTenant, work: Work, tmp_path: Path
) -> None:
    there = killed_in_the_middle(bulkps, tenant, work, tmp_path, "New-Mailbox#3")
    lose_sight_of_owners()

    assert bulkps("cancel", "last").exit_code == 0
    make_lease_old()
    retried = bulkps("retry", "last", "--config", there.config, "--json", "--quiet")

    counts = as_object(retried)["counts"]
    assert (counts["SKIPPED"], counts["COMPLETED"]) == (3, 5), retried.output
    [following] = as_object(retried)["next"]
    assert "--only skipped" in following
    assert set(there.simulator.effects_by_mailbox("mailbox-recovered").values()) == {1}


def test_a_cancel_outlives_an_audit_log_that_could_not_be_opened(
    bulkps: Run, tenant: StartTenant, work: Work, tmp_path: Path
) -> None:
    there = killed_in_the_middle(bulkps, tenant, work, tmp_path, "New-Mailbox#3")
    lose_sight_of_owners()
    bulkps("cancel", "last")
    make_lease_old()
    audit = Path(shown(bulkps)["audit"])
    kept = audit.rename(tmp_path / "away.jsonl")
    audit.mkdir()

    refused = resumed(bulkps, there)
    audit.rmdir()
    kept.rename(audit)
    after = resumed(bulkps, there)

    assert refused.exit_code == 6, refused.output
    assert as_object(after)["counts"]["SKIPPED"] == 3, after.output
    assert sent(there, "New-Mailbox") == 3


def test_a_step_that_harms_nothing_is_done_though_the_run_was_cancelled_while_it_was_in_flight(
    bulkps: Run, tenant: StartTenant, work: Work, tmp_path: Path
) -> None:
    there = killed_in_the_middle(bulkps, tenant, work, tmp_path, "Set-User#1")
    make_lease_old()
    bulkps("cancel", "last")

    after = resumed(bulkps, there)

    counts = as_object(after)["counts"]
    assert (counts["FAILED"], counts["IN_PROGRESS"]) == (0, 0), after.output
    assert counts["COMPLETED"] == sent(there, "New-Mailbox")
    assert set(there.simulator.effects_by_mailbox("mailbox-recovered").values()) == {1}


def test_a_run_that_nobody_works_on_cannot_be_paused(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--no-wait", "--quiet")

    refused = bulkps("pause", "last")

    assert refused.exit_code == 2
    run = shown(bulkps)["run"]
    assert f"no process is working on run {run}; there is nothing to pause" in refused.stderr
    assert f"To continue: bulkps resume {run} --config {there.config}" in refused.stderr
    assert as_object(resumed(bulkps, there))["counts"]["COMPLETED"] == 3


def test_a_stopped_run_is_cancelled_without_a_connection_and_what_is_at_exchange_is_followed_later(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    there.configure("  max_failures: 1\n")
    file = with_bad_targets(bulkps, 20, range(1), tmp_path / "in.csv")
    stopped = bulkps("run", "restore", file, "--config", there.config, "--batch-size", 5, "--quiet")
    before = dict(there.simulator.calls)

    cancelled = bulkps("cancel", "last")

    run = shown(bulkps)
    assert stopped.exit_code == cancelled.exit_code == 6
    assert f"To continue: bulkps resume {run['run']}" in cancelled.stderr
    assert there.simulator.calls == before
    assert run["state"] == "cancelled"
    assert run["counts"] == {"PENDING": 0, "IN_PROGRESS": 4, "COMPLETED": 0, "FAILED": 1, "SKIPPED": 15}
    rows = read_csv(bulkps("results", "last", "--only", "skipped").stdout)
    assert {(row["error_code"], row["error"]) for row in rows} == {
        ("cancelled", "never sent: the run was cancelled")
    }
    assert bulkps("audit", "verify", "last").exit_code == 0
    after = as_object(resumed(bulkps, there))
    assert (after["counts"]["COMPLETED"], after["counts"]["SKIPPED"]) == (4, 15)
    assert sent(there) == before["New-MailboxRestoreRequest"]


def test_a_stopped_run_of_which_nothing_is_under_way_is_over_once_it_is_cancelled(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    there.configure("  max_failures: 1\n")
    file = with_bad_targets(bulkps, 10, range(10), tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--batch-size", 5, "--quiet")

    cancelled = bulkps("cancel", "last")

    assert cancelled.exit_code == 0
    assert "Next:" not in cancelled.stderr
    counts = {"PENDING": 0, "IN_PROGRESS": 0, "COMPLETED": 0, "FAILED": 5, "SKIPPED": 5}
    assert shown(bulkps)["counts"] == counts


def test_a_run_that_is_over_cannot_be_cancelled_and_stays_as_it_is(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--quiet")
    before = shown(bulkps)

    refused = bulkps("cancel", "last")

    assert refused.exit_code == 2
    assert f"run {before['run']} is over; there is nothing to cancel" in refused.stderr
    assert shown(bulkps) == before


# --- its window ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--until", "25:99", "expected a time such as 06:00"),
        ("--until", "tomorrow", "expected a time such as 06:00"),
        ("--until", "2020-01-01T06:00", "is in the past"),
        ("--max-duration", "soon", "expected a duration such as 8h"),
        ("--max-duration", "0s", "expected a duration such as 8h"),
        ("--max-duration", "-1h", "expected a duration such as 8h"),
    ],
)
def test_a_window_that_is_none_is_refused(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, option: str, value: str, why: str
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")

    refused = bulkps("run", "restore", file, "--config", there.config, f"{option}={value}")

    assert refused.exit_code == 2
    assert f"'{value}'" in refused.stderr
    assert why in refused.stderr
    assert there.simulator.calls == {}


def test_a_run_that_ends_within_its_window_knows_nothing_of_it(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")
    tomorrow = (datetime.now() + timedelta(days=1)).isoformat(timespec="seconds")

    result = bulkps(
        "run", "restore", file, "--config", there.config, "--until", tomorrow, "--max-duration", "1h30m"
    )

    assert result.exit_code == 0, result.output
    assert shown(bulkps)["state"] == "done"


@pytest.mark.proof
def test_a_run_whose_time_is_up_pauses_and_says_how_it_goes_on(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    # Fourteen cmdlets of a tenth of a second each cannot end within a second.
    there = tenant(latency=0.1)
    file = rehearsal(bulkps, "restore", 14, tmp_path / "in.csv")
    tomorrow = (datetime.now() + timedelta(days=1)).isoformat(timespec="seconds")
    command = ["run", "restore", str(file), "--config", str(there.config), "--batch-size", "1", "--quiet"]

    stopped = bulkps(*command, "--until", tomorrow, "--max-duration", "1s")

    run = shown(bulkps)
    assert (stopped.exit_code, run["state"]) == (6, "time-is-up"), stopped.output
    assert run["counts"]["PENDING"] == 14 - sent(there) > 0
    assert "its time limit was reached" in stopped.stderr
    assert f"To continue: bulkps resume {run['run']} --config {there.config}" in stopped.stderr
    assert as_object(resumed(bulkps, there))["counts"]["COMPLETED"] == 14
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGTERM between processes")
def test_a_termination_signal_lets_what_is_in_flight_end(
    bulkps: Run, tenant: StartTenant, work: Work, tmp_path: Path
) -> None:
    there = tenant(latency=0.1)
    file = rehearsal(bulkps, "restore", 40, tmp_path / "in.csv")
    process = work("run", "restore", file, "--config", there.config, "--batch-size", 2)
    wait_for(lambda: sent(there) >= 2)

    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)

    run = shown(bulkps)
    assert (process.returncode, run["state"]) == (130, "paused"), said
    assert f"To continue: bulkps resume {run['run']}" in said
    assert run["counts"]["PENDING"] == 40 - sent(there) > 0
    assert len(there.simulator.effects_by_mailbox()) == sent(there)
    errors = {row["error_code"] for row in read_csv(bulkps("results", "last").stdout)}
    assert errors == {""}, "nothing was cut off, so nothing is in doubt"


# --- too many failures --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "why", "failed"),
    [
        ("  max_failures: 2\n", "2 rows failed (max_failures 2)", 5),
        ("  max_failure_share: 0.5\n", "20 of 20 rows failed (max_failure_share 0.5)", 20),
        (
            "  breakers: {permanent: {max_failures: 2}}\n",
            "2 rows failed (max_failures 2) of class permanent",
            5,
        ),
    ],
)
def test_too_many_failures_stop_a_run_before_it_does_more_harm(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, limits: str, why: str, failed: int
) -> None:
    there = tenant()
    there.configure(limits)
    file = with_bad_targets(bulkps, 40, range(40), tmp_path / "in.csv")

    stopped = bulkps("run", "restore", file, "--config", there.config, "--batch-size", 5, "--quiet")

    run = shown(bulkps)
    assert (stopped.exit_code, run["state"]) == (6, "too-many-failures"), stopped.output
    assert f"stopped: too-many-failures: {why}; the last: row " in stopped.stderr
    assert "nobody" in stopped.stderr
    assert f"To continue: bulkps resume {run['run']} --config {there.config}" in stopped.stderr
    assert (run["counts"]["FAILED"], run["counts"]["PENDING"]) == (failed, 40 - failed)
    assert sent(there) == failed


def test_failures_of_another_class_or_fewer_of_them_stop_nothing(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    there.configure(
        "  max_failures: 3\n  max_failure_share: 0.1\n  breakers: {conflict: {max_failures: 1}}\n"
    )
    file = with_bad_targets(bulkps, 20, range(2), tmp_path / "in.csv")

    result = bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet")

    assert result.exit_code == 4
    assert (as_object(result)["counts"]["FAILED"], as_object(result)["counts"]["COMPLETED"]) == (2, 18)
