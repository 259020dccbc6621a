"""What ``--passwords`` means, and how the passwords are encrypted: what run, resume and retry share."""

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

#: Where the root context keeps the file and how it is encrypted, for the command that goes on.
_GIVEN = "bulkps.passwords"
_WAYS = ("passwords_for", "passwords_prompt", "passwords_plain")


def check_options(operation: Operation, given: dict[str, Any], *others: Path | None) -> None:
    """Refuse what cannot be done before anybody is asked and anything is sent.

    Args:
        operation: What makes the passwords.
        given: The options.
        others: The files that the passwords must not be written to.

    Raises:
        UsageProblem: If the options do not fit one another, the operation or the files that are there.
    """
    path: Path | None = given["passwords"]
    ways = [_option(name) for name in _WAYS if given[name]]
    if path is None and not ways:
        return
    if path is None:
        raise UsageProblem(f"{ways[0]} says how, and --passwords FILE has to say where; nothing was sent")
    if len(ways) != 1:
        found = " and ".join(ways) if ways else "none of them"
        expected = ", ".join(map(_option, _WAYS))
        raise UsageProblem(f"--passwords takes exactly one of {expected}; found {found}; nothing was sent")
    for other in others:
        if other is not None and path.resolve() == other.resolve():
            raise UsageProblem(f"--passwords {path} is named for something else too; nothing was sent")
    check_passwords(operation, PasswordFile.plain(path))
    if given["passwords_for"]:
        for_certificate(given["passwords_for"])
    if given["passwords_prompt"] and not sys.stdin.isatty():
        raise UsageProblem(
            "--passwords-prompt: there is no terminal to ask for a passphrase; nothing was sent. Run it on a "
            "terminal, or use --passwords-for CERTIFICATE"
        )


def password_file(given: dict[str, Any]) -> PasswordFile | None:
    """Return where generated passwords go, or None for nowhere; a passphrase is asked for.

    Raises:
        UsageProblem: If the passphrase is too short or the certificate cannot be used.
    """
    path: Path | None = given["passwords"]
    if path is None:
        return None
    way = next(name for name in _WAYS if given[name])
    certificate: Path | None = given["passwords_for"]
    # Whole paths: who goes on may do so from another folder.
    told = {"file": str(path.absolute()), "way": _option(way)}
    if certificate:
        told["certificate"] = str(certificate.absolute())
    click.get_current_context().find_root().meta[_GIVEN] = told
    if certificate:
        return PasswordFile.for_certificate(path, certificate)
    if given["passwords_prompt"]:
        return PasswordFile.with_passphrase(path, ask_passphrase(twice=True))
    console.say(
        f"warning: passwords go to {path} in plain text. Whoever reads that file, or a copy or backup of it, "
        "can sign in as these users; hand them out and delete it"
    )
    return PasswordFile.plain(path)


def ask_passphrase(*, twice: bool) -> str:
    """Ask for a passphrase without echo; a new one *twice*.

    Raises:
        UsageProblem: If nobody is there to ask.
    """
    if not sys.stdin.isatty():
        raise UsageProblem("there is no terminal to ask for the passphrase: run it on a terminal")
    question = f"Passphrase for the passwords (at least {SHORTEST} characters)" if twice else "Passphrase"
    return str(click.prompt(question, hide_input=True, confirmation_prompt=twice, err=True))


def say_passwords(passwords: PasswordFile | None) -> None:
    """Say where the passwords went, how many, and how they are read."""
    if passwords is None:
        return
    if not passwords.count:
        console.say(f"passwords: none was sent, and {passwords.path} is not there")
        return
    count = f"{passwords.count} password{'s' * (passwords.count != 1)}"
    console.say(f"passwords: {passwords.path} ({count}, {passwords.encryptor.meaning})")
    console.say(f"           {passwords.encryptor.advice(passwords.path)}")


def password_settings() -> Mapping[str, str]:
    """Return where this sitting hands its passwords out, as a run keeps it; empty for nowhere."""
    given: Mapping[str, str] = click.get_current_context().find_root().meta.get(_GIVEN, {})
    return given


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
