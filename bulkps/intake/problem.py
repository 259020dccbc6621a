"""One thing that is wrong with a file, and its message."""

from dataclasses import dataclass

#: How many characters of a cell or a header a message shows.
_SHORT = 80


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a file.

    Attributes:
        row: The line on which the record starts, as an editor counts (from 1); None for the whole file.
        column: The header of the cell, or the missing column; empty for a whole row.
        found: The cell as it is in the file, or a description if it is not about one column.
        expected: The end of the sentence "expected …".
    """

    row: int | None
    column: str
    found: str
    expected: str

    def sentence(self) -> str:
        """Return the message; a long cell, or one with several lines, is shortened and escaped."""
        where = ", ".join([*([f"row {self.row}"] if self.row is not None else []), *self._column()])
        return f"{where}{': ' if where else ''}found {self._found()}, expected {self.expected}"

    def _column(self) -> list[str]:
        return [readable_name(self.column)] if self.column else []

    def _found(self) -> str:
        if not self.column:
            return self.found
        return shortened(self.found) if self.found else "nothing"


def readable_name(header: str) -> str:
    """Return *header* as it is if a terminal can show it, else quoted, escaped and shortened."""
    return header if header.isprintable() and len(header) <= _SHORT else shortened(header)


def shortened(cell: str) -> str:
    """Return *cell* quoted, escaped and at most about 80 characters long."""
    return repr(cell if len(cell) <= _SHORT else cell[: _SHORT - 1] + "…")
