"""The fast lane: finds the cells of a column that need a closer look, for many cells at once. Pure.

A lane may send a valid cell to the close look, which is only slower. It must never skip a cell that the close
look would refuse, or whose value is compared as anything other than the cell in lower case.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from bulkps.intake.header import BLANKS
from bulkps.operations.columns import Column
from bulkps.operations.suspicious_cells import NOTHING

_ENOUGH = 1000
#: ASCII text that shows that a cell holds no real value, or a damaged one: question marks, errors of
#: spreadsheets, names of types, printed objects.
_STAND_INS = ("?", "#", "System.", "Microsoft.", "@{", "rr:")
#: The same as whole cells, in the usual spellings.
_NOTHING = frozenset(spelling for word in NOTHING for spelling in (word, word.upper(), word.capitalize()))
# Letters that are never part of garbled text: single accented small letters, and ideographs, kana and Hangul
# that are next to each other only. Everything else goes to the close look.
_ACCENTED = "\u00df-\u00ef\u00f1-\u00f6\u00f8-\u00fdąćęłńśźżčřěů"
_EASTERN = "\u3041-\u30ff\u4e00-\u9fff\uac00-\ud7a3"
# It begins with a character set, so that the search jumps quickly to the next such letter.
_FOREIGN = re.compile(
    rf"[^ -~](?:(?<![{_ACCENTED}{_EASTERN}])|(?<=[{_ACCENTED}])(?=[^ -~])"
    rf"|(?<=[{_EASTERN}])(?=[A-Za-z])|(?<=[A-Za-z][{_EASTERN}])|(?<=\u951f)(?=\u65a4))"
)


class Lane(Protocol):
    """Finds the cells of one column that need a closer look."""

    def suspects(self, cells: Sequence[str]) -> Iterable[int]:
        """Return the indexes of *cells* that may not be valid."""


def lane(column: Column, *, key: bool, ours: bool) -> Lane:
    """Return the lane for *column*.

    Args:
        column: The column's definition.
        key: Whether rows are compared by it, so that its value must be the cell in lower case.
        ours: Whether a leading apostrophe may be one that bulkps added to make a cell formula-safe.
    """
    if column.many:
        return _Everything()
    if column.values:
        return _Values(column)
    first = "'" if ours else ""
    if all(kind.read is str for kind in column.kinds):
        return _Text(column, first, key=key)
    if column.plain is None or (key and not all(kind.same for kind in column.kinds)):
        return _Everything()
    return _Typed(column, column.plain, first)


class _Everything:
    """For a column that needs the close look for every cell."""

    def suspects(self, cells: Sequence[str]) -> Iterable[int]:
        return range(len(cells))


class _Values:
    """For a column with few different values: each is checked once."""

    def __init__(self, column: Column) -> None:
        self._column = column
        self._sound = set() if column.required else {""}

    def suspects(self, cells: Sequence[str]) -> Iterable[int]:
        strange = {cell for cell in set(cells) - self._sound if not self._learnt(cell)}
        return [index for index, cell in enumerate(cells) if cell in strange] if strange else ()

    def _learnt(self, cell: str) -> bool:
        # Not by the pattern: when it ignores case, it takes a dotless i for an i.
        folded = cell.casefold()
        sound = any(folded == value.casefold() for value in self._column.values)
        if sound and len(self._sound) < _ENOUGH:
            self._sound.add(cell)
        return sound


class _Text:
    """For any text: checks its length, blanks, and signs of damage."""

    def __init__(self, column: Column, first: str, *, key: bool) -> None:
        self._longest = column.max_length
        self._first = first
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
        found.update(self._damaged(cells))
        return found

    def _damaged(self, cells: Sequence[str]) -> Iterable[int]:
        whole = " ".join(cells)
        found: set[int] = set()
        if not (whole.isascii() and whole.isprintable()) and _FOREIGN.search(whole):
            found.update(index for index, cell in enumerate(cells) if _FOREIGN.search(cell))
        for sign in _STAND_INS:
            if sign in whole:
                found.update(index for index, cell in enumerate(cells) if sign in cell)
        if not _NOTHING.isdisjoint(cells):
            found.update(index for index, cell in enumerate(cells) if cell in _NOTHING)
        return found


class _Typed:
    """For cells that match a pattern: one search through all of them finds the first that does not.

    The cells are joined by line feeds, which no plain pattern matches. A cell that contains a line feed is
    found by counting them.
    """

    def __init__(self, column: Column, plain: str, first: str) -> None:
        end = r"(?:\n|\Z)"
        longest = column.max_length
        sound = f"(?![{re.escape(BLANKS + first)}])" + (rf"(?=[^\n]{{0,{longest}}}{end})" if longest else "")
        sound += f"{plain}(?<![{re.escape(BLANKS)}])"
        sound = sound if column.required else f"(?:{sound})?"
        # The plain line feed in front lets the search jump from cell to cell.
        self._strange = re.compile(rf"\n(?!{sound}{end})")
        self._sound = re.compile(sound)

    def suspects(self, cells: Sequence[str]) -> Iterable[int]:
        block = "\n" + "\n".join(cells)
        if self._strange.search(block) is None and block.count("\n") == len(cells):
            return ()
        return [index for index, cell in enumerate(cells) if "\n" in cell or not self._sound.fullmatch(cell)]
