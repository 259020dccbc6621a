"""Stores the mailboxes of an inventory as they arrive, each once."""

from collections import Counter
from collections.abc import Mapping

from bulkps.export.export_writer import Spool
from bulkps.preflight.query import HOLD_PROPERTIES, MAILBOX_PROPERTIES
from bulkps.preflight.recipient import Recipient

#: The properties of a mailbox that an export keeps.
KEEP = (*MAILBOX_PROPERTIES, *HOLD_PROPERTIES)
#: Properties that may be missing: no column and no check depends on them alone.
_DISPENSABLE = (
    "UseDatabaseQuotaDefaults", "LitigationHoldDuration", "LitigationHoldDate", "LitigationHoldOwner",
)  # fmt: skip


class MailboxSpooler:
    """Stores one inventory's mailboxes in the spool, each once, and discards them if it starts again.

    Args:
        spool: Where they are kept.
        seen: Keys of the mailboxes in the spool; new ones are added.
        inventory: The inventory's name.

    Attributes:
        lacking: For how many mailboxes each property was missing.
    """

    #: The key under which the spool stores a mailbox's inventory; no property has this name.
    INVENTORY = "bulkps inventory"

    def __init__(self, spool: Spool, seen: set[str], inventory: str) -> None:
        self._spool, self._seen, self._inventory = spool, seen, inventory
        self._mark = spool.mark()
        self._added: set[str] = set()
        self.lacking: Counter[str] = Counter()

    def begin(self) -> None:
        """Discard what was stored."""
        self._spool.rewind(self._mark)
        self._seen -= self._added
        self._added.clear()
        self.lacking.clear()

    def take(self, one: Recipient, found: Mapping[str, object]) -> bool:
        """Store a mailbox; return whether it is new. The second inventory may repeat those of the first."""
        key = one.guid or (one.distinguished_name or "").casefold() or one.identity
        if key in self._seen:
            return False
        self._seen.add(key)
        self._added.add(key)
        self._spool.put({**found, self.INVENTORY: self._inventory})
        self.lacking.update(name for name in KEEP if name not in found and name not in _DISPENSABLE)
        return True
