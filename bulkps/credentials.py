"""Where a connection's password comes from: environment, keyring, or a prompt.

A stored password must not reach a server that it was not meant for, whatever the settings say: a variable
belongs to one connection, a keyring entry to one server, and BULKPS_SERVERS lists the only servers allowed.
"""

import os
import re
from collections.abc import Callable, Mapping

import keyring
from keyring.errors import KeyringError

from bulkps.errors import CannotConnect
from bulkps.exchange.calls_and_outcomes import Secret
from bulkps.sessions.connection import Auth, Connection, ConnectionType, Credentials

#: The service name of bulkps's passwords in a keyring, followed by a colon and the server if the connection
#: has one. The entry is the user's name.
SERVICE = "bulkps"
PASSWORD, CERTIFICATE_PASSWORD = "BULKPS_PASSWORD", "BULKPS_CERTIFICATE_PASSWORD"
#: The only servers that a password is sent to, separated by commas; if it is not set, any server.
SERVERS = "BULKPS_SERVERS"


def credentials(
    name: str, connections: Mapping[str, Connection], ask: Callable[[str], str] | None
) -> Credentials:
    """Return the secrets of the connection called *name*; see ``password``.

    The password of exchange_online's certificate file is looked for in
    BULKPS_CERTIFICATE_PASSWORD_<CONNECTION>, BULKPS_CERTIFICATE_PASSWORD and the keyring (the entry is the
    file's path as it stands in the settings) by the same rules; a file may have none.

    Raises:
        CannotConnect: If a password is needed and not found, or must not go to the server.
    """
    connection = connections[name]
    online = connection.exchange_online
    certificate = None
    if online and online.certificate_file:
        having = [other for other, one in connections.items() if _has_certificate_file(one)]
        found = _from_environment(CERTIFICATE_PASSWORD, name, having) or _from_keyring(
            connection, online.certificate_file
        )
        if found:
            _check_server(name, connection)
            certificate = Secret(found)
    return Credentials(password(name, connections, ask), certificate)


def password(
    name: str, connections: Mapping[str, Connection], ask: Callable[[str], str] | None
) -> Secret | None:
    """Return the password for the connection called *name*, or None if none is needed.

    It is looked for in BULKPS_PASSWORD_<CONNECTION>; in BULKPS_PASSWORD if no other connection takes a
    password; in the keyring (service ``bulkps:<server>``). If none has it, a person is asked.

    Args:
        name: The connection's name.
        connections: Every connection of the settings by name.
        ask: Asks a person, given the question; None if no one can be asked.

    Raises:
        CannotConnect: If one is needed and not found, or must not go to the server.
    """
    connection = connections[name]
    if not _takes_password(connection):
        if connection.auth is Auth.BASIC and not (connection.simulated or connection.username):
            raise CannotConnect(name, "auth basic needs a username", f"set connections.{name}.username")
        # Kerberos and NTLM sign in as the user who runs bulkps.
        return None
    _check_server(name, connection)
    taking = [other for other, one in connections.items() if _takes_password(one)]
    found = _from_environment(PASSWORD, name, taking) or _from_keyring(connection, connection.username)
    if not found and ask is not None:
        found = ask(f"Password of {connection.username} for {connection.server}")
    if not found:
        if connection.auth is Auth.KERBEROS:
            return None
        raise _nowhere(name, connection, taking)
    return Secret(found)


def _takes_password(connection: Connection) -> bool:
    here = connection.simulated or connection.type is ConnectionType.PROCESS
    return bool(connection.username) and not here


def _has_certificate_file(connection: Connection) -> bool:
    return bool(connection.exchange_online and connection.exchange_online.certificate_file)


def _variable(prefix: str, connection: str) -> str:
    return f"{prefix}_" + re.sub(r"\W", "_", connection).upper()


def _from_environment(prefix: str, name: str, taking: list[str]) -> str | None:
    """Return the secret that a variable holds for connection *name*, one of those *taking* such a secret."""
    own = _variable(prefix, name)
    if found := os.environ.get(own):
        others = [other for other in taking if other != name and _variable(prefix, other) == own]
        if others:
            raise CannotConnect(
                name,
                f"{own} would also be the password of {', '.join(others)}, and would go to two servers",
                "give the connections names that differ in letters or digits",
            )
        return found
    # With several connections the general variable does not say which one it is for.
    return os.environ.get(prefix) if taking == [name] else None


def _check_server(name: str, connection: Connection) -> None:
    """Refuse to send a secret to a server that BULKPS_SERVERS does not name."""
    allowed = [one.strip().casefold() for one in os.environ.get(SERVERS, "").split(",") if one.strip()]
    if allowed and connection.server and connection.server.casefold() not in allowed:
        raise CannotConnect(
            name,
            f"{connection.server} is not one of the servers in {SERVERS} ({', '.join(allowed)}), so no "
            "password is sent there",
            f"if it is the right server, add it to {SERVERS}; if not, find out who changed the settings",
        )


def _nowhere(name: str, connection: Connection, taking: list[str]) -> CannotConnect:
    own, why = _variable(PASSWORD, name), f"no password for {connection.username}"
    if os.environ.get(PASSWORD) and len(taking) > 1:
        why += (
            f": {PASSWORD} is set, but {len(taking)} connections in the settings take a password "
            f"({', '.join(taking)}), and {PASSWORD} does not say which one it is for"
        )
    return CannotConnect(
        name,
        why,
        f"set {own}, store it with \"keyring set {_service(connection)} '{connection.username}'\", or run "
        "bulkps in a terminal, where it can ask you",
    )


def _service(connection: Connection) -> str:
    return f"{SERVICE}:{connection.server.casefold()}" if connection.server else SERVICE


def _from_keyring(connection: Connection, entry: str) -> str | None:
    try:
        return keyring.get_password(_service(connection), entry)
    except KeyringError:
        # No keyring on this machine is the normal case on a server.
        return None
