"""A runspace pool seen from the server's side: PSRP bytes in, pipelines to run, PSRP bytes out.

psrpcore does the negotiation, the pool's state and the key exchange; pipelines are read and answered here,
which takes a fifth of the time. It knows no sockets and threads: the caller ensures that only one thread at a
time uses a pool. [MS-PSRP]
"""

import struct
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

from psrpcore import (
    PSRPPayload,
    ServerRunspacePool,
    StreamType,
)
from psrpcore import types as ps

from bulkps.simulator.cmdlets.cmdlet_result import Answer, Category, ErrorInfo, Item, Value
from bulkps.simulator.wire import clixml_writer, pipeline_reader
from bulkps.simulator.wire.pipeline_reader import Command

#: What tells a client that it talks to a simulator, in the pool's ApplicationPrivateData.
MARKER = {"BulkPSSimulator": "1"}

_MAX_FRAGMENT = 256 * 1024
_FRAGMENT = struct.Struct(">QQBI")  # object id, fragment id, start (1) and end (2), length. 2.2.4
_TYPE_AT, _PIPELINE_AT, _DATA_AT = 4, 24, 40  # in a message. 2.2.1
_NO_PIPELINE = UUID(int=0)
_KINDS = ps.PSRPMessageType
_ABOUT_RUNSPACES = frozenset(
    {
        _KINDS.SetMaxRunspaces,
        _KINDS.SetMinRunspaces,
        _KINDS.GetAvailableRunspaces,
        _KINDS.ResetRunspaceState,
    }
)


@dataclass(frozen=True)
class Invocation:
    """A pipeline that a client wants run.

    Attributes:
        pipeline: Its id.
        statements: Its statements, each a chain of commands.
    """

    pipeline: UUID
    statements: tuple[tuple[Command, ...], ...]


class BrokenStream(Exception):
    """The input cannot be read; a real engine stops answering then, and its session is dead."""


class _Pool(ServerRunspacePool):
    """psrpcore's pool with a send queue of our own, so that finished CLIXML goes out as it is."""

    def __init__(self) -> None:
        super().__init__(application_private_data=dict(MARKER))
        self.outbox: deque[tuple[UUID | None, bytes]] = deque()
        self._object_number = 0

    def prepare_message(
        self,
        message: Any,
        message_type: ps.PSRPMessageType | None = None,
        pipeline_id: UUID | None = None,
        stream_type: StreamType = StreamType.default,
    ) -> None:
        """Queue a message of psrpcore's own: capabilities, pool states, the session key."""
        element = ps.serialize(
            message, self._cipher, our_capability=self.our_capability, their_capability=self.their_capability
        )
        kind = message_type or _KINDS.get_message_id(type(message))
        self.send(kind, ElementTree.tostring(element, encoding="utf-8"), pipeline_id)

    def send(self, kind: ps.PSRPMessageType, data: bytes, pipeline: UUID | None) -> None:
        """Queue a message with *data* as its CLIXML."""
        head = struct.pack("<iI", 1, kind.value) + self.runspace_pool_id.bytes_le
        message = head + (pipeline or _NO_PIPELINE).bytes_le + data
        self._object_number += 1
        for number, at in enumerate(range(0, len(message), _MAX_FRAGMENT)):
            piece = message[at : at + _MAX_FRAGMENT]
            flags = (at == 0) | (at + _MAX_FRAGMENT >= len(message)) << 1
            header = _FRAGMENT.pack(self._object_number, number, flags, len(piece))
            self.outbox.append((pipeline, header + piece))

    def decrypt(self, text: str) -> str:
        """Return the text of a SecureString that was encrypted with the session key."""
        return self._cipher.decrypt(text)


class PoolServer:
    """A runspace pool.

    Args:
        no_language: Whether it takes cmdlets only, like an Exchange server, and writes .NET properties.
    """

    def __init__(self, no_language: bool) -> None:
        self._no_language = no_language
        self._pool = _Pool()
        self._partial: dict[int, list[bytes]] = {}
        self._runspaces: tuple[int, int] | None = None

    def receive(self, data: bytes) -> list[Invocation]:
        """Take in fragments and return the pipelines that are complete with them.

        Raises:
            BrokenStream: They hold what a PSRP peer must not send, or what is not simulated.
        """
        ready: list[Invocation] = []
        try:
            for message in self._messages(data):
                (kind,) = struct.unpack_from("<I", message, _TYPE_AT)
                if kind == _KINDS.CreatePipeline:
                    ready.append(self._invocation(message))
                elif kind in _ABOUT_RUNSPACES:
                    self._resize(kind, message)
                elif kind not in (
                    _KINDS.PipelineInput,
                    _KINDS.EndOfPipelineInput,
                ):  # cmdlets take no input here
                    self._hand_on(message)
        except Exception as error:  # a peer's bytes, parsed by three libraries
            raise BrokenStream(f"{type(error).__name__}: {error}") from error
        return ready

    def _messages(self, data: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(data):
            object_id, number, flags, length = _FRAGMENT.unpack_from(data, at)
            at += _FRAGMENT.size
            pieces = self._partial.setdefault(object_id, [])
            if number != len(pieces) or at + length > len(data):
                raise ValueError(f"fragment {number} of object {object_id} is out of order or cut off")
            pieces.append(data[at : at + length])
            at += length
            if flags & 2:
                yield b"".join(self._partial.pop(object_id))

    def _invocation(self, message: bytes) -> Invocation:
        pipeline = UUID(bytes_le=message[_PIPELINE_AT:_DATA_AT])
        return Invocation(pipeline, pipeline_reader.statements(_content(message), self._pool.decrypt))

    def _hand_on(self, message: bytes) -> None:
        whole = _FRAGMENT.pack(1, 0, 3, len(message)) + message
        self._pool.receive_data(PSRPPayload(whole, StreamType.default, None))
        while self._pool.next_event():
            pass  # it has answered by itself

    def _resize(self, kind: int, message: bytes) -> None:
        """Answer what a client asks of the pool's runspaces, as the engine does: by yes, no or a number.

        psrpcore would not let the pool be resized once it is open. [MS-PSRP] 3.2.5.4.11 to 3.2.5.4.13
        """
        asked = pipeline_reader.members(_content(message))
        call = _number(asked, "CI")
        smallest, largest = self._runspaces or (self._pool.min_runspaces, self._pool.max_runspaces)
        answer: bool | int = True
        if kind == _KINDS.SetMaxRunspaces:
            largest = _number(asked, "MaxRunspaces")
            answer = largest >= smallest
        elif kind == _KINDS.SetMinRunspaces:
            smallest = _number(asked, "MinRunspaces")
            answer = 1 <= smallest <= largest
        elif kind == _KINDS.GetAvailableRunspaces:
            answer = largest
        else:
            # Seen of PowerShell 7.6: only a pool of one can be reset.
            answer = largest == 1
        if answer is True:
            self._runspaces = smallest, largest
        self._pool.send(_KINDS.RunspaceAvailability, clixml_writer.availability(call, answer), None)

    def refusal(self, command: Command) -> ErrorInfo | None:
        """Return the error for a *command* that this endpoint does not run at all, or None."""
        if not command.is_script:
            return None
        message = (
            "The simulated endpoint runs cmdlets and Invoke-BulkPSBatch: it has no PowerShell engine that "
            "could run a script."
        )
        error_id = "ScriptsNotSimulated"
        if self._no_language:
            message = (
                "The syntax is not supported by this runspace. This can occur if the runspace is in "
                "no-language "
                "mode."
            )
            error_id = "ScriptsNotAllowed"
        exception = "System.Management.Automation.ParseException"
        return ErrorInfo(message, exception, Category.ParserError, error_id)

    def write_output(self, pipeline: UUID, items: Sequence[Item]) -> None:
        """Queue objects that a command wrote."""
        for item in items:
            self._pool.send(_KINDS.PipelineOutput, clixml_writer.output(item, self._no_language), pipeline)

    def write_messages(self, pipeline: UUID, answer: Answer) -> None:
        """Queue everything else that a command wrote, all but its terminating error."""
        written = [
            *((_KINDS.ProgressRecord, clixml_writer.progress_record(one)) for one in answer.progress),
            *((_KINDS.VerboseRecord, clixml_writer.told_record("Verbose", one)) for one in answer.verbose),
            *((_KINDS.DebugRecord, clixml_writer.told_record("Debug", one)) for one in answer.debug),
            *(
                (_KINDS.InformationRecord, clixml_writer.information_record(one))
                for one in answer.information
            ),
            *((_KINDS.WarningRecord, clixml_writer.told_record("Warning", one)) for one in answer.warnings),
            *((_KINDS.ErrorRecord, clixml_writer.error_record(one)) for one in answer.errors),
        ]
        for kind, data in written:
            self._pool.send(kind, data, pipeline)

    def end(self, pipeline: UUID, failure: ErrorInfo | None) -> None:
        """Queue the end of *pipeline*: Completed, or Failed with *failure*."""
        state = ps.PSInvocationState.Completed if failure is None else ps.PSInvocationState.Failed
        self._state(pipeline, state, failure)

    def stopped(self, pipeline: UUID) -> None:
        """Queue that *pipeline* was stopped."""
        info = ErrorInfo(
            "The pipeline has been stopped.",
            "System.Management.Automation.PipelineStoppedException",
            Category.OperationStopped,
            "PipelineStopped",
        )
        self._state(pipeline, ps.PSInvocationState.Stopped, info)

    def _state(self, pipeline: UUID, state: ps.PSInvocationState, error: ErrorInfo | None) -> None:
        self._pool.send(_KINDS.PipelineState, clixml_writer.pipeline_state(state.value, error), pipeline)

    def drain(self) -> list[tuple[UUID | None, bytes]]:
        """Return the fragments that wait to be sent, each with its pipeline or None for the pool."""
        waiting = list(self._pool.outbox)
        self._pool.outbox.clear()
        return waiting


def _content(message: bytes) -> bytes:
    return message[_DATA_AT:].removeprefix(b"\xef\xbb\xbf")


def _number(asked: Mapping[str, Value], name: str) -> int:
    folded = {key.casefold(): value for key, value in asked.items()}
    found = folded[name.casefold()]
    if not isinstance(found, int):
        raise ValueError(f"{name} is no number")
    return found
