"""Rows that mean the same although they say it differently: nothing arrives twice by another name."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bulkps.simulator.tenant.mailbox import Kind
from tests.conftest import Run, Tenant, as_object, read_csv, write_csv

StartTenant = Callable[..., Tenant]
Rows = list[dict[str, str]]
#: Ways to name a source, and a target: properties of the mailbox.
SOURCES = ("ExchangeGuid", "Guid", "DistinguishedName")
TARGETS = ("PrimarySmtpAddress", "ExchangeGuid", "DistinguishedName", "UserPrincipalName")


def looking(tenant: StartTenant) -> Tenant:
    there = tenant()
    there.configure(preflight=True)
    return there


def restore(
    there: Tenant, source: str = "ExchangeGuid", target: str = "PrimarySmtpAddress"
) -> dict[str, str]:
    people = there.simulator.tenant
    return {
        "source_guid": str(people.inactive(1)[source]),
        "target_mailbox": str(people.active(1)[target]),
        "target_folder": "",
    }


def recovery(there: Tenant, number: int, source: str = "ExchangeGuid", **cells: str) -> dict[str, str]:
    given = {"source_guid": str(there.simulator.tenant.inactive(number)[source]), "target_smtp": ""}
    return {**given, "target_upn": f"new{number}@contoso.com", "display_name": "New", **cells}


def run(bulkps: Run, there: Tenant, operation: str, rows: Rows, *options: str) -> Rows:
    """Run *rows*; return their results."""
    file = there.config.parent / "in.csv"
    write_csv(file, rows)
    said = bulkps("run", operation, file, "--config", there.config, "--quiet", "--json", "--yes", *options)
    assert said.exit_code in (0, 4), said.output
    return read_csv(bulkps("results", as_object(said)["run"]).stdout)


def test_two_rows_that_name_one_source_in_two_ways_are_neither_sent(bulkps: Run, tenant: StartTenant) -> None:
    there = looking(tenant)

    found = run(bulkps, there, "restore", [restore(there), restore(there, source="DistinguishedName")])

    assert [row["status"] for row in found] == ["SKIPPED", "SKIPPED"]
    assert {row["error_code"] for row in found} == {"repeated-row"}
    assert "rows 2, 3 name the same mailbox" in found[0]["error"]
    assert there.lines() == []


def test_two_inactive_mailboxes_with_one_exchange_guid_are_neither_recovered(
    bulkps: Run, tenant: StartTenant
) -> None:
    there = tenant(troubles=True)
    there.configure(preflight=True)
    shared = there.simulator.tenant.trouble("ambiguous-identity").source
    twins = there.simulator.tenant.matches(shared, (Kind.INACTIVE,))
    rows = [
        {
            "source_guid": one.text("DistinguishedName"),
            "target_upn": f"new{number}@contoso.com",
            "display_name": "New",
        }
        for number, one in enumerate(twins)
    ]
    assert len(rows) == 2

    found = run(bulkps, there, "recovery", rows)

    assert {row["error_code"] for row in found} == {"ambiguous-identity"}
    assert "rows 2, 3 name different mailboxes with the same ExchangeGuid" in found[0]["error"]
    assert there.lines() == []


def test_one_source_and_its_archive_are_two(bulkps: Run, tenant: StartTenant) -> None:
    there = looking(tenant)
    archive = {**restore(there, source="DistinguishedName"), "source_is_archive": "true"}

    found = run(bulkps, there, "restore", [{**restore(there), "source_is_archive": ""}, archive])

    assert "repeated-row" not in {code for row in found for code in row["error_code"].split(";")}


@pytest.mark.parametrize(
    ("again", "forgotten"),
    [
        ((SOURCES[1], TARGETS[0]), "nothing"),
        ((SOURCES[2], TARGETS[0]), "nothing"),
        ((SOURCES[0], TARGETS[1]), "nothing"),
        ((SOURCES[0], TARGETS[2]), "nothing"),
        ((SOURCES[1], TARGETS[1]), "journal"),
        ((SOURCES[2], TARGETS[1]), "requests"),
    ],
)
def test_what_was_restored_is_not_restored_again_under_another_name(
    bulkps: Run,
    tenant: StartTenant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    again: tuple[str, str],
    forgotten: str,
) -> None:
    there = looking(tenant)
    assert [row["status"] for row in run(bulkps, there, "restore", [restore(there)])] == ["COMPLETED"]
    if forgotten == "journal":
        monkeypatch.setenv("BULKPS_HOME", str(tmp_path / "another machine"))
    if forgotten == "requests":
        for request in there.simulator.tenant.requests():
            there.simulator.tenant.remove_request(request)

    [found] = run(bulkps, there, "restore", [restore(there, *again)])

    known = {
        "nothing": "repeated-row;request-exists",
        "journal": "request-exists",
        "requests": "repeated-row",
    }
    assert found["status"] == "SKIPPED"
    assert sorted(found["error_code"].split(";")) == known[forgotten].split(";")
    assert "under other names" in found["error"]
    assert len(there.lines()) == 1


def test_it_is_restored_again_if_that_is_asked_for_and_another_folder_is_another_restore(
    bulkps: Run, tenant: StartTenant
) -> None:
    there = looking(tenant)
    run(bulkps, there, "restore", [restore(there)])
    other = restore(there, source="Guid")

    [folder] = run(bulkps, there, "restore", [{**other, "target_folder": "Old mail"}])
    [again] = run(bulkps, there, "restore", [other], "--again")

    assert (folder["status"], again["status"]) == ("COMPLETED", "COMPLETED")
    assert "request-completed" in folder["warnings"]
    assert len(there.lines()) == 3


def test_what_is_not_at_its_end_is_not_done_once_more_under_another_name(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(restore_seconds=3600)
    there.configure(preflight=True)
    people = there.simulator.tenant
    rows = [
        {
            "source_guid": str(people.inactive(number)["ExchangeGuid"]),
            "target_mailbox": str(people.active(number)["PrimarySmtpAddress"]),
        }
        for number in range(25)
    ]
    write_csv(tmp_path / "in.csv", rows)
    to_there = ("--config", there.config, "--quiet")
    first = bulkps("run", "restore", tmp_path / "in.csv", *to_there, "--no-wait")
    others = [{**row, "source_guid": str(people.inactive(n)["Guid"])} for n, row in enumerate(rows)]

    found = run(bulkps, there, "restore", others, "--again")

    assert first.exit_code == 6, first.output
    assert {row["status"] for row in found} == {"SKIPPED"}
    assert len(there.lines()) == 25


def test_two_mailboxes_that_had_one_address_are_each_recovered_as_somebody_new(
    bulkps: Run, tenant: StartTenant
) -> None:
    there = looking(tenant)
    people = there.simulator.tenant
    for number in (1, 2):
        [one] = people.matches(recovery(there, number)["source_guid"], (Kind.INACTIVE,))
        people.change(one, one.kind, {"EmailAddresses": [*one.addresses(), "smtp:ann.old@contoso.com"]})

    found = run(bulkps, there, "recovery", [recovery(there, 1), recovery(there, 2)])

    assert "name-taken" not in {code for row in found for code in row["error_code"].split(";")}


def test_a_request_that_somebody_made_by_hand_is_warned_of_once_it_is_completed(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = looking(tenant)
    run(bulkps, there, "restore", [restore(there)])
    people = there.simulator.tenant
    [request] = [one for one in people.requests() if one.name.startswith("bulkps")]
    people.remove_request(request)
    people.add_request(replace(request, name="MailboxRestore"))
    monkeypatch.setenv("BULKPS_HOME", str(tmp_path / "another machine"))

    write_csv(tmp_path / "in.csv", [restore(there)])
    bulkps("validate", "restore", tmp_path / "in.csv", "--config", there.config, "--quiet")

    [found] = read_csv(bulkps("results", "last").stdout)
    assert found["status"] == "COMPLETED"
    assert "request-completed: the request 'MailboxRestore' from the same source" in found["warnings"]


def test_one_mailbox_is_recovered_once_however_it_is_named(bulkps: Run, tenant: StartTenant) -> None:
    there = looking(tenant)
    other = recovery(there, 1, "DistinguishedName", target_upn="other@contoso.com")

    found = run(bulkps, there, "recovery", [recovery(there, 1), other, recovery(there, 2)])

    assert [row["status"] for row in found] == ["SKIPPED", "SKIPPED", "COMPLETED"]
    assert {row["error_code"] for row in found[:2]} == {"repeated-row"}


@pytest.mark.parametrize("column", ["target_smtp", "target_upn"])
def test_two_accounts_are_not_given_one_address(bulkps: Run, tenant: StartTenant, column: str) -> None:
    there = looking(tenant)
    first = recovery(there, 1, target_smtp="ann@contoso.com")
    second = recovery(there, 2, **{column: "Ann@contoso.com"})

    found = run(bulkps, there, "recovery", [first, second])

    assert [row["status"] for row in found] == ["SKIPPED", "SKIPPED"]
    assert {row["error_code"] for row in found} == {"name-taken"}
    assert "rows 2, 3 use ann@contoso.com for different mailboxes" in found[0]["error"]
    assert there.lines() == []
