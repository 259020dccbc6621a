"""What a check before recovery or restore found: the code, its severity, and what to do instead. Pure.

The codes are stable: scripts match them, and ``bulkps explain`` and docs/findings.md explain each.
"""

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How much a finding matters."""

    BLOCKER = "blocker"  #: It will fail, or do harm; the row should not be sent.
    WARNING = "warning"  #: It will probably work, but not as one might think.
    NOTE = "note"  #: Worth knowing; also what could not be checked.


class Blocks(Enum):
    """Which operation a finding is about."""

    RECOVER = "recover"  #: New-Mailbox -InactiveMailbox.
    RESTORE = "restore"  #: New-MailboxRestoreRequest.
    BOTH = "both"  #: Either.


class Code(Enum):
    """What was found. A value never changes its meaning and is never reused for another."""

    AUTO_EXPANDING_ARCHIVE = "auto-expanding-archive"
    ADDITIONAL_SHARDS = "additional-shards"
    STILL_SOFT_DELETED = "still-soft-deleted"
    ACCOUNT_EXISTS = "account-exists"
    FEDERATED_DOMAIN = "federated-domain"
    DOMAIN_NOT_ACCEPTED = "domain-not-accepted"
    NAME_TAKEN = "name-taken"
    NOT_INACTIVE = "not-inactive"
    AMBIGUOUS_IDENTITY = "ambiguous-identity"
    TARGET_MISSING = "target-missing"
    TARGET_NOT_A_MAILBOX = "target-not-a-mailbox"
    TARGET_IS_SOURCE = "target-is-source"
    TARGET_HAS_NO_ARCHIVE = "target-has-no-archive"
    LEGACY_DN_MISMATCH = "legacy-dn-mismatch"
    TARGET_TOO_FULL = "target-too-full"
    REQUEST_EXISTS = "request-exists"
    REQUEST_UNFINISHED = "request-unfinished"
    REQUEST_COMPLETED = "request-completed"
    ARCHIVE_LEFT_OUT = "archive-left-out"
    SOURCE_HAS_NO_ARCHIVE = "source-has-no-archive"
    NOT_VISIBLE_IN_ARCHIVE = "not-visible-in-archive"
    TARGET_SYNCED = "target-synced"
    SOURCE_MISSING = "source-missing"
    GUID_REUSED = "guid-reused"
    LARGE_DATA_LOSS = "large-data-loss"
    NAME_GARBLED = "name-garbled"
    REPEATED_ROW = "repeated-row"
    NOT_CHECKED = "not-checked"


#: Codes that are warnings at most and cannot harm existing content.
_ONLY_WARN = frozenset({Code.TARGET_TOO_FULL, Code.ARCHIVE_LEFT_OUT, Code.TARGET_SYNCED, Code.NAME_GARBLED})


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        code: What was found.
        severity: How much it matters.
        blocks: Which operation it is about.
        seen: What was read that shows it.
        instead: What to do, with the cmdlet.
        unseen: For a note that something was not checked, the code that it could have found; otherwise None.
    """

    code: Code
    severity: Severity
    blocks: Blocks
    seen: str
    instead: str
    unseen: Code | None = None

    @property
    def hides_harm(self) -> bool:
        """Whether it notes a missing check for a blocker, or for content that would arrive twice."""
        return self.unseen is not None and self.unseen not in _ONLY_WARN

    @property
    def hides_blocker(self) -> bool:
        """Whether it notes a missing check for a blocker."""
        return self.hides_harm and self.unseen is not Code.REQUEST_COMPLETED

    def __str__(self) -> str:
        return f"{self.severity.value} {self.code.value}: {self.seen}. {self.instead}"


def not_checked(code: Code, blocks: Blocks, unread: str, how: str) -> Finding:
    """Return the note that something could not be checked.

    Args:
        code: What would have been found.
        blocks: Which operation it is about.
        unread: The property or thing that was not read.
        how: The cmdlet that reads it.
    """
    return Finding(
        Code.NOT_CHECKED,
        Severity.NOTE,
        blocks,
        f"bulkps did not read {unread}, so {code.value} was not checked",
        f"Check with {how}.",
        code,
    )
