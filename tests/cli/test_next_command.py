"""The commands that bulkps prints are whole: pasted as they stand, they do what they say."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulkps.records.journal import Journal
from bulkps.records.lease import acquire
from bulkps.runs.next_command import quoted
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv

StartTenant = Callable[..., Tenant]
#: Nobody of the tenant.
UNKNOWN = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


def pasted(bulkps: Run, command: str, *more: str) -> Any:
    """Do what a printed *command* says, word by word."""
    program, *words = shlex.split(command)
    assert program == "bulkps"
    return bulkps(*words, *more)


def test_what_was_set_goes_on_in_the_commands_that_are_printed(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tenant()
    monkeypatch.chdir(tmp_path)
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")
    rows = [{**row, "Folder": ""} for row in read_csv(file.read_text(encoding="utf-8-sig"))]
    rows = [{name: row[name] for name in ("source_guid", "target_mailbox", "Folder")} for row in rows]
    right, rows[1]["target_mailbox"] = rows[1]["target_mailbox"], "nobody@contoso.com"
    write_csv(file, rows)
    said = bulkps(
        *("run", "restore", file, "--config", there.config, "--quiet"),
        *("--set", "target_folder=Handover 2026", "--set", "exclude_dumpster=yes"),
    )
    [line] = [one for one in said.stderr.splitlines() if "To correct the rows themselves: " in one]
    first, _, second = line.partition(": ")[2].partition(", then ")

    assert pasted(bulkps, first).exit_code == 0
    [left] = read_csv((tmp_path / "rest.csv").read_text(encoding="utf-8-sig"))
    assert (left["Folder"], left["exclude_dumpster"]) == ("Handover 2026", "true")
    write_csv(tmp_path / "rest.csv", [{**left, "target_mailbox": right}])
    again = pasted(bulkps, second, "--quiet")

    assert again.exit_code == 0, again.output
    sent = [one["parameters"] for one in there.lines()]
    assert [one["TargetRootFolder"] for one in sent] == ["Handover 2026"] * 3
    assert [one["ExcludeDumpster"] for one in sent] == [True] * 3


def test_rows_that_preflight_skipped_are_put_in_again_with_what_was_set(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tenant()
    there.configure(preflight=True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rest.csv").write_text("somebody's own", encoding="utf-8")
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    rows = read_csv(file.read_text(encoding="utf-8-sig"))
    right = rows[1]["source_guid"]
    write_csv(file, [rows[0], {**rows[1], "source_guid": UNKNOWN}])
    config = ("--config", there.config, "--connection", "tenant")

    said = bulkps("run", "restore", file, *config, "--set", "target_folder=It's old", "--again")
    command = said.stderr.partition("Fix the cause, then: ")[2].splitlines()[0]
    first, _, second = command.partition(", then ")
    assert pasted(bulkps, first).exit_code == 0
    [left] = read_csv((tmp_path / "rest-2.csv").read_text(encoding="utf-8-sig"))
    write_csv(tmp_path / "rest-2.csv", [{**left, "source_guid": right}])
    again = pasted(bulkps, second, "--quiet")

    assert again.exit_code == 0, again.output
    assert [one["parameters"]["TargetRootFolder"] for one in there.lines()] == ["It's old"] * 2
    assert second.endswith(" --again")


def test_a_command_that_continues_names_the_settings_wherever_it_is_printed(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    config = there.config.rename(tmp_path / "my $settings; of 'today'.yaml")
    file = rehearsal(bulkps, "restore", 4, tmp_path / "in.csv")

    said = bulkps("run", "restore", file, "--config", config, "--no-wait", "--quiet")
    shown = as_object(bulkps("show", "last", "--json"))
    paused = bulkps("pause", "last")

    expected = f"bulkps resume {shown['run']} --config {quoted(config)}"
    assert shown["next"] == expected
    assert f"4 rows not finished. To continue: {expected}" in said.stderr
    assert f"To continue: {expected}" in paused.stderr
    assert pasted(bulkps, shown["next"], "--quiet").exit_code == 0


def test_another_folder_and_the_environment_lead_to_the_same_settings(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BULKPS_CONFIG", there.config.name)
    bulkps("run", "restore", file, "--no-wait", "--quiet")
    monkeypatch.delenv("BULKPS_CONFIG")
    monkeypatch.chdir(tmp_path.parent)

    following = as_object(bulkps("show", "last", "--json"))["next"]

    assert pasted(bulkps, following, "--quiet").exit_code == 0


def test_a_run_that_a_process_works_on_is_shown_as_that(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, home: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--no-wait", "--quiet")
    assert as_object(bulkps("show", "last", "--json"))["ended_at"]

    with Journal(home / "journal.sqlite3") as journal:
        owner = acquire(journal, journal.run("last").id, 30.0).owner
        shown = as_object(bulkps("show", "last", "--json"))
        told = bulkps("show", "last")
        paused = bulkps("pause", "last")

    assert (shown["state"], shown["worker"]) == ("running", owner)
    assert (shown["next"], shown["ended_at"]) == ("", "")
    assert f"{owner} is working on it" in told.stderr
    assert "bulkps resume" not in told.output
    assert re.search("asked process .* to pause .* To continue after that: bulkps resume", paused.stderr)


@pytest.mark.parametrize(
    ("word", "typed"),
    [
        ("C:\\bulkps\\prod.yaml", "C:\\bulkps\\prod.yaml"),
        ("C:\\My settings\\prod.yaml", '"C:\\My settings\\prod.yaml"'),
        ("C:\\$home\\it's.yaml", "'C:\\$home\\it''s.yaml'"),
        ("a&b.yaml", '"a&b.yaml"'),
    ],
)
def test_on_windows_a_path_is_quoted_for_powershell_and_cmd(word: str, typed: str) -> None:
    assert quoted(word, windows=True) == typed


def test_a_connection_that_the_environment_names_stands_in_the_printed_command(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tenant(faults="New-MailboxRestoreRequest#1=throttled")
    there.configure("  retry_failed: false\n  adaptive_pacing: false\n")
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")
    text = there.config.read_text(encoding="utf-8").replace("connection: tenant", "connection: other")
    there.config.write_text(text.replace("connections:\n", "connections:\n  other: {type: simulator}\n"))
    monkeypatch.setenv("BULKPS_CONNECTION", "tenant")

    said = bulkps("run", "restore", file, "--config", there.config, "--quiet")

    assert said.exit_code == 4, said.output
    assert "--connection tenant" in said.stderr
