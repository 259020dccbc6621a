"""Records that are removed, cut short or replaced while a run goes on: noticed before the next batch."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.processes import BULKPS, wait_for
from tests.conftest import Run, Tenant, rehearsal

#: More than are sent while a test looks the other way, and than the run may send once it could notice.
ROWS, BATCH = 60, 3


def removed(path: Path) -> None:
    path.unlink()


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def replaced(path: Path) -> None:
    """As a sync client does it: a copy takes the place of the file."""
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)


RECORDS = {
    "journal": "journal.sqlite3",
    "what the journal has yet to move over": "journal.sqlite3-wal",
    "audit log": "audit",
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets nobody remove a file that is open")
@pytest.mark.parametrize("harm", [removed, emptied, replaced])
@pytest.mark.parametrize("record", RECORDS)
def test_records_that_are_not_there_any_more_end_the_run_before_the_next_batch(
    bulkps: Run,
    tenant: Callable[..., Tenant],
    tmp_path: Path,
    home: Path,
    record: str,
    harm: Callable[[Path], None],
) -> None:
    there = tenant(latency=0.1)
    there.configure(f"  batch_size: {BATCH}\n  max_sessions: 1\n")
    file = rehearsal(bulkps, "restore", ROWS, tmp_path / "in.csv")
    command = [*BULKPS, "run", "restore", str(file), "--config", str(there.config), "--quiet", "--no-wait"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(there.lines()) >= 2)
    path = home / RECORDS[record]
    path = next(path.glob("*.jsonl")) if path.is_dir() else path
    harm(path)
    before = len(there.lines())
    _, said = process.communicate()

    assert process.returncode == 6, said
    # Of an emptied -wal that SQLite wrote on before anybody looked, only the database itself can tell.
    assert str(path).removesuffix("-wal") in said
    assert "removed, replaced or cut short while bulkps used it" in said
    assert "Traceback" not in said
    # The batch that was on its way, and one that was being handed over.
    assert len(there.lines()) <= before + 2 * BATCH + 1
