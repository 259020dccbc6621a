"""Files that commands write: whole, over no other file unless asked, through no link, for their owner."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkps.atomic_file import Output, whole_file
from tests.conftest import Run, read_csv, rehearsal

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has access control lists, not modes")
#: Every command that writes a file, and what it is told; IN is a sound file, BAD one with a problem, OUT the
#: file that is written.
WRITERS = {
    "template": ["template", "restore", "-o", "OUT"],
    "operations new": ["operations", "new", "hide", "--cmdlet", "Set-Mailbox", "-o", "OUT"],
    "results": ["results", "last", "-o", "OUT"],
    "results as JSON": ["results", "last", "--format", "json", "-o", "OUT"],
    "check --problems": ["check", "restore", "BAD", "--problems", "OUT"],
    "run --problems": ["run", "restore", "BAD", "--problems", "OUT"],
    "run --results": ["run", "restore", "IN", "--results", "OUT", "--quiet"],
    "resume --results": ["resume", "last", "--results", "OUT", "--quiet"],
    "validate --results": ["validate", "restore", "IN", "--results", "OUT", "--quiet"],
    "validate --problems": ["validate", "restore", "BAD", "--problems", "OUT"],
    "export": ["export", "-o", "OUT", "--no-sizes", "--quiet"],
}
BEFORE = "somebody's own"
Write = Callable[..., "tuple[int, str]"]


@pytest.fixture(params=list(WRITERS))
def write(request: pytest.FixtureRequest, bulkps: Run, tmp_path: Path) -> Write:
    """Writes a file with one of the commands: ``write(path, "--force")``."""
    command = WRITERS[request.param]
    sound = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    bad = tmp_path / "bad.csv"
    bad.write_text("source_guid,target_mailbox\nx,ann@contoso.com\n", encoding="utf-8")
    if "last" in command:
        assert bulkps("run", "restore", sound, "--quiet").exit_code == 0

    def run(path: Path, *options: str) -> tuple[int, str]:
        places = {"IN": sound, "BAD": bad, "OUT": path}
        said = bulkps(*(places.get(one, one) for one in command), *options)
        return said.exit_code, said.stderr

    return run


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_that_exists_is_replaced_with_force_alone_and_keeps_its_mode(
    write: Write, tmp_path: Path
) -> None:
    path = tmp_path / "out.csv"
    path.write_text(BEFORE, encoding="utf-8")
    path.chmod(0o640)

    refused = write(path)
    before = path.read_text(encoding="utf-8")
    forced = write(path, "--force")

    assert refused[0] == 2
    assert f"cannot write {path}: it already exists; --force replaces it" in refused[1]
    assert before == BEFORE
    assert forced[0] in (0, 3), forced[1]
    assert BEFORE not in path.read_text(encoding="utf-8-sig")
    assert os.name == "nt" or mode(path) == 0o640


@POSIX
def test_a_new_file_is_for_its_owner_alone_whatever_the_umask(write: Write, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write(tmp_path / "out.csv")
    finally:
        os.umask(before)

    assert mode(tmp_path / "out.csv") == 0o600
    assert not list(tmp_path.glob(".bulkps-*"))


@POSIX
@pytest.mark.parametrize("leads", ["to a file", "nowhere"])
def test_nothing_is_written_through_a_link(write: Write, tmp_path: Path, leads: str) -> None:
    path, end = tmp_path / "out.csv", tmp_path / "end.csv"
    if leads == "to a file":
        end.write_text(BEFORE, encoding="utf-8")
    path.symlink_to(end)

    refused = write(path, "--force")

    assert refused[0] == 2
    assert "it is a symbolic link" in refused[1]
    assert path.is_symlink()
    assert (end.read_text(encoding="utf-8") if end.exists() else "") == (
        BEFORE if leads == "to a file" else ""
    )


def test_a_folder_that_does_not_exist_is_not_made(write: Write, tmp_path: Path) -> None:
    refused = write(tmp_path / "no" / "out.csv")

    assert refused[0] == 2
    assert f"the folder {tmp_path / 'no'} does not exist; create it first" in refused[1]
    assert not (tmp_path / "no").exists()


@POSIX
def test_the_name_of_a_temporary_file_cannot_be_foreseen(bulkps: Run, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text(BEFORE, encoding="utf-8")
    (tmp_path / "out.csv.part").symlink_to(tmp_path / "victim")

    assert bulkps("export", "-o", tmp_path / "out.csv", "--no-sizes", "--quiet").exit_code == 0

    assert (tmp_path / "victim").read_text(encoding="utf-8") == BEFORE


def test_the_results_in_the_home_are_bulkps_own_and_replaced(bulkps: Run, tmp_path: Path, home: Path) -> None:
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--quiet")

    resumed = bulkps("resume", "last", "--quiet")

    assert resumed.exit_code == 0, resumed.output
    assert len(list((home / "results").iterdir())) == 1


def test_of_two_writers_each_file_is_whole_and_the_last_one_stays(tmp_path: Path) -> None:
    output = Output(tmp_path / "out.csv", replace=True)
    with whole_file(output) as slow:
        slow.write("slow\n" * 50_000)
        with whole_file(output) as fast:
            fast.write("fast\n" * 10)
        between = output.path.read_text(encoding="utf-8")
        slow.write("slow\n" * 50_000)

    assert between == "fast\n" * 10
    assert output.path.read_text(encoding="utf-8") == "slow\n" * 100_000
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_what_another_process_made_in_the_meantime_is_not_replaced_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    output = Output(tmp_path / "out.csv")
    with (
        pytest.raises(OSError, match="in the meantime; the complete file is") as raised,
        whole_file(output) as file,
    ):
        file.write("hours of reading")
        output.path.write_text(BEFORE, encoding="utf-8")

    (kept,) = tmp_path.glob("out-*.csv")
    assert str(kept) in str(raised.value)
    assert kept.read_text(encoding="utf-8") == "hours of reading"
    assert output.path.read_text(encoding="utf-8") == BEFORE


#: Begins to write a file, says so, and waits to be killed.
WRITING = (
    "import sys; from pathlib import Path; from bulkps.atomic_file import Output, whole_file\n"
    "with whole_file(Output(Path(sys.argv[1]))) as file:\n"
    "    file.write('half'); file.flush(); print('writing', flush=True); sys.stdin.read()\n"
)


@POSIX
def test_what_a_killed_process_left_is_removed_by_the_next_write_and_a_living_ones_is_not(
    bulkps: Run, tmp_path: Path
) -> None:
    def begun() -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", WRITING, str(tmp_path / "out.csv")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        return process

    killed, living = begun(), begun()
    try:
        with killed:
            killed.kill()
        left = len(list(tmp_path.glob(".bulkps-*.part")))
        assert bulkps("template", "restore", "-o", tmp_path / "t.csv").exit_code == 0
        still = len(list(tmp_path.glob(".bulkps-*.part")))
    finally:
        with living:
            living.kill()

    assert (left, still) == (2, 1)
    assert not (tmp_path / "out.csv").exists()
    assert read_csv((tmp_path / "t.csv").read_text(encoding="utf-8-sig"))
