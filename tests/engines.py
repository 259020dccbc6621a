"""The real PowerShell engine for tests: BULKPS_TEST_PWSH, else pwsh on PATH, else the test skips."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from bulkps.simulator import Simulator, standin_path

PWSH = os.environ.get("BULKPS_TEST_PWSH") or shutil.which("pwsh") or ""

needs_pwsh = pytest.mark.skipif(not PWSH, reason="no PowerShell: set BULKPS_TEST_PWSH or put pwsh on PATH")

_REAL: dict[str, Any] = {"engine": "powershell", "pwsh": Path(PWSH) if PWSH else None}
#: What a simulator is like on each kind of engine: parameters of a test. A real one is for the proofs.
ENGINES = [
    pytest.param({}, id="our endpoint, full"),
    pytest.param({"no_language": True}, id="our endpoint, no-language"),
    *(
        pytest.param(
            {**_REAL, "language": language},
            id=f"a real engine, {language}",
            marks=(needs_pwsh, pytest.mark.proof),
        )
        for language in ("full", "no-language")
    ),
]


def child_connection(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a connection, as YAML, that reaches *simulator* through a child PowerShell that signs in to it.

    Args:
        simulator: Started with ``rest=True``.
        monkeypatch: Leads the child to it.
    """
    monkeypatch.setenv("BULKPS_STANDIN_URL", simulator.rest_url)
    modules = [str(standin_path()), os.environ.get("PSModulePath", "")]  # noqa: SIM112 - PowerShell spells it so
    monkeypatch.setenv("PSModulePath", os.pathsep.join(filter(None, modules)))
    return (
        f"{{type: process, executable: '{PWSH}', exchange_online: {{app_id: "
        "2f1a0e6c-5d3b-4c8e-9f70-1b2c3d4e5f60, certificate_thumbprint: 8A3B, "
        "organization: contoso.onmicrosoft.com}}"
    )
