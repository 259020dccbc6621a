"""Pre-flight through the front door: how much it reads, what it does not know, what becomes of the rows."""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from bulkps.simulator.cmdlets.cmdlet_result import Refused
from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.mailbox import Kind, Mailbox
from bulkps.simulator.tenant.tenant import not_found
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv

StartTenant = Callable[..., Tenant]
Rows = list[dict[str, str]]
WRITING = ("New-Mailbox", "New-MailboxRestoreRequest", "Set-User", "Set-Mailbox")


def settings(there: Tenant, run: str = "") -> Tenant:
    there.configure(run, preflight=True)
    return there


def validated(bulkps: Run, there: Tenant, operation: str, file: Path, *options: str) -> dict[str, Any]:
    said = bulkps("validate", operation, file, "--config", there.config, "--quiet", "--json", *options)
    assert said.exit_code in (0, 4), said.output
    return as_object(said)


def results(bulkps: Run, *options: str) -> Rows:
    return read_csv(bulkps("results", "last", *options).stdout)


def sound_audit(bulkps: Run) -> list[dict[str, Any]]:
    """Return the last run's audit log, which nothing was done to."""
    verified = bulkps("audit", "verify", "last")
    assert verified.exit_code == 0, verified.output
    path = Path(as_object(bulkps("show", "last", "--json"))["audit"])
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def events(bulkps: Run) -> list[str]:
    return [line["event"] for line in sound_audit(bulkps)]


def called(there: Tenant, names: Iterable[str] = WRITING) -> int:
    return sum(there.simulator.calls.get(name, 0) for name in names)


def with_troubles(there: Tenant, operation: str, sound: int) -> Rows:
    """Return rows of which the first is blocked and so many others are sound."""
    people = there.simulator.tenant
    code = "still-soft-deleted" if operation == "recovery" else "legacy-dn-mismatch"
    trouble = people.trouble(code)
    ends: Rows = [{"upn": trouble.upn, "target": trouble.target, "source": trouble.source}]
    ends += [
        {
            "source": str(people.inactive(n)["ExchangeGuid"]),
            "upn": f"new{n}@contoso.com",
            "target": str(people.active(n)["PrimarySmtpAddress"]),
        }
        for n in range(sound)
    ]
    if operation == "recovery":
        return [{"source_guid": one["source"], "target_upn": one["upn"], "display_name": "N"} for one in ends]
    return [{"source_guid": one["source"], "target_mailbox": one["target"]} for one in ends]


# --- how much it reads --------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [5, 300, pytest.param(5000, marks=pytest.mark.proof)])
@pytest.mark.parametrize("operation", ["recovery", "restore"])
def test_rows_are_validated_by_lists_and_very_many_with_a_handful_of_inventories(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, operation: str, rows: int
) -> None:
    there = settings(tenant(mailboxes=rows, troubles=False))
    file = rehearsal(bulkps, operation, rows, tmp_path / "in.csv")

    said = validated(bulkps, there, operation, file)

    inventories, calls = sum(there.simulator.inventories.values()), sum(there.simulator.calls.values())
    assert said["counts"]["COMPLETED"] == rows
    if rows < 400:
        # A restore of 300 rows names 600 mailboxes: as many are read by inventory, if they are all there is.
        assert (inventories > 0) == (rows == 300 and operation == "restore")
        assert calls <= max(60, 5 * rows if rows == 5 else 0), there.simulator.calls
    else:
        assert 0 < inventories <= 5
        assert calls <= 12, there.simulator.calls
    assert called(there) == 0
    assert there.lines() == []


@pytest.mark.proof
def test_rows_that_are_few_in_a_large_organization_do_not_cost_its_size(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = settings(tenant(mailboxes=4000, troubles=False))
    file = rehearsal(bulkps, "restore", 450, tmp_path / "in.csv")

    said = validated(bulkps, there, "restore", file)

    assert said["counts"]["COMPLETED"] == 450
    # Three inventories of mailboxes and one of recipients begin, and are given up; that of requests is read.
    assert sum(there.simulator.inventories.values()) <= 5
    assert sum(there.simulator.calls.values()) <= 50, there.simulator.calls


# --- what the account may not read --------------------------------------------------------------------


@pytest.mark.proof
@pytest.mark.parametrize("rows", [3, 40])
@pytest.mark.parametrize("operation", ["recovery", "restore"])
def test_what_the_account_may_not_read_is_told_and_is_never_a_clean_bill(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, operation: str, rows: int
) -> None:
    hidden = "Get-AcceptedDomain:*,Get-User:*,Get-OrganizationConfig:*"
    there = settings(tenant(hidden_parameters=hidden))
    file = rehearsal(bulkps, operation, rows, tmp_path / "in.csv")

    plain = bulkps("run", operation, file, "--config", there.config, "--quiet", "--yes", "--no-sizes")
    found = as_object(bulkps("show", "last", "--json"))["preflight"]

    assert plain.exit_code == 0, plain.output
    assert found["state"] == "done"
    expected = {"domains", "users", "organization"} if operation == "recovery" else {"organization"}
    assert set(found["unread"]) == expected, plain.output
    for facet, reason in found["unread"].items():
        assert f"could not read {facet}: {reason}" in plain.stderr
        assert "Get-" in reason
    notes = found["findings"]["not-checked"]["note"]
    assert notes >= rows
    assert ["not-checked", "note", str(notes)] in [line.split() for line in plain.stdout.splitlines()]
    assert {row["status"] for row in results(bulkps)} == {"COMPLETED"}
    # Sent though nobody could look: the row itself says so.
    told = ["not-checked: " in row["warnings"] for row in results(bulkps)]
    # Of a restore the organization matters only where there is an archive.
    assert all(told) if operation == "recovery" else any(told) or rows < 10


def test_validate_says_in_each_row_what_nobody_looked_for(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = settings(tenant(hidden_parameters="Get-AcceptedDomain:*"))
    file = rehearsal(bulkps, "recovery", 3, tmp_path / "in.csv")

    validated(bulkps, there, "recovery", file)

    for row in results(bulkps):
        assert row["status"] == "COMPLETED"
        assert "not-checked: " in row["evidence"]
        assert "Get-AcceptedDomain" in row["evidence"]


def test_a_run_whose_mailboxes_nobody_may_read_stops_and_goes_on_once_somebody_may(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = settings(tenant(hidden_parameters="Get-Mailbox:*"))
    file = rehearsal(bulkps, "recovery", 4, tmp_path / "in.csv")

    stopped = bulkps("run", "recovery", file, "--config", there.config, "--quiet", "--yes", "--json")

    assert stopped.exit_code == 6, stopped.output
    said = as_object(stopped)
    assert (said["stopped"], said["counts"]["PENDING"], said["preflight"]) == ("cannot-check", 4, {})
    assert "Get-Mailbox" in said["detail"]
    assert "row 2" in said["detail"]
    assert f"bulkps resume {said['run']}" in stopped.stderr
    assert "--skip-preflight" in stopped.stderr
    assert called(there) == 0
    assert "item.sending" not in events(bulkps)

    port = there.simulator.port
    there.simulator.stop()
    there = settings(tenant(port=port))
    resumed = bulkps("resume", "last", "--config", there.config, "--quiet", "--json")

    assert resumed.exit_code == 0, resumed.output
    assert as_object(resumed)["counts"]["COMPLETED"] == 4
    assert as_object(resumed)["preflight"]["state"] == "done"
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    sound_audit(bulkps)


@pytest.mark.proof
@pytest.mark.parametrize(
    "faults",
    [
        "Get-Mailbox#1=transient,Get-Mailbox#2=transient,Get-Recipient#1=transient",
        "Get-Mailbox#1=throttled,Get-Mailbox#2=throttled,Get-MailboxRestoreRequest#1=throttled",
        "Get-Mailbox#1=session-lost,Get-Recipient#1=session-lost,Get-MailboxRestoreRequest#1=session-lost",
        "Get-Mailbox#2=answer-lost,Get-OrganizationConfig#1=answer-lost,Get-Recipient#1=answer-lost",
        "any.transient=0.2,any.throttled=0.1",
    ],
)
@pytest.mark.parametrize("rows", [4, 40])
def test_what_passes_while_it_reads_is_tried_again_and_a_lost_session_is_replaced(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, faults: str, rows: int
) -> None:
    there = settings(tenant(faults=faults))
    file = rehearsal(bulkps, "restore", rows, tmp_path / "in.csv")

    said = validated(bulkps, there, "restore", file)

    assert said["counts"]["COMPLETED"] == rows
    assert said["preflight"]["unread"] == {}
    assert called(there) == 0
    sound_audit(bulkps)


def test_that_a_mailbox_is_not_there_is_an_answer_even_if_the_error_ends_the_pipeline(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def thrown(identity: str) -> Refused:
        return Refused(not_found(identity).info, terminating=True)

    monkeypatch.setattr("bulkps.simulator.cmdlets.recipient_cmdlets.not_found", thrown)
    there = settings(tenant())
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    rows = read_csv(file.read_text(encoding="utf-8-sig"))
    rows[0]["source_guid"] = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    write_csv(file, rows)

    validated(bulkps, there, "restore", file)

    assert [row["error_code"] for row in results(bulkps)] == ["source-missing", ""]


def test_a_list_of_requests_that_breaks_off_is_no_clean_bill(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    get = "Get-MailboxRestoreRequest"
    there = settings(tenant(faults=",".join(f"{get}#{n}=broken-off" for n in range(1, 9))))
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")

    said = validated(bulkps, there, "restore", file)

    assert get in str(said["preflight"]["unread"])
    assert said["preflight"]["findings"]["not-checked"]["note"] >= 1


@pytest.mark.parametrize("facet", ["Get-Recipient", "Get-User", "Get-Mailbox"])
def test_an_inventory_that_ends_in_the_error_of_one_object_is_no_clean_bill_for_the_others(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, facet: str
) -> None:
    faults = ",".join(f"{facet}#{n}=broken-off" for n in range(1, 4))
    rows = 450 if facet == "Get-Mailbox" else 45
    there = settings(tenant(troubles=True, faults=faults, mailboxes=rows))
    file = rehearsal(bulkps, "recovery", rows, tmp_path / "in.csv")

    said = bulkps("validate", "recovery", file, "--config", there.config, "--quiet", "--json")

    if facet == "Get-Mailbox":
        assert said.exit_code == 6, said.output
        assert as_object(said)["stopped"] == "cannot-check"
        assert "couldn't be found" in as_object(said)["detail"]
        return
    assert as_object(said)["preflight"]["findings"]["not-checked"]["note"] >= 45
    assert "couldn't be found" in str(as_object(said)["preflight"]["unread"])


def test_the_mailboxes_of_a_list_that_breaks_off_are_read_one_by_one(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = settings(tenant(faults="Get-Mailbox#1=broken-off,Get-Mailbox#2=broken-off"))
    file = rehearsal(bulkps, "recovery", 45, tmp_path / "in.csv")

    said = validated(bulkps, there, "recovery", file)

    assert said["counts"]["COMPLETED"] == 45
    assert there.simulator.calls["Get-Mailbox"] == 2 + 45
    assert not said["preflight"]["unread"]


# --- what becomes of the rows -------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["recovery", "restore"])
def test_blocked_rows_are_skipped_with_their_reason_the_others_go_on_and_the_rest_is_input_again(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, operation: str
) -> None:
    there = settings(tenant(troubles=True))
    rows = with_troubles(there, operation, 3)
    write_csv(tmp_path / "in.csv", rows)
    to_there = ("--config", there.config, "--quiet", "--yes")

    first = bulkps("run", operation, tmp_path / "in.csv", *to_there)
    found = results(bulkps)
    rest = tmp_path / "rest.csv"
    wrote = bulkps("results", "last", "--only", "skipped", "-o", rest)
    again = bulkps("run", operation, rest, *to_there, "--json")

    assert first.exit_code == 4, first.output
    assert [row["status"] for row in found] == ["SKIPPED", *["COMPLETED"] * 3]
    blocked = found[0]
    assert blocked["error_code"] in ("still-soft-deleted", "legacy-dn-mismatch")
    assert blocked["error"].endswith(".")
    assert blocked["advice"].endswith(".")
    assert (blocked["attempts"], found[1]["attempts"]) == ("0", "1")
    assert "1 row SKIPPED by pre-flight" in first.stderr
    assert f"--only skipped -o rest.csv, then bulkps run {operation} rest.csv --config " in first.stderr
    assert wrote.exit_code == 0
    assert again.exit_code == 4, again.output
    assert as_object(again)["counts"]["SKIPPED"] == 1
    assert as_object(again)["preflight"]["blocked"] == 1
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    assert len(there.simulator.effects_by_mailbox()) == 3
    assert "item.blocked" in events(bulkps)


def test_a_run_tells_which_rows_it_skipped_and_what_to_do(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = settings(tenant(troubles=True))
    write_csv(tmp_path / "in.csv", with_troubles(there, "restore", 1))

    said = bulkps("run", "restore", tmp_path / "in.csv", "--config", there.config, "--quiet")

    assert "SKIPPED by pre-flight: legacy-dn-mismatch, row 2\n" in said.stdout
    assert "-> If it is the right target: Set-Mailbox" in said.stdout


def test_an_active_mailbox_is_nothing_to_restore_from(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = settings(tenant())
    people = there.simulator.tenant
    row = {"source_guid": str(people.active(3)["ExchangeGuid"])}
    write_csv(tmp_path / "in.csv", [{**row, "target_mailbox": str(people.active(4)["PrimarySmtpAddress"])}])

    validated(bulkps, there, "restore", tmp_path / "in.csv")

    [found] = results(bulkps)
    assert "not-inactive" in found["error_code"].split(";")
    assert "is an active mailbox" in found["error"]


def test_an_archive_that_another_row_copies_is_not_left_out(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = settings(tenant(troubles=True))
    trouble = there.simulator.tenant.trouble("archive-left-out")
    row = {"source_guid": trouble.source, "target_mailbox": trouble.target, "source_is_archive": "false"}

    write_csv(tmp_path / "one.csv", [row])
    alone = validated(bulkps, there, "restore", tmp_path / "one.csv")
    write_csv(tmp_path / "two.csv", [row, {**row, "source_is_archive": "true"}])
    both = validated(bulkps, there, "restore", tmp_path / "two.csv")

    assert alone["preflight"]["findings"]["archive-left-out"] == {"warning": 1}
    assert "archive-left-out" not in both["preflight"]["findings"]


def test_what_blocks_once_is_no_matter_once_it_is_mended(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = settings(tenant(troubles=True))
    write_csv(tmp_path / "in.csv", with_troubles(there, "restore", 1))
    to_there = ("--config", there.config, "--quiet")
    bulkps("run", "restore", tmp_path / "in.csv", *to_there)
    bulkps("results", "last", "--only", "skipped", "-o", tmp_path / "rest.csv")

    mended = bulkps(
        "run", "restore", tmp_path / "rest.csv", *to_there, "--set", "allow_legacy_dn_mismatch=true"
    )

    assert mended.exit_code == 0, mended.output
    assert [row["status"] for row in results(bulkps)] == ["COMPLETED"]


def test_require_clean_sends_nothing_at_all_if_one_row_is_blocked(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = settings(tenant(troubles=True))
    write_csv(tmp_path / "in.csv", with_troubles(there, "restore", 3))

    said = bulkps(
        "run", "restore", tmp_path / "in.csv", "--config", there.config, "--require-clean", "--json"
    )
    found = results(bulkps)
    resumed = bulkps("resume", "last", "--config", there.config, "--quiet")

    assert said.exit_code == 3, said.output
    assert as_object(said)["stopped"] == "not-clean"
    assert called(there) == 0
    assert [row["error_code"] for row in found] == ["legacy-dn-mismatch", *["not-clean"] * 3]
    assert all(row["status"] == "SKIPPED" and row["error"] for row in found)
    assert resumed.exit_code in (3, 4)
    assert called(there) == 0
    sound_audit(bulkps)


@pytest.mark.parametrize("hidden", ["Get-User:*", "Get-AcceptedDomain:*"])
def test_require_clean_sends_nothing_where_a_blocker_could_not_be_looked_for(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, hidden: str
) -> None:
    there = settings(tenant(hidden_parameters=hidden))
    file = rehearsal(bulkps, "recovery", 2, tmp_path / "in.csv")

    said = bulkps(
        "run", "recovery", file, "--config", there.config, "--require-clean", "--quiet", "--yes", "--json"
    )

    assert (said.exit_code, as_object(said)["stopped"]) == (3, "not-clean"), said.output
    assert "could not check for all blockers of 2 rows" in as_object(said)["detail"]
    assert there.lines() == []


@pytest.mark.parametrize("rows", [2, 20, 21])
def test_an_account_that_is_back_under_an_address_of_the_source_is_found_among_few_and_many(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, rows: int
) -> None:
    there = settings(tenant(mailboxes=rows))
    file = rehearsal(bulkps, "recovery", rows, tmp_path / "in.csv")
    tenant_ = there.simulator.tenant
    address = str(tenant_.inactive(1)["PrimarySmtpAddress"])
    source = tenant_.find(str(tenant_.inactive(1)["ExchangeGuid"]), (Kind.INACTIVE,))
    tenant_.change(source, Kind.INACTIVE, {"UserPrincipalName": f"old.{address}"})
    # No recipient, for it has no licence; its name is what was the mailbox's address.
    back = fake_directory.unlicensed_user(tenant_.seed, 1, "back.again", address)
    tenant_.add(Mailbox(Kind.NONE, back))

    validated(bulkps, there, "recovery", file)

    assert "account-exists" in results(bulkps)[1]["error_code"]


def test_require_clean_lets_rows_go_that_are_clean(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = settings(tenant())
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")

    said = bulkps("run", "restore", file, "--config", there.config, "--require-clean", "--json", "--quiet")

    assert (said.exit_code, as_object(said)["counts"]["COMPLETED"]) == (0, 3), said.output


def test_who_skips_preflight_is_told_and_recorded(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = settings(tenant())
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")

    said = bulkps("run", "restore", file, "--config", there.config, "--skip-preflight", "--quiet")

    assert said.exit_code == 0, said.output
    assert "Pre-flight was skipped: nothing was checked" in said.stderr
    assert as_object(bulkps("show", "last", "--json"))["preflight"] == {"state": "skipped"}
    assert "preflight.skipped" in events(bulkps)
    assert called(there, ["Get-Mailbox", "Get-Recipient", "Get-OrganizationConfig"]) == 0


@pytest.mark.parametrize("option", ["--require-clean", "--onmicrosoft-fallback"])
@pytest.mark.parametrize("where", ["--skip-preflight", "run.preflight"])
def test_options_that_contradict_each_other_are_a_problem_of_usage(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, option: str, where: str
) -> None:
    there = tenant()
    there.configure(preflight=where == "--skip-preflight")
    file = rehearsal(bulkps, "recovery", 3, tmp_path / "in.csv")
    skip = [where] if where.startswith("--") else []

    said = bulkps("run", "recovery", file, "--config", there.config, "--yes", option, *skip)

    assert said.exit_code == 2
    assert f"{option} needs pre-flight, but {where}" in said.stderr
    assert called(there) == 0


def test_validate_looks_although_the_settings_leave_preflight_out(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")

    assert validated(bulkps, there, "restore", file)["preflight"]["state"] == "done"


def test_the_json_object_tells_what_preflight_found(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = settings(tenant(troubles=True))
    write_csv(tmp_path / "in.csv", with_troubles(there, "restore", 2))

    said = validated(bulkps, there, "restore", tmp_path / "in.csv", "--no-sizes")

    found = said["preflight"]
    assert found["state"] == "done"
    assert found["blocked"] == 1
    assert found["findings"]["legacy-dn-mismatch"] == {"blocker": 1}
    assert found["findings"]["not-checked"] == {"note": 3}
    assert found["unread"] == {}
    assert (said["exit_code"], said["counts"]["FAILED"], said["operation"]) == (4, 1, "validate")


def test_rows_that_another_run_completed_are_not_read_about(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = settings(tenant())
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")
    to_there = ("--config", there.config, "--quiet", "--json")
    assert bulkps("run", "restore", file, *to_there).exit_code == 0
    before = dict(there.simulator.calls)

    again = bulkps("run", "restore", file, *to_there)

    assert again.exit_code == 0, again.output
    assert {row["error_code"] for row in results(bulkps)} == {"done-already"}
    assert there.simulator.calls == before


def test_only_the_rows_that_are_left_are_read_about(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = settings(tenant())
    to_there = ("--config", there.config, "--quiet")
    assert (
        bulkps("run", "restore", rehearsal(bulkps, "restore", 3, tmp_path / "3.csv"), *to_there).exit_code
        == 0
    )
    before = there.simulator.calls["Get-Mailbox"]

    again = bulkps("run", "restore", rehearsal(bulkps, "restore", 4, tmp_path / "4.csv"), *to_there)

    assert again.exit_code == 0, again.output
    assert [row["status"] for row in results(bulkps)] == [*["SKIPPED"] * 3, "COMPLETED"]
    assert there.simulator.calls["Get-Mailbox"] - before == 2, "one source and one target"


def test_a_preflight_that_was_done_is_repeated_only_for_what_is_still_to_be_sent(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = settings(
        tenant(troubles=True, faults="New-MailboxRestoreRequest#2=transient"), "  max_retries: 0\n"
    )
    write_csv(tmp_path / "in.csv", with_troubles(there, "restore", 3))
    to_there = ("--config", there.config, "--quiet", "--json")
    first = bulkps("run", "restore", tmp_path / "in.csv", *to_there, "--no-wait")
    reads = called(there, ["Get-Recipient", "Get-OrganizationConfig"])

    resumed = bulkps("resume", "last", *to_there)
    reads_of_resume = called(there, ["Get-Recipient", "Get-OrganizationConfig"]) - reads
    retried = bulkps("retry", "last", *to_there)

    assert as_object(first)["counts"]["FAILED"] == 1, first.output
    assert as_object(resumed)["counts"]["COMPLETED"] == 2
    assert as_object(retried)["counts"] == {
        "PENDING": 0, "IN_PROGRESS": 0, "COMPLETED": 3, "FAILED": 0, "SKIPPED": 1,
    }  # fmt: skip
    assert reads > reads_of_resume == 0
    # Somebody may have restored that row since, on another machine too.
    assert called(there, ["Get-Recipient", "Get-OrganizationConfig"]) > reads
    assert events(bulkps).count("preflight.done") == 2


def test_the_session_that_preflight_opened_does_the_run(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = settings(tenant())
    file = rehearsal(bulkps, "restore", 30, tmp_path / "in.csv")

    said = bulkps("run", "restore", file, "--config", there.config, "--quiet")

    assert said.exit_code == 0, said.output
    # Each session asks once what it may call.
    assert there.simulator.calls["Get-Command"] == 1


def test_preflight_counts_what_it_has_read(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tenant(mailboxes=600)
    monkeypatch.setattr("bulkps.cli.progress._EVERY", 0.0)
    file = rehearsal(bulkps, "restore", 500, tmp_path / "in.csv")

    said = bulkps("validate", "restore", file, "--config", there.config)

    told = [line for line in said.stderr.splitlines() if line.endswith((" left", "left"))]
    counted = [int(line.split()[1]) for line in told]
    assert said.exit_code == 0, said.output
    assert counted == sorted(counted)
    assert counted[-1] >= 1200, "the inactive ones, and the active ones"
    assert len(told) >= 12, "not only once a cmdlet has ended"
    assert re.fullmatch(r"pre-flight: \d+ objects read, at least 0 cmdlets left", told[-1])
    quiet = bulkps("validate", "restore", file, "--config", there.config, "--quiet")
    assert "objects read" not in quiet.stderr
