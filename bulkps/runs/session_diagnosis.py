"""Opens a session as a run would, and reports what it finds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from bulkps.engine.interfaces import SessionRefusedError
from bulkps.errors import CannotConnect
from bulkps.exchange.error_catalog import KnownError, classify
from bulkps.operations.model import Operation
from bulkps.operations.release_support import expected, releases
from bulkps.preflight.runner import CMDLETS
from bulkps.run_target import offered as releases_offered
from bulkps.runs.run_phases import cmdlets_of
from bulkps.sessions.capabilities import SessionFacts, describe, offered
from bulkps.sessions.connection import Connection, ConnectionType, Credentials
from bulkps.sessions.runspace_pool import abandon
from bulkps.sessions.session_factory import Opened, open_one, reachable

_LIBRARIES = ("bulkps", "pypsrp", "psrpcore", "click", "pydantic", "SQLAlchemy", "loguru", "PyYAML")


@dataclass(frozen=True)
class Need:
    """What an operation needs from a session.

    Attributes:
        operation: Its name, or ``pre-flight``.
        missing: Missing cmdlets (``New-Mailbox``) and parameters (``New-Mailbox -Archive``).
        counts: Whether it needs all of them: pre-flight works without some, and no Exchange Server has what
            only Exchange Online has.
    """

    operation: str
    missing: tuple[str, ...]
    counts: bool = True


@dataclass(frozen=True)
class Diagnosis:
    """What was found.

    Attributes:
        connection: The connection's name.
        way: How the connection reaches a runspace.
        simulated: Whether it leads to the simulator.
        session: What the session is.
        needs: For each operation, what it lacks.
        versions: Of bulkps and its libraries.
    """

    connection: str
    way: str
    simulated: bool
    session: SessionFacts
    needs: tuple[Need, ...]
    versions: dict[str, str]

    @property
    def complete(self) -> bool:
        """Whether every operation that can run here has everything that it needs."""
        return not any(need.missing and need.counts for need in self.needs)


def examine(
    name: str,
    connection: Connection,
    credentials: Credentials,
    operations: Iterable[Operation],
    catalogue: Sequence[KnownError],
) -> Diagnosis:
    """Open a session and return what it is and what it lacks.

    Raises:
        CannotConnect: If it cannot be opened, with the reason and what to do.
    """
    wanted = list(operations)
    cmdlets = list(dict.fromkeys(cmdlet for operation in wanted for cmdlet in cmdlets_of(operation)))
    cmdlets += [name for name in CMDLETS if any(one.preflight for one in wanted) and name not in cmdlets]
    with reachable(connection, credentials) as (there, secrets):
        try:
            opened = open_one(there, secrets, cmdlets)
        except SessionRefusedError as error:
            advice = classify([error.record], catalogue, mutates=False).known.advice
            raise CannotConnect(name, error.record.message, advice) from error
        try:
            facts = describe(opened)
            there_is = set(releases_offered(connection))
            needs = tuple(_need(opened, operation, there_is) for operation in wanted)
            needs += _preflight_needs(opened, wanted)
        finally:
            abandon(opened.pool)
            opened.close()
    return Diagnosis(name, _way(connection), connection.simulated, facts, needs, versions())


def versions() -> dict[str, str]:
    """Return the versions of bulkps and its libraries."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _need(opened: Opened, operation: Operation, there_is: set[str]) -> Need:
    missing: list[str] = []
    for cmdlet, parameters in expected(operation).items():
        missing += _missing(opened, cmdlet, parameters)
    return Need(operation.name, tuple(dict.fromkeys(missing)), bool(there_is & set(releases(operation))))


def _preflight_needs(opened: Opened, operations: Iterable[Operation]) -> tuple[Need, ...]:
    """Return what pre-flight lacks: it works without some cmdlets, and then says what it did not check."""
    if not any(operation.preflight for operation in operations):
        return ()
    return (Need("pre-flight", tuple(name for name in CMDLETS if offered(opened, name) is None), False),)


def _missing(opened: Opened, cmdlet: str, parameters: Iterable[str]) -> list[str]:
    there = offered(opened, cmdlet)
    if there is None:
        return [cmdlet]
    return [f"{cmdlet} -{name}" for name in parameters if name.casefold() not in there]


def _way(connection: Connection) -> str:
    if connection.type is ConnectionType.PROCESS:
        return f"a child PowerShell on this machine ({connection.executable or 'pwsh, else powershell'})"
    if connection.embedded:
        return "the simulator in this process"
    scheme = "https" if connection.tls and not connection.simulated else "http"
    return f"{connection.type.value}, {scheme} to {connection.server}, auth {connection.auth.value}"
