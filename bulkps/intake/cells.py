"""One row at a time: what is wrong with its cells, and the values that they stand for. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bulkps.exchange.cmdlet import Value
from bulkps.intake.formula import formula_unsafe
from bulkps.intake.header import BLANKS, Layout, known_headers
from bulkps.operations.checks import folded_header
from bulkps.operations.columns import Column
from bulkps.operations.model import Operation
from bulkps.yamlfile import nearest

#: Characters that make a session die without a word (U+FFFE, U+FFFF), that it cannot send (half a
#: surrogate pair), or that no mailbox or directory property holds (NUL).
UNSENDABLE = re.compile("[\x00\ufffe\uffff\ud800-\udfff]")

Key = tuple[str, ...]


@dataclass(frozen=True)
class Fault:
    """What is wrong with a row, before it has a line number; see Problem."""

    column: str
    found: str
    expected: str


@dataclass(frozen=True)
class ReadRow:
    """A row after a close look.

    Attributes:
        cells: Its cells; of a former results file, as they were before they were made formula-safe.
        faults: What is wrong with it.
        values: Canonical values of the cells that are sound.
        empty: Whether there is nothing in it at all.
        beyond: Indexes of columns without a header that hold something all the same.
    """

    cells: tuple[str, ...]
    faults: tuple[Fault, ...]
    values: dict[str, Value]
    empty: bool = False
    beyond: tuple[int, ...] = ()


class RowReader:
    """Reads the rows of one file for one operation.

    Args:
        operation: What the columns mean.
        layout: Where they are.
        encoding: How the file was decoded, if its undecodable bytes became lone surrogates; else empty.
    """

    def __init__(self, operation: Operation, layout: Layout, encoding: str = "") -> None:
        self._layout = layout
        self._encoding = encoding
        self._columns = [(name, operation.columns[name], index) for name, index in layout.columns.items()]

    def read(self, row: Sequence[str]) -> ReadRow:
        """Return what *row* holds."""
        cells = tuple(map(formula_unsafe, row)) if self._layout.ours else tuple(row)
        stripped = [cell.strip(BLANKS) for cell in cells]
        if not any(stripped):
            return ReadRow(cells, (), {}, empty=True)
        layout = self._layout
        if len(cells) < layout.width or any(stripped[len(layout.header) :]):
            return ReadRow(cells, (Fault("", _cells(len(cells)), _cells(layout.width)),), {})
        faults = self._unsendable(cells)
        values: dict[str, Value] = {}
        for name, column, index in self._columns:
            cell = stripped[index]
            if not cell:
                if column.required:
                    expected = f"a value, for this column is required: {column.expected}"
                    faults.append(Fault(layout.label(index), "", expected))
                continue
            problem, value = _value(column, cell)
            if value is not None:
                values[name] = value
            elif not UNSENDABLE.search(cell):
                faults.append(Fault(layout.label(index), cells[index], problem))
        beyond = tuple(index for index in layout.nameless if index < len(cells) and stripped[index])
        return ReadRow(cells, tuple(faults), values, beyond=beyond)

    def _unsendable(self, cells: Sequence[str]) -> list[Fault]:
        return [
            Fault(self._layout.label(index), cell, self._without(found.group()))
            for index, cell in enumerate(cells)
            if (found := UNSENDABLE.search(cell))
        ]

    def _without(self, character: str) -> str:
        code = ord(character)
        if self._encoding and 0xDC80 <= code <= 0xDCFF:
            return f"text in {self._encoding}, which has no such byte as 0x{code - 0xDC00:02X}"
        if 0xD800 <= code <= 0xDFFF:
            return f"whole characters, not half a surrogate pair (U+{code:04X}), which cannot be sent"
        return f"text without U+{code:04X}, which no session survives"


def cell_values(operation: Operation, header: Sequence[str], cells: Sequence[str]) -> dict[str, Value]:
    """Return the canonical values of the sound *cells* of a row under *header*, by the operation's column."""
    known = known_headers(operation)
    values: dict[str, Value] = {}
    for label, text in zip(header, cells, strict=False):
        name, cell = known.get(folded_header(label.strip(BLANKS)), ""), text.strip(BLANKS)
        if name and cell:
            _, value = _value(operation.columns[name], cell)
            values |= {name: value} if value is not None else {}
    return values


def key_of(values: dict[str, Value], group: Sequence[str]) -> Key | None:
    """Return what *values* are compared by in a unique *group* of columns; None where one is not there."""
    if group[0] not in values:
        return None
    # An empty cell of a further column, and the value false, are one: the key of an item takes them so too.
    return tuple(str(values.get(name) or "").casefold() for name in group)


def _value(column: Column, cell: str) -> tuple[str, Value]:
    """Return what is expected instead of *cell*, or an empty text and its canonical value."""
    problem = column.problem(cell)
    if not problem:
        try:
            return "", column.canonical(cell)
        except (StopIteration, ValueError):
            # A pattern without regard to case takes a dotless i for an i; comparing folded cells does not.
            problem = column.expected
    too_long = column.max_length is not None and len(cell) > column.max_length
    return problem + ("" if too_long else nearest(cell, column.values)), None


def _cells(count: int) -> str:
    return f"{count} cell{'s' * (count != 1)}"
