"""Runs the machine: clock, chance, threads, queue.

Only the thread that calls ``run`` touches machine and records.
"""

import queue
import random
import time
from collections.abc import Callable, Mapping, Sequence

from bulkps.engine import machine_messages as ev
from bulkps.engine.interfaces import Connect, Gate, Records
from bulkps.engine.item import Change, Item
from bulkps.engine.recorded_events import RunEvent
from bulkps.engine.run_machine import Machine
from bulkps.engine.worker import Answered, Batch, Crashed, Message, Query, Worker
from bulkps.exchange.calls_and_outcomes import Answer, Cmdlet, Invocation
from bulkps.operations.model import Operation

#: How often the driver checks whether another process asked for a pause or a cancel, in seconds.
BEAT = 1.0
#: How long an outcome waits for others to share its transaction, in seconds.
_GATHERS = 0.02
#: How many refs one query of the journal holds.
_CHUNK = 500
#: How long closing sessions may take before the run ends without them, in seconds.
_CLOSING = 15.0

#: Puts generated passwords into an item's cmdlet.
Prepare = Callable[[Item, Cmdlet], Cmdlet]


class Driver:
    """Runs one run until it is finished or has to stop.

    Args:
        machine: Decides.
        operation: What is done to each item.
        records: Where the run is kept.
        connect: Opens a session.
        on_changes: Called on the thread that runs, after changes are durable and the work that follows from
            them has started. If it raises, the run is paused and the error is raised once it has stopped.
        prepare: Puts generated passwords into a cmdlet right before it is sent. If it raises, nothing of
            the batch is sent.
        gate: Asked before each item is started: a process that stood still may have lost its run.
    """

    def __init__(
        self,
        machine: Machine,
        operation: Operation,
        records: Records,
        connect: Connect,
        *,
        on_changes: Callable[[Sequence[Change]], None],
        prepare: Prepare,
        gate: Gate,
    ) -> None:
        self._gate = gate
        self._machine, self._operation, self._records, self._connect = machine, operation, records, connect
        self._on_changes, self._prepare = on_changes, prepare
        # SimpleQueue, not Queue: a signal handler may put into it while this thread is inside get().
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._workers: dict[int, Worker] = {}
        # Wall time at the start and a clock that never jumps after it: a clock set back in the middle
        # of a run must not turn a wait of seconds into one of hours.
        self._epoch, self._started = time.time(), time.monotonic()
        self._wake: float | None = None
        self._beats_at = 0.0
        self._changed: list[Change] = []
        self._interrupted = False
        self._raised: Exception | None = None
        self._finish: ev.Finish | None = None

    def pause(self) -> None:
        """Ask for no new batches; safe from any thread and from a signal handler."""
        self._queue.put(ev.PauseAsked())

    def cancel(self) -> None:
        """Ask for the rest to be skipped; safe from any thread and from a signal handler."""
        self._queue.put(ev.CancelAsked())

    def interrupt(self) -> None:
        """Pause, and stop the pipelines in flight; safe from any thread and from a signal handler.

        What is stopped is in doubt; what was not sent yet stays PENDING.
        """
        self._interrupted = True
        self._queue.put(ev.InterruptAsked())

    def run(self) -> ev.Finish:
        """Run until the run is over, and return why it is.

        Raises:
            RecordFailed: If a record could not be written; no further batch was sent.
        """
        try:
            self._tell([ev.Started(self._records.following())])
            while self._finish is None:
                self._tell(self._next_events())
        except BaseException:
            self._abandon()
            raise
        finally:
            self._close()
        if self._raised is not None:
            raise self._raised
        return self._finish

    @property
    def _now(self) -> float:
        return self._epoch + time.monotonic() - self._started

    def _next_events(self) -> list[ev.Event]:
        self._beat()
        until = min(self._beats_at, self._wake or self._beats_at)
        messages = self._arrived(max(0.0, until - self._now))
        if self._interrupted:
            for worker in self._workers.values():
                worker.interrupt()
        events: list[ev.Event] = []
        for message in messages:
            if isinstance(message, Answered | Crashed):
                # The journal is asked whose answers they are, so what came before them must be in it. And
                # what came before a crash is an answer too.
                self._tell(events)
                events = []
            if isinstance(message, Crashed):
                raise message.error
            events.append(self._attributed(message) if isinstance(message, Answered) else message)
        if not events and self._wake is not None and self._now >= self._wake:
            return [ev.TimePassed()]
        return events

    def _arrived(self, timeout: float) -> list[Message]:
        """Return what has arrived, waiting for it at most *timeout* seconds.

        After an outcome it waits a moment for more: outcomes that arrive together share one transaction.
        That delays nothing, because the session continues with its batch.
        """
        messages: list[Message] = []
        try:
            messages.append(self._queue.get(timeout=timeout))
            gathers = time.monotonic() + _GATHERS
            while True:
                waits = isinstance(messages[-1], ev.OutcomeArrived)
                left = max(0.0, gathers - time.monotonic()) if waits else 0.0
                messages.append(self._queue.get(timeout=left))
        except queue.Empty:
            return messages

    def _beat(self) -> None:
        if self._now < self._beats_at:
            return
        self._beats_at = self._now + BEAT
        wish = self._records.beat()
        if wish == "cancel":
            self.cancel()
        elif wish == "pause":
            self.pause()

    def _attributed(self, answered: Answered) -> ev.Event:
        """Ask the journal whose answers they are, and return them as an event."""
        outcome, follow = answered.outcome, self._operation.steps[answered.step].follow
        if follow is None or outcome.answer is not Answer.COMPLETED or outcome.errors:
            reason = outcome.errors[0].message if outcome.errors else "the query failed without saying why"
            return ev.FollowFailed(answered.session, reason, answered.worn, outcome.errors)
        by_ref: dict[str, Mapping[str, object]] = {
            str(found.get(follow.match) or "").casefold(): found for found in outcome.output
        }
        seen: list[tuple[Item, Mapping[str, object]]] = []
        refs = list(by_ref)
        for start in range(0, len(refs), _CHUNK):
            chunk = self._records.followed(answered.step, refs[start : start + _CHUNK])
            seen += [(item, by_ref[item.ref]) for item in chunk]
        absent = self._records.followed_except(answered.step, by_ref)
        return ev.FollowAnswered(answered.session, answered.step, tuple(seen), tuple(absent), answered.worn)

    def _tell(self, events: list[ev.Event]) -> None:
        while events:
            self._wake = None
            actions = self._machine.receive(events, self._now, random.random())  # noqa: S311 - jitter, no secret
            events = [event for action in actions for event in self._act(action)]
        self._show()

    def _show(self) -> None:
        changed, self._changed = self._changed, []
        if not changed or self._raised is not None:
            return
        try:
            self._on_changes(changed)
        except Exception as error:  # noqa: BLE001 - an error of the caller must not cost the run its answers
            self._raised = error
            self.pause()

    def _act(self, action: ev.Action) -> list[ev.Event]:
        match action:
            case ev.Record(changes):
                self._records.record(changes)
                self._changed += changes
            case ev.LoadItems(count):
                items, exhausted = self._records.load(count)
                return [ev.ItemsLoaded(tuple(items), exhausted)]
            case ev.OpenSession(session):
                self._workers[session] = Worker(session, self._connect, self._queue)
                self._workers[session].start()
            case ev.CloseSession(session, reason):
                if reason:
                    self._records.note(RunEvent.SESSION_RENEWED, f"a session is renewed: {reason}")
                self._workers[session].inbox.put(None)
            case ev.Send(session, batch, items):
                prepared = tuple(
                    Invocation(one.id, self._prepare(item, one.cmdlet), one.keep)
                    for one, item in zip(batch, items, strict=True)
                )
                self._workers[session].inbox.put(Batch(prepared, self._gate))
            case ev.LookUp(session, batch):
                self._workers[session].inbox.put(Batch(batch))
            case ev.Paced(notes, waited):
                self._records.paced(notes, waited)
            case ev.AskAfter(session, step, query):
                self._workers[session].inbox.put(Query(step, query))
            case ev.SkipRest(code, reason):
                self._records.skip_pending(code, reason, self._now)
            case ev.WakeAt(at):
                self._wake = at
            case ev.Finish():
                self._finish = action
        return []

    def _abandon(self) -> None:
        """Send nothing more: the workers of a broken run must not continue."""
        for worker in self._workers.values():
            worker.interrupt()

    def _close(self) -> None:
        for worker in self._workers.values():
            worker.inbox.put(None)
        deadline = time.monotonic() + _CLOSING
        for worker in self._workers.values():
            worker.join(max(0.0, deadline - time.monotonic()))
