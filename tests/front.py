"""An HTTP server before a simulator's endpoint: it answers as a test tells it to, and can sign in by NTLM."""

import re
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
import spnego
from pypsrp.encryption import WinRMEncryption

from bulkps.simulator import Simulator
from bulkps.simulator.wire.shell_base import ConnectionLost

USER, PASSWORD = "simulator", "simulator"
_ACTION = re.compile(rb"<\w+:Action[^>]*>[^<]*/(\w+)</")
_MESSAGE = re.compile(rb"<\w+:MessageID>uuid:([^<]+)<")


@dataclass(frozen=True)
class Reply:
    """What is answered.

    Attributes:
        status: The HTTP status.
        body: The answer.
        headers: Further headers.
        encrypted: Whether it is encrypted where messages are.
        write: Writes head and body itself, onto the connection.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    encrypted: bool = True
    write: Callable[[Any], None] | None = None


@dataclass(frozen=True)
class Request:
    """A request that came.

    Attributes:
        action: Such as ``Command``.
        number: Which of its action it is, from 1.
        body: What it says.
        real: Lets the simulator answer it, once.
    """

    action: str
    number: int
    body: bytes
    real: Callable[[], Reply]

    @property
    def message(self) -> str:
        """Its message id."""
        found = _MESSAGE.search(self.body)
        return found[1].decode() if found else ""


def as_it_is(request: Request) -> Reply:
    return request.real()


class Front:
    """Listens on loopback, before *simulator*; a context manager.

    Args:
        simulator: What answers.
        answer: What is answered instead.
        ntlm: Whether clients sign in by NTLM and encrypt every message.
    """

    def __init__(
        self, simulator: Simulator, answer: Callable[[Request], Reply] = as_it_is, *, ntlm: bool = False
    ) -> None:
        self.simulator, self.answer, self.ntlm = simulator, answer, ntlm
        self.seen: dict[str, int] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.front = self  # type: ignore[attr-defined]
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "Front":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def reply(self, body: bytes) -> Reply:
        """Return what answers *body*."""
        action = (_ACTION.search(body) or [b"", b""])[1].decode()
        with self._lock:
            number = self.seen[action] = self.seen.get(action, 0) + 1
        return self.answer(Request(action, number, body, lambda: self._real(body)))

    def _real(self, body: bytes) -> Reply:
        server: Any = self.simulator._server
        return Reply(*server.endpoint.handle(body))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.front: Front = self.server.front  # type: ignore[attr-defined]
        self.context: Any = None

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on the screen."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        encryption = None
        if self.front.ntlm:
            if self.context is None or not self.context.complete:
                self._sign_in(bool(body))
                return
            encryption = WinRMEncryption(self.context, WinRMEncryption.SPNEGO)
            body = encryption.unwrap_message(body, "Encrypted Boundary")
        try:
            reply = self.front.reply(body)
        except ConnectionLost:
            self.close_connection = True
            return
        if reply.write is not None:
            reply.write(self.wfile)
            self.close_connection = True
            return
        headers = {"Content-Type": "application/soap+xml;charset=UTF-8", **reply.headers}
        if encryption is not None and reply.encrypted and reply.body:
            kind, wrapped = encryption.wrap_message(reply.body)
            reply = replace(reply, body=wrapped)
            headers["Content-Type"] = f'{kind};protocol="{encryption.protocol}";boundary="Encrypted Boundary"'
        self._send(reply.status, reply.body, headers)

    def _sign_in(self, early: bool) -> None:
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        if not token:
            self._send(401, b"", {"WWW-Authenticate": "NTLM"})
            return
        if self.context is None:
            options = spnego.NegotiateOptions.use_ntlm | spnego.NegotiateOptions.wrapping_winrm
            self.context = spnego.server(protocol="ntlm", options=options)
        answer = self.context.step(b64decode(token))
        challenge = {"WWW-Authenticate": f"{scheme} {b64encode(answer).decode()}"} if answer else {}
        self._send(200 if self.context.complete and not early else 401, b"", challenge)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def allow_ntlm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let servers of this process know the simulator's account."""
    users = folder / "users"
    users.write_text(f"EXAMPLE:{USER}:{PASSWORD}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(users))


def fault(request: Request, code: int, text: str = "forged") -> bytes:
    """Return a fault that answers *request*."""
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"><s:Header>'
        f"<a:RelatesTo>uuid:{request.message}</a:RelatesTo></s:Header><s:Body><s:Fault><s:Code>"
        "<s:Value>s:Receiver</s:Value></s:Code><s:Reason>"
        f'<s:Text xml:lang="en">{text}</s:Text></s:Reason><s:Detail><f:WSManFault '
        f'xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{code}" Machine="m">'
        f"<f:Message>{text}</f:Message></f:WSManFault></s:Detail></s:Fault></s:Body></s:Envelope>"
    ).encode()
