"""Restore requests that do not simply complete, as an operator sees them."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from bulkps.simulator.tenant.fake_directory import size_text
from bulkps.simulator.tenant.mailbox_content import contents
from bulkps.simulator.tenant.restore_request import Ending
from tests.cli.processes import paused_once, wait_for
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal

StartTenant = Callable[..., Tenant]
_ASKED = "Get-MailboxRestoreRequestStatistics"
_FAR = ("PercentComplete", "ItemsTransferred", "BytesTransferred")
_WHY = "This mailbox exceeded the maximum number of corrupted items"


def test_a_suspended_request_is_shown_as_waiting_for_an_operator(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path
) -> None:
    there = tenant(restore_seconds=60)
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--no-wait", "--quiet")
    # A request of the run: the tenant has others.
    request = next(one for one in there.simulator.tenant.requests() if one.batch)
    request.suspended_at = request.created

    with paused_once(polled(there, 3)):
        bulkps("resume", "last", "--config", there.config, "--quiet")

    shown = as_object(bulkps("show", "last", "--json"))
    assert "1 Suspended (waits for an operator)" in shown["at_exchange"]
    progress = [row["progress"] for row in read_csv(bulkps("results", "last").stdout)]
    assert sorted(progress)[-1].startswith("Suspended (waits for an operator), StatusDetail Suspended, ")


def test_a_request_that_suspended_itself_says_why_and_which_cmdlet_lets_it_go_on(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path
) -> None:
    there = tenant(restore_seconds=0.1)
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")
    suspended = read_csv(file.read_text(encoding="utf-8-sig"))[1]["source_guid"]
    why = "The move was suspended because the target database is unhealthy."
    there.simulator.tenant.endings[suspended] = Ending(suspends=why)

    with paused_once(polled(there, 4)):
        paused = bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet")

    counts = as_object(paused)["counts"]
    assert (counts["COMPLETED"], counts["IN_PROGRESS"]) == (2, 1)
    [row] = [one for one in read_csv(bulkps("results", "last").stdout) if one["status"] == "IN_PROGRESS"]
    assert (row["source_identity"], row["error_code"]) == (suspended, "waits-for-operator")
    assert why in row["error"]
    assert "Resume-MailboxRestoreRequest" in row["advice"]
    assert "1 AutoSuspended (waits for an operator)" in bulkps("show", "last").stdout


def test_what_is_looked_up_is_told_with_its_reason_while_it_waits(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path
) -> None:
    there = tenant(faults="New-MailboxRestoreRequest#2=session-lost")
    config = there.configure().read_text(encoding="utf-8")
    # Not there yet, and for an hour that will prove nothing.
    there.config.write_text(config.replace("settle: 0.2", "settle: 3600"), encoding="utf-8")
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")

    with paused_once(lambda: there.simulator.calls.get("Get-MailboxRestoreRequest", 0) >= 3):
        paused = bulkps("run", "restore", file, "--config", there.config)

    # The one that was at work, and the one behind it in its batch.
    assert "2 looked up (row 3 at " in paused.stderr
    shown = bulkps("show", "last").stdout
    assert "row 3" in shown
    assert "in-doubt" in shown


@pytest.mark.proof
def test_a_query_that_is_not_answered_in_time_is_asked_again(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path
) -> None:
    """Its session lives on: nothing else would tell that no answer comes."""
    there = tenant(faults="Get-MailboxRestoreRequest#1=hang")
    there.configure("  item_timeout: 2\n")
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")

    result = bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet")

    assert as_object(result)["counts"]["COMPLETED"] == 2, result.output


def test_a_request_that_somebody_removed_is_failed_and_never_sent_again(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path
) -> None:
    there = tenant(restore_seconds=60)
    config = followed(there, max_wait=0.3, absences=2, gone_after=0)
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", config, "--no-wait", "--quiet")
    for request in list(there.simulator.tenant.requests()):
        there.simulator.tenant.remove_request(request)

    result = bulkps("resume", "last", "--config", config, "--quiet")
    again = bulkps("retry", "last", "--config", config, "--quiet")
    shown = as_object(bulkps("show", "last", "--json"))

    assert result.exit_code == again.exit_code == 4
    rows = read_csv(bulkps("results", "last").stdout)
    assert {row["error_code"] for row in rows} == {"request-gone"}
    # What was done may not be done once more only because the failed rows are run again.
    bulkps("results", "last", "--only", "failed", "-o", tmp_path / "rest.csv")
    refused = bulkps("run", "restore", tmp_path / "rest.csv", "--config", config, "--quiet")
    assert refused.exit_code == 2
    assert f"row 2: the same row is done in part in run {shown['run']}; nothing was sent" in refused.stderr
    assert "--again sends the whole row" in refused.stderr
    assert there.simulator.calls["New-MailboxRestoreRequest"] == 2
    once_more = bulkps("run", "restore", tmp_path / "rest.csv", "--config", config, "--no-wait", "--again")
    assert once_more.exit_code == 6, once_more.output
    assert there.simulator.calls["New-MailboxRestoreRequest"] == 4


def test_requests_in_another_batch_are_found_one_by_one_and_never_taken_for_gone(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tenant(restore_seconds=1e7)
    config = followed(there, first_wait=0.1, max_wait=0.1, absences=1, gone_after=0)
    rows = 14
    file = rehearsal(bulkps, "restore", rows, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", config, "--no-wait", "--quiet")
    # Another machine, whose journal knows nothing of it.
    monkeypatch.setenv("BULKPS_HOME", str(tmp_path / "elsewhere"))
    bulkps("run", "restore", file, "--config", config, "--no-wait", "--quiet")
    polls = there.simulator.calls["Get-MailboxRestoreRequest"]

    def end_them() -> None:
        # Each was asked after by itself twice at least, ten at a time.
        wait_for(lambda: there.simulator.calls["Get-MailboxRestoreRequest"] >= polls + 2 * rows + 4)
        there.simulator.tenant.restore_seconds = 0.0

    thread = threading.Thread(target=end_them)
    thread.start()
    result = bulkps("resume", "last", "--config", config, "--json", "--quiet")
    thread.join()

    assert as_object(result)["counts"]["COMPLETED"] == rows, result.output


def polled(there: Tenant, times: int, asked: int = 0) -> Callable[[], bool]:
    """Return what tells whether it was polled so many times from now on, and how far it is *asked*.

    What the last poll but one brought is recorded by then.
    """
    before = there.simulator.calls.get("Get-MailboxRestoreRequest", 0)

    def reached() -> bool:
        calls = there.simulator.calls
        return calls.get("Get-MailboxRestoreRequest", 0) >= before + times and calls.get(_ASKED, 0) >= asked

    return reached


def asked(there: Tenant) -> int:
    """Return how often somebody asked how far a request is."""
    return there.simulator.calls.get(_ASKED, 0)


def told(there: Tenant, share: float) -> dict[str, str]:
    """Return what Exchange tells of the first request of a run when *share* of it is done."""
    people = there.simulator.tenant
    request = next(one for one in people.requests() if one.batch)
    held = contents(people.seed, request.source)
    amounts = (int(100 * share), int(held.items * share), size_text(int(held.size * share)))
    return dict(zip(_FAR, map(str, amounts), strict=True))


def half_done(there: Tenant) -> None:
    """Let half of every request's work be done; the first third of its time it waits."""
    people = there.simulator.tenant
    for request in people.requests():
        request.created -= 2 / 3 * people.restore_seconds


def followed(there: Tenant, **follow: object) -> Path:
    """Write settings that follow as *follow* says."""
    given = {"first_wait": 0.2, "max_wait": 1, **follow}
    inside = ", ".join(f"{name}: {value}" for name, value in given.items())
    text = there.configure().read_text(encoding="utf-8")
    usual = "follow: {first_wait: 0.2, max_wait: 1}"
    assert usual in text
    there.config.write_text(text.replace(usual, f"follow: {{{inside}}}"), encoding="utf-8")
    return there.config


def unasked(bulkps: Run, there: Tenant, rows: int, folder: Path) -> Result:
    """Run a restore of *rows* whose progress nobody asks for."""
    config = followed(there, statistics=0, final_statistics="false")
    file = rehearsal(bulkps, "restore", rows, folder / "in.csv")
    return bulkps("run", "restore", file, "--config", config, "--quiet")


def result(bulkps: Run) -> dict[str, str]:
    [row] = read_csv(bulkps("results", "last").stdout)
    return row


def audited(bulkps: Run, event: str) -> list[dict[str, Any]]:
    path = Path(as_object(bulkps("show", "last", "--json"))["audit"])
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line.get("event") == event]


def in_words(amounts: dict[str, str]) -> list[str]:
    return [f"{name} {value}" for name, value in amounts.items()]


def test_how_far_a_request_is_stands_in_results_and_audit_while_it_runs_and_at_its_end(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    # So slow that a second changes nothing but a few bytes.
    there = tenant(restore_seconds=1e9)
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--quiet", "--no-wait")
    half_done(there)

    with paused_once(polled(there, 3, asked=1)):
        bulkps("resume", "last", "--config", there.config, "--quiet")
    running, said = result(bulkps), audited(bulkps, "item.progress")
    there.simulator.tenant.restore_seconds = 0.0
    bulkps("resume", "last", "--config", there.config, "--quiet")
    ended, completed = result(bulkps), audited(bulkps, "item.completed")

    half, whole = told(there, 0.5), told(there, 1.0)
    seen = json.loads(running["evidence"])["request"]
    assert running["status"] == "IN_PROGRESS"
    assert [seen[name].partition(" (")[0] for name in _FAR] == [
        value.partition(" (")[0] for value in half.values()
    ]
    for words in in_words({name: seen[name] for name in _FAR}):
        assert words in running["progress"].split(", ")
    assert running["progress"].startswith("InProgress, StatusDetail CopyingMessages, ")
    assert "EstimatedTransferItemCount" in running["progress"]
    assert said[-1]["outputs"]["request"] == seen
    assert said[-1]["progress"] == "InProgress"
    assert ended["status"] == "COMPLETED"
    assert ended["progress"].startswith("Completed, ")
    assert all(words in ended["progress"] for words in in_words(whole))
    assert json.loads(ended["evidence"])["request"].items() >= whole.items()
    assert completed[-1]["outputs"]["request"].items() >= whole.items()


def test_a_failed_request_says_why_in_exchanges_own_words_and_how_far_it_came(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(failing_requests=1.0)

    said = unasked(bulkps, there, 1, tmp_path)

    row = result(bulkps)
    assert said.exit_code == 4
    assert (row["status"], row["error_code"]) == ("FAILED", "failed-at-exchange")
    assert f"Failed: TooManyBadItemsPermanentException: Error: {_WHY}" in row["error"]
    assert "lists the damaged items" in row["advice"]
    assert "continue with bulkps retry: it resumes the request" in row["advice"]
    assert row["progress"].startswith("Failed, ")
    assert "PercentComplete 95, ItemsTransferred " in row["progress"]
    assert audited(bulkps, "item.failed")[-1]["error"] == row["error"]
    assert asked(there) == 1, "why it failed is asked whatever the settings say of progress"


def test_nobody_is_asked_how_far_it_is_where_the_settings_say_so(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(restore_seconds=1.0)

    said = unasked(bulkps, there, 3, tmp_path)

    assert said.exit_code == 0, said.output
    assert asked(there) == 0
    assert {row["progress"] for row in read_csv(bulkps("results", "last").stdout)} == {"Completed"}


@pytest.mark.proof
def test_each_of_the_two_settings_asks_for_itself(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant(restore_seconds=3600)
    file = rehearsal(bulkps, "restore", 4, tmp_path / "in.csv")
    running = followed(there, statistics=1, final_statistics="false")
    bulkps("run", "restore", file, "--config", running, "--quiet", "--no-wait")
    half_done(there)

    with paused_once(polled(there, 3, asked=1)):
        bulkps("resume", "last", "--config", running, "--quiet")
    while_running = {row["progress"].partition(" ")[0] for row in read_csv(bulkps("results", "last").stdout)}
    before = asked(there)
    there.simulator.tenant.restore_seconds = 0.0
    bulkps("resume", "last", "--config", running, "--quiet")

    assert before >= 1
    assert "InProgress," in while_running
    assert asked(there) == before, "final_statistics: false"


@pytest.mark.proof
@pytest.mark.parametrize("ends", ["Completed", "Failed"])
def test_a_request_that_another_run_made_is_adopted_and_followed_to_its_end(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    there = tenant(restore_seconds=1e7, failing_requests=float(ends == "Failed"))
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--quiet", "--no-wait")
    half_done(there)
    # Another machine, whose journal knows nothing of it.
    monkeypatch.setenv("BULKPS_HOME", str(tmp_path / "elsewhere"))

    with paused_once(polled(there, 6)):
        paused = bulkps("run", "restore", file, "--config", there.config, "--quiet")
    while_it_runs = result(bulkps)
    there.simulator.tenant.restore_seconds = 0.0
    said = bulkps("resume", "last", "--config", there.config, "--quiet")

    row = result(bulkps)
    assert paused.exit_code == 6, paused.output
    assert while_it_runs["status"] == "IN_PROGRESS"
    assert "Exchange has it already" in while_it_runs["warnings"]
    assert while_it_runs["progress"].startswith("InProgress")
    assert row["progress"].startswith(f"{ends}, StatusDetail ")
    assert f"PercentComplete {100 if ends == 'Completed' else 95}, " in row["progress"]
    assert (said.exit_code, row["status"]) == ((0, "COMPLETED") if ends == "Completed" else (4, "FAILED"))
    assert ends == "Completed" or _WHY in row["error"]
    assert len(there.lines()) == 1
