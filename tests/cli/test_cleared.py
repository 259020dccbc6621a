"""A restore that is done and cleared while nobody heard its answer: its absence proves nothing any more."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.processes import paused_once
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal

#: Each waits half a minute for what was just made to be seen everywhere.
pytestmark = pytest.mark.proof

NEW = "New-MailboxRestoreRequest"
TWO_DAYS = 2 * 86_400.0


@pytest.mark.parametrize(("since", "sent_again"), [(TWO_DAYS, 0), (0.0, 1)], ids=["two days", "a moment"])
def test_what_was_cleared_since_is_left_in_doubt_and_not_sent_again(
    bulkps: Run,
    tenant: Callable[..., Tenant],
    tmp_path: Path,
    home: Path,
    since: float,
    sent_again: int,
) -> None:
    there = tenant(faults=f"{NEW}#1=answer-lost")
    config = there.configure("  batch_size: 1\n  max_sessions: 1\n").read_text(encoding="utf-8")
    patient = config.replace("lookup: {first_wait: 0.1, settle: 0.2}", "lookup: {first_wait: 100}")
    assert patient != config
    there.config.write_text(patient, encoding="utf-8")
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")
    with paused_once(lambda: len(there.lines()) >= 1):
        bulkps("run", "restore", file, "--config", there.config, "--quiet")
    [request] = [one for one in there.simulator.tenant.requests() if one.batch]
    there.simulator.tenant.remove_request(request)
    there.config.write_text(config, encoding="utf-8")
    with closing(sqlite3.connect(home / "journal.sqlite3")) as journal:
        journal.execute("UPDATE items SET sent_at = sent_at - ?", (since,))
        journal.commit()

    resumed = bulkps("resume", "last", "--config", there.config, "--json", "--quiet")

    assert there.simulator.calls[NEW] == 1 + sent_again, resumed.output
    if not sent_again:
        [row] = read_csv(bulkps("results", "last").stdout)
        assert (row["status"], row["error_code"]) == ("FAILED", "in-doubt")
        assert "may have been completed and cleared since" in row["error"]
        assert as_object(resumed)["attention"] == 1
