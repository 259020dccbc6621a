"""The shells of the simulated endpoint: each a runspace pool, a worker that runs its pipelines, its output.

A shell's worker is one thread, so pipelines of a shell run one after the other and those of different shells
at the same time.
"""

import queue
import threading
import time
from collections.abc import Callable
from uuid import UUID

from bulkps.simulator.cmdlets import invoke_batch
from bulkps.simulator.cmdlets.cmdlet_result import Answer, ErrorInfo, Item
from bulkps.simulator.cmdlets.cmdlet_service import Ending, Service
from bulkps.simulator.cmdlets.property_selection import select
from bulkps.simulator.wire.pipeline_reader import Command
from bulkps.simulator.wire.server_pool import BrokenStream, Invocation, PoolServer
from bulkps.simulator.wire.shell_base import ConnectionLost, Shell

#: How long a Signal waits for the pipeline to have stopped, in seconds.
_STOP_WAIT = 5.0
#: About how many bytes of output may wait to be fetched before the pipeline waits too.
_WAITING_BYTES = 1024 * 1024
#: How many objects are written before they can be fetched.
_AT_ONCE = 20
#: What opens a shell: from its id and what is to be called when its session is lost.
Opener = Callable[[str, Callable[[Shell], None]], Shell]


class TooManyShells(Exception):
    """The user has as many shells as allowed."""


class CmdletShell(Shell):
    """A shell whose cmdlets the simulator runs itself.

    Args:
        shell_id: Its id.
        lost: Called when the session is lost, with the shell.
        service: What runs its cmdlets.
        no_language: Whether it takes cmdlets only.
    """

    def __init__(
        self, shell_id: str, lost: Callable[[Shell], None], service: Service, no_language: bool
    ) -> None:
        super().__init__(shell_id, lost)
        self._service = service
        self._pool = PoolServer(no_language)
        self._jobs: queue.SimpleQueue[tuple[Invocation, float] | None] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, name=f"simulator-shell-{shell_id}", daemon=True)
        self._worker.start()

    def receive_data(self, data: bytes, pipeline: UUID | None = None, stream: str = "stdin") -> None:
        """Take in fragments; a *pipeline* that is not known yet begins with them."""
        arrived = time.monotonic()
        with self._changed:
            if self.lost:
                raise ConnectionLost
            if pipeline is not None:
                self._begin(pipeline)
            try:
                ready = self._pool.receive(data)
            except BrokenStream:
                # A real engine stops answering here. Closing has the same effect and is faster for a test.
                self._lose()
                return
            self._deliver()
        for invocation in ready:
            self._jobs.put((invocation, arrived))

    def stop(self, pipeline: UUID) -> None:
        """Stop *pipeline* and wait until it has."""
        with self._changed:
            known = self._pipelines.get(pipeline)
            if known is None:
                return
            known.stop.set()
            self._changed.notify_all()
            self._changed.wait_for(lambda: known.done or self.closed or self.lost, _STOP_WAIT)

    def forget(self, pipeline: UUID) -> None:
        """Close *pipeline*; one that runs is stopped."""
        with self._changed:
            self._drop(pipeline)
            self._changed.notify_all()

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

    def kill(self) -> None:
        """Do nothing: there is no engine to kill."""

    def _lose(self) -> None:
        super()._lose()
        self._jobs.put(None)

    def _deliver(self) -> None:
        for pipeline, fragment in self._pool.drain():
            self._put(pipeline, fragment)
        self._changed.notify_all()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            invocation, arrived = job
            with self._changed:
                pipeline = self._pipelines.get(invocation.pipeline)
                if self.closed or self.lost or pipeline is None:
                    continue
            ending, failure = self._run(invocation, pipeline.stop, arrived)
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

    def _run(
        self, invocation: Invocation, stop: threading.Event, arrived: float
    ) -> tuple[Ending, ErrorInfo | None]:
        """Run statements one after the other; a terminating error leaves the later ones out."""
        for statement in invocation.statements:
            refused = next((error for command in statement if (error := self._pool.refusal(command))), None)
            if refused:
                return Ending.ANSWERED, refused
            if self._is_batch(statement):
                ending, failure = self._batch(invocation.pipeline, statement[0], stop, arrived)
                if failure or ending is not Ending.ANSWERED:
                    return ending, failure
                continue
            ending, answer = self._chain(statement, stop)
            if ending is Ending.HANGS:
                stop.wait()
                return Ending.STOPPED, None
            if ending is not Ending.ANSWERED:
                return ending, None
            if not self._write(invocation.pipeline, answer, stop):
                return Ending.STOPPED, None
            if answer.failure:
                return Ending.ANSWERED, answer.failure
        return Ending.ANSWERED, None

    def _is_batch(self, statement: tuple[Command, ...]) -> bool:
        if invoke_batch.NAME not in self._service.offer.functions or len(statement) != 1:
            return False
        return statement[0].name.casefold() == invoke_batch.NAME.casefold()

    def _batch(
        self, pipeline: UUID, command: Command, stop: threading.Event, arrived: float
    ) -> tuple[Ending, ErrorInfo | None]:
        self._service.begin_batch()

        def write(outcome: Item) -> None:
            self._write(pipeline, Answer(output=[outcome]), stop)

        return invoke_batch.run_batch(self._service, command.arguments, stop, arrived, write)

    def _write(self, pipeline: UUID, answer: Answer, stop: threading.Event) -> bool:
        """Write a command's answer, no faster than it is fetched; return False if that was stopped."""
        for at in range(0, len(answer.output), _AT_ONCE):
            with self._changed:
                self._changed.wait_for(lambda: self._is_fetched(pipeline) or stop.is_set())
                if stop.is_set():
                    return False
                self._pool.write_output(pipeline, answer.output[at : at + _AT_ONCE])
                self._deliver()
        with self._changed:
            self._pool.write_messages(pipeline, answer)
            self._deliver()
        return True

    def _is_fetched(self, pipeline: UUID) -> bool:
        return sum(map(len, self._output.get(pipeline, ()))) < _WAITING_BYTES

    def _chain(self, statement: tuple[Command, ...], stop: threading.Event) -> tuple[Ending, Answer]:
        first, *rest = statement
        run = self._service.run(first.name, first.arguments, stop)
        answer = run.answer
        for command in rest if run.ending is Ending.ANSWERED and answer.failure is None else ():
            selected = select(answer.output, command, self._service.offer.functions)
            answer.output, answer.failure = selected.output, selected.failure
        return run.ending, answer


class Shells:
    """The shells that are open.

    Args:
        limit: How many shells there may be.
        opener: What opens one.
    """

    def __init__(self, limit: int, opener: Opener) -> None:
        self.limit = limit
        self._opener = opener
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
            shell = self._opener(shell_id, self._on_lost)
            self._open[shell_id.upper()] = shell
            return shell

    def get(self, shell_id: str) -> Shell | None:
        """Return the shell with *shell_id*, or None.

        Raises:
            ConnectionLost: It was lost, and this is the first request since.
        """
        with self._lock:
            lost, found = self._lost.get(shell_id.upper()), self._open.get(shell_id.upper())
        # Without the lock: a shell that is being lost holds its own lock and waits for this one.
        if lost is None or lost.is_owed:
            return lost or found
        self.seen_lost(lost)
        raise ConnectionLost

    def seen_lost(self, shell: Shell) -> None:
        """Note that a request saw its connection close: the next one gets the answer "no such shell"."""
        with self._lock:
            self._lost.pop(shell.shell_id.upper(), None)

    def close(self, shell: Shell) -> None:
        """Close *shell*."""
        with self._lock:
            self._open.pop(shell.shell_id.upper(), None)
            self._end(shell)
        shell.close()

    def kill_engines(self) -> None:
        """Kill every real engine behind an open shell."""
        with self._lock:
            shells = list(self._open.values())
        for shell in shells:
            shell.kill()

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
