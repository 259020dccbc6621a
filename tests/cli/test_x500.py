"""A target that is made the same person to Exchange before a restore, and made itself again after it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from bulkps.simulator.tenant.mailbox import Kind
from tests.cli.processes import BULKPS, paused_once, wait_for
from tests.conftest import Run, Tenant, as_object, read_csv, write_csv
from tests.engines import ENGINES

#: Run by ``python -m pytest -m proof``: too many processes for the suite.
pytestmark = pytest.mark.proof

StartTenant = Callable[..., Tenant]
#: The source is one person's, the target another's: Exchange refuses it as it is.
SOURCE, TARGET = 3, 5
#: What has changed something once the address is there, and once there is a request.
ADDED = ["Set-Mailbox"]
ASKED = [*ADDED, "New-MailboxRestoreRequest"]


def stranger(there: Tenant, **more: str) -> dict[str, str]:
    """Return a row whose target was never the source's person."""
    people = there.simulator.tenant
    return {
        "source_guid": str(people.inactive(SOURCE)["ExchangeGuid"]),
        "target_mailbox": str(people.active(TARGET)["PrimarySmtpAddress"]),
        "prepare_x500": "true",
        **more,
    }


def addresses(there: Tenant, index: int = TARGET) -> list[str]:
    """Return the addresses of an active mailbox as they are now."""
    people = there.simulator.tenant
    [found] = people.matches(str(people.active(index)["ExchangeGuid"]), (Kind.ACTIVE,))
    return found.addresses()


def address(there: Tenant, index: int = SOURCE) -> str:
    """Return the X500 address under which a target knows the source."""
    return f"X500:{there.simulator.tenant.inactive(index)['LegacyExchangeDN']}"


def run(bulkps: Run, there: Tenant, folder: Path, row: dict[str, str], *options: str) -> dict[str, str]:
    """Run one row and return its result."""
    write_csv(folder / "in.csv", [row])
    said = bulkps(
        *(
            "run",
            "restore",
            folder / "in.csv",
            "--config",
            there.config,
            "--results",
            folder / "out.csv",
            "--force",
        ),
        *("--quiet", *options),
    )
    assert said.exit_code in (0, 4), said.output
    return result_of(folder / "out.csv")


def result_of(path: Path) -> dict[str, str]:
    [found] = read_csv(path.read_text(encoding="utf-8-sig"))
    return found


def happened(there: Tenant) -> list[str]:
    """Return the cmdlets that changed something, in order."""
    return [one["cmdlet"] for one in there.lines()]


@pytest.mark.parametrize("options", ENGINES)
def test_a_target_that_exchange_refuses_is_prepared_restored_and_keeps_the_address(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, options: dict[str, Any]
) -> None:
    there = tenant(**options)
    refused = run(bulkps, there, tmp_path, stranger(there, prepare_x500=""))
    before = addresses(there)

    found = run(bulkps, there, tmp_path, stranger(there), "--again")

    assert (refused["status"], refused["error_code"]) == ("FAILED", "restore-legacydn-mismatch")
    assert "prepare_x500" in refused["advice"]
    assert found["status"] == "COMPLETED", found
    assert happened(there) == ["Set-Mailbox", "New-MailboxRestoreRequest"]
    assert addresses(there) == [*before, address(there)]


def test_each_step_leaves_its_evidence(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant()

    found = run(bulkps, there, tmp_path, stranger(there, remove_x500="true"))

    evidence = json.loads(found["evidence"])
    assert list(evidence) == ["source", "target", "x500", "request", "x500_undo"]
    assert evidence["source"] == {"LegacyExchangeDN": address(there).removeprefix("X500:")}
    assert evidence["target"]["ExchangeGuid"] == str(there.simulator.tenant.active(TARGET)["ExchangeGuid"])
    assert evidence["request"]["Name"].startswith("bulkps-")


def test_the_address_is_taken_off_once_the_request_is_completed_and_never_before(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(restore_seconds=3600)
    before = addresses(there)
    row = stranger(there, remove_x500="true")

    unfinished = bulkps_no_wait(bulkps, there, tmp_path, row)
    polls = there.simulator.calls.get("Get-MailboxRestoreRequest", 0)
    with paused_once(lambda: there.simulator.calls.get("Get-MailboxRestoreRequest", 0) >= polls + 3):
        bulkps("resume", "last", "--config", there.config, "--quiet")
    while_it_runs = addresses(there)
    there.simulator.tenant.restore_seconds = 0.0
    said = bulkps("resume", "last", "--config", there.config, "--quiet")

    assert unfinished == 6
    assert while_it_runs == [*before, address(there)]
    assert said.exit_code == 0, said.output
    assert addresses(there) == before
    assert happened(there) == ["Set-Mailbox", "New-MailboxRestoreRequest", "Set-Mailbox"]


def test_an_address_that_another_row_needs_stays_and_the_rows_say_so(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(restore_seconds=1.0)
    there.configure(preflight=True)
    give_archive(there)
    row = stranger(there, remove_x500="true", source_is_archive="", target_folder="Old mail")
    rows = [row, {**row, "source_is_archive": "true", "target_mailbox": target_guid(there)}]
    write_csv(tmp_path / "in.csv", rows)

    said = bulkps("run", "restore", tmp_path / "in.csv", "--config", there.config, "--quiet")

    assert said.exit_code == 0, said.output
    found = read_csv(bulkps("results", "last").stdout)
    assert [one["status"] for one in found] == ["COMPLETED", "COMPLETED"]
    assert "remove_x500 is ignored: row 3 needs the same X500 address" in found[0]["warnings"]
    assert address(there) in addresses(there)
    assert happened(there).count("Set-Mailbox") <= 2, "it is added, by both at once perhaps, and not removed"


@pytest.mark.parametrize("allowed", ["", "true"])
def test_an_address_is_removed_for_rows_that_need_it_no_more(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, allowed: str
) -> None:
    there = tenant()
    there.configure(preflight=True)
    before = addresses(there)
    row = stranger(there, remove_x500="true", source_is_archive="", allow_legacy_dn_mismatch="")
    # The source has no archive: this row is not sent.
    blocked = {**row, "source_is_archive": "true", "allow_legacy_dn_mismatch": allowed}
    write_csv(tmp_path / "in.csv", [row, blocked])

    bulkps("run", "restore", tmp_path / "in.csv", "--config", there.config, "--quiet")

    found = read_csv(bulkps("results", "last").stdout)
    assert [one["status"] for one in found] == ["COMPLETED", "SKIPPED"]
    assert addresses(there) == before


def test_a_row_that_allows_the_mismatch_leaves_the_address_to_one_that_needs_it(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(restore_seconds=0.5)
    there.configure(preflight=True)
    give_archive(there)
    row = stranger(there, remove_x500="true", allow_legacy_dn_mismatch="true", source_is_archive="")
    needs = {**row, "allow_legacy_dn_mismatch": "", "remove_x500": "", "source_is_archive": "true"}
    write_csv(tmp_path / "in.csv", [row, needs])

    said = bulkps("run", "restore", tmp_path / "in.csv", "--config", there.config, "--quiet")

    assert said.exit_code == 0, said.output
    assert address(there) in addresses(there)


def give_archive(there: Tenant) -> None:
    """Give the source an archive, so that two rows may copy from it."""
    people = there.simulator.tenant
    [source] = people.matches(stranger(there)["source_guid"], (Kind.INACTIVE,))
    people.change(source, source.kind, {"ArchiveGuid": UUID(int=7)})


def target_guid(there: Tenant) -> str:
    return str(there.simulator.tenant.active(TARGET)["ExchangeGuid"])


def test_a_retry_prepares_the_target_again_where_the_address_is_gone(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(faults="New-MailboxRestoreRequest#1=throttled")
    there.configure("  retry_failed: false\n  adaptive_pacing: false\n")
    before = addresses(there)
    first = run(bulkps, there, tmp_path, stranger(there, remove_x500="true"))
    [target] = there.simulator.tenant.matches(target_guid(there), (Kind.ACTIVE,))
    there.simulator.tenant.change(target, target.kind, {"EmailAddresses": list(before)})

    again = bulkps("retry", "last", "--config", there.config, "--quiet")

    assert first["status"] == "FAILED"
    assert again.exit_code == 0, again.output
    assert addresses(there) == before
    assert happened(there) == ["Set-Mailbox", "Set-Mailbox", "New-MailboxRestoreRequest", "Set-Mailbox"]


def test_an_address_that_nothing_adds_cannot_be_removed(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    write_csv(tmp_path / "in.csv", [stranger(there, prepare_x500="", remove_x500="true")])

    said = bulkps("run", "restore", tmp_path / "in.csv", "--config", there.config, "--quiet")

    assert said.exit_code == 2, said.output
    assert "row 2: remove_x500 does nothing unless prepare_x500 is given too" in said.stderr


def bulkps_no_wait(bulkps: Run, there: Tenant, folder: Path, row: dict[str, str]) -> int:
    write_csv(folder / "in.csv", [row])
    said = bulkps(
        "run", "restore", folder / "in.csv", "--config", there.config, "--quiet", "--no-wait", "--json"
    )
    return said.exit_code


def test_the_address_stays_where_the_request_fails_for_it_can_be_resumed(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(failing_requests=1.0)

    found = run(bulkps, there, tmp_path, stranger(there, remove_x500="true"))

    assert (found["status"], found["error_code"]) == ("FAILED", "failed-at-exchange")
    assert address(there) in addresses(there)
    assert happened(there) == ["Set-Mailbox", "New-MailboxRestoreRequest"]


@pytest.mark.parametrize("known_as", ["an X500 address", "an X500 address in other letters", "its own"])
def test_what_the_target_was_known_as_before_stays_and_nothing_is_set(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, known_as: str
) -> None:
    there = tenant()
    people = there.simulator.tenant
    [target] = people.matches(str(people.active(TARGET)["ExchangeGuid"]), (Kind.ACTIVE,))
    ways: dict[str, dict[str, Any]] = {
        "an X500 address": {"EmailAddresses": [*target.addresses(), address(there)]},
        "an X500 address in other letters": {"EmailAddresses": [*target.addresses(), address(there).lower()]},
        "its own": {"LegacyExchangeDN": address(there).removeprefix("X500:").upper()},
    }
    people.change(target, Kind.ACTIVE, ways[known_as])
    before = addresses(there)

    found = run(bulkps, there, tmp_path, stranger(there, remove_x500="true"))

    assert found["status"] == "COMPLETED", found
    assert happened(there) == ["New-MailboxRestoreRequest"]
    assert there.simulator.calls.get("Set-Mailbox", 0) == 0
    assert addresses(there) == before


def test_preflight_notes_a_mismatch_that_is_prepared_and_does_not_block_it(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    there.configure("", preflight=True)
    write_csv(tmp_path / "in.csv", [stranger(there)])

    looked = bulkps("validate", "restore", tmp_path / "in.csv", "--config", there.config, "--json", "--quiet")
    found = run(bulkps, there, tmp_path, stranger(there))

    assert looked.exit_code == 0, looked.output
    assert as_object(looked)["preflight"]["findings"]["legacy-dn-mismatch"] == {"note": 1}
    assert "prepare_x500" in bulkps("results", as_object(looked)["run"]).stdout
    assert found["status"] == "COMPLETED", found


def test_a_synced_target_is_a_blocker_and_unseen_it_fails_before_a_request_is_made(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(troubles=True)
    there.configure("", preflight=True)
    trouble = there.simulator.tenant.trouble("target-synced")
    row = {"source_guid": trouble.source, "target_mailbox": trouble.target, "prepare_x500": "true"}

    seen = run(bulkps, there, tmp_path, row)
    unseen = run(bulkps, there, tmp_path, row, "--skip-preflight")

    assert seen["status"] == "SKIPPED"
    assert "target-synced" in seen["error_code"]
    assert "Set-RemoteMailbox" in seen["advice"]
    assert (unseen["status"], unseen["error_code"]) == ("FAILED", "synced-object")
    assert "your own Active Directory" in unseen["advice"]
    assert there.simulator.calls["Set-Mailbox"] == 1
    assert "New-MailboxRestoreRequest" not in there.simulator.calls
    assert there.lines() == []


@pytest.mark.parametrize("fault", ["answer-lost", "session-lost", "silent", "transient", "hang"])
@pytest.mark.parametrize("call", ["Set-Mailbox#1", "New-MailboxRestoreRequest#1", "Set-Mailbox#2"])
def test_a_step_that_goes_wrong_leaves_one_request_and_no_address_too_many(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, call: str, fault: str
) -> None:
    there = tenant(faults=f"{call}={fault}")
    there.configure("  item_timeout: 1\n")
    before = addresses(there)

    found = run(bulkps, there, tmp_path, stranger(there, remove_x500="true"))

    assert found["status"] == "COMPLETED", found
    assert happened(there).count("New-MailboxRestoreRequest") == 1
    assert addresses(there) == before


@pytest.mark.parametrize(
    ("options", "reached", "remove"),
    [
        # In flight for as long as it takes: its answer never comes.
        pytest.param({"faults": "Set-Mailbox#1=hang"}, ADDED, "", id="x500 in flight"),
        pytest.param({"faults": "Set-Mailbox#1=hang"}, ADDED, "true", id="x500 in flight, to be removed"),
        # The next cmdlet would take so many seconds.
        pytest.param({"latency": 0.2}, ADDED, "", id="x500 just done"),
        pytest.param({"faults": "New-MailboxRestoreRequest#1=hang"}, ASKED, "", id="request in flight"),
        pytest.param({"faults": "Set-Mailbox#2=hang"}, [*ASKED, "Set-Mailbox"], "true", id="undo in flight"),
    ],
)
def test_a_kill_at_any_step_leaves_one_request_and_no_address_too_many(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, options: dict[str, Any], reached: list[str], remove: str
) -> None:
    there = tenant(**options)
    before = addresses(there)
    write_csv(tmp_path / "in.csv", [stranger(there, remove_x500=remove)])
    process = subprocess.Popen(
        [*BULKPS, "run", "restore", str(tmp_path / "in.csv"), "--config", str(there.config), "--quiet"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: happened(there)[: len(reached)] == reached)
    process.kill()
    process.wait()

    said = bulkps("resume", "last", "--config", there.config, "--json", "--quiet")

    assert said.exit_code == 0, said.output
    assert as_object(said)["counts"]["COMPLETED"] == 1
    assert happened(there).count("New-MailboxRestoreRequest") == 1
    assert addresses(there) == (before if remove else [*before, address(there)])
