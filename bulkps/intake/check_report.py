"""The report of a file's check, which a run is built on."""

import csv
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from bulkps.atomic_file import Output, whole_file
from bulkps.errors import UsageProblem
from bulkps.exchange.calls_and_outcomes import Value
from bulkps.intake.formula_escape import formula_safe
from bulkps.intake.problem import Problem
from bulkps.intake.problem_groups import ProblemGroups

#: How many problems a report holds; the rest are counted, and written where a problems file is asked for.
SHOWN = 50
#: How many warnings are shown, so that they are all read.
SHOWN_WARNINGS = 10


@dataclass(frozen=True)
class InputRow:
    """A valid row.

    Attributes:
        row: The line on which it starts, as an editor counts.
        cells: All its cells as they were in the file; in a results file of an earlier run, as they were
            before they were made formula-safe.
        values: Canonical values by the operation's column; only those that are given.
    """

    row: int
    cells: tuple[str, ...]
    values: dict[str, Value]


@dataclass(frozen=True)
class CheckReport:
    """The result of checking a file.

    Attributes:
        path: The file.
        operation: The operation's name.
        rows: How many rows it has; empty ones do not count.
        problem_count: How many problems there are.
        problems: The first of them, in the order of the file.
        notes: Information for the user about what is not wrong.
        encoding: Python's name of the file's encoding.
        delimiter: The character between its cells.
        header: Its headers, under the same rule as InputRow.cells.
        carried: Indexes of the input's own columns, which are copied to the results unchanged.
        digest: SHA-256 of the file's bytes, in hexadecimal digits.
        warning_count: How many cells are valid but probably mean something else.
        warnings: The first of them; ``expected`` says what may be meant.
        groups: All problems, grouped.
        warning_groups: All warnings, grouped.
    """

    path: Path
    operation: str
    rows: int
    problem_count: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    carried: tuple[int, ...]
    digest: str
    warning_count: int = 0
    warnings: tuple[Problem, ...] = ()
    groups: ProblemGroups = field(default_factory=ProblemGroups)
    warning_groups: ProblemGroups = field(default_factory=ProblemGroups)

    @property
    def sound(self) -> bool:
        """Whether every row may be sent."""
        return self.problem_count == 0

    def sentences(self) -> list[str]:
        """Return the first problems as messages, and how many more there are."""
        told = [problem.sentence() for problem in self.problems]
        more = self.problem_count - len(told)
        return [*told, f"and {more} more"] if more else told

    def remarks(self) -> list[str]:
        """Return the notes and the warnings as messages, similar ones in one."""
        warnings = self.warning_groups.sentences(SHOWN_WARNINGS)
        return [*(f"note: {note}" for note in self.notes), *(f"warning: {one}" for one in warnings)]


class Findings:
    """Collects problems: counts all, keeps the first, and writes all to a file if there is one.

    Attributes:
        count: How many there were.
        groups: All of them, grouped.
    """

    def __init__(self, output: Output | None) -> None:
        self.count = 0
        self.groups = ProblemGroups()
        self._output = output
        self._stack = ExitStack()
        self._kept: list[Problem] = []
        self._late: list[Problem] = []
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        if self._output is not None:
            # A cell may hold half a surrogate pair: that is one of the problems, not a reason to fail here.
            file = whole_file(self._output, encoding="utf-8-sig", newline="", errors="backslashreplace")
            try:
                self._file = self._stack.enter_context(file)
            except OSError as error:
                raise self._unwritable(error) from error
            self._write(("row", "column", "found", "expected"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._stack.__exit__(kind, error, trace)
        except OSError as closing:
            raise self._unwritable(closing) from closing

    def add(self, problem: Problem, *, late: bool = False) -> None:
        """Add *problem*; *late* if it comes from the second round, after all rows were checked once."""
        self.count += 1
        self.groups.add(problem)
        kept = self._late if late else self._kept
        if len(kept) < SHOWN:
            kept.append(problem)
        row = "" if problem.row is None else str(problem.row)
        self._write((row, problem.column, problem.found, problem.expected))

    def first(self) -> tuple[Problem, ...]:
        """Return the first problems in the order of the file."""
        # Each round is in the file's order, so the first of both rounds are among the first of each.
        return tuple(sorted((*self._kept, *self._late), key=lambda problem: problem.row or 0)[:SHOWN])

    def _write(self, cells: tuple[str, ...]) -> None:
        if self._file is None:
            return
        try:
            csv.writer(self._file, quoting=csv.QUOTE_ALL).writerow([formula_safe(cell) for cell in cells])
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> UsageProblem:
        path = self._output.path if self._output else ""
        return UsageProblem(f"cannot write the problems to {path}: {error.strerror or error}")
