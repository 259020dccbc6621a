"""Whatever is wrong with an answer: no traceback, no hang, one JSON object, and no row is done twice."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import Result

from bulkps.simulator import Simulator, SimulatorOptions
from tests.children import Children
from tests.conftest import Run, as_object, read_csv, rehearsal
from tests.contract.mutations import Mutator
from tests.front import Front

#: Run by ``python -m pytest -m proof``, which CI does in this short form, and in full by ``tox -e soak``.
pytestmark = pytest.mark.proof

ROWS = 4
#: Seeds of a block, and blocks of a route: in full a thousand sessions.
SEEDS, BLOCKS = 10, 50 if os.environ.get("BULKPS_SOAK") else 5
#: Seconds; the settings below let no run take so long.
HANGS = 240

SETTINGS = (
    "run:\n  preflight: {preflight}\n  batch_size: 2\n  delay_between_batches: 0\n  item_timeout: 3\n"
    "  follow: {{first_wait: 0.05, max_wait: 0.2, gone_after: 1}}\n"
    "  connect: {{first_wait: 0.02, max_wait: 0.1}}\n"
    "  lookup: {{first_wait: 0.02, max_wait: 0.1, settle: 0.2}}\n"
    "  retry:\n    transient: {{first_wait: 0.02, max_wait: 0.1}}\n"
    "    throttled: {{first_wait: 0.02, max_wait: 0.1}}\n"
)
LIMITS = "operation_timeout: 1, read_timeout: 2, open_timeout: 4"


@contextmanager
def by_server(simulator: Simulator, folder: Path, mutator: Mutator) -> Iterator[str]:
    with Front(simulator, mutator.answer) as front:
        yield f"type: simulator, server: 127.0.0.1, port: {front.port}, {LIMITS}"


@contextmanager
def by_child(simulator: Simulator, folder: Path, mutator: Mutator) -> Iterator[str]:
    with Children(simulator, folder, mutate=mutator.fragment) as children:
        yield f"type: process, executable: '{children.executable}', {LIMITS}"


@pytest.mark.parametrize("route", [by_server, by_child])
@pytest.mark.parametrize("block", range(BLOCKS))
def test_damaged_answers_end_in_what_is_known(
    bulkps: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
    route: Callable[..., object],
    block: int,
) -> None:
    file = rehearsal(bulkps, "restore", ROWS, tmp_path / "in.csv")
    codes: Counter[int] = Counter()
    damage: Counter[str] = Counter()
    for seed in range(block * SEEDS, (block + 1) * SEEDS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        monkeypatch.setenv("BULKPS_HOME", str(folder / "home"))
        mutator = Mutator(seed)
        codes[_run(bulkps, file, folder, mutator, route, preflight=seed % 2 == 1)] += 1
        damage.update(mutator.done)
    record_property("exit codes", dict(codes))
    record_property("damaged", sum(damage.values()))


def _run(
    bulkps: Run, file: Path, folder: Path, mutator: Mutator, route: Callable[..., object], *, preflight: bool
) -> int:
    simulator = Simulator(SimulatorOptions(mailboxes=10, restore_seconds=0))
    began = time.monotonic()
    with simulator, route(simulator, folder, mutator) as connection:  # type: ignore[attr-defined]
        config = folder / "c.yaml"
        config.write_text(
            f"connection: c\nconnections:\n  c: {{{connection}}}\n"
            + SETTINGS.format(preflight=str(preflight).lower()),
            encoding="utf-8",
        )
        result = bulkps("run", "restore", file, "--config", config, "--json", "--quiet", "--yes")
        effects = simulator.effects_by_mailbox()
    about = f"seed {mutator.seed}: {mutator.done}\n{result.exception!r}\n{result.output[-3000:]}"

    assert time.monotonic() - began < HANGS, about
    _is_an_end(result, about)
    assert set(effects.values()) <= {1}, about
    if result.exit_code in (0, 4, 6):
        done = {
            row["source_identity"]
            for row in read_csv(bulkps("results", "last", "--config", config).stdout)
            if row["status"] == "COMPLETED"
        }
        assert done <= set(effects), about
    return result.exit_code


def _is_an_end(result: Result, about: str) -> None:
    assert result.exception is None or isinstance(result.exception, SystemExit), about
    assert result.exit_code in (0, 4, 5, 6), about
    assert "Traceback" not in result.output, about
    json.loads(result.stdout)
    assert as_object(result)["exit_code"] == result.exit_code, about
