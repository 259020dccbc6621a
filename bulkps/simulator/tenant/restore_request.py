"""A mailbox restore request of the simulated tenant. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from bulkps.simulator.cmdlets.cmdlet_result import Value
from bulkps.simulator.tenant.mailbox import Mailbox

#: An age as Exchange accepts it: ``30.00:00:00``, ``12:00:00``, or only days.
_AGE = re.compile(r"(?P<days>\d+)|(?:(?P<whole>\d+)\.)?(?P<hours>\d+):(?P<minutes>\d+):(?P<seconds>\d+)")

_TOLD = ("Identity", "DisplayName", "Alias", "Database")


@dataclass(frozen=True)
class Failure:
    """Why a restore request ends Failed.

    Attributes:
        type: Its FailureType.
        message: The message in its statistics.
        side: Its FailureSide.
        bad_items: How many bad items were found.
    """

    type: str
    message: str
    side: str
    bad_items: int = 0


TOO_MANY_BAD_ITEMS = Failure(
    "TooManyBadItemsPermanentException",
    "This mailbox exceeded the maximum number of corrupted items that were specified for this request.",
    "Source",
    bad_items=11,
)


@dataclass(frozen=True)
class Ending:
    """The course of a request that does not simply copy everything.

    Attributes:
        copied: The share of the items that arrives, 0 to 1.
        bad: How many items were bad and not copied.
        large: How many were too large.
        missing: How many are in the source but not in the target at the end.
        score: Its DataConsistencyScore.
        failure: Why it ends Failed, or None if it does not.
        stalled: Its StatusDetail while it is running.
        suspends: Its Message if it suspends itself before it ends; otherwise empty.
    """

    copied: float = 1.0
    bad: int = 0
    large: int = 0
    missing: int = 0
    score: str = "Perfect"
    failure: Failure | None = None
    stalled: str = ""
    suspends: str = ""


USUAL = Ending()


@dataclass(eq=False)
class RestoreRequest:
    """A mailbox restore request and its progress.

    Attributes:
        name: Its name, unique for its target.
        guid: Its RequestGuid.
        batch: Its BatchName, or empty.
        source: The mailbox that is read.
        target: The mailbox that is written.
        created: When it was created, in seconds since the epoch.
        failure: Why it ends Failed, or None if it does not.
        endless: Whether it never ends by itself.
        suspended_at: When it was suspended, or None while it runs.
        rested: Seconds that it spent suspended so far.
        parameters: The parameters of New-MailboxRestoreRequest.
        ending: Its course.
    """

    name: str
    guid: UUID
    batch: str
    source: Mailbox
    target: Mailbox
    created: float
    failure: Failure | None = None
    endless: bool = False
    suspended_at: float | None = None
    rested: float = 0.0
    parameters: Mapping[str, Value] = field(default_factory=dict)
    ending: Ending = USUAL
    _shown: dict[Mailbox, tuple[object, dict[str, str]]] = field(default_factory=dict, repr=False)

    @property
    def identity(self) -> str:
        """The request's Identity: the target's alias, a backslash and the name."""
        return f"{self.shown(self.target)['Alias']}\\{self.name}"

    def shown(self, mailbox: Mailbox) -> Mapping[str, str]:
        """Return what a request shows of its source or its target, in its current state.

        Kept, because every poll needs it for every request, and most mailboxes are created for every query.
        """
        known = self._shown.get(mailbox)
        if known is None or known[0] is not mailbox.as_is:
            properties = mailbox.properties
            told = {name: str(properties.get(name, "")) for name in _TOLD}
            known = self._shown[mailbox] = mailbox.as_is, told
        return known[1]

    def flag(self, name: str) -> bool:
        """Return whether New-MailboxRestoreRequest was given the switch *name*."""
        return bool(self.parameters.get(name))

    @property
    def kept(self) -> float | None:
        """How many seconds it is kept after it is completed; None for ever.

        Without a limit Exchange keeps it for 30 days; no simulated tenant runs that long.
        """
        found = _AGE.fullmatch(str(self.parameters.get("CompletedRequestAgeLimit", "")))
        if found is None:
            return None
        days, hours, minutes, seconds = (
            int(found["days"] or found["whole"] or 0),
            *(int(found[name] or 0) for name in ("hours", "minutes", "seconds")),
        )
        return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)

    def worked(self, now: float) -> float:
        """Return how many seconds were spent on it until *now*."""
        return (now if self.suspended_at is None else self.suspended_at) - self.created - self.rested
