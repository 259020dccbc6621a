"""Finds the operations that generate passwords, and saves each password before it is sent."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import SystemRandom

from bulkps.engine.driver import Prepare
from bulkps.engine.item import Item
from bulkps.errors import UsageProblem
from bulkps.exchange.calls_and_outcomes import Cmdlet, Secret
from bulkps.operations.model import Operation
from bulkps.operations.parameter_binding import PASSWORD
from bulkps.operations.placeholders import Template
from bulkps.passwords.password_file import PasswordFile
from bulkps.passwords.password_generator import generate


def makes_passwords(operation: Operation) -> bool:
    """Return whether *operation* sends generated passwords."""
    given = [one for step in operation.steps for one in step.parameters.values() if isinstance(one, str)]
    return any("secret.password" in Template.parse(one).names for one in given)


def check_passwords(operation: Operation, passwords: PasswordFile | None) -> None:
    """Check that *passwords* can be written for *operation*.

    Raises:
        UsageProblem: If it generates none, or the file already exists.
    """
    if passwords is None:
        return
    if not makes_passwords(operation):
        raise UsageProblem(
            f"{operation.name} generates no passwords, so there are none to write to {passwords.path}; "
            "nothing was sent"
        )
    passwords.check()


@contextmanager
def handing_out(operation: Operation, passwords: PasswordFile | None) -> Iterator[None]:
    """Keep the file open inside the block.

    Raises:
        UsageProblem: If it cannot be created; nothing was sent.
    """
    check_passwords(operation, passwords)
    if passwords is None:
        yield
        return
    try:
        passwords.begin(_identity(operation))
        yield
    finally:
        passwords.close()


def password_maker(operation: Operation, passwords: PasswordFile | None) -> Prepare:
    """Return a function that puts a new password into a cmdlet, once the password is in *passwords*."""

    def prepare(item: Item, cmdlet: Cmdlet) -> Cmdlet:
        if not any(value is PASSWORD for value in cmdlet.parameters.values()):
            return cmdlet
        fresh = Secret(generate(SystemRandom()))
        if passwords is not None:
            passwords.keep(item.row, str(item.values.get(_identity(operation)) or ""), fresh, time.time())
        filled = {name: fresh if value is PASSWORD else value for name, value in cmdlet.parameters.items()}
        return replace(cmdlet, parameters=filled)

    return prepare


def _identity(operation: Operation) -> str:
    return operation.target or operation.source
