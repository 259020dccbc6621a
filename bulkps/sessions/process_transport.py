"""PSRP over the standard streams of a child ``pwsh`` or ``powershell.exe`` in server mode.

The child speaks one packet per line, such as ``<Data Stream='Default' PSGuid='…'>base64</Data>``; the
base64 is the same fragment that WSMan carries (engine-facts.md, "Server mode"). A ChildShell has the
methods of pypsrp's WinRS, so its RunspacePool works over it unchanged.
"""

import base64
import io
import os
import queue
import re
import subprocess
import threading
import time
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from pypsrp.exceptions import WSManFaultError
from pypsrp.shell import SignalCode
from pypsrp.wsman import NAMESPACES

from bulkps.sessions.deadline import Deadline
from bulkps.sessions.runspace_pool import NOTHING_YET, nothing
from bulkps.sessions.wire_errors import TimeLimitError

#: The pool's id in the packets; each pipeline has its own.
_POOL = "00000000-0000-0000-0000-000000000000"
_PACKET = re.compile(
    rb"<(Data|DataAck|CommandAck|SignalAck|CloseAck)\b[^>]*\bPSGuid='([0-9A-Fa-f-]+)'[^>]*?(?:/>|>([^<]*)<)"
)
#: A pipeline that does not exist: the engine still acknowledges its signal, while another one runs.
_PROBE = "ffffffff-ffff-ffff-ffff-ffffffffffff"
#: No packet is longer; a child that writes a longer line does not speak PSRP.
_LONGEST_LINE = 64 * 1024 * 1024
#: How much of a child's other output is kept for the error message when it ends, in bytes.
_LAST_WORDS = 2000
#: How long a child may take to exit when asked, in seconds.
_LEAVES = 5.0
#: How long to wait for the last output of an ended child: its own children may hold its stderr. In seconds.
_SAYS = 5.0


class ChildGoneError(ConnectionError):
    """The child ended, or no longer answers as PowerShell does."""


class ChildConnection:
    """What pypsrp's RunspacePool needs from its connection: the largest size of a fragment.

    Args:
        operation_timeout: Seconds after which an idle wait for output ends.
    """

    def __init__(self, operation_timeout: int) -> None:
        self.operation_timeout = operation_timeout
        # The engine's own out-of-process transport cuts at 32 KiB, but accepts larger fragments too.
        self.max_payload_size = 128 * 1024
        # Not 153600: from that value pypsrp would ask the server to raise it.
        self.max_envelope_size = 512_000

    def update_max_payload_size(self, max_payload_size: int | None = None) -> None:
        """Keep the size: there is no server to ask."""


def find_powershell(executable: str = "") -> str:
    """Return the path of PowerShell: *executable*, else ``pwsh``, else ``powershell``.

    A name is searched in the absolute folders of PATH. It is never searched in the current folder, as Windows
    does: a file from there would get every password of a run.

    Raises:
        FileNotFoundError: If it is not found.
    """
    for name in [executable] if executable else ["pwsh", "powershell"]:
        found = name if Path(name).is_absolute() else _on_path(name)
        if found and Path(found).is_file():
            return found
    wanted = f"{executable!r} was not found" if executable else "neither pwsh nor powershell is on the PATH"
    raise FileNotFoundError(f"{wanted}; install PowerShell 7, or set executable to its path")


def _on_path(name: str) -> str:
    """Return the program *name* in an absolute folder of PATH, or an empty string."""
    # Windows runs a file by its extension; a file without one is not a program.
    ended = os.name != "nt" or bool(Path(name).suffix)
    names = [name] if ended else [name + ending for ending in (".exe", ".cmd", ".bat")]
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        place = Path(folder.strip('"'))
        if not place.is_absolute():
            continue
        for one in names:
            found = place / one
            if found.is_file() and os.access(found, os.X_OK):
                return str(found)
    return ""


def _is_secret(variable: str) -> bool:
    return variable.upper().startswith("BULKPS_") and "PASSWORD" in variable.upper()


def _child_environment() -> dict[str, str]:
    """Return the environment without bulkps's secrets: all processes of the user can read a child's."""
    kept = {name: value for name, value in os.environ.items() if not _is_secret(name)}
    # .NET profiles its own calls in the first minutes to optimize them later. A child that mostly waits for
    # Exchange loses a quarter of its time with that, and gains too late (docs/benchmarks.md).
    return {"DOTNET_TieredPGO": "0"} | kept


class ChildShell:
    """A child in server mode with the methods of pypsrp's shell.

    Args:
        executable: PowerShell's path.
        arguments: Further arguments for it.
        operation_timeout: Seconds after which an idle wait for output ends.
        read_timeout: Seconds that an acknowledgement may take.
        deadline: Checked by every wait.

    Attributes:
        authentic: Whether an answer can come only from the process that was asked.
        look: Called before each fragment is sent; what it raises keeps it from being sent.
    """

    authentic = True

    def __init__(
        self,
        executable: str,
        arguments: tuple[str, ...],
        operation_timeout: int,
        read_timeout: int,
        deadline: Deadline | None = None,
    ) -> None:
        self._command = [executable, "-s", "-NoProfile", "-NoLogo", *arguments]
        self._timeout, self._acknowledges = operation_timeout, read_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._arrived = threading.Condition()
        self._output: dict[str, bytearray] = {}
        self._acknowledged: set[tuple[str, str]] = set()
        self._ended = ""
        self._words: deque[bytes] = deque()
        self._drained = threading.Event()
        self._threads: list[threading.Thread] = []
        self.look: Callable[[], None] = nothing
        self.deadline = deadline or Deadline()
        self.opened = False
        self._heard = self._asked = 0.0
        self._silent = False

    @property
    def pid(self) -> int:
        """The child's process id; 0 before it is opened."""
        return self._process.pid if self._process else 0

    # --- pypsrp's methods -----------------------------------------------------------------------------

    def open(self, base_options: object = None, open_content: ET.Element | None = None) -> None:
        """Start the child and send the first fragments of the pool."""
        # Its own group: a Ctrl-C in the terminal is for bulkps, which lets items in flight finish.
        flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(
            subprocess, "CREATE_NO_WINDOW", 0
        )
        self._process = subprocess.Popen(  # noqa: S603 - the operator's own PowerShell
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_child_environment(),
            creationflags=flags,
            start_new_session=True,
        )
        for target in (self._read, self._drain, self._write):
            name = f"bulkps-child{target.__name__}"
            thread = threading.Thread(target=target, args=(self._process,), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        self.opened = True
        self._heard = time.monotonic()
        if open_content is not None:
            self._send_data(_POOL, (open_content.text or "").encode())

    def command(
        self, executable: str, arguments: list[str], no_shell: bool = False, command_id: str | None = None
    ) -> ET.Element:
        """Start a pipeline: its first fragment is the only argument."""
        pipeline = (command_id or "").lower()
        self.look()
        self._put(f"<Command PSGuid='{pipeline}' />")
        self._wait_for("CommandAck", pipeline)
        self.look()
        self._send_data(pipeline, arguments[0].encode())
        rsp = NAMESPACES["rsp"]
        body = ET.Element("Body")
        response = ET.SubElement(body, f"{{{rsp}}}CommandResponse")
        # Without this element pypsrp would listen on the pool's stream forever.
        ET.SubElement(response, f"{{{rsp}}}CommandId").text = command_id
        return body

    def receive(
        self, stream: str = "stdout", command_id: str | None = None, timeout: int | None = None
    ) -> tuple[str, int | None, dict[str, bytes]]:
        """Return what has arrived for a pipeline or the pool, waiting for it at most *timeout* seconds."""
        key = (command_id or _POOL).lower()
        limit = time.monotonic() + (timeout or self._timeout)
        with self._arrived:
            while not self._output.get(key):
                if self._ended:
                    raise ChildGoneError(self._ended)
                left = limit - time.monotonic()
                if left <= 0:
                    self._probe()
                    reason = f"nothing came within {timeout or self._timeout} seconds{self._said()}"
                    raise WSManFaultError(NOTHING_YET, None, reason, None, None, None)
                self._arrived.wait(self.deadline.wait(left))
            found = bytes(self._output.pop(key))
        return "", None, {"stdout": found}

    def send(self, stream: str, data: bytes, command_id: str | None = None, end: bool | None = None) -> None:
        """Send a further fragment; stream ``pr`` is the answer to a prompt."""
        name = "PromptResponse" if stream == "pr" else "Default"
        self.look()
        self._send_data((command_id or _POOL).lower(), base64.b64encode(data), name)

    def signal(self, code: str, command_id: str) -> None:
        """Stop a pipeline, or close it."""
        pipeline = command_id.lower()
        kind = "Close" if code == SignalCode.TERMINATE else "Signal"
        self._put(f"<{kind} PSGuid='{pipeline}' />")
        self._wait_for(f"{kind}Ack", pipeline)

    def close(self) -> None:
        """Close the pool and let the child exit; kill it if it does not."""
        if self._process is None or not self.opened:
            return
        self.opened = False
        try:
            if not self._silent:
                self._put(f"<Close PSGuid='{_POOL}' />")
                self._wait_for("CloseAck", _POOL, _LEAVES)
        except (ChildGoneError, TimeLimitError):
            # It has ended, or is killed below. It only must not keep running.
            self._silent = True
        if self._silent and self._process:
            self._process.kill()
        self._leave()

    def kill(self) -> None:
        """End the child at once."""
        self.opened = False
        if self._process is not None:
            self._process.kill()
            self._leave()

    # --- the wire -------------------------------------------------------------------------------------

    def _leave(self) -> None:
        process = self._process
        if process is None:
            return
        # The writer closes the child's input, and a child in server mode then exits.
        self._outgoing.put(None)
        try:
            process.wait(_LEAVES)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for thread in self._threads:
            thread.join(_LEAVES)
        for pipe, thread in zip((process.stdout, process.stderr), self._threads, strict=False):
            # The child's own children may hold the other end forever, and a pipe that is being read cannot be
            # closed.
            if pipe and not thread.is_alive():
                pipe.close()

    def _send_data(self, key: str, fragment: bytes, stream: str = "Default") -> None:
        # The engine handles every line on its own thread. A fragment that is sent before the previous one was
        # acknowledged may overtake it, and then the pipeline waits forever.
        self._put(f"<Data Stream='{stream}' PSGuid='{key}'>".encode() + fragment + b"</Data>")
        self._wait_for("DataAck", key)

    def _put(self, packet: str | bytes) -> None:
        if self._ended:
            raise ChildGoneError(self._ended)
        self._outgoing.put((packet.encode() if isinstance(packet, str) else packet) + b"\n")

    def _wait_for(self, kind: str, key: str, limit: float = 0.0) -> None:
        limit = limit or self._acknowledges
        until = time.monotonic() + limit
        during = self.deadline.during
        with self._arrived:
            while (kind, key) not in self._acknowledged:
                if self._ended:
                    raise ChildGoneError(self._ended)
                left = until - time.monotonic()
                if left <= 0:
                    text = f"PowerShell did not answer within {limit:g} seconds{during}{self._said()}"
                    self._silent = True
                    raise ChildGoneError(text)
                self._arrived.wait(self.deadline.wait(left))
            self._acknowledged.discard((kind, key))

    def _probe(self) -> None:
        """Ask a silent child whether it still responds.

        A cmdlet may be silent for as long as an item may take. A process that hangs is silent too, but does
        not answer this question.

        Raises:
            ChildGoneError: If it was asked before, and did not answer in time.
        """
        now = time.monotonic()
        if self._asked > self._heard:
            if now - self._asked >= self._acknowledges:
                text = f"PowerShell does not respond: no answer within {self._acknowledges} seconds"
                self._silent = True
                raise ChildGoneError(text + self.deadline.during + self._said())
        elif now - self._heard >= self._timeout:
            self._asked = now
            self._put(f"<Signal PSGuid='{_PROBE}' />")

    def _write(self, process: "subprocess.Popen[bytes]") -> None:
        """Write what is queued: a child that does not read blocks only this thread."""
        stdin = cast(IO[bytes], process.stdin)
        try:
            with stdin:
                while (packet := self._outgoing.get()) is not None:
                    stdin.write(packet)
                    stdin.flush()
        except (OSError, ValueError):
            # The reader notices the end of the child and reports it.
            return

    def _read(self, process: "subprocess.Popen[bytes]") -> None:
        stdout = cast(IO[bytes], process.stdout)
        try:
            while line := stdout.readline(_LONGEST_LINE):
                if not self._take(line):
                    self._remember(line)
        except (OSError, ValueError):
            pass
        code = process.wait()
        # The reason why it ended is on stderr, which may be read after the end of stdout.
        self._drained.wait(_SAYS)
        with self._arrived:
            self._ended = f"the PowerShell process ended (exit code {code}){self._said()}"
            self._arrived.notify_all()

    def _take(self, line: bytes) -> bool:
        """Handle a packet; return False if the line is not one."""
        found = _PACKET.match(line)
        if found is None:
            return False
        kind, key, text = found.group(1).decode(), found.group(2).decode().lower(), found.group(3)
        with self._arrived:
            self._heard = time.monotonic()
            if kind == "Data":
                self._output.setdefault(key, bytearray()).extend(base64.b64decode(text or b""))
            else:
                self._acknowledged.add((kind, key))
            self._arrived.notify_all()
        return True

    def _drain(self, process: "subprocess.Popen[bytes]") -> None:
        """Read the child's other output, so that a large amount of it cannot block the child."""
        stderr = cast(io.BufferedReader, process.stderr)
        try:
            while chunk := stderr.read1(65536):
                self._remember(chunk)
        except (OSError, ValueError):
            return
        finally:
            self._drained.set()

    def _remember(self, words: bytes) -> None:
        self._words.append(words[-_LAST_WORDS:])
        while sum(map(len, self._words)) - len(self._words[0]) > _LAST_WORDS:
            self._words.popleft()

    def _said(self) -> str:
        text = b"".join(self._words).decode("utf-8", "replace").strip()
        return f"; it said: {text[-_LAST_WORDS:]}" if text else ""
