"""HTTP as a session believes it: an answer has a size and a time, and comes from who was asked."""

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

#: The most bytes of one answer. What we ask for is an envelope of at most 500 kB.
LARGEST_ANSWER = 8 * 2**20
_ENCRYPTED = ("multipart/encrypted;", "multipart/x-multi-encrypted;")


class AnswerLimits:
    """How long the answers to one request may take in all, signing in included, and how large each may be.

    A socket's own timeout begins anew with every byte that comes: a drip of them never ends.

    Args:
        read_timeout: Seconds from one piece of an answer to the next.
        total: Seconds for all of it.
        deadline: What the request is a part of.
    """

    def __init__(self, read_timeout: float, total: float, deadline: Deadline) -> None:
        self._read_timeout, self._total, self._deadline = read_timeout, total, deadline
        self._until = 0.0

    def begin(self) -> None:
        """Begin a request."""
        self._until = time.monotonic() + self._total

    def wait(self) -> float:
        """Return for how long the next piece may be waited for.

        Raises:
            TimeLimitError: If there is no time left.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            text = f"the server's answer was not complete after {self._total:g} seconds"
            raise TimeLimitError(text + self._deadline.during)
        return self._deadline.wait(min(self._read_timeout, left))


class _LimitedReader(io.RawIOBase):
    """What http.client reads an answer from, with its limits."""

    def __init__(self, limits: AnswerLimits, connection: socket.socket, raw: io.RawIOBase) -> None:
        # The name is the one by which pypsrp finds the certificate that it binds a sign-in to.
        self._sock, self._limits, self._raw = connection, limits, raw
        self._left = LARGEST_ANSWER

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._limits.wait())
        try:
            count = self._raw.readinto(buffer)
        except TimeoutError:
            # Whichever limit it was: the one that is over says so better than the socket.
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
    """Looks at each answer before anybody reads or follows it, those to a sign-in's steps included."""

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
                f"the server's answer is packed as {encoding!r}, which was not asked for"
            )
        if 300 <= response.status_code < 400:
            response.close()
            to = urlsplit(response.headers.get("location", "")).hostname or "itself"
            raise AnswerRefusedError(
                f"the server wants the request to be sent to {to} instead (HTTP {response.status_code}); "
                "no redirect is followed: if that is right, name it in the connection's server"
            )
        return response


def _limit(manager: Any, limits: AnswerLimits) -> None:
    """Let the connections that *manager* makes read with *limits*."""
    manager.pool_classes_by_scheme = {
        scheme: _pool_class(kind, limits) for scheme, kind in manager.pool_classes_by_scheme.items()
    }


def _pool_class(kind: Any, limits: AnswerLimits) -> Any:
    class Connection(kind.ConnectionCls):  # type: ignore[misc]
        # Static: from Python 3.14 on a partial is bound like a method.
        response_class = staticmethod(partial(_LimitedResponse, limits))

    class Pool(kind):  # type: ignore[misc]
        ConnectionCls = Connection

    return Pool


def limit_transport(wsman: WSMan, limits: AnswerLimits) -> None:
    """Let *wsman* send each request once, and believe only answers within *limits*."""
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
    """Return what *response* says, decrypted.

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
        # Anybody on the way can write such a one. A fault that says "that is no session of mine" would make
        # a row be sent again that ran.
        raise AnswerRefusedError(
            f"the server answered without encryption (HTTP {response.status_code}) in a session whose "
            "messages are encrypted; such an answer is not believed"
        )
    # SOAP has no type definitions; the entities of one can make much of little.
    defines = b"<!DOCTYPE" in content
    if response.status_code >= 400:
        # A web server's error page has one. It is shown, and not read as SOAP.
        text = content.decode("utf-8", "replace").replace("<!DOCTYPE", "<!doctype")
        raise WinRMTransportError("http", response.status_code, text)
    if defines:
        raise AnswerRefusedError("the server's answer has a document type definition")
    return content
