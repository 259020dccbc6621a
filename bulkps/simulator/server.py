"""The HTTP server in front of the WS-Management face: Basic authentication, keep-alive, optional TLS."""

import hmac
import os
import socket
import socketserver
import ssl
import sys
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bulkps.simulator.shells import ConnectionLost
from bulkps.simulator.wsman import Endpoint

_PATHS = {"/wsman", "/powershell"}
_MAX_BODY = 64 * 1024 * 1024
_POLL_SECONDS = 0.05


class Server(ThreadingHTTPServer):
    """Listens from the moment that it is made; ``start`` answers, ``stop`` ends it.

    Args:
        address: Host and port; port 0 takes a free one.
        endpoint: What answers requests.
        credentials: User name and password.
        certificate: Paths of the PEM files of certificate and key, or None for plain HTTP.
    """

    daemon_threads = True
    # Connections are ended and their threads joined by stop(): those of ThreadingMixIn are joined only if
    # they are no daemons, and then a program that forgets stop() never ends.
    block_on_close = False
    # On Windows it would let a second simulator take the same port unnoticed.
    allow_reuse_address = os.name != "nt"
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        endpoint: Endpoint,
        credentials: tuple[str, str],
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.authorization = b"Basic " + b64encode(":".join(credentials).encode())
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._answering: list[threading.Thread] = []
        self._stopping = False
        super().__init__(address, _Handler)
        if certificate is not None:
            self.socket = _with_tls(self, certificate)
        self._listener = threading.Thread(
            target=self.serve_forever, args=(_POLL_SECONDS,), name="simulator-listener", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._listener.start()

    def stop(self) -> None:
        """Close every connection and wait for the threads."""
        self._stopping = True
        if self._listener.is_alive():
            self.shutdown()
            self._listener.join()
        with self._lock:
            connections, threads = list(self._connections), list(self._answering)
        for connection in connections:
            self._hang_up(connection)
        for thread in threads:
            thread.join()
        self.server_close()

    def server_bind(self) -> None:
        """Bind without the look-up of the host's full name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer the requests of one connection in a thread of its own."""
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        with self._lock:
            self._connections.add(request)
            self._answering = [thread, *(other for other in self._answering if other.is_alive())]
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about a client that went away; anything else is a bug and is shown."""
        if not self._stopping and not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    @staticmethod
    def _hang_up(connection: socket.socket) -> None:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # its client was quicker


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Microsoft-HTTPAPI/2.0"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet for head and body
    server: Server

    def do_POST(self) -> None:
        """Answer a WS-Management request."""
        given_length = self.headers.get("Content-Length") or "0"
        length = int(given_length) if given_length.isdecimal() else _MAX_BODY + 1
        if length > _MAX_BODY:
            self.close_connection = True
            self._send(413, b"")
            return
        body = self.rfile.read(length)
        given = (self.headers.get("Authorization") or "").encode("latin-1", errors="replace")
        if not hmac.compare_digest(given, self.server.authorization):
            self._send(401, b"", {"WWW-Authenticate": 'Basic realm="WSMAN"'})
            return
        if self.path.rstrip("/").casefold() not in _PATHS:
            self._send(404, b"")
            return
        try:
            status, answer = self.server.endpoint.handle(body)
        except ConnectionLost:
            self.close_connection = True
            return
        self._send(status, answer)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", "application/soap+xml;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep no access log."""


def _with_tls(server: Server, certificate: tuple[Path, Path]) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    # The handshake is left to the connection's own thread: a client that never finishes it must not keep
    # the others waiting.
    return context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
