"""``bulkps simulate``."""

import threading
from pathlib import Path
from typing import Any

from bulkps.atomic_file import Output, write_text
from bulkps.cli import console
from bulkps.errors import UsageProblem
from bulkps.simulator import Simulator, SimulatorOptions, standin_path


def execute(
    write_config: Path | None, without: tuple[str, ...], rest_port: int | None, force: bool, **given: Any
) -> None:
    """Run the simulated Exchange tenant for other processes until Ctrl-C."""
    if write_config:
        Output(write_config, force).check()
    try:
        simulator = Simulator(_options(given, without, rest_port))
        simulator.start()
    except (ValueError, OSError) as error:
        raise UsageProblem(f"cannot start the simulator: {error}") from error
    try:
        settings = _settings(simulator)
        if write_config:
            write_text(Output(write_config, force), settings)
        console.say(f"simulated Exchange tenant (no real data) listens on {simulator.url}")
        console.say(f"Settings that connect to it:\n\n{settings}")
        if simulator.rest_url:
            console.say(_standin(simulator))
        console.say("Press Ctrl-C to stop it.")
        # An Event without a timeout cannot be interrupted on Windows.
        while not threading.Event().wait(1.0):
            pass
    except KeyboardInterrupt:
        console.say("stopped")
    finally:
        simulator.stop()


def _options(given: dict[str, Any], without: tuple[str, ...], rest_port: int | None) -> SimulatorOptions:
    given["language"] = given["language"] or ""
    return SimulatorOptions(
        **given, hidden_parameters=",".join(without), rest=rest_port is not None, rest_port=rest_port or 0
    )


def _standin(simulator: Simulator) -> str:
    return (
        "A PowerShell session that connects to it (with the stand-in module, never the real one):\n\n"
        f"    $env:BULKPS_STANDIN_URL = '{simulator.rest_url}'\n"
        f"    $env:PSModulePath = '{standin_path()}' + [IO.Path]::PathSeparator + $env:PSModulePath\n"
        f"    Connect-ExchangeOnline -AppId {simulator.options.app_id or 'any'} -CertificateThumbprint "
        f"{simulator.options.thumbprint or 'any'} -Organization "
        f"{simulator.options.organization or 'contoso.onmicrosoft.com'}\n"
    )


def _settings(simulator: Simulator) -> str:
    return (
        "connection: there\nconnections:\n  there:\n    type: simulator\n    server: 127.0.0.1\n"
        f"    port: {simulator.port}\n"
    ) + (f"    ca_file: {simulator.options.certificate}\n" if simulator.options.certificate else "")
