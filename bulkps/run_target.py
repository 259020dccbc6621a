"""Where a run goes, and whether that connection can be used."""

import getpass
import socket
from dataclasses import dataclass
from pathlib import Path

from bulkps.engine.config import BulkOperationConfig
from bulkps.errors import UsageProblem
from bulkps.exchange.error_catalog import KnownError
from bulkps.operations.model import Operation
from bulkps.operations.release_support import RELEASES, releases
from bulkps.sessions.connection import Connection, ConnectionType, Credentials
from bulkps.sessions.session_factory import simulator_options
from bulkps.simulator import REHEARSED


@dataclass(frozen=True)
class Target:
    """Where a run goes.

    Attributes:
        name: The connection's name.
        connection: The connection.
        credentials: Its secrets.
        config: How the run may proceed.
        catalogue: What errors mean.
    """

    name: str
    connection: Connection
    credentials: Credentials
    config: BulkOperationConfig
    catalogue: tuple[KnownError, ...]


def who() -> str:
    """Return the user and host that the records name."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        # There is no such variable and no such account, for example for a container's numeric user.
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def check_target(operation: Operation, target: Target) -> None:
    """Refuse an operation that the connection's Exchange does not support.

    Raises:
        UsageProblem: If every on-premises release lacks a cmdlet or parameter of it.
    """
    found = releases(operation)
    on_premises = target.connection.type is ConnectionType.EXCHANGE
    if on_premises and set(found) <= {"EXO"}:
        raise UsageProblem(
            f"{operation.name} needs cmdlets that only Exchange Online has, and connection {target.name!r} "
            "is an Exchange Server (type exchange); nothing was sent"
        )
    check_connection(target.name, target.connection)


def check_rehearsal(operation: Operation, target: Target) -> None:
    """Refuse what the embedded simulator has no rules for.

    Raises:
        UsageProblem: If the operation sends a cmdlet that its tenant does not know.
    """
    if not target.connection.embedded:
        return
    unknown = [step.cmdlet for step in operation.steps if step.cmdlet not in REHEARSED]
    if unknown:
        changes = sorted(name for name in REHEARSED if not name.startswith("Get-"))
        raise UsageProblem(
            f"the simulator has no rules for {', '.join(dict.fromkeys(unknown))}; nothing was sent. To see "
            "what would be sent, add --dry-run; to send it, choose a connection with --connection. These can "
            f"be rehearsed: {', '.join(changes)}"
        )


def connection_warnings(name: str, connection: Connection) -> list[str]:
    """Return what is unsafe about a connection, as sentences."""
    if not connection.server or not connection.tls or connection.verify_certificate:
        return []
    sentence = (
        f"connections.{name}.verify_certificate is false: anyone on the network between this computer and "
        f"{connection.server} can read and change everything, including the password. Set ca_file to the "
        "issuer's certificate instead"
    )
    return [sentence]


def offered(connection: Connection) -> tuple[str, ...]:
    """Return the Exchange releases that a connection may lead to."""
    if connection.type is ConnectionType.EXCHANGE:
        return tuple(release for release in RELEASES if release != "EXO")
    return ("EXO",) if connection.exchange_online or connection.embedded else RELEASES


def check_connection(name: str, connection: Connection) -> None:
    """Refuse a connection that cannot be used as it is, before anything is created for it.

    Raises:
        UsageProblem: If its certificate file does not exist, or its simulator cannot be created.
    """
    if connection.ca_file and not Path(connection.ca_file).is_file():
        raise UsageProblem(
            f"connections.{name}.ca_file: the file {connection.ca_file} does not exist; nothing was sent"
        )
    if connection.embedded:
        try:
            simulator_options(connection.simulator)
        except ValueError as error:
            raise UsageProblem(f"connections.{name}.simulator: {error}; nothing was sent") from error
