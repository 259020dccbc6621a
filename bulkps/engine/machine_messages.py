"""What the driver tells the machine, and what the machine asks of the driver."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from bulkps.engine.item import Change, Item
from bulkps.exchange.calls_and_outcomes import Cmdlet, ErrorRecord, Invocation, Outcome


class StopReason(Enum):
    """Why a run is over, or stopped for now."""

    DONE = "done"  #: Every item is finished, or accepted by Exchange (with wait off).
    PAUSED = "paused"  #: Asked to; what was not sent is PENDING.
    CANCELLED = "cancelled"  #: Asked to; what was not sent is SKIPPED.
    ERROR = "stop-on-error"  #: An item failed and stop_on_error is on; the rest is SKIPPED.
    CONDEMNED = "condemned"  #: An error that every further item would meet; the rest is PENDING.
    CANNOT_CONNECT = "cannot-connect"  #: No session could be opened; the rest is PENDING.
    CANNOT_FOLLOW = "cannot-follow"  #: Polling kept failing; the requests are IN_PROGRESS.
    FAILURES = "too-many-failures"  #: More rows failed than the operator allows; the rest is PENDING.
    NOT_CLEAN = "not-clean"  #: Pre-flight found blockers and require_clean is on; the rest is SKIPPED.
    NOT_CONFIRMED = "not-confirmed"  #: You answered no; nothing was sent, all is SKIPPED.
    CANNOT_CHECK = "cannot-check"  #: Pre-flight could not read what it needs; the rows are PENDING.
    TIME = "time-is-up"  #: The time window or the maximum duration is over; the rest is PENDING.


# --- events -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Started:
    """The driver has started; *following* items are at Exchange from before."""

    following: int = 0


@dataclass(frozen=True)
class ItemsLoaded:
    """The items that were requested; *exhausted* if the journal has no more.

    An item in phase SENT was sent by a process that has ended: it is in doubt. One in phase DOUBT already
    was.
    """

    items: tuple[Item, ...]
    exhausted: bool


@dataclass(frozen=True)
class SessionOpened:
    """A session is ready."""

    session: int


@dataclass(frozen=True)
class SessionRefused:
    """A session could not be opened; nothing was sent on it."""

    session: int
    error: ErrorRecord


@dataclass(frozen=True)
class SessionLost:
    """A session is gone; what was sent on it without an outcome is in doubt."""

    session: int
    reason: str


@dataclass(frozen=True)
class OutcomeArrived:
    """An invocation is over."""

    session: int
    outcome: Outcome


@dataclass(frozen=True)
class BatchEnded:
    """The session has finished its work; *worn* says why it should be renewed, if it should."""

    session: int
    worn: str = ""


@dataclass(frozen=True)
class FollowAnswered:
    """The query for a followed step was answered.

    Attributes:
        session: Which session asked.
        step: Index of the step.
        seen: Followed items with what Exchange says about each.
        absent: Followed items that it does not mention.
        worn: Why the session should be renewed, if it should.
    """

    session: int
    step: int
    seen: tuple[tuple[Item, Mapping[str, object]], ...]
    absent: tuple[Item, ...]
    worn: str = ""


@dataclass(frozen=True)
class FollowFailed:
    """The query for a followed step was not answered, or was answered with *errors*."""

    session: int
    reason: str
    worn: str = ""
    errors: tuple[ErrorRecord, ...] = ()


@dataclass(frozen=True)
class PauseAsked:
    """No new batches; what is in flight finishes."""


@dataclass(frozen=True)
class InterruptAsked:
    """No new batches; what is in flight is being stopped, and nothing is waited for."""


@dataclass(frozen=True)
class CancelAsked:
    """No new batches; what is in flight finishes; the rest is skipped."""


@dataclass(frozen=True)
class TimePassed:
    """The requested time has come."""


Event = (
    Started
    | ItemsLoaded
    | SessionOpened
    | SessionRefused
    | SessionLost
    | OutcomeArrived
    | BatchEnded
    | FollowAnswered
    | FollowFailed
    | PauseAsked
    | InterruptAsked
    | CancelAsked
    | TimePassed
)


# --- actions ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Record:
    """Make these changes durable before the next action starts."""

    changes: tuple[Change, ...]


@dataclass(frozen=True)
class LoadItems:
    """Load up to *count* further items in file order."""

    count: int


@dataclass(frozen=True)
class OpenSession:
    """Open a session under this number."""

    session: int


@dataclass(frozen=True)
class CloseSession:
    """Close the session; it has nothing in flight. *reason* says why another takes its place, if one does."""

    session: int
    reason: str = ""


@dataclass(frozen=True)
class Send:
    """Send this batch on that session; *items* are what its invocations are for, in the same order."""

    session: int
    batch: tuple[Invocation, ...]
    items: tuple[Item, ...]


@dataclass(frozen=True)
class LookUp:
    """Run these queries about items in doubt, or about why they failed, on that session."""

    session: int
    batch: tuple[Invocation, ...]


@dataclass(frozen=True)
class AskAfter:
    """Run the query that follows *step* on that session."""

    session: int
    step: int
    query: Cmdlet


@dataclass(frozen=True)
class Paced:
    """Note how the pace changed.

    Attributes:
        notes: What changed and why, one sentence each.
        waited: Seconds for which the run has been held back, by reason.
    """

    notes: tuple[str, ...]
    waited: Mapping[str, float]


@dataclass(frozen=True)
class SkipRest:
    """Make every PENDING item of the run SKIPPED, with this code and reason."""

    code: str
    reason: str


@dataclass(frozen=True)
class WakeAt:
    """Send TimePassed at this epoch second, unless something else happens before."""

    at: float


@dataclass(frozen=True)
class Finish:
    """The run is over, or stopped for now; there is nothing more to do.

    Attributes:
        reason: Why.
        detail: The reason in the words of the side that refused, or empty.
        advice: What an administrator can do, or empty.
    """

    reason: StopReason
    detail: str = ""
    advice: str = ""


Action = (
    Record
    | LoadItems
    | OpenSession
    | CloseSession
    | Send
    | LookUp
    | AskAfter
    | Paced
    | SkipRest
    | WakeAt
    | Finish
)
