"""Default values (--set) for empty cells, and the rows with them. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from bulkps.errors import InvalidInput
from bulkps.exchange.calls_and_outcomes import Value
from bulkps.intake.check_report import CheckReport, InputRow
from bulkps.intake.header import column_under
from bulkps.intake.problem import Problem
from bulkps.intake.row_parser import Key, key_of
from bulkps.operations.cmdlet_operation import used
from bulkps.operations.columns import cell_text
from bulkps.operations.model import Operation


def filled(
    rows: Iterable[InputRow], values: Mapping[str, Value], operation: Operation, report: CheckReport
) -> Iterator[InputRow]:
    """Yield *rows* with *values* in place of empty cells; see ``with_columns``.

    Args:
        rows: The rows of a sound file.
        values: Canonical values by column.
        operation: What is to be done with them.
        report: The report of the file's check.

    Raises:
        InvalidInput: If rows that differ in the file are then the same; with all of them, after reading all.
    """
    repeats = _Repeats(operation, values)
    places = _places(report, values, operation)
    for row in rows:
        whole = _whole(row, values, places, len(report.header)) if values else row
        repeats.note(whole)
        if not repeats.problems:
            yield whole
    if repeats.problems:
        raise InvalidInput(str(report.path), [problem.sentence() for problem in repeats.problems])


def columns_used(operation: Operation, report: CheckReport, values: Iterable[str] = ()) -> Operation:
    """Return *operation* for rows of this file: a direct one with only the columns that it needs."""
    there = {column_under(report.header[place], operation) for place in report.carried}
    return used(operation, {*filter(None, there), *values})


def with_columns(report: CheckReport, values: Mapping[str, Value], operation: Operation) -> CheckReport:
    """Return *report* with an added column for each of *values* that the file lacks.

    The results contain these columns, so that a row that is used as input again has the same values.
    """
    places = _places(report, values, operation)
    added = {name: place for name, place in places.items() if place >= len(report.header)}
    return replace(report, header=(*report.header, *added), carried=(*report.carried, *added.values()))


def _places(report: CheckReport, values: Iterable[str], operation: Operation) -> dict[str, int]:
    """Return the index of each column; columns that the file lacks come after its last one."""
    there = {column_under(report.header[place], operation): place for place in report.carried}
    behind = len(report.header)
    places: dict[str, int] = {}
    for name in values:
        places[name] = there.get(name, behind)
        behind += name not in there
    return places


def _whole(row: InputRow, values: Mapping[str, Value], places: Mapping[str, int], width: int) -> InputRow:
    cells: Sequence[str] = row.cells[:width]
    cells = [*cells, *[""] * (max(width, max(places.values()) + 1) - len(cells))]
    for name, place in places.items():
        if name not in row.values:
            cells[place] = cell_of(values[name])
    return replace(row, cells=tuple(cells), values={**values, **row.values})


def cell_of(value: Value) -> str:
    """Return the cell text for *value*."""
    return str(value).lower() if isinstance(value, bool) else cell_text(value)


class _Repeats:
    """Finds rows that are the same in a unique group of columns because a default filled one of them."""

    def __init__(self, operation: Operation, values: Mapping[str, Value]) -> None:
        # The check of the file already found those that are the same without defaults.
        self._groups = [group for group in operation.unique if any(name in values for name in group)]
        self._first: dict[tuple[int, Key], int] = {}
        self.problems: list[Problem] = []

    def note(self, row: InputRow) -> None:
        for number, group in enumerate(self._groups):
            key = key_of(dict(row.values), group)
            first = row.row if key is None else self._first.setdefault((number, key), row.row)
            if key is not None and first != row.row:
                found = ", ".join(str(row.values.get(name) or "") for name in group)
                expected = f"no duplicate: row {first} has the same once --set has filled it"
                self.problems.append(Problem(row.row, " + ".join(group), found, expected))
