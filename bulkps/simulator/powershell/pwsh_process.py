"""A real PowerShell engine in server mode (``pwsh -s``): packets over a child's standard streams.

Each line is one packet, as XML: ``<Data>`` contains PSRP fragments, the others open, stop and close a
pipeline or the pool. The engine handles every line on its own thread, so the order of two lines is only kept
by waiting for the first one's acknowledgement.
"""

import subprocess
import threading
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO
from uuid import UUID
from xml.etree import ElementTree

#: How long a packet may stay without its acknowledgement, in seconds. The first waits for the engine's start.
_ACK_SECONDS = 60.0
#: How long a child may take to end once its input has ended, in seconds.
_END_SECONDS = 5.0
#: How long the pool may take to close, in seconds.
_CLOSE_SECONDS = 5.0
_POOL = UUID(int=0)


class ChildEnded(Exception):
    """The child has ended or no longer answers."""


class Child:
    """A child process in server mode. It ends when its standard input ends, also if this process dies.

    Args:
        command: Its command line.
        environment: Its environment.
        on_data: Called with a pipeline (None for the pool) and its fragments, on the reader's thread.
        on_end: Called once its output has ended, on the reader's thread.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        on_data: Callable[[UUID | None, bytes], None],
        on_end: Callable[[], None],
    ) -> None:
        self._on_data, self._on_end = on_data, on_end
        self._sending = threading.Lock()
        self._acknowledged = threading.Condition()
        self._acks: Counter[tuple[str, UUID]] = Counter()
        self._ended = False
        self._process = subprocess.Popen(  # noqa: S603 - the executable that the caller named
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
        )
        self._threads = [
            threading.Thread(target=self._read, name="simulator-engine-output", daemon=True),
            threading.Thread(target=self._drain, name="simulator-engine-errors", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def data(self, pipeline: UUID | None, fragments: bytes, stream: str = "Default") -> None:
        """Send fragments for *pipeline*, or None for the pool.

        Raises:
            ChildEnded: The child has ended.
        """
        packet = (
            f"<Data Stream='{stream}' PSGuid='{pipeline or _POOL}'>{b64encode(fragments).decode()}</Data>"
        )
        self._send("Data", pipeline, packet, _ACK_SECONDS)

    def tell(self, kind: str, pipeline: UUID | None, seconds: float = _ACK_SECONDS) -> None:
        """Send a packet without content: ``Command`` begins, ``Signal`` stops, ``Close`` closes a pipeline.

        Raises:
            ChildEnded: The child has ended, or has not answered in *seconds*.
        """
        self._send(kind, pipeline, f"<{kind} PSGuid='{pipeline or _POOL}' />", seconds)

    def end(self) -> None:
        """Close the pool, end the child's input and wait for its end; it is killed if that takes too long."""
        with suppress(ChildEnded):
            self.tell("Close", None, _CLOSE_SECONDS)
        self._end_input()
        self._reap()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def kill(self) -> None:
        """Kill the child."""
        self._process.kill()

    @property
    def running(self) -> bool:
        """Whether the process or one of its threads is still there."""
        return any(thread.is_alive() for thread in self._threads) or self._process.poll() is None

    def _reap(self) -> None:
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _end_input(self) -> None:
        # Under the lock: closing a pipe during another thread's write could hang.
        with self._sending, suppress(OSError):
            _pipe(self._process.stdin).close()

    def _send(self, kind: str, pipeline: UUID | None, packet: str, seconds: float) -> None:
        key = (f"{kind}Ack", pipeline or _POOL)
        with self._sending:
            with self._acknowledged:
                wanted = self._acks[key] + 1
            try:
                stdin = _pipe(self._process.stdin)
                stdin.write(packet.encode() + b"\n")
                stdin.flush()
            except (OSError, ValueError):
                raise ChildEnded from None
            with self._acknowledged:
                self._acknowledged.wait_for(lambda: self._acks[key] >= wanted or self._ended, seconds)
                if self._acks[key] < wanted:
                    raise ChildEnded
                del self._acks[key]

    def _read(self) -> None:
        with _pipe(self._process.stdout) as stdout:
            for line in stdout:
                self._take(line)
        with self._acknowledged:
            self._ended = True
            self._acknowledged.notify_all()
        # Without its output it is of no use, whatever it still does.
        self._reap()
        self._end_input()
        self._on_end()

    def _take(self, line: bytes) -> None:
        try:
            packet = ElementTree.fromstring(line)  # noqa: S314 - our own child's
            owner = UUID(packet.get("PSGuid", ""))
            if packet.tag == "Data":
                self._on_data(None if owner == _POOL else owner, b64decode(packet.text or ""))
                return
        except (ElementTree.ParseError, ValueError):
            return  # a line that is no packet, such as a native command's output
        with self._acknowledged:
            self._acks[packet.tag, owner] += 1
            self._acknowledged.notify_all()

    def _drain(self) -> None:
        # Never read by anyone: but a pipe that is full would stop the child. Its normal end is a complaint.
        with _pipe(self._process.stderr) as stderr:
            while stderr.read(64 * 1024):
                pass


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("the child was started without pipes")
    return pipe
