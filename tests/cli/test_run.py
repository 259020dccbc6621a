"""``bulkps run`` from the file to the tenant and back."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkps.records.audit import FIRST, line_hash
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv

StartTenant = Callable[..., Tenant]


def journal_rows(bulkps: Run) -> list[dict[str, str]]:
    return read_csv(bulkps("results", "last").stdout)


def test_a_restore_ends_completed_and_every_record_says_the_same(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 25, tmp_path / "in.csv")

    result = bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet")

    said = as_object(result)
    assert result.exit_code == said["exit_code"] == 0
    assert said["simulated"] is True
    assert said["operation"] == "restore"
    assert said["connection"] == "tenant"
    assert said["counts"] == {"PENDING": 0, "IN_PROGRESS": 0, "COMPLETED": 25, "FAILED": 0, "SKIPPED": 0}
    assert Counter(line["mailbox"] for line in there.lines()) == there.simulator.effects_by_mailbox()
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    results = read_csv(Path(said["results"]).read_text(encoding="utf-8-sig"))
    assert results == journal_rows(bulkps)
    assert {row["source_identity"] for row in results} == set(there.simulator.effects_by_mailbox())
    audit = [json.loads(line) for line in Path(said["audit"]).read_text(encoding="utf-8").splitlines()]
    ended = {line["row"]: line["status"] for line in audit if line["event"] == "item.completed"}
    assert ended == {int(row["row_number"]): row["status"] for row in results}


def test_a_recovery_sets_the_user_in_a_second_step_only_where_asked_and_shows_no_password(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, home: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "recovery", 3, tmp_path / "in.csv")
    rows = read_csv(file.read_text(encoding="utf-8-sig"))
    rows[1]["department"] = "Legal"
    write_csv(file, rows)

    result = bulkps("run", "recovery", file, "--config", there.config, "--yes")

    assert result.exit_code == 0, result.output
    assert Counter(line["cmdlet"] for line in there.lines()) == {"New-Mailbox": 3, "Set-User": 1}
    assert [line["parameters"]["Department"] for line in there.lines() if line["cmdlet"] == "Set-User"] == [
        "Legal"
    ]
    passwords = there.simulator.tenant.received_passwords
    assert len(set(passwords)) == 3
    kept = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    kept += [result.output.encode(), there.effects.read_bytes()]
    for password in passwords:
        assert len(password) >= 16
        assert not any(password.encode() in content for content in kept)


def test_cells_arrive_exactly_as_they_are_and_are_harmless_in_the_results(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    nasty = [
        "'; Remove-Mailbox *; '",
        "$(Get-Date)",
        "=cmd|' /C calc'!A0",
        "two lines",
        "\U0001f600 emoji",
        "O'Brien",
        "_x000A_",
        "{item.key} {{x}}",
        "@sum",
        "'=1+1",
        "-1 minus",
    ]
    # What the operation does not know is no name, and is carried as it is.
    notes = ["two\nlines", "-1\ttab", *nasty[2:]]
    there = tenant()
    rehearsed = rehearsal(bulkps, "restore", len(nasty), tmp_path / "in.csv")
    rows = read_csv(rehearsed.read_text(encoding="utf-8-sig"))
    write_csv(
        rehearsed,
        [
            {
                "source_guid": r["source_guid"],
                "target_mailbox": r["target_mailbox"],
                "target_folder": n,
                "note": note,
            }
            for r, n, note in zip(rows, nasty, notes, strict=True)
        ],
    )

    result = bulkps("run", "restore", rehearsed, "--config", there.config, "--json", "--quiet")

    assert result.exit_code == 0, result.output
    assert [line["parameters"]["TargetRootFolder"] for line in there.lines()] == nasty
    results = read_csv(Path(as_object(result)["results"]).read_text(encoding="utf-8-sig"))
    for row, value in zip(results, nasty, strict=True):
        assert row["note"].lstrip("'")[:1] not in "=+-@\t\r" or row["note"].startswith("'")
        assert row["target_folder"] in (value, "'" + value)
    again = bulkps(
        "run", "restore", as_object(result)["results"], "--config", there.config, "--dry-run", "--again"
    )
    assert again.exit_code == 0
    assert "-TargetRootFolder '=cmd|'' /C calc''!A0'" in again.stdout


@pytest.mark.parametrize("fault", ["transient=0.2", pytest.param("throttled=0.03", marks=pytest.mark.proof)])
def test_what_exchange_refuses_for_now_is_tried_again(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, fault: str
) -> None:
    there = tenant(faults=fault)
    file = rehearsal(bulkps, "restore", 40, tmp_path / "in.csv")

    result = bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet")

    assert result.exit_code == 0, result.output
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    assert sum(int(row["attempts"]) for row in journal_rows(bulkps)) > 40


@pytest.mark.parametrize("batches", [True, False], ids=["a batch", "one by one"])
@pytest.mark.parametrize(
    ("fault", "attempts"),
    [("session-lost", "2"), ("answer-lost", "1"), ("silent", "1")],
)
def test_an_answer_that_is_lost_or_proves_nothing_is_looked_up_and_sent_again_only_if_it_is_not_there(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, fault: str, attempts: str, batches: bool
) -> None:
    there = tenant(faults=f"New-MailboxRestoreRequest#3={fault}", no_language=not batches)
    file = rehearsal(bulkps, "restore", 8, tmp_path / "in.csv")

    result = bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet")

    assert result.exit_code == 0, result.output
    rows = journal_rows(bulkps)
    # What is behind it in a batch that is lost was sent with it, and did not happen.
    behind = "2" if batches and fault != "silent" else "1"
    assert [row["attempts"] for row in rows] == ["1", "1", attempts, *[behind] * 5]
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    assert len(there.simulator.effects_by_mailbox()) == 8
    if attempts == "1":
        assert "its answer was lost; Get-MailboxRestoreRequest shows it" in rows[2]["warnings"]


def test_an_item_that_runs_out_of_time_is_stopped_and_in_doubt_and_the_session_goes_on(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(faults="New-MailboxRestoreRequest#1=hang")
    config = there.configure("  item_timeout: 1\n")
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")

    result = bulkps("run", "restore", file, "--config", config, "--json", "--quiet")

    assert as_object(result)["counts"]["COMPLETED"] == 3, result.output
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    audit = Path(as_object(result)["audit"]).read_text(encoding="utf-8")
    assert "item_timeout" in audit and '"event": "item.adopted"' in audit


def test_a_request_that_exchange_fails_ends_failed_with_advice(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(failing_requests=1.0)
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")

    result = bulkps("run", "restore", file, "--config", there.config, "--quiet")

    assert result.exit_code == 4
    row = journal_rows(bulkps)[0]
    assert (row["status"], row["error_code"]) == ("FAILED", "failed-at-exchange")
    assert "Get-MailboxRestoreRequestStatistics" in row["advice"]
    assert "TooManyBadItemsPermanentException: Error: This mailbox exceeded" in row["error"]
    assert "failed-at-exchange" in result.stdout


def test_the_failed_rows_of_a_run_put_in_again_send_just_their_content(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 6, tmp_path / "in.csv")
    rows = read_csv(file.read_text(encoding="utf-8-sig"))
    right, rows[1]["target_mailbox"] = rows[1]["target_mailbox"], "nobody@contoso.com"
    write_csv(file, rows)
    assert bulkps("run", "restore", file, "--config", there.config, "--quiet").exit_code == 4
    before = Counter(there.simulator.effects_by_mailbox())

    assert bulkps("results", "last", "--only", "failed", "-o", tmp_path / "again.csv").exit_code == 0
    failed = read_csv((tmp_path / "again.csv").read_text(encoding="utf-8-sig"))
    failed[0]["target_mailbox"] = right
    write_csv(tmp_path / "again.csv", failed)
    result = bulkps("run", "restore", tmp_path / "again.csv", "--config", there.config, "--json", "--quiet")

    assert as_object(result)["counts"]["COMPLETED"] == 1, result.output
    after = Counter(there.simulator.effects_by_mailbox())
    assert sum((after - before).values()) == 1
    assert set(after.values()) == {1}
    again = read_csv(Path(as_object(result)["results"]).read_text(encoding="utf-8-sig"))
    assert list(again[0]).count("status") == 1
    assert again[0]["status"] == "COMPLETED"


def test_no_wait_leaves_requests_in_progress_and_resume_follows_them(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 12, tmp_path / "in.csv")

    sent = bulkps("run", "restore", file, "--config", there.config, "--no-wait")
    run = as_object(bulkps("show", "last", "--json"))["run"]
    file.unlink()
    resumed = bulkps("resume", "last", "--config", there.config, "--json", "--quiet")

    assert sent.exit_code == 6
    assert f"bulkps resume {run}" in sent.stderr
    assert as_object(resumed)["counts"]["COMPLETED"] == 12, resumed.output
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


def test_a_run_goes_on_only_where_it_was_begun(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 5, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--no-wait", "--quiet")
    elsewhere = tenant()

    refused = bulkps("resume", "last", "--config", elsewhere.config, "--quiet")

    assert refused.exit_code == 2
    assert f"127.0.0.1:{there.simulator.port}" in refused.stderr
    assert f"127.0.0.1:{elsewhere.simulator.port}" in refused.stderr
    assert "nothing was sent" in refused.stderr
    assert not elsewhere.simulator.effects_by_mailbox()


@pytest.mark.parametrize("harm", ["altered", "shortened", "gone"])
def test_nothing_is_sent_on_top_of_an_audit_log_that_is_not_the_journals(
    harm: str, bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 5, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--no-wait", "--quiet")
    audit = Path(as_object(bulkps("show", "last", "--json"))["audit"])
    lines = audit.read_bytes().splitlines(keepends=True)
    if harm == "altered":
        audit.write_bytes(b"".join([*lines[:-1], lines[-1].replace(b"{", b"{ ", 1)]))
    elif harm == "shortened":
        audit.write_bytes(b"".join(lines[:-1]))
    else:
        audit.unlink()
    before = there.simulator.calls

    refused = bulkps("resume", "last", "--config", there.config, "--quiet")

    assert refused.exit_code == 6
    assert str(audit) in refused.stderr
    assert "the audit log was changed" in refused.stderr
    assert "Nothing more was sent; to see where: bulkps audit verify" in refused.stderr
    assert there.simulator.calls == before


def test_requests_are_followed_by_one_query_per_poll(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(restore_seconds=0.0)
    file = rehearsal(bulkps, "restore", 50, tmp_path / "in.csv")

    assert bulkps("run", "restore", file, "--config", there.config, "--batch-size", 50).exit_code == 0

    assert there.simulator.calls["New-MailboxRestoreRequest"] == 50
    assert there.simulator.calls["Get-MailboxRestoreRequest"] <= 4


def test_how_far_it_is_is_said_once_each_time_it_changes(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tenant(restore_seconds=0.2)
    monkeypatch.setattr("bulkps.cli.progress._EVERY", 0.0)
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")

    result = bulkps("run", "restore", file, "--config", there.config)

    told = [line for line in result.stderr.splitlines() if "rows finished" in line]
    assert told[-1] == "3 of 3 rows finished"
    assert len(told) == len(set(told)) > 1


def test_several_sessions_share_the_work_and_never_one_target(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(latency=0.02)
    file = rehearsal(bulkps, "restore", 60, tmp_path / "in.csv")

    result = bulkps(
        "run", "restore", file, "--config", there.config, "--max-sessions", 4, "--json", "--quiet"
    )

    assert as_object(result)["counts"]["COMPLETED"] == 60, result.output
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


def test_a_session_limit_is_lived_with(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant(max_sessions=1)
    file = rehearsal(bulkps, "restore", 30, tmp_path / "in.csv")

    result = bulkps(
        "run", "restore", file, "--config", there.config, "--max-sessions", 3, "--json", "--quiet"
    )

    assert as_object(result)["counts"]["COMPLETED"] == 30, result.output


def test_stop_on_error_skips_what_was_not_sent(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 30, tmp_path / "in.csv")
    rows = read_csv(file.read_text(encoding="utf-8-sig"))
    rows[1]["target_mailbox"] = "nobody@contoso.com"
    write_csv(file, rows)

    result = bulkps(
        "run",
        "restore",
        file,
        "--config",
        there.config,
        "--stop-on-error",
        "--batch-size",
        5,
        "--json",
        "--quiet",
    )

    said = as_object(result)
    assert result.exit_code == 4
    assert said["counts"]["FAILED"] == 1
    assert said["counts"]["SKIPPED"] == 25
    assert sum(said["counts"].values()) == 30
    assert sum(there.simulator.effects_by_mailbox().values()) == 4


def test_no_language_mode_makes_no_difference(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant(no_language=True)
    file = rehearsal(bulkps, "restore", 5, tmp_path / "in.csv")

    assert bulkps("run", "restore", file, "--config", there.config).exit_code == 0


def test_the_legacy_dn_is_respected_unless_the_row_allows_the_mismatch(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    rows = read_csv(rehearsal(bulkps, "restore", 2, tmp_path / "in.csv").read_text(encoding="utf-8-sig"))
    file = tmp_path / "crossed.csv"
    file.write_text(
        "source_guid,target_mailbox,allow_legacy_dn_mismatch\n"
        f"{rows[0]['source_guid']},{rows[1]['target_mailbox']},\n"
        f"{rows[1]['source_guid']},{rows[0]['target_mailbox']},yes\n"
    )

    result = bulkps("run", "restore", file, "--config", there.config)

    assert result.exit_code == 4
    assert [(row["status"], row["error_code"]) for row in journal_rows(bulkps)] == [
        ("FAILED", "restore-legacydn-mismatch"),
        ("COMPLETED", ""),
    ]
    assert "X500" in result.stdout


def test_a_dry_run_shows_the_cmdlets_hides_secrets_and_sends_nothing(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "recovery", 2, tmp_path / "in.csv")

    result = bulkps("run", "recovery", file, "--config", there.config, "--dry-run")

    assert result.exit_code == 0
    assert result.stdout.count("New-Mailbox -InactiveMailbox") == 2
    assert "-Password ***" in result.stdout
    assert "nothing was sent" in result.stderr
    assert there.simulator.calls == {}


def test_recovery_asks_and_refuses_where_nobody_can_answer(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "recovery", 2, tmp_path / "in.csv")

    result = bulkps("run", "recovery", file, "--config", there.config)

    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert there.simulator.calls == {}


def test_the_audit_log_is_a_chain(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 5, tmp_path / "in.csv")

    said = as_object(bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet"))

    previous = FIRST
    lines = Path(said["audit"]).read_text(encoding="utf-8").splitlines()
    for line in lines:
        assert json.loads(line)["previous"] == previous
        previous = line_hash(line)
    sending = [json.loads(line) for line in lines if json.loads(line)["event"] == "item.sending"]
    assert sending[0]["cmdlet"] == "New-MailboxRestoreRequest"
    assert sending[0]["parameters"]["SourceMailbox"]
    assert {"at", "who", "run", "row", "key", "attempt"} <= set(sending[0])
