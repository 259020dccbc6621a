"""The options and help of ``bulkps simulate``."""

from pathlib import Path
from typing import Any

import click

from bulkps.cli.commands.shared_options import EXISTING_FILE, NEW_FILE, force_option

#: The values of ``Engine``, the default first, and of ``Language``. The simulator is not loaded for help.
ENGINES = ("python", "powershell")
LANGUAGES = ("full", "no-language", "jea")
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=5985,
    show_default=True,
    help="TCP port (0: any free port).",
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Seed that all mailboxes are generated from."
)
@click.option(
    "--mailboxes",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Number of inactive mailboxes.",
)
@click.option(
    "--latency",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Duration of each cmdlet in seconds.",
)
@click.option(
    "--faults",
    default="",
    help="Faults to inject, such as transient=0.01,throttled=0.01 or New-Mailbox#3=answer-lost.",
)
@click.option("--budget", default="", help="Cmdlets per seconds before throttling, such as 20/5.")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default=ENGINES[0],
    show_default=True,
    help="What runs pipelines: the simulator, or one real PowerShell process per session.",
)
@click.option("--pwsh", type=EXISTING_FILE, help="Path of PowerShell (default: pwsh or powershell on PATH).")
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    help="Language mode of sessions: full, cmdlets only, or cmdlets and Invoke-BulkPSBatch (JEA).",
)
@click.option("--no-language", is_flag=True, help="Short for --language no-language.")
@click.option(
    "--preconnected/--not-connected",
    default=True,
    show_default=True,
    help="Whether a full-language PowerShell session starts connected to Exchange Online.",
)
@click.option(
    "--module",
    "modules",
    type=_FOLDER,
    multiple=True,
    help="Module to import into every PowerShell session. Can be repeated.",
)
@click.option(
    "--without",
    multiple=True,
    metavar="CMDLET:PARAMETER",
    help="Hide a parameter as RBAC does, or a cmdlet with CMDLET:*. Can be repeated.",
)
@click.option(
    "--rest-port",
    type=click.IntRange(0, 65535),
    help="TCP port of the REST service for the stand-in module (0: any free port).",
)
@click.option(
    "--token-seconds",
    type=click.FloatRange(0),
    default=3600.0,
    show_default=True,
    help="Lifetime in seconds of a sign-in to the REST service.",
)
@click.option("--app-id", default="", help="Only this application may sign in (default: any).")
@click.option("--organization", default="", help="Only this organization may sign in (default: any).")
@click.option("--thumbprint", default="", help="Only this certificate may sign in (default: any).")
@click.option("--on-premises", is_flag=True, help="Simulate an Exchange Server with disconnected mailboxes.")
@click.option(
    "--effects", type=NEW_FILE, help="Append a JSON line to this file for every change in the tenant."
)
@click.option(
    "--restore-seconds",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Duration of a restore request in seconds.",
)
@click.option(
    "--provisioning-seconds",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Seconds until a recovered mailbox can be found.",
)
@click.option(
    "--failing-requests",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of restore requests that fail.",
)
@click.option(
    "--max-sessions",
    type=click.IntRange(1),
    default=25,
    show_default=True,
    help="Maximum number of sessions.",
)
@click.option("--certificate", type=EXISTING_FILE, help="Certificate to serve TLS with (PEM; needs --key).")
@click.option("--key", type=EXISTING_FILE, help="Private key of the certificate (PEM).")
@click.option("--write-config", type=NEW_FILE, help="Write a settings file that connects to this simulator.")
@force_option
def command(**given: Any) -> None:
    """Run the simulated Exchange tenant for other processes until Ctrl-C.

    It listens on 127.0.0.1 only and contains no real data. --effects records every change in the tenant. With
    --engine powershell or --rest-port, PowerShell sessions on this machine can use a stand-in for the module
    ExchangeOnlineManagement; the commands for that are printed.

    Example:

    \b
        bulkps simulate --write-config there.yaml --effects effects.jsonl
        bulkps run restore leavers.csv --config there.yaml
    """
    from bulkps.cli.simulate import execute

    execute(**given)
