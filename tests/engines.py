"""The real PowerShell engine for tests: BULKPS_TEST_PWSH, else pwsh on PATH, else the test skips."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

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
