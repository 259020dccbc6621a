"""The commands that bulkps prints: complete, and quoted for the shell that they are pasted into."""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

#: Characters that neither PowerShell nor cmd.exe treats specially.
_PLAIN = re.compile(r"[\w.:\\/+=-]+")


class Begun(Protocol):
    """The parts of a Run that a command needs to continue it."""

    @property
    def id(self) -> str:
        """Its name."""

    @property
    def invocation(self) -> Mapping[str, Any]:
        """The options of the command line."""

    @property
    def passwords(self) -> Mapping[str, str]:
        """Where passwords went."""


def quoted(word: object, *, windows: bool = os.name == "nt") -> str:
    """Return *word* quoted for typing, whatever characters it has."""
    text = str(word)
    if not windows:
        return shlex.quote(text)
    if _PLAIN.fullmatch(text):
        return text
    # cmd.exe knows only double quotes. Inside them PowerShell expands what follows a $ or a backtick.
    return "'" + text.replace("'", "''") + "'" if re.search('[$`"]', text) else f'"{text}"'


def next_command(
    run: Begun,
    command: str = "resume",
    *,
    config: str | None = None,
    passwords: Mapping[str, str] | None = None,
) -> str:
    """Return the command that continues *run* with the same settings, and saves passwords again.

    Args:
        run: The run.
        command: ``resume`` or ``retry``.
        config: The settings file; None for that of the last sitting.
        passwords: Where passwords went, see Run; None for the last sitting that saved any.
    """
    told = run.passwords if passwords is None else passwords
    return f"bulkps {command} {run.id}{config_option(run, config)}{password_flags(told)}"


def config_option(run: Begun, config: str | None = None) -> str:
    """Return ``--config`` as it is typed for *run*, or an empty text if the defaults are enough."""
    path = run.invocation.get("config") if config is None else config
    return f" --config {quoted(path)}" if path else ""


def password_flags(told: Mapping[str, str]) -> str:
    """Return the options by which the next sitting saves its passwords in the way that *told* says."""
    if not told:
        return ""
    certificate = f" {quoted(told['certificate'])}" if told.get("certificate") else ""
    return f" --passwords {quoted(free_name(Path(told['file'])))} {told['way']}{certificate}"


def free_name(path: Path) -> Path:
    """Return *path*, or the first free name with ``-2``, ``-3`` … beside it."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_stem(f"{path.stem}-{number}"), number + 1
    return free
