"""A pool over WSMan: from a Connection to pypsrp's WSMan and an open pool."""

import logging
import xml.etree.ElementTree as ET
from typing import Any, cast

from pypsrp.wsman import WSMan

from bulkps.exchange.calls_and_outcomes import Secret
from bulkps.sessions.connection import Auth, Connection, ConnectionType
from bulkps.sessions.deadline import Deadline
from bulkps.sessions.http_limits import AnswerLimits, limit_transport
from bulkps.sessions.runspace_pool import Pool, ServerShell
from bulkps.sessions.wire_errors import reading

# pypsrp logs every lost answer with its traceback; without a handler Python prints that on the user's screen.
# What matters is in bulkps's own errors.
logging.getLogger("pypsrp").addHandler(logging.NullHandler())
logging.getLogger("pypsrp").propagate = False


class PatientWSMan(WSMan):
    """pypsrp's WSMan with its own limits for every request.

    pypsrp repeats a receive that timed out five times with growing waits, several minutes in all. It limits a
    request to two seconds more than its operation timeout. Here a slow line can have a short operation
    timeout, and a silent server is lost after one read timeout.

    Args:
        server: Its name or address.
        deadline: The limit for the work that its requests belong to.
        settings: As pypsrp takes them.
    """

    def __init__(self, server: str, deadline: Deadline | None = None, **settings: Any) -> None:
        super().__init__(server, **settings)
        self.deadline = deadline or Deadline()
        read_timeout = self.transport.read_timeout
        # An idle wait is answered after the operation timeout. After that the answer may take as long as a
        # server may be silent.
        total = self.operation_timeout + read_timeout
        limit_transport(self, AnswerLimits(read_timeout, total, self.deadline))

    def invoke(self, *args: Any, **settings: Any) -> ET.Element:
        """Send one request and return its answer."""
        with reading():
            return super().invoke(*args, **settings)


_DEFAULTS = {
    ConnectionType.SIMULATOR: ("PowerShell", "Microsoft.Exchange", 5985, 5986),
    ConnectionType.WINRM: ("wsman", "Microsoft.PowerShell", 5985, 5986),
    ConnectionType.EXCHANGE: ("PowerShell", "Microsoft.Exchange", 80, 443),
}


def build_wsman(connection: Connection, password: Secret | None, deadline: Deadline) -> PatientWSMan:
    """Return pypsrp's WSMan for *connection*; nothing is sent yet."""
    path, _, clear_port, tls_port = _DEFAULTS[connection.type]
    tls = _has_tls(connection)
    return PatientWSMan(
        connection.server,
        deadline,
        port=connection.port or (tls_port if tls else clear_port),
        username=connection.username or None,
        password=password.reveal() if password else None,
        ssl=tls,
        path=connection.path or path,
        auth=connection.auth.value,
        # requests accepts a path here, although pypsrp's annotation says otherwise.
        cert_validation=cast(bool, connection.ca_file or True) if connection.verify_certificate else False,
        encryption="auto" if tls or connection.auth is not Auth.BASIC else "never",
        operation_timeout=connection.operation_timeout,
        read_timeout=connection.read_timeout,
        no_proxy=connection.simulated,
    )


def build_pool(connection: Connection, wsman: PatientWSMan) -> Pool:
    """Return a pool with one runspace over *wsman*; nothing is sent yet."""
    pool = Pool(wsman, None, wsman.deadline, connection.configuration or _DEFAULTS[connection.type][1])
    # Without TLS the sign-in's keys encrypt the messages; a simulator is on this machine.
    authentic = connection.simulated or not _has_tls(connection) or connection.verify_certificate
    cast(ServerShell, pool.shell).authentic = authentic
    return pool


def _has_tls(connection: Connection) -> bool:
    return connection.tls and not (connection.simulated and not connection.ca_file)
