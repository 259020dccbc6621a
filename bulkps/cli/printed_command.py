"""The next commands that bulkps prints, with the options of this command."""

import os
from pathlib import Path
from typing import Any

import click

from bulkps.cli.commands.shared_options import CONFIG, CONNECTION
from bulkps.cli.password_options import password_settings
from bulkps.runs import Run
from bulkps.runs import next_command as commands
from bulkps.runs.next_command import free_name, password_flags, quoted
from bulkps.settings import SIMULATOR

#: Options of ``run`` that rows need again when they are run again, by argument.
_OPTIONS = {"again": "--again", "onmicrosoft_fallback": "--onmicrosoft-fallback"}


def invocation(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of this command that the next one needs again, as a run keeps them."""
    options = [option for name, option in _OPTIONS.items() if given.get(name)]
    told = {**settings_file(), **({"options": options} if options else {})}
    return {**told, "asks": True} if given.get("asks") else told


def settings_file() -> dict[str, str]:
    """Return the settings file of this command, as a run keeps it; empty for the defaults."""
    config = _told(CONFIG) or os.environ.get("BULKPS_CONFIG")
    # An absolute path: the run may be continued from another folder.
    return {"config": str(Path(config).absolute())} if config else {}


def next_command(run: Run, command: str = "resume") -> str:
    """Return the command that continues *run* with the options of this command, or of the last one."""
    return commands.next_command(run, command, config=_told(CONFIG), passwords=password_settings() or None)


def rows_again(run: Run, only: str) -> str:
    """Return the commands that run the rows of *run* with one of these statuses again."""
    rest = quoted(free_name(Path("rest.csv")))
    options = "".join(f" {option}" for option in run.invocation.get("options", ()))
    # A command without --config does not know the run's settings; if there were none, it is the simulator.
    default = _told(CONNECTION) or ("" if run.invocation.get("config") else SIMULATOR)
    if os.environ.get("BULKPS_CONNECTION"):
        # The next command may be run where this variable is not set.
        default = ""
    connection = "" if run.connection == default else f" --connection {quoted(run.connection)}"
    return (
        f"bulkps results {run.id} --only {only} -o {rest}, then bulkps run {run.operation} {rest}"
        f"{commands.config_option(run, _told(CONFIG))}{connection}{options}"
        f"{password_flags(password_settings() or run.passwords)}"
    )


def _told(name: str) -> str | None:
    found: str | None = click.get_current_context().find_root().meta.get(name)
    return found
