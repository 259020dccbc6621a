"""``bulkps simulate``."""

import threading
from pathlib import Path
from typing import Any

import click

from bulkps.atomic_file import Output, write_text
from bulkps.cli import console
from bulkps.cli.options import EXISTING_FILE, NEW_FILE, force_option
from bulkps.errors import UsageProblem
from bulkps.simulator import Engine, Language, Simulator, SimulatorOptions, standin_path

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=5985, show_default=True, help="0 takes a free one."
)
@click.option("--seed", type=int, default=1, show_default=True, help="What the mailboxes are made from.")
@click.option(
    "--mailboxes", type=click.IntRange(1), default=1000, show_default=True, help="So many inactive ones."
)
@click.option(
    "--latency", type=click.FloatRange(0), default=0.0, show_default=True, help="Seconds each cmdlet takes."
)
@click.option(
    "--faults", default="", help="Such as transient=0.01,throttled=0.01 or New-Mailbox#3=answer-lost."
)
@click.option("--budget", default="", help="Cmdlets per seconds before it throttles, such as 20/5.")
@click.option(
    "--engine",
    type=click.Choice([engine.value for engine in Engine]),
    default=Engine.PYTHON.value,
    show_default=True,
    help="What runs the pipelines: the simulator itself, or a real PowerShell, one process a session.",
)
@click.option("--pwsh", type=EXISTING_FILE, help="PowerShell's executable; else pwsh, powershell on PATH.")
@click.option(
    "--language",
    type=click.Choice([language.value for language in Language]),
    help="What a session may say: anything, cmdlets only, or cmdlets and Invoke-BulkPSBatch.",
)
@click.option("--no-language", is_flag=True, help="Short for --language no-language.")
@click.option(
    "--preconnected/--not-connected",
    default=True,
    show_default=True,
    help="Whether a PowerShell session in full language has Exchange Online's cmdlets from the start.",
)
@click.option(
    "--module", "modules", type=_FOLDER, multiple=True, help="Import this module in every PowerShell session."
)
@click.option(
    "--without",
    multiple=True,
    metavar="CMDLET:PARAMETER",
    help="Take this parameter away, as roles do; CMDLET:* takes the cmdlet. May be repeated.",
)
@click.option(
    "--rest-port",
    type=click.IntRange(0, 65535),
    help="Serve Exchange Online's REST face here, for the stand-in module; 0 takes a free one.",
)
@click.option(
    "--token-seconds",
    type=click.FloatRange(0),
    default=3600.0,
    show_default=True,
    help="A sign-in to the REST face lasts.",
)
@click.option("--app-id", default="", help="The only application that may sign in there; else any.")
@click.option("--organization", default="", help="The only organization that it may name; else any.")
@click.option("--thumbprint", default="", help="The only certificate that it may show; else any.")
@click.option("--on-premises", is_flag=True, help="Be an Exchange Server, with disconnected mailboxes.")
@click.option("--effects", type=NEW_FILE, help="Append one JSON line here for each change as it happens.")
@click.option(
    "--restore-seconds", type=click.FloatRange(0), default=1.0, show_default=True, help="A request takes."
)
@click.option(
    "--provisioning-seconds",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="A recovered mailbox is not found before.",
)
@click.option(
    "--failing-requests", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share of them."
)
@click.option(
    "--max-sessions", type=click.IntRange(1), default=25, show_default=True, help="Sessions it admits."
)
@click.option("--certificate", type=EXISTING_FILE, help="Serve TLS with this certificate (PEM), with --key.")
@click.option("--key", type=EXISTING_FILE, help="The certificate's key (PEM).")
@click.option("--write-config", type=NEW_FILE, help="Write settings that lead here to this file.")
@force_option
def command(
    write_config: Path | None, without: tuple[str, ...], rest_port: int | None, force: bool, **given: Any
) -> None:
    """Run the simulated Exchange tenant for other processes, until Ctrl-C.

    It listens on 127.0.0.1 only and holds nothing real. --effects tells what was really done: one line for
    each change, by which anyone can count. With --engine powershell or --rest-port, PowerShell sessions on
    this machine can use the stand-in of the module ExchangeOnlineManagement; what leads there is printed.

    Example:

    \b
        bulkps simulate --write-config there.yaml --effects effects.jsonl
        bulkps run restore leavers.csv --config there.yaml
    """
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
        console.say(f"simulated Exchange tenant (nothing real) listens on {simulator.url}")
        console.say(f"settings that lead here:\n\n{settings}")
        if simulator.rest_url:
            console.say(_standin(simulator))
        console.say("Ctrl-C stops it.")
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
        "a PowerShell session that leads here (the stand-in module, never the real one):\n\n"
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
