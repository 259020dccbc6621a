"""An HTTP server whose connections and threads all end with ``stop``; the services are built on it."""

import os
import socket
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_POLL_SECONDS = 0.05
_MAX_BODY = 64 * 1024 * 1024


class Listener(ThreadingHTTPServer):
    """Listens as soon as it is created; ``start`` starts to answer, ``stop`` ends it.

    Args:
        address: Host and port; port 0 takes a free one.
        handler: What answers the requests of a connection.
    """

    daemon_threads = True
    # Connections are ended and their threads joined by stop(): those of ThreadingMixIn are joined only if
    # they are no daemons, and then a program that forgets stop() never ends.
    block_on_close = False
    # On Windows it would let a second simulator take the same port unnoticed.
    allow_reuse_address = os.name != "nt"
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._answering: list[threading.Thread] = []
        self.stopping = threading.Event()
        super().__init__(address, handler)
        self._listener = threading.Thread(
            target=self.serve_forever, args=(_POLL_SECONDS,), name="simulator-listener", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._listener.start()

    def stop(self) -> None:
        """Close every connection and wait for the threads."""
        self.stopping.set()
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

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

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
        """Ignore a client that disconnected; show any other error, because it is a bug."""
        if not self.stopping.is_set() and not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    @staticmethod
    def _hang_up(connection: socket.socket) -> None:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # its client was quicker


class Handler(BaseHTTPRequestHandler):
    """Reads requests and writes answers of one connection; subclasses say what is answered."""

    protocol_version = "HTTP/1.1"
    server_version = "Microsoft-HTTPAPI/2.0"
    sys_version = ""
    content_type = "application/octet-stream"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet for head and body

    def reply(self, body: bytes | None) -> None:
        """Answer a request with *body*, or without one: a GET."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Answer a request without a body."""
        self.reply(None)

    def do_POST(self) -> None:
        """Answer a request with a body."""
        given = self.headers.get("Content-Length") or "0"
        length = int(given) if given.isdecimal() else _MAX_BODY + 1
        if length > _MAX_BODY:
            self.close_connection = True
            self.answer(413, b"")
            return
        self.reply(self.rfile.read(length))

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", self.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep no access log."""
