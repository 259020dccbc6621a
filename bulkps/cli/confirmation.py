"""The question before an operation that cannot be undone, asked after pre-flight."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import click

from bulkps.cli import console
from bulkps.engine.item_status import BulkItemStatus
from bulkps.errors import UsageProblem
from bulkps.operations.model import Operation
from bulkps.passwords.password_provisioning import makes_passwords
from bulkps.runs import Run, RunService, operation_of
from bulkps.runs.run_service import ASKS
from bulkps.visible_text import visible


def asks(operation: Operation, *, yes: bool) -> bool:
    """Return whether a run of *operation* has to be confirmed.

    Raises:
        UsageProblem: If it has to be, and there is no terminal for the question.
    """
    if not operation.one_way or yes:
        return False
    if not sys.stdin.isatty():
        raise UsageProblem(
            f"{operation.name} cannot be undone, and there is no terminal to ask you on; nothing was sent. "
            "To run it without a question, add --yes"
        )
    return True


def asks_first(run: Run) -> bool:
    """Return whether *run* has to be confirmed and was not yet."""
    return bool(run.invocation.get(ASKS))


def question(
    service: RunService, run: Run, hidden: Callable[[], AbstractContextManager[None]], *, passwords: bool
) -> Callable[[], bool]:
    """Return a function that asks whether *run* may send, and keeps the answer.

    Args:
        service: The service for runs.
        run: The run.
        hidden: Hides the progress during the question.
        passwords: Whether generated passwords are saved.
    """

    def ask() -> bool:
        with hidden():
            console.say(_told(service, service.run(run.id), passwords=passwords))
            try:
                yes = click.confirm("Continue?", err=True)
            except click.Abort:
                # Ctrl-C and the end of the input also mean no.
                yes = False
        if yes:
            service.confirmed(run)
        return yes

    return ask


def _told(service: RunService, run: Run, *, passwords: bool) -> str:
    operation, counts = operation_of(run), service.counts(run)
    looked = run.preflight.get("state") == "done"
    found = [
        f"{run.preflight.get('blocked', 0)} blocked (they are not sent)",
        f"{run.preflight.get('changed', 0)} changed (a value of the row was replaced)",
    ]
    lines = [
        f"{operation.name} cannot be undone.",
        f"Pre-flight: {', '.join(found)}." if looked else "Pre-flight was skipped: nothing was checked.",
        f"{counts[BulkItemStatus.PENDING]} of {sum(counts.values())} rows of {visible(Path(run.file).name)} "
        f"go to connection {run.connection} {console.simulated(run.simulated)}".rstrip()
        + ".",
        *consequences(operation, passwords=passwords),
    ]
    return "\n".join(lines)


def consequences(operation: Operation, *, passwords: bool) -> list[str]:
    """Return what the administrator has to do once rows of *operation* are completed, a sentence each."""
    told = [visible(operation.advice.strip())] if operation.advice else []
    if makes_passwords(operation) and not passwords:
        told.append(
            "The generated passwords are not saved: no one has them, and each account needs a password reset "
            "(--passwords FILE saves them)."
        )
    return told
