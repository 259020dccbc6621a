"""Finds the recipients that share a name or a GUID with one of many mailboxes. Pure.

An organization has at least as many recipients as mailboxes, and almost none of them conflicts with a deleted
mailbox. To save memory, only hashes of the mailboxes' names are kept, and only the recipients that match one.
"""

from collections.abc import Iterable, Mapping

from bulkps.preflight.recipient import Recipient


class RecipientConflicts:
    """The active recipients that share something with a mailbox, for ``account_exists`` and ``guid_reused``.

    Call ``expect`` for every mailbox before the first ``take_in``.
    """

    def __init__(self) -> None:
        # Hashes of names. If two names have the same hash, one recipient too many is kept; that does no harm,
        # because the checks compare the names themselves.
        self._expected: set[int] = set()
        self._kept: dict[str, Recipient] = {}
        self._named: dict[str, set[str]] = {}

    def expect(self, mailbox: Recipient) -> None:
        """Note the names of *mailbox* that a recipient could share."""
        self._expected.update(map(hash, _shared(mailbox)))

    def take_in(self, found: Mapping[str, object]) -> None:
        """Keep an object from Get-Recipient or Get-User if it matches a mailbox."""
        one = Recipient.from_properties(found)
        key = one.guid or (one.distinguished_name or "").casefold() or one.identity
        matters = key in self._kept or any(hash(name) in self._expected for name in _shared(one))
        if one.is_deleted is True or not matters:
            return
        # Get-Recipient and Get-User each return properties that the other does not.
        kept = self._kept[key].filled_up(one) if key in self._kept else one
        self._kept[key] = kept
        for name in _shared(kept):
            self._named.setdefault(name, set()).add(key)

    def around(self, mailbox: Recipient) -> tuple[Recipient, ...]:
        """Return the kept recipients that share something with *mailbox*; it may be among them."""
        keys = {key for name in _shared(mailbox) for key in self._named.get(name, ())}
        return tuple(self._kept[key] for key in sorted(keys))


def _shared(one: Recipient) -> Iterable[str]:
    names = ((one.user_principal_name or "").casefold(), one.exchange_guid, one.archive_guid)
    return {name for name in names if name} | one.smtp
