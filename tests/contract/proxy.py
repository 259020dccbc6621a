"""A TCP proxy before a WSMan endpoint that cuts, silences or slows one protocol step.

It carries plain HTTP with Content-Length, which is what the simulator speaks, and reads of each request
which step of the protocol it is. A step is its action and, where it is about a pipeline, the pipeline's
cmdlet: "Create", "Receive", "Command New-MailboxRestoreRequest". [MS-WSMV] 3.1.4
"""

import re
import socket
import struct
import threading
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from types import TracebackType
from typing import BinaryIO

#: How long it waits for either side before it takes a test for hung, in seconds.
_PATIENCE = 60.0
#: A slow answer comes in pieces of so many bytes, this many seconds apart.
_PIECE, _PAUSE = 400, 0.001

_ACTION = re.compile(rb"<\w+:Action[^>]*>[^<]*/(\w+)</")
_PIPELINE = re.compile(rb'CommandId="([^"]+)"')
_FRAGMENTS = re.compile(rb"<\w+:(?:Arguments|Stream)\b[^>]*>([^<]+)<")
_CMDLET = re.compile(rb'<S N="Cmd">([A-Za-z]+-[A-Za-z]+)</S>')
#: Object id, fragment id, whether it starts (1) and ends (2) a message, length. [MS-PSRP] 2.2.4
_FRAGMENT = struct.Struct(">QQBI")
_LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)


class Deed(Enum):
    """What is done to a step."""

    CUT_BEFORE = auto()  #: The connection is cut before the request is forwarded: it never happened.
    CUT_AFTER = auto()  #: It is cut when the server has answered, before the answer goes back.
    CUT_IN_HEAD = auto()  #: It is cut in the middle of the answer's first line.
    CUT_IN_BODY = auto()  #: It is cut in the middle of the answer's body.
    SILENT = auto()  #: The answer is held until whoever waits for it gives up.
    HANG_UP = auto()  #: The whole answer goes back, and then the connection is closed.
    SLOW = auto()  #: The answer goes back in small pieces, with pauses.
    DOWN = auto()  #: As CUT_BEFORE, and nobody listens any more until ``mend``.


@dataclass(frozen=True)
class Order:
    """Do *deed* to the request that is the *number*-th of *step*; 0 is every one of any step.

    Attributes:
        deed: What is done.
        step: The step.
        number: Which of its requests, from 1.
    """

    deed: Deed
    step: str = ""
    number: int = 1


class _Hangup(Exception):
    """This connection is over."""


class Proxy:
    """Listens on loopback and forwards to *port*; a context manager.

    Args:
        port: Where the endpoint listens.
        orders: What it does to which step.
        ready: Tells whether the endpoint has ended what it was sent. Nothing is cut before: whoever is cut
            off closes the session, and a server may drop what it has not begun.

    Attributes:
        port: Where it listens, inside the block.
        steps: The steps of the requests that came, in order.
        whole: How many pipelines of each cmdlet were forwarded to their last fragment.
        done: The orders that it carried out, in order.
        failed: What it met that no test means to happen.
    """

    def __init__(self, port: int, *orders: Order, ready: "Callable[[Proxy], bool] | None" = None) -> None:
        self._target, self._orders, self._ready = ("127.0.0.1", port), orders, ready
        self._lock = threading.Lock()
        self._cmdlets: dict[bytes, str] = {}
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._seen: Counter[str] = Counter()
        self.steps: list[str] = []
        self.whole: Counter[str] = Counter()
        self.done: list[Order] = []
        self.failed: list[Exception] = []
        self.port = 0

    def __enter__(self) -> "Proxy":
        self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_listening()
        with self._lock:
            still = list(self._open)
        for connection in still:
            _shut(connection)
        for thread in self._threads:
            thread.join(_PATIENCE)

    def mend(self) -> None:
        """Listen again on the same port, after DOWN."""
        self._listen()

    # --- connections ----------------------------------------------------------------------------------

    def _listen(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = int(listener.getsockname()[1])
        self._listening = True
        self._accepting = threading.Thread(target=self._accept, args=(listener,), name="proxy")
        self._accepting.start()

    def _stop_listening(self) -> None:
        with self._lock:
            was, self._listening = self._listening, False
        if not was:
            return
        # A blocked accept() is not woken by close() everywhere; by a connection it is.
        socket.create_connection(("127.0.0.1", self.port), _PATIENCE).close()
        self._accepting.join(_PATIENCE)

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                client, _ = listener.accept()
                with self._lock:
                    if not self._listening:
                        client.close()
                        return
                    self._open.add(client)
                thread = threading.Thread(target=self._serve, args=(client,), name="proxy-connection")
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(_PATIENCE)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with socket.create_connection(self._target, _PATIENCE) as server:
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with client.makefile("rb") as asked, server.makefile("rb") as answered:
                    while request := _message(asked):
                        self._pass(request, client, asked, server, answered)
        except (_Hangup, ConnectionError):
            pass
        except Exception as error:  # noqa: BLE001 - it is shown by the test, not by a thread
            self.failed.append(error)
        finally:
            with self._lock:
                self._open.discard(client)
            _shut(client)
            client.close()

    # --- one request ----------------------------------------------------------------------------------

    def _pass(
        self,
        request: bytes,
        client: socket.socket,
        asked: BinaryIO,
        server: socket.socket,
        answered: BinaryIO,
    ) -> None:
        order, cmdlet = self._order(request)
        deed = order.deed if order else None
        if deed is Deed.DOWN:
            self._stop_listening()
        if deed in (Deed.DOWN, Deed.CUT_BEFORE):
            self._await_endpoint()
            raise _Hangup
        with self._lock:
            self.whole[cmdlet] += _ends(request)
        server.sendall(request)
        answer = _message(answered)
        if deed in (Deed.CUT_AFTER, Deed.CUT_IN_HEAD, Deed.CUT_IN_BODY):
            self._await_endpoint()
        if not answer or deed is Deed.CUT_AFTER:
            raise _Hangup
        if deed is Deed.SILENT:
            # Whoever waits gives up by closing: then, and not after a time, is it over.
            asked.read(1)
            raise _Hangup
        if deed in (Deed.CUT_IN_HEAD, Deed.CUT_IN_BODY):
            body = len(answer) - len(answer.partition(b"\r\n\r\n")[2])
            client.sendall(answer[: 10 if deed is Deed.CUT_IN_HEAD else (body + len(answer)) // 2])
            raise _Hangup
        size = _PIECE if deed is Deed.SLOW else len(answer)
        for at in range(0, len(answer), size):
            client.sendall(answer[at : at + size])
            if deed is Deed.SLOW:
                threading.Event().wait(_PAUSE)
        if deed is Deed.HANG_UP:
            raise _Hangup

    def _await_endpoint(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while self._ready and not self._ready(self):
            if time.monotonic() > deadline:
                raise TimeoutError("the endpoint does not end what it was sent")
            threading.Event().wait(_PAUSE)

    def _order(self, request: bytes) -> tuple[Order | None, str]:
        """Note the request; return the order that it meets, as done, and the cmdlet that it is about."""
        with self._lock:
            step = self._step(request)
            cmdlet = step.partition(" ")[2]
            self.steps.append(step)
            self._seen[step] += 1
            for order in self._orders:
                if not order.number or (order.step == step and order.number == self._seen[step]):
                    self.done.append(order)
                    return order, cmdlet
        return None, cmdlet

    def _step(self, request: bytes) -> str:
        action = _ACTION.search(request)
        if action is None:
            return "?"
        pipeline = _PIPELINE.search(request)
        if pipeline is None:
            return action[1].decode()
        key = pipeline[1].upper()
        if action[1] == b"Command":
            found = _CMDLET.search(_fragments(request))
            self._cmdlets[key] = found[1].decode() if found else "script"
        return f"{action[1].decode()} {self._cmdlets.get(key, '?')}"


def _fragments(request: bytes) -> bytes:
    """Return the PSRP fragments that a request carries."""
    found = _FRAGMENTS.search(request)
    return b64decode(found[1]) if found else b""


def _ends(request: bytes) -> bool:
    """Return whether a request carries the last fragment of a message."""
    data, at, ends = _fragments(request), 0, False
    while at < len(data):
        _, _, flags, length = _FRAGMENT.unpack_from(data, at)
        at, ends = at + _FRAGMENT.size + length, bool(flags & 2)
    return ends


def _message(file: BinaryIO) -> bytes:
    """Return the next HTTP message; empty if there is none any more."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = file.readline()
        if not line:
            return b""
        head += line
    length = _LENGTH.search(head)
    return head + file.read(int(length[1]) if length else 0)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was quicker
