"""Parses one row at a time: what is wrong with its cells, and their values. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bulkps.exchange.calls_and_outcomes import Value
from bulkps.intake.formula_escape import formula_unsafe
from bulkps.intake.header import BLANKS, Layout, known_headers
from bulkps.operations.columns import Column
from bulkps.operations.definition_validator import folded_header
from bulkps.operations.model import Operation
from bulkps.operations.parameter_sets import ParameterSets
from bulkps.operations.suspicious_cells import not_a_value
from bulkps.yaml_config import nearest

#: Characters that end a session without an error (U+FFFE, U+FFFF), that it cannot send (half a surrogate
#: pair), or that no mailbox or directory property can contain (NUL).
UNSENDABLE = re.compile("[\x00\ufffe\uffff\ud800-\udfff]")

#: Longer text was not typed by hand: no similar value is suggested.
_TYPED = 80

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
        cells: Its cells; in a results file of an earlier run, as they were before they were made
            formula-safe.
        faults: What is wrong with it.
        values: Canonical values of the valid cells.
        warnings: What the administrator should check, although the row is valid.
        empty: Whether it has no content.
        comment: Whether it is a comment and not a row.
        again: Whether it is a header line, such as in two joined files: the same as at the top, or another;
            else empty.
        beyond: Indexes of columns without a header whose cells are not empty.
    """

    cells: tuple[str, ...]
    faults: tuple[Fault, ...]
    values: dict[str, Value]
    warnings: tuple[Fault, ...] = ()
    empty: bool = False
    comment: bool = False
    again: Literal["", "same", "other"] = ""
    beyond: tuple[int, ...] = ()


class RowReader:
    """Reads the rows of one file for one operation.

    Args:
        operation: What the columns mean.
        layout: Where they are.
        encoding: How the file was decoded, if its undecodable bytes became lone surrogates; else empty.
        warn: Whether it also reports valid but suspicious cells.
    """

    def __init__(
        self, operation: Operation, layout: Layout, encoding: str = "", *, warn: bool = False
    ) -> None:
        self._layout = layout
        self._encoding = encoding
        self._warn = warn
        self._columns = [(name, operation.columns[name], index) for name, index in layout.columns.items()]
        self._known = known_headers(operation)
        self._defaults = operation.defaults
        self._sets = ParameterSets(operation)
        self._labels = tuple(folded_header(header.strip(BLANKS)) for header in layout.header)

    def read(self, row: Sequence[str]) -> ReadRow:
        """Return the content of *row*."""
        cells = tuple(map(formula_unsafe, row)) if self._layout.ours else tuple(row)
        stripped = [cell.strip(BLANKS) for cell in cells]
        if not any(stripped):
            return ReadRow(cells, (), {}, empty=True)
        layout = self._layout
        if len(cells) < layout.width or any(stripped[len(layout.header) :]):
            return self._uneven(cells, stripped)
        if again := self._header_in(stripped):
            return ReadRow(cells, (), {}, again=again)
        faults, warnings = self._unsendable(cells), []
        values: dict[str, Value] = {}
        for name, column, index in self._columns:
            cell = stripped[index]
            if not cell:
                if column.required:
                    expected = f"a value, because this column is required: {column.expected}"
                    faults.append(Fault(layout.label(index), "", expected))
                continue
            problem, value = _value(column, cell)
            if value is not None:
                values[name] = value
                if self._warn and (found := column.warning(cell)):
                    warnings.append(Fault(layout.label(index), cells[index], found))
            elif index == 0 and _is_comment(cell):
                return ReadRow(cells, (), {}, empty=True, comment=True)
            elif not UNSENDABLE.search(cell):
                faults.append(Fault(layout.label(index), cells[index], problem))
        if not faults and (problem := self._sets.problem({**self._defaults, **values})):
            given = ", ".join(values)
            faults.append(Fault("", given, problem))
        beyond = tuple(index for index in layout.nameless if index < len(cells) and stripped[index])
        return ReadRow(cells, tuple(faults), values, tuple(warnings), beyond=beyond)

    def _header_in(self, stripped: Sequence[str]) -> Literal["", "same", "other"]:
        """Return whether a row is a header, this file's or another's."""
        first = next((index for index, cell in enumerate(stripped) if cell), 0)
        if folded_header(stripped[first]) not in (*self._labels[:1], *self._known):
            return ""
        folded = [folded_header(cell) for cell in stripped if cell]
        if folded == list(filter(None, self._labels)):
            return "same"
        other = len(folded) > 1 and sum(cell in self._known for cell in folded) * 2 > len(folded)
        return "other" if other else ""

    def _uneven(self, cells: tuple[str, ...], stripped: Sequence[str]) -> ReadRow:
        """Return the result for a row that has fewer or more cells than the header."""
        layout = self._layout
        filled = [cell for cell in stripped if cell]
        typed = any(index == 0 and not column.words for _, column, index in self._columns)
        if _is_comment(stripped[0]) and (len(filled) == 1 or typed):
            return ReadRow(cells, (), {}, empty=True, comment=True)
        if again := self._header_in(stripped):
            return ReadRow(cells, (), {}, again=again)
        # If the last line of a joined file had no line end, the next file's header follows on the same line.
        last = layout.width - 1
        folded = tuple(map(folded_header, stripped[last:]))
        labels = self._labels[: layout.width]
        if (
            labels
            and folded[1:] == labels[1:]
            and folded[:1]
            and folded[0].endswith(labels[0])
            and folded[0] != labels[0]
        ):
            return ReadRow(cells, (), {}, again="same")
        return ReadRow(cells, (Fault("", _cells(len(cells)), _cells(layout.width)),), {})

    def _unsendable(self, cells: Sequence[str]) -> list[Fault]:
        return [
            Fault(self._layout.label(index), cell, self._without(found.group()))
            for index, cell in enumerate(cells)
            if (found := UNSENDABLE.search(cell))
        ]

    def _without(self, character: str) -> str:
        code = ord(character)
        if self._encoding and 0xDC80 <= code <= 0xDCFF:
            return f"text in {self._encoding}, which does not have the byte 0x{code - 0xDC00:02X}"
        if 0xD800 <= code <= 0xDFFF:
            return f"whole characters, not half a surrogate pair (U+{code:04X}), which cannot be sent"
        return f"text without U+{code:04X}, which cannot be sent"


def cell_values(operation: Operation, header: Sequence[str], cells: Sequence[str]) -> dict[str, Value]:
    """Return the canonical values of the valid *cells* of a row under *header*, by the operation's column."""
    known = known_headers(operation)
    values: dict[str, Value] = {}
    for label, text in zip(header, cells, strict=False):
        name, cell = known.get(folded_header(label.strip(BLANKS)), ""), text.strip(BLANKS)
        if name and cell:
            _, value = _value(operation.columns[name], cell)
            values |= {name: value} if value is not None else {}
    return values


def key_of(values: dict[str, Value], group: Sequence[str]) -> Key | None:
    """Return the key of *values* in a unique *group* of columns; None if the first column has no value."""
    if group[0] not in values:
        return None
    # In further columns, an empty cell and the value false are the same, as they are in an item's key.
    return tuple(str(values.get(name) or "").casefold() for name in group)


def _value(column: Column, cell: str) -> tuple[str, Value]:
    """Return what is expected in place of *cell* and None, or an empty text and its canonical value."""
    try:
        return "", column.canonical(cell)
    except ValueError as unsound:
        return str(unsound) + (nearest(cell, column.values) if len(cell) <= _TYPED else ""), None


def _is_comment(cell: str) -> bool:
    """Return whether the first cell of an invalid row begins a comment."""
    return cell.startswith("#") and not not_a_value(cell)


def _cells(count: int) -> str:
    return f"{count} cell{'s' * (count != 1)}"
