"""Where a connection's password comes from: environment, keyring, or whoever can be asked."""

import os
import re
from collections.abc import Callable

import keyring
from keyring.errors import KeyringError

from bulkps.errors import CannotConnect
from bulkps.exchange.cmdlet import Secret
from bulkps.sessions.connection import Auth, Connection, ConnectionType, Credentials

#: The service name under which a keyring holds bulkps's passwords; the entry is the user's name.
SERVICE = "bulkps"


def credentials(name: str, connection: Connection, ask: Callable[[str], str] | None) -> Credentials:
    """Return the secrets of *connection*; see ``password``.

    The password of exchange_online's certificate file is looked for in
    BULKPS_CERTIFICATE_PASSWORD_<CONNECTION>, BULKPS_CERTIFICATE_PASSWORD and the keyring (the entry is the
    file's path as it stands in the settings); a file may have none.

    Raises:
        CannotConnect: If a password is needed and nowhere to be had.
    """
    online = connection.exchange_online
    certificate = None
    if online and online.certificate_file:
        found = (
            os.environ.get(_variable("BULKPS_CERTIFICATE_PASSWORD", name))
            or os.environ.get("BULKPS_CERTIFICATE_PASSWORD")
            or _from_keyring(online.certificate_file)
        )
        certificate = Secret(found) if found else None
    return Credentials(password(name, connection, ask), certificate)


def _variable(prefix: str, connection: str) -> str:
    return f"{prefix}_" + re.sub(r"\W", "_", connection).upper()


def password(name: str, connection: Connection, ask: Callable[[str], str] | None) -> Secret | None:
    """Return the password for *connection*, or None where none is needed.

    Looked for in BULKPS_PASSWORD_<CONNECTION>, BULKPS_PASSWORD, the keyring (service ``bulkps``), and at
    last asked for.

    Args:
        name: The connection's name.
        connection: The connection.
        ask: Asks a person, given the question; None if nobody is there.

    Raises:
        CannotConnect: If one is needed and nowhere to be had.
    """
    if connection.simulated or connection.type is ConnectionType.PROCESS:
        return None
    if not connection.username:
        if connection.auth is Auth.BASIC:
            raise CannotConnect(name, "auth basic needs a username", f"set connections.{name}.username")
        # Kerberos and NTLM sign in as whoever runs bulkps.
        return None
    own = _variable("BULKPS_PASSWORD", name)
    found = os.environ.get(own) or os.environ.get("BULKPS_PASSWORD") or _from_keyring(connection.username)
    if not found and ask is not None:
        found = ask(f"Password of {connection.username} for {connection.server}")
    if not found:
        if connection.auth is Auth.KERBEROS:
            return None
        raise CannotConnect(
            name,
            f"no password for {connection.username}",
            f"set {own} or BULKPS_PASSWORD, store it with 'keyring set {SERVICE} {connection.username}', "
            "or run it where you can be asked",
        )
    return Secret(found)


def _from_keyring(username: str) -> str | None:
    try:
        return keyring.get_password(SERVICE, username)
    except KeyringError:
        # No keyring on this machine is the normal case on a server.
        return None
