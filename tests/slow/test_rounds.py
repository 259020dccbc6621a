"""The real thing: a run in a process of its own is killed at random moments and resumed until it ends.

Short in CI; ``tox -e soak`` (BULKPS_SOAK=1) makes 50 rounds of 300 rows, and a budget of
20 cmdlets in 5 seconds throttles four sessions.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run, Tenant, as_object, read_csv

#: Run by ``python -m pytest -m proof``, which CI does in this short form, and in full by ``tox -e soak``.
pytestmark = pytest.mark.proof

SOAK = bool(os.environ.get("BULKPS_SOAK"))
ROUNDS, ROWS = (50, 300) if SOAK else (5, 40)
BULKPS = [sys.executable, "-m", "bulkps"]


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_run_that_is_killed_again_and_again_has_one_effect_a_row(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path, number: int
) -> None:
    rng = random.Random(number)
    there = tenant(mailboxes=ROWS, latency=0.01)
    file = tmp_path / "in.csv"
    bulkps("template", "restore", "--rows", ROWS, "-o", file)
    options = ["--config", str(there.config), "--quiet"]
    command = [*BULKPS, "run", "restore", str(file), *options, "--max-sessions", "2", "--batch-size", "7"]

    kills = 0
    while True:
        before = len(there.lines())
        dies_at = before + rng.randint(1, ROWS // 3) if kills < (6 if SOAK else 3) else 10**9
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and len(there.lines()) < dies_at:
            # The moment is the tenant's count of effects, and then anything up to 30 ms after it.
            time.sleep(0.005)
        time.sleep(rng.random() * 0.03)
        if process.poll() is not None:
            break
        process.kill()
        process.wait()
        kills += 1
        command = [*BULKPS, "resume", "last", *options]

    assert kills >= 2, "the round shows nothing"
    assert process.returncode == 0
    assert as_object(bulkps("show", "last", "--json"))["counts"]["COMPLETED"] == ROWS
    rows = read_csv(bulkps("results", "last").stdout)
    assert there.simulator.effects_by_mailbox() == {row["source_identity"]: 1 for row in rows}
    assert bulkps("audit", "verify", "last").exit_code == 0


def test_under_a_budget_no_row_fails_and_few_cmdlets_are_refused(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path
) -> None:
    rows, cmdlets = (400, 20) if SOAK else (60, 30)
    there = tenant(mailboxes=rows, budget=f"{cmdlets}/5")
    file = tmp_path / "in.csv"
    bulkps("template", "restore", "--rows", rows, "-o", file)

    began = time.monotonic()
    result = bulkps(
        "run",
        "restore",
        file,
        "--config",
        there.config,
        "--max-sessions",
        4,
        "--no-wait",
        "--json",
        "--quiet",
    )
    took = time.monotonic() - began

    said = as_object(result)
    assert said["counts"]["IN_PROGRESS"] == rows, result.output
    audit = Path(said["audit"]).read_text(encoding="utf-8")
    refused = audit.count('"code": "throttled"')
    assert refused > 0, "the budget never bit: the test shows nothing"
    assert '"event": "run.pace"' in audit
    if SOAK:
        # What it costs to find the limit weighs less the longer a run is.
        assert refused < 0.05 * (rows + refused)
        assert took < 1.15 * (rows - cmdlets) / cmdlets * 5 + 3
    waited = as_object(bulkps("show", "last", "--json"))["waited"]
    assert "because Exchange throttled" in waited
