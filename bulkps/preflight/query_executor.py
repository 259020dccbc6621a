"""Runs reads on a session: what pre-flight and export need to know before anything is sent. Retries them."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import takewhile
from queue import Empty, SimpleQueue
from random import random

from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.interfaces import (
    ConnectReading,
    ReadingSession,
    SessionLostError,
    SessionRefusedError,
    StreamFailedError,
)
from bulkps.engine.outcome_evaluator import NO_SUCH_OBJECT
from bulkps.engine.session_states import is_final
from bulkps.errors import CannotConnect
from bulkps.exchange.calls_and_outcomes import Answer, ErrorRecord, Invocation, Outcome
from bulkps.exchange.error_catalog import ErrorClass, KnownError, Meaning, classify
from bulkps.preflight.object_lists import is_worth_it, names_of
from bulkps.preflight.query import Read

_PASSING = (ErrorClass.TRANSIENT, ErrorClass.THROTTLED, ErrorClass.UNCERTAIN)
#: Takes what arrives, object by object.
Take = Callable[[Mapping[str, object]], None]
#: Called with the number of objects read so far, and the least number of cmdlets left.
OnReading = Callable[[int, int], None]
#: After how many objects of an inventory it is called.
_EVERY = 100


#: The outcome of an inventory that was given up, because few of its objects are sought.
GIVEN_UP = Outcome("given up", Answer.FAILED)


class FewAreSoughtError(Exception):
    """Most of what arrives was not asked for."""


class Interrupted(Exception):
    """Reading was stopped on request."""


class Sessions:
    """Opens sessions, and keeps those that are still usable for the next user.

    Args:
        connect: Opens a session.
    """

    def __init__(self, connect: ConnectReading) -> None:
        self._connect = connect
        self._kept: SimpleQueue[ReadingSession] = SimpleQueue()

    def connect(self) -> ReadingSession:
        """Return the kept session, or a new one; safe from any thread.

        Raises:
            SessionRefusedError: If it cannot be opened.
        """
        try:
            return self._kept.get_nowait()
        except Empty:
            return self._connect()

    def keep(self, session: ReadingSession) -> None:
        """Keep a session that its user no longer needs."""
        self._kept.put(session)

    def close(self) -> None:
        """Close the kept sessions that were not used again."""
        while True:
            try:
                self._kept.get_nowait().close()
            except Empty:
                return


class QueryExecutor:
    """Runs reads with retries: temporary errors are retried, others are returned.

    Args:
        name: The connection's name.
        sessions: Where a session comes from, and goes to when everything is read.
        config: The retry policies.
        catalogue: What errors mean.
        on_reading: Called with the progress, on the thread that reads.
    """

    def __init__(
        self,
        name: str,
        sessions: Sessions,
        config: BulkOperationConfig,
        catalogue: Sequence[KnownError],
        on_reading: OnReading = lambda objects, left: None,
    ) -> None:
        self._name, self._sessions, self._config, self._catalogue = name, sessions, config, catalogue
        self._on_reading, self._objects, self._left = on_reading, 0, 0
        self._session: ReadingSession | None = None
        self._stopped = threading.Event()
        self._barren = 0

    def interrupt(self) -> None:
        """Stop what is being read; safe from any thread."""
        self._stopped.set()
        session = self._session
        if session is not None:
            session.interrupt()

    def hand_over(self) -> None:
        """Keep the session for the next user."""
        if self._session is not None:
            self._sessions.keep(self._session)
            self._session = None

    def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def read(self, reads: Sequence[Read]) -> Iterator[tuple[Read, Outcome, Meaning | None]]:
        """Yield each read with its answer and, if there was an error, its meaning.

        If a named object or database does not exist, the answer is empty and not an error. For an inventory
        or a filter, the same message is an error.

        Raises:
            CannotConnect: If no session can be opened.
            Interrupted: If that was asked for.
        """
        waiting, self._left = list(enumerate(reads)), len(reads)
        attempts = dict.fromkeys(range(len(reads)), 0)
        while waiting:
            batch = self._batch(waiting)
            again: list[tuple[int, Read]] = []
            wait = 0.0
            for (index, read), outcome in zip(batch, self._run([one for _, one in batch]), strict=True):
                attempts[index] += outcome.answer is not Answer.NOT_SENT
                meaning = self._meaning(outcome)
                pause = self._wait(outcome, meaning, attempts[index])
                self._left -= pause is None
                self._on_reading(self._objects, self._left)
                if pause is None and meaning and _is_nothing(read, outcome, meaning):
                    # "Does not exist" is an answer, whether or not the error ended the pipeline.
                    yield read, replace(outcome, answer=Answer.COMPLETED), None
                elif pause is None:
                    yield read, outcome, meaning
                else:
                    again.append((index, read))
                    wait = max(wait, pause)
            waiting = again + waiting[len(batch) :]
            if self._stopped.wait(wait):
                raise Interrupted

    def stream(self, read: Read, begin: Callable[[], Take]) -> tuple[Outcome, Meaning | None]:
        """Pass on everything that *read* returns, as it arrives; return how it ended.

        Args:
            read: An inventory.
            begin: Returns the function that takes the objects. Called again for every retry: the caller must
                discard the objects so far, because they come again.

        Raises:
            CannotConnect: If no session can be opened.
            Interrupted: If that was asked for.
        """
        attempt = 0
        while True:
            attempt += 1
            outcome = self._stream(read, begin())
            meaning = self._meaning(outcome)
            pause = self._wait(outcome, meaning, attempt)
            if pause is None:
                return outcome, meaning
            if self._stopped.wait(pause):
                raise Interrupted

    def _stream(self, read: Read, take: Take) -> Outcome:
        session = self._open()
        outcome = Outcome("0", Answer.COMPLETED)
        try:
            # Closed at once if *take* fails: the session must not go on reading.
            with closing(session.stream(Invocation("0", read.cmdlet, read.keep))) as arriving:
                for found in arriving:
                    take(found)
        except StreamFailedError as error:
            outcome = error.outcome
        except SessionLostError as error:
            session.close()
            self._session = None
            outcome = Outcome("0", Answer.LOST, errors=(ErrorRecord(str(error)),))
        if self._stopped.is_set():
            raise Interrupted
        self._bore([outcome])
        return outcome

    def _batch(self, waiting: list[tuple[int, Read]]) -> list[tuple[int, Read]]:
        # An inventory is a pipeline of its own: nothing waits behind it, and it arrives in pieces.
        if not waiting[0][1].about:
            return waiting[:1]
        size = self._config.batch_size
        # Only from the front: the caller removes the batch from there.
        return list(takewhile(lambda one: one[1].about, waiting[:size]))

    def _meaning(self, outcome: Outcome) -> Meaning | None:
        return classify(outcome.errors, self._catalogue, mutates=False) if outcome.errors else None

    def _wait(self, outcome: Outcome, meaning: Meaning | None, attempt: int) -> float | None:
        """Return the seconds until the retry, or None if there is none."""
        if outcome.answer is Answer.NOT_SENT:
            return 0.0
        passing = outcome.answer is Answer.LOST or (meaning and meaning.known.error_class in _PASSING)
        if not passing:
            return None
        throttled = meaning is not None and meaning.known.error_class is ErrorClass.THROTTLED
        kind = ErrorClass.THROTTLED if throttled else ErrorClass.TRANSIENT
        policy = self._config.retry[kind]
        if attempt >= self._config.attempts_of(policy):
            return None
        named = (meaning.wait if meaning else None) or 0.0
        return max(policy.wait_after(attempt, random()), named)  # noqa: S311 - jitter, no secret

    def _run(self, reads: Sequence[Read]) -> list[Outcome]:
        if reads[0].about:
            outcomes = self._invoke(reads)
            self._objects += sum(len(outcome.output) for outcome in outcomes)
            return outcomes
        # An inventory is converted from the wire's objects as they arrive: keeping all of those at once
        # would take several times as much memory.
        (read,), before, hits = reads, self._objects, 0
        found: list[Mapping[str, object]] = []

        def take(one: Mapping[str, object]) -> None:
            nonlocal hits
            found.append(one)
            self._objects = before + len(found)
            if read.sought:
                hits += not read.sought.isdisjoint(names_of(one))
                if not is_worth_it(len(found), hits, len(read.sought)):
                    raise FewAreSoughtError
            if len(found) % _EVERY == 0:
                self._on_reading(self._objects, self._left)

        try:
            return [replace(self._stream(read, take), output=tuple(found))]
        except FewAreSoughtError:
            return [GIVEN_UP]

    def _invoke(self, reads: Sequence[Read]) -> list[Outcome]:
        session = self._open()
        found: dict[str, Outcome] = {}
        invocations = [Invocation(str(index), read.cmdlet, read.keep) for index, read in enumerate(reads)]
        try:
            for outcome in session.invoke(invocations):
                found[outcome.id] = outcome
        except SessionLostError:
            session.close()
            self._session = None
        if self._stopped.is_set():
            raise Interrupted
        outcomes = [found.get(one.id, Outcome(one.id, Answer.LOST)) for one in invocations]
        self._bore(outcomes)
        return outcomes

    def _bore(self, outcomes: Sequence[Outcome]) -> None:
        """Wait before a new session is opened if the last one accepted nothing.

        Raises:
            CannotConnect: If too many sessions in a row accepted nothing.
            Interrupted: If that was asked for.
        """
        if any(outcome.answer is not Answer.NOT_SENT for outcome in outcomes):
            self._barren = 0
            return
        self._barren += 1
        policy = self._config.connect
        if self._barren >= self._config.attempts_of(policy):
            said = next((record.message for one in outcomes for record in one.errors), "no reason was given")
            detail = f"{self._barren} sessions in a row were opened and accepted no cmdlet: {said}"
            raise CannotConnect(self._name, detail, "")
        if self._stopped.wait(policy.wait_after(self._barren, random())):  # noqa: S311 - jitter, no secret
            raise Interrupted

    def _open(self) -> ReadingSession:
        refusals = 0
        while self._session is None:
            if self._stopped.is_set():
                raise Interrupted
            try:
                self._session = self._sessions.connect()
            except SessionRefusedError as error:
                refusals += 1
                self._refused(error, refusals)
        if self._session.worn():
            self._session.close()
            self._session = None
            return self._open()
        return self._session

    def _refused(self, error: SessionRefusedError, refusals: int) -> None:
        meaning = classify([error.record], self._catalogue, mutates=False)
        policy = self._config.connect
        if is_final(meaning.known) or refusals >= self._config.attempts_of(policy):
            raise CannotConnect(self._name, error.record.message, meaning.known.advice) from error
        wait = max(policy.wait_after(refusals, random()), meaning.wait or 0.0)  # noqa: S311 - jitter, no secret
        if self._stopped.wait(wait):
            raise Interrupted from error


def _is_nothing(read: Read, outcome: Outcome, meaning: Meaning) -> bool:
    """Return whether an error says that the named object or database does not exist."""
    of_a_database = bool(read.within) and not outcome.output
    return (read.names_one or of_a_database) and meaning.known.id in NO_SUCH_OBJECT


def reason(outcome: Outcome, meaning: Meaning | None) -> str:
    """Return why a read failed, in Exchange's words if there are any."""
    if meaning:
        return meaning.record.message
    return "its answer was lost" if outcome.answer is Answer.LOST else "it failed without a reason"
