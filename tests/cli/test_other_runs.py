"""What other runs do to the same rows: before, meanwhile, and while one of them stands still."""

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulkps import BulkCSVHandler, BulkOperationManager
from bulkps.errors import BulkpsError, ContentElsewhere
from bulkps.records.journal import Journal
from bulkps.settings import load_settings
from tests.cli.processes import BULKPS, paused_once
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv

StartTenant = Callable[..., Tenant]
NEW = "New-MailboxRestoreRequest"


def done(bulkps: Run, there: Tenant, file: Path, *options: str, operation: str = "restore") -> dict[str, Any]:
    command = ["run", operation, file, "--config", there.config, "--json", "--quiet", "--yes", *options]
    return as_object(bulkps(*command))


def paused_after(bulkps: Run, there: Tenant, file: Path, rows: int, *options: str) -> dict[str, Any]:
    """Run *file* and pause it once *rows* were sent; return what is said of it."""
    with paused_once(lambda: there.simulator.calls.get(NEW, 0) >= rows):
        return done(bulkps, there, file, "--batch-size", "1", *options)


def results(bulkps: Run, run: object) -> list[dict[str, str]]:
    return read_csv(bulkps("results", run).stdout)


def test_resume_does_not_send_what_another_run_did_meanwhile(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(latency=0.1)
    file = rehearsal(bulkps, "restore", 20, tmp_path / "in.csv")
    first = paused_after(bulkps, there, file, 1, "--no-wait")
    assert first["counts"]["PENDING"] > 0
    # The rest of the file, as a colleague would run it who does not know of the pause.
    rest = [row for row in results(bulkps, first["run"]) if row["status"] == "PENDING"]
    write_csv(tmp_path / "rest.csv", rest)
    second = done(bulkps, there, tmp_path / "rest.csv")

    resumed = bulkps("resume", first["run"], "--config", there.config, "--json", "--quiet")

    assert second["counts"]["COMPLETED"] == len(rest)
    said = as_object(resumed)
    assert (said["counts"]["SKIPPED"], said["counts"]["PENDING"]) == (len(rest), 0), resumed.output
    skipped = [row for row in results(bulkps, first["run"]) if row["status"] == "SKIPPED"]
    assert {row["error_code"] for row in skipped} == {"done-already"}
    assert all(f"by run {second['run']}" in row["error"] for row in skipped)
    assert there.simulator.calls[NEW] == 20
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    assert bulkps("audit", "verify", first["run"]).exit_code == 0


def test_resume_leaves_rows_that_another_run_has_in_hand_and_says_what_finishes_them(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(latency=0.1, restore_seconds=3600)
    file = rehearsal(bulkps, "restore", 20, tmp_path / "in.csv")
    first = paused_after(bulkps, there, file, 1, "--no-wait")
    rest = [row for row in results(bulkps, first["run"]) if row["status"] == "PENDING"]
    write_csv(tmp_path / "rest.csv", rest)
    second = done(bulkps, there, tmp_path / "rest.csv", "--no-wait")
    # Its own rows are at Exchange for an hour: it is paused as soon as it has looked.
    polls = there.simulator.calls.get("Get-MailboxRestoreRequest", 0)
    asked = "Get-MailboxRestoreRequest"
    with paused_once(lambda: there.simulator.calls.get(asked, 0) > polls, first["run"]):
        bulkps("resume", first["run"], "--config", there.config, "--json", "--quiet")

    left = [row for row in results(bulkps, first["run"]) if row["status"] == "SKIPPED"]
    assert len(left) == len(rest)
    assert {row["error_code"] for row in left} == {"left-to-other-run"}
    assert all(f"bulkps resume {second['run']}" in row["advice"] for row in left)
    assert there.simulator.calls[NEW] == 20


@pytest.mark.proof
@pytest.mark.parametrize("machine", ["the same", "another"])
def test_resume_finds_what_another_run_did_under_other_names(
    bulkps: Run,
    tenant: StartTenant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
    machine: str,
) -> None:
    """The other one named the targets by GUID; pre-flight looks again before anything is sent."""
    there = tenant(latency=0.1)
    there.configure(preflight=True)
    people = there.simulator.tenant
    rows = [
        {
            "source_guid": str(people.inactive(number)["ExchangeGuid"]),
            "target_mailbox": str(people.active(number)["PrimarySmtpAddress"]),
        }
        for number in range(1, 17)
    ]
    write_csv(tmp_path / "in.csv", rows)
    first = paused_after(bulkps, there, tmp_path / "in.csv", 1, "--no-wait")
    pending = {row["source_identity"] for row in results(bulkps, first["run"]) if row["status"] == "PENDING"}
    assert pending
    by_guid = [
        {**row, "target_mailbox": str(people.active(number)["ExchangeGuid"])}
        for number, row in enumerate(rows, 1)
        if row["source_guid"] in pending
    ]
    write_csv(tmp_path / "other.csv", by_guid)
    if machine == "another":
        monkeypatch.setenv("BULKPS_HOME", str(tmp_path / "elsewhere"))
    second = done(bulkps, there, tmp_path / "other.csv")
    monkeypatch.setenv("BULKPS_HOME", str(home))

    resumed = bulkps("resume", first["run"], "--config", there.config, "--json", "--quiet")

    assert second["counts"]["COMPLETED"] == len(pending)
    assert as_object(resumed)["counts"]["SKIPPED"] == len(pending), resumed.output
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    codes = {row["error_code"] for row in results(bulkps, first["run"]) if row["status"] == "SKIPPED"}
    assert all("repeated-row" in code or "request-" in code for code in codes), codes


def test_of_two_processes_that_begin_at_once_one_sends_and_the_other_says_who(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(latency=0.02)
    file = rehearsal(bulkps, "restore", 12, tmp_path / "in.csv")
    command = [*BULKPS, "run", "restore", str(file), "--config", str(there.config), "--quiet"]

    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate()[1] for process in both]

    codes = sorted(process.returncode for process in both)
    # The later one may come when all is done: then it has nothing left to do.
    assert codes in ([0, 2], [0, 0]), said
    assert there.simulator.calls[NEW] == 12
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    assert "the same row is" in "".join(said) or codes == [0, 0]


def test_of_three_managers_in_threads_one_sends_each_row(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tenant(latency=0.02)
    file = rehearsal(bulkps, "restore", 12, tmp_path / "in.csv")
    settings = load_settings(there.config)
    refused: list[BulkpsError] = []
    ready = threading.Barrier(3)

    def work() -> None:
        manager = BulkOperationManager(settings)
        items = BulkCSVHandler().import_restore_csv(file)
        ready.wait()
        try:
            manager.execute_bulk_restore(items)
        except ContentElsewhere as error:
            refused.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert there.simulator.calls[NEW] == 12
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


@pytest.mark.proof
def test_rows_that_are_still_being_read_in_are_another_runs_already(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, home: Path
) -> None:
    """A large file is in the journal for seconds before anything of it is sent."""
    there = tenant(mailboxes=60)
    few = rehearsal(bulkps, "restore", 20, tmp_path / "few.csv")
    rows = read_csv(few.read_text(encoding="utf-8-sig"))
    many = [
        {**row, "target_folder": f"Old {number}", "source_guid": f"{number:08x}-0000-4000-8000-000000000000"}
        for number, row in enumerate(rows * 2000)
    ]
    write_csv(tmp_path / "many.csv", [*rows, *many])
    command = [
        *BULKPS,
        "run",
        "restore",
        str(tmp_path / "many.csv"),
        "--config",
        str(there.config),
        "--quiet",
    ]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    try:
        claimed = False
        while not claimed and first.poll() is None:
            if not (home / "journal.sqlite3").exists():
                continue
            with Journal(home / "journal.sqlite3") as journal, journal.reading() as connection:
                found = connection.exec_driver_sql("SELECT count(*) FROM items").scalar_one()
                state = connection.exec_driver_sql("SELECT max(state) FROM runs").scalar()
                claimed = found >= 20
                loading = state == "loading"
        second = bulkps("run", "restore", few, "--config", there.config, "--quiet")
    finally:
        first.kill()
        first.wait()

    assert loading, "it was read in too fast: the test shows nothing"
    assert second.exit_code == 2, second.output
    assert "nothing was sent" in second.stderr


def test_rows_of_a_run_whose_process_died_while_it_was_read_in_are_free(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, home: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 4, tmp_path / "in.csv")
    done(bulkps, there, file, "--no-wait")
    with Journal(home / "journal.sqlite3") as journal, journal.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE runs SET state = 'loading', heartbeat = 0, "
            "owner = 'process 1 on elsewhere (0123456789abcdef)'"
        )
        connection.exec_driver_sql("UPDATE items SET status = 'pending', phase = 'ready'")

    again = done(bulkps, there, file, "--no-wait")

    assert again["counts"]["IN_PROGRESS"] == 4, again
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    with Journal(home / "journal.sqlite3") as journal:
        assert [run.id for run in journal.runs(10)] == [again["run"]]
