"""Errors without end: kept and shown as far as people read, whole in the audit log, and no burden."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkps.engine.item import LONGEST_TEXT, shortened
from bulkps.exchange.calls_and_outcomes import ErrorRecord
from tests.cli.test_control_characters import OWN
from tests.conftest import Run, Tenant, as_object, read_csv, write_csv

#: As long as a cell may be, so that an error that names it is longer.
LONG = "x" * 131_000


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "operations"
    folder.mkdir()
    (folder / "label.yaml").write_text(OWN, encoding="utf-8")
    monkeypatch.setenv("BULKPS_OPERATIONS_PATH", str(folder))


@pytest.mark.usefixtures("own")
def test_an_error_without_end_is_shortened_and_its_results_are_input_again(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path
) -> None:
    there = tenant()
    write_csv(tmp_path / "in.csv", [{"mailbox": f"{LONG}{number}", "text": "x"} for number in range(4)])

    told = bulkps("run", "label", tmp_path / "in.csv", "--config", there.config)
    said = as_object(bulkps("show", "last", "--json"))

    assert told.exit_code == 4, told.output
    assert len(told.stdout) < 4 * 10_000
    rows = read_csv(Path(said["results"]).read_text(encoding="utf-8-sig"))
    for row in rows:
        assert len(row["error"]) <= LONGEST_TEXT
        assert row["error"].endswith("characters; the audit log has all of them)")
    entries = [json.loads(line) for line in Path(said["audit"]).read_text(encoding="utf-8").splitlines()]
    failed = [one for one in entries if one["event"] == "item.failed"]
    assert len(failed) == 4
    assert all(LONG in one["messages"][0] for one in failed)
    again = bulkps("run", "label", said["results"], "--config", there.config, "--dry-run")
    assert again.exit_code == 0, again.stderr[:1000]


def test_what_is_shortened_twice_still_says_how_long_it_was() -> None:
    once = shortened("x" * 1_048_576)

    assert once.endswith("… (1,048,576 characters; the audit log has all of them)")
    assert shortened(once) == once
    assert "1,048,576 characters" in shortened(f"it failed: {once}")


def test_the_catalogue_reads_the_ends_of_an_error_without_end() -> None:
    record = ErrorRecord(f"ManagementObjectNotFoundException {'x' * 1_000_000} (429)", "System.Exception")

    assert len(record.searched) < 20_000
    assert "ManagementObjectNotFoundException" in record.searched
    assert "(429)" in record.searched
