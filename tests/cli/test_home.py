"""The home: nobody else reads what is in it, and where others can write to it nothing is sent."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run, Tenant, as_object, rehearsal

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has access control lists, not modes")
StartTenant = Callable[..., Tenant]
#: What reads the journal, and what makes a run.
COMMANDS = {
    "runs": ["runs"],
    "show": ["show", "last"],
    "results": ["results", "last"],
    "resume": ["resume", "last"],
    "run": ["run", "restore", "FILE"],
    "audit verify": ["audit", "verify", "last"],
}


def modes(home: Path) -> dict[str, str]:
    """Return the mode of everything in *home*, by what it is."""
    found = {}
    for path in (home, *home.rglob("*")):
        name = path.relative_to(home).as_posix()
        kind = name.rpartition(".")[2] if path.is_file() else f"{name}/"
        found[kind] = f"{stat.S_IMODE(path.stat().st_mode):o}"
    return found


@pytest.fixture
def file(bulkps: Run, tmp_path: Path) -> Path:
    """A file of which one run is in the journal already."""
    path = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    assert bulkps("run", "restore", path, "--quiet").exit_code == 0
    return path


def test_records_are_their_owners_alone_whatever_the_umask(bulkps: Run, tmp_path: Path, home: Path) -> None:
    path = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    before = os.umask(0)
    try:
        assert bulkps("run", "restore", path, "--quiet").exit_code == 0
    finally:
        os.umask(before)

    assert modes(home) == {
        "./": "700", "audit/": "700", "results/": "700", "locks/": "700", "sqlite3": "600", "jsonl": "600",
        "csv": "600", "sqlite3-holder": "600", "lock": "600",
    }  # fmt: skip


def test_what_sqlite_puts_beside_the_journal_is_its_owners_alone(bulkps: Run, home: Path, file: Path) -> None:
    from bulkps.records.journal import Journal  # noqa: PLC0415 - it is held open while modes are looked at

    before = os.umask(0)
    try:
        with Journal(home / "journal.sqlite3") as journal:
            journal.wish(journal.run("last").id, "pause")
            found = modes(home)
    finally:
        os.umask(before)

    assert {name: mode for name, mode in found.items() if name.startswith("sqlite3")} == {
        "sqlite3": "600", "sqlite3-wal": "600", "sqlite3-shm": "600", "sqlite3-holder": "600",
    }  # fmt: skip


def test_a_home_that_others_could_read_is_closed_to_them(bulkps: Run, home: Path, file: Path) -> None:
    for path in (home, *home.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)

    assert bulkps("run", "restore", file, "--again", "--quiet").exit_code == 0

    assert set(modes(home).values()) == {"700", "600"}


@pytest.mark.parametrize("place", [".", "audit", "journal.sqlite3"])
@pytest.mark.parametrize("bits", [0o020, 0o002], ids=["its group", "everybody"])
def test_a_home_that_others_can_write_to_is_refused_and_nothing_is_sent(
    bulkps: Run, tenant: StartTenant, home: Path, file: Path, place: str, bits: int
) -> None:
    there = tenant()
    open_to = home / place
    open_to.chmod(open_to.stat().st_mode | bits)

    said = bulkps("run", "restore", file, "--config", there.config, "--json")

    assert said.exit_code == as_object(said)["exit_code"] == 2
    assert f"other users can write to {open_to} (mode " in said.stderr
    assert f"chmod {'700' if open_to.is_dir() else '600'} '{open_to}'" in said.stderr
    assert there.simulator.calls == {}


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_refuses_a_home_that_others_can_write_to(
    bulkps: Run, home: Path, file: Path, name: str
) -> None:
    home.chmod(0o777)

    said = bulkps(*(file if one == "FILE" else one for one in COMMANDS[name]))

    assert said.exit_code == 2
    assert "nothing was sent" in said.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("place", [".", "journal.sqlite3"])
def test_a_home_of_somebody_else_is_refused(bulkps: Run, home: Path, file: Path, place: str) -> None:
    os.chown(home / place, 54321, -1)

    said = bulkps("resume", "last")

    assert said.exit_code == 2
    assert f"{home / place} belongs to 54321, not to " in said.stderr
    assert "sudo chown -R" in said.stderr


def test_a_home_behind_a_link_is_fine(
    bulkps: Run, tmp_path: Path, file: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(home)
    monkeypatch.setenv("BULKPS_HOME", str(tmp_path / "link"))

    assert bulkps("show", "last").exit_code == 0
