"""Who among all recipients has a name or a GUID of one of many mailboxes. Pure.

An organization has as many recipients as mailboxes, or more, and nearly none of them is in a deleted
mailbox's way. So of the mailboxes only hashes are kept, and of the recipients only those that meet one.
"""

from collections.abc import Iterable, Mapping

from bulkps.preflight.recipient import Recipient


class RecipientConflicts:
    """Whoever living shares something with a mailbox: what ``account_exists`` and ``guid_reused`` look for.

    Every mailbox must be expected before the first recipient is taken in.
    """

    def __init__(self) -> None:
        # A hash for a name: should two names share one, a recipient too many is kept, and the checks compare
        # the names themselves.
        self._expected: set[int] = set()
        self._kept: dict[str, Recipient] = {}
        self._named: dict[str, set[str]] = {}

    def expect(self, mailbox: Recipient) -> None:
        """Note what *mailbox* could share."""
        self._expected.update(map(hash, _shared(mailbox)))

    def take_in(self, found: Mapping[str, object]) -> None:
        """Keep what Get-Recipient or Get-User brought, if it matters."""
        one = Recipient.from_properties(found)
        key = one.guid or (one.distinguished_name or "").casefold() or one.identity
        matters = key in self._kept or any(hash(name) in self._expected for name in _shared(one))
        if one.is_deleted is True or not matters:
            return
        # Get-Recipient and Get-User each tell what the other does not.
        kept = self._kept[key].filled_up(one) if key in self._kept else one
        self._kept[key] = kept
        for name in _shared(kept):
            self._named.setdefault(name, set()).add(key)

    def around(self, mailbox: Recipient) -> tuple[Recipient, ...]:
        """Return everybody who was taken in and shares something with *mailbox*; it may be among them."""
        keys = {key for name in _shared(mailbox) for key in self._named.get(name, ())}
        return tuple(self._kept[key] for key in sorted(keys))


def _shared(one: Recipient) -> Iterable[str]:
    names = ((one.user_principal_name or "").casefold(), one.exchange_guid, one.archive_guid)
    return {name for name in names if name} | one.smtp
