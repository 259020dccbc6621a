"""Runs the machine: clock, chance, threads, queue.

Only the thread that calls ``run`` touches machine and records. Each session has a worker thread that
opens it, invokes, and passes what comes back through one queue.
"""

import queue
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bulkps.engine import events as ev
from bulkps.engine.item import Change, Item
from bulkps.engine.machine import Machine
from bulkps.engine.ports import Connect, Records, Session, SessionLostError, SessionRefusedError
from bulkps.exchange.cmdlet import Answer, Cmdlet, ErrorRecord, Invocation, Outcome
from bulkps.operations.model import Operation

#: How often the lease is renewed and other processes' wishes are read, in seconds.
BEAT = 1.0
#: How many refs one question to the journal holds.
_CHUNK = 500
#: How long a closing session may take before the run ends without it, in seconds.
_CLOSING = 10.0


@dataclass(frozen=True)
class _Batch:
    invocations: tuple[Invocation, ...]


@dataclass(frozen=True)
class _Query:
    step: int
    cmdlet: Cmdlet


@dataclass(frozen=True)
class _Answered:
    """A query's raw answer, before the journal has said whose it is."""

    session: int
    step: int
    outcome: Outcome


@dataclass(frozen=True)
class _Crashed:
    """A worker met what nobody foresaw."""

    error: BaseException


_Message = ev.Event | _Answered | _Crashed


class _Worker(threading.Thread):
    """Owns one session from opening to closing."""

    def __init__(self, number: int, connect: Connect, out: "queue.SimpleQueue[_Message]") -> None:
        super().__init__(name=f"bulkps-session-{number}", daemon=True)
        self.number, self._connect, self._out = number, connect, out
        self.inbox: queue.Queue[_Batch | _Query | None] = queue.Queue()

    def run(self) -> None:
        try:
            session = self._connect()
        except SessionRefusedError as error:
            self._out.put(ev.SessionRefused(self.number, error.record))
            return
        except BaseException as error:  # noqa: BLE001 - it is passed on to the driver's thread
            self._out.put(_Crashed(error))
            return
        self._out.put(ev.SessionOpened(self.number))
        try:
            while (order := self.inbox.get()) is not None:
                self._obey(session, order)
        except SessionLostError as error:
            self._out.put(ev.SessionLost(self.number, str(error)))
        except BaseException as error:  # noqa: BLE001 - it is passed on to the driver's thread
            self._out.put(_Crashed(error))
        finally:
            session.close()

    def _obey(self, session: Session, order: "_Batch | _Query") -> None:
        if isinstance(order, _Batch):
            for outcome in session.invoke(order.invocations):
                self._out.put(ev.OutcomeArrived(self.number, outcome))
            self._out.put(ev.BatchEnded(self.number))
            return
        for outcome in session.invoke([Invocation("follow", order.cmdlet)]):
            self._out.put(_Answered(self.number, order.step, outcome))


class Driver:
    """Runs one run to its end, or to where it has to stop.

    Args:
        machine: Decides.
        operation: What is done to each item.
        records: Where it is kept.
        connect: Opens a session.
        on_changes: Called after changes are durable, on the thread that runs.
        prepare: Puts generated passwords into a cmdlet right before it is sent.
    """

    def __init__(
        self,
        machine: Machine,
        operation: Operation,
        records: Records,
        connect: Connect,
        *,
        on_changes: Callable[[Sequence[Change]], None],
        prepare: Callable[[Cmdlet], Cmdlet],
    ) -> None:
        self._machine, self._operation, self._records, self._connect = machine, operation, records, connect
        self._on_changes, self._prepare = on_changes, prepare
        # SimpleQueue, not Queue: a signal handler may put into it while this thread is inside get().
        self._queue: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._workers: dict[int, _Worker] = {}
        # Wall time at the start and a clock that never jumps after it: a clock set back in the middle
        # of a run must not turn a wait of seconds into one of hours.
        self._epoch, self._started = time.time(), time.monotonic()
        self._wake: float | None = None
        self._beats_at = 0.0
        self._finish: ev.Finish | None = None

    def pause(self) -> None:
        """Ask for no new batches; safe from any thread and from a signal handler."""
        self._queue.put(ev.PauseAsked())

    def cancel(self) -> None:
        """Ask for the rest to be skipped; safe from any thread and from a signal handler."""
        self._queue.put(ev.CancelAsked())

    def run(self) -> ev.Finish:
        """Return why the run is over, once it is.

        Raises:
            RecordFailed: If a record could not be written; nothing more was sent.
        """
        try:
            self._tell([ev.Started(self._records.following())])
            while self._finish is None:
                self._tell(self._next_events())
            return self._finish
        finally:
            self._close()

    @property
    def _now(self) -> float:
        return self._epoch + time.monotonic() - self._started

    def _next_events(self) -> list[ev.Event]:
        self._beat()
        until = min(self._beats_at, self._wake or self._beats_at)
        messages: list[_Message] = []
        try:
            messages.append(self._queue.get(timeout=max(0.0, until - self._now)))
            while True:
                messages.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        if not messages:
            return [ev.TimePassed()] if self._wake is not None and self._now >= self._wake else []
        return [self._event(message) for message in messages]

    def _beat(self) -> None:
        if self._now < self._beats_at:
            return
        self._beats_at = self._now + BEAT
        wish = self._records.beat()
        if wish == "cancel":
            self.cancel()
        elif wish == "pause":
            self.pause()

    def _event(self, message: _Message) -> ev.Event:
        if isinstance(message, _Crashed):
            raise message.error
        if isinstance(message, _Answered):
            return self._attributed(message)
        return message

    def _attributed(self, answered: _Answered) -> ev.Event:
        """Return whose answers they are, by asking the journal."""
        outcome, follow = answered.outcome, self._operation.steps[answered.step].follow
        if follow is None or outcome.answer is not Answer.COMPLETED or outcome.errors:
            reason = (
                outcome.errors[0].message
                if outcome.errors
                else f"the query was not answered ({outcome.answer.value})"
            )
            return ev.FollowFailed(answered.session, reason)
        by_ref: dict[str, Mapping[str, object]] = {
            str(found.get(follow.match) or "").casefold(): found for found in outcome.output
        }
        seen: list[tuple[Item, Mapping[str, object]]] = []
        refs = list(by_ref)
        for start in range(0, len(refs), _CHUNK):
            chunk = self._records.followed(answered.step, refs[start : start + _CHUNK])
            seen += [(item, by_ref[item.ref]) for item in chunk]
        absent = self._records.followed_except(answered.step, by_ref)
        return ev.FollowAnswered(answered.session, answered.step, tuple(seen), tuple(absent))

    def _tell(self, events: list[ev.Event]) -> None:
        while events:
            self._wake = None
            actions = self._machine.receive(events, self._now, random.random())  # noqa: S311 - jitter, no secret
            events = [event for action in actions for event in self._act(action)]

    def _act(self, action: ev.Action) -> list[ev.Event]:
        match action:
            case ev.Record(changes):
                self._records.record(changes)
                self._on_changes(changes)
            case ev.LoadItems(count):
                items, exhausted = self._records.load(count)
                return [ev.ItemsLoaded(tuple(items), exhausted)]
            case ev.OpenSession(session):
                self._workers[session] = _Worker(session, self._connect, self._queue)
                self._workers[session].start()
            case ev.CloseSession(session):
                self._workers[session].inbox.put(None)
            case ev.Send(session, batch):
                prepared = tuple(Invocation(one.id, self._prepare(one.cmdlet), one.keep) for one in batch)
                self._workers[session].inbox.put(_Batch(prepared))
            case ev.AskAfter(session, step, query):
                self._workers[session].inbox.put(_Query(step, query))
            case ev.SkipRest(code, reason):
                self._records.skip_pending(code, reason, self._now)
            case ev.WakeAt(at):
                self._wake = at
            case ev.Finish():
                self._finish = action
        return []

    def _close(self) -> None:
        for worker in self._workers.values():
            worker.inbox.put(None)
        deadline = time.monotonic() + _CLOSING
        for worker in self._workers.values():
            worker.join(max(0.0, deadline - time.monotonic()))


def refused(error: Exception, message: str = "") -> SessionRefusedError:
    """Return *error* as a refusal that the catalogue can classify by type and text."""
    return SessionRefusedError(ErrorRecord(message or str(error), exception_type=type(error).__name__))
