"""Limits for HTTP answers: their size, their time, and that they come from the server that was asked."""

import io
import socket
import time
from functools import partial
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import requests
from pypsrp.exceptions import AuthenticationError, WinRMTransportError
from pypsrp.wsman import WSMan

from bulkps.sessions.deadline import Deadline
from bulkps.sessions.wire_errors import AnswerRefusedError, TimeLimitError

#: The most bytes of one answer. bulkps asks for an envelope of at most 500 kB.
LARGEST_ANSWER = 8 * 2**20
_ENCRYPTED = ("multipart/encrypted;", "multipart/x-multi-encrypted;")


class AnswerLimits:
    """How long the answers to one request may take in all, including sign-in, and how large each may be.

    A socket's own timeout starts again with every byte: an answer that trickles in would never end.

    Args:
        read_timeout: Seconds from one piece of an answer to the next.
        total: Seconds for all of it.
        deadline: The limit for the work that the request belongs to.
    """

    def __init__(self, read_timeout: float, total: float, deadline: Deadline) -> None:
        self._read_timeout, self._total, self._deadline = read_timeout, total, deadline
        self._until = 0.0

    def begin(self) -> None:
        """Start a request."""
        self._until = time.monotonic() + self._total

    def wait(self) -> float:
        """Return how long to wait for the next piece.

        Raises:
            TimeLimitError: If there is no time left.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            text = f"the server's answer was not complete after {self._total:g} seconds"
            raise TimeLimitError(text + self._deadline.during)
        return self._deadline.wait(min(self._read_timeout, left))


class _LimitedReader(io.RawIOBase):
    """The stream from which http.client reads an answer, with limits."""

    def __init__(self, limits: AnswerLimits, connection: socket.socket, raw: io.RawIOBase) -> None:
        # pypsrp needs this name: through it, it finds the certificate that it binds a sign-in to.
        self._sock, self._limits, self._raw = connection, limits, raw
        self._left = LARGEST_ANSWER

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._limits.wait())
        try:
            count = self._raw.readinto(buffer)
        except TimeoutError:
            # If one of our limits has passed, its message is better than the socket's.
            self._limits.wait()
            raise
        self._left -= count or 0
        if self._left < 0:
            raise AnswerRefusedError(f"the server's answer is larger than {LARGEST_ANSWER // 2**20} MB")
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _LimitedResponse(HTTPResponse):
    def __init__(self, limits: AnswerLimits, sock: socket.socket, *args: Any, **settings: Any) -> None:
        super().__init__(sock, *args, **settings)
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_LimitedReader(limits, sock, raw))


class _LimitedAdapter(requests.adapters.HTTPAdapter):
    """Checks each answer before anything reads or follows it, also during sign-in."""

    def __init__(self, limits: AnswerLimits) -> None:
        self._limits = limits
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **settings: Any) -> None:
        super().init_poolmanager(*args, **settings)
        _limit(self.poolmanager, self._limits)

    def proxy_manager_for(self, *args: Any, **settings: Any) -> Any:
        manager = super().proxy_manager_for(*args, **settings)
        _limit(manager, self._limits)
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **settings: Any) -> requests.Response:
        response = super().send(request, *args, **settings)
        encoding = response.headers.get("content-encoding", "")
        if encoding.casefold() not in ("", "identity"):
            response.close()
            raise AnswerRefusedError(
                f"the server's answer is compressed as {encoding!r}, which was not requested"
            )
        if 300 <= response.status_code < 400:
            response.close()
            to = urlsplit(response.headers.get("location", "")).hostname or "itself"
            raise AnswerRefusedError(
                f"the server redirects to {to} (HTTP {response.status_code}), and bulkps follows no "
                "redirects. If that is the right server, set it as server of the connection"
            )
        return response


def _limit(manager: Any, limits: AnswerLimits) -> None:
    """Make the connections of *manager* read with *limits*."""
    manager.pool_classes_by_scheme = {
        scheme: _pool_class(kind, limits) for scheme, kind in manager.pool_classes_by_scheme.items()
    }


def _pool_class(kind: Any, limits: AnswerLimits) -> Any:
    class Connection(kind.ConnectionCls):  # type: ignore[misc]
        # Static: from Python 3.14 a partial is bound like a method.
        response_class = staticmethod(partial(_LimitedResponse, limits))

    class Pool(kind):  # type: ignore[misc]
        ConnectionCls = Connection

    return Pool


def limit_transport(wsman: WSMan, limits: AnswerLimits) -> None:
    """Make *wsman* send each request once, and accept only answers within *limits*."""
    transport: Any = wsman.transport
    build, send = transport._build_session, transport.send

    def built() -> requests.Session:
        session: requests.Session = build()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _LimitedAdapter(limits))
        return session

    def once(message: bytes, *, retries_on_read_timeout: int = 0, timeout: Any = None) -> bytes:
        limits.begin()
        answer: bytes = send(message)
        return answer

    def believed(request: requests.PreparedRequest, timeout: Any = None) -> bytes:
        wait = min(limits.wait(), transport.connection_timeout), limits.wait()
        response = transport.session.send(request, timeout=wait, allow_redirects=False)
        return _content(transport, response)

    transport._build_session, transport.send, transport._send_request = built, once, believed


def _content(transport: Any, response: requests.Response) -> bytes:
    """Return the content of *response*, decrypted.

    Raises:
        AnswerRefusedError: If messages are encrypted and this one is not.
        AuthenticationError: If the sign-in was refused.
        WinRMTransportError: If it is an error.
    """
    if response.status_code == 401:
        raise AuthenticationError(
            f"Failed to authenticate the user {transport.username} with {transport.auth}"
        )
    kind = response.headers.get("content-type", "")
    content = response.content
    if kind.startswith(_ENCRYPTED) and transport.encryption is not None:
        boundary = kind.partition("boundary=")[2].split(";")[0].strip("\"' ")
        content = transport.encryption.unwrap_message(content, boundary)
    elif transport.encryption is not None:
        # Anyone on the network can forge such an answer. A forged fault "this session does not exist" would
        # make bulkps send a row again that had run.
        raise AnswerRefusedError(
            f"the server answered without encryption (HTTP {response.status_code}) in a session whose "
            "messages are encrypted; such an answer is not trusted"
        )
    # SOAP has no type definitions; their entities can expand a small text to a huge one.
    defines = b"<!DOCTYPE" in content
    if response.status_code >= 400:
        # A web server's error page has one. It is only shown, not read as SOAP.
        text = content.decode("utf-8", "replace").replace("<!DOCTYPE", "<!doctype")
        raise WinRMTransportError("http", response.status_code, text)
    if defines:
        raise AnswerRefusedError("the server's answer has a document type definition")
    return content
