"""A journal that an older bulkps wrote goes on being the journal."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bulkps.records.journal import Journal
from tests.conftest import Run, Tenant, as_object, rehearsal

#: Version 1, as SQLite had it.
VERSION_1 = """
CREATE TABLE schema_version (version INTEGER NOT NULL, PRIMARY KEY (version));
INSERT INTO schema_version VALUES (1);
CREATE TABLE runs (
    id VARCHAR(40) NOT NULL, operation VARCHAR(80) NOT NULL, operation_text TEXT NOT NULL,
    connection VARCHAR(80) NOT NULL, simulated INTEGER NOT NULL, place TEXT NOT NULL, options TEXT NOT NULL,
    file TEXT NOT NULL, digest VARCHAR(64) NOT NULL, header TEXT NOT NULL, carried TEXT NOT NULL,
    who TEXT NOT NULL, created_at FLOAT NOT NULL, ended_at FLOAT, state VARCHAR(20) NOT NULL,
    detail TEXT NOT NULL, audit TEXT NOT NULL, audit_lines INTEGER NOT NULL, audit_head VARCHAR(64) NOT NULL,
    owner VARCHAR(120) NOT NULL, heartbeat FLOAT NOT NULL, wish VARCHAR(10) NOT NULL, PRIMARY KEY (id)
);
CREATE TABLE items (
    run VARCHAR(40) NOT NULL, "row" INTEGER NOT NULL, "key" VARCHAR(24) NOT NULL, cells TEXT NOT NULL,
    "values" TEXT NOT NULL, status VARCHAR(12) NOT NULL, phase VARCHAR(10) NOT NULL, step INTEGER NOT NULL,
    attempt INTEGER NOT NULL, attempts INTEGER NOT NULL, not_before FLOAT NOT NULL, outputs TEXT NOT NULL,
    ref TEXT NOT NULL, progress VARCHAR(40) NOT NULL, code VARCHAR(80) NOT NULL, error TEXT NOT NULL,
    advice TEXT NOT NULL, warnings TEXT NOT NULL, started_at FLOAT, completed_at FLOAT,
    PRIMARY KEY (run, "row")
);
CREATE UNIQUE INDEX items_key ON items (run, "key");
CREATE INDEX items_phase ON items (run, phase, step, ref);
CREATE INDEX items_status ON items (run, status, "row");
CREATE TABLE events (
    id INTEGER NOT NULL, run VARCHAR(40) NOT NULL, "key" VARCHAR(24) NOT NULL, at FLOAT NOT NULL,
    event VARCHAR(40) NOT NULL, status VARCHAR(12) NOT NULL, step INTEGER NOT NULL, attempt INTEGER NOT NULL,
    code VARCHAR(80) NOT NULL, detail TEXT NOT NULL, PRIMARY KEY (id)
);
CREATE INDEX events_run ON events (run, "key");
"""


def make_version_1(path: Path) -> None:
    """Make the journal at *path* what an older bulkps would have written of the same runs."""
    today = path.with_name("today.sqlite3")
    shutil.move(path, today)
    with closing(sqlite3.connect(path)) as old:
        old.executescript(VERSION_1)
        old.execute("ATTACH ? AS today", (str(today),))
        for table in ("runs", "items", "events"):
            names = ", ".join(f'"{row[1]}"' for row in old.execute(f"PRAGMA main.table_info({table})"))
            old.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM today.{table}")  # noqa: S608
        old.commit()


def asked(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_a_journal_of_version_1_becomes_one_of_today_by_being_opened(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path, home: Path
) -> None:
    there, journal = tenant(), home / "journal.sqlite3"
    file = rehearsal(bulkps, "restore", 4, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--no-wait", "--quiet")
    before = as_object(bulkps("runs", "--json"))
    make_version_1(journal)

    after = as_object(bulkps("runs", "--json"))

    assert after == before
    versions = asked(journal, "SELECT version FROM schema_version ORDER BY version")
    assert versions == [(number,) for number in range(1, 8)]
    assert asked(journal, "SELECT count(*), sum(content = key) FROM items") == [(4, 4)]
    assert asked(journal, "SELECT waited FROM runs") == [("{}",)]
    assert asked(journal, "SELECT count(*) FROM sqlite_master WHERE name = 'items_content'") == [(1,)]


def test_a_run_of_version_1_is_resumed_and_what_it_did_is_known(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path, home: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 4, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--no-wait", "--quiet")
    make_version_1(home / "journal.sqlite3")

    resumed = bulkps("resume", "last", "--config", there.config, "--json", "--quiet")
    second = bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet")

    assert as_object(resumed)["counts"]["COMPLETED"] == 4, resumed.output
    assert as_object(second)["counts"]["SKIPPED"] == 4, second.output
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


def test_a_new_journal_is_what_an_old_one_becomes(tmp_path: Path) -> None:
    new, old = tmp_path / "new.sqlite3", tmp_path / "old.sqlite3"
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(VERSION_1)
    for path in (new, old):
        Journal(path).close()

    assert asked(new, "SELECT max(version) FROM schema_version") == [(7,)]
    # A default of 0 and one of '0' are the same to a column of numbers.
    columns = (
        "SELECT name, type, \"notnull\", trim(dflt_value, '''') FROM pragma_table_info('{}') ORDER BY name"
    )
    for table in ("runs", "items", "events"):
        assert asked(old, columns.format(table)) == asked(new, columns.format(table))
    indexes = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' ORDER BY name"
    assert asked(old, indexes) == asked(new, indexes)


@pytest.mark.parametrize("command", ["runs", "show"])
def test_a_journal_of_a_newer_bulkps_is_left_alone(bulkps: Run, home: Path, command: str) -> None:
    assert bulkps("runs").exit_code == 0
    with closing(sqlite3.connect(home / "journal.sqlite3")) as connection:
        connection.execute("INSERT INTO schema_version VALUES (99)")
        connection.commit()

    refused = bulkps(command, *(["last"] if command == "show" else []))

    assert refused.exit_code == 2
    assert "was written by a newer bulkps (journal version 99, this one supports 7)" in refused.stderr
