"""``bulkps pause``."""

import click

from bulkps.cli import render
from bulkps.cli.options import json_option
from bulkps.errors import UsageProblem
from bulkps.records import home
from bulkps.records.journal import Journal


@click.command()
@click.argument("run")
@json_option
def command(run: str, as_json: bool) -> None:
    """Ask the process that works on RUN to pause: what is in flight ends, the rest stays PENDING.

    RUN is a run's name, a unique beginning of it, or "last". The process hears it within two seconds.

    Example:

    \b
        bulkps pause last
    """
    with Journal(home.journal_path()) as journal:
        found = journal.run(run)
        owner = journal.wish(found.id, "pause")
    if not owner:
        raise UsageProblem(
            f"no process works on run {found.id}; there is nothing to pause. bulkps resume {found.id} goes on"
        )
    render.say(f"asked {owner} to pause run {found.id}. Next: bulkps resume {found.id}")
    if as_json:
        render.as_json({"run": found.id, "asked": owner, "exit_code": 0})
