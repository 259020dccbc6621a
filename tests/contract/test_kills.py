"""The engine is killed at ten random moments of a run: no hang, no row without a known end, nothing twice."""

import os
import random
import threading
from collections import Counter
from pathlib import Path

import pytest

from bulkps.simulator import Simulator, SimulatorOptions
from tests.conftest import Run, as_object, read_csv
from tests.engines import PWSH, needs_pwsh

#: Run by ``python -m pytest -m proof``, which CI does in this short form, and in full by ``tox -e soak``.
pytestmark = pytest.mark.proof

ROWS = 200 if os.environ.get("BULKPS_SOAK") else 80
KILLS = 10 if os.environ.get("BULKPS_SOAK") else 4


@needs_pwsh
def test_an_engine_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice(
    bulkps: Run, tmp_path: Path
) -> None:
    seed = 20261124
    moments = sorted(random.Random(seed).sample(range(3, ROWS - 10), KILLS))
    effects = tmp_path / "effects.jsonl"
    options = SimulatorOptions(
        mailboxes=ROWS,
        restore_seconds=0.1,
        effects=effects,
        engine="powershell",
        pwsh=Path(PWSH),
        latency=0.01,
    )
    with Simulator(options) as simulator:
        config = tmp_path / "c.yaml"
        config.write_text(
            "connection: c\nconnections:\n"
            f"  c: {{type: simulator, server: 127.0.0.1, port: {simulator.port}}}\n"
            "run:\n  preflight: false\n  delay_between_batches: 0\n  follow: {first_wait: 0.2, max_wait: 1}\n"
            "  connect: {first_wait: 0.1}\n  lookup: {first_wait: 0.1, settle: 0.5}\n"
        )
        file = tmp_path / "in.csv"
        bulkps("template", "restore", "--rows", ROWS, "-o", file)
        over = threading.Event()
        killer = threading.Thread(target=kill_at, args=(simulator, moments, over))
        killer.start()
        said = as_object(bulkps("run", "restore", file, "--config", config, "--json", "--quiet"))
        over.set()
        killer.join()
        effected = Counter(simulator.effects_by_mailbox())

    rows = read_csv(bulkps("results", "last").stdout)
    assert said["counts"]["COMPLETED"] == len(rows) == ROWS
    assert effected == {row["source_identity"]: 1 for row in rows}
    audit = Path(said["audit"]).read_text(encoding="utf-8")
    assert '"event": "item.in-doubt"' in audit, "no kill met a row: the test shows nothing"


def kill_at(simulator: Simulator, moments: list[int], over: threading.Event) -> None:
    """Kill the engines each time that so many cmdlets have been called."""
    for moment in moments:
        while simulator.calls.get("New-MailboxRestoreRequest", 0) < moment:
            if over.wait(0.005):
                return
        simulator.kill_engines()
