"""May a step be sent again? One table answers for every caller. Pure.

The outcome evaluator asks after an answer, the reconciler after a lookup, the work queue before it sends an
item, a retry about rows that failed, a new run about rows of other runs. Each says what is known about the
step and which facts hold. The first row of the table that fits decides.
"""

from dataclasses import dataclass
from enum import Enum, Flag, auto

from bulkps.engine.item import FAILED_AT_EXCHANGE, IN_DOUBT, REQUEST_GONE, Item
from bulkps.engine.item_status import BulkItemStatus
from bulkps.exchange.error_catalog import UNKNOWN_MUTATION, ErrorClass, KnownError
from bulkps.operations.model import Operation, Step


class Known(Enum):
    """What is known about a step."""

    READY = "ready"  #: It waits to be sent.
    NOT_SENT = "not sent"  #: It never reached Exchange.
    REFUSED = "refused"  #: Exchange answered with an error that the catalogue knows.
    UNREADABLE = "unknown error"  #: Exchange answered with an error that the catalogue does not know.
    DOUBT = "doubt"  #: No answer shows whether it happened.
    ABSENT = "absent"  #: A lookup shows that it did not happen.
    FAILED_LATER = "failed later"  #: Exchange accepted it; its request failed later.
    GONE = "gone"  #: Exchange accepted it, but no longer has its request.
    UNDER_WAY = "under way"  #: Exchange works on it, or a running process is about to send it.
    PARTLY = "done in part"  #: It failed after a step that must not be repeated.
    DONE = "done"  #: It is completed.


class Fact(Flag):
    """What else matters."""

    NONE = 0
    # What the operation declares about the step.
    HARMLESS = auto()  #: Sending it twice does no harm.
    LOOKUP = auto()  #: Exchange can be asked whether it happened.
    RECOVERS = auto()  #: Its failed request can be resumed, or removed and created again.
    # What the error says.
    NOTHING_RAN = auto()  #: It proves that nothing was executed.
    MAY_HAVE_RUN = auto()  #: It asks for a lookup before anything else is done.
    NEW_SESSION = auto()  #: A new session may be accepted.
    OF_THE_ROW = auto()  #: It is about this row, not about the account, the session or the pace.
    # The state of the item.
    TRIES_LEFT = auto()  #: The policy for the error's class allows another try.
    DOUBTFUL = auto()  #: An earlier attempt was never answered.
    REFUSED_BEFORE = auto()  #: It was looked up only because Exchange refused it permanently.
    OUTDATED = auto()  #: The lookup that did not find it is too old.
    CLEARED = auto()  #: Its request may be completed and cleared by now.
    BEHIND_A_STEP = auto()  #: A step that must not be repeated is done.
    # Who asks.
    STOPPING = auto()  #: A run that is stopping and starts nothing new.
    PERSON = auto()  #: A person who asks for a retry.
    OTHER_RUN = auto()  #: Another run with the same content.


class Decision(Enum):
    """What follows."""

    SEND = "send again"  #: Or for the first time.
    LOOK_UP = "look up"  #: Send it again if it did not happen.
    CONFIRM = "look up, then end"  #: It has failed if it did not happen.
    RECOVER = "look up, then recover"  #: If its request is still failed, send the cmdlet that helps.
    LEAVE = "leave"  #: Not sent: a person, a retry or the run that has it decides.
    END = "end"  #: It stays as it is: completed, or failed as Exchange said.


@dataclass(frozen=True)
class Rule:
    """One row of the table.

    Attributes:
        known: What is known of the step.
        kind: The class of the error; None fits any class, and no error.
        facts: What must hold.
        unless: None of these may hold.
        decision: What follows.
        why: The reason.
    """

    known: Known
    kind: ErrorClass | None
    facts: Fact
    unless: Fact
    decision: Decision
    why: str

    def fits(self, known: Known, facts: Fact, kind: ErrorClass | None) -> bool:
        """Return whether it answers this question."""
        return (
            known is self.known
            and self.kind in (None, kind)
            and self.facts in facts
            and not self.unless & facts
        )


_K, _F, _D = Known, Fact, Decision
_AUTH, _CONFLICT, _PASSING = ErrorClass.AUTH, ErrorClass.CONFLICT, ErrorClass.TRANSIENT
_UNPROVEN = _F.NOTHING_RAN | _F.HARMLESS

# fmt: off
#: The first row that fits decides.
TABLE = (
    Rule(_K.READY, None, _F.DOUBTFUL | _F.OUTDATED | _F.LOOKUP, _F.NONE, _D.LOOK_UP,
         "the lookup that did not find it is too old to prove anything"),
    Rule(_K.READY, None, _F.STOPPING | _F.DOUBTFUL, _F.HARMLESS, _D.LEAVE,
         "a stopping run does not repeat what may have happened"),
    Rule(_K.READY, None, _F.STOPPING | _F.DOUBTFUL, _F.BEHIND_A_STEP, _D.LEAVE,
         "a stopping run starts nothing new, harmless or not"),
    Rule(_K.READY, None, _F.NONE, _F.NONE, _D.SEND,
         "nothing of it happened, or what happened is known"),
    Rule(_K.NOT_SENT, None, _F.NONE, _F.NONE, _D.SEND,
         "it never reached Exchange"),

    Rule(_K.DOUBT, None, _F.OTHER_RUN | _F.HARMLESS, _F.NONE, _D.SEND,
         "sending it twice does no harm, whichever run sends it"),
    Rule(_K.DOUBT, None, _F.OTHER_RUN, _F.NONE, _D.LEAVE,
         "a retry of the run that sent it can look it up"),
    Rule(_K.DOUBT, None, _F.HARMLESS | _F.TRIES_LEFT, _F.NONE, _D.SEND,
         "sending it twice does no harm"),
    Rule(_K.DOUBT, None, _F.LOOKUP, _F.NONE, _D.LOOK_UP,
         "it may have happened, and Exchange can be asked"),
    Rule(_K.DOUBT, None, _F.HARMLESS | _F.PERSON, _F.NONE, _D.SEND,
         "sending it twice does no harm, and a person asked for it"),
    Rule(_K.DOUBT, None, _F.NONE, _F.NONE, _D.LEAVE,
         "it may have happened, and no lookup can tell"),

    Rule(_K.UNREADABLE, None, _F.HARMLESS, _F.NONE, _D.END,
         "a second try would bring the same unknown error"),
    Rule(_K.UNREADABLE, None, _F.LOOKUP, _F.NONE, _D.CONFIRM,
         "it was refused, but may still have happened"),
    Rule(_K.UNREADABLE, None, _F.NONE, _F.NONE, _D.LEAVE,
         "it was refused, but may still have happened, and no lookup can tell"),

    Rule(_K.REFUSED, None, _F.PERSON, _F.NONE, _D.SEND,
         "nothing happened, and a person has fixed the cause"),
    Rule(_K.REFUSED, None, _F.OTHER_RUN, _F.NONE, _D.SEND,
         "nothing happened there"),
    Rule(_K.REFUSED, _CONFLICT, _F.MAY_HAVE_RUN | _F.LOOKUP, _F.NONE, _D.CONFIRM,
         "the object in the way may be its own, from an attempt whose answer was lost"),
    Rule(_K.REFUSED, _AUTH, _F.NEW_SESSION | _F.MAY_HAVE_RUN, _F.HARMLESS, _D.LOOK_UP,
         "the error does not say that nothing ran"),
    Rule(_K.REFUSED, _AUTH, _F.NEW_SESSION, _F.NONE, _D.SEND,
         "refused before it ran; a new session may be accepted"),
    Rule(_K.REFUSED, None, _F.TRIES_LEFT, _UNPROVEN, _D.LOOK_UP,
         "the error is temporary, but does not prove that nothing ran"),
    Rule(_K.REFUSED, None, _F.TRIES_LEFT, _F.NONE, _D.SEND,
         "the error is temporary, and nothing ran or sending it twice does no harm"),
    Rule(_K.REFUSED, _PASSING, _F.MAY_HAVE_RUN | _F.LOOKUP, _F.NONE, _D.CONFIRM,
         "no try is left, but it may have happened"),
    Rule(_K.REFUSED, None, _F.DOUBTFUL | _F.OF_THE_ROW | _F.LOOKUP, _F.NONE, _D.CONFIRM,
         "an earlier attempt may be the reason for the refusal"),
    Rule(_K.REFUSED, None, _F.NONE, _F.NONE, _D.END,
         "it would be refused every time"),

    Rule(_K.ABSENT, None, _F.STOPPING, _F.NONE, _D.LEAVE,
         "the run ended before it could be sent again"),
    Rule(_K.ABSENT, None, _F.CLEARED, _F.NONE, _D.LEAVE,
         "it may have been completed and cleared since"),
    Rule(_K.ABSENT, None, _F.TRIES_LEFT, _F.REFUSED_BEFORE, _D.SEND,
         "it did not happen"),
    Rule(_K.ABSENT, None, _F.NONE, _F.NONE, _D.END,
         "it did not happen, and it was refused or no try is left"),

    Rule(_K.FAILED_LATER, None, _F.OTHER_RUN, _F.NONE, _D.SEND,
         "while that request exists, Exchange refuses a second one"),
    Rule(_K.FAILED_LATER, None, _F.PERSON | _F.RECOVERS, _F.NONE, _D.RECOVER,
         "its request can be resumed, or removed and created again"),
    Rule(_K.FAILED_LATER, None, _F.PERSON | _F.LOOKUP, _F.NONE, _D.LOOK_UP,
         "its request may exist"),
    Rule(_K.FAILED_LATER, None, _F.PERSON | _F.HARMLESS, _F.NONE, _D.SEND,
         "sending it twice does no harm, and a person asked for it"),
    Rule(_K.FAILED_LATER, None, _F.NONE, _F.NONE, _D.LEAVE,
         "its request may exist, and no lookup can tell"),
    Rule(_K.GONE, None, _F.NONE, _F.NONE, _D.LEAVE,
         "it happened, and no lookup can show its result"),
    Rule(_K.UNDER_WAY, None, _F.NONE, _F.NONE, _D.LEAVE,
         "the run that has it finishes it"),
    Rule(_K.PARTLY, None, _F.NONE, _F.NONE, _D.LEAVE,
         "a retry of that run does what is left"),
    Rule(_K.DONE, None, _F.NONE, _F.NONE, _D.END,
         "nothing is left to do"),
)
# fmt: on


def decide(known: Known, facts: Fact, kind: ErrorClass | None = None) -> Decision:
    """Return the decision.

    Args:
        known: What is known of the step.
        facts: What holds.
        kind: The class of the error that was the answer, if there was one.
    """
    return next(rule.decision for rule in TABLE if rule.fits(known, facts, kind))


def when(*facts: tuple[object, Fact]) -> Fact:
    """Return those facts whose condition holds."""
    found = Fact.NONE
    for holds, fact in facts:
        if holds:
            found |= fact
    return found


def declared(operation: Operation, step: Step) -> Fact:
    """Return what *operation* declares about *step*."""
    return when(
        (step.idempotent or step.polled, Fact.HARMLESS),
        (operation.failed_at(step).reconcile, Fact.LOOKUP),
        (step.recovers or operation.recovering(step), Fact.RECOVERS),
    )


def told_by(error: KnownError) -> tuple[Known, Fact]:
    """Return what a catalogue error says about the step that it answered."""
    facts = when(
        (error.retry == "safe", Fact.NOTHING_RAN),
        (error.retry == "after-lookup", Fact.MAY_HAVE_RUN),
        (error.reconnect, Fact.NEW_SESSION),
        # An error that every row would get, or that is about the pace, says nothing about this row.
        (
            error.scope == "row" and error.error_class not in (ErrorClass.AUTH, ErrorClass.THROTTLED),
            Fact.OF_THE_ROW,
        ),
    )
    if error is UNKNOWN_MUTATION:
        return Known.UNREADABLE, facts
    return (Known.DOUBT if error.error_class is ErrorClass.UNCERTAIN else Known.REFUSED), facts


def known_of_failed(code: str, *, doubtful: bool) -> Known:
    """Return what is known about the step at which an item failed.

    Args:
        code: The item's error code.
        doubtful: Whether one of its attempts was never answered.
    """
    if code == REQUEST_GONE:
        return Known.GONE
    if code == FAILED_AT_EXCHANGE:
        return Known.FAILED_LATER
    return Known.DOUBT if doubtful or code == IN_DOUBT else Known.REFUSED


def known_elsewhere(item: Item, operation: Operation, *, alive: bool) -> Known:
    """Return what is known about content that another run has as an item.

    Args:
        item: The item there.
        operation: What is done.
        alive: Whether a process is working on that run.
    """
    if item.status is BulkItemStatus.FAILED:
        known = known_of_failed(item.code, doubtful=item.doubtful)
        in_part = operation.is_partly_done(item.outputs) and known is not Known.FAILED_LATER
        return Known.PARTLY if in_part else known
    if item.status is BulkItemStatus.COMPLETED:
        return Known.DONE
    begun = item.status is BulkItemStatus.IN_PROGRESS or (alive and item.status is BulkItemStatus.PENDING)
    return Known.UNDER_WAY if begun else Known.NOT_SENT
