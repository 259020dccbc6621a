"""What cannot be undone is asked about once pre-flight has looked, and what follows from it is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.passwordfiles import Terminal
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv

StartTenant = Callable[..., Tenant]
#: Nobody of the tenant.
UNKNOWN = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
POLL = "  poll: {first_wait: 0.05, max_wait: 0.2}\n"


def recovery(bulkps: Run, tenant: StartTenant, folder: Path) -> tuple[Tenant, tuple[Any, ...]]:
    """Return a tenant and a command: of the rows one is blocked, one falls back, and two are sound."""
    there = tenant(troubles=True)
    there.configure(POLL, preflight=True)
    file = rehearsal(bulkps, "recovery", 4, folder / "in.csv")
    rows = read_csv(file.read_text(encoding="utf-8-sig"))
    rows[0]["source_guid"] = UNKNOWN
    rows[1]["target_upn"] = "ann@fabrikam.com"
    write_csv(file, rows)
    return there, ("run", "recovery", file, "--config", there.config, "--onmicrosoft-fallback")


def test_the_question_comes_after_preflight_with_what_it_found(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there, command = recovery(bulkps, tenant, tmp_path)

    said = bulkps(*command, input=Terminal("y"))

    assert said.exit_code == 4, said.output
    before, _, after = said.stderr.partition("Continue? [y/N]")
    assert "Pre-flight: reading Exchange. Nothing has been changed yet." in before
    assert "row 3: federated-domain: target_upn was changed to ann@contoso.onmicrosoft.com" in before
    assert "Pre-flight: 1 blocked (they are not sent), 1 changed" in before
    assert "3 of 4 rows of in.csv go to connection tenant SIMULATED" in before
    for told in (before, after):
        assert "keeps the data for only 30 days" in told
        assert "The generated passwords are not saved: no one has them" in told
    assert len(there.lines()) == 3


@pytest.mark.parametrize("answer", [["n"], []])
def test_who_does_not_confirm_sends_nothing_and_the_run_is_over(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, answer: list[str]
) -> None:
    there, command = recovery(bulkps, tenant, tmp_path)

    said = bulkps(*command, input=Terminal(*answer))
    shown = as_object(bulkps("show", "last", "--json"))
    resumed = bulkps("resume", "last", "--config", there.config, "--quiet", "--json")

    assert said.exit_code == 2, said.output
    assert "Traceback" not in said.output
    assert "it was not confirmed; nothing was sent" in said.stderr
    assert (shown["state"], shown["counts"]["SKIPPED"], shown["next"]) == ("not-confirmed", 4, "")
    assert {row["error_code"] for row in read_csv(bulkps("results", "last").stdout)} == {
        "not-confirmed",
        "source-missing",
    }
    assert as_object(resumed)["counts"]["SKIPPED"] == 4
    assert not there.lines()


def test_without_a_terminal_it_is_refused_before_anything_is_read(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there, command = recovery(bulkps, tenant, tmp_path)

    refused = bulkps(*command)

    assert refused.exit_code == 2
    assert (
        "there is no terminal to ask you on; nothing was sent. To run it without a question, add --yes"
        in refused.stderr
    )
    assert there.simulator.calls == {}
    assert as_object(bulkps("runs", "--json"))["runs"] == []


def test_a_run_that_stopped_before_it_was_confirmed_is_asked_about_by_resume(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    there.configure("  connect: {attempts: 1, first_wait: 0.05}\n" + POLL, preflight=True)
    port = there.simulator.port
    there.simulator.stop()
    file = rehearsal(bulkps, "recovery", 2, tmp_path / "in.csv")
    stopped = bulkps("run", "recovery", file, "--config", there.config, input=Terminal("y"))
    assert stopped.exit_code == 5, stopped.output
    assert "Continue?" not in stopped.output
    there = Tenant(tenant(port=port).simulator, tmp_path)
    there.configure(POLL, preflight=True)

    unasked = bulkps("resume", "last", "--config", there.config, "--quiet")
    before = there.lines()
    resumed = bulkps("resume", "last", "--config", there.config, "--quiet", input=Terminal("y"))

    assert unasked.exit_code == 2 and "add --yes" in unasked.stderr
    assert not before
    assert "Continue? [y/N]" in resumed.stderr
    assert resumed.exit_code == 0, resumed.output


def test_warnings_of_completed_rows_are_counted_and_listed(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    _, command = recovery(bulkps, tenant, tmp_path)

    said = bulkps(*command, "--yes", "--json", "--quiet")
    told = as_object(said)
    shown = bulkps("run", "restore", rehearsal(bulkps, "restore", 12, tmp_path / "r.csv"), "--quiet")

    assert told["warned"] >= 1
    [(row, warnings)] = [(one["row"], one["warnings"]) for one in told["row_warnings"] if one["row"] == 3]
    assert row == 3 and any(one.startswith("federated-domain: target_upn was changed to") for one in warnings)
    assert "row 3: federated-domain: target_upn was changed to" in said.stderr, "said, however quiet"
    assert "COMPLETED with a warning: archive-left-out, row " in shown.stdout
    assert "archive-left-out: " in shown.stdout
    assert "1 row COMPLETED with warnings" in shown.stderr
