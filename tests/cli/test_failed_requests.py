"""Requests that Exchange failed: what a retry does about them, and where the printed commands lead."""

import json
import shlex
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulkps.simulator.tenant.restore_request import Ending, Failure
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv

StartTenant = Callable[..., Tenant]
NEW, RESUME, REMOVE = (f"{verb}-MailboxRestoreRequest" for verb in ("New", "Resume", "Remove"))
ROWS = 16
#: Of a request whose own parameters are the cause: resuming it would not help.
WRONG = Failure("FolderFilterPermanentException", "The folder filter can't be used.", "Source")


def configured(there: Tenant, *, preflight: bool = False) -> Path:
    """Write settings that lead there; with pre-flight, if it is said."""
    return there.configure(preflight=preflight)


def printed(said: str, beginning: str) -> list[str]:
    """Return the words of the command that was printed behind *beginning*."""
    line = next(line for line in said.splitlines() if beginning in line)
    return shlex.split(line.partition(beginning)[2])[1:]


def rows_of(bulkps: Run) -> list[dict[str, str]]:
    return read_csv(bulkps("results", "last").stdout)


def living(there: Tenant) -> Counter[str]:
    """Return how many requests that are not failed each source has."""
    people = there.simulator.tenant
    found = [one for one in people.requests() if one.batch and people.status(one, 1e12) != "Failed"]
    return Counter(str(one.source.exchange_guid) for one in found)


@pytest.mark.proof
def test_the_printed_command_brings_failed_requests_to_their_end_once_the_cause_is_gone(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    # It said to mend and run again; that skipped all 16 for their own requests, and so did the next one.
    there = tenant(failing_requests=1.0)
    file = rehearsal(bulkps, "restore", ROWS, tmp_path / "in.csv")
    first = bulkps("run", "restore", file, "--config", configured(there, preflight=True), "--quiet")
    assert (first.exit_code, {row["status"] for row in rows_of(bulkps)}) == (4, {"FAILED"})
    there.simulator.tenant.failing_requests = 0.0

    retried = bulkps(*printed(first.stderr, "then run:"))

    assert retried.exit_code == 0, retried.output
    assert {row["status"] for row in rows_of(bulkps)} == {"COMPLETED"}
    assert there.simulator.calls[RESUME] == ROWS
    assert there.simulator.calls[NEW] == ROWS, "nothing is copied by a second request"
    assert set(living(there).values()) == {1}
    assert bulkps("audit", "verify", "last").exit_code == 0


@pytest.mark.proof
def test_what_resuming_cannot_help_is_removed_and_made_anew_under_the_next_name(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    people = there.simulator.tenant
    people.endings = {str(people.inactive(i)["ExchangeGuid"]): Ending(failure=WRONG) for i in range(60)}
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    first = bulkps("run", "restore", file, "--config", configured(there), "--quiet")
    people.endings = {}

    retried = bulkps(*printed(first.stderr, "then run:"))

    rows = rows_of(bulkps)
    names = [json.loads(row["evidence"])["request"]["Name"] for row in rows]
    assert retried.exit_code == 0, retried.output
    assert {(row["status"], row["attempts"]) for row in rows} == {("COMPLETED", "2")}
    assert all(name.endswith("-2") for name in names)
    assert sorted(one.name for one in people.requests() if one.batch) == sorted(names)
    assert set(living(there).values()) == {1}
    assert there.simulator.calls.get(RESUME, 0) == 0
    assert "its failed request was removed, and a new one is created" in rows[0]["warnings"]
    audit = Path(as_object(bulkps("show", "last", "--json"))["audit"]).read_text(encoding="utf-8")
    sent = [line for line in map(json.loads, audit.splitlines()) if line.get("event") == "item.sending"]
    assert [line["cmdlet"] for line in sent].count(REMOVE) == 2
    # It is done: run once more, nothing of it is sent again.
    again = bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet")
    assert as_object(again)["counts"]["SKIPPED"] == 2


@pytest.mark.proof
def test_what_failed_again_after_it_was_resumed_is_made_anew_by_the_next_retry(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(failing_requests=1.0)
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")
    config = configured(there)
    bulkps("run", "restore", file, "--config", config, "--quiet")
    still = bulkps("retry", "last", "--config", config, "--quiet")
    there.simulator.tenant.failing_requests = 0.0

    last = bulkps("retry", "last", "--config", config, "--quiet")

    assert (still.exit_code, last.exit_code) == (4, 0), last.output
    calls = there.simulator.calls
    assert (calls[RESUME], calls[REMOVE], calls[NEW]) == (1, 1, 2)
    assert set(living(there).values()) == {1}


def test_a_failed_request_that_somebody_resumed_is_followed_and_never_removed(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(failing_requests=1.0)
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", configured(there), "--quiet")
    people = there.simulator.tenant
    people.failing_requests = 0.0
    [request] = [one for one in people.requests() if one.batch]
    request.failure = None

    retried = bulkps("retry", "last", "--config", there.config, "--quiet")

    assert retried.exit_code == 0, retried.output
    assert there.simulator.calls.get(REMOVE, 0) == there.simulator.calls.get(RESUME, 0) == 0
    assert "its request was resumed: Completed" in rows_of(bulkps)[0]["warnings"]


@pytest.mark.proof
@pytest.mark.parametrize("fault", ["answer-lost", "session-lost", "throttled", "transient"])
def test_a_resume_whose_answer_is_lost_is_looked_up(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, fault: str
) -> None:
    there = tenant(failing_requests=1.0, faults=f"{RESUME}#1={fault}")
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", configured(there), "--quiet")
    there.simulator.tenant.failing_requests = 0.0

    retried = bulkps("retry", "last", "--config", there.config, "--quiet")

    assert retried.exit_code == 0, retried.output
    assert set(living(there).values()) == {1}
    assert there.simulator.calls[NEW] == 1


@pytest.mark.proof
@pytest.mark.parametrize("fault", ["answer-lost", "session-lost", "throttled", "hang"])
def test_a_removal_whose_answer_is_lost_makes_no_second_request(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, fault: str
) -> None:
    there = tenant(faults=f"{REMOVE}#1={fault}")
    people = there.simulator.tenant
    people.endings = {str(people.inactive(i)["ExchangeGuid"]): Ending(failure=WRONG) for i in range(60)}
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")
    config = there.configure("  item_timeout: 2\n")
    bulkps("run", "restore", file, "--config", config, "--quiet")
    people.endings = {}

    retried = bulkps("retry", "last", "--config", config, "--quiet")

    assert retried.exit_code == 0, retried.output
    assert set(living(there).values()) == {1}
    assert there.simulator.calls[NEW] == 2


@pytest.mark.proof
def test_pre_flight_points_from_an_own_failed_request_to_the_retry_of_its_run(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(failing_requests=1.0)
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    first = bulkps("run", "restore", file, "--config", configured(there, preflight=True), "--json", "--quiet")
    run = as_object(first)["run"]

    second = bulkps("run", "restore", file, "--config", there.config, "--quiet")

    rows = rows_of(bulkps)
    assert second.exit_code == 4
    assert {row["error_code"] for row in rows} == {"request-exists"}
    assert f"continue it with: bulkps retry {run}" in rows[0]["advice"]


def test_rows_of_several_statuses_are_put_into_one_file(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(faults=f"{NEW}#1=throttled")
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")
    rows = read_csv(file.read_text(encoding="utf-8-sig"))
    rows[0]["source_guid"] = "00000000-0000-0000-0000-000000000001"
    write_csv(file, rows)
    first = bulkps(
        "run",
        "restore",
        file,
        "--config",
        there.configure("  retry_failed: false\n  adaptive_pacing: false\n", preflight=True),
        "--quiet",
    )

    wrote = bulkps("results", "last", "--only", "failed,skipped", "-o", tmp_path / "rest.csv")
    wrong = bulkps("results", "last", "--only", "failed,skiped")

    assert "--only failed,skipped -o rest.csv" in first.stderr
    assert "wrote 2 rows" in wrote.stderr
    found = read_csv((tmp_path / "rest.csv").read_text(encoding="utf-8-sig"))
    assert Counter(row["status"] for row in found) == {"FAILED": 1, "SKIPPED": 1}
    assert wrong.exit_code == 2
    assert "did you mean skipped?" in wrong.stderr


def endings(there: Tenant, **ending: Any) -> None:
    people = there.simulator.tenant
    people.endings = {str(people.inactive(i)["ExchangeGuid"]): Ending(**ending) for i in range(60)}


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        ({"copied": 0.0}, "ItemsTransferred 0 of "),
        ({"missing": 3}, "MissingItemsEncountered 3"),
        ({"bad": 7}, "BadItemsEncountered 7"),
        ({"large": 2}, "LargeItemsEncountered 2"),
        ({"score": "Investigate"}, "DataConsistencyScore Investigate"),
    ],
)
def test_what_a_completed_request_left_behind_is_told_everywhere_and_makes_exit_4(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, ending: dict[str, Any], told: str
) -> None:
    there = tenant()
    endings(there, **ending)
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")

    said = bulkps("run", "restore", file, "--config", there.config, "--quiet")

    row = rows_of(bulkps)[0]
    assert said.exit_code == 4, said.output
    assert (row["status"], row["error_code"]) == ("COMPLETED", "items-left-behind")
    assert told in row["error"]
    assert "KeepSourceItem" in row["advice"]
    assert "2 rows COMPLETED at Exchange with items left behind" in said.stderr
    assert "items-left-behind" in said.stdout
    assert as_object(bulkps("show", "last", "--json"))["items_left_behind"] == 2
    assert len(read_csv(bulkps("results", "last", "--only", "items-left-behind").stdout)) == 2
    # It happened: neither a retry nor a further run does it once more.
    retried = bulkps("retry", "last", "--config", there.config, "--json", "--quiet")
    again = as_object(bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet"))
    assert as_object(retried)["items_left_behind"] == 2
    assert (retried.exit_code, again["counts"]["SKIPPED"]) == (4, 2)
    assert there.simulator.calls[NEW] == 2


def test_a_request_that_copied_everything_is_simply_completed(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")

    said = bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet")

    assert (said.exit_code, as_object(said)["items_left_behind"]) == (0, 0)
    assert {row["error_code"] for row in rows_of(bulkps)} == {""}


def test_how_much_was_copied_is_asked_again_where_the_answer_did_not_tell(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    statistics = "Get-MailboxRestoreRequestStatistics"
    there = tenant(restore_seconds=0.0, faults=f"{statistics}#1=transient,{statistics}#2=throttled")
    endings(there, copied=0.0)
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")

    said = bulkps("run", "restore", file, "--config", there.config, "--quiet")

    assert (said.exit_code, rows_of(bulkps)[0]["error_code"]) == (4, "items-left-behind")
    assert there.simulator.calls[statistics] == 3


def test_a_failed_request_is_advised_by_its_type_and_not_about_steps_that_it_did_not_have(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    endings(there, failure=Failure("MapiExceptionShutoffQuotaExceeded", "Unable to save changes.", "Target"))
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")

    bulkps("run", "restore", file, "--config", there.config, "--quiet")

    [row] = rows_of(bulkps)
    assert "Set-Mailbox -ProhibitSendReceiveQuota" in row["advice"]
    assert "bulkps retry" in row["advice"]
    assert "X500" not in row["advice"]


def test_what_people_are_told_of_rows_stands_in_json_too(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    endings(there, copied=0.0)
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")

    said = as_object(bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet"))

    assert said["attention"] == 2
    assert {row["code"] for row in said["rows"]} == {"items-left-behind"}
    assert "ItemsTransferred 0 of " in said["rows"][0]["error"]
    assert said["rows"][0]["advice"]


@pytest.mark.proof
def test_only_what_a_new_file_can_correct_is_offered_as_one(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(failing_requests=1.0)
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")

    said = bulkps("run", "restore", file, "--config", there.config, "--quiet")
    told = as_object(bulkps("retry", "last", "--config", there.config, "--json", "--quiet"))

    assert said.exit_code == 4
    assert "bulkps retry " in said.stderr
    assert "To correct the rows themselves" not in said.stderr
    assert [command.split()[1] for command in told["next"]] == ["retry"]
