"""Restore requests that do not simply complete, as an operator sees them."""

from collections.abc import Callable
from pathlib import Path

from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal


def test_a_suspended_request_is_shown_as_waiting_for_an_operator(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path
) -> None:
    there = tenant(restore_seconds=60)
    file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", there.config, "--no-wait", "--quiet")
    # A request of the run: the tenant has others.
    request = next(one for one in there.simulator.tenant.requests() if one.batch)
    request.suspended_at = request.created

    bulkps("resume", "last", "--config", there.config, "--quiet", "--max-duration", "2s")

    shown = as_object(bulkps("show", "last", "--json"))
    assert "1 Suspended (waits for an operator)" in shown["at_exchange"]
    progress = [row["progress"] for row in read_csv(bulkps("results", "last").stdout)]
    assert sorted(progress)[-1] == "Suspended (waits for an operator)"


def test_a_request_that_somebody_removed_is_failed_and_never_sent_again(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path
) -> None:
    there = tenant(restore_seconds=60)
    config = there.configure("  # follow is above\n")
    config.write_text(
        config.read_text(encoding="utf-8").replace(
            "follow: {first_wait: 0.2, max_wait: 1}",
            "follow: {first_wait: 0.2, max_wait: 0.3, absences: 2, gone_after: 0}",
        ),
        encoding="utf-8",
    )
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    bulkps("run", "restore", file, "--config", config, "--no-wait", "--quiet")
    for request in list(there.simulator.tenant.requests()):
        there.simulator.tenant.remove_request(request)

    result = bulkps("resume", "last", "--config", config, "--quiet")
    again = bulkps("retry", "last", "--config", config, "--quiet")

    assert result.exit_code == again.exit_code == 4
    rows = read_csv(bulkps("results", "last").stdout)
    assert {row["error_code"] for row in rows} == {"request-gone"}
    assert there.simulator.calls["New-MailboxRestoreRequest"] == 2
