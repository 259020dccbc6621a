"""What tests share: a home of their own, the command line, a simulator to count effects on."""

import csv
import io
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import settings

from bulkps.cli import cli
from bulkps.simulator import Simulator, SimulatorOptions
from tests.engines import PWSH

Run = Callable[..., Result]

# No test is about time, and every run of the suite tries the same; in full, each tries something new.
settings.register_profile("suite", deadline=None, derandomize=not os.environ.get("BULKPS_SOAK"))
settings.load_profile("suite")

# Whoever starts the suite in the background leaves it deaf to Ctrl-C, which tests send.
signal.signal(signal.SIGINT, signal.default_int_handler)

#: Modules whose tests share an engine for each way to it.
SHARING = ("test_contract", "test_engine")


def pytest_report_header() -> list[str]:
    """Print the routes that the contract of sessions is held on."""
    from tests.contract.routes import ROUTES  # noqa: PLC0415 - only when a session of tests begins

    return [
        f"contract route: {route.name}{'' if PWSH or not route.real else ' (skipped)'}" for route in ROUTES
    ]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest test, for which others would wait at the end, and with those that share engines.

    What is at the end of a worker's share another takes over, and it would start engines of its own.
    """
    items.sort(key=lambda item: ("test_pester_passes" not in item.name, item.path.stem not in SHARING))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the proofs counted."""
    for report in terminalreporter.getreports("passed"):
        for name, value in getattr(report, "user_properties", []):
            terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {name}: {value}")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that no other test and no user has."""
    # COLUMNS is set where pytest runs in several processes: tables would fit that width.
    for name in ("BULKPS_CONFIG", "BULKPS_CONNECTION", "BULKPS_PASSWORD", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("BULKPS_HOME", str(folder))
    return folder


@pytest.fixture
def bulkps() -> Run:
    """The command line: ``bulkps("run", "restore", path)`` returns click's result."""

    def run(*arguments: object, **options: Any) -> Result:
        return CliRunner().invoke(cli, [str(one) for one in arguments], prog_name="bulkps", **options)

    return run


class Tenant:
    """A simulator in this process that tests count effects on, and settings that lead to it."""

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        self.simulator = simulator
        self.effects = folder / "effects.jsonl"
        self.config = folder / "tenant.yaml"
        self.configure()

    def configure(self, run: str = "", *, preflight: bool = False) -> Path:
        """Write settings that lead here; *run* is what stands under ``run:``.

        Without *preflight* only what a test is about reaches the tenant, so that calls can be counted.
        """
        self.config.write_text(
            "connection: tenant\nconnections:\n  tenant: {type: simulator, server: 127.0.0.1, "
            f"port: {self.simulator.port}}}\nrun:\n  delay_between_batches: 0\n"
            # Whoever goes on where another one was killed waits as long as that one's last batch could.
            f"  preflight: {str(preflight).lower()}\n  lease: 4\n"
            "  follow: {first_wait: 0.2, max_wait: 1}\n"
            "  retry:\n    transient: {first_wait: 0.05, max_wait: 0.2}\n"
            "    throttled: {first_wait: 0.05, max_wait: 0.2, attempts: 10}\n"
            "  lookup: {first_wait: 0.1, settle: 0.2}\n" + run,
            encoding="utf-8",
        )
        return self.config

    def lines(self) -> list[dict[str, Any]]:
        """Return every effect that happened, in order."""
        if not self.effects.exists():
            return []
        return [json.loads(line) for line in whole_lines(self.effects)]


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[Callable[..., Tenant]]:
    """Starts a tenant: ``tenant(faults="transient=0.1")``."""
    started: list[Simulator] = []

    def start(**options: Any) -> Tenant:
        options = {"mailboxes": 60, "restore_seconds": 0.1, **options}
        simulator = Simulator(SimulatorOptions(effects=tmp_path / "effects.jsonl", **options))
        simulator.start()
        started.append(simulator)
        return Tenant(simulator, tmp_path)

    yield start
    for simulator in started:
        simulator.stop()


def whole_lines(path: Path) -> list[str]:
    """Return the lines of a file that another thread may be writing to; half a line is none yet."""
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def read_csv(text: str) -> list[dict[str, str]]:
    """Return the rows of a CSV text."""
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def write_csv(path: Path, rows: list[dict[str, str]]) -> None:
    """Write rows as CSV in UTF-8."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def as_object(result: Result) -> dict[str, Any]:
    """Return the JSON object that a command printed to stdout."""
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def rehearsal(bulkps: Run, operation: str, rows: int, path: Path) -> Path:
    """Write a file of *rows* rows that name mailboxes of the simulator's tenant."""
    assert bulkps("template", operation, "--rows", rows, "-o", path).exit_code == 0
    return path
