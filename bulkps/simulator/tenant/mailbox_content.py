"""The content of a mailbox: items and bytes, the same for its statistics and for its restore. Pure."""

from dataclasses import dataclass

from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.mailbox import Mailbox


@dataclass(frozen=True)
class Contents:
    """The content of a primary mailbox or an archive.

    Attributes:
        items: How many items, without those in Recoverable Items.
        size: How many bytes they have.
        deleted_items: How many items are in Recoverable Items.
        deleted_size: How many bytes those have.
    """

    items: int
    size: int
    deleted_items: int
    deleted_size: int


def contents(seed: int, mailbox: Mailbox, *, archive: bool = False) -> Contents:
    """Return the content of *mailbox*, or of its archive, in the tenant of *seed*.

    Without a size of its own it is up to 4 GB, derived from the GUID of the part.
    """
    drawn = fake_directory.digest(seed, "size", mailbox.text("ArchiveGuid" if archive else "ExchangeGuid"))
    size = int.from_bytes(drawn[2:6], "big")
    if mailbox.size is not None and not archive:
        size = mailbox.size
    return Contents(
        items=100 + int.from_bytes(drawn[:2], "big"),
        size=size,
        deleted_items=int.from_bytes(drawn[6:8], "big") % 500,
        deleted_size=int.from_bytes(drawn[8:12], "big") // 64,
    )
