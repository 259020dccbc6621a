"""The HTTP server in front of the WS-Management face: Basic authentication, keep-alive, optional TLS."""

import hmac
import ssl
from base64 import b64encode
from pathlib import Path

from bulkps.simulator.wire.http_base import Handler, Listener
from bulkps.simulator.wire.shell_base import ConnectionLost
from bulkps.simulator.wire.wsman import Endpoint

_PATHS = {"/wsman", "/powershell"}


class Server(Listener):
    """Serves an endpoint.

    Args:
        address: Host and port; port 0 takes a free one.
        endpoint: What answers requests.
        credentials: User name and password.
        certificate: Paths of the PEM files of certificate and key, or None for plain HTTP.
    """

    def __init__(
        self,
        address: tuple[str, int],
        endpoint: Endpoint,
        credentials: tuple[str, str],
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.authorization = b"Basic " + b64encode(":".join(credentials).encode())
        super().__init__(address, _Handler)
        if certificate is not None:
            self.socket = _with_tls(self, certificate)


class _Handler(Handler):
    content_type = "application/soap+xml;charset=UTF-8"
    server: Server

    def reply(self, body: bytes | None) -> None:
        """Answer a WS-Management request."""
        given = (self.headers.get("Authorization") or "").encode("latin-1", errors="replace")
        if not hmac.compare_digest(given, self.server.authorization):
            self.answer(401, b"", {"WWW-Authenticate": 'Basic realm="WSMAN"'})
            return
        if self.path.rstrip("/").casefold() not in _PATHS:
            self.answer(404, b"")
            return
        if body is None:
            self.answer(405, b"")
            return
        try:
            status, answer = self.server.endpoint.handle(body)
        except ConnectionLost:
            self.close_connection = True
            return
        self.answer(status, answer)


def _with_tls(server: Server, certificate: tuple[Path, Path]) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    # The handshake is left to the connection's own thread: a client that never finishes it must not keep
    # the others waiting.
    return context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
