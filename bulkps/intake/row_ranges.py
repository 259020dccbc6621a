"""Row numbers as ranges, for messages about many rows."""

#: How many ranges are shown.
_SHOWN_RANGES = 8


class RowRanges:
    """Rows in ascending order, such as ``rows 2-14, 17 (14 rows)``; a million rows take no more memory.

    Attributes:
        count: How many there are.
    """

    def __init__(self) -> None:
        self.count = 0
        self._last = 0
        # One more than is shown: it tells that there are more.
        self._ranges: list[tuple[int, int]] = []

    def add(self, row: int) -> None:
        """Add a row."""
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
