"""``--set COLUMN=VALUE``: a value for every row that leaves the column empty."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulkps.simulator import Tenant as Organization
from tests.conftest import Run, Tenant, as_object, read_csv, write_csv

StartTenant = Callable[..., Tenant]


def pair(people: Organization, index: int, **more: str) -> dict[str, str]:
    """Return a row of one person's inactive and active mailbox."""
    source, target = people.inactive(index)["ExchangeGuid"], people.active(index)["PrimarySmtpAddress"]
    return {"source_guid": str(source), "target_mailbox": str(target), **more}


def run(bulkps: Run, there: Tenant, folder: Path, *options: str) -> dict[str, Any]:
    said = bulkps(
        *("run", "restore", folder / "in.csv", "--config", there.config, "--json", "--quiet"), *options
    )
    assert said.exit_code == 0, said.output
    return as_object(said)


def given(there: Tenant) -> dict[str, dict[str, Any]]:
    """Return the parameters of each request by its source."""
    return {one["mailbox"]: one["parameters"] for one in there.lines()}


def test_only_empty_cells_are_filled(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant()
    people = there.simulator.tenant
    rows = [
        pair(people, 0, target_folder="Mine", conflict_resolution="", exclude_dumpster="no"),
        pair(people, 1, target_folder="", conflict_resolution="ForceCopy", exclude_dumpster=""),
        pair(people, 2, target_folder="  ", conflict_resolution="", exclude_dumpster="yes"),
    ]
    write_csv(tmp_path / "in.csv", rows)
    options = ("target_folder= Restored=2024 ", "conflict_resolution=keeplatestitem", "exclude_dumpster=on")

    run(bulkps, there, tmp_path, *(part for one in options for part in ("--set", one)))

    shown = [
        tuple(
            given(there)[row["source_guid"]].get(name)
            for name in ("TargetRootFolder", "ConflictResolutionOption", "ExcludeDumpster")
        )
        for row in rows
    ]
    assert shown == [
        ("Mine", "KeepLatestItem", None),
        ("Restored=2024", "ForceCopy", True),
        ("Restored=2024", "KeepLatestItem", True),
    ]


def test_a_column_that_the_file_does_not_have_is_filled_and_named_by_any_of_its_headers(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    write_csv(tmp_path / "in.csv", [pair(there.simulator.tenant, 0)])

    run(
        *(bulkps, there, tmp_path, "--set", "Target Root-Folder=Old mail"),
        *("--set", "include_folders=#inbox#/*; Projects", "--set", "conflict=ForceCopy"),
    )

    [sent] = given(there).values()
    assert sent["TargetRootFolder"] == "Old mail"
    assert sent["IncludeFolders"] == ["#Inbox#/*", "Projects"]
    assert sent["ConflictResolutionOption"] == "ForceCopy"


def test_what_is_set_is_part_of_the_content(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant()
    write_csv(tmp_path / "in.csv", [pair(there.simulator.tenant, 0)])

    first = run(bulkps, there, tmp_path, "--set", "target_folder=A")
    other = run(bulkps, there, tmp_path, "--set", "target_folder=B")
    again = run(bulkps, there, tmp_path, "--set", "folder=a")

    assert [one["counts"]["COMPLETED"] for one in (first, other, again)] == [1, 1, 0]
    [row] = read_csv(bulkps("results", again["run"]).stdout)
    assert (row["status"], row["error_code"]) == ("SKIPPED", "done-already")
    assert [one["parameters"]["TargetRootFolder"] for one in there.lines()] == ["A", "B"]
    assert len({one["name"] for one in there.lines()}) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("target_foldr=x", "did you mean target_folder?"),
        ("target_folder", "expected COLUMN=VALUE"),
        ("=x", "expected COLUMN=VALUE"),
        ("target_folder=", "--set target_folder: found '', expected a value"),
        ("target_folder=   ", "expected a value"),
        ("source_is_archive=maybe", "expected true or false"),
        ("conflict_resolution=KeepNone", "expected one of KeepSourceItem"),
        ("include_folders=#Inbix#/*", "expected one or several, separated by ;"),
        ("target_mailbox=nobody", "an SMTP address"),
        (f"target_folder={'x' * 256}", "at most 255 characters"),
        ("target_folder=\ufffe", "U+FFFE"),
    ],
)
@pytest.mark.parametrize("command", ["run", "validate"])
def test_what_cannot_be_set_is_a_usage_problem_before_anything_is_sent(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, command: str, text: str, expected: str
) -> None:
    there = tenant()
    write_csv(tmp_path / "in.csv", [pair(there.simulator.tenant, 0)])

    result = bulkps(command, "restore", tmp_path / "in.csv", "--config", there.config, "--set", text)

    assert result.exit_code == 2, result.output
    assert expected in result.stderr
    assert "nothing was sent" in result.stderr
    assert there.simulator.calls == {}
    assert as_object(bulkps("runs", "--json"))["runs"] == []


def test_rows_that_what_is_set_makes_alike_are_a_problem_before_anything_is_sent(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    people = there.simulator.tenant
    # Once of one pair, and once of one source that would be copied into two targets.
    alike = pair(people, 9, source_is_archive="")
    twice = pair(people, 19, source_is_archive="")
    target = str(people.active(29)["PrimarySmtpAddress"])
    rows = [alike, {**alike, "source_is_archive": "true"}, twice]
    rows += [{**twice, "source_is_archive": "yes", "target_mailbox": target}, pair(people, 2)]
    write_csv(tmp_path / "in.csv", [{"source_is_archive": "", **row} for row in rows])
    assert bulkps("check", "restore", tmp_path / "in.csv").exit_code == 0

    result = bulkps(
        *("run", "restore", tmp_path / "in.csv", "--config", there.config),
        *("--set", "source_is_archive=true"),
    )

    assert result.exit_code == 3, result.output
    assert "2 problems, nothing was sent" in result.stderr
    assert "row 2 has the same once --set has filled it" in result.stderr
    assert "row 4 has the same once --set has filled it" in result.stderr
    assert there.simulator.calls == {}


def test_what_is_set_shows_in_a_dry_run_and_in_the_audit(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    write_csv(tmp_path / "in.csv", [pair(there.simulator.tenant, 0)])
    options = ("--set", "target_folder=It's old", "--set", "skip_merging=folderrules;FolderACLs")

    shown = bulkps("run", "restore", tmp_path / "in.csv", "--dry-run", *options)
    planned = as_object(bulkps("run", "restore", tmp_path / "in.csv", "--dry-run", "--json", *options))
    said = run(bulkps, there, tmp_path, *options)

    assert "-TargetRootFolder 'It''s old'" in shown.stdout
    assert "-SkipMerging 'FolderRules','FolderACLs'" in shown.stdout
    assert planned["plan"][0]["parameters"]["TargetRootFolder"] == "It's old"
    lines = [json.loads(line) for line in Path(said["audit"]).read_text(encoding="utf-8").splitlines()]
    [sending] = [one for one in lines if one.get("event") == "item.sending"]
    assert sending["parameters"]["TargetRootFolder"] == "It's old"
    assert sending["parameters"]["SkipMerging"] == ["FolderRules", "FolderACLs"]


@pytest.mark.proof
def test_what_is_set_is_there_when_the_run_is_resumed(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(latency=0.6)
    write_csv(tmp_path / "in.csv", [pair(there.simulator.tenant, index) for index in range(4)])
    options = ("--set", "target_folder=A", "--set", "include_folders=#Inbox#;Projects")
    command = ("run", "restore", tmp_path / "in.csv", "--config", there.config, "--quiet")
    window = ("--batch-size", "1", "--max-duration", "1s")
    assert bulkps(*command, *options, *window).exit_code == 6
    assert len(there.lines()) < 4

    assert bulkps("resume", "last", "--config", there.config, "--quiet").exit_code == 0

    assert [one["TargetRootFolder"] for one in given(there).values()] == ["A"] * 4
    assert [one["IncludeFolders"] for one in given(there).values()] == [["#Inbox#", "Projects"]] * 4


def test_a_column_that_every_row_needs_can_be_set_though_the_file_leaves_it_out(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    people = there.simulator.tenant
    target = str(people.active(4)["PrimarySmtpAddress"])
    write_csv(tmp_path / "in.csv", [{"source_guid": str(people.inactive(4)["ExchangeGuid"])}])
    options = ["--config", there.config, "--quiet"]

    without = bulkps("run", "restore", tmp_path / "in.csv", *options)
    said = bulkps("run", "restore", tmp_path / "in.csv", *options, "--set", f"target_mailbox={target}")

    assert without.exit_code == 3
    assert said.exit_code == 0, said.output
    [request] = [one for one in people.requests() if one.batch]
    assert request.target.properties["PrimarySmtpAddress"] == target
