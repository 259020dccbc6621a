"""A disk that fills up in the middle of a run: nothing unknown is sent, and resume brings it to its end."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkps.engine.recorded_events import RunEvent
from bulkps.records.audit import Audit
from bulkps.records.journal import Journal
from bulkps.records.journal_writes import keep_audit
from tests.cli.processes import make_lease_old
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv

#: Run by ``python -m pytest -m proof``.
pytestmark = pytest.mark.proof

pytest.importorskip("resource", reason="Windows has no limit on the size of a file")
StartTenant = Callable[..., Tenant]
#: No file may grow beyond so many bytes: what a full disk does, to one process alone.
LIMITED = (
    "import resource, sys; limit = int(sys.argv.pop(1)); "
    "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)); from bulkps.__main__ import main; main()"
)
ROWS = 20


def limited(limit: int, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run bulkps in a process whose files end at *limit* bytes."""
    return subprocess.run(
        [sys.executable, "-B", "-c", LIMITED, str(limit), *(str(one) for one in arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def begun(bulkps: Run, there: Tenant, path: Path) -> Path:
    """Begin a run of which one row failed and the rest was not sent; return its audit log."""
    rows = read_csv(rehearsal(bulkps, "restore", ROWS, path).read_text(encoding="utf-8-sig"))
    rows[0]["target_mailbox"] = "nobody@contoso.com"
    write_csv(path, rows)
    settings = there.configure("  max_failures: 1\n")
    result = bulkps("run", "restore", path, "--config", settings, "--batch-size", 1, "--json", "--quiet")
    assert as_object(result)["counts"]["PENDING"] == ROWS - 1
    return Path(as_object(result)["audit"])


def make_long(audit: Path, home: Path) -> None:
    """Put a line into *audit* that is longer than any journal of such a run."""
    with Journal(home / "journal.sqlite3") as journal:
        run = journal.run("last")
        with Audit(audit, run.id, run.who, run.audit_lines, run.audit_head) as log:
            log.write(RunEvent.RUN_STARTED, "a long run", run.created_at, {"lines": "." * 6_000_000})
            log.sync()
        with journal.writing() as connection:
            keep_audit(connection, run.id, log.lines, log.head)


@pytest.mark.parametrize("record", ["audit", "journal"])
def test_a_disk_that_is_full_stops_the_run_before_anything_unknown_is_sent(
    record: str, bulkps: Run, tenant: StartTenant, tmp_path: Path, home: Path
) -> None:
    there = tenant()
    audit = begun(bulkps, there, tmp_path / "in.csv")
    if record == "audit":
        make_long(audit, home)
    # Room for some lines of the audit log, or for some transactions of the journal.
    limit = audit.stat().st_size + 12_000 if record == "audit" else 250_000
    full = limited(limit, "resume", "last", "--config", there.config, "--quiet")

    assert full.returncode == 6, full.stderr
    written = audit if record == "audit" else home / "journal.sqlite3"
    assert f"cannot write {written}: " in full.stderr
    assert "Nothing more was sent; free disk space or fix access, then resume" in full.stderr
    run = as_object(bulkps("show", "last", "--json"))
    assert f"To continue: bulkps resume {run['run']} --config {there.config}" in full.stderr
    known = {line["key"] for line in lines(audit) if line["event"] == "item.sending"}
    sent = there.simulator.calls["New-MailboxRestoreRequest"]
    assert 1 < sent <= len(known) < ROWS, "the limit did not bite in the middle"
    assert run["counts"]["PENDING"] > 0
    pending = {
        row["source_identity"]
        for row in read_csv(bulkps("results", "last").stdout)
        if row["status"] == "PENDING"
    }
    assert not pending & set(there.simulator.effects_by_mailbox())

    make_lease_old()
    resumed = as_object(bulkps("resume", "last", "--config", there.config, "--json", "--quiet"))

    assert (resumed["counts"]["COMPLETED"], resumed["counts"]["FAILED"]) == (ROWS - 1, 1)
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    assert len(there.simulator.effects_by_mailbox()) == ROWS - 1
    assert bulkps("audit", "verify", "last").exit_code == 0


def lines(audit: Path) -> list[dict[str, object]]:
    """Return the whole lines of an audit log; its last one may have been cut short."""
    return [json.loads(line) for line in audit.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
