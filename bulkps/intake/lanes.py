"""The fast lane: which cells of a column need a closer look, by the hundred. Pure.

A lane may send a sound cell to the close look, which is only slower; it never lets one pass that the
close look would refuse, or whose value would be compared as anything but the cell in lower case.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from bulkps.intake.header import BLANKS
from bulkps.operations.celltypes import CELL_TYPES
from bulkps.operations.columns import Column

#: Kinds whose canonical value is the cell in lower case unless it starts with one of these characters.
#: All kinds that keep the cell as it is need no entry.
_FOLDED_UNLESS = {"guid": "{"}
_ENOUGH = 1000


class Lane(Protocol):
    """Finds the cells of one column that need a closer look."""

    def suspects(self, cells: Sequence[str]) -> Iterable[int]:
        """Return the indexes of *cells* that may not be sound."""


def lane(column: Column, *, key: bool, ours: bool) -> Lane:
    """Return the lane for *column*.

    Args:
        column: What its cells have to be.
        key: Whether rows are compared by it, so that its value has to be the cell in lower case.
        ours: Whether a leading apostrophe may be one that made a cell formula-safe.
    """
    if column.many:
        return _Everything()
    if column.values:
        return _Values(column)
    kinds = [CELL_TYPES[name] for name in column.type]
    if key and any(kind.canonical is not str and kind.name not in _FOLDED_UNLESS for kind in kinds):
        return _Everything()
    first = "".join(_FOLDED_UNLESS.get(kind.name, "") for kind in kinds) if key else ""
    first += "'" if ours else ""
    if any(kind.pattern is None for kind in kinds):
        return _Text(column, first, key=key)
    return _Typed(column, first)


class _Everything:
    """For what only the close look can tell."""

    def suspects(self, cells: Sequence[str]) -> Iterable[int]:
        return range(len(cells))


class _Values:
    """For a column with few different cells: each is looked at once."""

    def __init__(self, column: Column) -> None:
        self._column = column
        self._sound = set() if column.required else {""}

    def suspects(self, cells: Sequence[str]) -> Iterable[int]:
        strange = {cell for cell in set(cells) - self._sound if not self._learnt(cell)}
        return [index for index, cell in enumerate(cells) if cell in strange] if strange else ()

    def _learnt(self, cell: str) -> bool:
        # Not by the pattern: without regard to case it takes a dotless i for an i.
        folded = cell.casefold()
        sound = any(folded == value.casefold() for value in self._column.values)
        if sound and len(self._sound) < _ENOUGH:
            self._sound.add(cell)
        return sound


class _Text:
    """For any text: only length and blanks matter, and blanks only where it must not be empty."""

    def __init__(self, column: Column, first: str, *, key: bool) -> None:
        self._longest = column.max_length
        self._first = tuple(first)
        self._exact = column.required or key
        self._optional = not column.required

    def suspects(self, cells: Sequence[str]) -> Iterable[int]:
        found: set[int] = set()
        if self._longest is not None and max(map(len, cells)) > self._longest:
            found.update(index for index, cell in enumerate(cells) if len(cell) > self._longest)
        if self._exact:
            stripped = [cell.strip(BLANKS) for cell in cells]
            if stripped != list(cells):
                found.update(index for index, cell in enumerate(cells) if cell != stripped[index])
            if not self._optional and "" in cells:
                found.update(index for index, cell in enumerate(cells) if not cell)
        if self._first:
            found.update(index for index, cell in enumerate(cells) if cell.startswith(self._first))
        return found


class _Typed:
    """For cells that match a pattern: one search through all of them for the first that does not.

    The cells are joined by line feeds, which no pattern of a kind of cell can match across; a cell that
    holds one itself is seen by the count.
    """

    def __init__(self, column: Column, first: str) -> None:
        end = r"(?:\n|\Z)"
        longest = column.max_length
        sound = f"(?![{re.escape(BLANKS + first)}])" + (rf"(?=[^\n]{{0,{longest}}}{end})" if longest else "")
        sound += f"{column.pattern}(?<![{re.escape(BLANKS)}])"
        sound = sound if column.required else f"(?:{sound})?"
        # The plain line feed in front lets the search jump from cell to cell.
        self._strange = re.compile(rf"\n(?!{sound}{end})")
        self._sound = re.compile(sound)

    def suspects(self, cells: Sequence[str]) -> Iterable[int]:
        block = "\n" + "\n".join(cells)
        if self._strange.search(block) is None and block.count("\n") == len(cells):
            return ()
        return [index for index, cell in enumerate(cells) if "\n" in cell or not self._sound.fullmatch(cell)]
