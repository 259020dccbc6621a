"""The PowerShell side is tested by Pester, in a real engine: tests/pester."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

#: Run by ``python -m pytest -m proof``: the module's own suite takes half a minute.
pytestmark = pytest.mark.proof

FOLDER = Path(__file__).resolve().parent / "pester"
#: The module must be Pester 5; Windows comes with a Pester 3 that cannot read these tests.
RUN = """
$ErrorActionPreference = 'Stop'
$pester = Get-Module -ListAvailable Pester | Where-Object Version -GE '5.0' | Select-Object -First 1
if (-not $pester) { exit 200 }
Import-Module $pester
$all = New-PesterConfiguration
$all.Run.Path = $env:BULKPS_PESTER_PATH
$all.Run.PassThru = $true
$all.Output.RenderMode = 'Plaintext'
$result = Invoke-Pester -Configuration $all
if ($result.Result -ne 'Passed' -or $result.PassedCount -eq 0) { exit 1 }
exit 0
"""


def test_pester_passes(tmp_path: Path) -> None:
    engine = os.environ.get("BULKPS_TEST_PWSH") or shutil.which("pwsh")
    if not engine:
        pytest.skip("needs PowerShell 7: BULKPS_TEST_PWSH names none, and no pwsh is on PATH")
    environment = {**os.environ, "BULKPS_TEST_PWSH": engine, "BULKPS_PESTER_PATH": str(FOLDER)}

    done = subprocess.run(
        [engine, "-NoProfile", "-NoLogo", "-NonInteractive", "-Command", RUN],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=600,
        check=False,
    )

    if done.returncode == 200:
        pytest.skip(f"needs Pester 5, which {engine} does not have")
    assert done.returncode == 0, f"\n{done.stdout}\n{done.stderr}"
