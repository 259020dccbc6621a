"""A journal that another process holds, in the middle of a transaction: waited for, and its holder named."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.cli.processes import BULKPS, wait_for
from tests.conftest import Run, Tenant, rehearsal

_BULKPS_HOLDS = """
import sys, time
from pathlib import Path
from bulkps.records.journal import Journal
with Journal(Path(sys.argv[1])) as journal, journal.writing():
    print("held", flush=True)
    time.sleep(3600)
"""
_ANOTHER_HOLDS = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(3600)
"""


@contextmanager
def holding(journal: Path, program: str) -> Iterator[subprocess.Popen[str]]:
    """Give a process that holds *journal* until it is killed."""
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(journal)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "held\n"
        yield holder
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


@pytest.mark.parametrize(
    ("program", "named"),
    [(_BULKPS_HOLDS, "held by process {pid} on"), (_ANOTHER_HOLDS, "another program that has it open")],
    ids=["bulkps", "another program"],
)
def test_who_holds_the_journal_is_named_and_the_run_goes_on_once_it_is_gone(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path, home: Path, program: str, named: str
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 5, tmp_path / "in.csv")
    assert bulkps("runs").exit_code == 0
    with ExitStack() as stack:
        holder = stack.enter_context(holding(home / "journal.sqlite3", program))
        said = stack.enter_context((tmp_path / "said").open("w"))
        command = [*BULKPS, "run", "restore", str(file), "--config", str(there.config)]
        process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said))
        wait_for(lambda: "waiting for the journal" in (tmp_path / "said").read_text())
        assert named.format(pid=holder.pid) in (tmp_path / "said").read_text()
        assert there.lines() == []
        holder.kill()
        assert process.wait() == 0, (tmp_path / "said").read_text()
    assert len(there.lines()) == 5
