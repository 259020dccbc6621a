"""The real PowerShell engine for tests: BULKPS_TEST_PWSH, else pwsh on PATH, else the test skips."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

PWSH = os.environ.get("BULKPS_TEST_PWSH") or shutil.which("pwsh") or ""

needs_pwsh = pytest.mark.skipif(not PWSH, reason="no PowerShell: set BULKPS_TEST_PWSH or put pwsh on PATH")

_REAL: dict[str, Any] = {"engine": "powershell", "pwsh": Path(PWSH) if PWSH else None}
#: What a simulator is like on each kind of engine: parameters of a test. The last is a proof: that an engine
#: is real and that a session has no language are each tried without it.
ENGINES = [
    pytest.param({}, id="our endpoint, full"),
    pytest.param({"no_language": True}, id="our endpoint, no-language"),
    pytest.param({**_REAL, "language": "full"}, id="a real engine, full", marks=needs_pwsh),
    pytest.param(
        {**_REAL, "language": "no-language"},
        id="a real engine, no-language",
        marks=(needs_pwsh, pytest.mark.proof),
    ),
]
