"""Checks the rows of a file, a chunk at a time. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bulkps.intake.column_prefilter import Lane, lane
from bulkps.intake.csv_reader import Chunk
from bulkps.intake.header import Layout
from bulkps.intake.row_parser import UNSENDABLE, Key, ReadRow, RowReader, key_of
from bulkps.operations.model import Operation


@dataclass(frozen=True)
class ReadChunk:
    """A chunk after the check.

    Attributes:
        looked_at: The rows that needed a close look, by their index in the chunk.
        keys: For each unique group, the key of each row, or None if it has none.
    """

    looked_at: dict[int, ReadRow]
    keys: tuple[Sequence[Key | None], ...]


class Body:
    """Checks chunks of rows.

    Args:
        operation: What the columns mean.
        layout: Where they are.
        reader: For the rows that need a close look.
        suspicious: Whether cells may hold characters that cannot be sent.
    """

    def __init__(self, operation: Operation, layout: Layout, reader: RowReader, *, suspicious: bool) -> None:
        self._reader = reader
        self._layout = layout
        self._suspicious = suspicious
        self._groups = [group for group in operation.unique if group[0] in layout.columns]
        self._keyed = {name for group in self._groups for name in group if name in layout.columns}
        # If every column accepts any text, a repeated header would look like a normal row.
        self._header = next(((index, layout.header[index]) for index in layout.columns.values()), None)
        self._lanes: list[tuple[int, Lane]] = [
            (index, lane(operation.columns[name], key=name in self._keyed, ours=layout.ours))
            for name, index in layout.columns.items()
        ]
        # Without a required column, no lane would notice that a row is empty.
        required = any(name in layout.columns for name in operation.required_columns())
        # The cells of a row may contradict each other if they are parameters of a cmdlet.
        self._fast = required and bool(self._lanes) and not operation.direct

    @property
    def groups(self) -> Sequence[tuple[str, ...]]:
        """The unique groups of columns that the file has."""
        return self._groups

    def read(self, chunk: Chunk) -> ReadChunk:
        """Return the result of checking *chunk*."""
        rows = chunk.rows
        if not self._fast or set(map(len, rows)) != {len(self._layout.header)}:
            looked_at = {index: self._reader.read(row) for index, row in enumerate(rows)}
            return ReadChunk(looked_at, self._slow_keys(looked_at))
        columns = list(zip(*rows, strict=True))
        looked_at = {index: self._reader.read(rows[index]) for index in sorted(self._suspects(rows, columns))}
        return ReadChunk(looked_at, self._fast_keys(columns, looked_at))

    def _suspects(self, rows: Sequence[list[str]], columns: Sequence[Sequence[str]]) -> set[int]:
        found: set[int] = set()
        for index, column in self._lanes:
            found.update(column.suspects(columns[index]))
        for index in self._layout.nameless:
            if any(columns[index]):
                found.update(place for place, cell in enumerate(columns[index]) if cell)
        if self._header and self._header[1] in columns[self._header[0]]:
            place, label = self._header
            found.update(index for index, cell in enumerate(columns[place]) if cell == label)
        if self._suspicious:
            found.update(index for index, row in enumerate(rows) if UNSENDABLE.search("\n".join(row)))
        return found

    def _slow_keys(self, looked_at: dict[int, ReadRow]) -> tuple[Sequence[Key | None], ...]:
        return tuple([key_of(row.values, group) for row in looked_at.values()] for group in self._groups)

    def _fast_keys(
        self, columns: Sequence[Sequence[str]], looked_at: dict[int, ReadRow]
    ) -> tuple[Sequence[Key | None], ...]:
        folded = {name: _folded(columns[self._layout.columns[name]]) for name in self._keyed}
        return tuple(self._group_keys(group, folded, looked_at) for group in self._groups)

    def _group_keys(
        self, group: tuple[str, ...], folded: dict[str, Sequence[str]], looked_at: dict[int, ReadRow]
    ) -> Sequence[Key | None]:
        length = len(folded[group[0]])
        parts = (folded.get(name, [""] * length) for name in group)
        keys: list[Key | None] = list(zip(*parts, strict=True))
        if "" in folded[group[0]]:
            keys = [key if key and key[0] else None for key in keys]
        for index, row in looked_at.items():
            keys[index] = key_of(row.values, group)
        return keys


def _folded(cells: Sequence[str]) -> Sequence[str]:
    """Return *cells* in lower case; all in one call, because that takes a fraction of the time."""
    folded = "\n".join(cells).casefold().split("\n")
    return folded if len(folded) == len(cells) else [cell.casefold() for cell in cells]
