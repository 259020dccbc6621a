"""What bulkps refuses: the sentence, the exit code, and that nothing was sent."""

import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run, Tenant, as_object, read_csv

StartTenant = Callable[..., Tenant]
SOUND = "3f2504e0-4f89-41d3-9a0c-0305e82c3301,ann@contoso.com\n"
HEADER = "source_guid,target_mailbox\n"

BAD_FILES = {
    "missing column": ("source_guid\n3f2504e0-4f89-41d3-9a0c-0305e82c3301\n", "target_mailbox"),
    "missing cell": (HEADER + "3f2504e0-4f89-41d3-9a0c-0305e82c3301,\n", "row 2, target_mailbox"),
    "no GUID": (HEADER + "3f2504e0,ann@contoso.com\n", "row 2, source_guid: found '3f2504e0'"),
    "two dots": (HEADER + SOUND.replace("ann@", "a..b@"), "row 2, target_mailbox: found 'a..b@contoso.com'"),
    "a space": (HEADER + SOUND.replace("ann@", "a b@"), "row 2, target_mailbox: found 'a b@contoso.com'"),
    "no @": (HEADER + SOUND.replace("ann@", "ann at "), "not with U+0020 space at character 4"),
    "not allowed": (
        "source_guid,target_mailbox,conflict_resolution\n" + SOUND.replace("\n", ",KeepAl\n"),
        "did you mean KeepAll?",
    ),
    "too long": (
        "source_guid,target_mailbox,target_folder\n" + SOUND.replace("\n", "," + "x" * 256 + "\n"),
        "at most 255 characters",
    ),
    "twice": (HEADER + SOUND + SOUND.upper(), "row 2 has the same"),
    "ragged": (HEADER + SOUND.replace("\n", ",more\n"), "3 cells"),
    "deadly character": (
        "source_guid,target_mailbox,target_folder\n" + SOUND.replace("\n", ",a\uffff\n"),
        "U+FFFF",
    ),
    "empty": ("", "empty"),
    "header only": (HEADER, "no rows"),
    "a typing slip in a header": (
        "source_guid,target_mailbox,target_foldr\n" + SOUND.replace("\n", ",x\n"),
        "did you mean target_folder",
    ),
    "no header": (SOUND, "header"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_ends_with_3_and_nothing_is_sent(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, name: str
) -> None:
    there = tenant()
    text, expected = BAD_FILES[name]
    file = tmp_path / "in.csv"
    file.write_text(text, encoding="utf-8", newline="")

    checked = bulkps("check", "restore", file)
    run = bulkps("run", "restore", file, "--config", there.config)

    assert checked.exit_code == run.exit_code == 3
    assert expected in checked.stderr
    assert expected in run.stderr
    assert "nothing was sent" in run.stderr
    assert there.simulator.calls == {}
    assert as_object(bulkps("runs", "--json"))["runs"] == []


def test_a_workbook_is_called_what_it_is(bulkps: Run, tmp_path: Path) -> None:
    file = tmp_path / "leavers.csv"
    with zipfile.ZipFile(file, "w") as book:
        book.writestr("xl/workbook.xml", "<workbook/>")

    result = bulkps("check", "restore", file)

    assert result.exit_code == 3
    assert "Excel workbook" in result.stderr
    assert "save it as CSV" in result.stderr


def test_problems_that_are_alike_are_one_line_and_a_file_takes_all(bulkps: Run, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text(HEADER + "no-guid,no-address\n" * 100)

    result = bulkps("check", "restore", file, "--problems", tmp_path / "problems.csv")

    assert result.exit_code == 3
    told = result.stderr.splitlines()
    assert told[0] == f"{file}: 200 problems"
    assert told[1].startswith("  rows 2-101 (100 rows), source_guid: found 'no-guid', expected a GUID")
    assert told[2].startswith("  rows 2-101 (100 rows), target_mailbox: found 'no-address', expected ")
    assert told[3:] == [f"All problems, one per line: {tmp_path / 'problems.csv'}"]
    problems = read_csv((tmp_path / "problems.csv").read_text(encoding="utf-8-sig"))
    assert len(problems) == 200
    assert problems[0]["row"] == "2"
    assert problems[-1]["found"] == "no-address"


def test_strict_columns_refuses_what_is_otherwise_carried(bulkps: Run, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text("source_guid,target_mailbox,ticket\n" + SOUND.replace("\n", ",INC-7\n"))

    assert bulkps("check", "restore", file).exit_code == 0
    assert "ticket" in bulkps("check", "restore", file).stderr
    assert bulkps("check", "restore", file, "--strict-columns").exit_code == 3


def test_a_check_for_a_runbook_is_one_object(bulkps: Run, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text(HEADER + SOUND + "x,y\n")

    said = as_object(bulkps("check", "restore", file, "--json"))

    assert (said["sound"], said["rows"], said["problem_count"], said["exit_code"]) == (False, 2, 2, 3)
    assert said["problems"][0]["row"] == 3


def test_an_unknown_operation_is_answered_with_the_nearest_one(bulkps: Run, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text(HEADER + SOUND)

    result = bulkps("run", "restor", file)

    assert result.exit_code == 2
    assert "did you mean restore?" in result.stderr


def test_an_unknown_connection_is_answered_with_those_there_are(bulkps: Run, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text(HEADER + SOUND)

    result = bulkps("run", "restore", file, "--connection", "simulater")

    assert result.exit_code == 2
    assert "did you mean simulator?" in result.stderr


def test_a_run_that_is_not_there_says_where_to_look(bulkps: Run) -> None:
    for command in ("show", "results", "resume"):
        result = bulkps(command, "20200101")
        assert result.exit_code == 2
        assert "bulkps runs" in result.stderr


def test_a_dead_server_ends_with_5_and_the_run_can_be_resumed(bulkps: Run, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "dead.yaml"
    config.write_text(
        "connection: dead\nconnections:\n"
        f"  dead: {{type: simulator, server: 127.0.0.1, port: {port}}}\n"
        "run: {connect: {attempts: 2, first_wait: 0.05}}\n"
    )
    file = tmp_path / "in.csv"
    file.write_text(HEADER + SOUND)

    result = bulkps("run", "restore", file, "--config", config)

    assert result.exit_code == 5, result.output
    assert "nothing was sent" in result.stderr
    assert f"--config {config}" in result.stderr
    assert as_object(bulkps("show", "last", "--json"))["counts"]["PENDING"] == 1


def test_a_server_that_no_name_server_knows_is_named_with_the_whole_reason(
    bulkps: Run, tmp_path: Path
) -> None:
    config = tmp_path / "bulkps.yaml"
    config.write_text(
        "connections:\n  lab: {type: exchange, server: nowhere.invalid, username: ann, auth: basic}\n"
        "run: {connect: {attempts: 1}}\n",
        encoding="utf-8",
    )

    said = bulkps("doctor", "--config", config, "--connection", "lab", env={"BULKPS_PASSWORD": "x"})

    assert said.exit_code == 5
    [sentence] = [line for line in said.stderr.splitlines() if "nowhere.invalid" in line]
    assert "cannot find nowhere.invalid" in sentence
    assert sentence.count("(") == sentence.count(")") > 0


def test_a_wrong_password_ends_with_5_after_one_try(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant(password="another")
    file = tmp_path / "in.csv"
    file.write_text(HEADER + SOUND)

    result = bulkps("run", "restore", file, "--config", there.config)

    assert result.exit_code == 5, result.output
    assert "Failed to authenticate the user simulator" in result.stderr
    assert there.simulator.calls == {}


def test_a_password_in_the_settings_is_refused_and_not_repeated(bulkps: Run, tmp_path: Path) -> None:
    config = tmp_path / "bad.yaml"
    config.write_text("connections:\n  x: {type: exchange, server: ex01, username: u, password: Hunter2}\n")

    result = bulkps("operations", "--config", config)

    assert result.exit_code == 3
    assert "line 2: connections.x.password" in result.stderr
    assert "BULKPS_PASSWORD" in result.stderr
    assert "Hunter2" not in result.output


def test_an_operation_that_only_exchange_online_has_is_not_sent_to_a_server(
    bulkps: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULKPS_PASSWORD", "irrelevant")
    config = tmp_path / "onprem.yaml"
    config.write_text(
        "connection: onprem\nconnections:\n"
        "  onprem: {type: exchange, server: ex01.invalid, username: u, auth: basic}\n"
    )
    file = tmp_path / "in.csv"
    file.write_text("source_guid,target_upn,display_name\n" + SOUND.replace("\n", ",Ann\n"))

    result = bulkps("run", "recovery", file, "--config", config, "--yes")

    assert result.exit_code == 2
    assert "only Exchange Online has" in result.stderr


def test_a_connection_without_a_password_says_where_one_is_looked_for(bulkps: Run, tmp_path: Path) -> None:
    config = tmp_path / "onprem.yaml"
    config.write_text(
        "connection: on-prem\nconnections:\n  on-prem: {type: exchange, server: ex01.invalid, username: u}\n"
    )
    file = tmp_path / "in.csv"
    file.write_text(HEADER + SOUND)

    result = bulkps("run", "restore", file, "--config", config)

    assert result.exit_code == 5
    assert "BULKPS_PASSWORD_ON_PREM" in result.stderr


def test_a_broken_operation_file_is_answered_with_all_its_problems(bulkps: Run, tmp_path: Path) -> None:
    folder = tmp_path / "operations"
    folder.mkdir()
    (folder / "mine.yaml").write_text(
        "name: mine\nsummary: x\nsource: who\nkey: [who]\ncolums: {}\n"
        "columns:\n  who: {help: Who, type: [smtpp]}\n"
        "steps:\n  - {name: a, cmdlet: Set-Usr, parameters: {Identity: '{who}'}}\n"
    )
    config = tmp_path / "c.yaml"
    config.write_text("operations_path: operations\n")

    result = bulkps("operations", "mine", "--config", config)

    assert result.exit_code == 3
    assert "did you mean columns?" in result.stderr
    assert "unknown type 'smtpp'" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["run", "restore", "nofile.csv", "--json"],
        ["run", "restore", "--json", "--no-such-option"],
        ["show", "--json"],
        ["nonsense", "--json"],
        ["--bogus", "--json"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_is_wrong_is_one_json_object_too(bulkps: Run, command: list[str]) -> None:
    refused = bulkps(*command)

    said = as_object(refused)
    assert (refused.exit_code, said["exit_code"]) == (2, 2)
    assert str(said["error"]) in refused.stderr


def test_a_doctor_who_cannot_connect_says_so_in_one_json_object(bulkps: Run, tmp_path: Path) -> None:
    config = tmp_path / "dead.yaml"
    nowhere = str(tmp_path / "nowhere" / "pwsh")
    config.write_text(f"connection: d\nconnections:\n  d: {{type: process, executable: '{nowhere}'}}\n")

    said = bulkps("doctor", "--json", "--config", config)

    found = as_object(said)
    assert (said.exit_code, found["exit_code"], found["connected"]) == (5, 5, False)
    assert repr(nowhere) in str(found["error"])
