"""A pool over WSMan: from a Connection to pypsrp's WSMan and an open RunspacePool."""

import logging
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any, cast

import requests
from pypsrp.exceptions import WinRMError
from pypsrp.powershell import RunspacePool
from pypsrp.shell import WinRS
from pypsrp.wsman import WSMan
from spnego.exceptions import SpnegoError

from bulkps.exchange.cmdlet import ErrorRecord, Secret
from bulkps.sessions.connection import Auth, Connection, ConnectionType
from bulkps.sessions.serializer import quicken

# pypsrp logs every lost answer with its traceback; without a handler Python prints that to the user's
# screen. What matters of it is in our own errors.
logging.getLogger("pypsrp").addHandler(logging.NullHandler())
logging.getLogger("pypsrp").propagate = False

#: What connecting, sending and receiving can raise when the other side or the way to it fails. OSError
#: covers a socket that breaks below requests.
#: ParseError is a page where SOAP was due; spnego has its own, and KeyError is what pypsrp makes of an
#: endpoint that answers without having asked who is there.
WIRE_ERRORS = (WinRMError, requests.RequestException, OSError, ET.ParseError, SpnegoError, KeyError)


class PatientWSMan(WSMan):
    """pypsrp's WSMan with one limit for every request: the read timeout, once.

    pypsrp repeats a receive that timed out five times with growing waits, several minutes in all, and ties
    the limit of a request to its operation timeout, two seconds above it. Here a short operation timeout
    can be asked for on a slow line, and a silent server is lost after one read timeout.
    """

    def __init__(self, server: str, **settings: Any) -> None:
        super().__init__(server, **settings)
        send = self.transport.send

        def once(message: bytes, *, retries_on_read_timeout: int = 0, timeout: Any = None) -> bytes:
            return send(message)

        self.transport.send = once  # type: ignore[method-assign]


def _nothing() -> None:
    """Nobody asks to look before a fragment is sent."""


class GatedShell(WinRS):
    """pypsrp's shell, which looks before each fragment of a pipeline is sent.

    Attributes:
        look: Called then; what it raises keeps the fragment from being sent.
    """

    look: Callable[[], None] = staticmethod(_nothing)

    def command(
        self,
        executable: str,
        arguments: list[str] | None,
        no_shell: bool = False,
        command_id: str | None = None,
    ) -> ET.Element:
        """Begin a pipeline with its first fragment."""
        self.look()
        return super().command(executable, arguments, no_shell, command_id)

    def send(
        self, stream: str, data: bytes, command_id: str | None = None, end: bool | None = None
    ) -> ET.Element:
        """Send a further fragment."""
        self.look()
        return super().send(stream, data, command_id, end)


_DEFAULTS = {
    ConnectionType.SIMULATOR: ("PowerShell", "Microsoft.Exchange", 5985, 5986),
    ConnectionType.WINRM: ("wsman", "Microsoft.PowerShell", 5985, 5986),
    ConnectionType.EXCHANGE: ("PowerShell", "Microsoft.Exchange", 80, 443),
}


def build_wsman(connection: Connection, password: Secret | None) -> PatientWSMan:
    """Return pypsrp's WSMan for *connection*; nothing is sent yet."""
    path, _, clear_port, tls_port = _DEFAULTS[connection.type]
    tls = connection.tls and not (connection.simulated and not connection.ca_file)
    return PatientWSMan(
        connection.server,
        port=connection.port or (tls_port if tls else clear_port),
        username=connection.username or None,
        password=password.reveal() if password else None,
        ssl=tls,
        path=connection.path or path,
        auth=connection.auth.value,
        # requests takes a path here, whatever pypsrp's annotation says.
        cert_validation=cast(bool, connection.ca_file or True) if connection.verify_certificate else False,
        encryption="auto" if tls or connection.auth is not Auth.BASIC else "never",
        operation_timeout=connection.operation_timeout,
        read_timeout=connection.read_timeout,
        no_proxy=connection.simulated,
    )


def open_pool(connection: Connection, wsman: WSMan) -> RunspacePool:
    """Return an open pool with one runspace over *wsman*."""
    configuration = connection.configuration or _DEFAULTS[connection.type][1]
    # One runspace a pool: an Exchange Online connection belongs to a runspace, and a pipeline lands on any.
    pool = RunspacePool(wsman, configuration_name=configuration, min_runspaces=1, max_runspaces=1)
    pool.shell = GatedShell(
        wsman,
        resource_uri=pool.shell.resource_uri,
        id=pool.id,
        input_streams="stdin pr",
        output_streams="stdout",
    )
    quicken(pool)
    pool.open()
    return pool


def wire_record(error: BaseException) -> ErrorRecord:
    """Return what happened on the wire as an ErrorRecord that the catalogue can classify."""
    return ErrorRecord(str(error) or type(error).__name__, exception_type=type(error).__name__)
