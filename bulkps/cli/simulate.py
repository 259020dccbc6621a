"""``bulkps simulate``."""

import threading
from pathlib import Path
from typing import Any

import click

from bulkps.cli import render
from bulkps.cli.options import EXISTING_FILE, NEW_FILE
from bulkps.errors import UsageProblem
from bulkps.simulator import Simulator, SimulatorOptions


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
@click.option("--no-language", is_flag=True, help="Behave as an Exchange Server endpoint: cmdlets only.")
@click.option("--effects", type=NEW_FILE, help="Append one JSON line here for each change as it happens.")
@click.option(
    "--restore-seconds", type=click.FloatRange(0), default=1.0, show_default=True, help="A request takes."
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
def command(write_config: Path | None, **given: Any) -> None:
    """Run the simulated Exchange tenant for other processes, until Ctrl-C.

    It listens on 127.0.0.1 only and holds nothing real. --effects tells what was really done: one line for
    each change, by which anyone can count.

    Example:

    \b
        bulkps simulate --write-config there.yaml --effects effects.jsonl
        bulkps run restore leavers.csv --config there.yaml
    """
    try:
        simulator = Simulator(SimulatorOptions(**given))
        simulator.start()
    except (ValueError, OSError) as error:
        raise UsageProblem(f"cannot start the simulator: {error}") from error
    try:
        settings = _settings(simulator)
        if write_config:
            write_config.write_text(settings, encoding="utf-8", newline="\n")
        render.say(f"simulated Exchange tenant (nothing real) listens on {simulator.url}")
        render.say(f"settings that lead here:\n\n{settings}")
        render.say("Ctrl-C stops it.")
        # An Event without a timeout cannot be interrupted on Windows.
        while not threading.Event().wait(1.0):
            pass
    except KeyboardInterrupt:
        render.say("stopped")
    finally:
        simulator.stop()


def _settings(simulator: Simulator) -> str:
    return (
        "connection: there\nconnections:\n  there:\n    type: simulator\n    server: 127.0.0.1\n"
        f"    port: {simulator.port}\n"
    ) + (f"    ca_file: {simulator.options.certificate}\n" if simulator.options.certificate else "")
