"""A switch that an operation turns off arrives turned off, and is shown so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run, Tenant, as_object, rehearsal, write_csv
from tests.engines import ENGINES

#: A cmdlet that asks unless it is told not to; what a cell says of two switches.
FORGET = """
name: forget
summary: Remove a restore request without a question.
columns:
  request: {help: Which., required: true, example: a\\b}
  force: {help: Whether it is removed whatever its state., type: [boolean], example: "false"}
  ask: {help: Whether it asks., type: [boolean], example: "false"}
source: request
key: [request]
steps:
  - name: forget
    cmdlet: Remove-MailboxRestoreRequest
    parameters:
      Identity: "{request}"
      Force: "{force}"
      %s
"""


@pytest.fixture
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts the operation where it is found, with one more parameter."""
    folder = tmp_path / "operations"
    folder.mkdir()
    monkeypatch.setenv("BULKPS_OPERATIONS_PATH", str(folder))

    def declare(parameter: str) -> None:
        (folder / "forget.yaml").write_text(FORGET % parameter, encoding="utf-8")

    return declare


@pytest.mark.parametrize("options", ENGINES)
def test_a_switch_that_is_false_in_the_operation_arrives_as_false(
    bulkps: Run,
    tenant: Callable[..., Tenant],
    tmp_path: Path,
    declared: Callable[[str], None],
    options: dict[str, Any],
) -> None:
    there = tenant(**options)
    file = rehearsal(bulkps, "restore", 1, tmp_path / "restore.csv")
    assert bulkps("run", "restore", file, "--config", there.config, "--quiet").exit_code == 0
    [request] = [one for one in there.simulator.tenant.requests() if one.batch]
    declared("Confirm: false")
    write_csv(tmp_path / "in.csv", [{"request": request.identity, "force": "no"}])

    shown = bulkps("run", "forget", tmp_path / "in.csv", "--dry-run")
    said = bulkps(
        *("run", "forget", tmp_path / "in.csv", "--config", there.config, "--json", "--quiet", "--yes")
    )

    assert said.exit_code == 0, said.output
    assert shown.stdout.strip().endswith(f"-Identity '{request.identity}' -Confirm:$false")
    assert there.lines()[-1]["cmdlet"] == "Remove-MailboxRestoreRequest"
    audit = Path(as_object(said)["audit"]).read_text(encoding="utf-8").splitlines()
    [sending] = [one for one in map(json.loads, audit) if one["event"] == "item.sending"]
    assert sending["parameters"] == {"Identity": request.identity, "Confirm": False}


@pytest.mark.parametrize(
    ("cell", "shown"), [("no", "-Confirm:$false"), ("yes", "-Confirm"), ("", "-Identity 'a'")]
)
def test_a_cell_can_say_whether_the_cmdlet_asks(
    bulkps: Run, tmp_path: Path, declared: Callable[[str], None], cell: str, shown: str
) -> None:
    declared('Confirm: "{ask}"')
    write_csv(tmp_path / "in.csv", [{"request": "a", "ask": cell}])

    result = bulkps("run", "forget", tmp_path / "in.csv", "--dry-run")

    assert result.stdout.strip().endswith(shown)
