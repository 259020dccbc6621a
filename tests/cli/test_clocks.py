"""Runs of processes whose wall clock was two hours ahead, and was set right afterwards."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.cli.processes import paused_once
from tests.conftest import Run, Tenant, as_object, rehearsal

NEW = "New-MailboxRestoreRequest"
AHEAD = 7200.0


def written_by_a_clock_ahead(home: Path) -> None:
    """Make of everything that the journal knows what a process would have written whose clock is ahead."""
    with closing(sqlite3.connect(home / "journal.sqlite3")) as journal:
        journal.execute("UPDATE events SET at = at + ?", (AHEAD,))
        moved = ", ".join(f"{name} = {name} + :by" for name in ("started_at", "completed_at", "sent_at"))
        journal.execute(f"UPDATE items SET {moved}", {"by": AHEAD})  # noqa: S608 - names of ours
        journal.execute(
            "UPDATE runs SET created_at = created_at + :by, ended_at = ended_at + :by", {"by": AHEAD}
        )
        journal.commit()


def test_retry_leaves_what_a_later_run_did_although_its_own_clock_was_ahead(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path, home: Path
) -> None:
    there = tenant(faults=f"{NEW}#1=throttled,{NEW}#2=throttled,{NEW}#3=throttled")
    there.configure("  retry_failed: false\n  adaptive_pacing: false\n")
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")
    to_there = ("--config", there.config, "--json", "--quiet")
    first = as_object(bulkps("run", "restore", file, *to_there))
    written_by_a_clock_ahead(home)
    second = as_object(bulkps("run", "restore", file, *to_there))

    retried = bulkps("retry", first["run"], *to_there)

    assert (first["counts"]["FAILED"], second["counts"]["COMPLETED"]) == (3, 3)
    assert as_object(retried)["counts"]["FAILED"] == 3
    assert "3 rows not sent again: another run has done the same since" in retried.stderr
    assert there.simulator.calls[NEW] == 6
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


def test_resume_waits_no_longer_than_the_policy_says_for_a_time_that_a_clock_ahead_wrote(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path, home: Path
) -> None:
    there = tenant(latency=0.1)
    there.configure("  batch_size: 2\n  max_sessions: 1\n")
    file = rehearsal(bulkps, "restore", 12, tmp_path / "in.csv")
    to_there = ("--config", there.config, "--json", "--quiet")
    with paused_once(lambda: len(there.lines()) >= 1):
        paused = as_object(bulkps("run", "restore", file, *to_there))
    assert paused["counts"]["PENDING"] > 0
    with closing(sqlite3.connect(home / "journal.sqlite3")) as journal:
        ready = "UPDATE items SET not_before = strftime('%s') + ? WHERE status = 'PENDING'"
        journal.execute(ready, (AHEAD,))
        journal.commit()

    # It would take two hours, and this test would be ended long before.
    resumed = as_object(bulkps("resume", "last", *to_there))

    assert resumed["counts"]["COMPLETED"] == 12
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
