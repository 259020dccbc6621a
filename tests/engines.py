"""The real PowerShell engine for tests: BULKPS_TEST_PWSH, else pwsh on PATH, else the test skips."""

import os
import shutil

import pytest

PWSH = os.environ.get("BULKPS_TEST_PWSH") or shutil.which("pwsh") or ""

needs_pwsh = pytest.mark.skipif(not PWSH, reason="no PowerShell: set BULKPS_TEST_PWSH or put pwsh on PATH")
