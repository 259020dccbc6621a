"""pypsrp's pool and shell, with a limit for every wait and one guard around every answer."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import requests
from pypsrp.exceptions import AuthenticationError, WSManFaultError
from pypsrp.messages import Message
from pypsrp.powershell import RunspacePool
from pypsrp.shell import WinRS
from pypsrp.wsman import NAMESPACES, OptionSet, SelectorSet

from bulkps.sessions.deadline import Deadline
from bulkps.sessions.serializer import quicken
from bulkps.sessions.wire_errors import (
    WIRE_ERRORS,
    AnswerRefusedError,
    UnreadableAnswerError,
    never_left,
    reading,
)

#: The code that means for pypsrp that nothing has arrived yet (WSMan's operation timeout).
NOTHING_YET = 2150858793
#: The most seconds that exchanging the keys for a SecureString may take.
_KEYS = 60.0
#: The most seconds for deleting an abandoned session at the server.
_DELETED = 10.0


def nothing() -> None:
    """Do nothing before a fragment is sent."""


class ServerShell(WinRS):
    """pypsrp's shell at a WSMan server.

    Attributes:
        look: Called before each fragment is sent; what it raises keeps it from being sent.
        authentic: Whether an answer can come only from the server that was asked.
        may_exist: Whether it may exist at the server, even if the server never confirmed it.
    """

    authentic: bool = True

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.look: Callable[[], None] = nothing
        self.may_exist = False

    def open(
        self, base_options: OptionSet | None = None, open_content: ET.Element | None = None
    ) -> ET.Element | None:
        """Ask the server for a shell."""
        try:
            answer = super().open(base_options, open_content)
        except Exception as error:
            self.may_exist = _may_have_come(error)
            raise
        self.may_exist = True
        return answer

    def command(
        self,
        executable: str,
        arguments: list[str] | None,
        no_shell: bool = False,
        command_id: str | None = None,
    ) -> ET.Element:
        """Start a pipeline with its first fragment."""
        self.look()
        answer = super().command(executable, arguments, no_shell, command_id)
        if answer.find("rsp:CommandResponse/rsp:CommandId", NAMESPACES) is None:
            # Otherwise pypsrp would listen to the pool instead, forever.
            raise UnreadableAnswerError("the server's answer to a command names no command")
        return answer

    def send(
        self, stream: str, data: bytes, command_id: str | None = None, end: bool | None = None
    ) -> ET.Element:
        """Send a further fragment."""
        self.look()
        return super().send(stream, data, command_id, end)

    def close(self) -> None:
        """Delete it at the server, even if it is not known whether it exists there."""
        if not self.may_exist:
            return
        self.may_exist = self.opened = False
        selectors = self._selector_set
        if selectors is None:
            # bulkps chose the name when it asked for the shell.
            selectors = SelectorSet()
            selectors.add_option("ShellId", self.id or "")
        self.wsman.delete(self.resource_uri, selector_set=selectors)


def _may_have_come(error: Exception) -> bool:
    """Return whether a request that ended this way may have reached the server and been carried out."""
    if isinstance(error, WSManFaultError):
        return bool(error.code == NOTHING_YET)
    # After a refused sign-in never try the same password again: that could lock the account.
    refused = isinstance(error, AuthenticationError | requests.exceptions.SSLError | AnswerRefusedError)
    return not refused and not never_left(error)


class Pool(RunspacePool):
    """pypsrp's pool with one runspace.

    Args:
        connection: The object that pypsrp asks for sizes.
        shell: The shell that reaches the wire; None for one at a WSMan server.
        deadline: Checked by every wait on its wire.
        configuration: The configuration's name.
    """

    def __init__(
        self, connection: Any, shell: Any, deadline: Deadline, configuration: str = "Microsoft.PowerShell"
    ) -> None:
        # One runspace per pool: an Exchange Online connection belongs to one runspace, and a pipeline may run
        # in any.
        super().__init__(connection, configuration_name=configuration, min_runspaces=1, max_runspaces=1)
        self.deadline = deadline
        self.session_key_timeout_ms = int(_KEYS * 1000)
        quicken(self)
        # pypsrp has no option for this: its pool always creates its own shell.
        self.shell = shell or ServerShell(
            connection,
            resource_uri=self.shell.resource_uri,
            id=self.id,
            input_streams="stdin pr",
            output_streams="stdout",
        )

    def exchange_keys(self) -> None:
        """Exchange the keys that encrypt a SecureString."""
        with reading(), self.deadline.within(_KEYS):
            super().exchange_keys()

    def _receive(self, id: str | None = None, timeout: int | None = None) -> list[tuple[int, Any]]:
        try:
            with reading():
                return super()._receive(id, timeout)
        except WSManFaultError as error:
            # pypsrp's loops that wait for the pool treat this as the end, but a slow server is not lost.
            if id is not None or error.code != NOTHING_YET:
                raise
            self.deadline.wait(0)
            return []

    def _process_runspacepool_warning(self, message: Message) -> None:
        """Do nothing: pypsrp would show a Python warning on the user's screen."""


def open_pool(pool: Pool) -> None:
    """Open *pool*.

    Raises:
        WIRE_ERRORS: If it cannot be opened.
    """
    with reading():
        pool.open()


def abandon(pool: RunspacePool) -> None:
    """Close *pool*, whatever its state; errors at this point do no harm."""
    # pypsrp does not delete the shell of a pool that it considers broken, closed or not yet open.
    with suppress(*WIRE_ERRORS), reading(), cast(Pool, pool).deadline.within(_DELETED):
        pool.shell.close()
