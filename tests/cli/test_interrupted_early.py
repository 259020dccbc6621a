"""Ctrl-C before there is anything to interrupt, and a journal that cannot be read."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Run

_STOPPED_AT = """
import sys

class Stop:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Stop())
sys.argv = ["bulkps", *{words!r}]
from bulkps.__main__ import main
main()
"""


@pytest.mark.parametrize("name", ["click", "bulkps.cli.commands.run", "bulkps.cli.run", "sqlalchemy"])
def test_ctrl_c_while_bulkps_is_loaded_is_no_traceback(name: str, tmp_path: Path) -> None:
    # Of a file that does not exist bulkps tells before it loads what would read it.
    file = tmp_path / "in.csv"
    file.touch()
    program = _STOPPED_AT.format(name=name, words=["run", "restore", str(file), "--json"])

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert "Interrupted." in done.stderr
    assert '"exit_code": 130' in done.stdout


def test_a_journal_that_cannot_be_read_says_that_it_was_read(bulkps: Run, home: Path) -> None:
    assert bulkps("runs").exit_code == 0
    journal = home / "journal.sqlite3"
    with closing(sqlite3.connect(journal)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'runs'"
        (page,) = connection.execute(query).fetchone()
    data = bytearray(journal.read_bytes())
    data[(page - 1) * size : page * size] = b"\xff" * size
    journal.write_bytes(data)

    refused = bulkps("runs")

    assert refused.exit_code == 6
    assert f"cannot read {journal}: database disk image is malformed" in refused.stderr
    assert "cannot write" not in refused.stderr
