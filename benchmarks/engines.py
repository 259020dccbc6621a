"""bulkps beside what administrators do today, on one real engine: ``python benchmarks/engines.py [--short]``.

Every contender runs the same stand-in cmdlet over the same CSV against the same tenant in one run of this
script. What is compared is the steady rate: effects in the tenant from the first to the last, so that
nobody's start counts for or against him (except where every item starts a process: there it is the point).
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pypsrp.powershell import PowerShell, RunspacePool

from bulkps.sessions.process_transport import ChildConnection, ChildShell, find_powershell
from bulkps.simulator import Simulator, SimulatorOptions, standin_path

APP = "2f1a0e6c-5d3b-4c8e-9f70-1b2c3d4e5f60"
ORGANIZATION = "contoso.onmicrosoft.com"
CONNECT = (
    f"Connect-ExchangeOnline -AppId {APP} -CertificateThumbprint 8A3B -Organization {ORGANIZATION} "
    "-ShowBanner:$false"
)
SEND = (
    "New-MailboxRestoreRequest -Name $_.Name -SourceMailbox $_.source_guid -TargetMailbox $_.target_mailbox"
)


@dataclass(frozen=True)
class Setting:
    """What one measurement is about.

    Attributes:
        folder: For files.
        pwsh: The engine.
        latency: Seconds that the cmdlet takes.
        rows: How many items.
    """

    folder: Path
    pwsh: str
    latency: float
    rows: int

    @property
    def csv(self) -> Path:
        """The same rows for everybody."""
        return self.folder / f"rows{self.rows}.csv"


Contender = Callable[[Setting, Simulator], None]


def powershell(setting: Setting, script: str) -> None:
    """Run *script* in a PowerShell of its own."""
    command = [setting.pwsh, "-NoProfile", "-NoLogo", "-NonInteractive", "-Command", textwrap.dedent(script)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def plain_loop(setting: Setting, simulator: Simulator) -> None:
    """``Import-Csv | ForEach-Object``."""
    powershell(setting, f"{CONNECT}; Import-Csv '{setting.csv}' | ForEach-Object {{ {SEND} }}")


def parallel(setting: Setting, simulator: Simulator) -> None:
    """``ForEach-Object -Parallel -ThrottleLimit 3``: each runspace signs in by itself."""
    once = f"if (-not (Get-Command New-MailboxRestoreRequest -ErrorAction Ignore)) {{ {CONNECT} }}"
    body = f"{once}; {SEND}"
    powershell(
        setting, f"Import-Csv '{setting.csv}' | ForEach-Object -ThrottleLimit 3 -Parallel {{ {body} }}"
    )


def process_per_item(setting: Setting, simulator: Simulator) -> None:
    """One pwsh for each item; a few are enough to know."""
    for number in range(4):
        one = f"Import-Csv '{setting.csv}' | Select-Object -Skip {number} -First 1"
        powershell(setting, f"{CONNECT}; {one} | ForEach-Object {{ {SEND} }}")


def plain_pypsrp(setting: Setting, simulator: Simulator) -> None:
    """Run one pipeline for each item with pypsrp alone."""
    pool = RunspacePool(ChildConnection(20), min_runspaces=1, max_runspaces=1)  # type: ignore[arg-type]
    # pypsrp has no child process of its own: it gets ours, but the engine as everybody else starts it.
    os.environ["DOTNET_TieredPGO"] = "1"  # noqa: SIM112 - .NET spells it so
    shell = ChildShell(find_powershell(setting.pwsh), (), 20, 30)
    pool.shell = shell  # type: ignore[assignment]
    pool.open()
    del os.environ["DOTNET_TieredPGO"]  # noqa: SIM112
    try:
        pipeline = PowerShell(pool).add_script(CONNECT)
        pipeline.invoke()
        pipeline.close()
        with setting.csv.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                pipeline = PowerShell(pool).add_cmdlet("New-MailboxRestoreRequest")
                pipeline.add_parameter("Name", row["Name"]).add_parameter("SourceMailbox", row["source_guid"])
                pipeline.add_parameter("TargetMailbox", row["target_mailbox"])
                pipeline.invoke()
                pipeline.close()
    finally:
        pool.close()
        shell.kill()


def bulkps(way: str, sessions: int) -> Contender:
    """Run bulkps itself, journal and audit on."""

    def run(setting: Setting, simulator: Simulator) -> None:
        online = f"{{organization: {ORGANIZATION}, app_id: {APP}, certificate_thumbprint: 8A3B}}"
        ways = {
            "process": f"{{type: process, executable: '{setting.pwsh}', exchange_online: {online}}}",
            "WSMan": f"{{type: simulator, server: 127.0.0.1, port: {simulator.port}}}",
        }
        config = setting.folder / "c.yaml"
        run = "{preflight: false, delay_between_batches: 0, batch_size: 100}"
        config.write_text(f"connection: c\nconnections: {{c: {ways[way]}}}\nrun: {run}\n", encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "bulkps",
            "run",
            "restore",
            str(setting.csv),
            "--config",
            str(config),
        ]
        command += ["--no-wait", "--quiet", "--json", "--max-sessions", str(sessions)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = json.loads(done.stdout)
        assert said["counts"]["IN_PROGRESS"] == setting.rows, done.stderr

    return run


CONTENDERS: dict[str, Contender] = {
    "Import-Csv | ForEach-Object": plain_loop,
    "ForEach-Object -Parallel 3": parallel,
    "one pwsh per item": process_per_item,
    "pypsrp, a pipeline per item": plain_pypsrp,
    "bulkps, process, 1 session": bulkps("process", 1),
    "bulkps, process, 3 sessions": bulkps("process", 3),
    "bulkps, WSMan, 1 session": bulkps("WSMan", 1),
    "bulkps, WSMan, 3 sessions": bulkps("WSMan", 3),
}


def rate(setting: Setting, contender: Contender) -> float:
    """Return items per second from the first effect in the tenant to the last."""
    effects = setting.folder / "effects.jsonl"
    effects.unlink(missing_ok=True)
    options = SimulatorOptions(
        mailboxes=setting.rows,
        latency=setting.latency,
        effects=effects,
        engine="powershell",
        pwsh=Path(setting.pwsh),
        language="full",
        app_id=APP,
        organization=ORGANIZATION,
    )
    with Simulator(options) as simulator:
        os.environ["BULKPS_STANDIN_URL"] = simulator.rest_url
        # A home for each: bulkps refuses rows that another of its runs has under way.
        os.environ["BULKPS_HOME"] = tempfile.mkdtemp(dir=setting.folder)
        contender(setting, simulator)
    times = [float(json.loads(line)["time"]) for line in effects.read_text(encoding="utf-8").splitlines()]
    return (len(times) - 1) / (max(times) - min(times))


def main() -> None:
    """Measure and print the table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="Fewer items, for CI.")
    parser.add_argument("--pwsh", default=os.environ.get("BULKPS_TEST_PWSH", ""), help="PowerShell's path.")
    given = parser.parse_args()
    pwsh = find_powershell(given.pwsh)
    before = os.environ.get("PSModulePath", "")  # noqa: SIM112 - PowerShell spells it so
    os.environ["PSModulePath"] = os.pathsep.join(filter(None, [str(standin_path()), before]))  # noqa: SIM112
    sizes = {0.0: 100, 0.05: 30, 0.3: 12} if given.short else {0.0: 2000, 0.05: 600, 0.3: 180}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BULKPS_HOME"] = str(Path(folder) / "home")
        for latency, rows in sizes.items():
            setting = Setting(Path(folder), pwsh, latency, rows)
            _write_rows(setting)
            rates = {name: rate(setting, contender) for name, contender in CONTENDERS.items()}
            _show(latency, rows, rates)


def _write_rows(setting: Setting) -> None:
    command = [sys.executable, "-m", "bulkps", "template", "restore", "--rows", str(setting.rows)]
    text = subprocess.run(command, check=True, capture_output=True).stdout.decode("utf-8-sig")
    lines = text.splitlines()
    named = [f"Name,{lines[0]}", *(f"bench-{number},{line}" for number, line in enumerate(lines[1:]))]
    setting.csv.write_text("\n".join(named) + "\n", encoding="utf-8")


def _show(latency: float, rows: int, rates: dict[str, Any]) -> None:
    plain, each, pypsrp = (
        rates[name]
        for name in ("Import-Csv | ForEach-Object", "one pwsh per item", "pypsrp, a pipeline per item")
    )
    print(f"\n{latency * 1000:.0f} ms per cmdlet, {rows} items")
    print(f"{'':32}{'items/s':>9}{'/ plain loop':>14}{'/ pwsh each':>13}{'/ pypsrp':>10}")
    for name, found in rates.items():
        print(f"{name:32}{found:9.1f}{found / plain:14.2f}{found / each:13.1f}{found / pypsrp:10.2f}")


if __name__ == "__main__":
    main()
