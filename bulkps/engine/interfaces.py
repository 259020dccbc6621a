"""What the engine needs from others, as Protocols; it never imports sessions or records."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from bulkps.engine.item import Change, Item
from bulkps.engine.recorded_events import RunEvent
from bulkps.exchange.calls_and_outcomes import ErrorRecord, Invocation, Outcome


class SessionRefusedError(Exception):
    """A session could not be opened; nothing was sent.

    Attributes:
        record: Why, as an ErrorRecord that the catalogue can classify.
    """

    def __init__(self, record: ErrorRecord) -> None:
        super().__init__(record.message)
        self.record = record


class SessionLostError(Exception):
    """A session is gone; every invocation without an outcome is in doubt."""


class StreamFailedError(Exception):
    """The output of a cmdlet is incomplete.

    Attributes:
        outcome: What is known about it; its output is empty.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.errors[0].message if outcome.errors else "it failed without saying why")
        self.outcome = outcome


class Gate(Protocol):
    """Whether invocations may still be started: the process may have lost its run."""

    def left(self) -> float:
        """Return for how many seconds they may still be started (0 or less: none). Safe from any thread."""
        ...


class Session(Protocol):
    """An open runspace pool."""

    def invoke(self, batch: Sequence[Invocation], gate: Gate | None = None) -> Iterator[Outcome]:
        """Yield an outcome for each invocation of *batch* as it ends.

        Args:
            batch: What to run.
            gate: Asked right before anything is sent; what it does not let through is NOT_SENT. A batch that
                runs inside the engine gets the time that is left. None lets everything through.

        Raises:
            SessionLostError: If the session is gone; invocations without an outcome are in doubt.
        """
        ...

    def worn(self) -> str:
        """Return why it should be renewed before its next batch, or an empty string."""
        ...

    def interrupt(self) -> None:
        """Stop the pipeline in flight and start no other; safe from any thread."""
        ...

    def close(self) -> None:
        """Close it; errors on the wire are ignored here."""
        ...


class ReadingSession(Session, Protocol):
    """A session that can also stream what it reads; the engine does not need that."""

    def stream(self, invocation: Invocation) -> Generator[Mapping[str, object], None, None]:
        """Yield the properties of each object that one cmdlet writes, as it arrives; keep none.

        Raises:
            StreamFailedError: If what was yielded is not everything.
            SessionLostError: If the session is gone.
        """
        ...


#: Opens a session, or raises SessionRefusedError. Called on the session's own thread.
Connect = Callable[[], Session]
#: The same for one that streams.
ConnectReading = Callable[[], ReadingSession]


class Records(Protocol):
    """Where a run is kept: journal and audit. Only the driver's own thread calls it."""

    def load(self, count: int) -> tuple[Sequence[Item], bool]:
        """Return the next unfinished items in file order, and whether those were the last."""
        ...

    def record(self, changes: Sequence[Change]) -> None:
        """Make *changes* durable; when it returns they are on disk.

        Raises:
            RecordFailed: If they are not.
        """
        ...

    def skip_pending(self, code: str, reason: str, now: float) -> None:
        """Make every PENDING item SKIPPED."""
        ...

    def following(self) -> int:
        """Return how many items are at Exchange."""
        ...

    def followed(self, step: int, refs: Sequence[str]) -> Sequence[Item]:
        """Return the items at Exchange in *step* whose ref is one of *refs* (at most 500)."""
        ...

    def followed_except(self, step: int, refs: Iterable[str]) -> Sequence[Item]:
        """Return the items at Exchange in *step* whose ref is none of *refs*."""
        ...

    def paced(self, notes: Sequence[str], waited: Mapping[str, float]) -> None:
        """Write pace changes into the audit log; keep how long the run was held back, by reason.

        Raises:
            RecordFailed: If it could not be written.
        """
        ...

    def note(self, event: RunEvent, sentence: str) -> None:
        """Write what happened to the run itself into the audit log.

        Raises:
            RecordFailed: If it could not be written.
        """
        ...

    def beat(self) -> str:
        """Return ``cancel`` or ``pause`` if that was requested, else an empty text.

        Raises:
            RecordFailed: If this process no longer owns the run, or the journal cannot be written.
        """
        ...
