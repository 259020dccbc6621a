"""Finds duplicate rows: by hashes, so that a million rows take little memory, then by comparing them.

Pure. Two different rows may have the same hash: the second round compares the rows themselves.
"""

from collections.abc import Sequence

from bulkps.intake.row_parser import Key


class Hashes:
    """The hashes of the keys of one unique group of columns.

    Attributes:
        repeated: Those that occurred more than once.
    """

    def __init__(self) -> None:
        self.repeated: set[int] = set()
        self._seen: set[int] = set()

    def note(self, hashes: Sequence[int]) -> None:
        """Add the hashes of some rows."""
        seen = self._seen
        before = len(seen)
        if seen.isdisjoint(hashes):
            seen.update(hashes)
            if len(seen) - before == len(hashes):
                return
            seen.difference_update(hashes)
        for number in hashes:
            if number in seen:
                self.repeated.add(number)
            seen.add(number)


class DuplicateRows:
    """The second round: the first row of each key whose hash is repeated.

    Args:
        hashes: Of the first round.
    """

    def __init__(self, hashes: Hashes) -> None:
        self._repeated = hashes.repeated
        self._first: dict[Key, int] = {}

    def earlier(self, key: Key, row: int) -> int | None:
        """Return the row that had *key* first, or None if it is this *row*."""
        if hash(key) not in self._repeated:
            return None
        first = self._first.setdefault(key, row)
        return None if first == row else first
