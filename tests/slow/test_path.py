"""The whole path: export, fill in, validate, run; then the tenant is what the files asked for.

Short in CI; ``tox -e soak`` (BULKPS_SOAK=1) does it with 2,000 inactive mailboxes.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulkps.simulator import Tenant as Organization
from bulkps.simulator.tenant.mailbox import LIVING
from tests.conftest import Run, Tenant, as_object, read_csv, write_csv
from tests.engines import ENGINES

#: Run by ``python -m pytest -m proof``, which CI does in this short form, and in full by ``tox -e soak``.
pytestmark = pytest.mark.proof

NUMBER = 2_000 if os.environ.get("BULKPS_SOAK") else 160
DEPARTMENTS = ("Legal", "Finanzen & Recht", "=Sales")
FOLDERS = ("", "#Inbox#/*;Projects/*")


def recoveries(inventory: list[dict[str, str]]) -> list[dict[str, str]]:
    """Fill in an export as a person would: every second recoverable mailbox gets a new account."""
    chosen = [row for row in inventory if row["recoverable"] == "yes"][::2]
    return [
        {
            **row,
            "target_upn": f"again.{number}@contoso.com",
            "department": DEPARTMENTS[number % 3],
            "company": "Contoso" if number % 2 else "",
        }
        for number, row in enumerate(chosen)
    ]


def restores(inventory: list[dict[str, str]], organization: Organization) -> list[dict[str, str]]:
    """Fill in an export as a person would: the others are restored into the mailboxes of the same people."""
    by_guid = {str(organization.inactive(i)["ExchangeGuid"]): i for i in range(NUMBER)}
    chosen = [row for row in inventory if row["recoverable"] == "yes"][1::2]
    return [
        {
            **row,
            "target_upn": str(organization.active(by_guid[row["source_guid"]])["PrimarySmtpAddress"]),
            "target_folder": f"Restored {number % 5}",
            "conflict_resolution": "KeepLatestItem" if number % 2 else "",
            "include_folders": FOLDERS[number % 2],
            "exclude_dumpster": "yes" if number % 3 == 0 else "",
        }
        for number, row in enumerate(chosen)
    ]


def results(path: Path) -> list[dict[str, str]]:
    return read_csv(path.read_text(encoding="utf-8-sig"))


def holds(mailbox: Any, row: dict[str, str], guid: str) -> None:
    """Compare a recovered mailbox with what its row asked for, property by property."""
    found = mailbox.properties
    assert str(found["ExchangeGuid"]) == guid
    assert found["UserPrincipalName"] == found["PrimarySmtpAddress"] == row["target_upn"]
    assert found["MicrosoftOnlineServicesID"] == row["target_upn"]
    assert f"SMTP:{row['target_upn']}" in found["EmailAddresses"]
    assert found["DisplayName"] == row["display_name"]
    assert found["Department"] == row["department"]
    assert found["Company"] == row["company"]
    assert found["IsInactiveMailbox"] is False
    assert found["RetentionHoldEnabled"] is True


def asked(request: Any, row: dict[str, str]) -> None:
    """Compare a restore request with what its row asked for, property by property."""
    given = request.parameters
    assert str(request.source.properties["ExchangeGuid"]) == row["source_guid"]
    assert request.target.properties["PrimarySmtpAddress"] == row["target_upn"]
    assert given["TargetRootFolder"] == row["target_folder"]
    assert given["ConflictResolutionOption"] == (row["conflict_resolution"] or "KeepAll")
    assert list(given.get("IncludeFolders") or []) == list(filter(None, row["include_folders"].split(";")))
    assert bool(given.get("ExcludeDumpster")) is (row["exclude_dumpster"] == "yes")
    for name in ("SourceIsArchive", "TargetIsArchive", "AllowLegacyDNMismatch", "ExcludeFolders"):
        assert not given.get(name), name


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_exported_filled_in_validated_and_run_is_what_the_tenant_then_is(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path, engine: dict[str, Any]
) -> None:
    there = tenant(mailboxes=NUMBER, restore_seconds=0.5, troubles=True, **engine)
    there.configure("  max_sessions: 3\n  parallel_execution: true\n  batch_size: 50\n", preflight=True)
    config, organization = ["--config", there.config], there.simulator.tenant
    exported = bulkps("export", "-o", tmp_path / "inventory.csv", "--quiet", "--no-sizes", *config)
    assert exported.exit_code == 0, exported.output
    exported_rows = results(tmp_path / "inventory.csv")
    people = {str(organization.inactive(index)["ExchangeGuid"]) for index in range(NUMBER)}
    inventory = [row for row in exported_rows if row["source_guid"] in people]
    assert [row["kind"] for row in inventory] == ["inactive"] * NUMBER
    files = {"recovery": recoveries(inventory), "restore": restores(inventory, organization)}
    assert len(files["recovery"]) + len(files["restore"]) == NUMBER

    for operation, rows in files.items():
        file = tmp_path / f"{operation}.csv"
        write_csv(file, rows)
        before = sum(there.simulator.inventories.values())
        checked = bulkps("validate", operation, file, "--json", "--quiet", *config)
        assert checked.exit_code == 0, checked.output[-3000:]
        assert as_object(checked)["counts"]["COMPLETED"] == len(rows)
        assert sum(there.simulator.inventories.values()) - before <= 12
        done = bulkps("run", operation, file, "--yes", "--json", "--quiet", *config)
        assert done.exit_code == 0, done.output[-3000:]
        assert as_object(done)["counts"]["COMPLETED"] == len(rows)

    for row in files["recovery"]:
        [mailbox] = organization.matches(row["target_upn"], LIVING)
        holds(mailbox, row, row["source_guid"])
    own = {str(one.source.properties["ExchangeGuid"]): one for one in organization.requests() if one.batch}
    assert len(own) == len(files["restore"])
    for row in files["restore"]:
        asked(own[row["source_guid"]], row)
    assert set(there.simulator.effects_by_mailbox("mailbox-recovered").values()) == {1}
    assert set(there.simulator.effects_by_mailbox("restore-request").values()) == {1}
