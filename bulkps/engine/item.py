"""An item: one row of the file, on its way through the steps of its operation."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from bulkps.engine.item_status import BulkItemStatus, advance
from bulkps.engine.recorded_events import ItemEvent
from bulkps.exchange.calls_and_outcomes import Cmdlet, ErrorRecord, Value

#: The code of an item whose change may or may not have been made.
IN_DOUBT = "in-doubt"
#: The code of an item that Exchange accepted and then failed.
FAILED_AT_EXCHANGE = "failed-at-exchange"
#: The code of an item that Exchange accepted, but whose request no longer exists.
REQUEST_GONE = "request-gone"
#: The code of an item that Exchange completed without all of its content.
ITEMS_LEFT_BEHIND = "items-left-behind"
#: The code of an item at Exchange that continues only when an administrator resumes it.
WAITS_FOR_OPERATOR = "waits-for-operator"
#: The code of an item that another run completed: nothing is left to do.
DONE_ALREADY = "done-already"
#: The code of an item whose wanted state already existed.
ALREADY_SO = "already-so"
#: The code of an item that would take back what somebody has changed since.
CHANGED_SINCE = "changed-since"
#: The code of one that another run completed with other values: part of it is not done.
DONE_DIFFERENTLY = "done-differently"


class Phase(Enum):
    """What an unfinished item is waiting for."""

    READY = "ready"  #: To be sent.
    SENT = "sent"  #: For the answer. Found after a crash, it means in doubt.
    DOUBT = "doubt"  #: For a lookup that shows whether it happened.
    FOLLOWING = "following"  #: For Exchange to finish what it accepted.
    OVER = "over"  #: For nothing.


#: How many characters of an error or a warning an item keeps: more does not fit a cell of the results.
LONGEST_TEXT = 4000
_CUT = re.compile(r"\u2026 \(([0-9,]+) characters; the audit log has all of them\)")


def shortened(text: str) -> str:
    """Return *text* as an item keeps it: a cut text says how long it was, even if it is cut twice."""
    if len(text) <= LONGEST_TEXT:
        return text
    before = _CUT.search(text)
    cut = f"\u2026 ({before[1] if before else f'{len(text):,}'} characters; the audit log has all of them)"
    return text[: LONGEST_TEXT - len(cut)] + cut


@dataclass(frozen=True)
class Doubt:
    """What is known about a step whose result no answer shows, or about a request that failed.

    All but the first field is known only to the process that works on the item.

    Attributes:
        unresolved: Whether an earlier attempt may have happened, or may still happen.
        since: Epoch seconds by which its cmdlet has started, or at which a lookup showed its request failed.
        ended: Whether its cmdlet is known to have ended, so nothing works on it any more.
        lookups: How many lookups could not tell.
        refusal: The catalogue's code of the error that was the answer; empty if there was no answer.
        resend_from: Epoch seconds until which Exchange asked to wait.
    """

    unresolved: bool = False
    since: float = 0.0
    ended: bool = False
    lookups: int = 0
    refusal: str = ""
    resend_from: float = 0.0


@dataclass(frozen=True)
class Item:
    """The state of a row; every change makes a new Item.

    Attributes:
        key: What identifies it (24 hexadecimal digits): its content, or its content and its run if the
            same content was requested again.
        content: What identifies its content (24 hexadecimal digits).
        row: The line of the file on which the row starts.
        values: Canonical values by column.
        status: Its status.
        phase: What it waits for.
        step: Index of the operation's current step.
        attempt: How often this step has been sent.
        attempts: How often it has been tried: 1, and one more for each step that was sent again.
        not_before: Epoch seconds before which it is not sent again; 0 for at once.
        outputs: Kept output properties by step name.
        ref: What follows it at Exchange (a request's name, folded), or empty.
        progress: What Exchange last said about it while working on it.
        code: The error code, or empty.
        error: What went wrong, in Exchange's words, or empty.
        advice: What an administrator can do, or empty.
        warnings: What Exchange warned about.
        started_at: Epoch seconds of the first attempt, or None.
        completed_at: Epoch seconds at which it finished, or None.
        doubt: What is known about a step whose result no answer shows.
        sent_at: Epoch seconds at which it was last sent, by its sender's clock; None if it never was.
        before: What was there before it was sent, by parameter, as far as it was read.
    """

    key: str
    row: int
    values: Mapping[str, Value]
    content: str = ""
    status: BulkItemStatus = BulkItemStatus.PENDING
    phase: Phase = Phase.READY
    step: int = 0
    attempt: int = 0
    attempts: int = 0
    not_before: float = 0.0
    outputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    ref: str = ""
    progress: str = ""
    code: str = ""
    error: str = ""
    advice: str = ""
    warnings: tuple[str, ...] = ()
    started_at: float | None = None
    completed_at: float | None = None
    doubt: Doubt = Doubt()
    sent_at: float | None = None
    before: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Cut texts that are too long for a person to read; the audit log has all of them."""
        if len(self.error) > LONGEST_TEXT:
            object.__setattr__(self, "error", shortened(self.error))
        if any(len(text) > LONGEST_TEXT for text in self.warnings):
            object.__setattr__(self, "warnings", tuple(map(shortened, self.warnings)))

    @property
    def doubtful(self) -> bool:
        """Whether an earlier attempt may have happened, or may still happen."""
        return self.doubt.unresolved

    def with_doubt(self, **changed: Any) -> "Item":
        """Return it with some fields of its doubt *changed*."""
        return replace(self, doubt=replace(self.doubt, **changed))

    def sending(self, now: float, *, counted: bool = True) -> "Item":
        """Return it as it is right before its step is sent.

        Args:
            now: Epoch seconds.
            counted: False if the step only reads again.
        """
        again = bool(self.attempt) and counted
        return replace(
            self,
            status=advance(self.status, BulkItemStatus.IN_PROGRESS),
            phase=Phase.SENT,
            attempt=self.attempt + 1,
            # A further step is no further attempt; a second try of any step is.
            attempts=self.attempts + 1 if again or not self.attempts else self.attempts,
            not_before=0.0,
            code="",
            error="",
            advice="",
            started_at=now if self.started_at is None else self.started_at,
            sent_at=now,
        )

    def waiting(self, not_before: float, code: str = "", error: str = "", *, counted: bool = True) -> "Item":
        """Return it as it waits to be sent again.

        Between two steps it stays IN_PROGRESS, because the result of the first one exists. After a doubt too:
        what is not visible yet may still appear.

        Args:
            not_before: Epoch seconds.
            code: Why it has to be sent again.
            error: The same in words.
            counted: False if the attempt never reached Exchange.
        """
        as_new = not self.outputs and not self.doubtful
        status = BulkItemStatus.PENDING if as_new else BulkItemStatus.IN_PROGRESS
        taken_back = 0 if counted else 1
        first_of_a_later_step = self.attempt == 1 and bool(self.outputs)
        return replace(
            self,
            status=advance(self.status, status),
            phase=Phase.READY,
            attempt=self.attempt - taken_back,
            attempts=self.attempts - (0 if first_of_a_later_step else taken_back),
            not_before=not_before,
            code=code,
            error=error,
        )

    def doubted(
        self, since: float, until: float, code: str, error: str, advice: str = "", *, ended: bool = False
    ) -> "Item":
        """Return it as it waits to be looked up.

        Args:
            since: Epoch seconds by which its cmdlet has started.
            until: Epoch seconds at which it is looked up.
            code: Why it is in doubt.
            error: The same in words.
            advice: What an administrator can do.
            ended: Whether its cmdlet is known to have ended.
        """
        status = advance(self.status, BulkItemStatus.IN_PROGRESS)
        return replace(
            self,
            status=status,
            phase=Phase.DOUBT,
            not_before=until,
            code=code,
            error=error,
            advice=advice,
            doubt=Doubt(unresolved=True, since=since, ended=ended),
        )

    def announced(
        self, step: int, attempt: int, outputs: Mapping[str, Mapping[str, str]], sent_at: float | None
    ) -> "Item":
        """Return it as it is if only the audit log says that it was about to be sent.

        One that has failed since stays failed, and is looked up before it is sent again.

        Args:
            step: The step's index.
            attempt: How often that step had been sent.
            outputs: What earlier steps returned, as far as known.
            sent_at: Epoch seconds at which it was announced.
        """
        outputs = {**self.outputs, **outputs}
        if self.status is BulkItemStatus.FAILED:
            failed = replace(self, step=step, outputs=outputs, code=IN_DOUBT, sent_at=sent_at)
            return failed.with_doubt(unresolved=True)
        return replace(
            self,
            status=advance(self.status, BulkItemStatus.IN_PROGRESS),
            phase=Phase.SENT,
            step=step,
            attempt=max(attempt, self.attempt if step == self.step else 0),
            attempts=max(attempt, self.attempts),
            outputs=outputs,
            sent_at=sent_at,
        ).with_doubt(unresolved=True)

    def at_step(self, step: int) -> "Item":
        """Return it ready for its next step."""
        return replace(
            self,
            status=advance(self.status, BulkItemStatus.IN_PROGRESS),
            phase=Phase.READY,
            step=step,
            attempt=0,
        )

    def following(self, ref: str) -> "Item":
        """Return it while Exchange works on it; *ref* is how it is found again."""
        return replace(
            self, status=advance(self.status, BulkItemStatus.IN_PROGRESS), phase=Phase.FOLLOWING, ref=ref
        )

    def completed(self, now: float, advice: str = "") -> "Item":
        """Return it COMPLETED."""
        status = advance(self.status, BulkItemStatus.COMPLETED)
        return replace(self, status=status, phase=Phase.OVER, completed_at=now, advice=advice)

    def skipped(self, now: float, code: str, error: str, advice: str) -> "Item":
        """Return it SKIPPED: nothing was sent for it."""
        status = advance(self.status, BulkItemStatus.SKIPPED)
        return replace(
            self, status=status, phase=Phase.OVER, completed_at=now, code=code, error=error, advice=advice
        )

    def examined(self, now: float) -> "Item":
        """Return it while it is being examined: nothing is sent for it."""
        return replace(self, status=advance(self.status, BulkItemStatus.IN_PROGRESS), started_at=now)

    def failed(self, now: float, code: str, error: str, advice: str) -> "Item":
        """Return it FAILED."""
        status = advance(self.status, BulkItemStatus.FAILED)
        return replace(
            self, status=status, phase=Phase.OVER, completed_at=now, code=code, error=error, advice=advice
        )


@dataclass(frozen=True)
class Change:
    """An item that changed, and what happened to it.

    Attributes:
        item: The item as it is now.
        event: What happened, for machines to match: ``item.sending``, ``item.completed``, …
        at: Epoch seconds.
        cmdlet: What was or is about to be sent, secrets hidden; None where nothing was.
        errors: Every ErrorRecord of the answer.
        warnings: Every warning of the answer.
        milliseconds: How long the answer took.
    """

    item: Item
    event: ItemEvent
    at: float
    cmdlet: Cmdlet | None = None
    errors: tuple[ErrorRecord, ...] = ()
    warnings: tuple[str, ...] = ()
    milliseconds: int | None = None
