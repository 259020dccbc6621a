"""Cmdlets that the data does not have: read from a session, kept, and then an operation like any other."""

import json
from pathlib import Path

import pytest

from bulkps.engine.config import BulkOperationConfig
from bulkps.exchange.calls_and_outcomes import Secret
from bulkps.exchange.error_catalog import shipped_catalogue
from bulkps.run_target import Target
from bulkps.runs.cmdlet_learning import read_from_session
from bulkps.sessions.connection import Credentials
from bulkps.simulator import Simulator
from tests.conftest import Run, write_csv
from tests.contract.routes import Route, connection_of, options_of
from tests.contract.test_contract import OURS, REAL
from tests.engines import PWSH, needs_pwsh


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Settings of a child PowerShell and a folder for own operations."""
    (tmp_path / "own").mkdir()
    path = tmp_path / "here.yaml"
    path.write_text(
        "connection: here\noperations_path: own\nconnections:\n"
        f"  here: {{type: process, executable: '{PWSH}'}}\nrun: {{delay_between_batches: 0}}\n",
        encoding="utf-8",
    )
    return path


@needs_pwsh
def test_a_learned_cmdlet_is_an_operation_and_its_run_can_be_continued(
    bulkps: Run, settings: Path, tmp_path: Path
) -> None:
    before = bulkps("template", "Set-Content", "--config", settings)
    learned = bulkps("operations", "learn", "set-content", "--config", settings)
    template = bulkps("template", "Set-Content", "--config", settings, "--columns", "Path,NoNewline")
    here, later = tmp_path / "here.txt", tmp_path / "later" / "there.txt"
    write_csv(tmp_path / "in.csv", [{"Path": str(one), "Value": "$(x)"} for one in (later, here)])

    ran = bulkps("run", "Set-Content", tmp_path / "in.csv", "--config", settings, "--quiet", "--json")
    later.parent.mkdir()
    again = bulkps("retry", json.loads(ran.stdout)["run"], "--config", settings, "--quiet")

    assert before.exit_code == 2
    assert learned.exit_code == 0, learned.output
    assert set(template.stdout.splitlines()[0].split(",")) == {'"Path"', '"Value"', '"NoNewline"'}
    counts = json.loads(ran.stdout)["counts"]
    assert (counts["COMPLETED"], counts["FAILED"]) == (1, 1), ran.output
    assert again.exit_code == 0, again.output
    assert [one.read_text(encoding="utf-8").strip() for one in (here, later)] == ["$(x)", "$(x)"]


@needs_pwsh
def test_what_the_session_says_of_a_cmdlet_is_checked_like_the_data(
    bulkps: Run, settings: Path, tmp_path: Path
) -> None:
    bulkps("operations", "learn", "Set-Date", "--config", settings)
    write_csv(tmp_path / "in.csv", [{"Date": "31/12/2026", "Adjust": "1.00:00:00"}])
    write_csv(tmp_path / "both.csv", [{"Date": "2026-12-31", "Adjust": "1.00:00:00"}])

    wrong = bulkps("check", "Set-Date", tmp_path / "in.csv", "--config", settings)
    both = bulkps("check", "Set-Date", tmp_path / "both.csv", "--config", settings)

    assert "day and month are never guessed" in wrong.stdout + wrong.stderr
    assert "Set-Date does not accept" in both.stdout + both.stderr


@needs_pwsh
def test_what_cannot_be_learned_says_why(bulkps: Run, settings: Path) -> None:
    known = bulkps("operations", "learn", "set-mailbox", "--config", settings)
    missing = bulkps("operations", "learn", "Set-Nonsense", "--config", settings)
    nowhere = bulkps("operations", "learn", "Rename-Item")

    assert (known.exit_code, missing.exit_code, nowhere.exit_code) == (2, 2, 2)
    assert "bulkps knows Set-Mailbox already" in known.stderr
    assert "connection 'here' has no cmdlet 'Set-Nonsense'" in missing.stderr
    assert "operations_path in the settings has to name a folder" in nowhere.stderr


def test_a_damaged_file_of_learned_cmdlets_is_refused_with_its_line(bulkps: Run, settings: Path) -> None:
    (settings.parent / "own" / "cmdlets.jsonl").write_text('{"name":"X-Y"}\n', encoding="utf-8")

    refused = bulkps("operations", "--config", settings)

    assert refused.exit_code == 3
    assert "line 1: not a cmdlet as 'bulkps operations learn' writes it" in refused.stderr


#: What starts engines is a proof.
ROUTES = [
    *OURS,
    *(pytest.param(*one.values, marks=(*one.marks, pytest.mark.proof), id=one.id) for one in REAL),
]


@pytest.mark.parametrize("route", ROUTES)
def test_a_session_of_every_kind_tells_the_parameters(route: Route, monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulator(options_of(route)) as simulator:
        connection = connection_of(route, simulator, monkeypatch)
        secrets = Credentials(Secret("simulator"))
        there = Target("there", connection, secrets, BulkOperationConfig(), shipped_catalogue())
        wanted = "Get-Item" if route.child and not route.signs_in else "Set-User"

        facts = read_from_session(wanted.lower(), there)

    assert facts.name == wanted
    assert facts.mutates == (wanted == "Set-User")
    if wanted == "Set-User":
        assert facts.parameter("department") is not None
        assert not facts.parameters.keys() & {"Verbose", "ErrorAction", "OutVariable"}
