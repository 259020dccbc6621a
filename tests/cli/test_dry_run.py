"""A dry run shows what the run sends, and nothing else; it sends nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv

StartTenant = Callable[..., Tenant]
#: Cmdlets that a dry run with the fallback may read with.
READS = {"Get-Command", "Get-OrganizationConfig", "Get-AcceptedDomain"}


def sent(said: dict[str, Any]) -> list[tuple[int, str, dict[str, Any]]]:
    """Return what a run announced before it sent it: row, cmdlet, parameters."""
    lines = Path(said["audit"]).read_text(encoding="utf-8").splitlines()
    found = [one for one in map(json.loads, lines) if one["event"] == "item.sending"]
    # A step that reads back is repeated until it finds what was made.
    unique = {(one["row"], one["step"]): (one["row"], one["cmdlet"], one["parameters"]) for one in found}
    return [unique[key] for key in sorted(unique)]


def planned(told: dict[str, Any], said: dict[str, Any]) -> list[tuple[int, str, dict[str, Any]]]:
    """Return what a dry run showed, with the names that only a run has put in."""
    text = json.dumps(told["plan"]).replace("<run>", said["run"])
    return [(one["row"], one["cmdlet"], one["parameters"]) for one in json.loads(text)]


def outputs_hidden(rows: list[tuple[int, str, dict[str, Any]]]) -> list[tuple[int, str, dict[str, Any]]]:
    """Return *rows* without the parameter that an earlier step's answer fills."""
    return [
        (row, cmdlet, parameters if cmdlet == "New-Mailbox" else {**parameters, "Identity": "?"})
        for row, cmdlet, parameters in rows
    ]


@pytest.mark.parametrize("options", [[], ["--onmicrosoft-fallback"]])
def test_a_recovery_is_shown_as_it_is_sent(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, options: list[str]
) -> None:
    there = tenant(troubles=True)
    config = there.configure("  poll: {first_wait: 0.05, max_wait: 0.2}\n", preflight=True)
    file = rehearsal(bulkps, "recovery", 4, tmp_path / "in.csv")
    rows = read_csv(file.read_text(encoding="utf-8-sig"))
    cells = {"department": "", "target_smtp": ""}
    rows = [{**row, **cells} for row in rows]
    rows[1] |= {"target_upn": "ann@fabrikam.com", "target_smtp": "Ann.B@fabrikam.com", "department": "Legal"}
    write_csv(file, rows)
    command = ("run", "recovery", file, "--config", config, "--json", "--quiet", *options)

    dry = bulkps(*command, "--dry-run")
    assert set(there.simulator.calls) <= (READS if options else set()), "it reads what decides about names"
    assert not there.lines()
    said = as_object(bulkps(*command, "--yes"))

    told = as_object(dry)
    gone = {3} if not options else set()
    shown = [one for one in planned(told, said) if one[0] not in gone]
    assert outputs_hidden(shown) == outputs_hidden(sent(said))
    upns = [one["parameters"].get("MicrosoftOnlineServicesID") for one in told["plan"]]
    assert ("ann@contoso.onmicrosoft.com" in upns) == bool(options)
    assert [one["row"] for one in told["changed"]] == ([3] if options else [])
    assert told["run"] is None


def test_what_another_run_completed_is_shown_as_skipped_and_a_restore_as_it_is_sent(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    first = rehearsal(bulkps, "restore", 2, tmp_path / "two.csv")
    bulkps("run", "restore", first, "--config", there.config, "--quiet")
    file = rehearsal(bulkps, "restore", 5, tmp_path / "in.csv")
    command = ("run", "restore", file, "--config", there.config, "--quiet")

    text, told = bulkps(*command, "--dry-run"), as_object(bulkps(*command, "--dry-run", "--json"))
    again = as_object(bulkps(*command, "--dry-run", "--json", "--again"))
    runs = len(as_object(bulkps("runs", "--json"))["runs"])
    said = as_object(bulkps(*command, "--json"))

    assert runs == 1, "a dry run is none"
    assert planned(told, said) == sent(said)
    assert [(one["row"], one["code"]) for one in told["skipped"]] == [
        (2, "done-already"),
        (3, "done-already"),
    ]
    assert "row 2: SKIPPED (done-already): completed " in text.stdout
    assert "dry run: 5 rows (2 of them SKIPPED), nothing was sent." in text.stderr
    names = {one["parameters"]["Name"] for one in again["plan"]}
    assert len(again["plan"]) == 5 and names == {"bulkps-<key>"}, "no name that is not sent"


def test_a_dry_run_refuses_what_the_run_refuses(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--no-wait", "--quiet")

    dry = bulkps("run", "restore", file, "--config", there.config, "--dry-run")

    assert dry.exit_code == 2
    assert "the same row is IN_PROGRESS in run" in dry.stderr
