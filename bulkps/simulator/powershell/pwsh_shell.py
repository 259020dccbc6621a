"""Shells with a real PowerShell engine behind them: PSRP fragments pass straight through, both ways."""

import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from bulkps.simulator.powershell.pwsh_process import Child, ChildEnded
from bulkps.simulator.wire.shell_base import Shell

_FRAGMENT = struct.Struct(">QQBI")  # object id, fragment id, start (1) and end (2), length. [MS-PSRP] 2.2.4
_TYPE = struct.Struct("<4xI")  # destination, message type. [MS-PSRP] 2.2.1
_PIPELINE_STATE = 0x00041006
_STREAMS = {"stdin": "Default", "pr": "PromptResponse"}


class EngineShell(Shell):
    """A shell that is a child process.

    Args:
        shell_id: Its id.
        lost: Called when the session is lost, with the shell.
        command: The child's command line.
        environment: The child's environment.

    Raises:
        OSError: The child cannot be started.
    """

    def __init__(
        self,
        shell_id: str,
        lost: Callable[[Shell], None],
        command: Sequence[str],
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(shell_id, lost)
        self._message: dict[UUID, int] = {}
        self._closer = threading.Thread(target=self._close, name=f"simulator-closer-{shell_id}", daemon=True)
        self._child = Child(command, environment, self._receive, self._ended)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    def receive_data(self, data: bytes, pipeline: UUID | None = None, stream: str = "stdin") -> None:
        """Pass fragments to the child; a new *pipeline* begins with them."""
        with self._changed:
            new = pipeline is not None and self._begin(pipeline)
        # If the child has ended, the thread that waits for output is notified.
        with suppress(ChildEnded):
            if new:
                self._child.tell("Command", pipeline)
            self._child.data(pipeline, data, _STREAMS.get(stream, "Default"))

    def stop(self, pipeline: UUID) -> None:
        """Stop *pipeline* and wait until it has."""
        if self.knows(pipeline):
            with suppress(ChildEnded):
                self._child.tell("Signal", pipeline)

    def forget(self, pipeline: UUID) -> None:
        """Close *pipeline*; one that runs is stopped."""
        with self._changed:
            known = self._drop(pipeline)
            self._message.pop(pipeline, None)
        if known is not None:
            with suppress(ChildEnded):
                self._child.tell("Close", pipeline)

    def close(self) -> None:
        """Let the child end; requests that wait get no answer."""
        with self._changed:
            if self.closed:
                return
            self.closed = True
            self._end_all()
        self._closer.start()

    @property
    def working(self) -> bool:
        """Whether the child or one of its threads is still there."""
        return self._child.running or self._closer.is_alive()

    def join(self) -> None:
        """Wait until the child has ended, after close()."""
        self._closer.join()

    def kill(self) -> None:
        """Kill the child: the session is lost as if its host had died."""
        self._child.kill()

    def _close(self) -> None:
        with self._changed:
            pipelines = list(self._pipelines)
        # The pool is never acknowledged as closed while a pipeline is open.
        for pipeline in pipelines:
            self.forget(pipeline)
        self._child.end()

    def _receive(self, pipeline: UUID | None, fragments: bytes) -> None:
        with self._changed:
            self._put(pipeline, fragments)
            known = self._pipelines.get(pipeline) if pipeline is not None else None
            if pipeline is not None and known is not None and self._finishes(pipeline, fragments):
                known.done = True
            self._changed.notify_all()

    def _finishes(self, pipeline: UUID, fragments: bytes) -> bool:
        """Return whether a pipeline-state message ends in *fragments*: it comes at the end only."""
        at, finished = 0, False
        while at + _FRAGMENT.size + _TYPE.size <= len(fragments):
            _, _, flags, length = _FRAGMENT.unpack_from(fragments, at)
            if flags & 1:
                (self._message[pipeline],) = _TYPE.unpack_from(fragments, at + _FRAGMENT.size)
            finished |= bool(flags & 2) and self._message.get(pipeline) == _PIPELINE_STATE
            at += _FRAGMENT.size + length
        return finished

    def _ended(self) -> None:
        with self._changed:
            if not self.closed:
                self._lose()
