"""The states of an item, and which may follow which. No other module decides that."""

from collections.abc import Mapping
from enum import Enum


class BulkItemStatus(Enum):
    """The state of an item in its run."""

    PENDING = "pending"  #: Planned, or waiting for its next attempt.
    IN_PROGRESS = "in_progress"  #: Its pipeline may have reached Exchange, or Exchange is working on it.
    COMPLETED = "completed"  #: Exchange says that it is done.
    FAILED = "failed"  #: Exchange refused it, its attempts ran out, or its result is not known.
    SKIPPED = "skipped"  #: Never sent: cancelled, the run stopped before it, or another run completed it.


_S = BulkItemStatus

#: What may follow what. IN_PROGRESS follows itself from step to step of an item; FAILED becomes PENDING,
#: or IN_PROGRESS where it is looked up first, only when a person asks for a retry.
FOLLOWS: Mapping[BulkItemStatus, frozenset[BulkItemStatus]] = {
    _S.PENDING: frozenset({_S.IN_PROGRESS, _S.SKIPPED}),
    _S.IN_PROGRESS: frozenset({_S.IN_PROGRESS, _S.PENDING, _S.COMPLETED, _S.FAILED}),
    _S.COMPLETED: frozenset(),
    _S.FAILED: frozenset({_S.PENDING, _S.IN_PROGRESS}),
    _S.SKIPPED: frozenset(),
}


class IllegalTransition(Exception):
    """A bug: an item was about to get a status that cannot follow its own."""

    def __init__(self, current: BulkItemStatus, to: BulkItemStatus) -> None:
        super().__init__(f"{current.name} cannot become {to.name}")


def advance(current: BulkItemStatus, to: BulkItemStatus) -> BulkItemStatus:
    """Return *to*, or raise IllegalTransition if *current* cannot become it."""
    if to not in FOLLOWS[current]:
        raise IllegalTransition(current, to)
    return to
