"""``bulkps undo``: a run is taken back by what was there before, and nothing else is touched."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bulkps.engine.item_status import BulkItemStatus
from bulkps.simulator.tenant.mailbox import Kind
from tests.conftest import Run, Tenant, as_object, read_csv, write_csv
from tests.engines import ENGINES

Start = Callable[..., Tenant]


def people(there: Tenant, count: int) -> list[str]:
    return [str(there.simulator.tenant.active(index)["PrimarySmtpAddress"]) for index in range(count)]


def state(there: Tenant, names: list[str]) -> list[dict[str, Any]]:
    """Return the properties of mailboxes, addresses without their order."""
    find = there.simulator.tenant.find
    found: list[dict[str, Any]] = [dict(find(name, (Kind.ACTIVE,)).properties) for name in names]
    return [{**one, "EmailAddresses": sorted(one["EmailAddresses"])} for one in found]


def change(there: Tenant, name: str, **values: Any) -> None:
    organization = there.simulator.tenant
    organization.change(organization.find(name, (Kind.ACTIVE,)), Kind.ACTIVE, values)


def done(bulkps: Run, *arguments: object, code: int = 0) -> dict[str, Any]:
    result = bulkps(*arguments, "--json", "--quiet")
    assert result.exit_code == code, result.output
    return as_object(result)


@pytest.mark.parametrize("options", ENGINES)
def test_an_undone_run_leaves_every_mailbox_as_it_was_and_can_be_undone_itself(
    bulkps: Run, tenant: Start, tmp_path: Path, options: dict[str, Any]
) -> None:
    there = tenant(**options)
    config, names = there.configure(preflight=True), people(there, 5)
    change(there, names[0], CustomAttribute1="old", IssueWarningQuota="48 GB (51,539,607,552 bytes)")
    change(there, names[2], HiddenFromAddressListsEnabled=True)
    rows = [
        {"CustomAttribute1": "new", "IssueWarningQuota": "47GB"},
        {"CustomAttribute1": "new"},
        {"HiddenFromAddressListsEnabled": "no", "CustomAttribute1": "$null"},
        {"EmailAddresses": "@{Add=x1@contoso.com,x2@contoso.com}"},
        {
            "EmailAddresses": "@{Add=x3@contoso.com; Remove="
            + f"{names[4]}".replace("@contoso.com", "@nowhere.org")
        },
    ]
    rows[4]["EmailAddresses"] += "}"
    columns = {name: "" for row in rows for name in row}
    write_csv(
        tmp_path / "in.csv",
        [{"Identity": one, **columns, **row} for one, row in zip(names, rows, strict=True)],
    )
    before = state(there, names)

    first = done(bulkps, "run", "Set-Mailbox", tmp_path / "in.csv", "--config", config)
    after = state(there, names)
    undone = done(bulkps, "undo", first["run"], "--config", config)
    back = state(there, names)
    again = done(bulkps, "undo", undone["run"], "--config", config)

    assert first["counts"]["COMPLETED"] == 5
    assert after != before
    assert undone["counts"]["COMPLETED"] == 5
    assert back == before
    assert again["counts"]["COMPLETED"] == 5
    assert state(there, names) == after


def test_what_somebody_changed_since_is_left_alone_and_says_what_is_there(
    bulkps: Run, tenant: Start, tmp_path: Path
) -> None:
    there = tenant()
    config, names = there.configure(preflight=True), people(there, 3)
    write_csv(tmp_path / "in.csv", [{"Identity": one, "CustomAttribute1": "new"} for one in names])
    first = done(bulkps, "run", "Set-Mailbox", tmp_path / "in.csv", "--config", config)
    change(there, names[1], CustomAttribute1="theirs")

    undone = done(bulkps, "undo", "last", "--config", config, "--results", tmp_path / "out.csv", code=4)
    forced = done(bulkps, "undo", first["run"], "--config", config, "--even-if-changed")

    rows = {row["Identity"]: row for row in read_csv((tmp_path / "out.csv").read_text(encoding="utf-8-sig"))}
    changed = rows[str(there.simulator.tenant.active(1)["Guid"])]
    assert undone["counts"]["SKIPPED"] == 1
    assert changed["error_code"] == "changed-since"
    assert "CustomAttribute1 is theirs, and the run left new" in changed["error"]
    assert (forced["counts"]["SKIPPED"], forced["counts"]["COMPLETED"]) == (2, 1)
    assert {one["CustomAttribute1"] for one in state(there, names)} == {""}


def test_a_dry_run_shows_what_would_be_set_back_and_sends_nothing(
    bulkps: Run, tenant: Start, tmp_path: Path
) -> None:
    there = tenant()
    config, (name,) = there.configure(preflight=True), people(there, 1)
    change(there, name, CustomAttribute1="old")
    write_csv(tmp_path / "in.csv", [{"Identity": name, "CustomAttribute1": "new"}])
    done(bulkps, "run", "Set-Mailbox", tmp_path / "in.csv", "--config", config)
    effects = len(there.lines())

    shown = bulkps("undo", "last", "--config", config, "--dry-run")

    assert shown.exit_code == 0, shown.output
    guid = there.simulator.tenant.active(0)["Guid"]
    assert f"Set-Mailbox -Identity '{guid}' -CustomAttribute1 'old'" in shown.stdout
    assert "CustomAttribute1: new → old" in shown.stdout
    assert len(there.lines()) == effects


def test_what_was_not_read_before_cannot_be_set_back_and_that_is_said_row_by_row(
    bulkps: Run, tenant: Start, tmp_path: Path
) -> None:
    there = tenant()
    config, names = there.configure(preflight=True), people(there, 2)
    write_csv(tmp_path / "in.csv", [{"Identity": one, "CustomAttribute1": "new"} for one in names])
    done(bulkps, "run", "Set-Mailbox", tmp_path / "in.csv", "--config", config, "--skip-preflight")

    refused = bulkps("undo", "last", "--config", config)

    assert refused.exit_code == 2
    assert "row 3: CustomAttribute1: what it was is not known; it stays as it is" in refused.stderr
    assert [one["CustomAttribute1"] for one in state(there, names)] == ["new", "new"]


@pytest.mark.parametrize(
    ("operation", "said"),
    [("restore", "does not read what is there before"), ("Set-Mailbox", "nothing of run")],
)
def test_a_run_that_cannot_be_undone_says_why(
    bulkps: Run, tenant: Start, tmp_path: Path, operation: str, said: str
) -> None:
    there = tenant()
    config, (name,) = there.configure(preflight=True), people(there, 1)
    if operation == "restore":
        bulkps("template", "restore", "--rows", 1, "-o", tmp_path / "in.csv")
    else:
        change(there, name, CustomAttribute1="x")
        write_csv(tmp_path / "in.csv", [{"Identity": name, "CustomAttribute1": "x"}])
    bulkps("run", operation, tmp_path / "in.csv", "--config", config, "--quiet")

    refused = bulkps("undo", "last", "--config", config)

    assert refused.exit_code == 2
    assert said in refused.stderr


def test_an_unfinished_run_is_not_undone(bulkps: Run, tenant: Start, tmp_path: Path, home: Path) -> None:
    there = tenant()
    config, names = there.configure(preflight=True), people(there, 2)
    write_csv(tmp_path / "in.csv", [{"Identity": one, "CustomAttribute1": "x"} for one in names])
    done(bulkps, "run", "Set-Mailbox", tmp_path / "in.csv", "--config", config)
    with closing(sqlite3.connect(home / "journal.sqlite3")) as journal:
        status = BulkItemStatus.PENDING.value
        journal.execute("UPDATE items SET status = ? WHERE row = 2", (status,))
        journal.commit()

    refused = bulkps("undo", "last", "--config", config)

    assert refused.exit_code == 2
    assert "is not finished: resume or cancel it first" in refused.stderr


def test_a_row_that_changed_the_address_by_which_it_found_the_mailbox_is_set_back_too(
    bulkps: Run, tenant: Start, tmp_path: Path
) -> None:
    there = tenant()
    config = there.configure(preflight=True)
    mailbox = there.simulator.tenant.active(0)
    further = "further.address@contoso.com"
    guid = str(mailbox["ExchangeGuid"])
    write_csv(tmp_path / "add.csv", [{"Identity": guid, "EmailAddresses": f"@{{Add={further}}}"}])
    done(bulkps, "run", "Set-Mailbox", tmp_path / "add.csv", "--config", config)
    before = state(there, [guid])
    write_csv(tmp_path / "in.csv", [{"Identity": further, "EmailAddresses": f"@{{Remove={further}}}"}])

    done(bulkps, "run", "Set-Mailbox", tmp_path / "in.csv", "--config", config)
    after = state(there, [guid])
    undone = done(bulkps, "undo", "last", "--config", config)

    assert after != before
    assert undone["counts"]["COMPLETED"] == 1
    assert state(there, [guid]) == before


def test_an_object_that_cannot_be_read_is_not_set_back_unchecked(
    bulkps: Run, tenant: Start, tmp_path: Path
) -> None:
    there = tenant()
    config, names = there.configure(preflight=True), people(there, 1)
    write_csv(tmp_path / "in.csv", [{"Identity": names[0], "CustomAttribute1": "new"}])
    done(bulkps, "run", "Set-Mailbox", tmp_path / "in.csv", "--config", config)
    mailbox = there.simulator.tenant.find(names[0], (Kind.ACTIVE,))
    there.simulator.tenant.remove(mailbox)
    effects = len(there.lines())

    undone = done(bulkps, "undo", "last", "--config", config, code=4)

    assert undone["counts"]["SKIPPED"] == 1
    assert "its present state could not be read" in str(undone["rows"])
    assert len(there.lines()) == effects
