"""A simulator and a real PSRP client in front of it."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from pypsrp.complex_objects import ObjectMeta
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from bulkps.simulator import Simulator, SimulatorOptions


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Invoke(Protocol):
    def __call__(self, pool: RunspacePool, cmdlet: str, **parameters: Any) -> PowerShell: ...


class Connect(Protocol):
    def __call__(self, simulator: Simulator, **options: Any) -> RunspacePool: ...


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def simulate(clock: Clock) -> Iterator[Callable[..., Simulator]]:
    """Start a simulator with 12 mailboxes of each kind, no troubled ones, and the options given."""
    before = set(threading.enumerate())
    started: list[Simulator] = []

    def start(**options: Any) -> Simulator:
        simulator = Simulator(
            SimulatorOptions(**{"mailboxes": 12, "troubles": False, **options}), clock=clock
        )
        simulator.start()
        started.append(simulator)
        return simulator

    yield start
    for simulator in started:
        simulator.stop()
    assert set(threading.enumerate()) <= before


@pytest.fixture(scope="module")
def pwsh() -> Path:
    """A real engine; skips where there is none."""
    found = shutil.which(os.environ.get("BULKPS_TEST_PWSH") or "pwsh")
    if found is None:
        pytest.skip("no PowerShell: neither BULKPS_TEST_PWSH nor pwsh on PATH")
    return Path(found)


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open a runspace pool; its connection is closed at the end, the shell is left to the simulator."""
    connections: list[WSMan] = []

    def connect(simulator: Simulator, **options: Any) -> RunspacePool:
        configuration = options.pop("configuration", "Microsoft.Exchange")
        defaults = {
            "port": simulator.port, "username": "simulator", "password": "simulator", "ssl": False,
            "auth": "basic", "encryption": "never", "no_proxy": True,
        }  # fmt: skip
        connection = WSMan("127.0.0.1", **{**defaults, **options})
        connections.append(connection)
        pool = RunspacePool(connection, configuration_name=configuration)
        pool.open()
        return pool

    yield connect
    for connection in connections:
        connection.close()


@pytest.fixture
def invoke() -> Invoke:
    """Invoke one cmdlet and close its pipeline."""

    def invoke(pool: RunspacePool, cmdlet: str, **parameters: Any) -> PowerShell:
        pipeline = PowerShell(pool)
        pipeline.add_cmdlet(cmdlet)
        for name, value in parameters.items():
            pipeline.add_parameter(name, value)
        pipeline.invoke()
        pipeline.close()
        return pipeline

    return invoke


@pytest.fixture
def secure() -> Callable[[RunspacePool, str], Any]:
    """Make a SecureString for a session."""

    def secure(pool: RunspacePool, text: str) -> Any:
        pool.exchange_keys()
        return pool.serialize(text, ObjectMeta("SS"))

    return secure
