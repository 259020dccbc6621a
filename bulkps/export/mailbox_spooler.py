"""Takes the mailboxes of an inventory as they arrive, each once."""

from collections import Counter
from collections.abc import Mapping

from bulkps.export.export_writer import Spool
from bulkps.preflight.query import HOLD_PROPERTIES, MAILBOX_PROPERTIES
from bulkps.preflight.recipient import Recipient

#: What an export keeps of a mailbox.
KEEP = (*MAILBOX_PROPERTIES, *HOLD_PROPERTIES)
#: Properties whose absence leaves no column empty and no check undone.
_DISPENSABLE = (
    "UseDatabaseQuotaDefaults", "LitigationHoldDuration", "LitigationHoldDate", "LitigationHoldOwner",
)  # fmt: skip


class MailboxSpooler:
    """Takes one inventory's mailboxes into the spool, each once, and forgets them if it begins again.

    Args:
        spool: Where they are kept.
        seen: Keys of those that are there; it is added to.
        inventory: The inventory's name.

    Attributes:
        lacking: Of how many mailboxes a property was not read.
    """

    #: Under which name the spool keeps which inventory showed a mailbox; no property is called so.
    INVENTORY = "bulkps inventory"

    def __init__(self, spool: Spool, seen: set[str], inventory: str) -> None:
        self._spool, self._seen, self._inventory = spool, seen, inventory
        self._mark = spool.mark()
        self._added: set[str] = set()
        self.lacking: Counter[str] = Counter()

    def begin(self) -> None:
        """Forget what was taken."""
        self._spool.rewind(self._mark)
        self._seen -= self._added
        self._added.clear()
        self.lacking.clear()

    def take(self, one: Recipient, found: Mapping[str, object]) -> bool:
        """Keep a mailbox; return whether it is new. The second inventory may show those of the first."""
        key = one.guid or (one.distinguished_name or "").casefold() or one.identity
        if key in self._seen:
            return False
        self._seen.add(key)
        self._added.add(key)
        self._spool.put({**found, self.INVENTORY: self._inventory})
        self.lacking.update(name for name in KEEP if name not in found and name not in _DISPENSABLE)
        return True
