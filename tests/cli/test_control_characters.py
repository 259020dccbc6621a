"""Nothing that stands in a cell, or that a server says, moves a terminal's cursor or forges a line."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkps.exchange.calls_and_outcomes import Cmdlet
from bulkps.visible_text import json_text, visible
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv

StartTenant = Callable[..., Tenant]
#: What no terminal is given; our own line breaks are the exception.
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
FORGED = "Old mail'\nrow 3: Remove-Mailbox -Identity 'ceo@contoso.com"
#: Clears the screen, turns the direction of writing, and breaks lines that no editor breaks.
NASTY = "a\x1b[2J\u202egnp.exe\u2066\u2028b\u2029c\x07"
#: What a file is refused with, but a server may say.
WORSE = f"{NASTY}\x9b31m\x85"
OWN = """
name: label
summary: Set an attribute.
columns:
  mailbox: {help: Which., required: true, example: ann}
  text: {help: What., required: true, example: x}
source: mailbox
key: [mailbox]
steps:
  - name: set
    cmdlet: Set-Mailbox
    parameters: {Identity: "{mailbox}", CustomAttribute1: "{text}"}
    idempotent: true
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "operations"
    folder.mkdir()
    (folder / "label.yaml").write_text(OWN, encoding="utf-8")
    monkeypatch.setenv("BULKPS_OPERATIONS_PATH", str(folder))


@pytest.mark.usefixtures("own")
def test_a_cell_with_a_line_break_is_one_row_of_the_dry_run(bulkps: Run, tmp_path: Path) -> None:
    write_csv(tmp_path / "in.csv", [{"mailbox": "ann", "text": FORGED}, {"mailbox": "bob", "text": NASTY}])

    shown = bulkps("run", "label", tmp_path / "in.csv", "--dry-run")
    told = as_object(bulkps("run", "label", tmp_path / "in.csv", "--dry-run", "--json"))

    assert [line[:6] for line in shown.stdout.splitlines()] == ["row 2:", "row 4:"]
    assert "'Old mail''\u23cerow 3: Remove-Mailbox" in shown.stdout
    assert not RAW.search(shown.output)
    assert [one["parameters"]["CustomAttribute1"] for one in told["plan"]] == [FORGED, NASTY]


@pytest.mark.usefixtures("own")
def test_what_a_server_repeats_is_shown_and_not_done(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    write_csv(tmp_path / "in.csv", [{"mailbox": NASTY, "text": "x"}])

    said = bulkps("run", "label", tmp_path / "in.csv", "--config", there.config)
    as_text = bulkps("run", "label", tmp_path / "in.csv", "--config", there.config, "--json")
    entries = bulkps("audit", "show", "last")

    assert said.exit_code == 4
    assert "\u241b[2J" in said.stdout
    for printed in (said, as_text, entries):
        assert not RAW.search(printed.output)
    kept = read_csv(bulkps("results", "last").stdout)
    assert kept[0]["mailbox"] == NASTY, "a file has it as it is"


@pytest.mark.usefixtures("own")
def test_each_line_of_the_audit_log_is_one_to_every_reader_by_lines(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    person = str(there.simulator.tenant.active(0)["PrimarySmtpAddress"])
    write_csv(tmp_path / "in.csv", [{"mailbox": person, "text": NASTY}])

    said = as_object(bulkps("run", "label", tmp_path / "in.csv", "--config", there.config, "--json"))

    text = Path(said["audit"]).read_text(encoding="utf-8")
    entries = [json.loads(line) for line in text.splitlines()]
    assert len(entries) == text.count("\n")
    [sending] = [one for one in entries if one["event"] == "item.sending"]
    assert sending["parameters"]["CustomAttribute1"] == NASTY
    assert bulkps("audit", "verify", "last").exit_code == 0


def test_an_error_that_names_what_it_found_is_one_line(bulkps: Run, tmp_path: Path) -> None:
    file = rehearsal(bulkps, "restore", 1, tmp_path / "in.csv")

    refused = bulkps("run", "restore", file, "--connection", "x\x1b[2J")

    assert refused.exit_code == 2
    assert not RAW.search(refused.output)


def test_json_that_is_harmless_says_the_same() -> None:
    data = {"a": WORSE, "b": "\ud800", "c": ["x\ny"]}

    assert json.loads(json_text(data)) == data
    assert len(json_text(data).splitlines()) == 1
    assert not RAW.search(json_text(data, indent=2).replace("\n", ""))
    assert visible("\ud800\x7f") == "\\ud800\u2421"
    assert Cmdlet("Set-Mailbox", {"Identity": FORGED}).line().count("\n") == 0
