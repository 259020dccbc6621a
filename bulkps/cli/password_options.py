"""Evaluates ``--passwords`` and its encryption options, which run, resume and retry share."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bulkps.cli import console
from bulkps.errors import UsageProblem
from bulkps.operations.model import Operation
from bulkps.passwords.password_encryption import SHORTEST, for_certificate
from bulkps.passwords.password_file import PasswordFile
from bulkps.passwords.password_provisioning import check_passwords

#: The key in the root context of the file and its encryption, for the printed next command.
_GIVEN = "bulkps.passwords"
_WAYS = ("passwords_for", "passwords_prompt", "passwords_plain")


def check_options(operation: Operation, given: dict[str, Any], *others: Path | None) -> None:
    """Refuse invalid options before the user is asked and anything is sent.

    Args:
        operation: The operation that generates the passwords.
        given: The options.
        others: Files that the passwords must not be written to.

    Raises:
        UsageProblem: If the options do not fit each other, the operation or the existing files.
    """
    path: Path | None = given["passwords"]
    ways = [_option(name) for name in _WAYS if given[name]]
    if path is None and not ways:
        return
    if path is None:
        raise UsageProblem(f"{ways[0]} also needs --passwords FILE; nothing was sent")
    if len(ways) != 1:
        found = " and ".join(ways) if ways else "none of them"
        expected = ", ".join(map(_option, _WAYS))
        raise UsageProblem(f"--passwords needs exactly one of {expected}; found {found}; nothing was sent")
    for other in others:
        if other is not None and path.resolve() == other.resolve():
            raise UsageProblem(
                f"--passwords {path} is also the file of another option; choose another name; nothing was "
                "sent"
            )
    check_passwords(operation, PasswordFile.plain(path))
    if given["passwords_for"]:
        for_certificate(given["passwords_for"])
    if given["passwords_prompt"] and not sys.stdin.isatty():
        raise UsageProblem(
            "--passwords-prompt: there is no terminal to ask for a passphrase; nothing was sent. Run it in a "
            "terminal, or use --passwords-for CERTIFICATE"
        )


def password_file(given: dict[str, Any]) -> PasswordFile | None:
    """Return the file for generated passwords, or None; ask for a passphrase if needed.

    Raises:
        UsageProblem: If the passphrase is too short or the certificate cannot be used.
    """
    path: Path | None = given["passwords"]
    if path is None:
        return None
    way = next(name for name in _WAYS if given[name])
    certificate: Path | None = given["passwords_for"]
    # Absolute paths: the run may be continued from another folder.
    told = {"file": str(path.absolute()), "way": _option(way)}
    if certificate:
        told["certificate"] = str(certificate.absolute())
    click.get_current_context().find_root().meta[_GIVEN] = told
    if certificate:
        return PasswordFile.for_certificate(path, certificate)
    if given["passwords_prompt"]:
        return PasswordFile.with_passphrase(path, ask_passphrase(twice=True))
    console.say(
        f"warning: passwords are written to {path} unencrypted. Anyone who reads this file, or a copy or "
        "backup of it, can sign in as these users. Hand the passwords out, then delete the file"
    )
    return PasswordFile.plain(path)


def ask_passphrase(*, twice: bool) -> str:
    """Ask for a passphrase without showing it; a new one *twice*.

    Raises:
        UsageProblem: If there is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageProblem("there is no terminal to ask for the passphrase: run it in a terminal")
    question = f"Passphrase for the passwords (at least {SHORTEST} characters)" if twice else "Passphrase"
    return str(click.prompt(question, hide_input=True, confirmation_prompt=twice, err=True))


def say_passwords(passwords: PasswordFile | None) -> None:
    """Print where the passwords are, how many there are, and how to read them."""
    if passwords is None:
        return
    if not passwords.count:
        console.say(f"passwords: none were sent, so {passwords.path} was not written")
        return
    count = f"{passwords.count} password{'s' * (passwords.count != 1)}"
    console.say(f"passwords: {passwords.path} ({count}, {passwords.encryptor.meaning})")
    console.say(f"           {passwords.encryptor.advice(passwords.path)}")


def password_settings() -> Mapping[str, str]:
    """Return the password options of this command, as a run keeps them; empty if there are none."""
    given: Mapping[str, str] = click.get_current_context().find_root().meta.get(_GIVEN, {})
    return given


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
