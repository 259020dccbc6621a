"""A worker thread owns one session from opening to closing, and returns results through a queue."""

import queue
import threading
from dataclasses import dataclass

from bulkps.engine import machine_messages as ev
from bulkps.engine.interfaces import Connect, Gate, Session, SessionLostError, SessionRefusedError
from bulkps.exchange.calls_and_outcomes import Answer, Cmdlet, Invocation, Outcome


@dataclass(frozen=True)
class Batch:
    """Invocations to run in order.

    Attributes:
        invocations: What to run.
        gate: Decides whether each of them may start; None for those that only read.
    """

    invocations: tuple[Invocation, ...]
    gate: Gate | None = None


@dataclass(frozen=True)
class Query:
    """The query that follows *step*."""

    step: int
    cmdlet: Cmdlet


@dataclass(frozen=True)
class Answered:
    """A query's raw answer, before the journal says which items it is about."""

    session: int
    step: int
    outcome: Outcome
    worn: str


@dataclass(frozen=True)
class Crashed:
    """A worker met an unexpected error."""

    error: BaseException


Message = ev.Event | Answered | Crashed


class Worker(threading.Thread):
    """Runs one session.

    Args:
        number: The session's number.
        connect: Opens it.
        out: Where everything that comes back goes.
    """

    def __init__(self, number: int, connect: Connect, out: "queue.SimpleQueue[Message]") -> None:
        super().__init__(name=f"bulkps-session-{number}", daemon=True)
        self.number, self._connect, self._out = number, connect, out
        self.inbox: queue.SimpleQueue[Batch | Query | None] = queue.SimpleQueue()
        self._session: Session | None = None
        self._interrupted = threading.Event()

    def interrupt(self) -> None:
        """Stop what is in flight and send nothing more of the batch; safe from any thread."""
        self._interrupted.set()
        session = self._session
        if session is not None:
            session.interrupt()

    def run(self) -> None:
        """Open the session, work until told to stop, close it."""
        try:
            session = self._session = self._connect()
        except SessionRefusedError as error:
            self._out.put(ev.SessionRefused(self.number, error.record))
            return
        except BaseException as error:  # noqa: BLE001 - it is passed on to the driver's thread
            self._out.put(Crashed(error))
            return
        if self._interrupted.is_set():
            session.interrupt()
        self._out.put(ev.SessionOpened(self.number))
        try:
            while (order := self.inbox.get()) is not None:
                self._obey(session, order)
        except SessionLostError as error:
            self._out.put(ev.SessionLost(self.number, str(error)))
        except BaseException as error:  # noqa: BLE001 - it is passed on to the driver's thread
            self._out.put(Crashed(error))
        finally:
            session.close()

    def _obey(self, session: Session, order: Batch | Query) -> None:
        if isinstance(order, Batch):
            for outcome in session.invoke(order.invocations, order.gate):
                self._out.put(ev.OutcomeArrived(self.number, outcome))
            self._out.put(ev.BatchEnded(self.number, session.worn()))
            return
        failed = "the query was not answered"
        for outcome in session.invoke([Invocation("follow", order.cmdlet)]):
            if outcome.answer in (Answer.COMPLETED, Answer.FAILED):
                self._out.put(Answered(self.number, order.step, outcome, session.worn()))
                return
            failed = outcome.errors[0].message if outcome.errors else failed
        # If the query was lost with its session, SessionLost alone reports it. Here the session still works.
        failed = "it was interrupted" if self._interrupted.is_set() else failed
        self._out.put(ev.FollowFailed(self.number, failed, session.worn()))
