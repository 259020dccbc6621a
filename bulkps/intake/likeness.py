"""What rows have in common: their sentences but for the values in them, and their numbers as ranges."""

import re
from functools import lru_cache

#: What differs from row to row in a sentence: what stands in quotes, and words with digits, @, = or slashes.
_VALUE = re.compile(r"""(?<!\w)'[^'\n]*'(?!\w)|"[^"\n]*"|\S*[\d@=\\/]\S*""")
#: How many ranges are told.
_SHOWN_RANGES = 8


@lru_cache(maxsize=10_000)
def likeness(text: str) -> str:
    """Return *text* with an ellipsis for every value in it: two texts are alike if this is the same."""
    return _VALUE.sub("\u2026", text)


class RowRanges:
    """Rows in ascending order, such as ``rows 2-14, 17 (14 rows)``; takes no more memory for a million.

    Attributes:
        count: How many there are.
    """

    def __init__(self) -> None:
        self.count = 0
        self._last = 0
        # One more than is told: it says that there are more.
        self._ranges: list[tuple[int, int]] = []

    def add(self, row: int) -> None:
        """Take one more row."""
        if row == self._last:
            return
        self.count += 1
        if self._ranges and row == self._ranges[-1][1] + 1:
            self._ranges[-1] = (self._ranges[-1][0], row)
        elif len(self._ranges) <= _SHOWN_RANGES:
            self._ranges.append((row, row))
        self._last = row

    def __str__(self) -> str:
        told = [str(one) if one == last else f"{one}-{last}" for one, last in self._ranges[:_SHOWN_RANGES]]
        if self.count == 1:
            return f"row {told[0]}"
        more = ", \u2026" if len(self._ranges) > _SHOWN_RANGES else ""
        return f"rows {', '.join(told)}{more} ({self.count:,} rows)"
