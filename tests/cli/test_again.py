"""What was done before: failed rows sent again, and content that another run knows."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv

StartTenant = Callable[..., Tenant]
NEW, GET = "New-MailboxRestoreRequest", "Get-MailboxRestoreRequest"


def done(bulkps: Run, there: Tenant, operation: str, file: Path, *options: str) -> dict[str, Any]:
    """Run *file* and return what is said of it in JSON."""
    command = ["run", operation, str(file), "--config", str(there.config), "--json", "--quiet"]
    return as_object(bulkps(*command, *options))


def result_rows(bulkps: Run, run: object) -> list[dict[str, str]]:
    return read_csv(bulkps("results", run).stdout)


def request_names(there: Tenant) -> list[str]:
    return [line["parameters"]["Name"] for line in there.lines() if line["cmdlet"] == NEW]


def looked_up_once(there: Tenant) -> None:
    """Let the settings give up on a doubt after one lookup."""
    config = there.configure()
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("settle: 0.2", "settle: 0, attempts: 1"), encoding="utf-8")


# --- bulkps retry -------------------------------------------------------------------------------------


def test_retry_sends_what_failed_again_as_a_further_attempt_of_the_same_run(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(faults=f"{NEW}#2=throttled")
    there.configure("  retry_failed: false\n  adaptive_pacing: false\n")
    file = rehearsal(bulkps, "restore", 5, tmp_path / "in.csv")
    first = done(bulkps, there, "restore", file)

    result = bulkps("retry", "last", "--config", there.config, "--json", "--quiet")

    assert (first["exit_code"], first["counts"]["FAILED"]) == (4, 1)
    again = as_object(result)
    assert (result.exit_code, again["run"], again["counts"]["COMPLETED"]) == (0, first["run"], 5)
    assert [row["attempts"] for row in result_rows(bulkps, "last")] == ["1", "2", "1", "1", "1"]
    assert there.simulator.calls[NEW] == 6
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    assert bulkps("audit", "verify", "last").exit_code == 0


@pytest.mark.parametrize(
    ("fault", "effects_before", "attempts"), [("answer-lost", 1, "1"), ("session-lost", 0, "2")]
)
def test_retry_looks_up_what_is_in_doubt_and_sends_only_what_is_not_there(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, fault: str, effects_before: int, attempts: str
) -> None:
    there = tenant(faults=f"{NEW}#1={fault},{GET}#1=transient")
    looked_up_once(there)
    file = rehearsal(bulkps, "restore", 4, tmp_path / "in.csv")
    first = done(bulkps, there, "restore", file, "--no-wait")
    doubtful = result_rows(bulkps, "last")[0]
    before = there.simulator.effects_by_mailbox().get(doubtful["source_identity"], 0)

    result = bulkps("retry", "last", "--config", there.config, "--json", "--quiet")

    assert (doubtful["status"], doubtful["error_code"]) == ("FAILED", "in-doubt"), first
    assert "bulkps retry" in doubtful["advice"]
    assert before == effects_before
    assert as_object(result)["counts"]["COMPLETED"] == 4, result.output
    assert result_rows(bulkps, "last")[0]["attempts"] == attempts
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


# --- content that another run knows -------------------------------------------------------------------


def test_the_same_file_twice_is_done_once_and_the_second_run_says_when_and_by_which(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 8, tmp_path / "in.csv")
    first = done(bulkps, there, "restore", file)
    before = dict(there.simulator.calls)

    second = done(bulkps, there, "restore", file)

    assert (second["exit_code"], second["counts"]["SKIPPED"]) == (0, 8)
    assert there.simulator.calls == before
    earlier = {row["source_identity"]: row for row in result_rows(bulkps, first["run"])}
    for row in result_rows(bulkps, second["run"]):
        was = earlier[row["source_identity"]]
        assert (row["status"], row["error_code"]) == ("SKIPPED", "done-already")
        at = datetime.fromisoformat(was["completed_at"]).astimezone().isoformat(timespec="seconds")
        (kept,) = json.loads(was["evidence"]).values()
        assert f"completed {at} by run {first['run']} (" in row["error"]
        assert f"RequestGuid {kept['RequestGuid']}" in row["error"]
        assert row["evidence"] == was["evidence"]
        assert "--again" in row["advice"]


def test_rows_that_are_new_are_done_beside_those_that_are_known(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    done(bulkps, there, "restore", rehearsal(bulkps, "restore", 3, tmp_path / "three.csv"))

    second = done(bulkps, there, "restore", rehearsal(bulkps, "restore", 7, tmp_path / "seven.csv"))

    assert (second["counts"]["SKIPPED"], second["counts"]["COMPLETED"]) == (3, 4)
    assert second["exit_code"] == 0
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


def test_again_does_everything_once_more_under_other_names(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 6, tmp_path / "in.csv")
    done(bulkps, there, "restore", file)

    second = done(bulkps, there, "restore", file, "--again")
    third = done(bulkps, there, "restore", file)

    assert (second["exit_code"], second["counts"]["COMPLETED"]) == (0, 6)
    assert third["counts"]["SKIPPED"] == 6
    assert set(there.simulator.effects_by_mailbox().values()) == {2}
    assert set(Counter(request_names(there)).values()) == {1}
    assert len(request_names(there)) == 12


def test_what_a_recovery_of_the_same_mailbox_asks_for_beside_it_is_not_told_to_be_done(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "recovery", 2, tmp_path / "in.csv")
    done(bulkps, there, "recovery", file, "--yes")
    rows = read_csv(file.read_text(encoding="utf-8-sig"))
    rows[1]["department"] = "Finance"
    write_csv(file, rows)

    second = bulkps("run", "recovery", file, "--config", there.config, "--yes")

    assert second.exit_code == 4, second.output
    assert [row["advice"] for row in result_rows(bulkps, "last")] == [
        "Nothing is left to do.",
        "Not done: department. To set what is missing by hand: Set-User -Department.",
    ]
    assert "--again" not in second.stderr, "what is recovered cannot be recovered again"


def test_a_retry_counts_each_row_once(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant(faults=f"{NEW}#2=throttled")
    there.configure("  retry_failed: false\n  adaptive_pacing: false\n")
    done(bulkps, there, "restore", rehearsal(bulkps, "restore", 3, tmp_path / "in.csv"))

    again = bulkps("retry", "last", "--config", there.config)

    assert "3 of 3 rows finished" in again.stderr


@pytest.mark.parametrize("options", [[], ["--again"]])
def test_content_that_another_run_still_works_on_is_refused(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, options: list[str]
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")
    first = done(bulkps, there, "restore", file, "--no-wait")
    before = dict(there.simulator.calls)

    refused = bulkps("run", "restore", file, "--config", there.config, "--quiet", *options)

    assert refused.exit_code == 2
    assert f"the same row is IN_PROGRESS in run {first['run']}; nothing was sent" in refused.stderr
    assert f"bulkps resume {first['run']} --config {there.config} finishes it" in refused.stderr
    assert there.simulator.calls == before
    assert as_object(bulkps("show", "last", "--json"))["run"] == first["run"], "the journal has no trace"
    bulkps("resume", first["run"], "--config", there.config, "--quiet")
    assert done(bulkps, there, "restore", file)["counts"]["SKIPPED"] == 3


def test_content_that_is_in_doubt_in_another_run_is_refused_until_it_is_looked_up(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(faults=f"{NEW}#3=answer-lost,{GET}#1=transient,{GET}#2=transient")
    looked_up_once(there)
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")
    first = done(bulkps, there, "restore", file)
    rows = read_csv(file.read_text(encoding="utf-8-sig"))
    write_csv(tmp_path / "doubtful.csv", rows[2:])

    refused = bulkps("run", "restore", tmp_path / "doubtful.csv", "--config", there.config, "--quiet")

    assert first["counts"]["FAILED"] == 1
    assert refused.exit_code == 2
    assert f"the same row is in doubt in run {first['run']}; nothing was sent" in refused.stderr
    assert f"bulkps retry {first['run']} --config {there.config} checks it and finishes it" in refused.stderr
    assert as_object(bulkps("retry", "last", "--config", there.config, "--json"))["exit_code"] == 0
    assert done(bulkps, there, "restore", tmp_path / "doubtful.csv")["counts"]["SKIPPED"] == 1
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


def test_what_was_done_again_is_what_counts_and_the_first_run_does_not_do_it_once_more(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    # The request was never made, but nobody could tell then.
    there = tenant(faults=f"{NEW}#1=session-lost,{GET}#1=transient", restore_seconds=3600)
    looked_up_once(there)
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")
    first = done(bulkps, there, "restore", file)
    to_there = ("--config", there.config, "--quiet")

    second = done(bulkps, there, "restore", file, "--again", "--no-wait")
    third = bulkps("run", "restore", file, *to_there, "--again", "--skip-preflight")
    retried_early = bulkps("retry", first["run"], *to_there)
    there.simulator.tenant.restore_seconds = 0.0
    bulkps("resume", second["run"], *to_there)
    fourth = done(bulkps, there, "restore", file)
    retried = bulkps("retry", first["run"], *to_there)

    assert (first["counts"]["FAILED"], second["counts"]["IN_PROGRESS"]) == (1, 1)
    # The failed row of the first run does not hide that the second is at work on it.
    assert third.exit_code == 2
    assert f"the same row is IN_PROGRESS in run {second['run']}; nothing was sent" in third.stderr
    assert (fourth["exit_code"], fourth["counts"]["SKIPPED"]) == (0, 1)
    assert retried_early.exit_code == retried.exit_code == 4
    assert "1 row not sent again: another run has done the same since, or is working on it" in retried.stderr
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


def test_what_another_run_did_in_part_since_is_not_done_by_a_retry(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(faults="New-Mailbox#1=throttled,Set-User#1=throttled")
    there.configure("  retry_failed: false\n  adaptive_pacing: false\n")
    file = rehearsal(bulkps, "recovery", 1, tmp_path / "in.csv")
    [row] = read_csv(file.read_text(encoding="utf-8-sig"))
    write_csv(file, [{**row, "department": "Legal"}])
    first = done(bulkps, there, "recovery", file, "--yes")
    second = done(bulkps, there, "recovery", file, "--yes")

    early = bulkps("retry", first["run"], "--config", there.config, "--quiet")
    rest = bulkps("retry", second["run"], "--config", there.config, "--quiet")

    assert (first["counts"]["FAILED"], second["counts"]["FAILED"]) == (1, 1)
    assert early.exit_code == 4
    assert "1 row not sent again: another run has done the same since" in early.stderr
    assert there.simulator.calls["New-Mailbox"] == 2
    assert (rest.exit_code, there.simulator.calls["Set-User"]) == (0, 2), rest.output


def test_what_failed_or_was_cancelled_elsewhere_is_done_here(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(faults=f"{NEW}#1=throttled")
    there.configure("  retry_failed: false\n  adaptive_pacing: false\n")
    file = rehearsal(bulkps, "restore", 4, tmp_path / "in.csv")
    first = done(bulkps, there, "restore", file, "--stop-on-error", "--batch-size", "1")

    second = done(bulkps, there, "restore", file)

    assert (first["counts"]["FAILED"], first["counts"]["SKIPPED"]) == (1, 3)
    assert (second["exit_code"], second["counts"]["COMPLETED"]) == (0, 4)
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


def test_another_operation_on_the_same_mailboxes_is_no_repetition(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    done(bulkps, there, "restore", rehearsal(bulkps, "restore", 3, tmp_path / "restore.csv"))

    other = done(bulkps, there, "recovery", rehearsal(bulkps, "recovery", 3, tmp_path / "in.csv"), "--yes")

    assert (other["exit_code"], other["counts"]["COMPLETED"]) == (0, 3)


def test_another_place_knows_nothing_of_what_was_done_here(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")
    done(bulkps, there, "restore", file)
    elsewhere = tenant()

    second = done(bulkps, elsewhere, "restore", file)

    assert (second["exit_code"], second["counts"]["COMPLETED"]) == (0, 3)
    assert set(elsewhere.simulator.effects_by_mailbox().values()) == {1}


def test_the_embedded_simulator_forgets_what_was_done_in_it(bulkps: Run, tmp_path: Path) -> None:
    config = tmp_path / "embedded.yaml"
    config.write_text(
        "connection: rehearsal\nconnections:\n  rehearsal: {type: simulator, simulator: {restore_seconds: "
        "0.1}}\nrun: {preflight: false, delay_between_batches: 0, follow: {first_wait: 0.2}}\n",
        encoding="utf-8",
    )
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")

    for _ in range(2):
        result = bulkps("run", "restore", file, "--config", config, "--json", "--quiet")
        assert as_object(result)["counts"]["COMPLETED"] == 3, result.output


# --- the pace -----------------------------------------------------------------------------------------


def test_a_throttled_run_tells_how_long_it_waited_and_why(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    # A third of a second for each: no machine is so slow that it would keep to that by itself.
    there = tenant(budget="3/1")
    file = rehearsal(bulkps, "restore", 8, tmp_path / "in.csv")

    said = done(bulkps, there, "restore", file, "--no-wait")

    assert said["counts"]["IN_PROGRESS"] == 8
    table = bulkps("show", "last").stdout
    waited = as_object(bulkps("show", "last", "--json"))["waited"]
    assert "s because Exchange throttled" in waited
    assert not waited.startswith("0 s")
    assert waited in table
    audit = Path(said["audit"]).read_text(encoding="utf-8")
    assert '"event": "run.pace", "message": "Exchange throttles; all sessions wait 1.0 s: ' in audit
    assert '"event": "run.pace", "message": "Exchange answers again; it lets about ' in audit


def test_a_run_that_is_not_throttled_waited_for_nothing(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    done(bulkps, there, "restore", rehearsal(bulkps, "restore", 3, tmp_path / "in.csv"), "--no-wait")

    assert as_object(bulkps("show", "last", "--json"))["waited"] == ""
    assert "waited" not in bulkps("show", "last").stdout
