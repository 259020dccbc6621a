"""A child "PowerShell" that is a simulator: it can fall silent, or answer strangely.

The executable only carries bytes between its standard streams and this process, where the endpoint is: so it
works wherever Python does, and a test decides what happens at which packet.
"""

import os
import re
import socket
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from uuid import UUID

from bulkps.simulator import Simulator
from bulkps.simulator.cmdlets.cmdlet_result import Answer, Item
from bulkps.simulator.cmdlets.cmdlet_service import Further
from bulkps.simulator.wire.cmdlet_shell import CmdletShell

_POOL = UUID(int=0)
_PACKET = re.compile(rb"<(Data|Command|Signal|Close)\b[^>]*\bPSGuid='([0-9a-fA-F-]+)'[^>]*?(?:/>|>([^<]*)<)")
_CMDLET = re.compile(rb'<S N="Cmd">([^<]*)</S>')
_PUMP = """
import os, socket, sys, threading
line = socket.create_connection(("127.0.0.1", {port}))
def back():
    while data := line.recv(65536):
        while data:
            data = data[os.write(1, data):]
    os._exit(0)
threading.Thread(target=back, daemon=True).start()
while data := os.read(0, 65536):
    line.sendall(data)
"""


@dataclass(frozen=True)
class Packet:
    """A packet that came.

    Attributes:
        kind: Data, Command, Signal or Close.
        pipeline: Whose it is; None for the pool.
        cmdlet: The name of the cmdlet, or the text of the script, that its data begins.
    """

    kind: str
    pipeline: UUID | None
    cmdlet: str


#: Returns what is to be said instead of a fragment that is due.
Mutate = Callable[[bytes], bytes]


def executable(folder: Path, code: str) -> Path:
    """Make an executable that runs Python *code* whatever its arguments are."""
    script = folder / "fake.py"
    script.write_text(code, encoding="utf-8")
    if os.name == "nt":
        wrapper = folder / "fake.cmd"
        wrapper.write_text(f'@"{sys.executable}" "{script}"\n')
    else:
        wrapper = folder / "fake"
        wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "{script}"\n')
        wrapper.chmod(0o755)
    return wrapper


class Children:
    """Serves children that are started from ``executable``; a context manager.

    Args:
        simulator: What answers; its endpoint in Python.
        folder: Where the executable is written.
        silent: Told of each packet of each child (from 0): from the first True on it says nothing more.
        mutate: Makes of a fragment what is said instead.
    """

    def __init__(
        self,
        simulator: Simulator,
        folder: Path,
        silent: Callable[[int, Packet], bool] = lambda child, packet: False,
        mutate: Mutate = lambda fragment: fragment,
    ) -> None:
        self._simulator, self._folder, self._silent, self._mutate = simulator, folder, silent, mutate
        self._threads: list[threading.Thread] = []
        self._lines: list[socket.socket] = []
        self.executable = folder / "none"
        self.started = 0

    def __enter__(self) -> "Children":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.executable = executable(self._folder, _PUMP.format(port=self._listener.getsockname()[1]))
        self._begin(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        # A blocked accept() is not woken by close() everywhere; by a connection it is.
        socket.create_connection(self._listener.getsockname()).close()
        for line in list(self._lines):
            _shut(line)
        for thread in self._threads:
            thread.join(60)
        self._listener.close()

    _over = False

    def _begin(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True, name="child-endpoint")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            line, _ = self._listener.accept()
            if self._over:
                line.close()
                return
            self._lines.append(line)
            self._begin(self._serve, self.started, line)
            self.started += 1

    def _serve(self, number: int, line: socket.socket) -> None:
        service = self._simulator._service
        assert service is not None
        shell = CmdletShell(str(number), lambda lost: _shut(line), service, no_language=False)
        silence, lock = threading.Event(), threading.Lock()

        def say(packet: bytes) -> None:
            with lock:
                if not silence.is_set():
                    line.sendall(packet + b"\n")

        self._begin(self._speak, shell, say)
        try:
            with line, line.makefile("rb") as coming:
                for text in coming:
                    found = _PACKET.match(text)
                    if found is None:
                        continue
                    pipeline = UUID(found[2].decode())
                    data = b64decode(found[3] or b"")
                    name = (_CMDLET.search(data) or [b"", b""])[1].decode()
                    owner = None if pipeline == _POOL else pipeline
                    packet = Packet(found[1].decode(), owner, name)
                    if silence.is_set() or self._silent(number, packet):
                        silence.set()
                        continue
                    if not _do(shell, packet, data, say):
                        return
        except (OSError, ValueError):
            pass
        finally:
            shell.close()
            shell.join()

    def _speak(self, shell: CmdletShell, say: Callable[[bytes], None]) -> None:
        try:
            while not (shell.closed or shell.lost):
                with shell._changed:
                    shell._changed.wait_for(lambda: shell.closed or shell.lost or _any(shell), 60)
                    due = [(key, list(queue)) for key, queue in shell._output.items()]
                    for queue in shell._output.values():
                        queue.clear()
                for key, fragments in due:
                    for fragment in fragments:
                        said = b64encode(self._mutate(fragment))
                        say(b"<Data Stream='Default' PSGuid='%s'>%s</Data>" % (_guid(key), said))
        except OSError:
            return


def _any(shell: CmdletShell) -> bool:
    return any(shell._output.values())


def _do(shell: CmdletShell, packet: Packet, data: bytes, say: Callable[[bytes], None]) -> bool:
    """Obey a packet; return False if it was the last."""
    guid = _guid(packet.pipeline)
    match packet.kind:
        case "Data":
            say(b"<DataAck PSGuid='%s' />" % guid)
            shell.receive_data(data, packet.pipeline)
        case "Command":
            say(b"<CommandAck PSGuid='%s' />" % guid)
        case "Signal" if packet.pipeline is not None:
            shell.stop(packet.pipeline)
            say(b"<SignalAck PSGuid='%s' />" % guid)
        case "Close" if packet.pipeline is not None:
            shell.forget(packet.pipeline)
            say(b"<CloseAck PSGuid='%s' />" % guid)
        case _:
            say(b"<CloseAck PSGuid='%s' />" % guid)
            return False
    return True


def _guid(key: UUID | None) -> bytes:
    return str(key or _POOL).encode()


def _shut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _import(given: Mapping[str, object], stop: threading.Event) -> Answer:
    module = {"Name": "ExchangeOnlineManagement", "Version": "3.7.0"}
    return Answer(output=[Item("System.Management.Automation.PSModuleInfo", "", module)])


#: What a session runs to sign in, as far as this endpoint has it.
SIGN_IN: dict[str, Further] = {"Import-Module": _import}
