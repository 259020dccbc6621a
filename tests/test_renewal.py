"""A session is renewed between two batches, for every reason that settings know."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run, Tenant, as_object

REASONS = {
    ("after_seconds: 0.000001", False): "s old",
    ("after_pipelines: 2", False): "it has run 2 pipelines",
    ("after_pipelines: 10", True): "it has run 10 pipelines",
}


@pytest.mark.parametrize(("setting", "no_language"), REASONS)
def test_a_session_that_is_worn_is_renewed_and_nothing_is_lost_or_done_twice(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path, setting: str, no_language: bool
) -> None:
    there = tenant(no_language=no_language)
    text = there.config.read_text(encoding="utf-8").replace(
        "type: simulator,", f"type: simulator, renew: {{{setting}}},"
    )
    there.config.write_text(text, encoding="utf-8")
    file = tmp_path / "in.csv"
    bulkps("template", "restore", "--rows", 30, "-o", file)

    said = as_object(bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet"))

    assert said["counts"]["COMPLETED"] == 30
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    lines = Path(said["audit"]).read_text(encoding="utf-8").splitlines()
    renewed = [
        json.loads(line)["message"] for line in lines if json.loads(line)["event"] == "session.renewed"
    ]
    assert len(renewed) >= 2
    assert REASONS[setting, no_language] in renewed[0]
