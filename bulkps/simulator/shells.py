"""The shells of the simulated endpoint: each a runspace pool, a worker that runs its pipelines, its output.

A shell's worker is one thread, so pipelines of a shell run one after the other and those of different shells
at the same time.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from bulkps.simulator.answers import Answer, ErrorInfo
from bulkps.simulator.cmdlets import select
from bulkps.simulator.psrp import BrokenStream, Invocation, PoolServer
from bulkps.simulator.reading import Command
from bulkps.simulator.service import Ending, Service

#: How long a Signal waits for the pipeline to have stopped, in seconds.
_STOP_WAIT = 5.0
#: About how many bytes of output one Receive answers with.
_RECEIVE_BYTES = 256 * 1024


class ConnectionLost(Exception):
    """The request is to get no answer: its connection is to be closed."""


class NoSuchCommand(Exception):
    """The shell has no pipeline of that id."""


class TooManyShells(Exception):
    """The user has as many shells as allowed."""


@dataclass
class _Pipeline:
    stop: threading.Event = field(default_factory=threading.Event)
    done: bool = False


class Shell:
    """A shell: one runspace pool with one runspace.

    Args:
        shell_id: Its id.
        service: What runs its cmdlets.
        no_language: Whether it takes cmdlets only.
        lost: Called when the session is lost, with the shell.
    """

    def __init__(
        self, shell_id: str, service: Service, no_language: bool, lost: Callable[["Shell"], None]
    ) -> None:
        self.shell_id = shell_id
        self.closed = self.lost = False
        self._service, self._on_lost = service, lost
        self._pool = PoolServer(no_language)
        self._changed = threading.Condition()
        self._output: dict[UUID | None, deque[bytes]] = {None: deque()}
        self._pipelines: dict[UUID, _Pipeline] = {}
        self._jobs: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, name=f"simulator-shell-{shell_id}", daemon=True)
        self._worker.start()

    def receive_data(self, data: bytes, pipeline: UUID | None = None) -> None:
        """Take in fragments; a *pipeline* that is not known yet begins with them."""
        with self._changed:
            if pipeline is not None and pipeline not in self._pipelines:
                self._pipelines[pipeline] = _Pipeline()
                self._output[pipeline] = deque()
            try:
                ready = self._pool.receive(data)
            except BrokenStream:
                # A real engine falls silent here. Closing is kinder to a test and just as dead.
                self._lose()
                return
            self._deliver()
        for invocation in ready:
            self._jobs.put(invocation)

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
                if self.lost or self.closed:
                    raise ConnectionLost
                waiting = self._output.get(pipeline)
                known = self._pipelines.get(pipeline) if pipeline is not None else None
                done = known is not None and known.done
                if waiting or done or waiting is None:
                    taken = _take(waiting or deque())
                    return taken, done and not waiting
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(left)

    def stop(self, pipeline: UUID) -> None:
        """Stop *pipeline* and wait until it has."""
        with self._changed:
            known = self._pipelines.get(pipeline)
            if known is None:
                return
            known.stop.set()
            self._changed.wait_for(lambda: known.done or self.closed or self.lost, _STOP_WAIT)

    def forget(self, pipeline: UUID) -> None:
        """Close *pipeline*; one that runs is stopped."""
        with self._changed:
            known = self._pipelines.pop(pipeline, None)
            self._output.pop(pipeline, None)
            if known is not None:
                known.stop.set()

    def close(self) -> None:
        """Stop all pipelines and let the worker end; requests that wait get no answer."""
        with self._changed:
            self.closed = True
            self._end_all()
        self._jobs.put(None)

    @property
    def working(self) -> bool:
        """Whether its worker has not ended yet."""
        return self._worker.is_alive()

    def join(self) -> None:
        """Wait until the worker has ended, after close()."""
        if threading.current_thread() is not self._worker:
            self._worker.join()

    def _end_all(self) -> None:
        for pipeline in self._pipelines.values():
            pipeline.stop.set()
        self._changed.notify_all()

    def _lose(self) -> None:
        self.lost = True
        self._on_lost(self)
        self._end_all()
        self._jobs.put(None)

    def _deliver(self) -> None:
        for pipeline, fragment in self._pool.drain():
            # Output of a pipeline that was closed meanwhile has nowhere to go.
            if (waiting := self._output.get(pipeline)) is not None:
                waiting.append(fragment)
        self._changed.notify_all()

    def _work(self) -> None:
        while (invocation := self._jobs.get()) is not None:
            with self._changed:
                pipeline = self._pipelines.get(invocation.pipeline)
                if self.closed or self.lost or pipeline is None:
                    continue
            ending, failure = self._run(invocation, pipeline.stop)
            with self._changed:
                if ending is Ending.SESSION_LOST:
                    self._lose()
                    return
                if ending is Ending.STOPPED:
                    self._pool.stopped(invocation.pipeline)
                else:
                    self._pool.end(invocation.pipeline, failure)
                pipeline.done = True
                self._deliver()

    def _run(self, invocation: Invocation, stop: threading.Event) -> tuple[Ending, ErrorInfo | None]:
        """Run statements one after the other; a terminating error leaves the later ones out."""
        for statement in invocation.statements:
            refused = next((error for command in statement if (error := self._pool.refusal(command))), None)
            if refused:
                return Ending.ANSWERED, refused
            ending, answer = self._chain(statement, stop)
            if ending is Ending.HANGS:
                stop.wait()
                return Ending.STOPPED, None
            if ending is not Ending.ANSWERED:
                return ending, None
            with self._changed:
                self._pool.write(invocation.pipeline, answer)
                self._deliver()
            if answer.failure:
                return Ending.ANSWERED, answer.failure
        return Ending.ANSWERED, None

    def _chain(self, statement: tuple[Command, ...], stop: threading.Event) -> tuple[Ending, Answer]:
        first, *rest = statement
        run = self._service.run(first.name, first.arguments, stop)
        answer = run.answer
        for command in rest if run.ending is Ending.ANSWERED and answer.failure is None else ():
            if command.name.casefold() != "select-object":
                answer.output, answer.failure = [], _only_select(command)
                break
            selected = select(answer.output, command.arguments)
            answer.output, answer.failure = selected.output, selected.failure
        return run.ending, answer


class Shells:
    """The shells that are open.

    Args:
        service: What runs cmdlets.
        limit: How many shells there may be.
        no_language: Whether they take cmdlets only.
    """

    def __init__(self, service: Service, limit: int, no_language: bool) -> None:
        self.limit = limit
        self._service, self._no_language = service, no_language
        self._lock = threading.Lock()
        self._open: dict[str, Shell] = {}
        self._lost: dict[str, Shell] = {}
        self._ended: list[Shell] = []

    def open(self, shell_id: str) -> Shell:
        """Open a shell with id *shell_id*.

        Raises:
            TooManyShells: There are as many as allowed.
        """
        with self._lock:
            if len(self._open) >= self.limit:
                raise TooManyShells
            shell = Shell(shell_id, self._service, self._no_language, self._on_lost)
            self._open[shell_id.upper()] = shell
            return shell

    def get(self, shell_id: str) -> Shell | None:
        """Return the shell with *shell_id*, or None.

        Raises:
            ConnectionLost: It was lost, and this is the first request since.
        """
        with self._lock:
            if self._lost.pop(shell_id.upper(), None) is not None:
                raise ConnectionLost
            return self._open.get(shell_id.upper())

    def seen_lost(self, shell: Shell) -> None:
        """A request saw its connection close: the next one hears that there is no such shell."""
        with self._lock:
            self._lost.pop(shell.shell_id.upper(), None)

    def close(self, shell: Shell) -> None:
        """Close *shell*."""
        with self._lock:
            self._open.pop(shell.shell_id.upper(), None)
            self._end(shell)
        shell.close()

    def close_all(self) -> None:
        """Close every shell and wait for their workers."""
        with self._lock:
            shells = [*self._open.values(), *self._ended]
            self._open.clear()
            self._lost.clear()
            self._ended.clear()
        for shell in shells:
            shell.close()
        for shell in shells:
            shell.join()

    def _on_lost(self, shell: Shell) -> None:
        with self._lock:
            self._open.pop(shell.shell_id.upper(), None)
            self._lost[shell.shell_id.upper()] = shell
            self._end(shell)

    def _end(self, shell: Shell) -> None:
        # Kept until its worker has ended, so that close_all() leaves no thread behind.
        self._ended = [shell, *(ended for ended in self._ended if ended.working)]


def _take(waiting: deque[bytes]) -> list[bytes]:
    taken: list[bytes] = []
    size = 0
    while waiting and (not taken or size + len(waiting[0]) <= _RECEIVE_BYTES):
        taken.append(waiting.popleft())
        size += len(taken[-1])
    return taken


def _only_select(command: Command) -> ErrorInfo:
    return ErrorInfo(
        f"The simulated endpoint pipes into Select-Object only, not into '{command.name}'.",
        "System.NotImplementedException",
        fully_qualified_id="NotSimulated",
    )
