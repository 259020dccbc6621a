"""``bulkps pause``."""

from bulkps.cli import console
from bulkps.cli.printed_command import next_command
from bulkps.errors import UsageProblem
from bulkps.runs import RunService


def execute(run: str, as_json: bool) -> None:
    """Pause RUN: rows in progress finish, the others stay pending."""
    with RunService() as service:
        found = service.run(run)
        owner = service.ask(found.id, "pause")
        if not owner:
            why = f". To continue: {next_command(found)}" if service.is_open(found) else ": it is finished"
            raise UsageProblem(f"no process is working on run {found.id}; there is nothing to pause{why}")
    following = next_command(found)
    console.say(
        f"asked {owner} to pause run {found.id}. It stops once the rows in progress are finished; to see "
        f"that: bulkps show {found.id}. To continue after that: {following}"
    )
    if as_json:
        console.as_json({"run": found.id, "asked": owner, "next": following, "exit_code": 0})
