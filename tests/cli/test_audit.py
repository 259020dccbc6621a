"""``bulkps audit``: whatever is done to a log is found and named; what nothing was done to is sound."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bulkps.cli import cli
from bulkps.cli.audit import SHOWN
from bulkps.records.audit import line_hash
from bulkps.records.audit_segments import MOST
from bulkps.records.audit_verify import Known, verify
from bulkps.simulator import Simulator, SimulatorOptions
from tests.cli.auditlogs import (
    CHANGES,
    ONLY_THE_JOURNAL_SHOWS,
    Found,
    Harm,
    chained,
    edited,
    lines_of,
    put_for,
    value,
)
from tests.conftest import Run, Tenant, as_object, rehearsal

StartTenant = Callable[..., Tenant]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with the log of one run that is over; nobody writes to it."""
    folder = tmp_path_factory.mktemp("finished")
    with (
        pytest.MonkeyPatch.context() as patch,
        Simulator(SimulatorOptions(mailboxes=8, restore_seconds=0.0)) as simulator,
    ):
        patch.setenv("BULKPS_HOME", str(folder / "home"))
        there = Tenant(simulator, folder)
        file = folder / "in.csv"
        for arguments in (
            ["template", "restore", "--rows", "4", "-o", str(file)],
            ["run", "restore", str(file), "--config", str(there.config), "--quiet"],
        ):
            result = CliRunner().invoke(cli, arguments)
            assert result.exit_code == 0, result.output
    yield folder / "home"


@pytest.fixture
def log(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of the run that is over; the journal knows it."""
    monkeypatch.setenv("BULKPS_HOME", str(finished))
    (path,) = (finished / "audit").iterdir()
    return path


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_done_to_a_log_is_found_and_its_line_named(
    bulkps: Run, log: Path, tmp_path: Path, name: str
) -> None:
    harm, found = CHANGES[name]
    lines = harm(lines_of(log))
    copy = tmp_path / log.name
    copy.write_bytes(b"".join(lines))

    result = bulkps("audit", "verify", copy, "--json")

    said = as_object(result)
    assert result.exit_code == said["exit_code"] == 4
    assert (said["file"], said["run"], said["sound"]) == (str(copy), log.stem, False)
    wanted = [(line if line > 0 else len(lines) + 1 + line, kind) for line, kind in found]
    told = [(one["line"], one["kind"]) for one in said["findings"]]
    assert told == wanted, said["findings"]
    assert said["finding_count"] == len(wanted)
    assert said["rest_sound"] == (len(wanted) == 1)
    assert all(one["found"] and one["expected"] and one["advice"] for one in said["findings"])
    text = bulkps("audit", "verify", copy).stdout
    for line, kind in wanted:
        assert re.search(rf"^  lines? {line}( to \d+)?: {kind}: found .+, expected ", text, re.MULTILINE)
    assert ("  the rest is intact\n" in text) == said["rest_sound"]


def test_a_log_that_nothing_was_done_to_is_sound_by_name_as_file_and_as_copy(
    bulkps: Run, log: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(log.read_bytes())

    for given in ("last", log.stem, log.stem[:15], log, copy):
        result = bulkps("audit", "verify", given, "--json")

        said = as_object(result)
        assert result.exit_code == said["exit_code"] == 0
        assert said["run"] == log.stem
        assert (said["sound"], said["findings"], said["notes"]) == (True, [], [])
        assert said["lines"] == len(lines_of(log))
    assert bulkps("audit", "verify", copy).stdout == (
        f"{copy}: {len(lines_of(log))} lines, the chain is intact\n"
    )


def test_a_log_is_sound_after_its_run_was_resumed(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 5, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--no-wait", "--quiet")
    before = as_object(bulkps("audit", "verify", "last", "--json"))

    assert bulkps("resume", "last", "--config", there.config, "--quiet").exit_code == 0
    after = as_object(bulkps("audit", "verify", "last", "--json"))

    assert before["sound"] and after["sound"]
    assert after["lines"] > before["lines"]
    numbers = [json.loads(line)["line"] for line in lines_of(Path(after["file"]))]
    assert numbers == list(range(1, after["lines"] + 1))


@pytest.mark.parametrize("name", ["nothing", *ONLY_THE_JOURNAL_SHOWS])
def test_without_the_journal_the_end_cannot_be_checked_and_that_is_said(
    bulkps: Run, log: Path, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("BULKPS_HOME", str(home))
    harm = CHANGES[name][0] if name in CHANGES else list
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(b"".join(harm(lines_of(log))))

    result = bulkps("audit", "verify", copy)

    assert result.exit_code == 0
    assert f"note: run {log.stem} is not in the journal of this computer" in result.stderr
    assert "bulkps cannot check whether lines are missing at the end" in result.stderr
    assert not (home / "journal.sqlite3").exists()


@pytest.mark.parametrize(
    "name",
    [name for name in CHANGES if name not in ONLY_THE_JOURNAL_SHOWS],
)
def test_without_the_journal_all_is_found_but_what_only_it_can_show(
    bulkps: Run, log: Path, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("BULKPS_HOME", str(home))
    harm, found = CHANGES[name]
    lines = harm(lines_of(log))
    copy = tmp_path / log.name
    copy.write_bytes(b"".join(lines))

    result = bulkps("audit", "verify", copy, "--json")

    assert result.exit_code == 4
    first = found[0][0] if found[0][0] > 0 else len(lines) + 1 + found[0][0]
    told = as_object(result)["findings"][0]
    assert told["line"] <= first <= told["last_line"]


@pytest.fixture
def crashed(bulkps: Run, tenant: StartTenant, tmp_path: Path, home: Path) -> tuple[Path, Path]:
    """The log of a run whose process ended before the journal heard of the last two lines; its settings."""
    there = tenant()
    file = rehearsal(bulkps, "restore", 5, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--no-wait", "--quiet")
    log = Path(as_object(bulkps("show", "last", "--json"))["audit"])
    lines = lines_of(log)
    with sqlite3.connect(home / "journal.sqlite3") as journal:
        journal.execute(
            "UPDATE runs SET state = 'running', audit_lines = ?, audit_head = ?",
            (len(lines) - 2, line_hash(lines[-3].decode().removesuffix("\n"))),
        )
    journal.close()
    return log, there.config


def test_lines_that_a_crash_left_behind_what_the_journal_knows_are_a_note(
    bulkps: Run, crashed: tuple[Path, Path]
) -> None:
    log, config = crashed
    with log.open("ab") as file:
        file.write(b'{"previous": "cut sho')

    result = bulkps("audit", "verify", "last")

    assert result.exit_code == 0, result.output
    assert "2 lines at the end that the journal does not have yet" in result.stderr
    assert "is incomplete and not in the journal" in result.stderr
    assert bulkps("resume", "last", "--config", config, "--quiet").exit_code == 0
    said = as_object(bulkps("audit", "verify", "last", "--json"))
    assert (said["sound"], said["notes"]) == (True, [])


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (value(-2), [(-2, "changed")]),
        (value(-3), [(-3, "changed")]),
        (lambda lines: [*lines[:-2], lines[-1]], [(-1, "removed")]),
        (lambda lines: lines[:-3], [(0, "cut")]),
        (lambda lines: [*lines[:-3], lines[-3][:40]], [(-1, "cut")]),
    ],
)
def test_after_a_crash_too_what_was_done_to_a_log_is_found(
    bulkps: Run, crashed: tuple[Path, Path], harm: Harm, found: Found
) -> None:
    log, _ = crashed
    lines = harm(lines_of(log))
    log.write_bytes(b"".join(lines))

    said = as_object(bulkps("audit", "verify", "last", "--json"))

    told = [(one["line"], one["last_line"], one["kind"]) for one in said["findings"]]
    ((line, kind),) = found
    assert [(first, what) for first, _, what in told] == [(len(lines) + 1 + line, kind)], said


def test_a_run_that_goes_on_while_its_log_is_read_is_not_a_run_that_is_over(log: Path) -> None:
    lines = lines_of(log)
    known = Known(len(lines) - 1, line_hash(lines[-2].decode().removesuffix("\n")), over=True)
    later = Known(len(lines), line_hash(lines[-1].decode().removesuffix("\n")), over=True)
    answers = iter([known, later])

    assert verify(lines, log.stem, lambda: next(answers)).sound
    assert not verify(lines, log.stem, lambda: known).sound


def test_the_log_of_another_run_is_not_the_log_of_this_one(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    logs = []
    for _ in range(2):
        said = as_object(bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet"))
        logs.append(Path(said["audit"]))
    logs[1].write_bytes(logs[0].read_bytes())

    for given in ("last", logs[1]):
        said = as_object(bulkps("audit", "verify", given, "--json"))

        assert said["run"] == logs[1].stem
        assert said["findings"][0]["kind"] == "foreign"
        assert logs[0].stem in said["findings"][0]["found"]
        assert (said["findings"][0]["line"], said["findings"][0]["last_line"]) == (1, said["lines"])


def test_of_very_many_findings_the_first_are_shown_and_the_rest_counted(bulkps: Run, tmp_path: Path) -> None:
    log = tmp_path / "r.jsonl"
    log.write_bytes(b"".join(line for number, line in enumerate(chained(400)) if number % 4))

    text = bulkps("audit", "verify", log).stdout
    said = as_object(bulkps("audit", "verify", log, "--json"))

    assert said["finding_count"] == 100
    assert len(said["findings"]) == SHOWN == text.count(": removed: ")
    assert f"and {100 - SHOWN} more" in text
    assert text.count("-> removed: ") == 1


@pytest.mark.proof
def test_a_log_that_is_broken_everywhere_is_not_read_to_its_end(bulkps: Run, tmp_path: Path) -> None:
    log = tmp_path / "r.jsonl"
    lines = [line for number, line in enumerate(chained(2 * MOST + 20)) if number % 2]
    log.write_bytes(b"".join(lines))

    said = as_object(bulkps("audit", "verify", log, "--json"))

    assert said["exit_code"] == 4
    assert said["lines"] == MOST + 1 < len(lines)
    assert said["finding_count"] == MOST + 2
    last = verify(lines, "r", lambda: None).findings[-1]
    assert (last.line, last.kind.value) == (MOST + 2, "unchecked")


@pytest.mark.parametrize("command", ["verify", "show"])
def test_what_is_not_there_is_a_matter_of_usage(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, command: str
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")
    said = as_object(bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet"))
    Path(said["audit"]).unlink()

    for given, sentence in (
        ("nothing", "no run 'nothing' in the journal"),
        (tmp_path / "nothing.jsonl", "nothing.jsonl does not exist"),
        ("nothing.jsonl", "nothing.jsonl does not exist"),
        ("n" * 5000, "no run 'nnn"),
        ("last", f"{said['audit']} is missing, but the journal knows"),
    ):
        result = bulkps("audit", command, given, "--json")

        assert result.exit_code == 2
        assert sentence in result.stderr
        assert sentence in as_object(result)["error"]


def test_a_run_that_was_never_begun_has_no_log(bulkps: Run, log: Path, tmp_path: Path, home: Path) -> None:
    home.mkdir()
    (home / "journal.sqlite3").write_bytes((log.parent.parent / "journal.sqlite3").read_bytes())
    with sqlite3.connect(home / "journal.sqlite3") as journal:
        journal.execute("UPDATE runs SET audit_lines = 0, audit_head = '', audit = ?", (str(tmp_path / "x"),))
    journal.close()

    result = bulkps("audit", "verify", "last", env={"BULKPS_HOME": str(home)})

    assert result.exit_code == 2
    assert "has no audit log yet" in result.stderr


def test_a_resume_on_a_changed_log_names_the_command_that_says_where(
    bulkps: Run, crashed: tuple[Path, Path]
) -> None:
    log, config = crashed
    log.write_bytes(b"".join(put_for(-1, lambda line: b"\xff" + line)(lines_of(log))))

    refused = bulkps("resume", "last", "--config", config, "--quiet")

    assert refused.exit_code == 6
    assert f"bulkps audit verify {log.stem}" in refused.stderr
    assert as_object(bulkps("audit", "verify", log.stem, "--json"))["findings"][0]["kind"] == "foreign"


# --- show -----------------------------------------------------------------------------------------------


def test_a_log_is_shown_line_by_line(bulkps: Run, log: Path) -> None:
    result = bulkps("audit", "show", "last")

    entries = [json.loads(line) for line in lines_of(log)]
    shown = result.stdout.splitlines()
    assert result.exit_code == 0
    assert len(shown) == len(entries)
    for line, entry in zip(shown, entries, strict=True):
        at, event, rest = line.split(maxsplit=2)
        assert abs(datetime.fromisoformat(at) - datetime.fromisoformat(entry["at"])).total_seconds() < 1
        assert event == entry["event"]
        assert rest.endswith(entry["message"])
        assert ("row" in entry) == (rest.split()[:2] == ["row", str(entry.get("row"))])


def test_a_log_is_shown_as_json(bulkps: Run, log: Path) -> None:
    shown = json.loads(bulkps("audit", "show", log, "--json").stdout)

    assert shown == [json.loads(line) for line in lines_of(log)]


def test_one_row_is_followed_and_events_are_chosen(bulkps: Run, log: Path) -> None:
    row = json.loads(bulkps("audit", "show", "last", "--row", 3, "--json").stdout)
    some = json.loads(
        bulkps(
            "audit", "show", "last", "--event", "item.sending", "--event", "item.completed", "--json"
        ).stdout
    )
    one = bulkps("audit", "show", "last", "--event", "item.completed", "--row", 3).stdout

    assert {entry["row"] for entry in row} == {3}
    assert [entry["event"] for entry in row][0 :: len(row) - 1] == ["item.sending", "item.completed"]
    assert {entry["event"] for entry in some} == {"item.sending", "item.completed"}
    assert len(one.splitlines()) == 1


def test_nothing_to_show_is_said(bulkps: Run, log: Path) -> None:
    text = bulkps("audit", "show", "last", "--row", 99)
    array = bulkps("audit", "show", "last", "--event", "item.none", "--json")

    assert (text.exit_code, text.stdout) == (0, "")
    assert "no line matches --row and --event" in text.stderr
    assert json.loads(array.stdout) == []


def test_a_code_stands_before_its_message(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant(failing_requests=1.0)
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--quiet")

    shown = bulkps("audit", "show", "last", "--event", "item.failed").stdout

    assert shown.rstrip().endswith("row 2       failed-at-exchange: failed")


def test_what_cannot_be_read_is_left_out_and_said(bulkps: Run, log: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    lines = lines_of(log)
    evil = edited(lines[3], message="red \x1b[31m\nand \u202e over", at="never", code="HALF")
    copy.write_bytes(
        b"".join([*lines[:3], evil.replace(b"HALF", b"\\ud800"), b"\xff\n", b"text\n", *lines[4:]])
    )

    result = bulkps("audit", "show", copy)
    array = bulkps("audit", "show", copy, "--json")

    assert result.exit_code == array.exit_code == 4
    assert "2 lines cannot be read, the first is line 5" in result.stderr
    assert f"bulkps audit verify {copy}" in result.stderr
    assert len(result.stdout.splitlines()) == len(json.loads(array.stdout)) == len(lines)
    assert "red \u241b[31m\u23ceand \\u202e over" in result.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipe")
def test_who_reads_only_the_first_lines_is_told_of_no_error(tmp_path: Path) -> None:
    log = tmp_path / "r.jsonl"
    log.write_bytes(b"".join(chained(4000)))
    command = [sys.executable, "-m", "bulkps", "audit", "show", str(log)]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        assert b"row 1" in process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
