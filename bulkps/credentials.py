"""Where a connection's password comes from: environment, keyring, or whoever can be asked.

A stored password must not reach another server than it was meant for, whatever the settings say: a variable
is one connection's, a keyring's entry one server's, and BULKPS_SERVERS names the only servers there are.
"""

import os
import re
from collections.abc import Callable, Mapping

import keyring
from keyring.errors import KeyringError

from bulkps.errors import CannotConnect
from bulkps.exchange.invocation import Secret
from bulkps.sessions.connection import Auth, Connection, ConnectionType, Credentials

#: The service name under which a keyring holds bulkps's passwords, with a colon and the server behind it
#: where the connection has one. The entry is the user's name.
SERVICE = "bulkps"
PASSWORD, CERTIFICATE_PASSWORD = "BULKPS_PASSWORD", "BULKPS_CERTIFICATE_PASSWORD"
#: The only servers that a password is sent to, with commas between them; any where it is not set.
SERVERS = "BULKPS_SERVERS"


def credentials(
    name: str, connections: Mapping[str, Connection], ask: Callable[[str], str] | None
) -> Credentials:
    """Return the secrets of the connection called *name*; see ``password``.

    The password of exchange_online's certificate file is looked for in
    BULKPS_CERTIFICATE_PASSWORD_<CONNECTION>, BULKPS_CERTIFICATE_PASSWORD and the keyring (the entry is the
    file's path as it stands in the settings) by the same rules; a file may have none.

    Raises:
        CannotConnect: If a password is needed and nowhere to be had, or must not go to the server.
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
    """Return the password for the connection called *name*, or None where none is needed.

    Looked for in BULKPS_PASSWORD_<CONNECTION>; in BULKPS_PASSWORD where no other connection takes a password;
    in the keyring (service ``bulkps:<server>``); and at last asked for.

    Args:
        name: The connection's name.
        connections: Every connection of the settings by name.
        ask: Asks a person, given the question; None if nobody is there.

    Raises:
        CannotConnect: If one is needed and nowhere to be had, or must not go to the server.
    """
    connection = connections[name]
    if not _takes_password(connection):
        if connection.auth is Auth.BASIC and not (connection.simulated or connection.username):
            raise CannotConnect(name, "auth basic needs a username", f"set connections.{name}.username")
        # Kerberos and NTLM sign in as whoever runs bulkps.
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
    """Return what a variable holds for connection *name*, one of those that are *taking* such a secret."""
    own = _variable(prefix, name)
    if found := os.environ.get(own):
        others = [other for other in taking if other != name and _variable(prefix, other) == own]
        if others:
            raise CannotConnect(
                name,
                f"{own} would be the password of {', '.join(others)} too, and so reach two servers",
                "give the connections names that differ by more than their signs",
            )
        return found
    # Of several connections it says for none of them that it is meant.
    return os.environ.get(prefix) if taking == [name] else None


def _check_server(name: str, connection: Connection) -> None:
    """Refuse to send a secret to a server that BULKPS_SERVERS does not name."""
    allowed = [one.strip().casefold() for one in os.environ.get(SERVERS, "").split(",") if one.strip()]
    if allowed and connection.server and connection.server.casefold() not in allowed:
        raise CannotConnect(
            name,
            f"{connection.server} is none of the servers that {SERVERS} names ({', '.join(allowed)}), so no "
            "password is sent there",
            f"if it is the right server, add it to {SERVERS}; if not, find out who changed the settings",
        )


def _nowhere(name: str, connection: Connection, taking: list[str]) -> CannotConnect:
    own, why = _variable(PASSWORD, name), f"no password for {connection.username}"
    if os.environ.get(PASSWORD) and len(taking) > 1:
        why += (
            f": {PASSWORD} is set, but {len(taking)} connections of the settings take a password "
            f"({', '.join(taking)}) and it does not say for which of their servers it is"
        )
    return CannotConnect(
        name,
        why,
        f"set {own}, store it with \"keyring set {_service(connection)} '{connection.username}'\", or run it "
        "where you can be asked",
    )


def _service(connection: Connection) -> str:
    return f"{SERVICE}:{connection.server.casefold()}" if connection.server else SERVICE


def _from_keyring(connection: Connection, entry: str) -> str | None:
    try:
        return keyring.get_password(_service(connection), entry)
    except KeyringError:
        # No keyring on this machine is the normal case on a server.
        return None
