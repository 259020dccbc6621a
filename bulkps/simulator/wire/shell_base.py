"""What every shell of the endpoint is: pipelines that are known, and output that waits to be fetched."""

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

#: About how many bytes of output one Receive answers with.
_RECEIVE_BYTES = 256 * 1024


class ConnectionLost(Exception):
    """The request gets no answer: its connection must be closed."""


class NoSuchCommand(Exception):
    """The shell has no pipeline of that id."""


@dataclass
class Pipeline:
    """A pipeline that was begun and not closed.

    Attributes:
        stop: Set to stop it.
        done: Whether its last output is there.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    done: bool = False


class Shell(ABC):
    """A shell: one runspace pool with one runspace.

    Args:
        shell_id: Its id.
        lost: Called when the session is lost, with the shell.

    Attributes:
        shell_id: Its id.
        closed: Whether it was closed.
        lost: Whether its session is lost.
    """

    def __init__(self, shell_id: str, lost: "Callable[[Shell], None]") -> None:
        self.shell_id = shell_id
        self.closed = self.lost = False
        self._on_lost = lost
        self._changed = threading.Condition()
        self._output: dict[UUID | None, deque[bytes]] = {None: deque()}
        self._pipelines: dict[UUID, Pipeline] = {}

    @abstractmethod
    def receive_data(self, data: bytes, pipeline: UUID | None = None, stream: str = "stdin") -> None:
        """Take in fragments; a *pipeline* that is not known yet begins with them.

        Args:
            data: The fragments.
            pipeline: Whose they are; None for the pool's.
            stream: ``stdin``, or ``pr`` for the answer to a host call.
        """

    @abstractmethod
    def stop(self, pipeline: UUID) -> None:
        """Stop *pipeline* and wait until it has."""

    @abstractmethod
    def forget(self, pipeline: UUID) -> None:
        """Close *pipeline*; one that runs is stopped."""

    @abstractmethod
    def close(self) -> None:
        """Stop all pipelines; requests that wait get no answer. What works for the shell ends soon after."""

    @property
    @abstractmethod
    def working(self) -> bool:
        """Whether something still works for it."""

    @abstractmethod
    def join(self) -> None:
        """Wait until nothing works for it any more, after close()."""

    @abstractmethod
    def kill(self) -> None:
        """Kill the real engine behind it, if there is one."""

    @property
    def is_owed(self) -> bool:
        """Whether a pipeline wrote something that was not fetched yet."""
        with self._changed:
            return any(waiting for pipeline, waiting in self._output.items() if pipeline is not None)

    def knows(self, pipeline: UUID) -> bool:
        """Return whether *pipeline* was begun and not closed."""
        with self._changed:
            return pipeline in self._pipelines

    def output(self, pipeline: UUID | None, seconds: float) -> tuple[list[bytes], bool] | None:
        """Return what *pipeline*, or the pool for None, has to say and whether that was all.

        Waits up to *seconds* for it; None if there was nothing.

        Raises:
            ConnectionLost: The session is lost.
            NoSuchCommand: There is no such pipeline.
        """
        deadline = time.monotonic() + seconds
        with self._changed:
            if pipeline is not None and pipeline not in self._pipelines:
                raise NoSuchCommand
            while True:
                waiting = self._output.get(pipeline)
                # What was written before the session was lost is on its way.
                if self.closed or (self.lost and not waiting):
                    raise ConnectionLost
                known = self._pipelines.get(pipeline) if pipeline is not None else None
                done = known is not None and known.done
                if waiting or done or waiting is None:
                    taken = _take(waiting or deque())
                    # Whoever writes may be waiting for room.
                    self._changed.notify_all()
                    return taken, done and not waiting
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(left)

    def _begin(self, pipeline: UUID) -> bool:
        """Know *pipeline* from now on; return whether it is new."""
        if pipeline in self._pipelines:
            return False
        self._pipelines[pipeline] = Pipeline()
        self._output[pipeline] = deque()
        return True

    def _put(self, pipeline: UUID | None, fragment: bytes) -> None:
        # Output of a pipeline that was closed meanwhile has nowhere to go.
        if (waiting := self._output.get(pipeline)) is not None:
            waiting.append(fragment)

    def _drop(self, pipeline: UUID) -> Pipeline | None:
        known = self._pipelines.pop(pipeline, None)
        self._output.pop(pipeline, None)
        if known is not None:
            known.stop.set()
        return known

    def _end_all(self) -> None:
        for pipeline in self._pipelines.values():
            pipeline.stop.set()
        self._changed.notify_all()

    def _lose(self) -> None:
        self.lost = True
        self._on_lost(self)
        self._end_all()


def _take(waiting: deque[bytes]) -> list[bytes]:
    taken: list[bytes] = []
    size = 0
    while waiting and (not taken or size + len(waiting[0]) <= _RECEIVE_BYTES):
        taken.append(waiting.popleft())
        size += len(taken[-1])
    return taken
