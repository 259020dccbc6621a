"""What bulkps says of a run, a file, a process or a home is so, also where it is unusual."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkps.errors import RunOwnedElsewhere
from bulkps.records.journal import Journal
from bulkps.records.lease import acquire, holding
from tests.cli.test_control_characters import OWN
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv

StartTenant = Callable[..., Tenant]


def test_a_home_that_was_moved_is_the_same_home(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--no-wait", "--quiet")
    moved = home.rename(tmp_path / "mounted elsewhere")
    monkeypatch.setenv("BULKPS_HOME", str(moved))

    verified = bulkps("audit", "verify", "last")
    resumed = bulkps("resume", "last", "--config", there.config, "--json", "--quiet")

    assert verified.exit_code == 0, verified.output
    assert as_object(resumed)["counts"]["COMPLETED"] == 3, resumed.output
    assert Path(as_object(resumed)["audit"]).parent == moved / "audit"


def test_a_broken_operation_costs_itself_and_no_other_command(
    bulkps: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "operations"
    folder.mkdir()
    (folder / "label.yaml").write_text(OWN, encoding="utf-8")
    (folder / "hide.yaml").write_text("name: hide\ncolumns: [\n", encoding="utf-8")
    (folder / "latin.yaml").write_bytes(b"name: latin\nsummary: caf\xe9\n")
    (folder / "twice.yaml").write_text(OWN, encoding="utf-8")
    monkeypatch.setenv("BULKPS_OPERATIONS_PATH", str(folder))
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")

    checked = bulkps("check", "restore", file)
    listed, told = bulkps("operations"), as_object(bulkps("operations", "--json"))
    wanted, unknown = bulkps("check", "hide", file), bulkps("check", "labell", file)

    assert checked.exit_code == listed.exit_code == 0, checked.output
    assert bulkps("operations", "label").exit_code == 0
    assert set(told["broken"]) == {"hide", "latin", "twice"}
    assert told["broken"]["twice"]["problems"] == ["name: an operation called 'label' already exists"]
    assert "hide" in listed.stdout and "broken: 1 problem" in listed.stdout
    assert f"{folder / 'latin.yaml'}: 1 problem, so the operation cannot be used" in listed.stderr
    assert "expected UTF-8 text, found byte 0xE9" in listed.stderr
    assert wanted.exit_code == 3
    assert f"{folder / 'hide.yaml'}: 1 problem, nothing was sent" in wanted.stderr
    assert unknown.exit_code == 2
    assert "did you mean label?" in unknown.stderr and "hide.yaml" in unknown.stderr


def test_the_doctor_says_5_where_an_operation_cannot_run(bulkps: Run, tenant: StartTenant) -> None:
    whole, without = tenant(), tenant(hidden_parameters="New-Mailbox:*")
    server = tenant(on_premises=True)
    assert bulkps("doctor", "--config", whole.configure()).exit_code == 0

    config = without.configure()
    said, told = bulkps("doctor", "--config", config), bulkps("doctor", "--config", config, "--json")
    other = bulkps("doctor", "--config", config, "--operation", "restore", "--json")

    assert said.exit_code == told.exit_code == as_object(told)["exit_code"] == 5
    assert "missing: New-Mailbox" in said.stdout
    assert as_object(told)["operations"]["recovery"]["missing"] == ["New-Mailbox"]
    assert other.exit_code == as_object(other)["exit_code"] == 0
    assert list(as_object(other)["operations"]) == ["restore", "pre-flight"]
    assert bulkps("doctor", "--config", server.configure()).exit_code in (0, 5)


@pytest.mark.parametrize(
    "words", [["runs"], ["operations"], ["operations", "restore"], ["doctor"], ["show", "last"]]
)
def test_every_json_object_has_the_exit_code(bulkps: Run, tmp_path: Path, words: list[str]) -> None:
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")
    assert as_object(bulkps("run", "restore", file, "--json", "--quiet"))["exit_code"] == 0

    said = bulkps(*words, "--json")

    assert as_object(said)["exit_code"] == said.exit_code == 0


def test_what_only_checks_does_not_speak_of_sending(bulkps: Run, tmp_path: Path) -> None:
    write_csv(tmp_path / "in.csv", [{"source_guid": "x", "target_mailbox": "y"}])

    checked = bulkps("check", "restore", tmp_path / "in.csv")

    assert checked.exit_code == 3
    assert "2 problems" in checked.stderr
    assert "sent" not in checked.output


def test_a_run_that_somebody_works_on_says_so_and_one_that_was_lost_says_that(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, home: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--no-wait", "--quiet")
    path = home / "journal.sqlite3"

    with Journal(path) as journal:
        run = journal.run("last").id
        lease = acquire(journal, run, 0.5)
        acquire(journal, run, 0.5)
        with pytest.raises(RunOwnedElsewhere) as lost, holding(journal, lease):
            pass

    assert "nothing was sent" not in str(lost.value)
    assert f"run {run} was taken over by process " in str(lost.value)
    assert "another process" in str(RunOwnedElsewhere(run, "", lost=True))
    assert "this command sent nothing. To stop that process: bulkps pause" in str(
        RunOwnedElsewhere(run, "process 7")
    )


def test_the_audit_log_says_doubt_where_nothing_was_refused(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "operations"
    folder.mkdir()
    (folder / "label.yaml").write_text(OWN, encoding="utf-8")
    monkeypatch.setenv("BULKPS_OPERATIONS_PATH", str(folder))
    there = tenant(faults=",".join(f"Set-Mailbox#{number}=answer-lost" for number in range(1, 9)))
    person = str(there.simulator.tenant.active(0)["PrimarySmtpAddress"])
    write_csv(tmp_path / "in.csv", [{"mailbox": person, "text": "x"}])

    said = as_object(bulkps("run", "label", tmp_path / "in.csv", "--config", there.config, "--json"))

    lines = Path(said["audit"]).read_text(encoding="utf-8").splitlines()
    again = [one["message"] for one in map(json.loads, lines) if one["event"] == "item.retry"]
    assert len(again) > 1
    assert all(one.startswith("no answer shows whether Set-Mailbox made its change") for one in again)
    [row] = read_csv(bulkps("results", "last").stdout)
    assert (row["status"], row["error_code"]) == ("FAILED", "in-doubt")
    assert f"It was sent {row['attempts']} times" in row["advice"]
    assert "by itself" not in row["advice"]
