"""An audit log that knows more than the journal: after a crash, after a backup was put back, by a forger."""

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bulkps.records.audit import line_hash
from tests.cli.processes import wait_for
from tests.conftest import Run, Tenant, as_object, rehearsal

StartTenant = Callable[..., Tenant]
NEW = "New-MailboxRestoreRequest"


def written(there: Tenant, bulkps: Run, folder: Path, *options: str) -> Path:
    """Run five restores; return the audit log."""
    file = rehearsal(bulkps, "restore", 5, folder / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--no-wait", "--quiet", *options)
    return Path(as_object(bulkps("show", "last", "--json"))["audit"])


def resumed(bulkps: Run, there: Tenant) -> Any:
    return bulkps("resume", "last", "--config", there.config, "--json", "--quiet")


def as_it_was_after(home: Path, audit: Path, lines: int) -> None:
    """Let the journal know the first *lines* of the log, and nothing of how the run ended."""
    kept = audit.read_bytes().splitlines(keepends=True)
    head = line_hash(kept[lines - 1].decode("utf-8").rstrip("\n"))
    with closing(sqlite3.connect(home / "journal.sqlite3")) as journal:
        journal.execute("UPDATE runs SET state = 'running', audit_lines = ?, audit_head = ?", (lines, head))
        journal.commit()


def chained(audit: Path, **facts: object) -> str:
    """Return a line that continues the log, as somebody can make it who knows how it is written."""
    last = audit.read_text(encoding="utf-8").splitlines()[-1]
    known = json.loads(last)
    line = {**known, "previous": line_hash(last), "line": known["line"] + 1, **facts}
    return json.dumps(line, ensure_ascii=False) + "\n"


def test_a_last_line_that_a_crash_cut_short_is_taken_off_and_that_is_said(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, home: Path
) -> None:
    there = tenant()
    audit = written(there, bulkps, tmp_path)
    lines = audit.read_bytes().splitlines(keepends=True)
    as_it_was_after(home, audit, len(lines) - 1)
    audit.write_bytes(b"".join(lines[:-1]) + lines[-1][:25])

    again = resumed(bulkps, there)

    assert as_object(again)["counts"]["COMPLETED"] == 5, again.output
    [ahead] = [
        entry
        for line in audit.read_text(encoding="utf-8").splitlines()
        if (entry := json.loads(line))["event"] == "audit.ahead"
    ]
    assert (ahead["lines"], ahead["cut"]) == (0, 25)
    assert bulkps("audit", "verify", "last").exit_code == 0


@pytest.mark.parametrize(
    "forged",
    [
        lambda audit: chained(audit, event="item.completed"),
        lambda audit: chained(audit, event="run.started"),
        lambda audit: chained(audit, sitting=7),
        lambda audit: chained(audit)[:40],
    ],
    ids=["of the last sitting", "as if it had begun anew", "of another sitting", "half a line"],
)
def test_what_stands_behind_the_end_of_a_run_that_stopped_in_order_stops_it_and_stays_to_be_found(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, forged: Callable[[Path], str]
) -> None:
    there = tenant()
    audit = written(there, bulkps, tmp_path)
    with audit.open("a", encoding="utf-8", newline="\n") as file:
        file.write(forged(audit))
    changed, before = audit.read_bytes(), dict(there.simulator.calls)

    refused = [resumed(bulkps, there).exit_code for _ in range(2)]

    assert refused == [6, 6]
    assert audit.read_bytes() == changed, "a resume must not make it look sound"
    assert there.simulator.calls == before
    assert bulkps("audit", "verify", "last").exit_code == 4


def test_every_flipped_byte_of_a_log_stops_a_resume(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    """Not those at its end alone: whatever was changed, somebody could do it."""
    there = tenant()
    audit = written(there, bulkps, tmp_path)
    sound = audit.read_bytes()
    before = dict(there.simulator.calls)

    for place in range(7, len(sound), len(sound) // 12):
        changed = bytearray(sound)
        changed[place] ^= 1
        audit.write_bytes(changed)
        refused = resumed(bulkps, there)
        assert refused.exit_code == 6, f"byte {place}: {refused.output}"

    assert there.simulator.calls == before


def test_rows_that_a_journal_from_a_backup_does_not_know_are_looked_up_and_not_sent_again(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, home: Path
) -> None:
    """The journal is put back as it was when nothing of the run had been sent."""
    there = tenant(latency=0.05)
    file = rehearsal(bulkps, "restore", 12, tmp_path / "in.csv")
    backup = tmp_path / "backup.sqlite3"

    def keep() -> None:
        with (
            closing(sqlite3.connect(home / "journal.sqlite3")) as there,
            closing(sqlite3.connect(backup)) as copy,
        ):
            there.backup(copy)

    def keep_early() -> None:
        wait_for(lambda: there.simulator.calls.get(NEW, 0) >= 1)
        keep()

    thread = threading.Thread(target=keep_early)
    thread.start()
    first = bulkps("run", "restore", file, "--config", there.config, "--quiet", "--batch-size", 2)
    thread.join()
    assert first.exit_code == 0, first.output
    for name in ("journal.sqlite3", "journal.sqlite3-wal", "journal.sqlite3-shm"):
        (home / name).unlink(missing_ok=True)
    shutil.copy(backup, home / "journal.sqlite3")

    verified = bulkps("audit", "verify", "last")
    again = resumed(bulkps, there)

    assert "looks up the rows" in verified.output + verified.stderr
    assert as_object(again)["counts"]["COMPLETED"] == 12, again.output
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    assert there.simulator.calls[NEW] == 12
    assert bulkps("audit", "verify", "last").exit_code == 0


def test_an_operation_that_was_exchanged_in_the_journal_is_not_sent(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, home: Path
) -> None:
    there = tenant()
    written(there, bulkps, tmp_path)
    with closing(sqlite3.connect(home / "journal.sqlite3")) as journal:
        journal.execute("UPDATE runs SET operation_text = replace(operation_text, 'KeepAll', 'ForceCopy')")
        journal.commit()
    before = dict(there.simulator.calls)

    refused = bulkps("resume", "last", "--config", there.config, "--quiet")

    assert refused.exit_code == 6
    assert (
        "the operation in the journal is not the one that its audit log says it was started with"
        in refused.stderr
    )
    assert there.simulator.calls == before
