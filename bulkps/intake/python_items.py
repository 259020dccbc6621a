"""Checks items that come from Python, not from a file, by the rules of a file's rows. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bulkps.exchange.calls_and_outcomes import Value
from bulkps.intake.check_report import CheckReport, InputRow
from bulkps.intake.column_defaults import cell_of
from bulkps.intake.header import Layout, lay_out
from bulkps.intake.problem import Problem
from bulkps.intake.row_parser import Key, ReadRow, RowReader, key_of
from bulkps.operations.model import Operation
from bulkps.yaml_config import nearest

#: The name that messages use in place of a file's.
SOURCE = "items"
#: The names of rows that are not data.
_NO_ROW = {"same": "a header line", "other": "a header line"}


def check_items(
    operation: Operation, items: Sequence[tuple[int, Mapping[str, Value]]]
) -> tuple[CheckReport, list[InputRow]]:
    """Return the report on *items* as input for *operation*, and the valid ones as rows.

    Args:
        operation: The operation to run.
        items: For each its number, like a row's, and its values by column: text as in a cell, or a value.
    """
    named = [name for name in operation.columns if any(name in values for _, values in items)]
    # A cmdlet may have two hundred parameters, and the items use only a few.
    header = [name for name in operation.columns if name in named or not operation.direct]
    layout = lay_out(header, 1, operation)
    check = _ItemCheck(operation, layout)
    rows = [row for number, values in items if (row := check.take(number, values))]
    problems = check.problems if items else [Problem(None, "", "no items", "at least one")]
    report = CheckReport(
        path=Path(SOURCE),
        operation=operation.name,
        rows=len(items),
        problem_count=len(problems),
        problems=tuple(problems),
        notes=(),
        encoding="utf-8",
        delimiter=",",
        header=layout.header,
        carried=layout.carried,
        digest="",
        warning_count=len(check.warnings),
        warnings=tuple(check.warnings),
    )
    return report, rows


class _ItemCheck:
    """One check of one list of items."""

    def __init__(self, operation: Operation, layout: Layout) -> None:
        self._operation, self._layout = operation, layout
        self._reader = RowReader(operation, layout, warn=True)
        self._first: dict[tuple[int, Key], int] = {}
        self._numbers: set[int] = set()
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def take(self, number: int, values: Mapping[str, Value]) -> InputRow | None:
        """Return an item as a row, or None if it is not valid."""
        cells = [_cell(values.get(name)) for name in self._layout.header]
        read = self._reader.read(cells)
        problems = [
            *self._number(number),
            *self._unknown(number, values),
            *self._faults(number, read),
            *self._repeats(number, read),
        ]
        self.problems += problems
        self.warnings += [Problem(number, one.column, one.found, one.expected) for one in read.warnings]
        return None if problems else InputRow(number, read.cells, read.values)

    def _number(self, number: int) -> Iterator[Problem]:
        if number < 0:
            yield Problem(None, "row_number", str(number), "a number that is not negative")
        if number in self._numbers:
            yield Problem(None, "row_number", str(number), "a number that no other item has")
        self._numbers.add(number)

    def _unknown(self, number: int, values: Mapping[str, Value]) -> Iterator[Problem]:
        for name in values:
            if name not in self._operation.columns:
                expected = f"a column of {self._operation.name}{nearest(name, self._operation.columns)}"
                yield Problem(number, "", f"the column {name!r}", expected)

    def _faults(self, number: int, read: ReadRow) -> Iterator[Problem]:
        if read.comment or read.empty or read.again:
            found = "a comment" if read.comment else _NO_ROW.get(read.again, "nothing")
            required = ", ".join(self._operation.required_columns())
            yield Problem(number, "", found, f"a value in each required column: {required}")
        for fault in read.faults:
            yield Problem(number, fault.column, fault.found, fault.expected)

    def _repeats(self, number: int, read: ReadRow) -> Iterator[Problem]:
        for place, group in enumerate(self._operation.unique):
            key = key_of(read.values, group)
            first = number if key is None else self._first.setdefault((place, key), number)
            if first != number:
                found = ", ".join(str(read.values.get(name) or "") for name in group)
                yield Problem(number, " + ".join(group), found, f"no duplicate: row {first} has the same")


def _cell(value: object) -> str:
    """Return the cell text of a value; it comes from a program and may have any type."""
    if value is None or isinstance(value, bool):
        return "" if value is None else cell_of(value)
    return cell_of(tuple(map(str, value)) if isinstance(value, list | tuple) else str(value))
