"""Values for the empty cells of every row, and what they make of the rows. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from bulkps.errors import InvalidInput
from bulkps.exchange.cmdlet import Value
from bulkps.intake.cells import Key, key_of
from bulkps.intake.report import InputRow, Problem
from bulkps.operations.model import Operation


def filled(
    rows: Iterable[InputRow], values: Mapping[str, Value], operation: Operation, path: Path
) -> Iterator[InputRow]:
    """Yield *rows* with *values* where they are empty.

    Args:
        rows: The rows of a sound file.
        values: Canonical values by column.
        operation: What is to be done with them.
        path: The file, to be named.

    Raises:
        InvalidInput: If rows that differ in the file are alike then; with all of them, once all are read.
    """
    repeats = _Repeats(operation, values)
    for row in rows:
        whole = replace(row, values={**values, **row.values}) if values else row
        repeats.note(whole)
        if not repeats.problems:
            yield whole
    if repeats.problems:
        raise InvalidInput(str(path), [problem.sentence() for problem in repeats.problems])


class _Repeats:
    """The rows that are alike in a unique group of columns of which one is filled."""

    def __init__(self, operation: Operation, values: Mapping[str, Value]) -> None:
        # The check of the file has found those that are alike in what it holds itself.
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
